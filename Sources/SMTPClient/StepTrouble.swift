internal import NIOCore
package import TLS

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Why a step of a `SteppedConnection` came to nothing. Texts may come from outside.
package enum StepTrouble: Error, Sendable, Hashable {
  /// Something answers there and wants no connection.
  case refused
  /// Neither yes nor no within the limit.
  case timedOut
  /// There is no way there, or the network says no.
  case unreachable(String)
  /// The server ended the connection.
  case closed
  case tls(TLSFailure)
  /// What came is not SMTP.
  case notSMTP(String)

  /// A sentence without a full stop.
  package var explanation: String {
    switch self {
    case .refused: "the connection is refused"
    case .timedOut: "there is no answer in time"
    case .unreachable(let why): why
    case .closed: "the server ended the connection"
    case .tls(let failure): failure.reason
    case .notSMTP(let why): why
    }
  }

  init(connecting error: any Error) {
    if case .some(.connectTimeout) = error as? ChannelError {
      self = .timedOut
    } else {
      switch (error as? IOError)?.errnoCode {
      case ECONNREFUSED: self = .refused
      case ETIMEDOUT: self = .timedOut
      default: self = .unreachable(describe(error))
      }
    }
  }
}
