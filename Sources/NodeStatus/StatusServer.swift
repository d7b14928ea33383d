internal import Hummingbird
package import Logging
internal import NIOCore
internal import ServiceLifecycle

/// `/healthz`, `/readyz` and `/metrics` on one address. Plain HTTP without a login: for loopback or a network of the
/// operators' own; metrics name tenants and destinations.
package struct StatusServer: Sendable {
  private let group: ServiceGroup
  /// One element when it listens; ends without one when the address cannot be had.
  private let beginning: AsyncStream<Void>
  private let hasBegun: AsyncStream<Void>.Continuation

  /// - Parameter port: 0 takes any free one; the log tells which.
  package init(_ status: NodeStatus, host: String, port: Int, logger: Logger) {
    let (beginning, hasBegun) = AsyncStream.makeStream(of: Void.self)
    (self.beginning, self.hasBegun) = (beginning, hasBegun)
    var quiet = logger
    // One line for each health check would bury the others.
    quiet.logLevel = max(logger.logLevel, .warning)
    let application = Application(
      responder: Self.router(status).buildResponder(),
      server: .http1(configuration: .init(idleTimeout: .seconds(30))),
      configuration: ApplicationConfiguration(
        address: .hostname(host, port: port), serverName: "postrider", backlog: 64,
        availableConnectionsDelegate: .maximum(64, logger: quiet)),
      onServerRunning: { channel in
        logger.info("status", metadata: ["address": "\(channel.localAddress?.shown ?? "")"])
        hasBegun.yield()
      }, logger: quiet)
    var configuration = ServiceGroupConfiguration(services: [.init(service: application)], logger: quiet)
    // Whoever is slow to ask or to read must not keep the process.
    configuration.maximumGracefulShutdownDuration = .seconds(1)
    group = ServiceGroup(configuration: configuration)
  }

  /// Serves until `stop`.
  /// - Throws: when the address cannot be had.
  package func run() async throws {
    defer { hasBegun.finish() }
    try await group.run()
  }

  /// Waits until it can be asked, once.
  /// - Returns: false: it never will be, and `run` throws.
  package func isListening() async -> Bool {
    for await _ in beginning { return true }
    return false
  }

  package func stop() async { await group.triggerGracefulShutdown() }

  private static func router(_ status: NodeStatus) -> Router<BasicRequestContext> {
    let router = Router()
    router.get("healthz") { _, _ in Self.text(.ok, "alive\n") }
    router.get("readyz") { _, _ in
      let report = await status.report()
      return Self.text(report.isReady ? .ok : .serviceUnavailable, report.text)
    }
    router.get("metrics") { _, _ in
      Self.text(.ok, await status.metricsText(), type: "text/plain; version=0.0.4; charset=utf-8")
    }
    return router
  }

  private static func text(
    _ code: Hummingbird.HTTPResponse.Status, _ body: String, type: String = "text/plain; charset=utf-8"
  ) -> Response {
    Response(
      status: code, headers: [.contentType: type, .cacheControl: "no-store"],
      body: ResponseBody(byteBuffer: ByteBuffer(string: body)))
  }
}

extension SocketAddress {
  fileprivate var shown: String {
    let host = ipAddress ?? ""
    return "\(host.contains(":") ? "[\(host)]" : host):\(port ?? 0)"
  }
}
