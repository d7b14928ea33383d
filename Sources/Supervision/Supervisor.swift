internal import Foundation
internal import Glibc

/// Keeps a list of processes alive, and ends all of them without leaving one behind.
///
/// They start in the order of the list, each when the one before serves, and stop in reverse order. One that dies
/// is started again after a growing pause. If the supervisor is killed, the kernel signals its children; what
/// survives even that is found by the next supervisor through the files in `run/` (see `Leftovers`).
package actor Supervisor {
  private let processes: [ManagedProcess]
  private let runDirectory: String
  private let logs: LogDirectory
  private let backOff: BackOff
  private let report: @Sendable (String) -> Void
  private let sleep: @Sendable (Duration) async throws -> Void

  private var children: [String: ChildProcess] = [:]
  private var watchers: [Task<Void, Never>] = []
  private var isStopping = false

  /// How often each process has been started again.
  package nonisolated let restarts = Observed<[String: Int]>([:])

  /// - Parameters:
  ///   - directory: gets `run/` with one file per live process and `log/` with one per program.
  ///   - report: gets the supervisor's own sentences and the lines of the processes that are shown, prefixed.
  ///   - sleep: how the back-off passes; a test puts its own here.
  package init(
    _ processes: [ManagedProcess], directory: String, backOff: BackOff = BackOff(),
    report: @escaping @Sendable (String) -> Void,
    sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
  ) throws {
    self.processes = processes
    runDirectory = "\(directory)/run"
    logs = LogDirectory("\(directory)/log")
    self.backOff = backOff
    self.report = report
    self.sleep = sleep
    try PrivateDirectory.make(runDirectory, owner: nil)
    try PrivateDirectory.make("\(directory)/log", owner: nil)
  }

  /// Starts all. When one does not come up, those that did are stopped again.
  package func start() async throws {
    do {
      for process in processes {
        guard !isStopping else { throw CancellationError() }
        try await process.before?()
        guard !isStopping else { throw CancellationError() }
        let child = try launch(process)
        try await waitUntilReady(process, child)
        report("\(process.name) runs (process \(child.processID))")
      }
    } catch {
      await stop()
      throw error
    }
    guard !isStopping else { throw CancellationError() }
    watchers = processes.map { process in Task { await self.watch(process) } }
  }

  /// The running process of that name.
  package func child(_ name: String) -> ChildProcess? { children[name] }

  /// Stops all in reverse order; each gets its time, then it is killed.
  package func stop() async {
    isStopping = true
    for watcher in watchers { watcher.cancel() }
    for process in processes.reversed() {
      guard let child = children.removeValue(forKey: process.name) else { continue }
      let status = try? await child.end(with: process.stopSignal, atMost: process.stopLimit)
      unlink("\(runDirectory)/\(process.name).pid")
      if let status, !isOrderly(status, process) { report("\(process.name) \(status) when asked to stop") }
    }
  }

  /// Kills what is still there: for the impatient.
  package func kill() {
    isStopping = true
    for child in children.values {
      child.sendToGroup(.kill)
      child.send(.kill)
    }
  }

  private func isOrderly(_ status: ExitStatus, _ process: ManagedProcess) -> Bool {
    status.isSuccess || status == .signalled(process.stopSignal.rawValue)
  }

  private func launch(_ process: ManagedProcess) throws -> ChildProcess {
    let log = try logs.file(process.name)
    let (name, report, isShown) = (process.name, report, process.isShown)
    let child = try ChildProcess.start(process.specification) { line in
      log.append(line)
      if isShown { report("\(name) | \(line)") }
    }
    children[process.name] = child
    try Leftovers.remember(child, stopSignal: process.stopSignal, in: runDirectory)
    return child
  }

  private func waitUntilReady(_ process: ManagedProcess, _ child: ChildProcess) async throws {
    switch process.readiness {
    case .started: break
    case .line(let text): try await child.waitForLine(containing: text, atMost: process.readyLimit)
    case .listens(let ports): try await waitForPorts(ports, of: child, atMost: process.readyLimit)
    }
  }

  private func waitForPorts(_ ports: [Int], of child: ChildProcess, atMost limit: Duration) async throws {
    let clock = ContinuousClock()
    let deadline = clock.now.advanced(by: limit)
    while !ports.allSatisfy({ PortHolder.listens(child.processID, on: $0) }) {
      guard child.isRunning else {
        throw ProcessEnded(
          name: child.name, status: child.state.exit ?? .exited(-1), lastLines: child.lines.suffix(20))
      }
      guard clock.now < deadline else {
        throw WaitTimedOut(what: "\(child.name) to listen on \(ports)", limit: limit)
      }
      // Nobody tells when another process begins to listen.
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  private func watch(_ process: ManagedProcess) async {
    let clock = ContinuousClock()
    var failures = 0
    while !isStopping, let child = children[process.name] {
      let start = clock.now
      guard let status = try? await child.waitForExit(atMost: .seconds(1_000_000_000)), !isStopping else { return }
      failures = clock.now - start > backOff.forgetAfter ? 1 : failures + 1
      report("\(process.name) \(status); it is started again (\(failures))")
      while !isStopping {
        guard (try? await sleep(backOff.pause(failure: failures))) != nil, !isStopping else { return }
        do {
          _ = try launch(process)
          restarts.update { $0[process.name, default: 0] += 1 }
          break
        } catch {
          failures += 1
          report("\(process.name): \(error)")
        }
      }
    }
  }
}
