/// The answer to Thunderbird, and to all that have learnt its form: K-9, Evolution, KMail, FairEmail and others.
///
/// <https://wiki.mozilla.org/Thunderbird:Autoconfiguration:ConfigFileFormat>, draft-ietf-mailmaint-autoconfig. The name to log in
/// with is a placeholder that the program fills in, so that one answer is right for everybody of a domain.
enum Autoconfig {
  static func document(_ service: MailService, domain: String) -> String {
    var writer = XMLWriter()
    writer.element("clientConfig", attributes: [("version", "1.1")]) { config in
      config.element("emailProvider", attributes: [("id", domain)]) { provider in
        provider.element("domain", domain)
        provider.element("displayName", service.name)
        provider.element("displayShortName", service.name)
        for (type, endpoint) in service.incoming {
          server("incomingServer", type: type.rawValue, endpoint, &provider)
        }
        for endpoint in service.submission { server("outgoingServer", type: "smtp", endpoint, &provider) }
      }
    }
    return writer.text
  }

  private static func server(
    _ element: String, type: String, _ endpoint: MailEndpoint, _ provider: inout XMLWriter
  ) {
    provider.element(element, attributes: [("type", type)]) { server in
      server.element("hostname", endpoint.host)
      server.element("port", "\(endpoint.port)")
      server.element("socketType", endpoint.security == .implicitTLS ? "SSL" : "STARTTLS")
      // Cleartext within TLS: there is nothing else.
      server.element("authentication", "password-cleartext")
      server.element("username", "%EMAILADDRESS%")
    }
  }
}

/// How mail is read.
enum ReadingProtocol: String {
  case imap
  case pop3
}

extension MailService {
  /// Where mail is read, the better one first.
  var incoming: [(ReadingProtocol, MailEndpoint)] {
    [imap.map { (.imap, $0) }, pop3.map { (.pop3, $0) }].compactMap(\.self)
  }
}
