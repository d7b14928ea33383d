internal import CoreMetrics
internal import Logging
internal import MailModel
internal import MailQueue
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NodeMetrics
internal import Postgres
internal import ServiceLifecycle

/// Claims whenever there is room, and starts a task for each claimed message.
struct ClaimLoop: Sendable {
  let services: WorkerServices
  let configuration: WorkerConfiguration
  let sessions: SessionHolder
  private let capacity: WorkerCapacity
  /// Its number among the worker's loops.
  private let share: Int
  private let delivery: MessageDelivery
  private let outcomes: OutcomeWriter
  private let desk: SiteDesk?

  /// - Parameter desk: nil: nothing is known of sites in trouble, and nobody waits for them.
  init(
    services: WorkerServices, configuration: WorkerConfiguration, sessions: SessionHolder, capacity: WorkerCapacity,
    share: Int, desk: SiteDesk? = nil
  ) {
    self.services = services
    self.configuration = configuration
    self.sessions = sessions
    self.capacity = capacity
    self.share = share
    self.desk = desk
    outcomes = OutcomeWriter(pool: services.database, logger: services.logger, metrics: services.metrics)
    delivery = MessageDelivery(services: services, configuration: configuration, outcomes: outcomes, desk: desk)
  }

  /// Runs until graceful shutdown, then until what is under way has ended.
  func run() async {
    let alarm = capacity.alarm(share)
    let stopping = NIOLockedValueBox(false)
    await withGracefulShutdownHandler {
      await cancelWhenGracefulShutdown { await services.whenUsable() }
      await withDiscardingTaskGroup { deliveries in
        await claimLoop(alarm, stopping, &deliveries)
        await drain(&deliveries)
      }
    } onGracefulShutdown: {
      stopping.withLockedValue { $0 = true }
      capacity.inFlight.stopWaitingForRoom()
      alarm.ring()
    }
  }

  /// Deliveries get a while to end; then they are cancelled, which hands back what has not reached its final dot.
  private func drain(_ deliveries: inout DiscardingTaskGroup) async {
    services.logger.info("draining", metadata: ["in_flight": "\(jobsInFlight)"])
    let (inFlight, share) = (capacity.inFlight, share)
    let isDone = await withTaskGroup(of: Bool.self) { race in
      race.addTask {
        await inFlight.waitUntilEmpty(share)
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
      await capacity.inFlight.waitForRoom(share)
      guard let lease = await sessions.lease(), lease.holds(), !stopping.withLockedValue({ $0 }) else {
        await alarm.wait(atMost: .milliseconds(500))
        continue
      }
      let began = ContinuousClock.now
      let claimed = await claim(lease, &cursor)
      let took = began.duration(to: .now)
      for (message, body, pass) in claimed {
        let (domain, count) = (message.destination, message.jobs.count)
        capacity.allowances.withLockedValue { $0.began(domain, count, now: .now) }
        deliveries.addTask {
          let isRefused = await deliver(message, body, pass, lease)
          capacity.inFlight.remove(count, share)
          let mayHaveMore = capacity.allowances.withLockedValue {
            $0.ended(domain, count, isRefused: isRefused, now: .now)
          }
          if mayHaveMore { capacity.ring() }
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

  var jobsInFlight: Int { capacity.inFlight.count(share) }
  var outcomesWaiting: Int { outcomes.waitingCount }

  private typealias Claimed = (message: ClaimedMessage, body: ByteBuffer?, pass: SitePass?)

  private func claim(_ lease: WorkerLease, _ cursor: inout FairCursor) async -> [Claimed] {
    let (start, bodies) = (cursor, services.bodies)
    let desk = desk?.isTimeToLook() == true ? desk : nil
    let counter = lease.nextCounter()
    let reserved = capacity.inFlight.reserve(share)
    let (rooms, rowsMax) = capacity.allowances.withLockedValue { $0.rooms(room: reserved, now: .now) }
    var count = 0
    defer { capacity.inFlight.claimed(count, of: rowsMax, reserved: reserved, share) }
    let lost = lease.lostClaims
    let began = ContinuousClock.now
    do {
      let (claimed, held, next) = try await services.database.run { connection in
        var cursor = start
        if !lost.isEmpty { try WorkerSessions.void(lost, of: lease.id, connection) }
        let batch = try Claims.take(
          session: lease.id, counter: counter, cursor: &cursor, rooms: rooms, rowsMax: rowsMax, connection)
        let parked = try desk?.claim(session: lease.id, counter: counter, connection) ?? ParkedBatch()
        let messages = batch.messages + parked.batch.messages
        let small = messages.filter { $0.size <= Self.readAheadMax }
        let whole = try bodies.readWhole(small, connection)
        let claimed = messages.map { message -> Claimed in
          (
            message, whole[message.id].map { ByteBuffer(bytes: $0) },
            SiteDesk.pass(message, in: parked, counter: counter)
          )
        }
        return (claimed, batch.held + parked.batch.held, cursor)
      }
      cursor = next
      lease.voided(lost)
      for job in held {
        services.metrics.attempted(.held)
        services.logger.critical(
          "a recipient is held because its message is not in the database or cannot be read",
          metadata: ["id": "\(job.message)", "recipient": "\(job.recipient)"])
      }
      count = claimed.reduce(0) { $0 + $1.0.jobs.count }
      services.metrics.claimed(recipients: count, in: began.duration(to: .now))
      return claimed
    } catch let error as PostgresError where error.sqlState == "PR001" {
      sessions.endedByOthers(lease)
    } catch {
      lease.lost(counter)
      services.metrics.claimFailures.increment()
      services.logger.warning("claiming failed", metadata: ["error": "\(error)"])
      try? await Task.sleep(for: .milliseconds(500))
    }
    return []
  }

  private static let pauseMax: Duration = .milliseconds(20)

  /// Bodies up to this size come along with the claim; larger ones are streamed when they are sent.
  private static let readAheadMax = 64 * 1024

  /// - Returns: whether it was handed back untried.
  private func deliver(
    _ message: ClaimedMessage, _ body: ByteBuffer?, _ pass: SitePass?, _ lease: WorkerLease
  ) async -> Bool {
    let poisoned = message.jobs.filter { $0.crashes >= configuration.crashesMax }
    if poisoned.isEmpty {
      return await delivery.run(message, body: body, pass: pass, lease: lease)
    } else {
      await desk?.giveBack(pass, session: lease.id)
      await Isolation(services: services, configuration: configuration, outcomes: outcomes, turns: capacity.turns)
        .run(message, lease: lease)
      return false
    }
  }
}

extension ClaimedMessage {
  /// The domain of all its claimed recipients: they are of one lane.
  fileprivate var destination: String { envelope.recipients.first?.address.destination ?? "" }
}
