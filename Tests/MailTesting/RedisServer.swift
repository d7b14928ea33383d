internal import Supervision

/// A real Redis in a temporary directory.
package actor RedisServer {
  private let directory: TemporaryDirectory
  nonisolated let configuration: PrivateRedis
  private var child: ChildProcess?

  package nonisolated let port: Int
  package nonisolated let url: String

  /// Starts it on a free port.
  /// - Parameter master: whom it follows, with the same password.
  package init(password: String? = nil, follows master: RedisServer? = nil) async throws {
    directory = try TemporaryDirectory()
    port = LoopbackPort.free()
    var configuration = PrivateRedis(
      directory: directory.path("redis"), port: port, password: password,
      user: UnprivilegedUser.choose(environment: [:]))
    configuration.follows = master?.port
    self.configuration = configuration
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

  /// Sends a command through redis-cli, an independent witness; returns its raw answer.
  @discardableResult
  package nonisolated func command(_ words: String...) async throws -> String {
    try await redisCommand(words, port: port, password: configuration.password)
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

func redisCommand(_ words: [String], port: Int, password: String?) async throws -> String {
  let result = try await run(
    "redis-cli", ["-p", "\(port)", "--no-auth-warning"] + words,
    environment: password.map { ["REDISCLI_AUTH": $0] } ?? [:])
  return result.output
}
