/// What a client demands of the peer's certificate.
package enum TLSVerification: Sendable, Hashable {
  /// Opportunistic (RFC 7435): any certificate will do; whether it would verify is told.
  case none
  /// The handshake fails unless the chain ends at a trusted authority and the certificate has the name.
  case required
}

/// A user inbound event: from here on plaintext flows.
package struct TLSHandshakeCompleted: Sendable, Hashable {
  /// As OpenSSL writes it: `TLSv1.3`.
  package let version: String
  /// OpenSSL's name, for example `TLS_AES_256_GCM_SHA384`.
  package let cipher: String
  /// Why the peer's certificate does not verify; nil when it does.
  package let unverifiedReason: String?
  /// What the client sent as SNI. On a server it is text from outside.
  package let serverName: String?
  /// The session was resumed from a ticket.
  package let resumed: Bool

  /// Whether the peer's certificate verifies: chain and name. Always false on a server.
  package var verified: Bool { unverifiedReason == nil }
}
