import Cryptography
import Foundation
import Supervision

/// Passwords that nobody chose, made at the first start.
struct DevSecrets: Codable, Sendable {
  var database: String
  var redis: String
  var submission: String
  /// Of the role that Dovecot asks as; nil: it has never been wanted.
  var mailboxes: String?

  /// - Parameter withMailboxes: whether one for Dovecot is needed too.
  static func load(_ layout: DevLayout, withMailboxes: Bool) throws -> DevSecrets {
    var secrets = try loadOrMake(layout)
    if withMailboxes, secrets.mailboxes == nil {
      secrets.mailboxes = fresh()
      try secrets.write(layout)
    }
    return secrets
  }

  private static func loadOrMake(_ layout: DevLayout) throws -> DevSecrets {
    let path = layout.path(DevLayout.marker)
    if let data = FileManager.default.contents(atPath: path) {
      guard let secrets = try? JSONDecoder().decode(DevSecrets.self, from: data) else {
        throw DevFailure("\(path) is damaged; postrider dev reset begins anew")
      }
      return secrets
    }
    let secrets = DevSecrets(database: fresh(), redis: fresh(), submission: fresh())
    try secrets.write(layout)
    return secrets
  }

  private func write(_ layout: DevLayout) throws {
    let text = String(decoding: try JSONEncoder().encode(self), as: UTF8.self)
    try PrivateDirectory.write(text + "\n", to: layout.path(DevLayout.marker), owner: nil)
  }

  private static func fresh() -> String {
    Random.bytes(16).map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined()
  }
}
