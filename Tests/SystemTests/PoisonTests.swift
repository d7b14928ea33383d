import Foundation
import Glibc
import MailTesting
import Supervision
import Testing

/// A message that kills whoever delivers it. No real one does, so the test plays the part: it kills the process that
/// opens a connection to the address of that message's exchanger, which never says a word.
@Suite(.serialized, .timeLimit(.minutes(10))) struct PoisonTests {
  private static let zones = ["poison.example": "@ MX 10 mx\nmx A 127.0.0.3\n"]

  /// Short, and yet longer than a busy machine's pauses: only the test's own kills are deaths.
  private static let worker = "worker: {poll_interval: 50ms, heartbeat: 1s, lease: 10s}"

  @Test func aMessageThatKillsEverybodyIsHeldAndOtherMailFlows() async throws {
    let node = try await RunningNode(
      script: "rules:\n  - {stage: connect, listen: 127.0.0.3, silent: true, then: hang}\n", zones: Self.zones,
      settings: Self.worker)
    let (roles, survivor) = try await lifeAndThreeDeaths(node)
    let alone = try await victim(of: node)
    #expect(alone.command.contains("deliver-alone"), "\(alone.command)")
    kill(alone.id, SIGKILL)
    try await eventually("an alarm") { survivor.output.contains("its delivery ends the process that tries it") }
    let alarm = try #require(survivor.lines.first { $0.contains("a message is held because") })
    #expect(alarm.lowercased().contains("critical"), "\(alarm)")
    try await node.waitUntilOutcome(ofPoison: "4|t")
    #expect(try await node.database.query("SELECT held, claim_session IS NULL FROM postrider.job") == "t|t")
    try await flows(node, "after")
    #expect(survivor.isRunning)
    #expect(try await survivor.terminate().isSuccess)
    _ = roles
  }

  @Test func aMessageThatSurvivesInAProcessOfItsOwnIsDelivered() async throws {
    let node = try await RunningNode(
      script: "rules:\n  - {stage: connect, listen: 127.0.0.3, times: 3, silent: true, then: hang}\n",
      zones: Self.zones, settings: Self.worker)
    let (roles, survivor) = try await lifeAndThreeDeaths(node)
    try await node.waitUntilEmpty()
    let mails = try node.captured()
    #expect(mails.filter { $0.local == "127.0.0.3" }.count == 1)
    try await node.waitUntilOutcome(ofPoison: "0|f")
    try await survivor.waitForLine(containing: "it is delivered in a process of its own")
    try await eventually("the process's session ends") {
      try await node.database.query("SELECT count(*) FROM postrider.worker_session WHERE ended_at IS NULL") == "1"
    }
    _ = roles
  }

  @Test func aWorkerThatIsToldToStopEndsTheProcessToo() async throws {
    let node = try await RunningNode(
      script: "rules:\n  - {stage: connect, listen: 127.0.0.3, silent: true, then: hang}\n", zones: Self.zones,
      settings: "shutdown: {timeout: 1s}\n" + Self.worker)
    let (roles, survivor) = try await lifeAndThreeDeaths(node)
    let alone = try await victim(of: node)
    #expect(alone.command.contains("deliver-alone"), "\(alone.command)")
    #expect(try await survivor.terminate().isSuccess, "\(survivor.lines.suffix(5))")
    #expect(kill(alone.id, 0) != 0, "it is gone with its worker")
    let job = try await node.database.query("SELECT held, claim_session IS NULL, attempt, crashes FROM postrider.job")
    #expect(job == "f|t|0|3", "the message waits for another worker")
    _ = roles
  }

  /// Sends the message, kills three workers that try it, and sees other mail arrive meanwhile.
  /// - Returns: what must live on, and the worker that is there at the end.
  private func lifeAndThreeDeaths(_ node: RunningNode) async throws -> ([ProcessHarness], ProcessHarness) {
    let roles = [try await node.acceptor(), try await node.keeper()]
    var worker = try await node.worker()
    _ = try await node.send(to: ["bob@poison.example"], subject: "poison")
    for death in 1...3 {
      let found = try await victim(of: node)
      #expect(found.id == worker.processID)
      try await flows(node, "death \(death)")
      try await worker.kill()
      worker = try await node.worker()
    }
    return (roles, worker)
  }

  /// Other mail goes through, down to its outcome.
  private func flows(_ node: RunningNode, _ subject: String) async throws {
    let before = try await node.deliveredElsewhere()
    let ids = try await node.send(count: 5, subject: subject)
    #expect(ids.allSatisfy { !$0.isEmpty })
    try await eventually("other mail is delivered") { try await node.deliveredElsewhere() >= before + 5 }
  }

  /// The process with a connection to the silent exchanger.
  private func victim(of node: RunningNode) async throws -> (id: Int32, command: String) {
    @Sendable func found() -> Int32? { clients(ofAddress: "0300007F", port: node.smtpPort).first }
    try await eventually("a connection to the exchanger") { found() != nil }
    let id = try #require(found())
    let command = try String(contentsOfFile: "/proc/\(id)/cmdline", encoding: .utf8)
    return (id, command.replacingOccurrences(of: "\0", with: " "))
  }
}

extension RunningNode {
  fileprivate func deliveredElsewhere() async throws -> Int {
    Int(
      try await database.query(
        "SELECT count(*) FROM postrider.outcome WHERE kind = 0 AND remote_address = '127.0.0.2'")) ?? 0
  }

  /// Waits for the last word about the message: its kind, and whether its job is there still.
  fileprivate func waitUntilOutcome(ofPoison expected: String) async throws {
    try await eventually("outcome \(expected)") { [database] in
      try await database.query(
        """
        SELECT o.kind, EXISTS (SELECT FROM postrider.job j WHERE j.message = o.message) FROM postrider.outcome o
        JOIN postrider.message m ON m.id = o.message WHERE m.recipients[1] = 'bob@poison.example'
        """) == expected
    }
  }
}

/// The processes of this machine that have an established connection to an IPv4 address and port.
/// - Parameter address: as the kernel writes it.
private func clients(ofAddress address: String, port: Int) -> [Int32] {
  let remote = address + ":" + String(format: "%04X", port)
  let table = kernelTable("/proc/net/tcp")
  let sockets = Set(
    table.split(separator: "\n").compactMap { line -> String? in
      let fields = line.split(separator: " ")
      guard fields.count > 9, fields[2] == remote, fields[3] == "01" else { return nil }
      return "socket:[\(fields[9])]"
    })
  let files = FileManager.default
  let processes = (try? files.contentsOfDirectory(atPath: "/proc")) ?? []
  return processes.compactMap { Int32($0) }.filter { id in
    let open = (try? files.contentsOfDirectory(atPath: "/proc/\(id)/fd")) ?? []
    return open.contains {
      sockets.contains((try? files.destinationOfSymbolicLink(atPath: "/proc/\(id)/fd/\($0)")) ?? "")
    }
  }
}

/// The kernel hands such a file out in pieces; it is at its end only where a read returns nothing.
private func kernelTable(_ path: String) -> String {
  guard let file = fopen(path, "r") else { return "" }
  defer { fclose(file) }
  var all: [UInt8] = []
  var piece = [UInt8](repeating: 0, count: 65_536)
  while true {
    let count = fread(&piece, 1, piece.count, file)
    if count == 0 { return String(decoding: all, as: UTF8.self) }
    all += piece[..<count]
  }
}
