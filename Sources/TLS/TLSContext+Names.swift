import COpenSSL

/// Which of several certificates a client gets.
extension TLSContext.Handle {
  /// From now on connections that ask for a name get the certificate that is for it: the first one's if it is, otherwise the
  /// first other's. Without a name, or with one that none is for, it is the first one's.
  func chooseByName() {
    // Whoever has a connection of this context has this object too.
    let this = Unmanaged.passUnretained(self).toOpaque()
    shim_SSL_CTX_set_servername_callback(pointer, Self.nameWasSaid, this)
  }

  private static let nameWasSaid:
    @convention(c) (OpaquePointer?, UnsafeMutablePointer<Int32>?, UnsafeMutableRawPointer?) -> Int32 = {
      connection, _, argument in
      guard let connection, let argument, let name = SSL_get_servername(connection, TLSEXT_NAMETYPE_host_name) else {
        return SSL_TLSEXT_ERR_NOACK
      }
      let handle = Unmanaged<TLSContext.Handle>.fromOpaque(argument).takeUnretainedValue()
      if handle.isFor(name) { return SSL_TLSEXT_ERR_OK }
      guard let other = handle.others.first(where: { $0.isFor(name) }) else { return SSL_TLSEXT_ERR_NOACK }
      // The connection holds it from here on. Tickets stay those of the first one.
      SSL_set_SSL_CTX(connection, other.pointer)
      return SSL_TLSEXT_ERR_OK
    }

  private func isFor(_ name: UnsafePointer<CChar>) -> Bool {
    guard let certificate = SSL_CTX_get0_certificate(pointer) else { return false }
    return X509_check_host(certificate, name, 0, 0, nil) == 1
  }
}
