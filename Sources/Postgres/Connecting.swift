internal import CPostgres
internal import Glibc

/// Finds the server to use among several, without blocking on any one of them.
///
/// The server that was used last is tried first. Another one is tried as soon as an attempt fails, or when it has said
/// nothing for `headStart`; the first that can be used is taken. So a dead or deaf server costs a quarter of a second.
struct Connecting {
  private struct Attempt {
    let handle: OpaquePointer
    let server: Int
    let deadline: ContinuousClock.Instant
    var status = PGRES_POLLING_WRITING

    init(_ handle: OpaquePointer, server: Int, deadline: ContinuousClock.Instant) {
      self.handle = handle
      self.server = server
      self.deadline = deadline
    }
  }

  private static let headStart: Duration = .milliseconds(250)

  private let target: ConnectionTarget
  private let limit: Duration
  private var waiting: [Int]
  private var nextStart = ContinuousClock.now
  private var attempts: [Attempt] = []
  private var failures: [PostgresError] = []

  /// - Parameters:
  ///   - first: the server to try first.
  ///   - limit: for each server, from the first packet to the end of its greeting.
  init(_ target: ConnectionTarget, first: Int, limit: Duration) {
    self.target = target
    self.limit = limit
    let count = target.servers.count
    waiting = (0..<count).map { (first + $0) % count }
  }

  /// - Returns: a connection, which the caller must finish, and the number of its server.
  mutating func run() throws(PostgresError) -> (handle: OpaquePointer, server: Int) {
    defer { for attempt in attempts { PQfinish(attempt.handle) } }
    while true {
      try startNext()
      guard !attempts.isEmpty else { throw failure }
      wait()
      if let winner = advance() { return winner }
    }
  }

  private mutating func startNext() throws(PostgresError) {
    while let server = waiting.first, attempts.isEmpty || .now >= nextStart {
      waiting.removeFirst()
      let (keywords, values) = (target.servers[server].keywords, target.servers[server].values)
      let handle = withCStrings(keywords) { names in
        withCStrings(values) { values in PQconnectStartParams(names, values, 0) }
      }
      guard let handle else { throw PostgresError(.connection, "out of memory") }
      // Otherwise a refused connection does not tell its SQLSTATE.
      PQsetErrorVerbosity(handle, PQERRORS_VERBOSE)
      nextStart = .now + Self.headStart
      attempts.append(Attempt(handle, server: server, deadline: .now + limit))
    }
  }

  /// Until a socket is ready, an attempt has lasted too long or another one is to begin.
  private func wait() {
    var descriptors = attempts.map { attempt in
      pollfd(
        fd: PQsocket(attempt.handle), events: Int16(attempt.status == PGRES_POLLING_WRITING ? POLLOUT : POLLIN),
        revents: 0)
    }
    let deadlines = attempts.map(\.deadline) + (waiting.isEmpty ? [] : [nextStart])
    let until = deadlines.min() ?? .now
    _ = poll(&descriptors, nfds_t(descriptors.count), millisecondsLeft(until))
  }

  private mutating func advance() -> (handle: OpaquePointer, server: Int)? {
    for index in attempts.indices.reversed() {
      if isReady(attempts[index]) { attempts[index].status = PQconnectPoll(attempts[index].handle) }
      let attempt = attempts[index]
      if PQstatus(attempt.handle) == CONNECTION_BAD || attempt.status == PGRES_POLLING_FAILED {
        drop(index, because: connectionFailure(attempt.handle))
      } else if attempt.status == PGRES_POLLING_OK {
        PQsetErrorVerbosity(attempt.handle, PQERRORS_DEFAULT)
        attempts.remove(at: index)
        return (attempt.handle, attempt.server)
      } else if .now >= attempt.deadline {
        let host = PQhost(attempt.handle).map { String(cString: $0) } ?? "?"
        drop(index, because: PostgresError(.timeout, "\(host) did not accept a connection in time"))
      }
    }
    return nil
  }

  private func isReady(_ attempt: Attempt) -> Bool {
    let events = attempt.status == PGRES_POLLING_WRITING ? POLLOUT : POLLIN
    var descriptor = pollfd(fd: PQsocket(attempt.handle), events: Int16(events), revents: 0)
    return poll(&descriptor, 1, 0) > 0
  }

  private mutating func drop(_ index: Int, because failure: PostgresError) {
    PQfinish(attempts.remove(at: index).handle)
    failures.append(failure)
  }

  /// All servers' reasons in one line.
  private var failure: PostgresError {
    PostgresError(
      failures.allSatisfy { $0.kind == .timeout } ? .timeout : .connection,
      sqlState: failures.compactMap(\.sqlState).first, failures.map(\.message).joined(separator: "; "))
  }

  /// `… FATAL:  53300: sorry, too many clients already` and lines about the place in the server's source.
  private func connectionFailure(_ handle: OpaquePointer) -> PostgresError {
    let lines = String(cString: PQerrorMessage(handle)).split(separator: "\n").filter { !$0.hasPrefix("LOCATION:") }
    var text = lines.map { $0.drop { $0 == " " || $0 == "\t" } }.joined(separator: "; ")
    var state: String?
    if let fatal = text.firstRange(of: "FATAL:") {
      let rest = text[fatal.upperBound...].drop { $0 == " " }
      let code = rest.prefix(5)
      if rest.dropFirst(5).hasPrefix(": ") {
        state = String(code)
        text.replaceSubrange(fatal.lowerBound..<rest.index(rest.startIndex, offsetBy: 7), with: "")
      }
    }
    return PostgresError(.connection, sqlState: state, text.isEmpty ? "connection lost" : text)
  }
}

/// For poll(2): rounded up, so that it never spins.
func millisecondsLeft(_ until: ContinuousClock.Instant) -> Int32 {
  let left = until - .now
  guard left > .zero else { return 0 }
  let (seconds, attoseconds) = left.components
  return Int32(clamping: seconds * 1000 + attoseconds / 1_000_000_000_000_000 + 1)
}

func withCStrings<T>(_ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> T) -> T {
  let copies = strings.map { strdup($0) }
  defer { for copy in copies { free(copy) } }
  var pointers = copies.map { UnsafePointer<CChar>($0) }
  pointers.append(nil)
  return pointers.withUnsafeBufferPointer { buffer in
    withExtendedLifetime(buffer) { body(buffer.baseAddress ?? UnsafePointer(bitPattern: 8).unsafelyUnwrapped) }
  }
}
