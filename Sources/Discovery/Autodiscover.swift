/// The answer to Outlook: servers for IMAP, POP3 and SMTP ([MS-OXDSCLI] §2.2.4.1.1).
enum Autodiscover {
  private static let outer = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"

  static func document(_ service: MailService, for address: AccountAddress) -> String {
    answer(AutodiscoverRequest.answerNamespace) { response in
      response.element("Account") { account in
        account.element("AccountType", "email")
        account.element("Action", "settings")
        for (type, endpoint) in service.incoming {
          server(type == .imap ? "IMAP" : "POP3", endpoint, address, &account)
        }
        for endpoint in service.submission { server("SMTP", endpoint, address, &account) }
      }
    }
  }

  static func document(_ error: AutodiscoverError) -> String {
    answer(outer) { response in
      response.element("Error", attributes: [("Time", "00:00:00.0000000"), ("Id", "0")]) { body in
        body.element("ErrorCode", "\(error.rawValue)")
        body.element("Message", error.message)
        body.empty("DebugData")
      }
    }
  }

  /// The second form, JSON: where the first one is found. Names are checked, so that nothing needs to be escaped.
  static func location(host: String) -> String {
    #"{"Protocol":"AutodiscoverV1","Url":"https://\#(host)/autodiscover/autodiscover.xml"}"#
  }

  static let unknownProtocol = #"{"ErrorCode":"InvalidProtocol","ErrorMessage":"Only AutodiscoverV1 is here."}"#
  static let invalidAddress = #"{"ErrorCode":"InvalidParameter","ErrorMessage":"There is no e-mail address."}"#

  private static func answer(_ namespace: String, _ body: (inout XMLWriter) -> Void) -> String {
    var writer = XMLWriter()
    writer.element("Autodiscover", attributes: [("xmlns", outer)]) {
      $0.element("Response", attributes: [("xmlns", namespace)], body)
    }
    return writer.text
  }

  private static func server(
    _ type: String, _ endpoint: MailEndpoint, _ address: AccountAddress, _ account: inout XMLWriter
  ) {
    account.element("Protocol") { server in
      server.element("Type", type)
      server.element("Server", endpoint.host)
      server.element("Port", "\(endpoint.port)")
      server.element("LoginName", address.text)
      server.element("DomainRequired", "off")
      server.element("SPA", "off")
      server.element("SSL", "on")
      // Outlook means STARTTLS by TLS.
      server.element("Encryption", endpoint.security == .implicitTLS ? "SSL" : "TLS")
      server.element("AuthRequired", "on")
      if type == "SMTP" {
        server.element("UsePOPAuth", "off")
        server.element("SMTPLast", "off")
      }
    }
  }
}
