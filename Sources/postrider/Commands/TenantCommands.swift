internal import Admission
internal import ArgumentParser
internal import MailQueue
internal import Postgres

/// `postrider tenant`: the customers of the node.
struct TenantCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tenant", abstract: "Add, list, change, disable, enable and move tenants.",
    subcommands: [Add.self, Set.self, Scanning.self, List.self, Disable.self, Enable.self, Move.self],
    defaultSubcommand: List.self)

  struct Record: Encodable {
    var name: String
    var weight: Int32
    var createdAt: String
    var suspendedAt: String?
    /// Only where there are several.
    var shard: String?
    var movingTo: String?
    var retention: RetentionRecord
    var returns: ReturnRecord

    init(_ tenant: Tenant, at placement: Placement? = nil) {
      shard = placement?.shard
      movingTo = placement?.movingTo
      name = tenant.name
      weight = tenant.weight
      createdAt = tenant.createdAt.iso
      suspendedAt = tenant.suspendedAt?.iso
      retention = RetentionRecord(tenant.retention)
      returns = ReturnRecord(tenant.returns)
    }
  }

  struct Add: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Add a tenant.")

    @OptionGroup var common: CommonOptions
    @Argument(help: "1 to 63 letters, digits, «-», «_» and «.».") var name: String
    @Option(help: "Its share of delivery among tenants that wait, 1 to 1000.") var weight: Int32 = 1
    @Option(help: "The database for its mail, where there are several (database.shards).")
    var shard: String = Placement.home

    func run() throws {
      let (tenant, placement) = try common.withShards("tenant add") { shards in
        try shards.require(shard)
        let directory = TenantDirectory(shards.home)
        guard shard != Placement.home else {
          return (try directory.addTenant(name, weight: weight), shards.isSharded ? Placement() : nil)
        }
        // At home in the first moment, but closed: from there it is moved.
        let tenant = try directory.addTenant(name, weight: weight, movingTo: shard)
        return (tenant, try shards.finishMove(of: tenant.id, name))
      }
      try common.report(
        Record(tenant, at: placement), "added tenant \(tenant.name)" + (placement.map { " at \($0.shard)" } ?? ""))
    }
  }

  struct Set: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Change a tenant's retention, return paths and suppression.",
      discussion: "It holds for mail that is accepted from now on; suppression for what comes back from now on.")

    @OptionGroup var common: CommonOptions
    @Argument var name: String
    @OptionGroup var retention: RetentionChoices
    @OptionGroup var returns: ReturnOptions

    func validate() throws {
      if retention.isEmpty, returns.isEmpty { throw ValidationError("say what to change") }
    }

    func run() throws {
      let tenant = try common.withShards("tenant set") { shards in
        let tenant = try set(in: TenantDirectory(shards.home))
        // Insertions and reports read the choice where the tenant's mail is.
        try shards.copy(name)
        return tenant
      }
      let words = "retention of tenant \(tenant.name): \(tenant.retention.words ?? "default"); \(tenant.returns.words)"
      try common.report(Record(tenant), words)
    }

    private func set(in directory: TenantDirectory) throws -> Tenant {
      guard let before = try directory.tenants().first(where: { $0.name == name }) else {
        throw CommandFailure(.notFound, "there is no tenant \(name)")
      }
      let tenant = try directory.setRetention(retention.applied(to: before.retention), ofTenant: name)
      return returns.isEmpty ? tenant : try directory.setReturns(returns.applied(to: before.returns), ofTenant: name)
    }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the tenants.")

    @OptionGroup var common: CommonOptions

    func run() throws {
      let (tenants, placements) = try common.withShards("tenant list") { shards in
        let placed = shards.isSharded ? try TenantEntry.placed(shards.home) : []
        return (
          try TenantDirectory(shards.home).tenants(),
          shards.isSharded ? Dictionary(uniqueKeysWithValues: placed.map { ($0.id, $0.placement) }) : nil
        )
      }
      let placement = { (tenant: Tenant) in placements.map { $0[tenant.id] ?? Placement() } }
      if common.json { return try JSONOutput.print(tenants.map { Record($0, at: placement($0)) }) }
      var table = Table(["tenant", ">weight", "retention", "added", "state"] + (placements == nil ? [] : ["shard"]))
      for tenant in tenants {
        let state = tenant.suspendedAt.map { "disabled since \($0.readable)" } ?? "enabled"
        let shard = placement(tenant).map { $0.shard + ($0.movingTo.map { ", moving to \($0)" } ?? "") }
        table.add(
          [tenant.name, tenant.weight, tenant.retention.words ?? "default", tenant.createdAt.readable, state]
            + (shard.map { [$0] } ?? []))
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
      let tenant = try common.withShards("tenant disable") { shards in
        let tenant = try TenantDirectory(shards.home).disableTenant(name)
        try shards.copy(name)
        return tenant
      }
      try common.report(Record(tenant), "disabled tenant \(tenant.name); its queued mail waits")
    }
  }

  struct Enable: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Enable a tenant again.")

    @OptionGroup var common: CommonOptions
    @Argument var name: String

    func run() throws {
      let tenant = try common.withShards("tenant enable") { shards in
        let tenant = try TenantDirectory(shards.home).enableTenant(name)
        try shards.copy(name)
        return tenant
      }
      try common.report(Record(tenant), "enabled tenant \(tenant.name)")
    }
  }
}

extension TenantCommand {
  struct Move: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Let a tenant's new mail go to another database.",
      discussion: """
        Nothing queued is copied: what the old database has is delivered from there; the tenant's choices and its
        suppression list come along. Submission is refused with 451 for
        the moment between the closing of the old and the opening of the new one. If this command is interrupted, the
        same again, or a keeper, finishes the move; with the old database's name it goes back. See docs/sharding.md.
        """)

    @OptionGroup var common: CommonOptions
    @Argument var name: String
    @Argument(help: "«home», or a name from database.shards.") var shard: String
    @Flag(help: "Go on although the database that it leaves cannot be reached: it is lost.") var leavingSource = false

    func run() throws {
      let (tenant, placement) = try common.withShards("tenant move") { shards in
        try shards.require(shard)
        guard let entry = try TenantEntry.find(name: name, shards.home) else {
          throw CommandFailure(.notFound, "there is no tenant \(name)")
        }
        if entry.placement.shard != shard || entry.placement.movingTo != nil {
          _ = try Placement.wish(entry.id, to: shard, shards.home)
        }
        let placement = try shards.finishMove(of: entry.id, name, leavingSource: leavingSource)
        return (try TenantDirectory(shards.home).tenants().first { $0.id == entry.id }, placement)
      }
      guard let tenant else { throw CommandFailure(.notFound, "there is no tenant \(name)") }
      try common.report(
        Record(tenant, at: placement), "new mail of tenant \(name) goes to \(placement.shard)")
    }
  }
}

extension CommonOptions {
  /// Tells what was done: a record for programs, a sentence for people.
  func report(_ record: some Encodable, _ sentence: String) throws {
    if json { try JSONOutput.print(record) } else { print(sentence) }
  }
}
