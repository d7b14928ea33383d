internal import Foundation
internal import Supervision

/// A real PostgreSQL in a temporary directory. As root it runs as an unprivileged user.
package actor PostgresServer {
  private let directory: TemporaryDirectory
  private var configuration: PrivatePostgres
  private var child: ChildProcess?

  package nonisolated let port: Int
  package nonisolated let password: String
  private nonisolated let blueprint: PrivatePostgres

  /// Makes a data directory and starts the server on a free port.
  /// - Parameters:
  ///   - fsync: off only where a test restarts nothing and is about something else; our roles refuse such a database.
  ///   - settings: added to `PrivatePostgres.recommendedSettings`.
  package init(fsync: Bool = true, settings: [String: String] = [:]) async throws {
    directory = try TemporaryDirectory()
    port = LoopbackPort.free()
    password = "test-\(UInt64.random(in: .min ... .max))"
    configuration = Self.configuration(directory, port: port, password: password, settings: settings)
    if !fsync { configuration.settings += [("fsync", "off"), ("full_page_writes", "off")] }
    blueprint = configuration
    try await configuration.initialise()
    try await start()
  }

  /// Makes a streaming standby with the data of a running server, and starts it.
  /// - Parameters:
  ///   - name: what the primary calls it in `synchronous_standby_names`.
  ///   - settings: must allow as many connections as the primary's.
  package init(standbyOf primary: PostgresServer, name: String, settings: [String: String] = [:]) async throws {
    directory = try TemporaryDirectory()
    port = LoopbackPort.free()
    password = primary.password
    configuration = Self.configuration(directory, port: port, password: password, settings: settings)
    blueprint = configuration
    try await configuration.copy(from: primary.blueprint, as: name)
    try await start()
  }

  private static func configuration(
    _ directory: TemporaryDirectory, port: Int, password: String, settings: [String: String]
  ) -> PrivatePostgres {
    var configuration = PrivatePostgres(
      directory: directory.path("postgres"), port: port, password: password,
      user: UnprivilegedUser.choose(environment: [:]))
    // Many tests share one.
    configuration.settings += [("max_connections", "500")]
    configuration.settings += settings.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    return configuration
  }

  /// Ends recovery: the standby becomes a primary.
  package nonisolated func promote() async throws {
    try await query("SELECT pg_promote()")
    try await eventually("the end of recovery") { try await self.query("SELECT pg_is_in_recovery()") == "f" }
  }

  /// One URL for several servers, in their order.
  package static func url(_ servers: [PostgresServer], database: String) -> String {
    let hosts = servers.map { "127.0.0.1:\($0.port)" }.joined(separator: ",")
    return "postgresql://\(PrivatePostgres.role):\(servers[0].password)@\(hosts)/\(database)"
  }

  /// Where the server keeps its data, WAL included.
  package nonisolated var dataDirectory: String { directory.path("postgres/data") }

  package nonisolated func url(database: String = "postgres") -> String {
    "postgresql://\(PrivatePostgres.role):\(password)@127.0.0.1:\(port)/\(database)"
  }

  /// Starts it and waits until it accepts connections.
  package func start() async throws {
    guard child?.isRunning != true else { return }
    let started = try ChildProcess.start(configuration.server())
    child = started
    atProcessExit { started.send(.kill) }
    try await started.waitForLine(containing: "ready to accept", atMost: .seconds(300))
  }

  /// Fast shutdown: sessions are cut, everything is on disk.
  package func stop() async throws {
    guard let child else { return }
    try await child.end(with: .interrupt)
    self.child = nil
  }

  /// As after a power cut of the process: no shutdown checkpoint, recovery at the next start.
  package func kill() async throws {
    guard let child else { return }
    let workers = await childProcesses(of: child.processID)
    child.sendToGroup(.kill)
    for worker in workers { _ = Foundation.kill(worker, SIGKILL) }
    try await child.waitForExit()
    // The next postmaster refuses to start while a server process of this one lives.
    try await eventually("the end of PostgreSQL's processes") {
      workers.allSatisfy(hasEnded)
    }
    self.child = nil
  }

  package func restart() async throws {
    try await stop()
    try await start()
  }

  /// SIGSTOP to the postmaster and every server process: connections stay open and nothing answers.
  package func freeze() async {
    guard let child else { return }
    for process in await [child.processID] + childProcesses(of: child.processID) {
      _ = Foundation.kill(process, SIGSTOP)
    }
  }

  package func thaw() async {
    guard let child else { return }
    for process in await [child.processID] + childProcesses(of: child.processID) {
      _ = Foundation.kill(process, SIGCONT)
    }
  }

  /// The log so far.
  package var log: [String] { child?.lines ?? [] }

  /// Runs SQL through psql, an independent witness; returns its unaligned rows without headings.
  @discardableResult
  package nonisolated func query(
    _ sql: String, database: String = "postgres", atMost limit: Duration = .seconds(300)
  ) async throws -> String {
    try await psql(sql, url: url(database: database), atMost: limit)
  }

  deinit { child?.send(.quit) }
}

/// Runs SQL through psql: columns separated by `|`, one row per line.
@discardableResult
package func psql(_ sql: String, url: String, atMost limit: Duration = .seconds(300)) async throws -> String {
  let result = try await run("psql", ["-XqAt", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql], atMost: limit)
  guard result.status.isSuccess else {
    throw ProcessEnded(name: "psql", status: result.status, lastLines: [result.output])
  }
  return result.output
}

/// Gone, or a zombie that whoever adopted it has not yet collected.
private func hasEnded(_ process: Int32) -> Bool {
  guard let line = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return true }
  return line[(line.lastIndex(of: ")") ?? line.startIndex)...].hasPrefix(") Z")
}

private func childProcesses(of parent: Int32) async -> [Int32] {
  let list = try? String(contentsOfFile: "/proc/\(parent)/task/\(parent)/children", encoding: .utf8)
  return (list ?? "").split(separator: " ").compactMap { Int32($0) }
}
