internal import Cryptography

/// A configuration profile with one account, for macOS, iOS and iPadOS (`com.apple.mail.managed`).
///
/// The password is not in it: the device asks for it. Who installs the profile of an address again replaces the one from
/// before, for its identifiers are made from the address, whatever its case. A name is not in it: it would be shown as the
/// sender's, and nobody has said it.
enum AppleProfile {
  /// - Returns: nil without a server to read mail from; Apple's programs have no account without one.
  static func document(_ service: MailService, for address: AccountAddress) -> String? {
    guard let (type, incoming) = service.incoming.first, let outgoing = service.submission.first else { return nil }
    let identifier = "email.postrider.\(address.domain).\(UUIDText.from("identifier \(address.text.lowercased())"))"
    var writer = XMLWriter(
      declaration: """
        <!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">

        """)
    writer.element("plist", attributes: [("version", "1.0")]) { plist in
      plist.element("dict") { profile in
        profile.element("key", "PayloadContent")
        profile.element("array") { content in
          content.element("dict") { account in
            account.pair("EmailAccountDescription", service.name)
            account.pair("EmailAccountType", type == .imap ? "EmailTypeIMAP" : "EmailTypePOP")
            account.pair("EmailAddress", address.text)
            server("Incoming", incoming, address, &account)
            server("Outgoing", outgoing, address, &account)
            account.pair("OutgoingPasswordSameAsIncomingPassword", true)
            payload("com.apple.mail.managed", "\(identifier).account", service, address, &account)
          }
        }
        profile.pair("PayloadOrganization", service.name)
        profile.pair("PayloadRemovalDisallowed", false)
        payload("Configuration", identifier, service, address, &profile)
      }
    }
    return writer.text
  }

  private static func server(
    _ direction: String, _ endpoint: MailEndpoint, _ address: AccountAddress, _ account: inout XMLWriter
  ) {
    account.pair("\(direction)MailServerAuthentication", "EmailAuthPassword")
    account.pair("\(direction)MailServerHostName", endpoint.host)
    account.pair("\(direction)MailServerPortNumber", endpoint.port)
    // On port 587 the same switch means STARTTLS.
    account.pair("\(direction)MailServerUseSSL", true)
    account.pair("\(direction)MailServerUsername", address.text)
  }

  private static func payload(
    _ type: String, _ identifier: String, _ service: MailService, _ address: AccountAddress,
    _ dictionary: inout XMLWriter
  ) {
    dictionary.pair("PayloadDescription", "Sends and reads mail as \(address.text).")
    dictionary.pair("PayloadDisplayName", "\(service.name): \(address.text)")
    dictionary.pair("PayloadIdentifier", identifier)
    dictionary.pair("PayloadType", type)
    dictionary.pair("PayloadUUID", UUIDText.from("\(type) \(address.text.lowercased())"))
    dictionary.pair("PayloadVersion", 1)
  }
}

extension XMLWriter {
  fileprivate mutating func pair(_ key: String, _ value: String) {
    element("key", key)
    element("string", value)
  }

  fileprivate mutating func pair(_ key: String, _ value: Int) {
    element("key", key)
    element("integer", "\(value)")
  }

  fileprivate mutating func pair(_ key: String, _ value: Bool) {
    element("key", key)
    empty(value ? "true" : "false")
  }
}

enum UUIDText {
  /// The same for the same text: version 8 (RFC 9562 §5.8), from its SHA-256.
  static func from(_ text: String) -> String {
    var octets = Array(SHA256.digest(Array(text.utf8)).prefix(16))
    octets[6] = octets[6] & 0x0F | 0x80
    octets[8] = octets[8] & 0x3F | 0x80
    let digits = octets.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }
    return [0..<4, 4..<6, 6..<8, 8..<10, 10..<16].map { digits[$0].joined() }.joined(separator: "-").uppercased()
  }
}
