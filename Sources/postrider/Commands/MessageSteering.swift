internal import ArgumentParser
internal import MailModel
internal import MailQueue
internal import Postgres

extension MessageCommand {
  struct Retry: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make its waiting recipients due now.", discussion: "What is in flight or held is left alone.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var message: MessageArgument

    func run() throws {
      try MessageSteering(common, message, "retry", done: "due now").run(Steering.retry)
    }
  }

  struct Cancel: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Give its recipients up.",
      discussion: """
        What a worker has in flight is left alone and ends as it would have ended. The sender is not told: whoever
        cancels knows. The trace stays.
        """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var message: MessageArgument

    func run() throws {
      try MessageSteering(common, message, "cancel", done: "cancelled").run(Steering.cancel)
    }
  }

  struct Hold: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Set its recipients aside until they are released.", discussion: "The retry period goes on.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var message: MessageArgument

    func run() throws {
      try MessageSteering(common, message, "hold", done: "held").run(Steering.hold)
    }
  }

  struct Release: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Put its held recipients back into the queue.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var message: MessageArgument

    func run() throws {
      try MessageSteering(common, message, "release", done: "released").run(Steering.release)
    }
  }
}

/// Does something to a message and tells what came of it.
private struct MessageSteering {
  let common: CommonOptions
  let message: MessageArgument
  let action: String
  let done: String

  private struct Record: Encodable {
    var id: String
    var action: String
    /// The numbers of the recipients that were changed.
    var changed: [Int32]
    var recipients: [RecipientRecord]
  }

  init(_ common: CommonOptions, _ message: MessageArgument, _ action: String, done: String) {
    self.common = common
    self.message = message
    self.action = action
    self.done = done
  }

  func run(_ body: (QueueID, PostgresConnection) throws(PostgresError) -> [Int32]) throws {
    let (changed, trace) = try common.withMessage("message \(action)", message.id) { before, connection in
      let changed = try body(message.id, connection)
      return (changed, try MessageTrace.find(message.id, connection) ?? before)
    }
    if common.json {
      let recipients = trace.facts.envelope.recipients.indices.map { RecipientRecord(trace, number: $0 + 1) }
      try JSONOutput.print(
        Record(id: message.id.description, action: action, changed: changed, recipients: recipients))
    } else if !changed.isEmpty {
      print("\(changed.count == 1 ? "1 recipient is" : "\(changed.count) recipients are") \(done)")
      RecipientTable(trace).table.print()
    }
    if changed.isEmpty { throw CommandFailure(nothingChanged: action, trace) }
  }
}

extension CommandFailure {
  fileprivate init(nothingChanged action: String, _ trace: MessageTrace) {
    let names = Set(trace.states.map(\.name))
    if trace.isFinal {
      self.init(.failure, "nothing to \(action): no recipient is left to deliver to")
    } else if names.contains("in flight"), action == "retry" || action == "cancel" {
      self.init(
        .temporary, "nothing to \(action) now: a worker is delivering it",
        advice: "try again when the attempt has ended")
    } else if names.contains("held"), action == "retry" {
      self.init(.failure, "nothing to retry: its recipients are held", advice: "`postrider message release` frees them")
    } else {
      self.init(.failure, "nothing to \(action): no recipient is in a state for it")
    }
  }
}
