internal import Admission
internal import ArgumentParser
internal import Settings

/// What `tenant set` takes about mail that comes back.
struct ReturnOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Rewrite return paths to addresses at this host, whose MX leads to «postrider inbound»; «none» keeps the senders' "
        + "own addresses.", valueName: "host"))
  var returnPathHost: String?
  @Option(
    help: ArgumentHelp(
      "A return path of its own, and so a transaction, for each recipient: «each», or «shared» by those of a message.",
      valueName: "each|shared"))
  var returnPaths: Sharing?
  @Option(
    help: ArgumentHelp(
      "Send nothing for so long to addresses that are dead: 0, 14d; «default» takes the node's settings.",
      valueName: "duration"))
  var suppressBounces: RetentionValue?
  @Option(help: ArgumentHelp("The same for addresses whose owners complained.", valueName: "duration"))
  var suppressComplaints: RetentionValue?

  enum Sharing: String, ExpressibleByArgument { case each, shared }

  var isEmpty: Bool {
    returnPathHost == nil && returnPaths == nil && suppressBounces == nil && suppressComplaints == nil
  }

  /// What was chosen before, changed by what was given.
  func applied(to choice: ReturnChoice) -> ReturnChoice {
    var choice = choice
    if let returnPathHost { choice.host = returnPathHost == "none" ? nil : returnPathHost }
    if let returnPaths { choice.isForEach = returnPaths == .each }
    if let suppressBounces { choice.bounces = suppressBounces.duration }
    if let suppressComplaints { choice.complaints = suppressComplaints.duration }
    return choice
  }
}

/// The choice for programs.
struct ReturnRecord: Encodable {
  /// Absent: senders' own addresses.
  var pathHost: String?
  var pathForEach: Bool
  /// Seconds; absent: no choice.
  var suppressBouncesSeconds: Int64?
  var suppressComplaintsSeconds: Int64?

  init(_ choice: ReturnChoice) {
    pathHost = choice.host
    pathForEach = choice.isForEach
    suppressBouncesSeconds = choice.bounces?.components.seconds
    suppressComplaintsSeconds = choice.complaints?.components.seconds
  }
}

extension ReturnChoice {
  /// For people.
  var words: String {
    let path = host.map { "return paths at \($0)" + (isForEach ? ", one for each recipient" : "") }
    let list = [
      bounces.map { "dead addresses suppressed for \(DurationText.text($0))" },
      complaints.map { "complainers suppressed for \(DurationText.text($0))" },
    ]
    return ([path ?? "senders' own return paths"] + list.compactMap(\.self)).joined(separator: ", ")
  }
}
