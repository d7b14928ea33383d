import COpenSSL

extension TLSSession {
  /// What the other side showed; only after the handshake of a client that expects a name.
  var peer: TLSPeer {
    var chain: [[UInt8]] = []
    if let certificates = SSL_get_peer_cert_chain(ssl) {
      for index in 0..<OPENSSL_sk_num(certificates) {
        if let certificate = OPENSSL_sk_value(certificates, index) {
          chain.append(Self.encoded(OpaquePointer(certificate)))
        }
      }
    }
    return TLSPeer(chain: chain, fault: Self.fault(SSL_get_verify_result(ssl)))
  }

  private static func encoded(_ certificate: OpaquePointer) -> [UInt8] {
    let size = max(0, Int(i2d_X509(certificate, nil)))
    return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      var position = buffer.baseAddress
      count = size == 0 ? 0 : max(0, Int(i2d_X509(certificate, &position)))
    }
  }

  private static func fault(_ result: Int) -> TLSPeer.Fault? {
    switch Int32(truncatingIfNeeded: result) {
    case X509_V_OK: nil
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: .selfSigned
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, X509_V_ERR_CERT_UNTRUSTED: .untrustedAuthority
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
      X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      .unknownIssuer
    case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH: .name
    case X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED: .date
    case X509_V_ERR_EE_KEY_TOO_SMALL, X509_V_ERR_CA_KEY_TOO_SMALL, X509_V_ERR_CA_MD_TOO_WEAK: .weak
    default: .other(text(ofVerification: result))
    }
  }
}
