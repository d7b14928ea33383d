internal import CProcess
internal import Foundation
internal import Glibc
internal import Synchronization

/// A running program of somebody else's or of ours: its output, its end, and signals that never hit a stranger.
///
/// The process is reaped by a thread of its own, which also started it: the kernel sends the parent death signal
/// when the *thread* that forked ends, so that thread must live as long as the child.
package final class ChildProcess: Sendable {
  /// What has been seen of it.
  package struct State: Sendable {
    /// The last lines of both outputs.
    package internal(set) var lines: [String] = []
    package internal(set) var exit: ExitStatus?
  }

  package let name: String
  package let processID: Int32
  private let observed: Observed<State>
  private let mayBeSignalled: Mutex<Bool>

  static let linesKept = 16_000

  private init(name: String, processID: Int32, observed: Observed<State>) {
    self.name = name
    self.processID = processID
    self.observed = observed
    mayBeSignalled = Mutex(true)
  }

  /// Starts a program.
  /// - Parameter onLine: gets each line of either output, in order, on a thread of its own.
  /// - Throws: `SpawnFailure`.
  package static func start(
    _ specification: ProcessSpecification, onLine: (@Sendable (String) -> Void)? = nil
  ) throws(SpawnFailure) -> ChildProcess {
    guard let path = specification.resolvedProgram else {
      throw SpawnFailure(program: specification.program, reason: "there is no such program in PATH")
    }
    var ends: [Int32] = [0, 0]
    guard child_pipe(&ends) == 0 else { throw SpawnFailure(program: path, reason: "pipe: \(errorText(errno))") }
    let (reading, writing) = (ends[0], ends[1])
    let started = Observed<Result<ChildProcess, SpawnFailure>?>(nil)
    let isKnown = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      let result = Result<Int32, SpawnFailure> { () throws(SpawnFailure) in
        try spawn(specification, path: path, output: writing)
      }
      close(writing)
      let child = result.map { id in
        ChildProcess(name: specification.name, processID: id, observed: Observed(State()))
      }
      started.update { $0 = child }
      isKnown.signal()
      if case .success(let child) = child {
        child.attend(output: reading, onLine: onLine)
      } else {
        close(reading)
      }
    }
    isKnown.wait()
    guard let result = started.value else { throw SpawnFailure(program: path, reason: "the thread was lost") }
    return try result.get()
  }

  package var state: State { observed.value }
  package var lines: [String] { observed.value.lines }
  package var isRunning: Bool { observed.value.exit == nil }

  /// Sends a signal; nothing happens when the process has ended.
  package func send(_ signal: Signal) {
    mayBeSignalled.withLock { may in
      if may { _ = Glibc.kill(processID, signal.rawValue) }
    }
  }

  /// Sends a signal to the process and all its descendants that stayed in its session's process group.
  package func sendToGroup(_ signal: Signal) {
    mayBeSignalled.withLock { may in
      if may { _ = Glibc.kill(-processID, signal.rawValue) }
    }
  }

  /// Waits for what its state must become.
  @discardableResult
  package func wait(
    atMost limit: Duration, for what: String, until isSatisfied: @escaping @Sendable (State) -> Bool
  ) async throws -> State {
    try await observed.wait(atMost: limit, for: "\(what) of \(name)", until: isSatisfied)
  }

  /// Waits for a line that contains the text.
  /// - Throws: `ProcessEnded` when the process ends without it, `WaitTimedOut`.
  @discardableResult
  package func waitForLine(containing text: String, atMost limit: Duration = .seconds(60)) async throws -> String {
    let state = try await wait(atMost: limit, for: "the line \"\(text)\"") { state in
      state.exit != nil || state.lines.contains { $0.contains(text) }
    }
    if let line = state.lines.first(where: { $0.contains(text) }) { return line }
    throw ProcessEnded(name: name, status: state.exit ?? .exited(-1), lastLines: state.lines.suffix(20))
  }

  /// Waits for its end; all its output is known then.
  @discardableResult
  package func waitForExit(atMost limit: Duration = .seconds(60)) async throws -> ExitStatus {
    let state = try await wait(atMost: limit, for: "the end") { $0.exit != nil }
    return state.exit ?? .exited(-1)
  }

  /// Sends a signal, waits for the end, and kills what does not end in time.
  @discardableResult
  package func end(with signal: Signal, atMost limit: Duration = .seconds(20)) async throws -> ExitStatus {
    send(signal)
    if let status = try? await waitForExit(atMost: limit) { return status }
    sendToGroup(.kill)
    send(.kill)
    return try await waitForExit()
  }
}

extension ChildProcess {
  /// Runs on the thread that started the child, until the child has ended.
  private func attend(output: Int32, onLine: (@Sendable (String) -> Void)?) {
    let isRead = DispatchSemaphore(value: 0)
    let observed = observed
    Thread.detachNewThread {
      readLines(output) { line in
        observed.update { state in
          state.lines.append(line)
          if state.lines.count > Self.linesKept { state.lines.removeFirst(Self.linesKept / 2) }
        }
        onLine?(line)
      }
      isRead.signal()
    }
    var information = siginfo_t()
    while waitid(P_PID, id_t(processID), &information, WEXITED | WNOWAIT) != 0 && errno == EINTR {}
    var status: Int32 = 0
    // Reaped under the lock: from here on the number may belong to somebody else.
    mayBeSignalled.withLock { may in
      may = false
      while waitpid(processID, &status, 0) < 0 && errno == EINTR {}
    }
    // A grandchild may keep the output open; what the child itself wrote is in the pipe by now.
    var unread: Int32 = 0
    while isRead.wait(timeout: .now() + .seconds(2)) == .timedOut, ioctl(output, UInt(FIONREAD), &unread) == 0,
      unread > 0
    {}
    let number = status & 0x7F
    let exit = number == 0 ? ExitStatus.exited((status >> 8) & 0xFF) : .signalled(number)
    observed.update { $0.exit = exit }
  }
}

/// A program that could not be started.
package struct SpawnFailure: Error, CustomStringConvertible {
  package let program: String
  package let reason: String

  package var description: String { "cannot start \(program): \(reason)" }
}

/// A program that ended when it should have gone on.
package struct ProcessEnded: Error, CustomStringConvertible {
  package let name: String
  package let status: ExitStatus
  package let lastLines: [String]

  package init(name: String, status: ExitStatus, lastLines: [String]) {
    self.name = name
    self.status = status
    self.lastLines = lastLines
  }

  package var description: String {
    let output = lastLines.isEmpty ? "it wrote nothing" : "its last lines:\n  " + lastLines.joined(separator: "\n  ")
    return "\(name) \(status); \(output)"
  }
}

func errorText(_ number: Int32) -> String { String(cString: strerror(number)) }
