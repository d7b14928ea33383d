import NIOConcurrencyHelpers
import Postgres

/// Asks the database for accounts: so many at once, each for so long. A database that hangs must not gather
/// sessions that wait for it.
final class RecordLookups: Sendable {
  enum Result: Sendable {
    case found(CredentialRecord?)
    case failed(String)
  }

  private let pool: PostgresPool
  private let countMax: Int
  private let timeMax: Duration
  private let underWay = NIOLockedValueBox(0)

  init(pool: PostgresPool, countMax: Int, timeMax: Duration) {
    self.pool = pool
    self.countMax = countMax
    self.timeMax = timeMax
  }

  func find(_ name: LoginName) async -> Result {
    let mayRun = underWay.withLockedValue { count in
      guard count < countMax else { return false }
      count += 1
      return true
    }
    guard mayRun else { return .failed("too many logins are waiting for the database") }
    defer { underWay.withLockedValue { $0 -= 1 } }
    return await withTaskGroup(of: Void.self) { group in
      let result = await withCheckedContinuation { continuation in
        // Whoever comes first takes the continuation, the other finds none.
        let waiting = NIOLockedValueBox<CheckedContinuation<Result, Never>?>(continuation)
        let finish: @Sendable (Result) -> Void = { result in
          waiting.withLockedValue { $0.take() }?.resume(returning: result)
        }
        group.addTask { [timeMax] in
          try? await Task.sleep(for: timeMax)
          finish(.failed("the database did not answer a login within \(timeMax)"))
        }
        pool.submit(writes: false) { connection in
          do {
            finish(.found(try CredentialRecord.find(name, in: connection.get())))
          } catch {
            finish(.failed("\(error)"))
          }
        }
      }
      group.cancelAll()
      return result
    }
  }
}
