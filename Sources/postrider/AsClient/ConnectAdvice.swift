internal import DNS
internal import SMTPClient
internal import TLS

/// What a connection's failure means to a person.
enum ConnectAdvice {
  /// A connection that could not be opened.
  static func finding(
    _ name: String, _ trouble: StepTrouble, _ address: IPAddress, _ port: Int, _ limit: Duration
  ) -> Finding {
    switch trouble {
    case .refused:
      return .failed(
        name, "\(address) refuses connections",
        advice: "see that \(port) is the right port; if it is, the service is down, or a firewall refuses in its name")
    case .timedOut:
      return .failed(
        name, "\(address) does not answer within \(limit.brief)",
        advice: "a firewall drops what goes to port \(port), here or at your provider, or the server is down; "
          + "try the other port and another network")
    case _ where address.family == .v6:
      return .warning(
        name, "\(address) cannot be reached: \(trouble.explanation)",
        advice: "this machine or its network has no IPv6; mail programs then use IPv4")
    default:
      return .failed(
        name, "\(address) cannot be reached: \(trouble.explanation)", advice: "see this machine's network connection")
    }
  }

  /// A connection that was opened and leads nowhere.
  static func silence(_ name: String, _ trouble: StepTrouble, speaksTLS: Bool, limit: Duration) -> Finding {
    if speaksTLS {
      return .failed(
        name, "the server expects TLS from the start and says nothing in clear",
        advice: "set the mail program to SSL/TLS for this port, or use the port for STARTTLS")
    }
    switch trouble {
    case .timedOut:
      return .failed(
        name, "the server says nothing within \(limit.brief)",
        advice:
          "something in between takes the connection and does not pass it on (a firewall, a virus scanner, a load "
          + "balancer without a server), or the server is overloaded")
    case .notSMTP(let why):
      return .failed(name, why, advice: "another service is at this port: see server and port")
    default:
      return .failed(
        name, trouble.explanation,
        advice: "try again; if it stays so, something in between ends it, or the server is ill")
    }
  }
}

/// What a handshake's failure means to a person.
enum EncryptionAdvice {
  /// What fails speaks TLS all the same, only not so that both can.
  static func isTLS(_ trouble: StepTrouble) -> Bool {
    guard case .tls(let failure) = trouble else { return false }
    return isOutdated(failure.reason) || hasNoCipher(failure.reason)
  }

  private static func isOutdated(_ reason: String) -> Bool {
    reason.contains("protocol version") || reason.contains("unsupported protocol")
  }

  private static func hasNoCipher(_ reason: String) -> Bool {
    reason.contains("handshake failure") || reason.contains("no shared cipher")
  }

  /// - Parameter speaksClear: the server has said something at this port without TLS.
  static func finding(_ name: String, _ trouble: StepTrouble, speaksClear: Bool, limit: Duration) -> Finding {
    if speaksClear {
      return .failed(
        name, "the server does not speak TLS from the start at this port",
        advice: "set the mail program to STARTTLS for this port, or use the port for SSL/TLS")
    }
    guard case .tls(let failure) = trouble else {
      return ConnectAdvice.silence(name, trouble, speaksTLS: false, limit: limit)
    }
    let reason = failure.reason
    if isOutdated(reason) {
      return .failed(
        name, "the server has no TLS 1.2 or newer (\(reason))",
        advice:
          "older versions are not safe, and current mail programs refuse them: the server must be brought up to date")
    }
    if hasNoCipher(reason) {
      return .failed(
        name, "the server and this machine have no cipher in common (\(reason))",
        advice: "the server's list of ciphers must be brought up to date")
    }
    return .failed(
      name, reason,
      advice: "what answers there does not speak TLS, or something in between breaks it off: see server and port")
  }
}
