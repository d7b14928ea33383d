import COpenSSL

/// Why a TLS context could not be made, a handshake failed or an open connection broke.
package struct TLSFailure: Error, Sendable, Hashable {
  package enum Kind: Sendable, Hashable {
    /// A certificate, key or trust file is missing, unreadable or wrong.
    case configuration
    /// The handshake failed: no common version or cipher, an alert of the peer, no TLS at all.
    case handshake
    /// `.required` was asked for and the peer's certificate does not verify.
    case verification
    /// The connection ended in the middle of the handshake.
    case closedInHandshake
    /// The connection ended without close_notify (RFC 8446 §6.1). SMTP knows by itself where a command
    /// and a message end, so this is a lost connection and no more; many clients do it at each QUIT.
    case truncated
    /// After the handshake: a record that does not authenticate, an alert, an illegal message.
    case connection
  }

  package let kind: Kind
  /// One line for a log. The words are ours and OpenSSL's; file names are the operator's.
  package let reason: String

  package init(_ kind: Kind, _ reason: String) {
    self.kind = kind
    self.reason = reason
  }
}

extension TLSFailure: CustomStringConvertible {
  package var description: String { reason }
}

extension TLSFailure {
  /// Empties OpenSSL's error queue of this thread into one reason. Call directly after what failed, on
  /// the same thread; each operation clears the queue before it starts, so that only its own errors show.
  static func fromErrorQueue(_ kind: Kind, _ what: String) -> TLSFailure {
    var reasons: [String] = []
    while case let code = ERR_get_error(), code != 0 {
      let reason = text(of: code)
      if reasons.last != reason { reasons.append(reason) }
    }
    return TLSFailure(kind, reasons.isEmpty ? what : "\(what): \(reasons.joined(separator: ", "))")
  }

  private static func text(of code: UInt) -> String {
    // OpenSSL 3 keeps errno values in the queue without a text of its own.
    if ERR_GET_LIB(code) == ERR_LIB_SYS { return String(cString: strerror(ERR_GET_REASON(code))) }
    if let reason = ERR_reason_error_string(code) { return String(cString: reason) }
    return "error \(String(code, radix: 16))"
  }
}
