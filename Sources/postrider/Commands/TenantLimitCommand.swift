internal import Admission
internal import ArgumentParser
internal import Limits
internal import MailModel
internal import Settings

extension TenantCommand {
  /// `postrider tenant limit`: what a tenant may, where that is not what the settings say.
  struct Limit: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "limit", abstract: "Show, set and clear a tenant's own limits.",
      discussion: """
        They take the place of the settings limits.* of the same name, within two seconds. Rates are written like
        100/minute,1000/hour; «unlimited» lifts a limit. Names: \(LimitName.allCases.map(\.rawValue).joined(separator: ", ")).
        """,
      subcommands: [Show.self, Set.self, Clear.self], defaultSubcommand: Show.self)

    struct Record: Encodable {
      var tenant: String
      /// By name; what is missing is as the settings say.
      var limits: [String: String]
    }

    struct Show: ParsableCommand {
      static let configuration = CommandConfiguration(abstract: "Show what was set for a tenant.")

      @OptionGroup var common: CommonOptions
      @Argument var name: String

      func run() throws {
        let limits = try common.withDatabase("tenant limit") { try TenantDirectory($0).limits(ofTenant: name).limits }
        try common.reportLimits(limits, of: name)
      }
    }

    struct Set: ParsableCommand {
      static let configuration = CommandConfiguration(abstract: "Set limits of a tenant.")

      @OptionGroup var common: CommonOptions
      @Argument var name: String
      @Argument(help: ArgumentHelp("Such as tenant.messages=1000/hour.", valueName: "limit=value"))
      var values: [LimitChoice]

      func run() throws {
        let limits = try common.withDatabase("tenant limit") { connection in
          let directory = TenantDirectory(connection)
          for choice in values { try directory.setLimit(choice.name, to: choice.value, ofTenant: name) }
          return try directory.limits(ofTenant: name).limits
        }
        try common.reportLimits(limits, of: name)
      }
    }

    struct Clear: ParsableCommand {
      static let configuration = CommandConfiguration(
        abstract: "Go back to what the settings say.", discussion: "Without a limit's name: for all of them.")

      @OptionGroup var common: CommonOptions
      @Argument var name: String
      @Argument(help: "Such as tenant.messages.") var limits: [LimitName] = []

      func run() throws {
        let left = try common.withDatabase("tenant limit") { connection in
          let directory = TenantDirectory(connection)
          for limit in limits.isEmpty ? LimitName.allCases : limits {
            try directory.setLimit(limit, to: nil, ofTenant: name)
          }
          return try directory.limits(ofTenant: name).limits
        }
        try common.reportLimits(left, of: name)
      }
    }
  }
}

extension LimitName: ExpressibleByArgument {}

/// `name=value`, in the form in which the database keeps it.
struct LimitChoice: ExpressibleByArgument {
  let name: LimitName
  let value: String

  init?(argument: String) {
    let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
    guard parts.count == 2, let name = LimitName(rawValue: parts[0]) else { return nil }
    self.name = name
    switch name {
    case .messageSize where parts[1] != "unlimited":
      guard let bytes = ByteSize.parse(parts[1]), bytes >= 1024 else { return nil }
      value = String(bytes)
    case .warmUp:
      guard parts[1] == "off" else { return nil }
      value = "off"
    case .credentialSessions where parts[1] != "unlimited":
      guard let count = Int(parts[1]), (1...1_000_000).contains(count) else { return nil }
      value = String(count)
    case .messageSize, .credentialSessions: value = "unlimited"
    default:
      guard let rates = Rates(parts[1]) else { return nil }
      value = rates.description
    }
  }
}

extension CommonOptions {
  fileprivate func reportLimits(_ limits: [TenantLimit], of tenant: String) throws {
    if json {
      let values = Dictionary(uniqueKeysWithValues: limits.map { ($0.name.rawValue, $0.value) })
      return try JSONOutput.print(TenantCommand.Limit.Record(tenant: tenant, limits: values))
    }
    guard !limits.isEmpty else { return print("tenant \(tenant) has the limits of the settings (limits.*)") }
    var table = Table("limit", "value")
    for limit in limits { table.add(limit.name.rawValue, limit.value) }
    table.print()
  }
}
