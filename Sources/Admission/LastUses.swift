import NIOConcurrencyHelpers
import Postgres

/// Writes down when credentials were last used: to the hour, so that logins cost no writing.
final class LastUses: Sendable {
  private let pool: PostgresPool
  private let written = NIOLockedValueBox(ExpiringCache<Int64, Bool>(lifetime: .seconds(3600), countMax: 100_000))
  private let waiting = NIOLockedValueBox(0)
  /// That may wait for the database at once; what comes on top is written another time.
  private static let waitingMax = 8

  init(pool: PostgresPool) { self.pool = pool }

  func note(_ credential: Int64, at now: ContinuousClock.Instant) {
    guard written.withLockedValue({ $0.value(of: credential, at: now) }) == nil else { return }
    let mayWait = waiting.withLockedValue { waiting in
      guard waiting < Self.waitingMax else { return false }
      waiting += 1
      return true
    }
    guard mayWait else { return }
    written.withLockedValue { $0.insert(true, for: credential, at: now) }
    pool.submit(writes: false) { [self] connection in
      waiting.withLockedValue { $0 -= 1 }
      var parameters = PostgresParameters()
      parameters.append(credential)
      // A login is not refused because this failed.
      _ = try? connection.get().query(Self.statement, parameters)
    }
  }

  /// It need not be durable: logins are not to wait for a standby, nor for the disk.
  private static let statement = """
    WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
    UPDATE postrider.credential SET last_used_at = now() FROM quick
    WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '1 hour')
    """
}
