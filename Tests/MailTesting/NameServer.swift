internal import Supervision

/// A real authoritative name server (nsd) on a loopback port.
package actor NameServer {
  private let directory: TemporaryDirectory
  private let configuration: PrivateNameServer
  private var child: ChildProcess?

  package nonisolated let port: Int
  /// What `dns.servers` takes.
  package nonisolated var address: String { "127.0.0.1@\(port)" }

  /// Starts it on a free port.
  /// - Parameter zones: zone name without final dot to its records, names relative to it; SOA and NS are added.
  ///   An empty text makes a zone that answers SERVFAIL. The zone "" is the root: with it, all else is NXDOMAIN;
  ///   without it, REFUSED.
  package init(zones: [String: String]) async throws {
    directory = try TemporaryDirectory()
    port = LoopbackPort.free()
    configuration = PrivateNameServer(
      directory: directory.path("nsd"), port: port, user: UnprivilegedUser.choose(environment: [:]))
    try configuration.prepare(zones: zones)
    try await start()
  }

  package func start() async throws {
    guard child?.isRunning != true else { return }
    let started = try ChildProcess.start(configuration.server)
    child = started
    atProcessExit { started.sendToGroup(.kill) }
    try await started.waitForLine(containing: PrivateNameServer.readyLine)
  }

  /// Replaces the zones; it is a restart, so that the new ones are certainly served.
  package func replace(zones: [String: String]) async throws {
    try configuration.prepare(zones: zones)
    try await stop()
    try await start()
  }

  package func stop() async throws {
    try await child?.end(with: .terminate)
    child = nil
  }

  /// It stays bound and does not answer: every query times out.
  package func freeze() { child?.sendToGroup(.stop) }
  package func thaw() { child?.sendToGroup(.continue) }

  deinit { child?.sendToGroup(.kill) }
}
