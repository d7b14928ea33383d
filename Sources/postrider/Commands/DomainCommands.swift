internal import Admission
internal import ArgumentParser
internal import Postgres

/// `postrider domain`: what tenants send from.
struct DomainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "domain",
    abstract: "Add, verify, list, disable and enable domains, and say where their mailboxes are.",
    subcommands: [
      Add.self, Verify.self, Records.self, Show.self, List.self, Mailboxes.self, Disable.self, Enable.self,
    ], defaultSubcommand: List.self)

  struct Add: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Give a tenant a domain to send from, and print the record that proves it.",
      discussion: """
        Nothing is sent as the domain before that record has been seen, or the operator has said that it is the tenant's.
        One below a domain of the tenant that is proven needs no proof. A domain that another tenant has and has not proven
        goes to whoever proves it first.
        """)

    @OptionGroup var common: CommonOptions
    @Argument var tenant: String
    @Argument(help: "For example example.com.") var name: String
    @Flag(help: "It is known to be the tenant's: no proof is needed.") var trust = false

    func run() throws {
      let new = try common.withDatabase("domain add") {
        try TenantDirectory($0).addDomain(name, tenant: tenant, isTrusted: trust)
      }
      switch new {
      case .added(let domain):
        let proof = domain.provenAt == nil ? domain.challenge.words : "it is verified: \(domain.proof?.words ?? "")"
        try common.report(
          DomainRecord(domain), "added domain \(domain.name) to tenant \(domain.tenant)\n\(proof)")
      case .claimed(let claim, let holder):
        try common.report(
          DomainRecord.Claim(claim),
          "tenant \(holder) has \(claim.domain) and has not proven it: whoever does first has it from then on\n"
            + claim.challenge.words)
      }
    }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the domains.")

    @OptionGroup var common: CommonOptions
    @Option(help: "Only this tenant's.") var tenant: String?

    func run() throws {
      let domains = try common.withDatabase("domain list") { try TenantDirectory($0).domains(tenant: tenant) }
      if common.json { return try JSONOutput.print(domains.map { DomainRecord($0) }) }
      var table = Table("domain", "tenant", "added", "state", "verified", "records")
      for domain in domains {
        table.add(
          domain.name, domain.tenant, domain.createdAt.readable,
          domain.disabledAt.map { "disabled since \($0.readable)" } ?? "enabled", domain.proofWords,
          domain.recordWords)
      }
      table.print()
    }
  }

  struct Mailboxes: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Say whether a domain's mailboxes are kept here.",
      discussion: """
        If so, mail for the domain, from everybody here, goes to the server of mailboxes.lmtp instead of the domain's MX,
        and the domain's credentials read it over IMAP and POP3. Workers hear of it within seconds. Only for a domain
        that is verified.
        """)

    enum Place: String, ExpressibleByArgument { case here, elsewhere }

    @OptionGroup var common: CommonOptions
    @Argument var name: String
    @Argument(help: "here or elsewhere.") var place: Place

    func run() throws {
      let domain = try common.withDatabase("domain mailboxes") {
        try TenantDirectory($0).setMailboxes(place == .here, of: name)
      }
      try common.report(DomainRecord(domain), "the mailboxes of \(domain.name) are \(place.rawValue)")
    }
  }

  struct Disable: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Disable a domain: no credential of it logs in any more.")

    @OptionGroup var common: CommonOptions
    @Argument var name: String

    func run() throws {
      let domain = try common.withDatabase("domain disable") { try TenantDirectory($0).disableDomain(name) }
      try common.report(DomainRecord(domain), "disabled domain \(domain.name)")
    }
  }

  struct Enable: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Enable a domain again.")

    @OptionGroup var common: CommonOptions
    @Argument var name: String

    func run() throws {
      let domain = try common.withDatabase("domain enable") { try TenantDirectory($0).enableDomain(name) }
      try common.report(DomainRecord(domain), "enabled domain \(domain.name)")
    }
  }
}
