import MailModel
import NIOCore
import SMTPWire

/// A session's time limits: one timer, set to whatever ends first.
extension SubmissionHandler {
  /// Begins to wait; each reply and, in content, each octet begins anew.
  func beginWait(_ wait: Wait) {
    self.wait = isLingering ? .linger : wait
    let configuration = environment.configuration
    let limit =
      switch self.wait {
      case .handshake: configuration.handshakeTimeout
      case .command: configuration.commandTimeout
      case .content: configuration.dataTimeout
      case .login: configuration.loginTimeout
      case .queue: configuration.queueTimeout + .seconds(Int64(contentSize >> 22))
      case .linger: configuration.lingerTimeout
      }
    deadline = .now() + limit
    schedule()
  }

  /// Somebody else takes part in the present wait, with a limit of their own.
  func extendWait(by time: TimeAmount) {
    deadline = deadline + time
    schedule()
  }

  /// What limits the present wait. A message that is complete is not given up for the session's age.
  private var effectiveDeadline: NIODeadline {
    wait == .queue || wait == .linger ? deadline : min(deadline, sessionEnd)
  }

  /// A timer that fires too early is set again: cheaper than a new one for each reply.
  private func schedule() {
    guard let context else { return }
    let target = effectiveDeadline
    guard timer == nil || target < timerDeadline else { return }
    timer?.cancel()
    timerDeadline = target
    timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: target) { self.timerFired() }
  }

  private func timerFired() {
    timer = nil
    guard NIODeadline.now() >= effectiveDeadline else { return schedule() }
    switch wait {
    case .handshake, .linger:
      context?.close(promise: nil)
    case .login where !hasGreeted:
      finish(with: timeoutReply)
    case .login:
      performLater(machine.loginFinished(.unavailable))
    case .queue:
      finish(with: Reply(451, EnhancedStatus(4, 3, 0), "The queue did not answer in time, please try again later"))
    case .command, .content:
      finish(with: machine.refusalInHand ?? timeoutReply)
    }
  }

  private var timeoutReply: Reply {
    if NIODeadline.now() >= sessionEnd { return Reply(421, EnhancedStatus(4, 4, 2), "The session has lasted too long") }
    return wait == .content
      ? Reply(421, EnhancedStatus(4, 4, 2), "Timed out waiting for the message")
      : Reply(421, EnhancedStatus(4, 4, 2), "Timed out waiting for a command")
  }
}
