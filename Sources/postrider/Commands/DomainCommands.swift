internal import Admission
internal import ArgumentParser
internal import Postgres

/// `postrider domain`: what tenants send from.
struct DomainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "domain", abstract: "Add, list, disable and enable domains.",
    subcommands: [Add.self, List.self, Disable.self, Enable.self], defaultSubcommand: List.self)

  struct Record: Encodable {
    var name: String
    var tenant: String
    var createdAt: String
    var disabledAt: String?

    init(_ domain: Domain) {
      name = domain.name
      tenant = domain.tenant
      createdAt = domain.createdAt.iso
      disabledAt = domain.disabledAt?.iso
    }
  }

  struct Add: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Give a tenant a domain to send from.")

    @OptionGroup var common: CommonOptions
    @Argument var tenant: String
    @Argument(help: "For example example.com.") var name: String

    func run() throws {
      let domain = try common.withDatabase("domain add") { try TenantDirectory($0).addDomain(name, tenant: tenant) }
      try common.report(Record(domain), "added domain \(domain.name) to tenant \(domain.tenant)")
    }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the domains.")

    @OptionGroup var common: CommonOptions
    @Option(help: "Only this tenant's.") var tenant: String?

    func run() throws {
      let domains = try common.withDatabase("domain list") { try TenantDirectory($0).domains(tenant: tenant) }
      if common.json { return try JSONOutput.print(domains.map(Record.init)) }
      var table = Table("domain", "tenant", "added", "state")
      for domain in domains {
        table.add(
          domain.name, domain.tenant, domain.createdAt.readable,
          domain.disabledAt.map { "disabled since \($0.readable)" } ?? "enabled")
      }
      table.print()
    }
  }

  struct Disable: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Disable a domain: no credential of it logs in any more.")

    @OptionGroup var common: CommonOptions
    @Argument var name: String

    func run() throws {
      let domain = try common.withDatabase("domain disable") { try TenantDirectory($0).disableDomain(name) }
      try common.report(Record(domain), "disabled domain \(domain.name)")
    }
  }

  struct Enable: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Enable a domain again.")

    @OptionGroup var common: CommonOptions
    @Argument var name: String

    func run() throws {
      let domain = try common.withDatabase("domain enable") { try TenantDirectory($0).enableDomain(name) }
      try common.report(Record(domain), "enabled domain \(domain.name)")
    }
  }
}
