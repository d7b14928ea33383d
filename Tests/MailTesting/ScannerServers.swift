internal import Supervision

/// A real clamd that knows the EICAR test file, in a temporary directory.
package actor ClamdServer {
  private let directory: TemporaryDirectory
  private nonisolated let configuration: PrivateClamd
  private var child: ChildProcess?

  package nonisolated let port: Int
  package nonisolated var address: String { "127.0.0.1:\(port)" }

  /// Starts it on a free port.
  /// - Parameter streamMax: megabytes that a message may have.
  package init(streamMax: Int = 200) async throws {
    directory = try TemporaryDirectory()
    port = LoopbackPort.free()
    var configuration = PrivateClamd(
      directory: directory.path("clamd"), port: port, user: UnprivilegedUser.choose(environment: [:]))
    configuration.streamMax = streamMax
    self.configuration = configuration
    try configuration.prepare()
    try await start()
  }

  package func start() async throws {
    guard child?.isRunning != true else { return }
    let started = try ChildProcess.start(configuration.server)
    child = started
    atProcessExit { started.send(.kill) }
    try await waitUntilListening(started, port)
  }

  package func stop() async throws { try await end(with: .terminate) }
  package func kill() async throws { try await end(with: .kill) }
  package func freeze() { child?.send(.stop) }
  package func thaw() { child?.send(.continue) }

  private func end(with signal: Signal) async throws {
    try await child?.end(with: signal)
    child = nil
  }

  deinit { child?.send(.kill) }
}

/// A real rspamd that asks nobody, in a temporary directory.
package actor RspamdServer {
  private let directory: TemporaryDirectory
  private nonisolated let configuration: PrivateRspamd
  private var child: ChildProcess?

  package nonisolated let port: Int
  package nonisolated var url: String { configuration.url }

  /// Starts it on a free port.
  package init() async throws {
    directory = try TemporaryDirectory()
    port = LoopbackPort.free()
    configuration = PrivateRspamd(
      directory: directory.path("rspamd"), port: port, user: UnprivilegedUser.choose(environment: [:]))
    try configuration.prepare()
    try await start()
  }

  package func start() async throws {
    guard child?.isRunning != true else { return }
    let started = try ChildProcess.start(configuration.server)
    child = started
    atProcessExit { started.sendToGroup(.kill) }
    try await waitUntilListening(started, port)
  }

  package func kill() async throws {
    child?.sendToGroup(.kill)
    try await child?.waitForExit()
    child = nil
  }

  /// With its worker processes.
  package func freeze() { child?.sendToGroup(.stop) }
  package func thaw() { child?.sendToGroup(.continue) }

  deinit { child?.sendToGroup(.kill) }
}

private func waitUntilListening(_ child: ChildProcess, _ port: Int) async throws {
  try await eventually("port \(port) of \(child.name)") {
    guard child.isRunning else {
      throw ProcessEnded(name: child.name, status: child.state.exit ?? .exited(-1), lastLines: child.lines)
    }
    return LoopbackPort.accepts(port)
  }
}
