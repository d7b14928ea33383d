import Foundation
import MailTesting
import Supervision
import Testing

/// One of two primaries goes back to an earlier time, and the procedure of docs/operations.md is followed.
@Suite(.serialized, .timeLimit(.minutes(10))) struct RestoreTests {
  enum Database: CaseIterable, Sendable { case home, second }

  @Test(arguments: Database.allCases) func oneOfTwoDatabasesGoesBackAndNothingIsRepeated(which: Database) async throws {
    let servers = (try await PostgresServer(), try await PostgresServer())
    let sharded = try await ShardedNode(servers: servers)
    let node = sharded.node
    try await sharded.addOther()
    let (server, other) = which == .home ? servers : (servers.1, servers.0)
    let acceptor = try await node.acceptor()
    let first = try await node.worker()
    try await first.waitForLine(containing: "shard=b")
    try await eventually("shard b takes mail") { try await node.send(user: ShardedNode.otherUser) != [""] }
    try await Self.sendToBoth(node)
    try await sharded.waitUntilEmpty()
    #expect(try await first.terminate().isSuccess)

    // What waits now is delivered after the backup, and waits again after the restore.
    let waiting = try await Self.sendToBoth(node)
    let backup = sharded.node.directory.path("backup")
    try await server.stop()
    try await Self.copy(server.dataDirectory, to: backup)
    try await server.start()
    let second = try await node.worker()
    try await second.waitForLine(containing: "shard=b")
    try await sharded.waitUntilEmpty()
    #expect(try await second.terminate().isSuccess)
    // The acceptor's connections were cut: it finds out by the first of these.
    try await eventually("both databases take mail again") { try await Self.sendToBoth(node).allSatisfy { $0 != "" } }
    let third = try await node.worker()
    try await sharded.waitUntilEmpty()
    #expect(try await third.terminate().isSuccess)
    // Accepted, delivered to nobody, and gone with the database that goes back.
    let last = try await Self.sendToBoth(node)
    #expect(try await acceptor.terminate().isSuccess)

    try await server.stop()
    try FileManager.default.removeItem(atPath: server.dataDirectory)
    try await Self.copy(backup, to: server.dataDirectory)
    try await server.start()

    var logs: [String] = []
    for (number, role) in [acceptor, first, second, third].enumerated() {
      logs.append(try node.directory.write(role.lines.joined(separator: "\n") + "\n", to: "role\(number).log"))
    }
    // With a database away its mail would look lost: nothing is done.
    try await other.stop()
    let refused = try await node.command(["queue", "reconcile"] + logs)
    #expect(!refused.status.isSuccess && refused.output.contains("refused"), "\(refused.output)")
    try await other.start()

    for (isDry, ended) in [(true, 1), (false, 1), (false, 0)] {
      let done = try await node.command(["queue", "reconcile", "--json"] + (isDry ? ["--dry-run"] : []) + logs)
      #expect(done.status.isSuccess, "\(done.output)")
      let record = try JSONDecoder().decode(Record.self, from: Data(done.output.utf8))
      #expect(record.ended == ended, "\(done.output)")
      #expect(record.lost.map(\.id) == [last[which == .home ? 0 : 1]], "\(done.output)")
    }
    let trace = try await node.command(["message", "trace", waiting[which == .home ? 0 : 1]])
    #expect(trace.output.contains("delivered before the database was restored"), "\(trace.output)")

    let worker = try await node.worker()
    try await worker.waitForLine(containing: "shard=b")
    try await sharded.waitUntilEmpty()
    #expect(try await worker.terminate().isSuccess)
    let delivered = try node.captured().map(\.message)
    for id in waiting { #expect(delivered.count { $0.contains(id) } == 1, "\(id)") }
    #expect(last.map { id in delivered.count { $0.contains(id) } } == (which == .home ? [0, 1] : [1, 0]))
  }

  private struct Record: Decodable {
    struct Lost: Decodable { var id: String }
    var ended: Int
    var lost: [Lost]
  }

  /// One message of each tenant: of that at home first. An id is empty where it was refused.
  @discardableResult
  private static func sendToBoth(_ node: RunningNode) async throws -> [String] {
    try await node.send() + node.send(user: ShardedNode.otherUser)
  }

  private static func copy(_ source: String, to target: String) async throws {
    #expect(try await run("cp", ["-a", source, target]).status.isSuccess)
  }
}
