import Cryptography
import MailModel
import MailTesting
import Supervision

/// A node with two primaries: home, and a shard «b».
struct ShardedNode {
  let node: RunningNode
  /// Of shard b.
  let second: TestDatabase

  var home: TestDatabase { node.database }
  static let otherUser = "carol@second.example"

  /// - Parameter servers: of the test's own, when it stops them.
  init(script: String = "", servers: (PostgresServer, PostgresServer)? = nil) async throws {
    let server: PostgresServer
    if let servers { server = servers.1 } else { server = try await PostgresServer() }
    second = try await TestDatabase.make(on: server)
    node = try await RunningNode(
      script: script, settings: "database.shards: [{name: b, url: \"\(second.url)\"}]", server: servers?.0)
  }

  /// Runs a command of postrider to its end.
  func command(_ arguments: String...) async throws -> (status: ExitStatus, output: String) {
    try await run(ProcessHarness.productsDirectory + "/postrider", arguments + ["--config", node.settingsFile])
  }

  /// Adds a tenant at shard b, with a user.
  func addOther() async throws {
    let added = try await command("tenant", "add", "second", "--shard", "b")
    guard added.status.isSuccess else { throw NodeTrouble(added.output) }
    let secret = try PasswordHash.make(Array(RunningNode.password.utf8))
    try await home.query(
      """
      INSERT INTO postrider.domain (tenant, name, proven_at, proof)
      SELECT id, 'second.example', now(), 'operator' FROM postrider.tenant WHERE name = 'second';
      INSERT INTO postrider.credential (tenant, domain, name, secret)
      SELECT d.tenant, d.id, '\(Self.otherUser)', '\(secret)' FROM postrider.domain d WHERE d.name = 'second.example'
      """)
  }

  /// The ids of the submitted messages that a database has, as the 250 replies name them.
  func messages(in database: TestDatabase) async throws -> Set<String> {
    let rows = try await database.query("SELECT id FROM postrider.message WHERE notice_of IS NULL")
    return Set(
      rows.split(separator: "\n").compactMap { row in
        let digits = row.filter { $0 != "-" }
        guard let high = UInt64(digits.prefix(16), radix: 16), let low = UInt64(digits.dropFirst(16), radix: 16) else {
          return nil
        }
        return QueueID(high: high, low: low).description
      })
  }

  func waitUntilEmpty() async throws {
    try await eventually("no job waits anywhere") {
      for database in [home, second] where (try? await database.query("SELECT count(*) FROM postrider.job")) != "0" {
        return false
      }
      return true
    }
  }

  /// The directory's word, and each database's: `b 3 - | f 3 | t 3`.
  func placement(of tenant: String = "first") async throws -> String {
    let directory = try await home.query(
      """
      SELECT coalesce(p.shard, 'home') || ' ' || coalesce(p.epoch, 0) || ' ' || coalesce(p.moving_to, '-')
      FROM postrider.tenant t LEFT JOIN postrider.placement p ON p.tenant = t.id WHERE t.name = '\(tenant)'
      """)
    let gate = "SELECT is_open || ' ' || epoch FROM postrider.tenant WHERE name = '\(tenant)'"
    return "\(directory) | \(try await home.query(gate)) | \(try await second.query(gate))"
  }
}
