// How mail programs find out by themselves where to send and to read.
//
// Programs ask the domain of an address, over HTTP, in one of several forms: autoconfig (Thunderbird and others),
// autodiscover (Outlook), a profile (Apple). All of them are answered from the settings alone. No answer depends on
// whether an address, or a domain, is known here: there is nothing to find out by asking. `Answers` holds the
// forms and has no socket; `DiscoveryService` listens.

/// One server as a mail program must know it.
package struct MailEndpoint: Sendable, Hashable {
  package enum Security: Sendable, Hashable {
    /// TLS from the first byte (RFC 8314).
    case implicitTLS
    case startTLS
  }

  package var host: String
  package var port: Int
  package var security: Security

  package init(host: String, port: Int, security: Security) {
    self.host = host
    self.port = port
    self.security = security
  }
}

/// What people of a domain are told about their mail.
package struct MailService: Sendable, Hashable {
  /// What programs call the account's provider.
  package var name: String
  /// Where mail is sent, the best one first; at least one.
  package var submission: [MailEndpoint]
  package var imap: MailEndpoint?
  package var pop3: MailEndpoint?

  package init(name: String, submission: [MailEndpoint], imap: MailEndpoint? = nil, pop3: MailEndpoint? = nil) {
    self.name = name
    self.submission = submission
    self.imap = imap
    self.pop3 = pop3
  }
}

/// What is told to whom.
package struct MailServices: Sendable, Hashable {
  /// For every domain that has no entry of its own.
  package var standard: MailService
  /// By domain, in lower case and A-labels.
  package var byDomain: [String: MailService]
  /// The host name that answers with a certificate of its own; nil: only the domains' own names do.
  package var host: String?

  package init(standard: MailService, byDomain: [String: MailService] = [:], host: String? = nil) {
    self.standard = standard
    self.byDomain = byDomain
    self.host = host
  }

  package func service(of domain: String) -> MailService { byDomain[domain] ?? standard }
}
