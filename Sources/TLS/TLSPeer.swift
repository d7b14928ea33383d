/// What the other side of a handshake showed of itself.
package struct TLSPeer: Sendable, Hashable {
  /// What is wrong with its certificates, as far as OpenSSL looked: it stops at the first fault.
  package enum Fault: Sendable, Hashable {
    /// The certificate is nobody's but its own.
    case selfSigned
    /// It leads to an authority that is not trusted here.
    case untrustedAuthority
    /// No authority was found that has signed it: one in between was not sent, or nobody knows it.
    case unknownIssuer
    /// It is good, and of somebody else.
    case name
    /// One of the chain is not valid yet, or no longer.
    case date
    /// A key or a signature is too weak to be believed.
    case weak
    case other(String)
  }

  /// The certificates as they were sent, DER, its own first.
  package let chain: [[UInt8]]
  /// nil: chain and name are in order.
  package let fault: Fault?
}
