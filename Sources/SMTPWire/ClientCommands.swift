internal import MailModel

/// The commands of a client, as bytes with CRLF.
package enum ClientCommands {
  package static func command(_ text: String) -> [UInt8] { Array(text.utf8) + [13, 10] }

  /// MAIL with the parameters that this server understands.
  static func mail(_ transaction: ClientTransaction, _ capabilities: ClientCapabilities) -> [UInt8] {
    var text = "MAIL FROM:<\(transaction.reversePath?.description ?? "")>"
    if capabilities.size { text += " SIZE=\(transaction.size)" }
    if capabilities.eightBitMIME, transaction.eightBit { text += " BODY=8BITMIME" }
    if capabilities.smtpUTF8, transaction.smtpUTF8 { text += " SMTPUTF8" }
    if capabilities.dsn {
      if let returned = transaction.returned { text += " RET=\(returned.keyword)" }
      if let id = transaction.envelopeID { text += " ENVID=\(xtext(id))" }
    }
    return command(text)
  }

  /// RCPT with its DSN wishes.
  static func recipient(_ recipient: Recipient, _ capabilities: ClientCapabilities) -> [UInt8] {
    var text = "RCPT TO:<\(recipient.address)>"
    if capabilities.dsn {
      if let notify = recipient.notify?.said { text += " NOTIFY=\(notify.keyword)" }
      if let original = recipient.originalRecipient { text += " ORCPT=\(original)" }
    }
    return command(text)
  }

  /// RFC 3461 §4: everything outside `!`...`~`, and `+` and `=`, as `+XX`.
  package static func xtext(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var result: [UInt8] = []
    for byte in text.utf8 {
      if (33...126).contains(byte), byte != UInt8(ascii: "+"), byte != UInt8(ascii: "=") {
        result.append(byte)
      } else {
        result += [UInt8(ascii: "+"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// Whether a text may stand in a command line: no control character, and so no second command.
  package static func isSafe(_ text: String) -> Bool { text.utf8.allSatisfy { $0 >= 32 && $0 != 127 } }

  package static func base64(_ bytes: [UInt8]) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var result: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      let word = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
      for index in 0..<4 {
        result.append(index <= group.count ? alphabet[word >> (18 - 6 * index) & 63] : UInt8(ascii: "="))
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}
