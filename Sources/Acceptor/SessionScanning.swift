import Admission
package import ContentScan
import Logging
package import MailModel
import MailQueue
import NIOCore
import NodeMetrics
import Observability
import SMTPWire

/// Who looks at messages, and what follows for whom.
package struct MessageScanning: Sendable {
  let scanner: ContentScanner
  let slack: Duration
  /// Of a tenant, now.
  let policy: @Sendable (_ tenant: Int64) async -> ScanPolicy

  /// - Parameter slack: how long after the scanners' own limit of time the session stops waiting for them.
  package init(
    _ scanner: ContentScanner, slack: Duration = .seconds(5),
    policy: @escaping @Sendable (_ tenant: Int64) async -> ScanPolicy
  ) {
    self.scanner = scanner
    self.slack = slack
    self.policy = policy
  }

  func scan(_ message: ScannedMessage) async -> ScanDecision {
    await scanner.scan(message, await policy(message.tenant))
  }

  /// Within the scanners' own limit of time they answer, or fail; a little later this comes to nothing.
  var timeMax: TimeAmount {
    TimeAmount.nanoseconds(Int64((scanner.configuration.timeMax + slack) / .nanoseconds(1)))
  }
}

/// A scan that ends when nobody holds it any more.
final class ScanInProgress {
  private let task: Task<Void, Never>

  init(_ task: Task<Void, Never>) { self.task = task }

  deinit { task.cancel() }
}

/// The look at a complete message, before it is signed.
extension SubmissionHandler {
  /// Has the message scanned if it is to be, and signs and queues it, or refuses it.
  /// - Parameter ended: when the last of the content had come.
  func scan(
    _ collector: MessageCollector, _ content: MessageContent, _ envelope: Envelope, since ended: NIODeadline
  ) {
    guard let scanning = environment.scanning, !isInbound, let principal, let eventLoop = context?.eventLoop else {
      return sign(collector, content, envelope, since: ended)
    }
    extendWait(by: scanning.timeMax)
    let message = ScannedMessage(
      id: collector.id, content: content, envelope: envelope, tenant: principal.tenant, user: principal.name,
      helo: machine.helloName, clientAddress: clientAddress == Self.unknownAddress ? nil : clientAddress,
      hostName: environment.configuration.hostName)
    let promise = eventLoop.makePromise(of: ScanDecision.self)
    collector.scanInProgress = ScanInProgress(promise.completeWithTask { await scanning.scan(message) })
    // A collector that only waits for this is not kept by it: then the scan ends.
    promise.futureResult.assumeIsolated().whenSuccess { [weak collector] decision in
      guard let collector, self.collector === collector, self.wait == .queue else { return }
      self.scanned(collector, content, envelope, decision, since: ended)
    }
  }

  private func scanned(
    _ collector: MessageCollector, _ content: MessageContent, _ envelope: Envelope, _ decision: ScanDecision,
    since ended: NIODeadline
  ) {
    collector.scanInProgress = nil
    collector.scan = decision
    switch decision.action {
    case .accept, .hold:
      sign(collector, content.prefixed(by: decision.fields), envelope, since: ended)
    case .refuse(let reply, let refusal):
      self.collector = nil
      environment.logger.notice(
        "message refused",
        metadata: .fields([
          .messageID: collector.id, .session: sessionID, .tenant: principal?.tenantName, .credential: principal?.name,
          .clientAddress: clientAddress, .reason: decision.reason,
        ]))
      refusalReason = RefusalReason(refusal)
      messageFinished(reply)
    }
  }
}

extension RefusalReason {
  fileprivate init(_ refusal: ScanDecision.Refusal) {
    self =
      switch refusal {
      case .malware: .malware
      case .spam: .spam
      case .scanner: .scanner
      case .size: .size
      }
  }
}

extension NewMessage {
  /// The same with what was found, held if it is to be.
  func noting(_ decision: ScanDecision?) -> NewMessage {
    var message = self
    message.scan = decision?.trace
    if case .hold(let reason)? = decision?.action { message.holdReason = reason }
    return message
  }
}
