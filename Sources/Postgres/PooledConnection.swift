internal import CPostgres
internal import NIOConcurrencyHelpers

/// The connection of one of a pool's threads: made when it is needed, looked at before each use, made anew.
struct PooledConnection {
  private let configuration: PostgresConfiguration
  private let abandoned: AbandonedCommits
  private var connection: PostgresConnection?
  private var retryAt = ContinuousClock.now
  private var lastFailure = PostgresError(.connection, "not connected")

  /// A dead server is asked again at most this often; meanwhile callers get the last reason at once.
  static let retryPause: Duration = .milliseconds(250)

  /// - Parameter abandoned: of the whole pool.
  init(_ configuration: PostgresConfiguration, _ abandoned: AbandonedCommits) {
    self.configuration = configuration
    self.abandoned = abandoned
  }

  var isOpen: Bool { connection?.isOpen == true }

  /// A connection that can be used, as far as can be known without trying.
  /// - Parameter writes: whether a COMMIT may have to wait for a standby.
  mutating func ready(writes: Bool) -> Result<PostgresConnection, PostgresError> {
    do throws(PostgresError) {
      let connection = try openConnection()
      if writes { try settle(connection) }
      return .success(connection)
    } catch {
      return .failure(error)
    }
  }

  /// After each use. What became of a COMMIT that was given up is asked at once: somebody must be told.
  mutating func used() {
    guard let backend = connection?.abandonedBackend else { return }
    connection = nil
    abandoned.add(backend)
    _ = ready(writes: true)
  }

  private mutating func openConnection() throws(PostgresError) -> PostgresConnection {
    if let connection, connection.isUsable() { return connection }
    connection = nil
    guard .now >= retryAt else { throw lastFailure }
    do throws(PostgresError) {
      let made = try configuration.connect()
      connection = made
      return made
    } catch {
      lastFailure = error
      retryAt = .now + Self.retryPause
      throw error
    }
  }

  /// While a COMMIT that was given up waits for a synchronous standby, every further one would wait as well, and each
  /// would leave a server process behind until there are no connections left. So the pool sends none.
  private func settle(_ connection: PostgresConnection) throws(PostgresError) {
    let known = abandoned.backends
    if known.isEmpty { return }
    var parameters = PostgresParameters()
    parameters.append(known.sorted())
    let result = try connection.query(
      "SELECT pid FROM pg_stat_activity WHERE pid = ANY ($1::int[]) AND wait_event = 'SyncRep'", parameters)
    var waiting: Set<Int32> = []
    for row in 0..<result.rowCount { waiting.insert(try result.int32(row, 0)) }
    abandoned.remove(known.subtracting(waiting))
    if let event = configuration.memory.note(waiting, of: known) { configuration.report(event) }
    guard waiting.isEmpty else {
      throw PostgresError(.timeout, "commits wait for a synchronous standby that does not answer")
    }
  }
}

/// The server processes of a pool's connections that were dropped because they did not answer in time.
final class AbandonedCommits: Sendable {
  private let state = NIOLockedValueBox<Set<Int32>>([])

  var backends: Set<Int32> { state.withLockedValue { $0 } }
  func add(_ backend: Int32) { state.withLockedValue { _ = $0.insert(backend) } }
  func remove(_ backends: Set<Int32>) { state.withLockedValue { $0.subtract(backends) } }
}
