package import Cryptography

/// A key with the names under which verifiers find its other half.
package struct DomainKey: Sendable {
  /// The signing domain (`d=`), in A-labels.
  package let domain: String
  package let selector: String
  package let key: SigningKey

  /// - Throws: `.malformed` for a key that verifiers need not take: RSA below 2048 or above 4096 bits (RFC 8301 §3.2).
  package init(domain: String, selector: String, key: SigningKey) throws(CryptographyFailure) {
    guard key.algorithm == .ed25519 || (2048...4096).contains(key.bits) else {
      throw CryptographyFailure(.malformed, "the RSA key has \(key.bits) bits; 2048 to 4096 are what verifiers take")
    }
    self.domain = domain
    self.selector = selector
    self.key = key
  }

  /// The value of `a=`.
  package var algorithm: String { key.algorithm == .rsa ? "rsa-sha256" : "ed25519-sha256" }

  package var record: KeyRecord {
    KeyRecord(domain: domain, selector: selector, algorithm: key.algorithm, publicKey: key.publicBytes)
  }

  /// Whether `text` can be a selector: labels of letters, digits and hyphens, in lower case (RFC 6376 §3.1).
  package static func isSelector(_ text: String) -> Bool {
    text.utf8.count <= 63
      && text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
        !label.isEmpty && label.first != "-" && label.last != "-"
          && label.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D }
      }
  }
}

/// What is published about a key (RFC 6376 §3.6.1, RFC 8463 §4).
package struct KeyRecord: Sendable, Hashable {
  /// Where, without a dot at the end.
  package let name: String
  /// The text of the TXT record.
  package let text: String

  /// - Parameter publicKey: as `SigningKey.publicBytes` has it.
  package init(domain: String, selector: String, algorithm: SigningKey.Algorithm, publicKey: [UInt8]) {
    name = "\(selector)._domainkey.\(domain)"
    text = "v=DKIM1; k=\(algorithm == .rsa ? "rsa" : "ed25519"); p=\(base64(publicKey))"
  }

  /// The text in strings of at most 255 octets, as DNS carries it (RFC 1035 §3.3); readers put them together again.
  package var strings: [String] {
    let octets = Array(text.utf8)
    return stride(from: 0, to: octets.count, by: 255).map {
      String(decoding: octets[$0..<min($0 + 255, octets.count)], as: UTF8.self)
    }
  }

  /// A line of a zone file.
  package var zoneLine: String { "\(name). IN TXT ( \(strings.map { "\"\($0)\"" }.joined(separator: " ")) )" }
}
