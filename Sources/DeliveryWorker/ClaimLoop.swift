internal import Logging
internal import MailModel
internal import MailQueue
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import Postgres
internal import ServiceLifecycle

/// Claims whenever there is room, and starts a task for each claimed message.
struct ClaimLoop: Sendable {
  let services: WorkerServices
  let configuration: WorkerConfiguration
  let sessions: SessionHolder
  private let delivery: MessageDelivery
  private let inFlight: InFlight
  private let outcomes: OutcomeWriter
  private let turns: Turns

  init(services: WorkerServices, configuration: WorkerConfiguration, sessions: SessionHolder) {
    self.services = services
    self.configuration = configuration
    self.sessions = sessions
    outcomes = OutcomeWriter(pool: services.database, logger: services.logger)
    delivery = MessageDelivery(services: services, configuration: configuration, outcomes: outcomes)
    inFlight = InFlight(limit: configuration.jobsMax)
    turns = Turns(configuration.isolatedMax)
  }

  /// Runs until graceful shutdown, then until what is under way has ended.
  func run() async {
    let alarm = Alarm()
    let stopping = NIOLockedValueBox(false)
    await withTaskGroup(of: Void.self) { group in
      group.addTask { for await _ in services.hints { alarm.ring() } }
      await withGracefulShutdownHandler {
        await withDiscardingTaskGroup { deliveries in
          await claimLoop(alarm, stopping, &deliveries)
          await drain(&deliveries)
        }
      } onGracefulShutdown: {
        stopping.withLockedValue { $0 = true }
        inFlight.stopWaitingForRoom()
        alarm.ring()
      }
      group.cancelAll()
    }
  }

  /// Deliveries get a while to end; then they are cancelled, which hands back what has not reached its final dot.
  private func drain(_ deliveries: inout DiscardingTaskGroup) async {
    services.logger.info("draining", metadata: ["in_flight": "\(inFlight.limit - inFlight.room)"])
    let inFlight = inFlight
    let isDone = await withTaskGroup(of: Bool.self) { race in
      race.addTask {
        await inFlight.waitUntilEmpty()
        return true
      }
      race.addTask { [timeout = configuration.shutdownTimeout] in
        try? await Task.sleep(for: timeout)
        return false
      }
      let first = await race.next() ?? true
      if !first { deliveries.cancelAll() }
      race.cancelAll()
      return first
    }
    if !isDone { services.logger.warning("the shutdown limit has passed; what is left is handed back") }
  }

  private func claimLoop(
    _ alarm: Alarm, _ stopping: NIOLockedValueBox<Bool>, _ deliveries: inout DiscardingTaskGroup
  ) async {
    var cursor = FairCursor()
    while !stopping.withLockedValue({ $0 }), !Task.isCancelled {
      await inFlight.waitForRoom(max(1, min(100, configuration.jobsMax / 4)))
      guard let lease = await sessions.lease(), lease.holds(), !stopping.withLockedValue({ $0 }) else {
        await alarm.wait(atMost: .milliseconds(500))
        continue
      }
      let claimed = await claim(lease, &cursor)
      for (message, body) in claimed {
        inFlight.add(message.jobs.count)
        deliveries.addTask {
          await deliver(message, body, lease)
          inFlight.remove(message.jobs.count)
        }
      }
      if claimed.isEmpty {
        // Jitter, so that many idle workers do not ask in step.
        await alarm.wait(atMost: configuration.pollInterval * Double.random(in: 0.75...1.25))
      }
    }
  }

  private func claim(_ lease: WorkerLease, _ cursor: inout FairCursor) async -> [(ClaimedMessage, ByteBuffer?)] {
    let (start, bodies) = (cursor, services.bodies)
    let (lanesMax, rowsMax, counter) = (configuration.lanesMax, inFlight.room, lease.nextCounter())
    let lost = lease.lostClaims
    do {
      let (claimed, next) = try await services.database.run { connection in
        var cursor = start
        if !lost.isEmpty { try WorkerSessions.void(lost, of: lease.id, connection) }
        let messages = try Claims.take(
          session: lease.id, counter: counter, cursor: &cursor, lanesMax: lanesMax, rowsMax: rowsMax, connection)
        let small = messages.filter { $0.size <= Self.readAheadMax }
        let whole = try bodies.readWhole(small, connection)
        return (messages.map { ($0, whole[$0.id].map { ByteBuffer(bytes: $0) }) }, cursor)
      }
      cursor = next
      lease.voided(lost)
      return claimed
    } catch let error as PostgresError where error.sqlState == "PR001" {
      sessions.endedByOthers(lease)
    } catch {
      lease.lost(counter)
      services.logger.warning("claiming failed", metadata: ["error": "\(error)"])
      try? await Task.sleep(for: .milliseconds(500))
    }
    return []
  }

  /// Bodies up to this size come along with the claim; larger ones are streamed when they are sent.
  private static let readAheadMax = 64 * 1024

  private func deliver(_ message: ClaimedMessage, _ body: ByteBuffer?, _ lease: WorkerLease) async {
    let poisoned = message.jobs.filter { $0.crashes >= configuration.crashesMax }
    if poisoned.isEmpty {
      await delivery.run(message, body: body, lease: lease)
    } else {
      await Isolation(services: services, configuration: configuration, outcomes: outcomes, turns: turns)
        .run(message, lease: lease)
    }
  }
}

/// Ends a wait early. A ring that nobody waits for is kept for the next wait.
final class Alarm: Sendable {
  private struct State {
    var hasRung = false
    var waiter: CheckedContinuation<Void, Never>?
  }
  private let state = NIOLockedValueBox(State())

  func ring() {
    let waiter = state.withLockedValue { state in
      defer { state.waiter = nil }
      state.hasRung = state.waiter == nil
      return state.waiter
    }
    waiter?.resume()
  }

  func wait(atMost limit: Duration) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { try? await Task.sleep(for: limit) }
      group.addTask { await self.untilRung() }
      await group.next()
      group.cancelAll()
    }
  }

  private func untilRung() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isDue = state.withLockedValue { state in
          if state.hasRung || Task.isCancelled {
            state.hasRung = false
            return true
          }
          state.waiter = continuation
          return false
        }
        if isDue { continuation.resume() }
      }
    } onCancel: {
      state.withLockedValue { state in
        defer { state.waiter = nil }
        return state.waiter
      }?.resume()
    }
  }
}
