import Foundation
import MailTesting
import Postgres
import Testing

/// One node of an executed plan.
struct PlanNode: CustomStringConvertible {
  /// As EXPLAIN names it, for example `Index Scan using job_lane on job q`.
  let title: String
  /// Rows that it looked at, over all loops: those it gave and those its filter dropped.
  let rows: Int

  func isSequentialScan(ofAnyOf tables: [String]) -> Bool {
    guard title.contains("Seq Scan on "),
      let table = title.split(separator: " ").drop(while: { $0 != "on" }).dropFirst().first
    else { return false }
    // A partition is named after its parent and the day.
    return tables.contains { table == $0 || (table.hasPrefix("\($0)_") && table.last?.isNumber == true) }
  }

  var description: String { "\(title): \(rows) rows" }
}

/// A statement as PostgreSQL ran it, also one within a function.
struct ExecutedPlan: CustomStringConvertible {
  let nodes: [PlanNode]
  /// Pages of tables and indexes that it touched, in memory or on disk; those of functions that it called included.
  let blocks: Int
  /// Query and plan as logged.
  let description: String

  /// - Parameter entry: what `auto_explain` logs in its text format, without the log's prefix.
  init(entry: [String]) {
    description = entry.joined(separator: "\n")
    var nodes: [(title: String, rows: Int, loops: Int)] = []
    var blocks: Int?
    for line in entry {
      if let match = line.firstMatch(
        of: /^\s*(?:->\s+)?(\S.*?)\s+\(cost=[^)]*\) \((?:actual rows=(\d+) loops=(\d+)|never executed)\)/)
      {
        nodes.append((String(match.1), Int(match.2 ?? "0") ?? 0, Int(match.3 ?? "0") ?? 0))
      } else if let match = line.firstMatch(of: /Rows Removed by (?:Index Recheck|Join Filter|Filter): (\d+)/),
        !nodes.isEmpty
      {
        nodes[nodes.count - 1].rows += Int(match.1) ?? 0
      } else if blocks == nil, line.contains("Buffers: ") {
        // The first one is the whole statement's.
        blocks = line.matches(of: /shared (?:hit=(\d+))? ?(?:read=(\d+))?/).reduce(0) {
          $0 + (Int($1.1 ?? "0") ?? 0) + (Int($1.2 ?? "0") ?? 0)
        }
      }
    }
    self.nodes = nodes.map { PlanNode(title: $0.title, rows: $0.rows * $0.loops) }
    self.blocks = blocks ?? 0
  }

  /// The indexes that it may use.
  var indexes: Set<String> {
    Set(
      nodes.compactMap {
        $0.title.firstMatch(of: /Index (?:Only )?Scan (?:Backward )?(?:using|on) (\S+)/).map { String($0.1) }
      })
  }
}

/// Gets the plans that statements had when they ran, through `auto_explain`: also of statements within functions, and
/// with the plans that the connection has cached.
struct PlanRecorder {
  let server: PostgresServer
  let pool: PostgresPool

  /// What the server must be started with.
  static let serverSettings = [
    "session_preload_libraries": "auto_explain", "auto_explain.log_analyze": "on", "auto_explain.log_buffers": "on",
    "auto_explain.log_timing": "off", "auto_explain.log_nested_statements": "on", "log_line_prefix": "|",
    // Statistics change when a test says so.
    "autovacuum": "off",
  ]

  /// - Parameter pool: has one thread, so that all that `body` does is done on the recorded connection.
  func record(_ body: () async throws -> Void) async throws -> [ExecutedPlan] {
    let name = UUID().uuidString
    try await pool.run { connection in
      try connection.execute(script: "DO $$ BEGIN RAISE LOG 'begin \(name)'; END $$")
      try connection.execute(script: "SET auto_explain.log_min_duration = 0")
    }
    try await body()
    try await pool.run { connection in
      try connection.execute(script: "SET auto_explain.log_min_duration = -1")
      try connection.execute(script: "DO $$ BEGIN RAISE LOG 'end \(name)'; END $$")
    }
    try await eventually("the recorded plans") { await server.log.contains { $0.contains("end \(name)") } }
    let lines = await server.log
    let first = try #require(
      lines.lastIndex { $0.contains("begin \(name)") }, "the log no longer has the beginning: it is too long")
    // An entry begins with the prefix; what follows it has none.
    var entries: [[String]] = []
    for line in lines[first...] {
      if line.hasPrefix("|") { entries.append([line]) } else { entries[entries.count - 1].append(line) }
    }
    return entries.filter { $0[0].contains("  plan:") }.map { ExecutedPlan(entry: $0) }
  }
}
