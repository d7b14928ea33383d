/// What a database role may do in the schema, and nothing else.
struct DatabaseRights: Sendable {
  struct Table: Sendable {
    let name: String
    /// Each named: a column that a later step adds is not readable by itself.
    let reads: [String]
    var inserts: [String] = []
    var updates: [String] = []
    var deletes = false
  }

  /// The schema that everything is in.
  var schema = "postrider"
  var tables: [Table] = []
  /// With their arguments, as PostgreSQL names them.
  let functions: [String]

  /// Everything that the web role may do, for the tenant that its transaction names.
  ///
  /// Neither bodies nor keys nor secrets, nothing of the queue's machinery, and nothing that changes where mail goes.
  static let web = DatabaseRights(
    tables: [
      Table(name: "schema_version", reads: ["number", "title", "applied_at", "oldest"]),
      Table(name: "installation", reads: ["only_row", "purpose", "schedule_offset"]),
      Table(
        name: "tenant",
        reads: [
          "id", "name", "weight", "created_at", "suspended_at", "retention", "retention_bounced", "notice_delay",
          "notice_success", "notice_language", "return_path_host", "return_path_each", "suppress_bounces",
          "suppress_complaints",
        ]),
      Table(name: "domain", reads: ["id", "tenant", "name", "created_at", "disabled_at"]),
      Table(
        name: "credential",
        reads: [
          "id", "tenant", "domain", "name", "covers_domain", "version", "created_at", "disabled_at", "retention",
          "retention_bounced", "old_secret_until", "expires_at", "smtp_disabled_at", "last_used_at",
        ]),
      Table(name: "allowed_sender", reads: ["credential", "sender"]),
      Table(
        name: "dkim_key",
        reads: [
          "id", "tenant", "domain", "selector", "algorithm", "public_key", "created_at", "active_from", "retired_at",
        ]),
      Table(
        name: "message",
        reads: [
          "id", "day", "tenant", "credential", "accepted_at", "expires_at", "size_bytes", "body_kind", "returned",
          "smtp_utf8", "session", "client_address", "reverse_path", "recipients", "notify", "original_recipients",
          "envelope_id", "notice_of", "retention", "retention_bounced", "redacted_at", "return_path_host",
          "return_path_each",
        ]),
      Table(
        name: "outcome",
        reads: [
          "message", "day", "at", "recipient", "duration_ms", "kind", "stage", "attempt", "reply_code", "remote_port",
          "late", "tls_verified", "enhanced", "tls_version", "tls_cipher", "remote_name", "remote_address", "failure",
          "reply", "next_due",
        ]),
      Table(name: "lane", reads: ["id", "tenant", "destination", "ready", "wake_at", "parked_by"]),
      Table(
        name: "job",
        reads: ["message", "lane", "due", "event_at", "delay_at", "day", "recipient", "attempt", "crashes", "held"]),
      Table(
        name: "suppression",
        reads: ["address", "tenant", "reason", "detail", "message", "added_at", "expires_at"],
        inserts: ["address", "tenant", "reason", "detail", "added_at", "expires_at"],
        updates: ["reason", "detail", "added_at", "expires_at"], deletes: true),
      Table(
        name: "notice_template", reads: ["tenant", "kind", "language", "source", "changed_at"],
        inserts: ["tenant", "kind", "language", "source", "changed_at"], updates: ["source", "changed_at"],
        deletes: true),
    ],
    functions: [
      "current_tenant()", "schedule_now()", "schedule_transaction_now()", "utc_day(timestamp with time zone)",
      "suppression_key(bytea)",
    ])

  /// Each right as one text: privilege, object, column; in the form in which the catalogue is read.
  var all: Set<String> {
    let place = Self.place(of: schema)
    var rights: Set = ["USAGE \(place)schema"]
    for table in tables {
      for (privilege, columns) in [("SELECT", table.reads), ("INSERT", table.inserts), ("UPDATE", table.updates)] {
        for column in columns { rights.insert("\(privilege) \(place)\(table.name).\(column)") }
      }
      if table.deletes { rights.insert("DELETE \(place)\(table.name)") }
    }
    for function in functions { rights.insert("EXECUTE \(place)\(function)") }
    return rights
  }

  /// What stands before a name, as `DatabaseRole` reads it from the catalogue.
  private static func place(of schema: String) -> String { schema == "postrider" ? "" : "\(schema)." }

  /// What gives them.
  /// - Parameter role: quoted.
  func grants(to role: String) -> [String] {
    var statements = ["GRANT USAGE ON SCHEMA \(schema) TO \(role)"]
    for table in tables {
      var privileges: [String] = []
      for (privilege, columns) in [("SELECT", table.reads), ("INSERT", table.inserts), ("UPDATE", table.updates)]
      where !columns.isEmpty { privileges.append("\(privilege) (\(columns.joined(separator: ", ")))") }
      if table.deletes { privileges.append("DELETE") }
      statements.append("GRANT \(privileges.joined(separator: ", ")) ON \(schema).\(table.name) TO \(role)")
    }
    return statements + functions.map { "GRANT EXECUTE ON FUNCTION \(schema).\($0) TO \(role)" }
  }
}
