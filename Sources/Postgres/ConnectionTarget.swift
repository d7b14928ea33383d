internal import CPostgres

/// A connection string taken apart: libpq's parameters for each server that it names.
///
/// libpq goes to the next host only when the one before has refused, so a host that says nothing would hold everything
/// for as long as the whole attempt may take. Apart they can be tried beside each other.
struct ConnectionTarget: Sendable {
  struct Server: Sendable {
    let keywords: [String]
    let values: [String]
  }

  let servers: [Server]
  /// From `connect_timeout` in the string; nil when it says nothing.
  let timeout: Duration?

  /// - Parameter role: `application_name`, unless the string has one.
  init(url: String, role: String) throws(PostgresError) {
    var given = try Self.parse(url)
    timeout = given["connect_timeout"].flatMap { Int($0) }.flatMap { $0 > 0 ? .seconds($0) : nil }
    // Ours is finer than whole seconds, and counts for each host.
    given["connect_timeout"] = nil
    let hosts = Self.list(given["host"])
    let addresses = Self.list(given["hostaddr"])
    let ports = Self.list(given["port"])
    let count = max(hosts.count, addresses.count, 1)
    for (name, list) in [("host", hosts), ("port", ports)] where list.count > 1 && list.count != count {
      throw PostgresError(.connection, "the database URL does not name one \(name) for each server")
    }
    var defaults = Self.defaults
    defaults["application_name"] = role
    // Every role writes: of several servers only the one that can be written is the database.
    if count > 1 { defaults["target_session_attrs"] = "read-write" }
    let common = defaults.merging(given) { $1 }
    servers = (0..<count).map { index in
      var values = common
      for (name, list) in [("host", hosts), ("hostaddr", addresses), ("port", ports)] where count > 1 {
        values[name] = list.count == 1 ? list[0] : list.isEmpty ? nil : list[index]
        if values[name] == "" { values[name] = nil }
      }
      let sorted = values.sorted { $0.key < $1.key }
      return Server(keywords: sorted.map(\.key), values: sorted.map(\.value))
    }
  }

  /// A network that swallows everything is noticed within 10 s while something is under way, and within half a minute on
  /// an idle connection; the system's own limits are two hours.
  private static let defaults = [
    "client_encoding": "UTF8", "tcp_user_timeout": "10000", "keepalives_idle": "10", "keepalives_interval": "5",
    "keepalives_count": "3",
  ]

  private static func list(_ text: String?) -> [String] {
    text.map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) } ?? []
  }

  private static func parse(_ url: String) throws(PostgresError) -> [String: String] {
    var message: UnsafeMutablePointer<CChar>?
    guard let options = PQconninfoParse(url, &message) else {
      // libpq's words repeat parts of the string, which may hold a password.
      PQfreemem(message)
      throw PostgresError(.connection, "the database URL is not understood")
    }
    defer { PQconninfoFree(options) }
    var values: [String: String] = [:]
    var option = options
    while let keyword = option.pointee.keyword {
      if let value = option.pointee.val { values[String(cString: keyword)] = String(cString: value) }
      option += 1
    }
    return values
  }
}
