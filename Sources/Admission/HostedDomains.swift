package import Logging
import NIOConcurrencyHelpers
package import Postgres

/// Domains whose mailboxes are kept here, as a worker knows them.
///
/// The whole list is read, at most every two seconds and only while somebody asks. Who asks waits for an answer that is
/// not older than ten seconds; while the database is away the last one counts. The list is as long as there are hosted
/// domains, whatever the mail.
package final class HostedDomains: Sendable {
  private struct State {
    /// nil: the database has not answered yet.
    var names: Set<String>?
    var freshUntil: ContinuousClock.Instant?
    var usableUntil: ContinuousClock.Instant?
    var isAsking = false
    var isFailing = false
    var waiting: [CheckedContinuation<Void, Never>] = []
  }

  private let directory: PostgresPool
  private let logger: Logger
  private let now: @Sendable () -> ContinuousClock.Instant
  private let state = NIOLockedValueBox(State())

  /// - Parameters:
  ///   - directory: of the home database; one thread is enough. Its time limits are those of who waits.
  ///   - now: the clock by which the list becomes old.
  package init(
    directory: PostgresPool, logger: Logger = Logger(label: "postrider.hosted-domains"),
    now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
  ) {
    self.directory = directory
    self.logger = logger
    self.now = now
  }

  /// - Parameter domain: in A-labels and lower case.
  /// - Returns: nil when nobody could say so far.
  package func contains(_ domain: String) async -> Bool? {
    let moment = now()
    let mustWait = state.withLockedValue { state in state.usableUntil.map { $0 <= moment } ?? true }
    if mustWait {
      await withCheckedContinuation { continuation in
        state.withLockedValue { $0.waiting.append(continuation) }
        askIfOld(moment)
      }
    } else {
      askIfOld(moment)
    }
    return state.withLockedValue { $0.names?.contains(domain) }
  }

  /// Asks the database, whatever is known. What depends on it is rare: a mailbox that is not there.
  /// - Returns: false also when it does not answer.
  package func confirms(_ domain: String) async -> Bool {
    await withCheckedContinuation { continuation in
      directory.submit(writes: false) { connection in
        do {
          var parameters = PostgresParameters()
          parameters.append(domain)
          let result = try connection.get().query(Self.select + " AND d.mailbox_domain = $1::text", parameters)
          continuation.resume(returning: result.rowCount > 0)
        } catch {
          continuation.resume(returning: false)
        }
      }
    }
  }

  /// By the unique index of `mailbox_domain`.
  private static let select = """
    SELECT d.mailbox_domain FROM postrider.domain d WHERE d.mailbox_domain IS NOT NULL AND d.disabled_at IS NULL
    """

  private func askIfOld(_ moment: ContinuousClock.Instant) {
    let asks = state.withLockedValue { state in
      guard !state.isAsking, state.freshUntil.map({ $0 <= moment }) ?? true || !state.waiting.isEmpty else {
        return false
      }
      state.isAsking = true
      return true
    }
    guard asks else { return }
    directory.submit(writes: false) { [self] connection in
      do {
        let result = try connection.get().query(Self.select)
        answered(Set((0..<result.rowCount).map { result.text($0, 0) }), asked: moment)
      } catch {
        failed("\(error)")
      }
    }
  }

  private func answered(_ names: Set<String>, asked: ContinuousClock.Instant) {
    settle { state in
      state.names = names
      state.freshUntil = asked + .seconds(2)
      state.usableUntil = asked + .seconds(10)
      if state.isFailing { logger.notice("the list of hosted domains is read again") }
      state.isFailing = false
    }
  }

  private func failed(_ why: String) {
    settle { state in
      // Without any list the next one who asks waits again.
      let moment = now()
      state.freshUntil = moment + .seconds(2)
      state.usableUntil = state.names == nil ? nil : moment + .seconds(10)
      if !state.isFailing {
        logger.warning("the list of hosted domains cannot be read", metadata: ["error": "\(why)"])
      }
      state.isFailing = true
    }
  }

  private func settle(_ change: (inout State) -> Void) {
    let waiting = state.withLockedValue { state in
      change(&state)
      state.isAsking = false
      defer { state.waiting = [] }
      return state.waiting
    }
    for continuation in waiting { continuation.resume() }
  }
}
