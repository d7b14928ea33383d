import MailTesting
import Supervision
import Testing

/// Two real primaries under one node.
@Suite(.serialized, .timeLimit(.minutes(10))) struct ShardingTests {
  @Test func eachTenantsMailIsInItsDatabaseAndAllIsDelivered() async throws {
    let sharded = try await ShardedNode()
    let node = sharded.node
    try await sharded.addOther()
    #expect(try await sharded.placement(of: "second") == "b 1 - | false 1 | true 1")
    let roles = [try await node.acceptor(), try await node.worker(), try await node.keeper()]
    try await roles[1].waitForLine(containing: "shard=b")
    let first = try await node.send(count: 3)
    try await eventually("shard b takes mail") {
      try await node.send(user: ShardedNode.otherUser) != [""]
    }
    let second = try await node.send(count: 3, user: ShardedNode.otherUser)
    #expect((first + second).allSatisfy { !$0.isEmpty })
    #expect(try await sharded.messages(in: sharded.home) == Set(first))
    #expect(try await sharded.messages(in: sharded.second).isSuperset(of: second))
    try await sharded.waitUntilEmpty()
    let messages = try node.captured().map(\.message)
    for id in first + second { #expect(messages.filter { $0.contains(id) }.count == 1) }
    for role in roles { #expect(try await role.terminate().isSuccess) }
  }
}

extension ShardingTests {
  /// A shard goes: its tenants get 451, the others notice nothing. Home goes: whoever is logged in goes on elsewhere.
  @Test func aDatabaseThatIsAwayDoesNotStopTheOthers() async throws {
    let servers = (try await PostgresServer(), try await PostgresServer())
    let sharded = try await ShardedNode(servers: servers)
    let node = sharded.node
    try await sharded.addOther()
    let (acceptor, worker) = (try await node.acceptor(), try await node.worker())
    try await worker.waitForLine(containing: "shard=b")
    try await eventually("shard b takes mail") { try await node.send(user: ShardedNode.otherUser) != [""] }
    // An outcome that cannot be written would keep the worker, and rightly.
    try await sharded.waitUntilEmpty()
    let before = try node.captured().count

    try await servers.1.stop()
    #expect(try await node.send(user: ShardedNode.otherUser) == [""])
    let first = try await node.send(count: 5)
    #expect(first.allSatisfy { !$0.isEmpty })
    _ = try await node.waitForCaptured(before + 5)
    // A worker that begins now works with what there is.
    #expect(try await worker.terminate().isSuccess)
    let next = try await node.worker()
    #expect(try await node.send().allSatisfy { !$0.isEmpty })
    _ = try await node.waitForCaptured(before + 6)
    let queue = try await sharded.command("queue")
    #expect(queue.output.contains("shard b cannot be reached"))
    try await servers.1.start()
    try await eventually("shard b takes mail again") { try await node.send(user: ShardedNode.otherUser) != [""] }
    try await next.waitForLine(containing: "shard=b")
    try await sharded.waitUntilEmpty()

    let client = try node.startPython(
      """
      user = "\(ShardedNode.otherUser)"
      def connect_as():
          server = smtplib.SMTP("localhost", \(node.startTLSPort), timeout=120)
          server.starttls(context=context)
          server.login(user, password)
          return server
      server = connect_as()
      say("first", *send(server, ["bob@inbox.example"], b"Subject: before\\r\\n\\r\\nx\\r\\n", sender=user))
      wait_for("home-is-gone")
      say("second", *send(server, ["bob@inbox.example"], b"Subject: without home\\r\\n\\r\\nx\\r\\n", sender=user))
      time.sleep(2.5)
      try:
          connect_as()
          say("third login")
      except smtplib.SMTPAuthenticationError as error:
          say("third", error.smtp_code)
      """)
    try await client.waitForLine(containing: "first 250")
    try await servers.0.stop()
    try node.signal("home-is-gone")
    try await client.waitForLine(containing: "second 250")
    try await client.waitForLine(containing: "third 454")
    try await eventually("mail without home is delivered") {
      try node.captured().contains { $0.message.contains("Subject: without home") }
    }
    try await servers.0.start()
    try await eventually("home takes mail again") { try await node.send() != [""] }
    try await sharded.waitUntilEmpty()
    for role in [acceptor, next] { #expect(try await role.terminate().isSuccess) }
  }

  /// Whoever confuses two databases, or forgets one, is told before any harm.
  @Test func databasesKnowWhichTheyAre() async throws {
    let sharded = try await ShardedNode()
    let forgotten = try await sharded.command("worker", "--set", "database.shards=[]")
    #expect(!forgotten.status.isSuccess)
    #expect(forgotten.output.contains("has a shard «b» that database.shards does not name"))
    let twice = try await sharded.command(
      "migrate", "--set",
      "database.shards=[{name: b, url: \"\(sharded.second.url)\"}, {name: c, url: \"\(sharded.second.url)\"}]")
    #expect(twice.output.contains("the database for shard «c» is shard «b»"))
    let swapped = try await sharded.command(
      "keeper", "--set", "database.url=\(sharded.second.url)", "--set",
      "database.shards=[{name: b, url: \"\(sharded.home.url)\"}]")
    #expect(swapped.output.contains("the database for shard «home» is shard «b»"))
    let none = try await sharded.command("tenant", "move", "first", "c")
    #expect(none.output.contains("there is no shard «c»; there are home, b"))
  }

  /// Bounces are told from the database of their message, also of one that its tenant has left; commands find it there.
  @Test func whatIsQueuedDrainsWhereItIs() async throws {
    let sharded = try await ShardedNode(
      script: "rules:\n  - {stage: rcpt, match: 'gone@*', reply: '550 5.1.1 no such user here'}\n")
    let node = sharded.node
    let acceptor = try await node.acceptor()
    let ids = try await node.send(to: ["gone@inbox.example"])
    let moved = try await sharded.command("tenant", "move", "first", "b")
    #expect(moved.output.contains("new mail of tenant first goes to b"))
    #expect(try await sharded.placement() == "b 1 - | false 1 | true 1")
    let suspended = try await sharded.command("tenant", "disable", "first")
    #expect(suspended.status.isSuccess)
    #expect(try await sharded.second.query("SELECT suspended_at IS NOT NULL FROM postrider.tenant") == "t")
    #expect(try await sharded.command("tenant", "enable", "first").status.isSuccess)
    let list = try await sharded.command("tenant", "list")
    #expect(list.output.contains("SHARD") && list.output.contains("b"))
    let queued = try await sharded.command("queue")
    #expect(queued.output.contains("home"))
    let roles = [try await node.worker(), try await node.keeper(), acceptor]
    try await eventually("the notice arrives") {
      try node.captured().contains { $0.message.contains("gone@inbox.example") && $0.envelope.contains("alice") }
    }
    #expect(try await sharded.messages(in: sharded.second).isEmpty)
    let trace = try await sharded.command("message", "trace", ids[0], "--wait", "60")
    #expect(trace.status.isSuccess && trace.output.contains("550 5.1.1"))
    for role in roles { #expect(try await role.terminate().isSuccess) }
  }
}
