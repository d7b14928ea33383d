internal import Admission
internal import ArgumentParser
internal import Foundation
internal import Postgres

/// `postrider credential`: what clients log in with.
struct CredentialCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "credential",
    abstract: "Add, list, disable and enable credentials, and change passwords and what they may do.",
    subcommands: [Add.self, Set.self, Password.self, List.self, Disable.self, Enable.self], defaultSubcommand: List.self
  )

  struct Record: Encodable {
    var expiresAt: String?
    var smtpDisabledAt: String?
    var mailboxDisabledAt: String?
    var lastUsedAt: String?
    var oldPasswordUntil: String?
    /// Besides its own.
    var senders: [String]
    var name: String
    var coversDomain: Bool
    var domain: String
    var tenant: String
    var createdAt: String
    var disabledAt: String?
    var retention: RetentionRecord
    /// Only when it was made just now.
    var password: String?

    init(_ credential: Credential, password: String? = nil) {
      name = credential.name
      coversDomain = credential.coversDomain
      domain = credential.domain
      tenant = credential.tenant
      createdAt = credential.createdAt.iso
      disabledAt = credential.disabledAt?.iso
      retention = RetentionRecord(credential.retention)
      expiresAt = credential.expiresAt?.iso
      smtpDisabledAt = credential.smtpDisabledAt?.iso
      mailboxDisabledAt = credential.mailboxDisabledAt?.iso
      lastUsedAt = credential.lastUsedAt?.iso
      oldPasswordUntil = credential.oldPasswordUntil?.iso
      senders = credential.senders
      self.password = password
    }
  }

  struct Add: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Add a credential.",
      discussion: """
        Without --password-file a random password is made and printed; it cannot be seen again. A password is never
        taken from the command line, where every process can read it.
        """)

    @OptionGroup var common: CommonOptions
    @Argument var tenant: String
    @Argument(help: "An address, or a domain for one that covers all addresses of it.") var name: String
    @OptionGroup var source: PasswordSource

    func run() throws {
      let password = try source.read()
      let (credential, made) = try common.withDatabase("credential add") { connection in
        let directory = TenantDirectory(connection)
        let domain = name.split(separator: "@", omittingEmptySubsequences: false).last.map { $0.lowercased() } ?? ""
        guard try directory.domains(tenant: tenant).contains(where: { $0.name == domain }) else {
          throw CommandFailure(
            .notFound, "tenant \(tenant) has no domain \(domain)", advice: "`postrider domain add` adds one")
        }
        return try directory.addCredential(name, password: password)
      }
      try report(common, credential, made, "added credential \(credential.name)")
    }
  }

  struct Password: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Give a credential another password; logins with the old one end within seconds.")

    @OptionGroup var common: CommonOptions
    @Argument var name: String
    @OptionGroup var source: PasswordSource
    @Option(
      help: ArgumentHelp("For so long the old password is good as well: 24h, 7d.", valueName: "duration"))
    var keepOld: LimitedDuration?

    func run() throws {
      let password = try source.read()
      let (credential, made) = try common.withDatabase("credential password") {
        try TenantDirectory($0).changePassword(of: name, to: password, keepingOld: keepOld?.duration)
      }
      try report(common, credential, made, "changed the password of \(credential.name)")
    }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the credentials. Passwords are never shown.")

    @OptionGroup var common: CommonOptions
    @Option(help: "Only this tenant's.") var tenant: String?

    func run() throws {
      let credentials = try common.withDatabase("credential list") {
        try TenantDirectory($0).credentials(tenant: tenant)
      }
      if common.json { return try JSONOutput.print(credentials.map { Record($0) }) }
      var table = Table("credential", "covers", "tenant", "added", "last used", "state")
      for credential in credentials {
        table.add(
          credential.name, credential.coversDomain ? "every address" : "this address", credential.tenant,
          credential.createdAt.readable, credential.lastUsedAt?.readable ?? "never", credential.state)
      }
      table.print()
    }
  }

  struct Disable: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Disable a credential: nobody logs in with it any more.")

    @OptionGroup var common: CommonOptions
    @Argument var name: String

    func run() throws {
      let credential = try common.withDatabase("credential disable") {
        try TenantDirectory($0).disableCredential(name)
      }
      try common.report(Record(credential), "disabled credential \(credential.name)")
    }
  }

  struct Enable: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Enable a credential again.")

    @OptionGroup var common: CommonOptions
    @Argument var name: String

    func run() throws {
      let credential = try common.withDatabase("credential enable") {
        try TenantDirectory($0).enableCredential(name)
      }
      try common.report(Record(credential), "enabled credential \(credential.name)")
    }
  }
}

extension Credential {
  /// For people.
  var state: String {
    if let disabledAt { return "disabled since \(disabledAt.readable)" }
    let notes = [
      expiresAt.map { "until \($0.readable)" }, smtpDisabledAt.map { "not for SMTP since \($0.readable)" },
      mailboxDisabledAt.map { "without a mailbox since \($0.readable)" },
      oldPasswordUntil.map { "old password until \($0.readable)" },
      senders.isEmpty ? nil : "also sends as \(senders.joined(separator: ", "))",
    ].compactMap(\.self)
    return (["enabled"] + notes).joined(separator: ", ")
  }
}

/// Where a password comes from.
struct PasswordSource: ParsableArguments {
  @Option(
    help: ArgumentHelp("Read the password from the first line of this file; «-» is standard input.", valueName: "file"),
    completion: .file())
  var passwordFile: String?

  /// - Returns: nil when one is to be made.
  func read() throws -> [UInt8]? {
    guard let passwordFile else { return nil }
    let file = passwordFile == "-" ? FileHandle.standardInput : FileHandle(forReadingAtPath: passwordFile)
    guard let file, let data = try? file.read(upToCount: 4096) else {
      throw CommandFailure(.usage, "the password file \(passwordFile) cannot be read")
    }
    let line = data.prefix { $0 != 10 && $0 != 13 }
    guard !line.isEmpty else { throw CommandFailure(.usage, "the first line of \(passwordFile) is empty") }
    return Array(line)
  }
}

private func report(_ common: CommonOptions, _ credential: Credential, _ password: String?, _ sentence: String) throws {
  if common.json { return try JSONOutput.print(CredentialCommand.Record(credential, password: password)) }
  print(sentence)
  if let password { print("password: \(password)\nIt is not kept and cannot be shown again.") }
}
