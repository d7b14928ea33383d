internal import Admission
internal import ArgumentParser
internal import MailModel

extension TenantCommand {
  struct Scanning: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show or change what is done about malware and spam in a tenant's mail.",
      discussion: """
        «reject» refuses it, «hold» queues it for a person («postrider message held»), «tag» says so in its header, «off»
        does not look; «default» takes the node's settings. It holds for mail that is accepted from two seconds from now.
        """)

    @OptionGroup var common: CommonOptions
    @Argument var name: String
    @Option(help: ArgumentHelp("What is done with malware.", valueName: "reject|hold|tag|off|default"))
    var malware: TreatmentValue?
    @Option(help: ArgumentHelp("What is done with spam.", valueName: "reject|hold|tag|off|default"))
    var spam: TreatmentValue?
    @Option(help: ArgumentHelp("From which score on a message is spam.", valueName: "score|default"))
    var spamScore: ScoreValue?
    @Option(
      help: ArgumentHelp("From which score on a message goes on with a mark in its header.", valueName: "score|default")
    )
    var tagScore: ScoreValue?

    private struct Record: Encodable {
      var tenant: String
      /// Absent: the node's settings.
      var malware: String?
      var spam: String?
      var spamScore: Double?
      var tagScore: Double?
    }

    func run() throws {
      let choice = try common.withShards("tenant scanning") { shards in
        let directory = TenantDirectory(shards.home)
        let before = try directory.scanning(ofTenant: name)
        guard malware != nil || spam != nil || spamScore != nil || tagScore != nil else { return before }
        let choice = try directory.setScanning(applied(to: before), ofTenant: name)
        try shards.copy(name)
        return choice
      }
      try common.report(
        Record(
          tenant: name, malware: choice.malware?.rawValue, spam: choice.spam?.rawValue, spamScore: choice.spamScore,
          tagScore: choice.tagScore), "scanning for tenant \(name): \(choice.words)")
    }

    private func applied(to choice: ScanChoice) -> ScanChoice {
      var choice = choice
      if let malware { choice.malware = malware.treatment }
      if let spam { choice.spam = spam.treatment }
      if let spamScore { choice.spamScore = spamScore.score }
      if let tagScore { choice.tagScore = tagScore.score }
      return choice
    }
  }
}

/// A treatment, or «default».
struct TreatmentValue: ExpressibleByArgument {
  /// nil: no choice of its own.
  let treatment: ScanTreatment?

  init?(argument: String) {
    treatment = ScanTreatment(rawValue: argument)
    guard treatment != nil || argument == "default" else { return nil }
  }
}

/// A score of up to a thousand, or «default».
struct ScoreValue: ExpressibleByArgument {
  /// nil: no choice of its own.
  let score: Double?

  init?(argument: String) {
    if argument == "default" {
      score = nil
      return
    }
    guard argument.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2E }), let score = Double(argument),
      (0...1000).contains(score)
    else { return nil }
    self.score = score
  }
}

extension ScanChoice {
  /// For people.
  fileprivate var words: String {
    [
      "malware \(malware?.rawValue ?? "as the node's settings say")",
      "spam \(spam?.rawValue ?? "as the node's settings say")",
      spamScore.map { "spam from score \($0) on" }, tagScore.map { "marked from score \($0) on" },
    ].compactMap(\.self).joined(separator: ", ")
  }
}
