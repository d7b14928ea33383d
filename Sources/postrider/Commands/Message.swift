internal import ArgumentParser
internal import MailModel
internal import MailQueue
internal import Postgres

/// `postrider message`: one message, by the id that the 250 reply named.
struct MessageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "message", abstract: "Look at one message, or steer it; list those that wait for a person.",
    subcommands: [Show.self, Trace.self, Held.self, Retry.self, Cancel.self, Hold.self, Release.self, Redact.self])
}

extension QueueID: ExpressibleByArgument {}

/// The message that a command is about.
struct MessageArgument: ParsableArguments {
  @Argument(help: ArgumentHelp("The message's id, as in the 250 reply and the log.", valueName: "id"))
  var id: QueueID
}

extension MessageCommand {
  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "The envelope, and the state of every recipient.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var message: MessageArgument

    func run() throws {
      let trace = try common.withMessage("message show", message.id) { trace, _ in trace }
      if common.json { return try JSONOutput.print(MessageRecord(trace, withAttempts: false)) }
      TraceText(trace).heading.print()
      print()
      RecipientTable(trace).table.print()
    }
  }

  struct Trace: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Everything that happened to it: acceptance, each attempt with MX, TLS and reply, what comes next.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var message: MessageArgument
    @Option(
      help: ArgumentHelp(
        "Wait until no recipient is left to deliver to, at most so long; exit code 75 when some are.",
        valueName: "seconds"))
    var wait: Double?

    func run() async throws {
      var trace = try look()
      let deadline = ContinuousClock.now + .seconds(wait ?? 0)
      while wait != nil, !trace.isFinal, .now < deadline {
        // Nobody announces the end of a message; a look costs three index probes.
        try await Task.sleep(for: .milliseconds(100))
        trace = try look()
      }
      if common.json {
        try JSONOutput.print(MessageRecord(trace, withAttempts: true))
      } else {
        print(TraceText(trace).text, terminator: "")
      }
      if wait != nil, !trace.isFinal { throw ExitCode(ExitStatus.temporary.rawValue) }
    }

    private func look() throws -> MessageTrace {
      try common.withMessage("message trace", message.id) { trace, _ in trace }
    }
  }
}

/// The recipients of a message and their states.
struct RecipientTable {
  var table = Table(">no", "recipient", "state", "when", ">attempts", "last reply")

  init(_ trace: MessageTrace) {
    for (index, recipient) in trace.facts.envelope.recipients.enumerated() {
      let state = trace.states[index]
      let when: String? =
        switch state {
        case .pending(let due), .deferred(let due): due <= trace.now ? "due" : due.relative(to: trace.now)
        case .inFlight(let node, _): "at \(node)"
        case .ended(_, let at): at.readable
        case .held, .unknown: nil
        }
      let record = RecipientRecord(trace, number: index + 1)
      table.add(index + 1, recipient.address, state.name, when, record.attempts, record.lastReply)
    }
  }
}
