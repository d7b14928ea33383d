import Logging
import NIOConcurrencyHelpers
import NodeMetrics
import Observability

/// Writes a line when a scanner stops doing its work, and one when it does it again: not one for each message.
final class ScannerHealth: Sendable {
  private let logger: Logger
  private let down = NIOLockedValueBox<Set<ScanMetrics.Scanner>>([])

  init(_ logger: Logger) { self.logger = logger }

  func works(_ scanner: ScanMetrics.Scanner) {
    guard down.withLockedValue({ $0.remove(scanner) }) != nil else { return }
    logger.notice("a scanner works again", metadata: .fields([.component: scanner.rawValue]))
  }

  func failed(_ scanner: ScanMetrics.Scanner, _ failure: ScannerFailure) {
    switch failure {
    // About one message, not about the scanner.
    case .tooLarge, .unreadable: return
    case .unreachable, .timedOut, .refused, .garbage: break
    }
    guard down.withLockedValue({ $0.insert(scanner).inserted }) else { return }
    logger.error(
      "a scanner does not do its work", metadata: .fields([.component: scanner.rawValue, .reason: failure.reason]))
  }
}
