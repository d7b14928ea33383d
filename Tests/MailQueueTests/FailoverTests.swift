import Foundation
import MailModel
import MailQueue
import MailTesting
import NIOConcurrencyHelpers
import Postgres
import Supervision
import Testing

/// Real primaries and streaming standbys.
@Suite(.serialized, .timeLimit(.minutes(10))) struct FailoverTests {
  /// A writer that knows several servers, and what is reported about them.
  private final class Case: Sendable {
    let fixture: QueueFixture
    let pool: PostgresPool
    let writer: MessageWriter
    let events = NIOLockedValueBox<[PostgresEvent]>([])

    init(
      _ servers: [PostgresServer], threads: Int = 2, patience: Duration = .seconds(60), preamble: [String] = []
    ) async throws {
      fixture = try await QueueFixture(server: servers[0])
      var configuration = PostgresConfiguration(
        url: PostgresServer.url(servers, database: fixture.database.name), role: "under test",
        connectTimeout: .seconds(60), statementTimeout: .seconds(60),
        preamble: ["SET synchronous_commit = on"] + preamble)
      configuration.report = { [events] event in events.withLockedValue { $0.append(event) } }
      pool = PostgresPool(configuration, threads: threads)
      var limits = MessageWriter.Limits()
      limits.patience = patience
      writer = MessageWriter(pool: pool, policy: EnqueuePolicy(master: fixture.master), limits: limits)
    }

    deinit { pool.shutdown() }

    func enqueue() async -> Result<EnqueueReceipt, EnqueueFailure> {
      await withCheckedContinuation { continuation in
        writer.enqueue(fixture.message()) { continuation.resume(returning: $0) }
      }
    }

    func works() async -> Bool {
      if case .success = await enqueue() { true } else { false }
    }

    func reason() async -> String {
      if case .failure(.unavailable(let why)) = await enqueue() { why } else { "" }
    }

    func has(_ event: PostgresEvent) -> Bool { events.withLockedValue { $0.contains(event) } }
  }

  private func isSynchronous(_ name: String, of primary: PostgresServer) async throws {
    try await eventually("the standby \(name) is synchronous") {
      try await primary.query(
        "SELECT count(*) FROM pg_stat_replication WHERE application_name = '\(name)' AND sync_state IN ('sync', 'quorum')"
      ) == "1"
    }
  }

  @Test func theSurvivorIsFoundAndHasEverything() async throws {
    let primary = try await PostgresServer(settings: ["synchronous_standby_names": "one"])
    let standby = try await PostgresServer(standbyOf: primary, name: "one")
    try await isSynchronous("one", of: primary)
    // The standby comes first in the URL, and is passed over while it is one.
    let test = try await Case([primary, standby])
    let reversed = PostgresConfiguration(
      url: PostgresServer.url([standby, primary], database: test.fixture.database.name), role: "reversed")
    #expect(try reversed.connect().query("SELECT pg_is_in_recovery()").bool(0, 0) == false)
    for _ in 0..<5 { #expect(await test.works()) }
    try await primary.kill()
    #expect(await !test.works())
    try await standby.promote()
    try await eventually("the new primary takes mail") { await test.works() }
    #expect(try await standby.query("SELECT count(*) FROM postrider.job", database: test.fixture.database.name) == "6")
    #expect(test.has(.serverChanged("127.0.0.1:\(standby.port)")))
  }

  /// Both can be written for a moment, until somebody makes the old one read-only under our connections.
  @Test func aDemotedServerIsLeft() async throws {
    let old = try await PostgresServer()
    let new = try await PostgresServer(standbyOf: old, name: "new")
    let test = try await Case([old, new])
    #expect(await test.works())
    try await eventually("the standby has it") {
      (try? await new.query("SELECT count(*) FROM postrider.job", database: test.fixture.database.name)) == "1"
    }
    try await new.promote()
    try await old.query("ALTER SYSTEM SET default_transaction_read_only = on")
    try await old.query("SELECT pg_reload_conf()")
    try await eventually("mail goes to the new one") {
      _ = await test.enqueue()
      return test.has(.serverChanged("127.0.0.1:\(new.port)"))
    }
    for _ in 0..<4 { #expect(await test.reason() == "") }
  }

  /// No attempt may end by itself here: only those beside it can.
  @Test func aDeafServerHoldsNothing() async throws {
    let server = try await PostgresServer(fsync: false)
    let deaf = try DeafPort()
    try await deaf.begin()
    let configuration = PostgresConfiguration(
      url: "postgresql://postrider:\(server.password)@127.0.0.1:\(deaf.port),127.0.0.1:\(server.port)/postgres",
      role: "test", connectTimeout: .seconds(3600))
    #expect(try configuration.connect().isUsable())
    let alone = PostgresConfiguration(
      url: "postgresql://postrider@127.0.0.1:\(deaf.port)/postgres", role: "test", connectTimeout: .milliseconds(50))
    #expect(throws: PostgresError.self) { try alone.connect() }
    let urlLimit = PostgresConfiguration(
      url: "postgresql://postrider@127.0.0.1:\(deaf.port)/postgres?connect_timeout=1", role: "test",
      connectTimeout: .seconds(3600))
    #expect(throws: PostgresError.self) { try urlLimit.connect() }
  }

  @Test func passwordsStayOutOfErrors() throws {
    let configuration = PostgresConfiguration(url: "postgresql://me:s3cret@[::1/x", role: "test")
    let error = #expect(throws: PostgresError.self) { try configuration.connect() }
    #expect(error?.message.contains("s3cret") == false)
  }

  /// Sessions that were ended while idle cost nobody a message.
  @Test func endedSessionsAreReplacedUnnoticed() async throws {
    let server = try await PostgresServer(fsync: false)
    let test = try await Case([server], threads: 1)
    let count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'under test'"
    #expect(await test.works())
    for _ in 0..<3 {
      let ended = try await server.query(
        "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'under test'")
      // Their connections end with their processes, a little after they have gone from the view.
      let processes = ended.split(separator: "\n").map { "/proc/" + $0.prefix { $0 != "|" } }
      try await eventually("its end") { !processes.contains { FileManager.default.fileExists(atPath: $0) } }
      #expect(await test.works())
    }
    try await server.restart()
    #expect(await test.works())
    let short = try await Case([server], threads: 1, preamble: ["SET idle_session_timeout = '300ms'"])
    for _ in 0..<3 {
      try await eventually("mail is taken") { await short.works() }
      try await eventually("idle_session_timeout") {
        try await server.query(count + " AND datname = '\(short.fixture.database.name)'") == "0"
      }
    }
  }

  @Test func whenThereAreNoConnectionsLeft() async throws {
    let server = try await PostgresServer(fsync: false, settings: ["max_connections": "12"])
    let test = try await Case([server], threads: 4)
    #expect(await test.works())
    let configuration = PostgresConfiguration(url: server.url(), role: "hog")
    var hogs: [PostgresConnection] = []
    var refusal: PostgresError?
    while refusal == nil {
      do throws(PostgresError) { hogs.append(try configuration.connect()) } catch { refusal = error }
    }
    #expect(refusal?.sqlState == "53300")
    #expect(refusal?.message.contains("too many clients") == true)
    // Threads without a connection leave the work to the one that has one.
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<40 { group.addTask { await test.works() } }
      for await works in group { #expect(works) }
    }
    // A pool that has none says why, and comes back by itself.
    let late = PostgresPool(PostgresConfiguration(url: server.url(), role: "late"), threads: 2)
    defer { late.shutdown() }
    let refused = await #expect(throws: PostgresError.self) { try await late.run { _ in } }
    #expect(refused?.sqlState == "53300")
    hogs.removeAll()
    try await eventually("a connection") { (try? await late.run { _ in }) != nil }
  }

  /// Two standbys of which any one suffices: the first may go; without the second nothing is promised, nothing hangs
  /// and no server processes pile up; when it is back everything goes on.
  @Test func standbysGoOneAfterTheOther() async throws {
    let primary = try await PostgresServer(settings: ["synchronous_standby_names": "ANY 1 (one, two)"])
    let one = try await PostgresServer(standbyOf: primary, name: "one")
    let two = try await PostgresServer(standbyOf: primary, name: "two")
    for name in ["one", "two"] { try await isSynchronous(name, of: primary) }
    let test = try await Case([primary, one, two], patience: .seconds(2))
    try await eventually("mail is taken") { await test.works() }
    try await one.kill()
    try await eventually("mail is taken with one standby") { await test.works() }
    try await two.kill()
    #expect(await test.reason() != "")
    try await eventually("the alarm") { test.has(.commitsWaitForStandby) }
    try await eventually("the reason") { await test.reason().contains("synchronous standby") }
    for _ in 0..<20 { #expect(await test.reason() != "") }
    let waiting = Int(
      try await primary.query(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'under test' AND wait_event = 'SyncRep'"))
    #expect((1...2).contains(waiting ?? 0), "no more than were under way at once")
    try await two.start()
    try await eventually("mail is taken again") { await test.works() }
    try await eventually("the end of the alarm") { test.has(.commitsNoLongerWait) }
  }
}

/// A port where connections are made and nobody ever says anything.
private final class DeafPort {
  let port: Int
  private let listener: ProcessHarness

  init() throws {
    port = LoopbackPort.free()
    listener = try ProcessHarness(
      "python3",
      [
        "-c",
        "import socket,time; s=socket.create_server((\"127.0.0.1\",\(port))); print('deaf',flush=True); time.sleep(9999)",
      ])
  }

  func begin() async throws { try await listener.waitForLine(containing: "deaf") }
}
