internal import MailQueue
internal import Postgres

/// Database roles besides the owner of the tables.
enum RightsChecks {
  /// One finding for each, none when there are none.
  static func run(_ connection: PostgresConnection) throws -> [Finding] {
    try DatabaseRole.guests(connection).map { try check($0.name, $0.role, connection) }
  }

  private static func check(_ name: String, _ role: DatabaseRole, _ connection: PostgresConnection) throws -> Finding {
    let check = "role \(name)"
    let advice = "`postrider database grant --role \(role.rawValue) \(name)` sets it right"
    if let obstacle = try DatabaseRole.obstacle(name, connection) {
      return .failed(check, "\(obstacle): it sees every tenant's rows", advice: "give it another role in PostgreSQL")
    }
    let difference = try role.difference(of: name, connection)
    if !difference.excess.isEmpty {
      return .warning(
        check, "may do more than the \(role.rawValue) role needs: \(few(difference.excess))", advice: advice)
    }
    if !difference.missing.isEmpty {
      return .warning(check, "lacks rights of the \(role.rawValue) role: \(few(difference.missing))", advice: advice)
    }
    return .ok(check, "has the rights of the \(role.rawValue) role, and no others")
  }

  private static func few(_ rights: [String]) -> String {
    rights.prefix(3).joined(separator: ", ") + (rights.count > 3 ? " and \(rights.count - 3) more" : "")
  }
}
