internal import ArgumentParser
internal import MailQueue
internal import Postgres
internal import Settings

/// Whose list.
struct SuppressionScope: ParsableArguments {
  @Option(help: "The list of this tenant.") var tenant: String?
  @Flag(name: .customLong("global"), help: "The list for all tenants.") var isGlobal = false

  func validate() throws {
    if tenant != nil, isGlobal { throw ValidationError("say --tenant or --global, not both") }
  }

  /// - Returns: nil when neither was given.
  /// - Throws: when there is no such tenant.
  func resolved(_ connection: PostgresConnection) throws -> Suppressions.Scope? {
    if isGlobal { return .allTenants }
    guard let tenant else { return nil }
    guard let id = try Suppressions.tenant(tenant, connection) else {
      throw CommandFailure(.notFound, "there is no tenant \(tenant)")
    }
    return .tenant(id)
  }
}

/// The same where there must be one.
struct RequiredScope: ParsableArguments {
  @OptionGroup var choice: SuppressionScope

  func validate() throws {
    if choice.tenant == nil, !choice.isGlobal { throw ValidationError("say --tenant NAME or --global") }
  }
}

/// From now on, up to ten years.
struct SuppressionLifetime: ExpressibleByArgument {
  let duration: Duration

  init?(argument: String) {
    guard let duration = DurationText.parse(argument), duration >= .seconds(1), duration <= .seconds(3650 * 86_400)
    else { return nil }
    self.duration = duration
  }
}
