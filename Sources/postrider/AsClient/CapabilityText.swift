internal import SMTPWire

/// What a server offers, in the words of a person.
enum CapabilityText {
  static func text(_ capabilities: ClientCapabilities) -> String {
    var parts = ["logins: \(capabilities.mechanisms.sorted().joined(separator: ", "))"]
    if capabilities.mechanisms.isEmpty { parts = ["no logins"] }
    if let size = capabilities.sizeMax { parts.append("messages up to \(bytes(size))") }
    if let recipients = capabilities.recipientsMax { parts.append("\(recipients) recipients at once") }
    return parts.joined(separator: "; ")
  }

  static func bytes(_ count: Int) -> String {
    count >= 1 << 20 ? "\(count >> 20) MB (\(count) bytes)" : "\(count) bytes"
  }
}
