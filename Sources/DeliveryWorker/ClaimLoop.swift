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
  private let allowances: NIOLockedValueBox<DestinationAllowances>
  private let outcomes: OutcomeWriter
  private let turns: Turns

  init(services: WorkerServices, configuration: WorkerConfiguration, sessions: SessionHolder) {
    self.services = services
    self.configuration = configuration
    self.sessions = sessions
    outcomes = OutcomeWriter(pool: services.database, logger: services.logger)
    delivery = MessageDelivery(services: services, configuration: configuration, outcomes: outcomes)
    inFlight = InFlight(limit: configuration.jobsMax)
    allowances = NIOLockedValueBox(
      DestinationAllowances(
        jobsMax: configuration.jobsMax, connectionsPerDestination: configuration.connectionsPerDestination))
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
      let began = ContinuousClock.now
      let claimed = await claim(lease, &cursor)
      let took = began.duration(to: .now)
      for (message, body) in claimed {
        let (domain, count) = (message.destination, message.jobs.count)
        inFlight.add(count)
        allowances.withLockedValue { $0.began(domain, count, now: .now) }
        deliveries.addTask {
          let isRefused = await deliver(message, body, lease)
          inFlight.remove(count)
          let mayHaveMore = allowances.withLockedValue { $0.ended(domain, count, isRefused: isRefused, now: .now) }
          if mayHaveMore { alarm.ring() }
        }
      }
      // At most half of the time goes into claims: they are the larger and the fewer the busier the database is.
      try? await Task.sleep(for: min(took, Self.pauseMax))
      if claimed.isEmpty {
        // Jitter, so that many idle workers do not ask in step.
        await alarm.wait(atMost: configuration.pollInterval * Double.random(in: 0.75...1.25))
      }
    }
  }

  private func claim(_ lease: WorkerLease, _ cursor: inout FairCursor) async -> [(ClaimedMessage, ByteBuffer?)] {
    let (start, bodies) = (cursor, services.bodies)
    let counter = lease.nextCounter()
    let (rooms, rowsMax) = allowances.withLockedValue { $0.rooms(room: inFlight.room, now: .now) }
    let lost = lease.lostClaims
    do {
      let (claimed, next) = try await services.database.run { connection in
        var cursor = start
        if !lost.isEmpty { try WorkerSessions.void(lost, of: lease.id, connection) }
        let messages = try Claims.take(
          session: lease.id, counter: counter, cursor: &cursor, rooms: rooms, rowsMax: rowsMax, connection)
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

  private static let pauseMax: Duration = .milliseconds(20)

  /// Bodies up to this size come along with the claim; larger ones are streamed when they are sent.
  private static let readAheadMax = 64 * 1024

  /// - Returns: whether it was handed back untried.
  private func deliver(_ message: ClaimedMessage, _ body: ByteBuffer?, _ lease: WorkerLease) async -> Bool {
    let poisoned = message.jobs.filter { $0.crashes >= configuration.crashesMax }
    if poisoned.isEmpty {
      return await delivery.run(message, body: body, lease: lease)
    } else {
      await Isolation(services: services, configuration: configuration, outcomes: outcomes, turns: turns)
        .run(message, lease: lease)
      return false
    }
  }
}

extension ClaimedMessage {
  /// The domain of all its claimed recipients: they are of one lane.
  fileprivate var destination: String { envelope.recipients.first?.address.destination ?? "" }
}
