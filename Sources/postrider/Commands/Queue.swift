internal import ArgumentParser
internal import MailModel
internal import MailQueue
internal import Postgres

/// `postrider queue`: what waits, and what to do about it.
struct QueueCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "queue", abstract: "Show what is queued, by tenant and destination, or steer it.",
    subcommands: [Show.self, Retry.self, Hold.self, Release.self, Lift.self, Reconcile.self],
    defaultSubcommand: Show.self)
}

/// Which part of the queue.
struct QueueSelection: ParsableArguments {
  @Option(help: "Only this tenant's mail.") var tenant: String?
  @Option(help: ArgumentHelp("Only mail to this domain.", valueName: "domain")) var destination: String?
}

extension QueueCommand {
  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Count recipients by tenant and destination.",
      discussion: "Counting takes longer the more is queued; at most 100000 recipients of each destination are counted."
    )

    @OptionGroup var common: CommonOptions
    @OptionGroup var selection: QueueSelection
    @Option(help: "How many destinations to list, busiest first.") var limit = 20

    func validate() throws {
      guard (0...100_000).contains(limit) else { throw ValidationError("--limit takes 0 to 100000") }
    }

    func run() throws {
      let parts = try common.withEachShard("queue") { connection in
        let lanes = try QueueSummary.lanes(
          tenant: selection.tenant, destination: selection.destination, connection)
        let errors = try QueueSummary.lastErrors(of: lanes.prefix(limit).map(\.lane), connection)
        return QueueReport.Part(
          lanes: lanes, errors: errors,
          holdReasons: try QueueSummary.holdReasons(
            of: lanes.prefix(limit).filter { $0.held > 0 }.map(\.lane), connection),
          sites: try Sites.summaries(
            tenant: selection.tenant, destination: selection.destination, connection),
          now: try connection.query("SELECT postrider.schedule_now()").timestamp(0, 0))
      }
      let report = QueueReport(parts.found, unreachable: parts.missing.map(\.shard), limit: limit)
      if common.json { try JSONOutput.print(report.record) } else { report.print() }
      parts.warn()
    }
  }

  struct Retry: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make waiting recipients due now.", discussion: "What is in flight or held is left alone.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var selection: QueueSelection
    @OptionGroup var scope: WholeQueue

    func run() throws { try scope.apply(.retry, to: selection, common, done: "due now") }
  }

  struct Hold: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Set recipients aside until they are released.",
      discussion: """
        What comes later is not held; `postrider tenant disable` stops a tenant as a whole. What is in flight ends its
        attempt first. The retry period goes on.
        """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var selection: QueueSelection
    @OptionGroup var scope: WholeQueue

    func run() throws { try scope.apply(.hold, to: selection, common, done: "held") }
  }

  struct Release: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Put held recipients back into the queue.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var selection: QueueSelection
    @OptionGroup var scope: WholeQueue

    func run() throws { try scope.apply(.release, to: selection, common, done: "released") }
  }
}

/// Steers lanes; all of them only when that was said.
struct WholeQueue: ParsableArguments {
  @Flag(help: "Really all mail of all tenants.") var all = false

  private struct Record: Encodable {
    var action: String
    var destinations: Int
    var recipients: Int
  }

  func apply(_ action: Steering.Action, to selection: QueueSelection, _ common: CommonOptions, done: String) throws {
    guard all || selection.tenant != nil || selection.destination != nil else {
      throw ValidationError("say --tenant, --destination, both, or --all")
    }
    let parts = try common.withEachShard("queue \(action.rawValue)") { connection in
      let lanes = try Steering.lanes(tenant: selection.tenant, destination: selection.destination, connection)
      var touched = 0
      for lane in lanes { touched += try Steering.apply(action, to: lane.id, connection) }
      return (lanes: lanes.count, touched: touched)
    }
    let lanes = parts.found.reduce(0) { $0 + $1.answer.lanes }
    let touched = parts.found.reduce(0) { $0 + $1.answer.touched }
    guard lanes > 0 || !parts.missing.isEmpty else {
      throw CommandFailure(.notFound, "no mail of this kind was ever queued", advice: "`postrider queue` shows what is")
    }
    try common.report(
      Record(action: action.rawValue, destinations: lanes, recipients: touched),
      "\(touched == 1 ? "1 recipient is" : "\(touched) recipients are") \(done)")
    guard parts.missing.isEmpty else {
      parts.warn()
      throw ExitCode(ExitStatus.temporary.rawValue)
    }
  }
}
