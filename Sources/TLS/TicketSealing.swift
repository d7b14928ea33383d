import COpenSSL
import NIOConcurrencyHelpers

/// Seals and opens session tickets with keys that can be changed at any time.
///
/// OpenSSL has room for one key of its own; with this callback there are several at once: one that seals, and those
/// of a moment ago and of other processes that still open.
final class TicketSealing: Sendable {
  /// The first one seals, all open.
  let keys = NIOLockedValueBox([TLSTicketKey.random()])

  /// Serves the sessions of an `SSL_CTX`, which must not outlive it.
  func install(in context: OpaquePointer) {
    SSL_CTX_set_ex_data(context, Self.index, Unmanaged.passUnretained(self).toOpaque())
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context) { ssl, name, vector, cipher, mac, isSealing in
      guard let data = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), TicketSealing.index), let name, let vector else {
        return isSealing == 1 ? -1 : 0
      }
      let sealing = Unmanaged<TicketSealing>.fromOpaque(data).takeUnretainedValue()
      let parts = Parts(name: name, vector: vector, cipher: cipher, mac: mac)
      return isSealing == 1 ? sealing.seal(parts) : sealing.open(parts)
    }
  }

  /// What OpenSSL hands to the callback: all of it is its own, for the call.
  private struct Parts {
    let name: UnsafeMutablePointer<UInt8>
    let vector: UnsafeMutablePointer<UInt8>
    let cipher: OpaquePointer?
    let mac: OpaquePointer?
  }

  private func seal(_ parts: Parts) -> Int32 {
    guard let key = keys.withLockedValue(\.first), let cipher = Self.cipher?.pointer,
      RAND_bytes(parts.vector, EVP_CIPHER_get_iv_length(cipher)) == 1
    else { return -1 }
    for (index, byte) in key.name.enumerated() { parts.name[index] = byte }
    let isReady = key.withSecrets { macKey, cipherKey in
      EVP_EncryptInit_ex2(parts.cipher, cipher, cipherKey, parts.vector, nil) == 1
        && shim_EVP_MAC_CTX_use_HMAC_SHA256(parts.mac, macKey, 32) == 1
    }
    return isReady ? 1 : -1
  }

  /// - Returns: 0 for a ticket that no key opens, which leads to a full handshake; 2 for one that is good and is to be
  ///   replaced: a ticket serves once (RFC 8446 §C.4), and its successor is sealed with the newest key.
  private func open(_ parts: Parts) -> Int32 {
    let name = UnsafeBufferPointer(start: parts.name, count: TLSTicketKey.nameSize)
    guard let key = keys.withLockedValue({ $0.first { $0.name.elementsEqual(name) } }),
      let cipher = Self.cipher?.pointer
    else { return 0 }
    let isReady = key.withSecrets { macKey, cipherKey in
      shim_EVP_MAC_CTX_use_HMAC_SHA256(parts.mac, macKey, 32) == 1
        && EVP_DecryptInit_ex2(parts.cipher, cipher, cipherKey, parts.vector, nil) == 1
    }
    return isReady ? 2 : 0
  }

  /// `@unchecked Sendable`: written once, before anyone else can have it; OpenSSL counts its references by itself.
  private struct Cipher: @unchecked Sendable {
    let pointer: OpaquePointer
  }

  /// Fetched once for the process and never freed: to look it up for each ticket costs more than to use it.
  private static let cipher = EVP_CIPHER_fetch(nil, "AES-256-CBC", nil).map { Cipher(pointer: $0) }
  private static let index = shim_SSL_CTX_get_ex_new_index()
}

extension TLSTicketKey {
  fileprivate func withSecrets(
    _ body: (_ macKey: UnsafePointer<UInt8>, _ cipherKey: UnsafePointer<UInt8>) -> Bool
  ) -> Bool {
    bytes.withUnsafeBufferPointer { bytes in
      guard let start = bytes.baseAddress else { return false }
      return body(start + Self.nameSize, start + Self.nameSize + 32)
    }
  }
}
