internal import Admission
internal import ArgumentParser
internal import Postgres

/// `postrider tenant`: the customers of the node.
struct TenantCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tenant", abstract: "Add, list, disable and enable tenants.",
    subcommands: [Add.self, List.self, Disable.self, Enable.self], defaultSubcommand: List.self)

  struct Record: Encodable {
    var name: String
    var weight: Int32
    var createdAt: String
    var suspendedAt: String?

    init(_ tenant: Tenant) {
      name = tenant.name
      weight = tenant.weight
      createdAt = tenant.createdAt.iso
      suspendedAt = tenant.suspendedAt?.iso
    }
  }

  struct Add: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Add a tenant.")

    @OptionGroup var common: CommonOptions
    @Argument(help: "1 to 63 letters, digits, «-», «_» and «.».") var name: String
    @Option(help: "Its share of delivery among tenants that wait, 1 to 1000.") var weight: Int32 = 1

    func run() throws {
      let tenant = try common.withDatabase("tenant add") {
        try TenantDirectory($0).addTenant(name, weight: weight)
      }
      try common.report(Record(tenant), "added tenant \(tenant.name)")
    }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the tenants.")

    @OptionGroup var common: CommonOptions

    func run() throws {
      let tenants = try common.withDatabase("tenant list") { try TenantDirectory($0).tenants() }
      if common.json { return try JSONOutput.print(tenants.map(Record.init)) }
      var table = Table("tenant", ">weight", "added", "state")
      for tenant in tenants {
        table.add(
          tenant.name, tenant.weight, tenant.createdAt.readable,
          tenant.suspendedAt.map { "disabled since \($0.readable)" } ?? "enabled")
      }
      table.print()
    }
  }

  struct Disable: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Suspend a tenant.", discussion: "Nobody submits; queued mail waits while its retry period goes on.")

    @OptionGroup var common: CommonOptions
    @Argument var name: String

    func run() throws {
      let tenant = try common.withDatabase("tenant disable") { try TenantDirectory($0).disableTenant(name) }
      try common.report(Record(tenant), "disabled tenant \(tenant.name); its queued mail waits")
    }
  }

  struct Enable: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Enable a tenant again.")

    @OptionGroup var common: CommonOptions
    @Argument var name: String

    func run() throws {
      let tenant = try common.withDatabase("tenant enable") { try TenantDirectory($0).enableTenant(name) }
      try common.report(Record(tenant), "enabled tenant \(tenant.name)")
    }
  }
}

extension CommonOptions {
  /// Tells what was done: a record for programs, a sentence for people.
  func report(_ record: some Encodable, _ sentence: String) throws {
    if json { try JSONOutput.print(record) } else { print(sentence) }
  }
}
