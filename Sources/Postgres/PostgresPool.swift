internal import Dispatch
internal import Glibc
internal import NIOConcurrencyHelpers

/// Threads that each own one connection and run blocking work on it, so that neither an event loop nor Swift's
/// cooperative threads ever wait for PostgreSQL.
package final class PostgresPool: Sendable {
  package typealias Work = @Sendable (Result<PostgresConnection, PostgresError>) -> Void

  private struct Item {
    let work: Work
    let writes: Bool
  }

  private struct State {
    var waiting: [Item] = []
    var head = 0
    var stopped = false
    /// Threads with a connection.
    var open = 0

    var count: Int { waiting.count - head }

    mutating func next() -> Item? {
      guard head < waiting.count else { return nil }
      let item = waiting[head]
      head += 1
      if head == waiting.count || head > 1024 {
        waiting.removeFirst(head)
        head = 0
      }
      return item
    }
  }

  private let state = NIOLockedValueBox(State())
  private let signal = DispatchSemaphore(value: 0)
  private let configuration: PostgresConfiguration
  private let abandoned = AbandonedCommits()
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

  /// Work that waits for a connection.
  package var waitingCount: Int { state.withLockedValue(\.count) }

  /// Runs `body` on one of the pool's threads.
  /// - Parameter writes: false only for what does not write: it is done even while commits wait for a standby.
  package func run<T: Sendable>(
    writes: Bool = true, _ body: @escaping @Sendable (PostgresConnection) throws -> T
  ) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
      submit(writes: writes) { connection in
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
  package func submit(writes: Bool = true, _ work: @escaping Work) {
    let refusal: PostgresError? = state.withLockedValue { state in
      if state.stopped { return PostgresError(.busy, "shutting down") }
      if state.count >= waitingMax { return PostgresError(.busy, "too much work is waiting for the database") }
      state.waiting.append(Item(work: work, writes: writes))
      return nil
    }
    if let refusal { return work(.failure(refusal)) }
    signal.signal()
  }

  private func connectionLoop() {
    var pooled = PooledConnection(configuration, abandoned)
    var wasOpen = false
    while true {
      signal.wait()
      let (item, stopped) = state.withLockedValue { ($0.next(), $0.stopped) }
      guard let item else {
        if stopped { return }
        continue
      }
      let connection = pooled.ready(writes: item.writes)
      let othersAreOpen = count(isOpen: pooled.isOpen, wasOpen: &wasOpen)
      if case .failure(let error) = connection, error.sqlState == Self.tooManyConnections, othersAreOpen {
        giveBack(item)
        continue
      }
      item.work(connection)
      pooled.used()
      _ = count(isOpen: pooled.isOpen, wasOpen: &wasOpen)
    }
  }

  private static let tooManyConnections = "53300"

  /// - Returns: whether another thread has a connection.
  private func count(isOpen: Bool, wasOpen: inout Bool) -> Bool {
    let change = (isOpen ? 1 : 0) - (wasOpen ? 1 : 0)
    wasOpen = isOpen
    return state.withLockedValue { state in
      state.open += change
      return state.open > (isOpen ? 1 : 0)
    }
  }

  /// The server lives and has no room for this thread: one that has a connection shall do it.
  private func giveBack(_ item: Item) {
    state.withLockedValue { state in
      state.waiting.insert(item, at: state.head)
    }
    signal.signal()
    usleep(useconds_t(PooledConnection.retryPause.components.attoseconds / 1_000_000_000_000))
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
