internal import Dispatch
internal import Glibc
internal import NIOConcurrencyHelpers

/// Threads that each own one connection and run blocking work on it, so that neither an event loop nor Swift's
/// cooperative threads ever wait for PostgreSQL.
package final class PostgresPool: Sendable {
  package typealias Work = @Sendable (Result<PostgresConnection, PostgresError>) -> Void

  private struct State {
    var waiting: [Work] = []
    var head = 0
    var stopped = false

    var count: Int { waiting.count - head }

    mutating func next() -> Work? {
      guard head < waiting.count else { return nil }
      let work = waiting[head]
      head += 1
      if head == waiting.count || head > 1024 {
        waiting.removeFirst(head)
        head = 0
      }
      return work
    }
  }

  private let state = NIOLockedValueBox(State())
  private let signal = DispatchSemaphore(value: 0)
  private let configuration: PostgresConfiguration
  private let waitingMax: Int
  private let threads: Int

  /// - Parameters:
  ///   - threads: how many connections at most; each is made when it is first needed.
  ///   - waitingMax: how much work may wait; beyond it `.busy` is thrown at once.
  package init(_ configuration: PostgresConfiguration, threads: Int, waitingMax: Int = 100_000) {
    self.configuration = configuration
    self.waitingMax = waitingMax
    self.threads = threads
    for _ in 0..<threads { startThread { [weak self] in self?.connectionLoop() } }
  }

  /// Ends the threads once the waiting work is done. Later work is refused.
  package func shutdown() {
    state.withLockedValue { $0.stopped = true }
    for _ in 0..<threads { signal.signal() }
  }

  /// Runs `body` on one of the pool's threads.
  package func run<T: Sendable>(_ body: @escaping @Sendable (PostgresConnection) throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
      submit { connection in
        do {
          continuation.resume(returning: try body(try connection.get()))
        } catch {
          continuation.resume(throwing: error)
        }
      }
    }
  }

  /// The same with a callback: `work` is called exactly once, on a thread of the pool, or at once when the pool
  /// takes no more.
  package func submit(_ work: @escaping Work) {
    let refusal: PostgresError? = state.withLockedValue { state in
      if state.stopped { return PostgresError(.busy, "shutting down") }
      if state.count >= waitingMax { return PostgresError(.busy, "too much work is waiting for the database") }
      state.waiting.append(work)
      return nil
    }
    if let refusal { return work(.failure(refusal)) }
    signal.signal()
  }

  private func connectionLoop() {
    var connection: PostgresConnection?
    var retryAt = ContinuousClock.now
    var lastFailure = PostgresError(.connection, "not connected")
    while true {
      signal.wait()
      let (work, stopped) = state.withLockedValue { ($0.next(), $0.stopped) }
      guard let work else {
        if stopped { return }
        continue
      }
      if connection?.isOpen != true {
        connection = nil
        // A dead server is asked again at most four times a second; meanwhile callers get the last reason at once.
        if .now >= retryAt {
          do throws(PostgresError) {
            connection = try configuration.connect()
          } catch {
            lastFailure = error
            retryAt = .now + .milliseconds(250)
          }
        }
      }
      if let connection { work(.success(connection)) } else { work(.failure(lastFailure)) }
    }
  }
}

/// How to reach PostgreSQL, and what each new connection is told first.
package struct PostgresConfiguration: Sendable {
  package var url: String
  package var role: String
  package var connectTimeout: Duration
  package var statementTimeout: Duration
  /// Run on each new connection before it is used, for example `SET synchronous_commit = on`.
  package var preamble: [String]

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
      url: url, role: role, connectTimeout: connectTimeout, timeout: statementTimeout)
    for statement in preamble { try connection.execute(script: statement) }
    return connection
  }
}

/// Starts a detached thread of the operating system.
private func startThread(_ body: @escaping @Sendable () -> Void) {
  final class Box: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
  var attributes = pthread_attr_t()
  pthread_attr_init(&attributes)
  pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
  var thread = pthread_t()
  let box = Unmanaged.passRetained(Box(body))
  let status = pthread_create(
    &thread, &attributes,
    { argument in
      if let argument { Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body() }
      return nil
    }, box.toOpaque())
  pthread_attr_destroy(&attributes)
  precondition(status == 0, "the system refuses a thread: \(status)")
}
