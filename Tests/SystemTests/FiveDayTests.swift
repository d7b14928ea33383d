import Foundation
import MailTesting
import Testing

/// What becomes of mail over five days, by cause, with the real processes: schedule time is moved on.
@Suite(.serialized) struct FiveDayTests {
  private static let script = """
    rules:
      - {stage: rcpt, match: 'grey@*', times: 1, reply: '451 4.7.1 Greylisted, please try again in 5 minutes'}
      - {stage: rcpt, match: 'grey@*', times: 3, reply: '452 4.2.2 The mailbox is full'}
      - {stage: rcpt, match: 'odd@*', times: 2, raw: "451 4.3.0 caf\\uf0e9 \\0 try later\\r\\n"}
      - {stage: rcpt, listen: 127.0.0.3, times: 2, reply: '554 5.7.1 blocked using zen.spamhaus.org'}

    """
  private static let zones = [
    "blocked.example": "@ MX 10 mx\nmx A 127.0.0.3\n", "dead.example": "@ MX 10 mx\nmx A 127.0.0.9\n",
  ]

  /// To the next moment at which something may happen.
  private static let forward = """
    UPDATE postrider.installation SET schedule_offset = schedule_offset + interval '1 second' + coalesce((
      SELECT min(t.at) - postrider.schedule_now() FROM (
        SELECT min(least(j.due, j.event_at)) FROM postrider.job j WHERE least(j.due, j.event_at) > postrider.schedule_now()
        UNION ALL SELECT min(j.event_at) FROM postrider.job j
        UNION ALL SELECT min(s.next_at) FROM postrider.site s
          WHERE s.kind = 'down' AND s.next_at > postrider.schedule_now() AND EXISTS (
            SELECT FROM postrider.lane l JOIN postrider.job j ON j.lane = l.id
            WHERE l.parked_by = s.name AND j.due <= postrider.schedule_now())) t(at)
      WHERE t.at > postrider.schedule_now()), '0')
    WHERE (\(busy)) = 0
    """

  /// Recipients that are due and for which somebody still has something to do.
  private static let busy = """
    SELECT count(*) FROM postrider.job j JOIN postrider.lane l ON l.id = j.lane
    LEFT JOIN postrider.site s ON s.name = l.parked_by
    WHERE (j.due <= postrider.schedule_now() OR j.event_at <= postrider.schedule_now())
      AND NOT (j.event_at > postrider.schedule_now() AND j.claim_session IS NULL
        AND coalesce(s.kind = 'down' AND s.next_at > postrider.schedule_now() AND s.probe_session IS NULL, false))
    """

  @Test func mailIsTriedAsItsTroubleNeeds() async throws {
    let redis = try await RedisServer()
    let node = try await RunningNode(
      script: Self.script, zones: Self.zones,
      settings: """
        redis: {url: "\(redis.url)"}
        retry: {slowdown: {pause: 100ms, blocklist_pause: 100ms, pause_max: 1s, recovery: 1s, normal_min: 6000}}
        """)
    let roles = [try await node.acceptor(), try await node.worker(), try await node.keeper()]
    let names = ["grey@inbox.example", "odd@inbox.example", "one@blocked.example", "late@dead.example"]
    var ids: [String: String] = [:]
    for name in names { ids[name] = try await node.send(to: [name]).first }
    var rounds = 0
    while try await node.database.query(
      "SELECT count(*) FROM postrider.job JOIN postrider.message ON id = message WHERE reverse_path IS NOT NULL") != "0"
    {
      try await eventually("nobody has anything to do") { try await node.database.query(Self.busy) == "0" }
      try await node.database.query(Self.forward)
      rounds += 1
      try #require(rounds < 2000)
    }
    for name in names { print("\(name)\n\(try await timeline(node, name))\n") }

    #expect(
      try await kinds(node, "grey@inbox.example") == ["1 451", "1 452", "1 452", "1 452", "0 250"])
    let grey = try await waits(node, "grey@inbox.example")
    // Greylisting: seven minutes less jitter. A full mailbox: the second, third and fourth of its waits.
    for (wait, longest) in zip(grey, [7, 120, 240, 240]) {
      #expect(wait > Double(longest) * 60 * 0.79 && wait < Double(longest) * 60 + 300, "\(grey)")
    }
    #expect(try await kinds(node, "odd@inbox.example") == ["1 451", "1 451", "0 250"])
    #expect(
      try await node.database.query(
        "SELECT DISTINCT encode(reply, 'hex') FROM postrider.outcome WHERE reply_code = 451 AND reply LIKE '%caf%'"
      ).contains("e92000"), "the octets as they came")
    #expect(try await kinds(node, "one@blocked.example") == ["1 554", "1 554", "0 250"])
    let dead = try await kinds(node, "late@dead.example")
    #expect(dead.last == "3 -" && dead.count > 20 && dead.dropLast().allSatisfy { $0 == "1 -" })
    #expect(
      try await node.database.query(
        """
        SELECT o.at - m.accepted_at BETWEEN '5 days' AND '5 days 10 minutes'
        FROM postrider.outcome o JOIN postrider.message m ON m.id = o.message WHERE o.kind = 3
        """) == "t")
    try await eventually("the report") {
      try node.captured().contains {
        $0.message.contains("multipart/report") && $0.message.contains("late@dead.example")
      }
    }
    _ = roles
  }

  private static func outcomes(_ columns: String, _ recipient: String) -> String {
    """
    SELECT \(columns) FROM postrider.outcome o JOIN postrider.message m ON m.id = o.message AND m.day = o.day
    WHERE m.recipients[1] = '\(recipient)' AND m.reverse_path IS NOT NULL ORDER BY o.at
    """
  }

  private func timeline(_ node: RunningNode, _ recipient: String) async throws -> String {
    try await node.database.query(
      Self.outcomes(
        """
        o.attempt, CASE o.kind WHEN 0 THEN 'delivered' WHEN 1 THEN 'deferred' WHEN 2 THEN 'bounced' ELSE 'expired' END,
        'after ' || date_trunc('second', o.at - m.accepted_at),
        coalesce(o.failure, encode(o.reply, 'escape'))
        """, recipient))
  }

  private func kinds(_ node: RunningNode, _ recipient: String) async throws -> [String] {
    try await node.database.query(Self.outcomes("o.kind || ' ' || coalesce(o.reply_code::text, '-')", recipient))
      .split(separator: "\n").map(String.init)
  }

  /// Seconds between one attempt and the next.
  private func waits(_ node: RunningNode, _ recipient: String) async throws -> [Double] {
    try await node.database.query(
      Self.outcomes("coalesce(extract(epoch FROM o.at - lag(o.at) OVER (ORDER BY o.at)), -1)", recipient)
    ).split(separator: "\n").compactMap { Double($0) }.filter { $0 >= 0 }
  }
}
