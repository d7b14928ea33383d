import MailModel
import NodeMetrics

extension RefusalReason {
  /// What a reply of ours is counted as.
  init(_ reply: Reply, isDraining: Bool) {
    let status = reply.enhanced.map { ($0.subject, $0.detail) } ?? (0, 0)
    self =
      switch (reply.code, status) {
      case (421, (3, 2)): isDraining ? .draining : .sessions
      case (421, (4, 2)): .timeout
      case (421...454, (7, 1)): .limit
      case (421, (7, 0)): .patience
      case (421, (5, 3)), (452, (5, 3)), (554, (5, 3)): .tooManyRecipients
      case (452, _), (552, (2, 2)): .storage
      case (552, _): .size
      case (454, _): .loginUnavailable
      case (421, _), (451, _): .unavailable
      case (503, _), (554, (5, 1)): .sequence
      case (500...504, _): .syntax
      case (530, _), (538, _): .loginRequired
      case (525, _), (535, _): .login
      case (554, (7, 1)): .address
      case (_, (1, 7)), (_, (1, 8)), (550, (7, 1)), (553, (7, 1)): .sender
      case (550, (7, 13)): .login
      case (_, (1, _)): .recipient
      case (_, (6, _)): .content
      default: .other
      }
  }
}
