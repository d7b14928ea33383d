// The end of a report's way: read, tied to its message and recipient, and recorded before anybody says 250.
//
// What proves that a report belongs to a message is the address that it came to, not what it says. What it says decides
// for the rest: which recipient, whether it bounced, and whether that is for good.
internal import BounceRules
package import Logging
package import MailModel
package import MailQueue
internal import NIOPosix
package import NodeMetrics
internal import Observability
package import Postgres
internal import ReportReading
package import ReturnPaths

/// Takes what comes to return paths. To a session it is a queue: a message that it has «enqueued» is recorded.
///
/// A process that dies between COMMIT and 250 leaves a report that its sender brings again: nothing is recorded, told or
/// suppressed twice (`ReportRecords`).
package final class ReportIntake: MessageEnqueuing {
  package typealias Database = (name: String, pool: PostgresPool)

  private let keys: ReturnPathKeys
  private let databases: [Database]
  private let policy: SuppressionPolicy
  private let enqueuePolicy: EnqueuePolicy
  private let logger: Logger
  private let metrics: InboundMetrics

  /// - Parameters:
  ///   - databases: all that may have the message; the first is asked first.
  ///   - enqueuePolicy: for what is passed on to senders.
  package init(
    keys: ReturnPathKeys, databases: [Database], policy: SuppressionPolicy, enqueuePolicy: EnqueuePolicy,
    logger: Logger, metrics: InboundMetrics = InboundMetrics()
  ) {
    self.enqueuePolicy = enqueuePolicy
    self.keys = keys
    self.databases = databases
    self.policy = policy
    self.logger = logger
    self.metrics = metrics
  }

  /// What is said to a recipient: nil: it is a return path of ours.
  package func refusal(of recipient: MailAddress) -> Reply? {
    if keys.path(of: recipient) != nil { return nil }
    return ReturnPathKeys.hasForm(recipient)
      ? Reply(550, EnhancedStatus(5, 1, 1), "There is no such return path")
      : Reply(554, EnhancedStatus(5, 7, 1), "Relaying denied: only reports about mail from here are taken")
  }

  package func enqueue(
    _ message: NewMessage, completion: @escaping @Sendable (Result<EnqueueReceipt, EnqueueFailure>) -> Void
  ) {
    guard let address = message.envelope.recipients.first?.address, let path = keys.path(of: address) else {
      return completion(.failure(.refused(Reply(550, EnhancedStatus(5, 1, 1), "There is no such return path"))))
    }
    record(message, path, in: databases[...], missing: nil, completion)
  }

  /// Asks one database after the other. One that is away may have the message.
  private func record(
    _ message: NewMessage, _ path: ReturnPath, in databases: ArraySlice<Database>, missing: String?,
    _ completion: @escaping @Sendable (Result<EnqueueReceipt, EnqueueFailure>) -> Void
  ) {
    guard let database = databases.first else {
      if let missing { return completion(.failure(.unavailable(missing))) }
      metrics.reported(.unknownMessage)
      return completion(
        .failure(.refused(Reply(550, EnhancedStatus(5, 1, 1), "Nothing is known any more about that message"))))
    }
    database.pool.submit { connection in
      do {
        if let report = try self.record(message, path, try connection.get()) {
          self.log(report, message, path)
          return completion(.success(EnqueueReceipt(id: message.id, batch: 1)))
        }
        self.record(message, path, in: databases.dropFirst(), missing: missing, completion)
      } catch {
        self.logger.warning("a report cannot be recorded", metadata: .fields([.reason: "\(error)"]))
        self.record(message, path, in: databases.dropFirst(), missing: "\(error)", completion)
      }
    }
  }

  private struct Recorded {
    let reading: IncomingReport
    let fresh: [RecordedReport]
  }

  private func record(_ message: NewMessage, _ path: ReturnPath, _ connection: PostgresConnection) throws -> Recorded? {
    let reading = readReport(
      try message.content.read(at: 0, count: min(message.content.size, reportBytesMax)))
    let from = RemoteHost(name: reading.reporter ?? "", address: message.clientAddress, port: 0)
    let fresh = try ReportRecords.record(
      about: path.message, day: Day(days: path.day), from: from, policy: policy,
      enqueuePolicy: enqueuePolicy, connection
    ) {
      records(of: reading, for: path, in: $0)
    } passOn: {
      passedOn(message, reading, about: path.message, to: $0, $1)
    }
    return fresh.map { Recorded(reading: reading, fresh: $0) }
  }

  private func log(_ recorded: Recorded, _ message: NewMessage, _ path: ReturnPath) {
    for report in recorded.fresh { metrics.reported(InboundMetrics.Kind(report.kind)) }
    if recorded.fresh.isEmpty { metrics.reported(.repeated) }
    logger.info(
      "report",
      metadata: .fields([
        .messageID: path.message, .session: message.session, .clientAddress: message.clientAddress,
        .reason: recorded.fresh.isEmpty
          ? "nothing new" : recorded.fresh.map { "\($0.recipient ?? 0): \($0.kind)" }.joined(separator: ", "),
      ]))
  }
}

extension InboundMetrics.Kind {
  init(_ kind: RecordedReport.Kind) {
    self =
      switch kind {
      case .returned: .returned
      case .complained: .complained
      case .other: .other
      }
  }
}
