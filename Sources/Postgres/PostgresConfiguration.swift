internal import NIOConcurrencyHelpers

/// What an operator wants to hear about the database, apart from the failures of single statements.
package enum PostgresEvent: Sendable, Hashable {
  /// A COMMIT did not return in time and still waits for a synchronous standby. The connection was dropped and the
  /// COMMIT not cancelled: what it was about may become durable yet.
  case commitsWaitForStandby
  /// No COMMIT of ours waits any more.
  case commitsNoLongerWait
  /// Connections are now made to another server than before: `host:port`.
  case serverChanged(String)
}

/// How to reach PostgreSQL, and what each new connection is told first. Copies share what they know of the servers.
package struct PostgresConfiguration: Sendable {
  /// A libpq connection string, `postgresql://…`. It may name several servers; then the one that can be written counts,
  /// unless its `target_session_attrs` says otherwise. Its `connect_timeout` goes before ours.
  package var url: String
  package var role: String
  /// For each server.
  package var connectTimeout: Duration
  package var statementTimeout: Duration
  /// Run on each new connection before it is used, for example `SET synchronous_commit = on`.
  package var preamble: [String]
  /// Called on a thread of a pool; it must not block.
  package var report: @Sendable (PostgresEvent) -> Void = { _ in }
  let memory = ServerMemory()

  package init(
    url: String, role: String, connectTimeout: Duration = .seconds(5), statementTimeout: Duration = .seconds(30),
    preamble: [String] = []
  ) {
    self.url = url
    self.role = role
    self.connectTimeout = connectTimeout
    self.statementTimeout = statementTimeout
    self.preamble = preamble
  }

  /// Opens a connection outside of any pool.
  package func connect() throws(PostgresError) -> PostgresConnection {
    let connection = try PostgresConnection(
      url: url, role: role, connectTimeout: connectTimeout, timeout: statementTimeout, memory: memory)
    if memory.hasChanged(to: connection.server) { report(.serverChanged(connection.server)) }
    for statement in preamble { try connection.execute(script: statement) }
    return connection
  }
}

/// What all connections of a role remember about their servers.
final class ServerMemory: Sendable {
  private struct State {
    var index = 0
    var server: String?
    var generation = 0
    var waitingBackends: Set<Int32> = []
  }

  private let state = NIOLockedValueBox(State())

  /// The number of the server that was used last.
  var preferred: Int { state.withLockedValue(\.index) }

  /// Notes a new connection. When it is to another server than those before, they are retired.
  /// - Returns: its generation.
  func connected(to index: Int) -> Int {
    state.withLockedValue { state in
      if state.index != index { state.generation += 1 }
      state.index = index
      return state.generation
    }
  }

  func hasChanged(to server: String) -> Bool {
    state.withLockedValue { state in
      defer { state.server = server }
      return state.server.map { $0 != server } ?? false
    }
  }

  /// Rises when a server turns out to be no longer the one to use; connections from before are then made anew.
  var generation: Int { state.withLockedValue(\.generation) }

  func retireConnections(of generation: Int) {
    state.withLockedValue { state in
      if state.generation == generation { state.generation += 1 }
    }
  }

  /// Server processes of dropped connections that waited for a standby when they were last looked at.
  var waitingBackends: Set<Int32> { state.withLockedValue(\.waitingBackends) }

  /// Of these server processes, those in `waiting` wait for a standby.
  /// - Returns: what that means for all of them together, when it is news.
  func note(_ waiting: Set<Int32>, of known: Set<Int32>) -> PostgresEvent? {
    state.withLockedValue { state in
      let wasEmpty = state.waitingBackends.isEmpty
      state.waitingBackends = state.waitingBackends.subtracting(known).union(waiting)
      guard wasEmpty != state.waitingBackends.isEmpty else { return nil }
      return wasEmpty ? .commitsWaitForStandby : .commitsNoLongerWait
    }
  }
}
