import COpenSSL
import NIOConcurrencyHelpers

/// The lowest protocol version to accept. Older ones than 1.2 are gone for good (RFC 8996).
package enum TLSVersion: Sendable, Hashable {
  case v1_2
  case v1_3
}

/// What many connections share: certificate and key, trust, ticket keys, parameters.
///
/// It holds one OpenSSL `SSL_CTX` and can replace it while connections go on: each connection keeps the
/// one with which it began.
package final class TLSContext: Sendable {
  private let source: Source
  private let current: NIOLockedValueBox<Handle>
  private let tickets = TicketSealing()

  private init(_ source: Source) throws(TLSFailure) {
    self.source = source
    current = NIOLockedValueBox(try source.load(tickets))
  }

  /// A server's context.
  /// - Parameters:
  ///   - certificateFile: PEM; the server's certificate first, then its chain.
  ///   - keyFile: PEM, without pass phrase.
  ///   - others: certificates for clients that ask for a name (RFC 6066 §3) which the first one is not for.
  ///   - ticketLifetime: how long a session can be resumed. The client is told, and it is checked here.
  package static func server(
    certificateFile: String, keyFile: String, others: CertificateDirectory? = nil,
    minimumVersion: TLSVersion = .v1_2, ticketLifetime: Duration = .seconds(7200)
  ) throws(TLSFailure) -> TLSContext {
    try TLSContext(
      .server(
        ServerParameters(
          certificateFile: certificateFile, keyFile: keyFile, minimumVersion: minimumVersion,
          ticketLifetime: ticketLifetime), others))
  }

  /// A client's context.
  /// - Parameter trustedCertificatesFile: PEM with the authorities to trust instead of the system's.
  package static func client(trustedCertificatesFile: String?) throws(TLSFailure) -> TLSContext {
    try TLSContext(.client(trustedCertificatesFile: trustedCertificatesFile))
  }

  /// Reads the files again. New handshakes use what they hold now; connections that are open go on, and
  /// tickets stay good. If a file is missing or wrong, nothing changes and the reason is thrown.
  package func reload() throws(TLSFailure) {
    let fresh = try source.load(tickets)
    current.withLockedValue { $0 = fresh }
  }

  /// When the server's certificate stops being valid, in Unix seconds; nil for a client.
  package var certificateExpiry: Int64? {
    current.withLockedValue { $0.certificateExpiry }
  }

  /// Sets the keys of a server's session tickets, so that processes that share them resume each other's sessions.
  /// Without it each process makes a key of its own.
  /// - Parameter keys: the first one seals, all open. Nothing changes if there is none.
  package func useTicketKeys(_ keys: [TLSTicketKey]) {
    guard !keys.isEmpty else { return }
    tickets.keys.withLockedValue { $0 = keys }
  }

  /// The keys in use.
  package var ticketKeys: [TLSTicketKey] { tickets.keys.withLockedValue { $0 } }

  /// The context for one new connection.
  var handle: Handle { current.withLockedValue { $0 } }
}

extension TLSContext {
  fileprivate struct ServerParameters: Sendable {
    var certificateFile: String
    var keyFile: String
    let minimumVersion: TLSVersion
    let ticketLifetime: Duration
  }

  private enum Source: Sendable {
    case server(ServerParameters, CertificateDirectory?)
    case client(trustedCertificatesFile: String?)

    func load(_ tickets: TicketSealing) throws(TLSFailure) -> Handle {
      switch self {
      case .server(var parameters, let others):
        let handle = try Handle(TLS_server_method(), tickets)
        try handle.becomeServer(parameters)
        for pair in try others?.pairs() ?? [] {
          (parameters.certificateFile, parameters.keyFile) = (pair.certificate, pair.key)
          let other = try Handle(TLS_server_method(), tickets)
          try other.becomeServer(parameters)
          handle.others.append(other)
        }
        if !handle.others.isEmpty { handle.chooseByName() }
        return handle
      case .client(let file):
        let handle = try Handle(TLS_client_method(), tickets)
        try handle.trust(file: file)
        return handle
      }
    }
  }

  /// Owner of an `SSL_CTX`.
  ///
  /// `@unchecked Sendable`: it is set up before anyone else sees it, and from then on only `SSL_new`, which
  /// OpenSSL makes safe between threads, is used; the ticket keys have a lock of their own.
  final class Handle: @unchecked Sendable {
    let pointer: OpaquePointer
    /// With other certificates.
    fileprivate(set) var others: [Handle] = []
    private let tickets: TicketSealing

    init(_ method: OpaquePointer?, _ tickets: TicketSealing) throws(TLSFailure) {
      ERR_clear_error()
      guard let pointer = SSL_CTX_new(method) else {
        throw .fromErrorQueue(.configuration, "cannot make a TLS context")
      }
      self.pointer = pointer
      self.tickets = tickets
      // Buffers of an idle connection are given back: 32 KB less for each of many thousand sessions.
      _ = shim_SSL_CTX_set_mode(pointer, Int(SSL_MODE_RELEASE_BUFFERS))
      _ = shim_SSL_CTX_set_min_proto_version(pointer, TLS1_2_VERSION)
      // Tickets resume sessions; a cache in memory would hold thousands of them for nothing.
      _ = shim_SSL_CTX_set_session_cache_mode(pointer, Int(SSL_SESS_CACHE_OFF))
      SSL_CTX_set_options(pointer, shim_SSL_OP_NO_RENEGOTIATION | shim_SSL_OP_NO_COMPRESSION)
      // OpenSSL would ask for the pass phrase on the terminal and wait there.
      SSL_CTX_set_default_passwd_cb(pointer) { _, _, _, _ in 0 }
    }

    deinit { SSL_CTX_free(pointer) }
  }
}

extension TLSContext.Handle {
  fileprivate func becomeServer(_ parameters: TLSContext.ServerParameters) throws(TLSFailure) {
    let (certificateFile, keyFile) = (parameters.certificateFile, parameters.keyFile)
    if parameters.minimumVersion == .v1_3 { _ = shim_SSL_CTX_set_min_proto_version(pointer, TLS1_3_VERSION) }
    SSL_CTX_set_options(pointer, shim_SSL_OP_CIPHER_SERVER_PREFERENCE | shim_SSL_OP_PRIORITIZE_CHACHA)
    ERR_clear_error()
    guard SSL_CTX_use_certificate_chain_file(pointer, certificateFile) == 1 else {
      throw .fromErrorQueue(.configuration, "cannot use the certificate file \(certificateFile)")
    }
    guard SSL_CTX_use_PrivateKey_file(pointer, keyFile, SSL_FILETYPE_PEM) == 1 else {
      throw .fromErrorQueue(.configuration, "cannot use the key file \(keyFile)")
    }
    guard SSL_CTX_check_private_key(pointer) == 1 else {
      throw .fromErrorQueue(
        .configuration, "the key in \(keyFile) is not that of the certificate in \(certificateFile)")
    }
    let name = Array("postrider".utf8)
    SSL_CTX_set_session_id_context(pointer, name, UInt32(name.count))
    SSL_CTX_set_timeout(pointer, Int(clamping: parameters.ticketLifetime.components.seconds))
    tickets.install(in: pointer)
  }

  fileprivate func trust(file: String?) throws(TLSFailure) {
    ERR_clear_error()
    if let file {
      guard SSL_CTX_load_verify_file(pointer, file) == 1 else {
        throw .fromErrorQueue(.configuration, "cannot use the file of trusted certificates \(file)")
      }
    } else if SSL_CTX_set_default_verify_paths(pointer) != 1 {
      throw .fromErrorQueue(.configuration, "cannot use the system's trusted certificates")
    }
  }

  fileprivate var certificateExpiry: Int64? {
    guard let certificate = SSL_CTX_get0_certificate(pointer), let end = X509_get0_notAfter(certificate),
      let epoch = ASN1_TIME_set(nil, 0)
    else { return nil }
    defer { ASN1_TIME_free(epoch) }
    var (days, seconds): (Int32, Int32) = (0, 0)
    guard ASN1_TIME_diff(&days, &seconds, epoch, end) == 1 else { return nil }
    return Int64(days) * 86_400 + Int64(seconds)
  }
}
