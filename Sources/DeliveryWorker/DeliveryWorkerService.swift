internal import BounceRules
internal import CoreMetrics
internal import Logging
internal import MailModel
internal import MailQueue
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NodeMetrics
internal import Postgres
internal import ServiceLifecycle

/// A delivery worker: claims jobs under a lease, delivers them, records every outcome.
///
/// Guarantees: nothing is sent once the lease may have run out; an outcome is never forgotten while the process
/// lives; a worker that dies leaves claims that count as free when its session has ended. On graceful shutdown it
/// claims nothing more, lets what is under way end, hands the rest back and ends its session.
///
/// With several databases it has a session and a claim loop in each; connections, places and what destinations can bear
/// are common to all. One that is away does not stop the others.
package struct DeliveryWorkerService: Service {
  let databases: [WorkerServices]
  let configuration: WorkerConfiguration
  /// What it is doing just now.
  package let state = WorkerState()
  /// What it knows of sites in trouble.
  package let book: SiteBook

  /// - Parameter databases: one element for each; of their `hints` only the first's are heard.
  package init(databases: [WorkerServices], configuration: WorkerConfiguration) {
    self.databases = databases
    self.configuration = configuration
    book = SiteBook(configuration.sites)
  }

  package init(services: WorkerServices, configuration: WorkerConfiguration) {
    self.init(databases: [services], configuration: configuration)
  }

  package func run() async throws {
    prepareBounceRules()
    let capacity = WorkerCapacity(configuration, loops: databases.count)
    let exchange = databases.first.map { first in
      SiteExchange(book, redis: first.redis, logger: first.logger) { capacity.ring() }
    }
    let parts = databases.enumerated().map { number, services in
      let sessions = SessionHolder(services: services, configuration: configuration)
      return ClaimLoop(
        services: services, configuration: configuration, sessions: sessions, capacity: capacity, share: number,
        desk: exchange.map { SiteDesk($0, services, number: number) })
    }
    state.begin(parts)
    await withTaskGroup(of: Void.self) { helpers in
      if let hints = databases.first?.hints { helpers.addTask { for await _ in hints { capacity.ring() } } }
      for part in parts { helpers.addTask { await part.sessions.keepAlive() } }
      if let exchange { helpers.addTask { await exchange.run() } }
      await withDiscardingTaskGroup { loops in
        for part in parts { loops.addTask { await part.run() } }
      }
      helpers.cancelAll()
    }
    await withDiscardingTaskGroup { group in
      for part in parts { group.addTask { await part.sessions.end() } }
    }
  }
}

/// Begins worker sessions and keeps the current one alive.
final class SessionHolder: Sendable {
  private let services: WorkerServices
  private let configuration: WorkerConfiguration
  private let current = NIOLockedValueBox<WorkerLease?>(nil)
  private let fixedID: QueueID?

  /// - Parameter id: of the only session, for a process that somebody else has to answer for.
  init(services: WorkerServices, configuration: WorkerConfiguration, id: QueueID? = nil) {
    self.services = services
    self.configuration = configuration
    fixedID = id
  }

  /// The one that lives, if any.
  var living: WorkerLease? { current.withLockedValue { $0 }.flatMap { $0.hasEnded ? nil : $0 } }

  /// The session to claim under; nil while there is none, because the database cannot be asked.
  func lease() async -> WorkerLease? {
    if let lease = current.withLockedValue({ $0 }), !lease.hasEnded { return lease }
    return await begin()
  }

  private func begin() async -> WorkerLease? {
    let id = fixedID ?? QueueID(high: UInt64.random(in: 0...UInt64.max), low: UInt64.random(in: 0...UInt64.max))
    let sent = ContinuousClock.now
    do {
      let (node, lease) = (configuration.node, configuration.lease)
      try await services.database.run { try WorkerSessions.begin(id: id, node: node, lease: lease, $0) }
    } catch {
      services.logger.warning("no worker session", metadata: ["error": "\(error)"])
      return nil
    }
    let lease = WorkerLease(id: id, duration: configuration.lease, sent: sent)
    current.withLockedValue { $0 = lease }
    services.logger.info("worker session begun", metadata: ["session": "\(id)"])
    return lease
  }

  /// One heartbeat for all claims, however many.
  func keepAlive() async {
    while !Task.isCancelled {
      try? await Task.sleep(for: configuration.heartbeat)
      guard let lease = current.withLockedValue({ $0 }), !lease.hasEnded else { continue }
      let sent = ContinuousClock.now
      do {
        if try await services.heartbeats.run({ try WorkerSessions.renew(lease.id, $0) }) {
          lease.renewed(sent: sent)
        } else {
          endedByOthers(lease)
        }
      } catch {
        services.metrics.heartbeatFailures.increment()
        services.logger.warning("heartbeat failed", metadata: ["error": "\(error)"])
      }
    }
  }

  /// The database says so, to a heartbeat or to a claim, whichever asked first.
  func endedByOthers(_ lease: WorkerLease) {
    if lease.hasEnded { return }
    lease.end()
    services.logger.error("the worker session was ended by others", metadata: ["session": "\(lease.id)"])
  }

  func end() async {
    guard let lease = current.withLockedValue({ $0 }), !lease.hasEnded else { return }
    lease.end()
    try? await services.database.run { try WorkerSessions.end(lease.id, why: "shut down", $0) }
  }
}
