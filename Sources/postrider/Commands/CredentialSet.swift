internal import Admission
internal import ArgumentParser
internal import Postgres
internal import Settings

extension CredentialCommand {
  struct Set: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Change a credential's retention, senders, end and use.",
      discussion: """
        Retention holds for mail that is accepted from now on; everything else for logins, within seconds. An end and
        a switch hold for the next message of an open session too.
        """)

    @OptionGroup var common: CommonOptions
    @Argument var name: String
    @OptionGroup var retention: RetentionChoices
    @Option(
      help: ArgumentHelp(
        "It may send as this address of its tenant, or as everybody in this domain of its tenant.", valueName: "sender")
    )
    var allowSender: [String] = []
    @Option(help: ArgumentHelp("It may not any more.", valueName: "sender")) var disallowSender: [String] = []
    @Option(
      help: ArgumentHelp(
        "Nobody logs in with it after so long: 12h, 30d; «never» takes an end back.", valueName: "duration"))
    var expires: ExpiryValue?
    @Option(help: ArgumentHelp("Whether clients may submit over SMTP with it.", valueName: "on|off")) var smtp: Switch?
    @Option(
      help: ArgumentHelp(
        "Whether it has a mailbox, where its domain's mailboxes are kept here.", valueName: "on|off"))
    var mailbox: Switch?

    enum Switch: String, ExpressibleByArgument { case on, off }

    func validate() throws {
      guard
        !retention.isEmpty || !allowSender.isEmpty || !disallowSender.isEmpty || expires != nil || smtp != nil
          || mailbox != nil
      else {
        throw ValidationError(
          "say what to change: --retention, --bounced-retention, --allow-sender, --disallow-sender, --expires, --smtp, "
            + "--mailbox")
      }
    }

    func run() throws {
      let credential = try common.withDatabase("credential set") { connection in
        // All of it or nothing.
        _ = try connection.query("BEGIN")
        let changed = try change(TenantDirectory(connection))
        _ = try connection.query("COMMIT")
        return changed
      }
      try common.report(
        Record(credential),
        "credential \(credential.name): retention \(credential.retention.words ?? "default"), \(credential.state)")
    }

    private func change(_ directory: TenantDirectory) throws -> Credential {
      guard var credential = try directory.credentials().first(where: { $0.name == name }) else {
        throw CommandFailure(.notFound, "there is no credential \(name)")
      }
      if !retention.isEmpty {
        credential = try directory.setRetention(retention.applied(to: credential.retention), ofCredential: name)
      }
      for sender in allowSender { credential = try directory.allowSender(sender, for: name) }
      for sender in disallowSender { credential = try directory.disallowSender(sender, for: name) }
      if let expires { credential = try directory.setExpiry(of: name, after: expires.duration) }
      if let mailbox { credential = try directory.setMailbox(mailbox == .on, of: name) }
      if let smtp { credential = try directory.setSMTP(smtp == .on, of: name) }
      return credential
    }
  }
}

/// A duration up to ten years.
struct LimitedDuration: ExpressibleByArgument {
  let duration: Duration

  var defaultValueDescription: String { duration.brief }

  init(_ duration: Duration) { self.duration = duration }

  init?(argument: String) {
    guard let duration = DurationText.parse(argument), duration <= .seconds(3650 * 86_400) else { return nil }
    self.duration = duration
  }
}

/// A duration up to ten years, or «never».
struct ExpiryValue: ExpressibleByArgument {
  /// nil: no end.
  let duration: Duration?

  init?(argument: String) {
    if argument == "never" {
      duration = nil
      return
    }
    guard let value = LimitedDuration(argument: argument) else { return nil }
    duration = value.duration
  }
}
