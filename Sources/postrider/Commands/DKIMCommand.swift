internal import Admission
internal import ArgumentParser
internal import Cryptography
internal import DKIM
internal import Postgres
internal import Settings

/// `postrider dkim`: keys that sign the mail of domains.
struct DKIMCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dkim", abstract: "Make, list, rotate and remove the keys that sign mail (DKIM).",
    discussion: """
      Mail is signed with the keys of its author's domain, by RSA and by Ed25519. A domain without keys is not signed.
      Keys are stored wrapped by the master key.
      """,
    subcommands: [Add.self, List.self, Rotate.self, Remove.self, ShowRecord.self], defaultSubcommand: List.self)

  struct Record: Encodable {
    var domain: String
    var tenant: String
    var selector: String
    var algorithm: String
    var state: String
    var createdAt: String
    var activeFrom: String
    /// Its record was looked for and is not there; until it is, the key does not sign.
    var waitsForRecord: Bool
    var retiredAt: String?
    /// Until when the record has to stay; absent: until further notice.
    var publishedUntil: String?
    var record: DNSRecord

    /// A TXT record; its value is the strings put together.
    struct DNSRecord: Encodable {
      var name: String
      var value: String
      var strings: [String]
    }

    init(_ entry: SigningKeyEntry) {
      domain = entry.domain
      tenant = entry.tenant
      selector = entry.selector
      algorithm = entry.algorithm.dkimName
      state = entry.state.rawValue
      createdAt = entry.createdAt.iso
      activeFrom = (entry.requestedFrom ?? entry.activeFrom).iso
      waitsForRecord = entry.requestedFrom != nil
      retiredAt = entry.retiredAt?.finite?.iso
      publishedUntil = entry.publishedUntil?.finite?.iso
      record = DNSRecord(name: entry.record.name, value: entry.record.text, strings: entry.record.strings)
    }
  }

  struct Add: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Give a domain keys, and print the records to publish.",
      discussion: """
        It gets an RSA key of 2048 bits and an Ed25519 key, or with --key the one of a file (PEM or DER, readable by nobody
        else). They sign after a while, so that the records can be published before.
        """)

    @OptionGroup var common: CommonOptions
    @Argument var domain: String
    @OptionGroup var choice: NewKeyOptions
    @Option(help: ArgumentHelp("When they begin to sign: 0s, 1h, 2d.", valueName: "duration"))
    var after = KeyDelay(.seconds(3600))
    @Option(help: ArgumentHelp("Only this one: rsa or ed25519.")) var algorithm: SigningKey.Algorithm?
    @Option(help: ArgumentHelp("A private key that is there already; needs --selector.", valueName: "file"))
    var key: String?

    func validate() throws {
      guard key == nil || (choice.selector != nil && algorithm == nil) else {
        throw ValidationError("--key needs --selector, and says itself what its algorithm is")
      }
    }

    func run() throws {
      let entries = try common.withSigningDirectory("dkim add", needsMaster: true) { directory in
        try directory.add(try keys(), to: domain, selector: choice.selector, after: after.duration)
      }
      try common.reportNew(entries)
    }

    private func keys() throws -> [SigningKey] {
      do throws(CryptographyFailure) {
        if let key { return [try SigningKey.forDKIM(file: key)] }
        var keys: [SigningKey] = []
        for algorithm in algorithm.map({ [$0] }) ?? SigningKey.Algorithm.allCases {
          keys.append(try .generate(algorithm))
        }
        return keys
      } catch {
        throw CommandFailure(.data, error.reason)
      }
    }
  }

  struct Rotate: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make keys that will take the place of those that sign now, and print their records.",
      discussion: """
        The present keys sign until the new ones do. Their records must stay for as long after that as mail may be on its
        way; `postrider dkim list` says until when.
        """)

    @OptionGroup var common: CommonOptions
    @Argument var domain: String
    @OptionGroup var choice: NewKeyOptions
    @Option(help: ArgumentHelp("When the new ones begin to sign: 0s, 1h, 2d.", valueName: "duration"))
    var after = KeyDelay(.seconds(2 * 86_400))

    func run() throws {
      let entries = try common.withSigningDirectory("dkim rotate", needsMaster: true) { directory in
        try directory.rotate(domain, selector: choice.selector, after: after.duration) {
          algorithm throws(CryptographyFailure) in try .generate(algorithm)
        }
      }
      try common.reportNew(entries)
    }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the keys.")

    @OptionGroup var common: CommonOptions
    @Argument(help: "Only this domain's.") var domain: String?

    func run() throws {
      let entries = try common.withSigningDirectory("dkim list") { try $0.list(domain: domain) }
      if common.json { return try JSONOutput.print(entries.map(Record.init)) }
      var table = Table("domain", "selector", "algorithm", "state", "signs from", "until", "record needed until")
      for entry in entries {
        table.add(
          entry.domain, entry.selector, entry.algorithm.dkimName, entry.state.rawValue,
          entry.requestedFrom == nil ? entry.activeFrom.readable : "when its record is there",
          entry.retiredAt?.finite?.readable, entry.publishedUntil?.finite?.readable)
      }
      table.print()
    }
  }

  struct Remove: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Remove a key that nobody needs any more.",
      discussion: "A key that does not sign yet can be removed too; the one that it was to follow then goes on.")

    @OptionGroup var common: CommonOptions
    @Argument var domain: String
    @Argument var selector: String
    @Flag(help: "Also one that signs, or whose signatures may still be verified.") var force = false

    func run() throws {
      let entry = try common.withSigningDirectory("dkim remove") {
        try $0.remove(selector, from: domain, force: force)
      }
      try common.report(
        DKIMCommand.Record(entry), "removed the key \(entry.selector) of \(entry.domain); \(entry.record.name) can go")
    }
  }

  struct ShowRecord: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "record", abstract: "Print the records to publish, as lines of a zone file.")

    @OptionGroup var common: CommonOptions
    @Argument var domain: String

    func run() throws {
      let entries = try common.withSigningDirectory("dkim record") { try $0.list(domain: domain) }
        .filter { $0.state != .removable }
      if common.json { return try JSONOutput.print(entries.map { DKIMCommand.Record($0).record }) }
      for entry in entries { print(entry.record.zoneLine) }
    }
  }
}
