import MailTesting
import Supervision
import Testing

/// A whole node whose database fails over under load.
@Suite(.serialized, .timeLimit(.minutes(10))) struct FailoverTests {
  /// The primary is killed and its synchronous standby promoted: what got a 250 is there and is delivered.
  @Test func aPromotedStandbyHasEverythingThatWasPromised() async throws {
    let primary = try await PostgresServer(settings: ["synchronous_standby_names": "one"])
    let standby = try await PostgresServer(standbyOf: primary, name: "one")
    let node = try await RunningNode(
      script: "rules:\n  - {stage: dot, delay: 20ms}\n", server: primary, others: [standby])
    let roles = [try await node.acceptor(), try await node.worker(), try await node.keeper()]
    async let sent = node.send(count: 200)
    _ = try await node.waitForCaptured(10)
    try await primary.kill()
    try await standby.promote()
    let ids = try await sent
    try await eventually("everything is delivered") {
      (try? await standby.query("SELECT count(*) FROM postrider.job", database: node.database.name)) == "0"
    }
    let messages = try node.captured().map(\.message)
    for id in ids where !id.isEmpty {
      #expect(messages.filter { $0.contains(id) }.count == 1, "\(id) must be there exactly once")
    }
    #expect(ids.filter { !$0.isEmpty }.count >= 10)
    for role in roles { try await role.waitForLine(containing: "connected to another database server") }
    // Mail is taken and delivered again.
    #expect(try await node.send().allSatisfy { !$0.isEmpty })
    for role in roles { #expect(try await role.terminate().isSuccess) }
  }

  /// The only synchronous standby goes: 451, promptly and by name, and what was refused may be there later.
  @Test func withoutItsStandbyNothingIsPromised() async throws {
    let primary = try await PostgresServer(settings: ["synchronous_standby_names": "one"])
    let standby = try await PostgresServer(standbyOf: primary, name: "one")
    let node = try await RunningNode(server: primary, others: [standby])
    let acceptor = try await node.acceptor()
    try await eventually("mail is taken") { try await node.send().allSatisfy { !$0.isEmpty } }
    try await standby.kill()
    let clock = ContinuousClock()
    let began = clock.now
    #expect(try await node.send() == [""])
    #expect(clock.now - began < .seconds(60), "a client is not left waiting")
    try await acceptor.waitForLine(containing: "alarm=synchronous_standby_missing")
    #expect(try await node.send(count: 5).allSatisfy(\.isEmpty))
    try await standby.start()
    try await eventually("mail is taken again") { try await node.send().allSatisfy { !$0.isEmpty } }
    #expect(try await acceptor.terminate().isSuccess)
  }
}
