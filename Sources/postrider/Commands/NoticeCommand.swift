internal import ArgumentParser
internal import Foundation
internal import MailFormat
internal import MailQueue
internal import Notices
internal import Settings

/// `postrider notice`: what senders are told, in which language and words.
struct NoticeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "notice", abstract: "Show, try and change what senders are told.",
    discussion: """
      Kinds are failed, delayed, delivered and relayed. Texts are shipped in English (en), Dutch (nl) and Finnish (fi);
      your own may replace them, for one tenant or for all, and may be in any language. See docs/notices.md.
      """,
    subcommands: [Show.self, Text.self, Preview.self, Set.self, Reset.self, Choose.self], defaultSubcommand: Show.self)
}

extension NoticeKind: ExpressibleByArgument {}

/// Which text.
struct NoticeTextOptions: ParsableArguments {
  @Option(help: "failed, delayed, delivered or relayed.") var kind: NoticeKind
  @Option(help: "A language tag: en, nl, de-AT.") var language: String = "en"
  @Option(help: "The tenant whose text it is; otherwise that of all which have none of their own.") var tenant: String?

  func validate() throws {
    guard NoticeWording.isLanguageTag(language) else {
      throw ValidationError("«\(language)» is no language tag, such as nl or de-AT")
    }
  }

  /// What is in effect, the tenant's before that of all before the shipped.
  func source(_ directory: NoticeDirectory) throws -> (source: String, origin: String) {
    let own = try directory.tenantID(tenant).map { ("tenant \(tenant ?? "")", $0) }
    for (origin, tenant) in [own, ("all tenants", 0)].compactMap(\.self) {
      let found = try directory.templates(of: tenant).first { $0.kind == kind && $0.language == language }
      if let found { return (found.source, origin) }
    }
    if let shipped = NoticeWording.shippedSource(kind.sample, language: language) { return (shipped, "shipped") }
    throw CommandFailure(
      .notFound, "there is no text for \(kind) in \(language)",
      advice: "`postrider notice set --kind \(kind) --language \(language) FILE` takes one")
  }
}

extension NoticeDirectory {
  /// - Returns: nil when no tenant was named.
  func tenantID(_ name: String?) throws -> Int64? {
    guard let name else { return nil }
    return try choice(ofExisting: name).tenant
  }

  func choice(ofExisting name: String) throws -> Choice {
    guard let choice = try choice(of: name) else { throw CommandFailure(.notFound, "there is no tenant \(name)") }
    return choice
  }
}

extension NoticeTemplate {
  /// - Throws: in words, when it cannot be used.
  static func checked(_ source: String, _ name: String) throws -> NoticeTemplate {
    do {
      return try NoticeTemplate(source)
    } catch {
      throw CommandFailure(
        .data, "\(name) is no template for a notice: \(error)",
        advice: "`postrider notice text --kind failed` prints one that is; docs/notices.md explains the names")
    }
  }
}

extension NoticeCommand {
  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show what is in effect for a tenant, or for all.")

    @OptionGroup var common: CommonOptions
    @Option(help: "Otherwise what holds for all.") var tenant: String?

    private struct Record: Encodable {
      struct Text: Encodable {
        var kind: String
        var language: String
        /// `shipped`, `all tenants` or `tenant`.
        var origin: String
      }

      var tenant: String?
      var language: String
      /// Seconds; 0: never.
      var delayAfterSeconds: Int64
      /// Success is told also where the sender said nothing.
      var tellsSuccess: Bool
      var texts: [Text]
    }

    func run() throws {
      let settings = try common.settings()
      let record = try common.withDatabase("notice show") { connection in
        let directory = NoticeDirectory(connection)
        let choice = try tenant.map { try directory.choice(ofExisting: $0) }
        var texts: [String: Record.Text] = [:]
        func add(_ kind: String, _ language: String, _ origin: String) {
          texts["\(language) \(kind)"] = Record.Text(kind: kind, language: language, origin: origin)
        }
        for language in NoticeWording.shipped {
          for kind in NoticeKind.allCases { add(kind.rawValue, language, "shipped") }
        }
        for template in try directory.templates(of: 0) { add(template.kind.rawValue, template.language, "all tenants") }
        if let choice {
          for template in try directory.templates(of: choice.tenant) {
            add(template.kind.rawValue, template.language, "tenant")
          }
        }
        return Record(
          tenant: tenant, language: choice?.language ?? settings.notices.language,
          delayAfterSeconds: (choice?.delay ?? settings.notices.delayAfter).components.seconds,
          tellsSuccess: choice?.tellsSuccess ?? false,
          texts: texts.sorted { $0.key < $1.key }.map(\.value))
      }
      if common.json { return try JSONOutput.print(record) }
      print("language   \(record.language)")
      let delay = Duration.seconds(record.delayAfterSeconds)
      print("delay      \(delay == .zero ? "never told" : "told after \(DurationText.text(delay))")")
      print("success    \(record.tellsSuccess ? "told always" : "told when the sender asks")\n")
      var table = Table(["language", "kind", "text"])
      for text in record.texts { table.add([text.language, text.kind, text.origin]) }
      table.print()
    }
  }

  struct Text: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print a text with its tags, to begin another with.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var text: NoticeTextOptions

    func run() throws {
      let (source, origin) = try common.withDatabase("notice text") { try text.source(NoticeDirectory($0)) }
      if common.json {
        return try JSONOutput.print([
          "kind": "\(text.kind)", "language": text.language, "origin": origin, "text": source,
        ])
      }
      print(source)
    }
  }

  struct Preview: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print a notice about made-up mail.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var text: NoticeTextOptions
    @Argument(help: "Try this file instead; «-» is standard input.", completion: .file()) var file: String?

    func run() throws {
      let settings = try common.settings()
      let source: String
      if let file {
        source = try read(file)
      } else {
        source = try common.withDatabase("notice preview") { try text.source(NoticeDirectory($0)).source }
      }
      _ = try NoticeTemplate.checked(source, file ?? "the text")
      let wording = NoticeWording(language: text.language, templates: [text.language: source])
      let preview = wording.preview(text.kind.sample, nodeName: settings.node.name)
      if common.json {
        return try JSONOutput.print(
          ["subject": preview.subject, "body": preview.body, "language": preview.language])
      }
      print("Subject: \(preview.subject)\n\n\(preview.body)", terminator: "")
    }
  }

  struct Set: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Take a text.",
      discussion: "A broken one is refused. It holds for notices that are written from now on.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var text: NoticeTextOptions
    @Argument(help: "«-» is standard input.", completion: .file()) var file: String

    func run() throws {
      let source = try read(file)
      _ = try NoticeTemplate.checked(source, file == "-" ? "standard input" : file)
      try common.withShards("notice set") { shards in
        let directory = NoticeDirectory(shards.home)
        let tenant = try directory.tenantID(text.tenant) ?? 0
        try directory.setTemplate(text.kind, language: text.language, tenant: tenant, source: source)
        shards.copyChoices(of: tenant)
      }
      try common.report(
        ["kind": "\(text.kind)", "language": text.language, "tenant": text.tenant],
        "\(text.kind) in \(text.language) now has the text of \(file), for \(text.tenant ?? "all tenants")")
    }
  }

  struct Reset: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Forget an own text: the next wider one holds again.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var text: NoticeTextOptions

    func run() throws {
      try common.withShards("notice reset") { shards in
        let directory = NoticeDirectory(shards.home)
        let tenant = try directory.tenantID(text.tenant) ?? 0
        guard try directory.resetTemplate(text.kind, language: text.language, tenant: tenant) else {
          throw CommandFailure(
            .notFound,
            "\(text.tenant.map { "tenant \($0) has" } ?? "there is") no own text for \(text.kind) in "
              + "\(text.language)")
        }
        shards.copyChoices(of: tenant)
      }
      try common.report(
        ["kind": "\(text.kind)", "language": text.language, "tenant": text.tenant],
        "forgot the text for \(text.kind) in \(text.language) of \(text.tenant ?? "all tenants")")
    }
  }
}

/// - Parameter file: `-` is standard input.
private func read(_ file: String) throws -> String {
  let data: Data
  do {
    data =
      file == "-"
      ? try FileHandle.standardInput.readToEnd() ?? Data() : try Data(contentsOf: URL(filePath: file))
  } catch {
    throw CommandFailure(.notFound, "\(file) cannot be read")
  }
  guard let text = String(validating: data, as: UTF8.self) else { throw CommandFailure(.data, "\(file) is not UTF-8") }
  return text
}

extension NoticeKind {
  /// For texts about made-up mail. The names are those of the report's field `Action`.
  var sample: DeliveryReport.Kind { .sample(rawValue) ?? .failed }
}
