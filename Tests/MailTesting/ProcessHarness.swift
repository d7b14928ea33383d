internal import Foundation
package import Supervision

/// A real process under test. It is killed with the object, with the test process, and when that one is killed.
package final class ProcessHarness: Sendable {
  private let child: ChildProcess

  /// Starts a program.
  /// - Parameters:
  ///   - program: a path, a name in `PATH`, or the name of one of our own products (`postrider`, `postrider-lab`).
  ///   - environment: added to ours.
  package init(
    _ program: String, _ arguments: [String] = [], environment: [String: String] = [:], directory: String? = nil
  ) throws {
    let own = ProcessHarness.productsDirectory + "/" + program
    let path = !program.contains("/") && FileManager.default.isExecutableFile(atPath: own) ? own : program
    var specification = ProcessSpecification(
      program, program: path, arguments: arguments, directory: directory, deathSignal: .kill)
    specification.environment.merge(environment) { $1 }
    child = try ChildProcess.start(specification)
    let child = child
    atProcessExit { child.sendToGroup(.kill) }
  }

  deinit { child.sendToGroup(.kill) }

  /// Where `swift build` put the executables: next to the test bundle.
  package static var productsDirectory: String {
    let executable = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    for argument in CommandLine.arguments where argument.hasSuffix(".xctest") {
      return URL(fileURLWithPath: argument).deletingLastPathComponent().path
    }
    return executable.deletingLastPathComponent().path
  }

  package var processID: Int32 { child.processID }
  package var isRunning: Bool { child.isRunning }
  /// The last lines of both outputs.
  package var lines: [String] { child.lines }
  package var output: String { child.lines.joined(separator: "\n") }

  /// Waits for a line of output that contains the text, and returns it.
  @discardableResult
  package func waitForLine(containing text: String, atMost limit: Duration = .seconds(180)) async throws -> String {
    try await child.waitForLine(containing: text, atMost: limit)
  }

  /// Waits until the output as a whole satisfies a condition.
  @discardableResult
  package func waitForLines(
    atMost limit: Duration = .seconds(180), until isSatisfied: @escaping @Sendable ([String]) -> Bool
  ) async throws -> [String] {
    try await child.wait(atMost: limit, for: "lines") { isSatisfied($0.lines) || $0.exit != nil }.lines
  }

  /// Waits until somebody accepts connections on the port; fails at once when the process ends before.
  package func waitForPort(
    _ port: Int, at address: String = "127.0.0.1", atMost limit: Duration = .seconds(180)
  ) async throws {
    try await eventually("port \(port) of \(child.name)", atMost: limit) { [child] in
      guard child.isRunning else {
        throw ProcessEnded(name: child.name, status: child.state.exit ?? .exited(-1), lastLines: child.lines)
      }
      return LoopbackPort.accepts(port, at: address)
    }
  }

  @discardableResult
  package func waitForExit(atMost limit: Duration = .seconds(180)) async throws -> ExitStatus {
    try await child.waitForExit(atMost: limit)
  }

  package func send(_ signal: Signal) { child.send(signal) }

  /// kill -9, and waits until it is gone.
  package func kill() async throws {
    child.sendToGroup(.kill)
    try await child.waitForExit()
  }

  /// SIGSTOP: it stays alive and does nothing.
  package func freeze() { child.sendToGroup(.stop) }
  package func thaw() { child.sendToGroup(.continue) }

  /// SIGTERM, and the exit status.
  @discardableResult
  package func terminate(atMost limit: Duration = .seconds(180)) async throws -> ExitStatus {
    child.send(.terminate)
    return try await child.waitForExit(atMost: limit)
  }
}

/// Runs a program to its end.
/// - Returns: its exit status and both outputs.
package func run(
  _ program: String, _ arguments: [String] = [], environment: [String: String] = [:], directory: String? = nil,
  atMost limit: Duration = .seconds(300)
) async throws -> (status: ExitStatus, output: String) {
  let process = try ProcessHarness(program, arguments, environment: environment, directory: directory)
  let status = try await process.waitForExit(atMost: limit)
  return (status, process.output)
}

/// Waits until a condition of the outside world holds that nobody announces; it is asked again every 10 ms.
package func eventually(
  _ what: String, atMost limit: Duration = .seconds(180), _ isTrue: @Sendable () async throws -> Bool
) async throws {
  let clock = ContinuousClock()
  let deadline = clock.now.advanced(by: limit)
  while try await !isTrue() {
    guard clock.now < deadline else { throw WaitTimedOut(what: what, limit: limit) }
    try await Task.sleep(for: .milliseconds(10))
  }
}
