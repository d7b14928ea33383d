import MailTesting
import Testing

/// The hot statements reach what they need by index, and what they look at does not grow with what waits.
///
/// The plans are those that ran, within functions too, as `auto_explain` logs them.
@Suite(.serialized) struct QueryPlanTests {
  /// What the planner knows of the backlog.
  enum Knowledge: CaseIterable {
    /// Statistics were gathered after it came.
    case fresh
    /// Statistics are from when the tables were empty.
    case stale
    /// Moreover the connection has planned everything while the tables were empty, and keeps those plans.
    case planned
    /// The same, and there never were statistics: a new installation.
    case none
  }

  private static let server = Task { try await PostgresServer(fsync: false, settings: PlanRecorder.serverSettings) }
  /// Rows that one step of a plan may look at: some times what one claim takes, far less than the backlog.
  private static let rowsMax = 5_000
  private static let growing = ["job", "lane", "message", "body_chunk", "outcome", "redaction", "suppression"]

  @Test(arguments: Knowledge.allCases) func hotStatementsUseTheirIndexes(knowledge: Knowledge) async throws {
    let server = try await Self.server.value
    let queue = try await QueueFixture(threads: 1, server: server)
    let recorder = PlanRecorder(server: server, pool: queue.pool)
    let work = try await HotStatements(queue: queue)
    if knowledge != .none { try await queue.database.query("VACUUM ANALYZE") }
    if knowledge == .planned || knowledge == .none {
      // A prepared statement keeps one plan for all parameters from its sixth execution on at the earliest.
      for _ in 1...8 { for step in HotStatements.steps { try await step.run(work) } }
    }
    try await Backlog().load(into: queue.database)
    if knowledge == .fresh { try await queue.database.query("ANALYZE") }

    for step in HotStatements.steps {
      try await step.prepare(work)
      let plans = try await recorder.record { try await step.run(work) }
      let used = plans.reduce(into: Set<String>()) { $0.formUnion($1.indexes) }
      for wanted in step.indexes {
        #expect(used.contains { $0.hasPrefix(wanted) }, "\(step.name): \(wanted) is not among \(used.sorted())")
      }
      for spared in step.spared {
        #expect(!used.contains { $0.hasPrefix(spared) }, "\(step.name): \(spared)")
      }
      for plan in plans {
        for node in plan.nodes {
          #expect(!node.isSequentialScan(ofAnyOf: Self.growing), "\(step.name): \(node) in \(plan)")
          #expect(node.rows <= Self.rowsMax, "\(step.name): \(node) in \(plan)")
        }
      }
    }
  }

  enum Shape: CaseIterable {
    case oneLane, manyLanes
  }

  /// Ten times the backlog makes the trees of the indexes one page higher at most.
  @Test(arguments: Shape.allCases) func aClaimTouchesAsManyPagesHoweverMuchWaits(shape: Shape) async throws {
    let small = try await pagesOfClaim(in: Backlog(large: 10_000, tenants: 40, lanes: 2_000), shape)
    let large = try await pagesOfClaim(in: Backlog(large: 100_000, tenants: 40, lanes: 20_000), shape)
    #expect(large * 2 <= small * 3, "\(large) pages, and \(small) in a tenth of the backlog")
  }

  /// What a message's other recipients wait for, in lanes of their own, is nothing to the claim of one.
  @Test func aClaimTouchesAsManyPagesHoweverManyRecipientsMessagesHave() async throws {
    let few = Backlog(large: 10, tenants: 10, lanes: 300, jobsOfLane: 40, recipients: 1)
    var many = few
    many.recipients = 100
    let (alone, together) = (try await pagesOfClaim(in: few, .manyLanes), try await pagesOfClaim(in: many, .manyLanes))
    #expect(together * 5 <= alone * 6, "\(together) pages, and \(alone) where each message has one recipient")
  }

  /// - Returns: pages touched by a claim of 96 jobs, those of statements within functions counted twice.
  private func pagesOfClaim(in backlog: Backlog, _ shape: Shape) async throws -> Int {
    let server = try await Self.server.value
    let queue = try await QueueFixture(threads: 1, server: server)
    try await backlog.load(into: queue.database)
    try await queue.database.query(
      """
      UPDATE postrider.lane SET wake_at = 'infinity',
        ready = ready AND (destination = 'large.example') = \(shape == .oneLane)
      """)
    try await queue.database.query("VACUUM ANALYZE")
    let work = try await HotStatements(queue: queue)
    let plans = try await PlanRecorder(server: server, pool: queue.pool).record {
      try await work.claim(rows: 96)
    }
    #expect((96...110).contains(work.claimedCount), "siblings come along")
    return plans.reduce(0) { $0 + $1.blocks }
  }
}
