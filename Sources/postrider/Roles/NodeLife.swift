internal import Foundation
internal import Logging
internal import NodeStatus
internal import Observability
internal import ServiceLifecycle
internal import Settings
internal import UnixSignals

extension Node {
  /// Runs services until SIGTERM or SIGINT, then lets them drain.
  ///
  /// `/readyz` says «draining» first. After `notice` the services stop taking work, in reverse order, and finish what
  /// they have begun. A second signal, or the end of `shutdown.timeout`, cancels what is left: sessions are closed,
  /// deliveries that have not reached their final dot are handed back. Should even that hang, the process ends itself.
  func run(_ services: [any Service], _ status: NodeStatus, notice: Duration = .zero) async throws {
    let group = ServiceGroup(
      configuration: ServiceGroupConfiguration(services: services.map { .init(service: $0) }, logger: logger))
    let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
    let (begun, beginning) = AsyncStream.makeStream(of: Void.self)
    status.begin()
    try await withThrowingTaskGroup(of: Ended.self) { tasks in
      tasks.addTask {
        try await group.run()
        return .services
      }
      tasks.addTask { await watch(signals) { beginning.yield() } }
      tasks.addTask { await drain(group, status, after: begun, notice: notice) }
      // Nothing but a signal makes the services end well.
      guard case .patience(let why)? = try await tasks.next() else { return tasks.cancelAll() }
      logger.warning("ending at once", metadata: .fields([.reason: why]))
      Self.endAtLast(after: .seconds(5))
      tasks.cancelAll()
      do { while try await tasks.next() != nil {} } catch is CancellationError {}
    }
  }

  private enum Ended: Sendable {
    case services
    /// It must end although it has not finished.
    case patience(why: String)
  }

  private func watch(_ signals: UnixSignalsSequence, onFirst: () -> Void) async -> Ended {
    var isFirst = true
    for await signal in signals {
      if !isFirst { return .patience(why: "a second signal: \(signal)") }
      isFirst = false
      onFirst()
    }
    return .patience(why: "cancelled")
  }

  private func drain(
    _ group: ServiceGroup, _ status: NodeStatus, after begun: AsyncStream<Void>, notice: Duration
  ) async -> Ended {
    for await _ in begun { break }
    do {
      try Task.checkCancellation()
      status.drain()
      logger.info("draining", metadata: .fields([.delay: notice.milliseconds]))
      try await Task.sleep(for: notice)
      await group.triggerGracefulShutdown()
      // The services keep to the limit themselves; this is for those that do not.
      try await Task.sleep(for: settings.shutdown.timeout + .seconds(5))
      return .patience(why: "shutdown.timeout has passed")
    } catch {
      return .patience(why: "cancelled")
    }
  }

  /// On a thread of its own: whatever hangs, this does not.
  private static func endAtLast(after limit: Duration) {
    Thread.detachNewThread {
      Thread.sleep(forTimeInterval: Double(limit.components.seconds))
      Logs.flush()
      _exit(ExitStatus.failure.rawValue)
    }
  }
}
