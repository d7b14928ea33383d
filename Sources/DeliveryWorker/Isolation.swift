internal import Foundation
internal import Glibc
internal import Logging
package import MailModel
internal import MailQueue
internal import NIOConcurrencyHelpers
internal import Observability
internal import Postgres

/// A message whose claims ended three times without an outcome may be what kills workers. It is delivered in a
/// process of its own; if that dies too, the message is held for a person, with an alarm in the log.
///
/// The claim is never free in between: the process takes it over by its token into a session that we have named,
/// and when the process has died we take it back from there. No other worker can come in between.
struct Isolation: Sendable {
  let services: WorkerServices
  let configuration: WorkerConfiguration
  let outcomes: OutcomeWriter
  let turns: Turns

  /// How a process of its own has ended.
  private enum Ending {
    case delivered
    /// By a signal: the message is what kills.
    case died
    /// It could not do its work, which says nothing about the message.
    case failed(String)
    case interrupted
  }

  func run(_ message: ClaimedMessage, lease: WorkerLease) async {
    for job in message.jobs {
      await turns.take()
      await deliverAlone(job, message, lease)
      turns.giveBack()
    }
  }

  private func deliverAlone(_ job: Job, _ message: ClaimedMessage, _ lease: WorkerLease) async {
    services.logger.error(
      "a message ended its worker repeatedly; it is delivered in a process of its own",
      metadata: ["id": "\(message.id)", "recipient": "\(job.recipient)", "crashes": "\(job.crashes)"])
    let session = QueueID(unixMilliseconds: 0)
    let ending = await runChild(IsolatedClaim(job: job, from: lease.id, session: session))
    if case .delivered = ending { return }
    guard let own = await takeBack(job, from: session, lease) else { return }
    switch ending {
    case .delivered: break
    case .died:
      await complete(own, message, .held, "held: its delivery ends the process that tries it", lease)
      services.logger.critical(
        "a message is held because its delivery ends the process that tries it",
        metadata: ["id": "\(message.id)", "recipient": "\(job.recipient)"])
    case .failed(let why):
      services.logger.error(
        "a process of its own could not deliver", metadata: ["id": "\(message.id)", "reason": "\(why)"])
      await complete(own, message, .deferred(.seconds(60)), "a process of its own could not deliver: \(why)", lease)
    case .interrupted:
      await complete(own, message, .handedBack, "shutting down", lease)
    }
  }

  private func complete(
    _ job: Job, _ message: ClaimedMessage, _ disposition: Disposition, _ why: String, _ lease: WorkerLease
  ) async {
    _ = await outcomes.write(
      [
        CompletedJob(
          job: job, tenant: message.tenant, disposition: disposition, attempt: Attempt(result: .notTried(why)))
      ], lease: lease)
  }

  /// The claim under our own session again, whether the process had taken it over or not. Its session ends here:
  /// we have seen its process end.
  private func takeBack(_ job: Job, from session: QueueID, _ lease: WorkerLease) async -> Job? {
    let counter = lease.nextCounter()
    while !lease.hasEnded {
      do {
        return try await services.database.run { connection in
          let own = try Claims.takeOver(
            job.message, job.recipient, from: [lease.id, session], to: lease.id, counter: counter, connection)
          try WorkerSessions.end(session, why: "its process ended", connection)
          return own?.jobs.first
        }
      } catch {
        services.logger.warning("a claim cannot be taken back yet", metadata: ["error": "\(error)"])
        do { try await Task.sleep(for: .milliseconds(500)) } catch { return nil }
      }
    }
    return nil
  }

  private func runChild(_ claim: IsolatedClaim) async -> Ending {
    guard let command = configuration.isolatedCommand, let program = command.first else {
      return .failed("there is no program for it")
    }
    if Task.isCancelled { return .interrupted }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = command.dropFirst() + (services.shard.map { ["--shard", $0] } ?? []) + claim.arguments
    let child = NIOLockedValueBox<(process: Process?, isCancelled: Bool)>((nil, false))
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        process.terminationHandler = { ended in
          let isCancelled = child.withLockedValue { $0.isCancelled }
          continuation.resume(returning: Self.ending(of: ended, isCancelled: isCancelled))
        }
        do {
          try process.run()
          child.withLockedValue { child in
            child.process = process
            if child.isCancelled { process.terminate() }
          }
        } catch {
          process.terminationHandler = nil
          continuation.resume(returning: .failed("\(error)"))
        }
      }
    } onCancel: {
      child.withLockedValue { child in
        child.isCancelled = true
        child.process?.terminate()
      }
    }
  }

  private static func ending(of process: Process, isCancelled: Bool) -> Ending {
    switch (process.terminationReason, process.terminationStatus) {
    case (.exit, 0): .delivered
    case (.exit, let status): .failed("it ended with exit code \(status)")
    case _ where isCancelled: .interrupted
    // Whoever stops a whole service signals this process's child too: no fault of the message's.
    case (.uncaughtSignal, SIGTERM), (.uncaughtSignal, SIGINT), (.uncaughtSignal, SIGHUP): .interrupted
    default: .died
    }
  }
}

/// The claim that a process of its own takes over, as its command line carries it.
package struct IsolatedClaim: Sendable {
  let message: QueueID
  let recipient: Int32
  /// The session that claims now.
  let from: QueueID
  /// The session that the process begins.
  let session: QueueID

  init(job: Job, from: QueueID, session: QueueID) {
    (message, recipient, self.from, self.session) = (job.message, job.recipient, from, session)
  }

  package init(message: QueueID, recipient: Int32, from: QueueID, session: QueueID) {
    (self.message, self.recipient, self.from, self.session) = (message, recipient, from, session)
  }

  var arguments: [String] { ["\(message)", "\(recipient)", "\(from)", "\(session)"] }
}

/// Delivers one job and nothing else: what the process of its own runs.
package struct IsolatedDelivery: Sendable {
  let services: WorkerServices
  let configuration: WorkerConfiguration

  package init(services: WorkerServices, configuration: WorkerConfiguration) {
    self.services = services
    self.configuration = configuration
  }

  /// - Returns: false when the claim was no longer there to be taken over.
  package func run(_ claim: IsolatedClaim) async throws -> Bool {
    let sessions = SessionHolder(services: services, configuration: configuration, id: claim.session)
    guard let lease = await sessions.lease() else {
      throw PostgresError(.connection, "the database cannot be reached")
    }
    let counter = lease.nextCounter()
    let claimed = try await services.database.run { connection in
      try Claims.takeOver(
        claim.message, claim.recipient, from: [claim.from], to: lease.id, counter: counter, connection)
    }
    if let claimed {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await sessions.keepAlive() }
        let outcomes = OutcomeWriter(pool: services.database, logger: services.logger)
        await MessageDelivery(services: services, configuration: configuration, outcomes: outcomes)
          .run(claimed, body: nil, lease: lease)
        group.cancelAll()
      }
    }
    await sessions.end()
    return claimed != nil
  }
}

/// How many processes of their own run at once: after a worker's third death everything that it had in flight is
/// under suspicion.
final class Turns: Sendable {
  private struct State {
    var free: Int
    var waiters: [CheckedContinuation<Void, Never>] = []
  }

  private let state: NIOLockedValueBox<State>

  init(_ count: Int) { state = NIOLockedValueBox(State(free: count)) }

  func take() async {
    await withCheckedContinuation { continuation in
      let isFree = state.withLockedValue { state in
        if state.free > 0 {
          state.free -= 1
          return true
        }
        state.waiters.append(continuation)
        return false
      }
      if isFree { continuation.resume() }
    }
  }

  func giveBack() {
    let next: CheckedContinuation<Void, Never>? = state.withLockedValue { state in
      if state.waiters.isEmpty {
        state.free += 1
        return nil
      }
      return state.waiters.removeFirst()
    }
    next?.resume()
  }
}
