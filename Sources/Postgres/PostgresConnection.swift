internal import CPostgres
internal import Glibc

/// One connection to PostgreSQL through libpq, used by one thread at a time.
///
/// Every call blocks its thread until the server has answered or `timeout` has passed. A call that times out
/// drops the connection and cancels nothing: with a synchronous standby a cancelled COMMIT reports success,
/// so the only honest answer after a late COMMIT is «not known».
package final class PostgresConnection {
  private var handle: OpaquePointer?
  private var prepared: [String: String] = [:]
  /// Names are never used twice: a failed PREPARE may or may not have left its name behind.
  private var preparedCount = 0
  private let warnings = WarningBox()
  /// How long one call may take from first byte to last.
  package var timeout: Duration

  /// When the call in hand must end at the latest, whatever `timeout` says; nil: `timeout` alone counts.
  package var deadline: ContinuousClock.Instant?
  private let memory: ServerMemory
  private let generation: Int
  /// Where it is: `host:port`.
  let server: String
  /// The server process of a connection that was dropped because a call took too long: it goes on without us.
  private(set) var abandonedBackend: Int32?

  /// - Parameters:
  ///   - url: a libpq connection string (`postgresql://…`), of one or several servers.
  ///   - role: `application_name`, seen in `pg_stat_activity`.
  ///   - connectTimeout: for each server, unless the string has its own.
  init(url: String, role: String, connectTimeout: Duration, timeout: Duration, memory: ServerMemory)
    throws(PostgresError)
  {
    self.timeout = timeout
    self.memory = memory
    let target = try ConnectionTarget(url: url, role: role)
    var connecting = Connecting(target, first: memory.preferred, limit: target.timeout ?? connectTimeout)
    let (handle, number) = try connecting.run()
    generation = memory.connected(to: number)
    self.handle = handle
    server = PostgresConnection.name(of: handle)
    PQsetnonblocking(handle, 1)
    PQsetNoticeReceiver(
      handle,
      { context, result in
        guard let context else { return }
        let code = PQresultErrorField(result, Int32(UInt8(ascii: "C"))).map { String(cString: $0) }
        let text = PQresultErrorField(result, Int32(UInt8(ascii: "M"))).map { String(cString: $0) }
        Unmanaged<WarningBox>.fromOpaque(context).takeUnretainedValue().list.append((code ?? "", text ?? ""))
      }, Unmanaged.passUnretained(warnings).toOpaque())
  }

  deinit { close() }

  private static func name(of handle: OpaquePointer) -> String {
    let host = PQhost(handle).map { String(cString: $0) } ?? ""
    let port = PQport(handle).map { String(cString: $0) } ?? ""
    return (host.contains(":") ? "[\(host)]" : host) + ":" + port
  }

  /// Whether a call is worth trying: also what the server has said meanwhile counts, such as that it shuts down, that
  /// somebody has ended the session or that it was idle for too long. Does not block.
  package func isUsable() -> Bool {
    if generation != memory.generation { close() }
    guard let handle, PQstatus(handle) == CONNECTION_OK else { return false }
    var descriptor = pollfd(fd: PQsocket(handle), events: Int16(POLLIN), revents: 0)
    // What has come is read first, and only then the end behind it.
    for _ in 0..<8 where poll(&descriptor, 1, 0) > 0 {
      guard PQconsumeInput(handle) == 1, PQstatus(handle) == CONNECTION_OK else {
        close()
        return false
      }
      _ = PQisBusy(handle)
    }
    return true
  }

  package var isOpen: Bool { handle.map { PQstatus($0) == CONNECTION_OK } ?? false }

  package func close() {
    if let handle { PQfinish(handle) }
    handle = nil
    prepared = [:]
  }

  /// Runs one statement. It is prepared on its first use on this connection.
  package func query(_ sql: String, _ parameters: PostgresParameters = PostgresParameters()) throws(PostgresError)
    -> PostgresResult
  {
    let results = try pipeline([PostgresStatement(sql, parameters)])
    guard let last = results.last else { throw PostgresError(.decoding, "the server returned no result") }
    return last
  }

  /// Runs a script of several statements without parameters (migrations). Not prepared.
  package func execute(script: String) throws(PostgresError) {
    let handle = try open()
    guard PQsendQuery(handle, script) == 1 else { throw broken() }
    let deadline = nextDeadline
    var failure: PostgresError?
    while let result = try nextResult(by: deadline) {
      let status = PQresultStatus(result)
      if status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE { failure = failure ?? serverError(result) }
      PQclear(result)
    }
    if let failure { throw failure }
  }

  /// Runs `statements` in one transaction and one round trip, COMMIT included.
  /// - Returns: the statements' results, in order.
  /// - Throws: the first failing statement's error; then nothing took effect. `.connection` and `.timeout` mean
  ///   that it is not known whether the transaction took effect.
  @discardableResult
  package func transaction(_ statements: [PostgresStatement]) throws(PostgresError) -> [PostgresResult] {
    warnings.list = []
    let all = [PostgresStatement("BEGIN")] + statements + [PostgresStatement("COMMIT")]
    let results: [PostgresResult]
    do {
      results = try pipeline(all)
    } catch {
      try rollBack(after: error)
      throw error
    }
    guard results.last?.commandTag == "COMMIT" else {
      throw PostgresError(.server, "the transaction was rolled back instead of committed")
    }
    // «canceling the wait for synchronous replication»: committed here, perhaps nowhere else.
    if let warning = warnings.list.first(where: { $0.code.hasPrefix("01") || $0.code.hasPrefix("57") }) {
      throw PostgresError(.connection, "COMMIT carried a warning: \(warning.text)")
    }
    return Array(results.dropFirst().dropLast())
  }

  /// Runs `body` between BEGIN and COMMIT, for transactions whose later statements depend on earlier results.
  package func transaction<T>(_ body: () throws -> T) throws -> T {
    _ = try query("BEGIN")
    do {
      let value = try body()
      _ = try transactionEnd()
      return value
    } catch {
      if isOpen { _ = try? query("ROLLBACK") }
      throw error
    }
  }

  private func transactionEnd() throws(PostgresError) {
    warnings.list = []
    let result = try query("COMMIT")
    guard result.commandTag == "COMMIT" else {
      throw PostgresError(.server, "the transaction was rolled back instead of committed")
    }
    if let warning = warnings.list.first {
      throw PostgresError(.connection, "COMMIT carried a warning: \(warning.text)")
    }
  }

  private func rollBack(after error: PostgresError) throws(PostgresError) {
    guard error.kind == .server, isOpen else { return }
    do {
      _ = try query("ROLLBACK")
    } catch {
      close()
    }
  }

  /// Sends all statements before reading the first result. After a failing one the rest is not run.
  package func pipeline(_ statements: [PostgresStatement]) throws(PostgresError) -> [PostgresResult] {
    let handle = try open()
    let deadline = nextDeadline
    guard PQenterPipelineMode(handle) == 1 else { throw broken() }
    var expected: [(isQuery: Bool, sql: String)] = []
    for statement in statements {
      let name: String
      if let known = prepared[statement.sql] {
        name = known
      } else {
        preparedCount += 1
        name = "s\(preparedCount)"
        guard statement.sendPrepare(on: handle, name: name) else { throw broken() }
        expected.append((false, statement.sql))
        prepared[statement.sql] = name
      }
      guard statement.sendExecute(on: handle, name: name) else { throw broken() }
      expected.append((true, statement.sql))
    }
    guard PQpipelineSync(handle) == 1 else { throw broken() }
    return try collect(expected, by: deadline)
  }

  private func collect(_ expected: [(isQuery: Bool, sql: String)], by deadline: ContinuousClock.Instant)
    throws(PostgresError) -> [PostgresResult]
  {
    var results: [PostgresResult] = []
    var failure: PostgresError?
    for item in expected {
      while let result = try nextResult(by: deadline) {
        switch PQresultStatus(result) {
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK:
          if item.isQuery { results.append(PostgresResult(owning: result)) } else { PQclear(result) }
        case PGRES_PIPELINE_ABORTED:
          if !item.isQuery { prepared[item.sql] = nil }
          PQclear(result)
        default:
          let error = serverError(result)
          failure = failure ?? error
          if !item.isQuery { prepared[item.sql] = nil }
          PQclear(result)
          // The connection went with it: nothing more will come.
          if !isOpen { throw error }
        }
      }
    }
    guard let sync = try nextResult(by: deadline) else { throw broken() }
    PQclear(sync)
    guard let handle, PQexitPipelineMode(handle) == 1 else { throw broken() }
    if let failure { throw failure }
    return results
  }
}

extension PostgresConnection {
  private var nextDeadline: ContinuousClock.Instant {
    let limit = ContinuousClock.now + timeout
    return deadline.map { min($0, limit) } ?? limit
  }

  private func open() throws(PostgresError) -> OpaquePointer {
    guard let handle, PQstatus(handle) == CONNECTION_OK else {
      throw PostgresError(.connection, "the connection is closed")
    }
    return handle
  }

  /// Drops a connection whose state is no longer known.
  private func broken() -> PostgresError {
    let message = handle.map { errorText(PQerrorMessage($0)) } ?? "the connection is closed"
    close()
    return PostgresError(.connection, message)
  }

  private func serverError(_ result: OpaquePointer) -> PostgresError {
    let state = PQresultErrorField(result, Int32(UInt8(ascii: "C"))).map { String(cString: $0) }
    let text = PQresultErrorField(result, Int32(UInt8(ascii: "M"))).map { String(cString: $0) }
    guard let state else { return broken() }
    // Class 57P: the server is shutting down or terminated us; 08: the connection is bad; 25P03: a transaction was
    // idle for too long, and its session is gone.
    if state.hasPrefix("57P") || state.hasPrefix("08") || state == "25P03" {
      close()
      return PostgresError(.connection, sqlState: state, text ?? "connection lost")
    }
    // A server that cannot be written, though it could when we connected: it was demoted. Nothing took effect.
    if state == "25006" {
      memory.retireConnections(of: generation)
      close()
    }
    return PostgresError(.server, sqlState: state, text ?? "unknown error")
  }

  /// Waits for the next result; nil ends the current statement's results.
  private func nextResult(by deadline: ContinuousClock.Instant) throws(PostgresError) -> OpaquePointer? {
    guard let handle else { throw PostgresError(.connection, "the connection is closed") }
    var flushed = PQflush(handle)
    while PQisBusy(handle) == 1 || flushed == 1 {
      try wait(handle, writing: flushed == 1, by: deadline)
      guard PQconsumeInput(handle) == 1 else { throw broken() }
      flushed = PQflush(handle)
      guard flushed >= 0 else { throw broken() }
    }
    return PQgetResult(handle)
  }

  private func wait(_ handle: OpaquePointer, writing: Bool, by deadline: ContinuousClock.Instant)
    throws(PostgresError)
  {
    var descriptor = pollfd(
      fd: PQsocket(handle), events: Int16(POLLIN) | (writing ? Int16(POLLOUT) : 0), revents: 0)
    while true {
      let left = deadline - .now
      guard left > .zero else {
        abandonedBackend = PQbackendPID(handle)
        close()
        throw PostgresError(.timeout, "no answer within the time limit; the connection was dropped")
      }
      let ready = poll(&descriptor, 1, millisecondsLeft(deadline))
      if ready > 0 { return }
      if ready < 0, errno != EINTR { throw broken() }
    }
  }
}

/// Collects the warnings of a connection; only its thread touches it.
private final class WarningBox {
  var list: [(code: String, text: String)] = []
}

private func errorText(_ pointer: UnsafePointer<CChar>?) -> String {
  let text = pointer.map { String(cString: $0) } ?? ""
  let lines = text.split(separator: "\n").map { $0.drop { $0 == " " || $0 == "\t" } }
  return lines.isEmpty ? "connection lost" : lines.joined(separator: "; ")
}
