internal import ArgumentParser
internal import Foundation
internal import MailModel
internal import MailQueue
internal import Observability
internal import Postgres

extension QueueCommand {
  struct Reconcile: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "After a restore: end what the log says was delivered.",
      discussion: """
        For a database that was restored to an earlier time. It reads the roles' log lines, of all machines, from
        before that time to the end: recipients that were delivered to are ended, so that nobody gets their mail again,
        and messages that were accepted and are not in the database are named. No worker may run meanwhile.
        docs/operations.md tells the whole procedure.
        """)

    @OptionGroup var common: CommonOptions
    @Flag(help: "Only tell what would be done.") var dryRun = false
    @Argument(help: "Log files; - is standard input.", completion: .file()) var files: [String]

    func run() throws {
      var events = LoggedEvents()
      for file in files { try events.read(file) }
      if !dryRun { try requireIdleness() }
      let result = try reconcile(events)
      try common.report(result, result.text(isDry: dryRun))
    }

    private func requireIdleness() throws {
      let living = try all(common.withEachShard("queue reconcile") { try Reconciliation.livingWorkers($0) })
      guard living.allSatisfy({ $0 == 0 }) else {
        throw CommandFailure(
          .temporary, "a worker runs, or has run within its lease",
          advice: "end all workers, wait for worker.lease (30s by default), and try again")
      }
    }

    private func reconcile(_ events: LoggedEvents) throws -> ReconcileRecord {
      let ids = Set(events.delivered.keys).union(events.accepted.keys).sorted()
      var found: Set<QueueID> = []
      let parts = try common.withEachShard("queue reconcile") { connection in
        var record = ReconcileRecord()
        for start in stride(from: 0, to: ids.count, by: 500) {
          let known = try Reconciliation.known(Array(ids[start..<min(start + 500, ids.count)]), connection)
          found.formUnion(known.map(\.message))
          let delivered = known.filter { events.delivered[$0.message]?.contains(escaped($0.address)) ?? false }
          let queued = delivered.filter(\.isQueued)
          record.alreadyEnded += delivered.count - queued.count
          record.ended += dryRun ? queued.count : try Reconciliation.markDelivered(queued, connection)
        }
        return record
      }
      var record = ReconcileRecord()
      for part in try all(parts) {
        record.ended += part.ended
        record.alreadyEnded += part.alreadyEnded
      }
      for id in ids where !found.contains(id) { record.add(missing: id, events) }
      return record
    }

    /// - Throws: when a database was away: what is in it would look lost.
    private func all<Answer>(_ answers: ShardAnswers<Answer>) throws -> [Answer] {
      guard let (shard, reason) = answers.missing.first else { return answers.found.map(\.answer) }
      throw CommandFailure(
        .unavailable, "shard \(shard) cannot be reached: \(reason)", advice: "it can be run again once all are there")
    }
  }
}

/// What log lines say about messages.
private struct LoggedEvents {
  struct Accepted {
    var tenant: String
    var sender: String
    var recipients: Int
  }

  private(set) var accepted: [QueueID: Accepted] = [:]
  /// Addresses, escaped as in the log.
  private(set) var delivered: [QueueID: Set<String>] = [:]

  mutating func read(_ path: String) throws {
    guard let file = fopen(path == "-" ? "/dev/stdin" : path, "r") else {
      throw CommandFailure(.notFound, "cannot read \(path): \(String(cString: strerror(errno)))")
    }
    defer { fclose(file) }
    var buffer: UnsafeMutablePointer<CChar>?
    var capacity = 0
    defer { free(buffer) }
    while getline(&buffer, &capacity, file) > 0 {
      guard let buffer else { break }
      add(String(cString: buffer))
    }
  }

  private mutating func add(_ text: String) {
    // Reading a line costs more than seeing that it is another.
    guard text.contains("delivered") || text.contains("accepted"), let line = LoggedLine(text.trimmingLineEnd),
      let id = line[.messageID].flatMap({ QueueID($0) })
    else { return }
    switch line.message {
    case "accepted":
      accepted[id] = Accepted(
        tenant: line[.tenant] ?? "", sender: line[.sender] ?? "", recipients: line[.recipients].flatMap { Int($0) } ?? 0
      )
    case "delivered": if let recipient = line[.recipient] { delivered[id, default: []].insert(recipient) }
    default: break
    }
  }
}

private struct ReconcileRecord: Encodable {
  struct Missing: Encodable {
    var id: String
    var tenant: String
    var sender: String
    var recipients: Int
    var delivered: Int
  }

  /// Recipients that were ended now, and those that had ended before.
  var ended = 0
  var alreadyEnded = 0
  /// Messages that were accepted and are not in the database, and of them those that did not reach everybody.
  var missing = 0
  var lost: [Missing] = []

  private enum CodingKeys: String, CodingKey {
    case ended, missing, lost
    case alreadyEnded = "already_ended"
  }

  mutating func add(missing id: QueueID, _ events: LoggedEvents) {
    missing += 1
    let delivered = events.delivered[id]?.count ?? 0
    // Without its line of acceptance nobody knows how many recipients it had.
    guard let accepted = events.accepted[id], accepted.recipients > delivered else { return }
    lost.append(
      Missing(
        id: id.description, tenant: accepted.tenant, sender: accepted.sender, recipients: accepted.recipients,
        delivered: delivered))
  }

  func text(isDry: Bool) -> String {
    var lines = [
      "\(ended) delivered recipients \(isDry ? "would be" : "are") ended; \(alreadyEnded) had ended already",
      "\(missing) messages in the log are not in the database; \(lost.count) of them did not reach all recipients",
    ]
    if !lost.isEmpty {
      var table = Table("message", "tenant", "sender", "recipients", "delivered")
      for one in lost { table.add(one.id, one.tenant, one.sender, "\(one.recipients)", "\(one.delivered)") }
      lines.append(table.text)
    }
    return lines.joined(separator: "\n")
  }
}

extension String {
  fileprivate var trimmingLineEnd: Substring {
    self[..<(lastIndex { $0 != "\n" && $0 != "\r\n" }.map(index(after:)) ?? startIndex)]
  }
}
