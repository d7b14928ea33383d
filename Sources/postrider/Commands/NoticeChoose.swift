internal import ArgumentParser
internal import MailQueue
internal import Notices
internal import Settings

extension NoticeCommand {
  struct Choose: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Choose a tenant's language, when it hears of delays, and whether of success.",
      discussion: """
        The language holds for notices that are written from now on, the others for mail that is accepted from now on.
        """)

    @OptionGroup var common: CommonOptions
    @Argument var tenant: String
    @Option(help: "A language tag; «default» takes the node's.") var language: String?
    @Option(help: ArgumentHelp("«4h», «never», or «default».", valueName: "duration")) var delayAfter: DelayValue?
    @Flag(inversion: .prefixedNo, help: "Tell of success also where the sender said nothing (NOTIFY).")
    var success: Bool?

    func validate() throws {
      guard language != nil || delayAfter != nil || success != nil else {
        throw ValidationError("say --language, --delay-after, --success or several of them")
      }
      if let language, language != "default", !NoticeWording.isLanguageTag(language) {
        throw ValidationError("«\(language)» is no language tag, such as nl or de-AT")
      }
    }

    private struct Record: Encodable {
      var tenant: String
      var language: String?
      var delayAfterSeconds: Int64?
      var tellsSuccess: Bool
    }

    func run() throws {
      let choice = try common.withShards("notice choose") { shards in
        let directory = NoticeDirectory(shards.home)
        var choice = try directory.choice(ofExisting: tenant)
        if let language {
          try requireTexts(in: language, directory, choice.tenant)
          choice.language = language == "default" ? nil : language
        }
        if let delayAfter { choice.delay = delayAfter.duration }
        if let success { choice.tellsSuccess = success }
        try directory.set(choice)
        shards.copyChoices(of: choice.tenant)
        return choice
      }
      let delay = choice.delay.map { $0 == .zero ? "never" : "after \(DurationText.text($0))" } ?? "default"
      try common.report(
        Record(
          tenant: tenant, language: choice.language, delayAfterSeconds: choice.delay?.components.seconds,
          tellsSuccess: choice.tellsSuccess),
        "notices of tenant \(tenant): language \(choice.language ?? "default"), delays \(delay), success "
          + (choice.tellsSuccess ? "always" : "when the sender asks"))
    }

    /// Nobody shall choose a language and get English without a word.
    private func requireTexts(in language: String, _ directory: NoticeDirectory, _ tenant: Int64) throws {
      let base = language.prefix { $0 != "-" }
      guard language != "default", !NoticeWording.shipped.contains(String(base)) else { return }
      let own = try [0, tenant].flatMap { try directory.templates(of: $0) }.filter { $0.language == language }
      let missing = NoticeKind.allCases.filter { kind in !own.contains { $0.kind == kind } }
      guard let first = missing.first else { return }
      throw CommandFailure(
        .notFound, "there is no text in \(language) for \(missing.map(\.rawValue).joined(separator: ", "))",
        advice: "`postrider notice set --kind \(first) --language \(language) FILE` takes one; shipped are "
          + NoticeWording.shipped.joined(separator: ", "))
    }
  }
}

/// A duration up to thirty days, «never» or «default».
struct DelayValue: ExpressibleByArgument {
  /// Whole seconds; zero: never; nil: no choice.
  let duration: Duration?

  init?(argument: String) {
    switch argument {
    case "default": duration = nil
    case "never": duration = .zero
    default:
      guard let parsed = DurationText.parse(argument), parsed <= .seconds(30 * 86_400) else { return nil }
      duration = .seconds(max(parsed == .zero ? 0 : 1, parsed.components.seconds))
    }
  }
}
