import COpenSSL
import NIOCore

/// One connection's TLS, without I/O: records in, records out, plaintext in, plaintext out.
///
/// Owner of the `SSL` object. After each call `takeOutgoing` may have something for the peer: an answer to
/// what was read, an alert, a ticket.
final class TLSSession {
  /// A record carries at most this much (RFC 8446 §5.1).
  static let recordSizeMax = 16_384

  let ssl: OpaquePointer
  /// The `SSL` object keeps its `SSL_CTX` alive, but not what that one calls for tickets.
  private let handle: TLSContext.Handle
  private let transport = RecordTransport()
  private let isServer: Bool
  private let hasName: Bool

  init(server context: TLSContext) throws(TLSFailure) {
    handle = context.handle
    ssl = try Self.make(handle, transport)
    isServer = true
    hasName = false
    SSL_set_accept_state(ssl)
  }

  init(client context: TLSContext, serverName: String?, verification: TLSVerification) throws(TLSFailure) {
    guard verification == .none || serverName != nil else {
      throw TLSFailure(.verification, "there is no name to verify the certificate against")
    }
    handle = context.handle
    ssl = try Self.make(handle, transport)
    isServer = false
    hasName = serverName != nil
    SSL_set_connect_state(ssl)
    try apply(verification)
    if let serverName { try expect(serverName) }
  }

  deinit { SSL_free(ssl) }

  private static func make(
    _ context: TLSContext.Handle, _ transport: RecordTransport
  ) throws(TLSFailure) -> OpaquePointer {
    ERR_clear_error()
    guard let ssl = SSL_new(context.pointer) else {
      throw .fromErrorQueue(.configuration, "cannot begin TLS")
    }
    guard let bio = transport.makeBIO() else {
      SSL_free(ssl)
      throw .fromErrorQueue(.configuration, "cannot begin TLS")
    }
    SSL_set_bio(ssl, bio, bio)
    return ssl
  }

  private func apply(_ verification: TLSVerification) throws(TLSFailure) {
    switch verification {
    case .none:
      // The chain is verified in this mode too, only the handshake goes on; the result is there to be told.
      // Encryption with a peer's weak key is better than none (RFC 7435 §3), so what OpenSSL's level 2
      // refuses is taken, while `verified` keeps level 2's meaning.
      SSL_set_verify(ssl, SSL_VERIFY_NONE, nil)
      SSL_set_security_level(ssl, 1)
      X509_VERIFY_PARAM_set_auth_level(SSL_get0_param(ssl), 2)
    case .required:
      SSL_set_verify(ssl, SSL_VERIFY_PEER, nil)
    }
  }

  /// Names the peer: for the check of its certificate, and in the ClientHello unless it is an address,
  /// which has no place there (RFC 6066 §3).
  private func expect(_ serverName: String) throws(TLSFailure) {
    let parameters = SSL_get0_param(ssl)
    if X509_VERIFY_PARAM_set1_ip_asc(parameters, serverName) == 1 { return }
    let name = serverName.hasSuffix(".") ? String(serverName.dropLast()) : serverName
    X509_VERIFY_PARAM_set_hostflags(parameters, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
    ERR_clear_error()
    guard !name.isEmpty, !name.utf8.contains(0), X509_VERIFY_PARAM_set1_host(parameters, name, 0) == 1,
      shim_SSL_set_host_name(ssl, name) == 1
    else { throw .fromErrorQueue(.handshake, "not a name for TLS") }
  }
}

extension TLSSession {
  enum HandshakeProgress {
    case complete
    case needsMore
    case failed(TLSFailure)
  }

  enum ReadResult {
    case bytes
    case needsMore
    /// The peer's close_notify.
    case closed
    case failed(TLSFailure)
  }

  /// Hands over what the peer sent.
  func receive(_ records: ByteBuffer) { transport.receive(records) }

  /// What has to go to the peer, nil if nothing.
  func takeOutgoing() -> ByteBuffer? { transport.takeOutgoing() }
  var outgoingCount: Int { transport.outgoingCount }

  func handshake() -> HandshakeProgress {
    ERR_clear_error()
    let result = SSL_do_handshake(ssl)
    if result == 1 { return .complete }
    if SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ { return .needsMore }
    let verification = SSL_get_verify_result(ssl)
    if !isServer, verification != X509_V_OK, SSL_get_verify_mode(ssl) == SSL_VERIFY_PEER {
      ERR_clear_error()
      return .failed(TLSFailure(.verification, "certificate verify failed: \(Self.text(ofVerification: verification))"))
    }
    return .failed(.fromErrorQueue(.handshake, "TLS handshake failed"))
  }

  /// Appends plaintext to the buffer; call until it is not `.bytes`.
  func read(into buffer: inout ByteBuffer) -> ReadResult {
    ERR_clear_error()
    var count = 0
    var result: Int32 = 0
    let room = max(Int(SSL_pending(ssl)), min(transport.incomingCount, Self.recordSizeMax), 512)
    buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { target in
      result = SSL_read_ex(ssl, target.baseAddress, target.count, &count)
      return result == 1 ? count : 0
    }
    if result == 1 { return .bytes }
    switch SSL_get_error(ssl, result) {
    case SSL_ERROR_WANT_READ: return .needsMore
    case SSL_ERROR_ZERO_RETURN: return .closed
    default: return .failed(.fromErrorQueue(.connection, "TLS failed"))
    }
  }

  /// Encrypts up to `limit` bytes from the front of the buffer and takes them off it.
  func write(from buffer: inout ByteBuffer, limit: Int) -> TLSFailure? {
    var left = min(limit, buffer.readableBytes)
    while left > 0 {
      ERR_clear_error()
      var written = 0
      let result = buffer.withUnsafeReadableBytes { source in
        SSL_write_ex(ssl, source.baseAddress, min(left, Self.recordSizeMax), &written)
      }
      guard result == 1 else { return .fromErrorQueue(.connection, "TLS failed") }
      buffer.moveReaderIndex(forwardBy: written)
      left -= written
    }
    return nil
  }

  /// Makes our close_notify. Only after a complete handshake and before a failure.
  func shutdown() {
    ERR_clear_error()
    SSL_shutdown(ssl)
  }

  /// What the handshake agreed on; only after it.
  var facts: TLSHandshakeCompleted {
    let verification = SSL_get_verify_result(ssl)
    let unverified: String? =
      if isServer {
        "no certificate was asked for"
      } else if !hasName {
        "there is no name to verify the certificate against"
      } else if verification != X509_V_OK {
        Self.text(ofVerification: verification)
      } else {
        nil
      }
    return TLSHandshakeCompleted(
      version: String(cString: SSL_get_version(ssl)),
      cipher: SSL_CIPHER_get_name(SSL_get_current_cipher(ssl)).map { String(cString: $0) } ?? "unknown",
      unverifiedReason: unverified,
      serverName: SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name).map { String(cString: $0) },
      resumed: SSL_session_reused(ssl) == 1)
  }

  static func text(ofVerification result: Int) -> String {
    X509_verify_cert_error_string(result).map { String(cString: $0) } ?? "error \(result)"
  }
}
