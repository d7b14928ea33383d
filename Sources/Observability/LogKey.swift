/// The names of all fields that a log line may carry. In a text line they stand in this order.
package enum LogKey: String, CaseIterable, Sendable {
  // What it is about.
  case messageID = "id"
  case session
  case tenant
  case credential
  case recipient
  case sender
  case domain
  case lane
  case attempt
  // Who is at the other end.
  case clientAddress = "client"
  case host
  case address
  case port
  case tls
  case tlsCipher = "cipher"
  case tlsVerified = "verified"
  case helo
  // What happened.
  /// What somebody must see to, by a name that does not change.
  case alarm
  case outcome
  case stage
  case reply
  case explanation
  /// Seconds.
  case retryIn = "retry_in_s"
  case reason
  /// What content scanners found.
  case scan
  case error
  // How much, how long.
  case size
  case recipients
  case count
  /// Milliseconds.
  case duration = "ms"
  /// Milliseconds.
  case delay = "delay_ms"
  // Where in the node.
  case role
  case node
  case pid
  case worker
  case component
  case operation
  case file
  case setting
  case version
  case dropped

  /// Where a key stands in a line.
  static let places = Dictionary(uniqueKeysWithValues: allCases.enumerated().map { ($1, $0) })

  /// The same by name.
  static let order: [String: Int] = Dictionary(
    uniqueKeysWithValues: allCases.enumerated().map { ($1.rawValue, $0) })
}
