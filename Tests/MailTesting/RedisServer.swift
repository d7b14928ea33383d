internal import Supervision

/// A real Redis in a temporary directory.
package actor RedisServer {
  private let directory: TemporaryDirectory
  private let configuration: PrivateRedis
  private var child: ChildProcess?

  package nonisolated let port: Int
  package nonisolated let url: String

  /// Starts it on a free port.
  package init(password: String? = nil) async throws {
    directory = try TemporaryDirectory()
    port = LoopbackPort.free()
    configuration = PrivateRedis(
      directory: directory.path("redis"), port: port, password: password,
      user: UnprivilegedUser.choose(environment: [:]))
    url = configuration.url
    try configuration.prepare()
    try await start()
  }

  package func start() async throws {
    guard child?.isRunning != true else { return }
    let started = try ChildProcess.start(configuration.server)
    child = started
    atProcessExit { started.send(.kill) }
    try await started.waitForLine(containing: PrivateRedis.readyLine)
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
