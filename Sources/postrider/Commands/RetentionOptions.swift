internal import Admission
internal import ArgumentParser
internal import Settings

/// What `tenant set` and `credential set` have in common.
struct RetentionChoices: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Keep bodies for so long after the last recipient was delivered or cancelled: 0, 12h, 30d; «default» takes the "
        + "next wider choice.", valueName: "duration"))
  var retention: RetentionValue?
  @Option(
    help: ArgumentHelp("The same for mail of which a recipient bounced or expired.", valueName: "duration"))
  var bouncedRetention: RetentionValue?

  var isEmpty: Bool { retention == nil && bouncedRetention == nil }

  /// What was chosen before, changed by what was given.
  func applied(to choice: RetentionChoice) -> RetentionChoice {
    var choice = choice
    if let retention { choice.body = retention.duration }
    if let bouncedRetention { choice.bounced = bouncedRetention.duration }
    return choice
  }
}

/// A duration up to ten years, or «default».
struct RetentionValue: ExpressibleByArgument {
  /// nil: no choice of its own.
  let duration: Duration?

  init?(argument: String) {
    if argument == "default" {
      duration = nil
      return
    }
    guard let duration = DurationText.parse(argument), duration <= .seconds(3650 * 86_400) else { return nil }
    // Whole seconds; a choice of less than one is not «at once».
    self.duration = .seconds(duration.components.seconds + (duration.components.attoseconds > 0 ? 1 : 0))
  }
}

/// A choice for programs.
struct RetentionRecord: Encodable {
  /// Seconds; absent: no choice.
  var bodySeconds: Int64?
  var bouncedSeconds: Int64?

  init(_ choice: RetentionChoice) {
    bodySeconds = choice.body?.components.seconds
    bouncedSeconds = choice.bounced?.components.seconds
  }
}

extension RetentionChoice {
  /// For people; nil when nothing was chosen.
  var words: String? {
    let body = self.body.map(DurationText.text)
    let bounced = self.bounced.map { DurationText.text($0) + " bounced" }
    let words = [body, bounced].compactMap(\.self)
    return words.isEmpty ? nil : words.joined(separator: ", ")
  }
}
