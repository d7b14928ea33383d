package import MailModel

/// Everything that our `Received` field says (RFC 5321 §4.4).
package struct ReceivedFacts: Sendable {
  /// What the client called itself in EHLO or HELO.
  package var helo: String
  /// The client's address; nil keeps it secret, and then an address in `helo` is left out too.
  package var clientAddress: String?
  package var nodeName: String
  /// `ESMTPSA`, `UTF8SMTPSA` … (RFC 3848, RFC 6531 §3.7.3).
  package var protocolName: String
  package var queueID: QueueID
  package var sessionID: String
  package var tlsVersion: String?
  package var tlsCipher: String?
  /// Seconds since 1970.
  package var date: Int64
  /// Only when there is exactly one recipient: several would tell each of the others (RFC 5321 §7.6).
  package var forRecipient: String?

  package init(
    helo: String, clientAddress: String?, nodeName: String, protocolName: String, queueID: QueueID, sessionID: String,
    tlsVersion: String?, tlsCipher: String?, date: Int64, forRecipient: String?
  ) {
    self.helo = helo
    self.clientAddress = clientAddress
    self.nodeName = nodeName
    self.protocolName = protocolName
    self.queueID = queueID
    self.sessionID = sessionID
    self.tlsVersion = tlsVersion
    self.tlsCipher = tlsCipher
    self.date = date
    self.forRecipient = forRecipient
  }

  /// The whole field with its last CRLF.
  package var field: String {
    var lines = ["from " + fromDomain, "by " + Self.token(nodeName) + " with " + Self.token(protocolName)]
    if let tlsVersion {
      lines[1] += " (" + [tlsVersion, tlsCipher].compactMap { $0.map(Self.token) }.joined(separator: " ") + ")"
    }
    lines.append("id \(queueID) (session " + Self.token(sessionID) + ")")
    if let forRecipient = usableRecipient { lines.append("for <" + forRecipient + ">") }
    lines[lines.count - 1] += ";"
    lines.append(MailDate.text(date))
    return "Received: " + lines.joined(separator: "\r\n\t") + "\r\n"
  }

  /// `Extended-Domain`: the name, and the address literal unless it is to stay secret.
  private var fromDomain: String {
    guard let clientAddress else {
      let looksLikeAddress = helo.utf8.contains { $0 == 0x5B || $0 == 0x3A } || helo.utf8.last.map(Self.isDigit) == true
      return looksLikeAddress ? "unknown" : Self.token(helo)
    }
    let literal = clientAddress.utf8.contains(0x3A) ? "IPv6:" + clientAddress : clientAddress
    return Self.token(helo) + " ([" + Self.token(literal) + "])"
  }

  private var usableRecipient: String? {
    guard let forRecipient, forRecipient.utf8.count <= 512 else { return nil }
    let takesUTF8 = protocolName.hasPrefix("UTF8")
    let isClean = forRecipient.utf8.allSatisfy { (0x20..<0x7F).contains($0) || (takesUTF8 && $0 >= 0x80) }
    return isClean ? forRecipient : nil
  }

  /// Keeps what domains, literals and cipher names are made of, so that no value can end a comment or the field.
  private static func token(_ text: String) -> String {
    guard !text.isEmpty else { return "unknown" }
    return String(
      decoding: text.utf8.prefix(255).map { byte in
        isDigit(byte) || (0x41...0x5A).contains(byte & 0xDF) && byte < 0x80 || "-._:[]".utf8.contains(byte)
          ? byte : UInt8(ascii: "?")
      }, as: UTF8.self)
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}
