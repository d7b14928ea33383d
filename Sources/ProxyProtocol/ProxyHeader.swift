// What a load balancer says about a connection before the connection itself begins: HAProxy's PROXY protocol,
// versions 1 (a line of text) and 2 (binary), https://www.haproxy.org/download/2.6/doc/proxy-protocol.txt.
//
// Whoever may speak it decides what address the node takes a client for. So it is read only from named peers, and
// then it must come: a peer that could leave it out would be taken for its client.

/// What a PROXY header says.
package struct ProxyHeader: Sendable, Hashable {
  /// Who is at the other end of the load balancer.
  package enum Client: Sendable, Hashable {
    /// Four or sixteen bytes in network order. IPv4 inside IPv6 (RFC 4291 §2.5.5.2) comes as IPv4.
    case address([UInt8], port: UInt16)
    /// The load balancer itself, for a health check: the peer's own address counts.
    case local
    /// The load balancer does not know, or it is no TCP over IP.
    case unknown
  }

  package let client: Client
  /// How many bytes the header takes.
  package let length: Int

  /// The longest line of version 1, with its CRLF (§2.1).
  package static let lineLengthMax = 107
  /// The longest binary header that is read. Addresses take up to 232 bytes (§2.2); the rest is for TLVs.
  package static let binaryLengthMax = 4096

  /// Reads the header at the beginning of a connection.
  /// - Parameter bytes: everything that has come so far; more may follow the header.
  /// - Returns: nil while bytes are missing and those at hand are the beginning of a header within the limits.
  /// - Throws: as soon as they cannot be one.
  package static func parse(_ bytes: UnsafeRawBufferPointer) throws(ProxyHeaderFault) -> ProxyHeader? {
    guard let first = bytes.first else { return nil }
    return first == UInt8(ascii: "P") ? try parseLine(bytes) : try parseBinary(bytes)
  }

  /// Refuses what differs from the known beginning at the first byte that does.
  /// - Returns: whether all of the beginning is there.
  static func begins(_ bytes: UnsafeRawBufferPointer, with beginning: [UInt8]) throws(ProxyHeaderFault) -> Bool {
    guard zip(bytes, beginning).allSatisfy({ $0 == $1 }) else { throw .noHeader }
    return bytes.count >= beginning.count
  }

  /// The client at an address.
  static func client(_ bytes: [UInt8], port: UInt16) -> Client {
    let isMapped = bytes.count == 16 && bytes.prefix(10).allSatisfy { $0 == 0 } && bytes[10] == 255 && bytes[11] == 255
    return .address(isMapped ? Array(bytes.suffix(4)) : bytes, port: port)
  }
}

/// Why bytes are no PROXY header.
package enum ProxyHeaderFault: Error, Sendable, Hashable {
  /// They begin like something else.
  case noHeader
  case tooLong
  case malformed(String)
}

extension ProxyHeaderFault: CustomStringConvertible {
  package var description: String {
    switch self {
    case .noHeader: "the connection does not begin with a PROXY header"
    case .tooLong: "the PROXY header is too long"
    case .malformed(let what): "the PROXY header is malformed: \(what)"
    }
  }
}
