package import MailModel

/// What a command line begins with (RFC 5321 §4.1, RFC 3207, RFC 4954, RFC 3030).
package enum Verb: String, Sendable, Hashable, CaseIterable {
  case ehlo = "EHLO"
  case helo = "HELO"
  case startTLS = "STARTTLS"
  case auth = "AUTH"
  case mail = "MAIL"
  case rcpt = "RCPT"
  case data = "DATA"
  case bdat = "BDAT"
  case rset = "RSET"
  case noop = "NOOP"
  case quit = "QUIT"
  case vrfy = "VRFY"
  case expn = "EXPN"
  case help = "HELP"
}

/// A command that is well formed.
package enum Command: Sendable, Hashable {
  case ehlo(String)
  case helo(String)
  case startTLS
  /// The mechanism's name in upper case; `=` as the initial response is the empty one (RFC 4954 §4).
  case auth(mechanism: String, initialResponse: [UInt8]?)
  case mail(MailCommand)
  case rcpt(Recipient)
  case data
  case bdat(size: Int, last: Bool)
  case rset, noop, quit, vrfy, expn, help
}

/// `MAIL FROM` with its parameters.
package struct MailCommand: Sendable, Hashable {
  /// nil is the null reverse-path.
  package var reversePath: MailAddress?
  /// `SIZE` (RFC 1870).
  package var size: Int?
  package var body: BodyKind = .sevenBit
  package var smtpUTF8 = false
  package var returned: ReturnedContent?
  /// `ENVID`, decoded.
  package var envelopeID: String?

  package init(reversePath: MailAddress?) { self.reversePath = reversePath }
}

/// A command that is refused for its form: the reply that says so.
package struct CommandFault: Error, Sendable, Hashable {
  package let reply: Reply

  init(_ code: Int, _ enhanced: EnhancedStatus, _ text: String) {
    reply = Reply(code, enhanced, text)
  }

  /// 501 5.5.4: invalid arguments.
  static func arguments(_ text: String) -> CommandFault { CommandFault(501, .init(5, 5, 4), text) }
  /// 501 5.5.2: syntax.
  static func syntax(_ text: String) -> CommandFault { CommandFault(501, .init(5, 5, 2), text) }
}
