import Foundation
import MailTesting
import Postgres
import Supervision
import Testing

/// A tenant moves between two real primaries under load, and whoever moves it is killed before each step.
@Suite(.serialized, .timeLimit(.minutes(20))) struct TenantMoveTests {
  /// Before which step of `TenantMove` the mover is killed.
  enum Step: CaseIterable {
    case make, close, name, open, settle
  }

  @Test func aMoveThatIsKilledAtAnyStepIsFinishedByTheSameCommand() async throws {
    try await killEverywhere { move in
      let again = try await move.node.command("tenant", "move", "first", move.target)
      #expect(again.status.isSuccess, "\(again.output)")
    }
  }

  @Test func aMoveThatIsKilledAtAnyStepIsFinishedByAKeeper() async throws {
    var keeper: ProcessHarness?
    try await killEverywhere { move in
      if let keeper {
        keeper.thaw()
      } else {
        keeper = try await move.node.node.start("keeper", awaiting: "leading")
      }
      try await move.waitUntilFinished()
      keeper?.freeze()
    }
    keeper?.thaw()
    #expect(try await keeper?.terminate().isSuccess == true)
  }

  /// What was learned about addresses before a move holds after it, and so does what the old database learns later.
  @Test func suppressionsComeAlong() async throws {
    let sharded = try await ShardedNode(
      script: "rules:\n  - {stage: rcpt, match: '*dead@*', reply: '550 5.1.1 no such user here'}\n")
    let node = sharded.node
    let (acceptor, first) = (try await node.acceptor(), try await node.worker())
    @Sendable func suppressed(_ database: TestDatabase) async throws -> String {
      try await database.query("SELECT address FROM postrider.suppression ORDER BY address")
    }
    try await node.send(to: ["dead@inbox.example"])
    try await eventually("home has learned") { try await suppressed(sharded.home) == "dead@inbox.example" }
    #expect(try await first.terminate().isSuccess)
    // It waits at home, and is tried when its tenant has gone.
    try await node.send(to: ["also-dead@inbox.example"])
    #expect(try await sharded.command("tenant", "move", "first", "b").status.isSuccess)
    #expect(try await suppressed(sharded.second) == "dead@inbox.example")
    let second = try await node.worker()
    let both = "also-dead@inbox.example\ndead@inbox.example"
    try await eventually("home learns from what it still has") { try await suppressed(sharded.home) == both }
    let keeper = try await node.keeper()
    try await eventually("it follows") { try await suppressed(sharded.second) == both }
    let refusals = "SELECT count(*) FROM postrider.outcome WHERE kind = 2 AND failure = 'suppressed'"
    let recipients = ["dead@inbox.example", "also-dead@inbox.example"]
    #expect(try await node.send(to: recipients) == [""], "an acceptor learns of a move by a 451")
    #expect(try await node.send(to: recipients) != [""])
    try await eventually("nobody is asked about them") { try await sharded.second.query(refusals) == "2" }
    #expect(try await sharded.home.query(refusals) == "0")
    for role in [acceptor, second, keeper] { #expect(try await role.terminate().isSuccess) }
  }

  /// What holds for all tenants comes from home to a database that did not hear of it.
  @Test func suppressionsForAllReachWhoeverWasAway() async throws {
    let sharded = try await ShardedNode()
    try await sharded.home.query(
      """
      INSERT INTO postrider.suppression (address, tenant, reason, detail, added_at)
      VALUES ('never@inbox.example', 0, 0, 'asked us', postrider.schedule_now())
      """)
    let keeper = try await sharded.node.keeper()
    try await eventually("the other database has it too") {
      try await sharded.second.query("SELECT address, tenant, detail FROM postrider.suppression")
        == "never@inbox.example|0|asked us"
    }
    #expect(try await keeper.terminate().isSuccess)
  }

  /// Kills a mover before each step; in half of the cases the statement in hand is carried out after its death.
  private func killEverywhere(_ finish: (Move) async throws -> Void) async throws {
    let sharded = try await ShardedNode()
    let node = sharded.node
    let (acceptor, worker) = (try await node.acceptor(), try await node.worker())
    try await worker.waitForLine(containing: "shard=b")
    let client = try node.startPython(Self.endlessly)
    var target = "home"
    for isLate in [false, true] {
      for step in Step.allCases {
        target = target == "b" ? "home" : "b"
        let move = Move(node: sharded, target: target)
        let learned = "\(step)-\(isLate)-%@dead.example"
        try await move.source.query(
          """
          INSERT INTO postrider.suppression (address, tenant, reason, added_at, expires_at)
          SELECT '\(step)-\(isLate)-' || n || '@dead.example', t.id, 1, now(), now() + interval '1 day'
          FROM postrider.tenant t, generate_series(1, 700) n WHERE t.name = 'first'
          """)
        try await move.kill(before: step, isLate: isLate)
        // Whatever has died: mail goes to one of them or to none, and is never refused for good.
        #expect(try await move.openCount() <= 1, "\(step)")
        try await finish(move)
        try await move.waitUntilFinished()
        #expect(try await move.openCount() == 1)
        #expect(
          try await move.database.query("SELECT count(*) FROM postrider.suppression WHERE address LIKE '\(learned)'")
            == "700", "\(step)")
        let left = try await move.source.query("SELECT count(*) FROM postrider.message")
        let had = try await sharded.messages(in: move.database).count
        try await eventually("new mail reaches \(target)") {
          guard client.isRunning else { throw NodeTrouble("the client ended: \(client.output)") }
          return try await sharded.messages(in: move.database).count > had
        }
        #expect(try await move.source.query("SELECT count(*) FROM postrider.message") == left)
      }
    }
    try node.signal("enough")
    #expect(try await client.waitForExit().isSuccess)
    try await sharded.waitUntilEmpty()
    try await checkLedger(sharded)
    #expect(try await acceptor.terminate().isSuccess)
    #expect(try await worker.terminate().isSuccess)
  }

  /// What got a 250 is in one database and was delivered once; what did not is nowhere.
  private func checkLedger(_ sharded: ShardedNode) async throws {
    let replies = try String(contentsOfFile: sharded.node.directory.path("replies"), encoding: .utf8)
      .split(separator: "\n").map { $0.split(separator: " ") }
    let accepted = replies.filter { $0[0] == "250" }.map { String($0[1]) }
    #expect(replies.allSatisfy { $0[0] == "250" || $0[0] == "451" })
    #expect(replies.contains { $0[0] == "451" }, "a stale placement was met")
    let (home, second) = (
      try await sharded.messages(in: sharded.home), try await sharded.messages(in: sharded.second)
    )
    #expect(home.isDisjoint(with: second))
    #expect(home.union(second) == Set(accepted))
    let delivered = try sharded.node.captured().map(\.message)
    #expect(delivered.count == accepted.count)
    for id in accepted { #expect(delivered.contains { $0.contains(id) }, "\(id) is lost") }
  }

  /// One connection for many messages: its acceptor learns of a move by a refusal alone. It ends by 421 where a move waits
  /// long for its murderer, and so nothing is taken for many tries.
  private static let endlessly = """
    replies = open(folder + "/replies", "w")
    server, number = connect(), 0
    while not os.path.exists(folder + "/enough"):
        code, reply = send(server, ["bob@inbox.example"], b"Subject: %d\\r\\n\\r\\nx\\r\\n" % number)
        if code != 421: print(code, reply.split()[-1], file=replies, flush=True)
        if code == 421 or code != 250 and server.rset()[0] == 421: server = connect()
        number += 1
        if number % 500 == 0:
            server.quit()
            server = connect()
        time.sleep(0.02)
    """
}

/// One move of the tenant «first».
struct Move {
  let node: ShardedNode
  let target: String

  var database: TestDatabase { target == "home" ? node.home : node.second }
  var source: TestDatabase { target == "home" ? node.second : node.home }

  func waitUntilFinished() async throws {
    try await eventually("the end of the move to \(target)") {
      let placement = try await node.placement()
      return placement.hasPrefix("\(target) ") && placement.contains(" - |")
    }
  }

  /// In how many databases the gate is open.
  func openCount() async throws -> Int {
    try await node.placement().split(separator: "|").dropFirst().count { $0.contains("true") }
  }

  /// Starts the command, holds it with a lock before the step, and kills it there.
  ///
  /// It has sent its statement by then, which waits for the lock too: it is carried out late, or its session is ended.
  func kill(before step: TenantMoveTests.Step, isLate: Bool) async throws {
    let shared =
      "SELECT pg_advisory_xact_lock_shared(7003, (id % 256)::int)::text FROM postrider.tenant WHERE name = 'first'"
    let row = "SELECT id FROM postrider.tenant WHERE name = 'first' FOR UPDATE"
    let placement = "SELECT tenant FROM postrider.placement FOR UPDATE"
    let before: Lock
    var mover: ProcessHarness
    if step == .make {
      before = try Lock("LOCK TABLE postrider.tenant IN EXCLUSIVE MODE", database)
      mover = try start()
      try await waitUntilHeld(database)
    } else {
      // All other locks are taken while it waits to close the source: earlier steps touch the same rows.
      let closing = try Lock(shared, source)
      mover = try start()
      try await waitUntilHeld(source)
      switch step {
      case .make, .close: before = closing
      case .name:
        before = try Lock(placement, node.home)
        closing.release()
        try await waitUntilHeld(node.home)
      case .open:
        before = try Lock(row, database)
        closing.release()
        try await waitUntilHeld(database)
      case .settle:
        let opening = try Lock(row, database)
        closing.release()
        try await waitUntilHeld(database)
        before = try Lock(placement, node.home)
        opening.release()
        try await waitUntilHeld(node.home)
      }
    }
    try await mover.kill()
    if !isLate {
      for database in [node.home, node.second] {
        try await database.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE \(Self.ours)")
      }
    }
    before.release()
    // Whatever it had sent has been done, or will not be.
    for database in [node.home, node.second] {
      try await eventually("the end of the dead mover's sessions") {
        try await database.query("SELECT count(*) FROM pg_stat_activity WHERE \(Self.ours)") == "0"
      }
    }
  }

  private func start() throws -> ProcessHarness {
    try ProcessHarness("postrider", ["tenant", "move", "first", target, "--config", node.node.settingsFile])
  }

  private static let ours = "application_name = 'postrider tenant move' AND datname = current_database()"

  private func waitUntilHeld(_ database: TestDatabase) async throws {
    try await eventually("the move waits for a lock") {
      try await database.query(
        "SELECT count(*) FROM pg_stat_activity WHERE \(Self.ours) AND wait_event_type = 'Lock'") == "1"
    }
  }
}

/// A lock that is held until it is released.
private final class Lock {
  private let connection: PostgresConnection

  init(_ sql: String, _ database: TestDatabase) throws {
    connection = try PostgresConfiguration(url: database.url, role: "lock").connect()
    _ = try connection.query("BEGIN")
    try connection.execute(script: sql)
  }

  func release() { connection.close() }
}
