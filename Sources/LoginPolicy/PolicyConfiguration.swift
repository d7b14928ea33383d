package import Cryptography
package import NIOCore

/// Where a mailbox server asks, and with which secret.
package struct PolicyConfiguration: Sendable {
  package struct Listener: Sendable, Hashable {
    /// An IP address.
    package var address: String
    package var port: Int

    package init(address: String, port: Int) {
      self.address = address
      self.port = port
    }
  }

  package var listeners: [Listener]
  /// What whoever asks must show; nil: nothing.
  package var key: PolicyKey?
  /// Each Dovecot makes up to a hundred.
  package var connectionsMax = 400
  /// For a request from its first octet to its answer.
  package var requestTimeout = TimeAmount.seconds(10)
  /// For the next request on the same connection.
  package var idleTimeout = TimeAmount.seconds(60)

  package init(listeners: [Listener], key: PolicyKey?) {
    self.listeners = listeners
    self.key = key
  }
}

/// The secret of the header field `X-API-Key`.
package struct PolicyKey: Sendable {
  private let octets: [UInt8]

  /// Reads the only line of a file that nobody else may read.
  /// - Throws: `.file` when it cannot be read or others can; `.malformed` unless it has 16 to 512 visible octets of ASCII.
  package static func load(file: String) throws(CryptographyFailure) -> PolicyKey {
    let octets = try SecretLine.read(file)
    guard (16...512).contains(octets.count), octets.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      throw CryptographyFailure(
        .malformed, "\(file) is not one line of 16 to 512 letters, digits and signs without blanks")
    }
    return PolicyKey(octets)
  }

  init(_ octets: [UInt8]) { self.octets = octets }

  func opens(_ shown: String) -> Bool { equalInConstantTime(Array(shown.utf8), octets) }
}

/// Why it could not begin.
package struct PolicyFailure: Error, Sendable, CustomStringConvertible {
  package let reason: String
  package var description: String { reason }
}
