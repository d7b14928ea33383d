internal import Supervision

/// A real Redis Sentinel in a temporary directory.
package actor SentinelServer {
  private let directory: TemporaryDirectory
  private let configuration: PrivateSentinel
  private var child: ChildProcess?

  package nonisolated let port: Int

  /// Starts it on a free port.
  /// - Parameters:
  ///   - name: of the master and its replicas together.
  ///   - quorum: how many Sentinels must find the master dead.
  ///   - downAfter: how long it must have been silent for that.
  package init(
    _ name: String, master: RedisServer, quorum: Int, downAfter: Duration, password: String? = nil
  ) async throws {
    directory = try TemporaryDirectory()
    port = LoopbackPort.free()
    configuration = PrivateSentinel(
      directory: directory.path("sentinel"), port: port, password: password,
      user: UnprivilegedUser.choose(environment: [:]))
    try configuration.prepare(name: name, master: master.configuration, quorum: quorum, downAfter: downAfter)
    try await start()
  }

  package func start() async throws {
    guard child?.isRunning != true else { return }
    let started = try ChildProcess.start(configuration.server)
    child = started
    atProcessExit { started.send(.kill) }
    try await started.waitForLine(containing: PrivateSentinel.readyLine)
  }

  package func kill() async throws {
    try await child?.end(with: .kill)
    child = nil
  }

  /// Sends a command through redis-cli, an independent witness; returns its raw answer.
  @discardableResult
  package nonisolated func command(_ words: String...) async throws -> String {
    try await redisCommand(words, port: port, password: configuration.password)
  }

  deinit { child?.send(.kill) }
}

/// A master with one replica, and Sentinels that watch both.
package struct SentinelGroup: Sendable {
  package static let name = "mail"

  package let master: RedisServer
  package let replica: RedisServer
  package let sentinels: [SentinelServer]

  /// Returns when a failover is possible.
  /// - Parameters:
  ///   - sentinelPassword: what the Sentinels ask for.
  ///   - downAfter: a silence after which they fail over; short only where the master is to die.
  package static func start(
    sentinels count: Int = 3, password: String = "secret", sentinelPassword: String? = nil,
    downAfter: Duration = .seconds(60)
  ) async throws -> SentinelGroup {
    let master = try await RedisServer(password: password)
    let replica = try await RedisServer(password: password, follows: master)
    try await eventually("the replica is in step") {
      try await replica.command("INFO", "replication").contains("master_link_status:up")
    }
    var sentinels: [SentinelServer] = []
    for _ in 0..<count {
      sentinels.append(
        try await SentinelServer(
          name, master: master, quorum: count / 2 + 1, downAfter: downAfter, password: sentinelPassword))
    }
    for sentinel in sentinels {
      try await eventually("a Sentinel knows everybody") {
        let facts = try await sentinel.command("SENTINEL", "MASTER", name).split(separator: "\n").map(String.init)
        func fact(_ name: String) -> String? { facts.firstIndex(of: name).map { facts[$0 + 1] } }
        return fact("num-slaves") == "1" && fact("num-other-sentinels") == "\(count - 1)" && fact("flags") == "master"
      }
    }
    return SentinelGroup(master: master, replica: replica, sentinels: sentinels)
  }

  /// Of our own form.
  package var url: String {
    let hosts = sentinels.map { "127.0.0.1:\($0.port)" }.joined(separator: ",")
    return "redis+sentinel://:\(master.configuration.password ?? "")@\(hosts)/\(Self.name)/0"
  }
}
