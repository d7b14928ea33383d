import Foundation
import MailTesting
import Supervision
import Testing

/// A whole node with clamd and rspamd.
@Suite(.serialized, .timeLimit(.minutes(15))) struct ScanningTests {
  private struct Place {
    let clamd: ClamdServer
    let rspamd: RspamdServer
    let node: RunningNode

    /// - Parameter settings: more of the `scanning` section.
    init(_ settings: String = "") async throws {
      clamd = try await ClamdServer()
      rspamd = try await RspamdServer()
      node = try await RunningNode(
        settings:
          "scanning: {clamd: \"\(clamd.address)\", rspamd: \"\(rspamd.url)\"\(settings)}\nsmtp.queue_timeout: 120s")
    }

    /// Sends one message; the reply.
    func send(_ python: String, atMost limit: Duration = .seconds(180)) async throws -> String {
      try await node.python(
        """
        import base64, email.message, io, zipfile
        eicar = "".join(\(ScanningTests.pieces(PrivateClamd.testFile)))
        gtube = "".join(\(ScanningTests.pieces(PrivateRspamd.testText)))
        def message(text="Good morning.", **fields):
            made = email.message.EmailMessage()
            made["From"], made["To"], made["Subject"] = user, "bob@inbox.example", "hello"
            for name, value in fields.items(): made[name.replace("_", "-")] = value
            made.set_content(text)
            return made
        def attached(data, kind="octet-stream", name="file"):
            made = message()
            made.add_attachment(data, maintype="application", subtype=kind, filename=name)
            return made
        def submit(made, server=None):
            data = made if isinstance(made, bytes) else made.as_bytes().replace(b"\\r\\n", b"\\n").replace(b"\\n", b"\\r\\n")
            return send(server or connect(), ["bob@inbox.example"], data)

        \(python)
        """, atMost: limit)
    }
  }

  /// In two halves, so that what is searched for stands in no file.
  fileprivate static func pieces(_ text: String) -> String {
    let half = text.utf8.count / 2
    return "[\(literal(text.prefix(half))), \(literal(text.dropFirst(half)))]"
  }

  private static func literal(_ text: Substring) -> String {
    "'" + text.replacing("\\", with: "\\\\").replacing("'", with: "\\'") + "'"
  }

  @Test func malwareAndSpamAreRefusedAndCleanMailSaysSo() async throws {
    let place = try await Place()
    let node = place.node
    let roles = [try await node.acceptor(), try await node.worker()]
    defer { withExtendedLifetime(roles) {} }
    let output = try await place.send(
      """
      archive = io.BytesIO()
      zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED).writestr("inner.com", eicar)
      nested = message()
      nested.add_attachment(attached(eicar.encode()))
      say("plain", submit(message(eicar)))
      say("base64", submit(attached(eicar.encode())))
      say("zip", submit(attached(archive.getvalue(), "zip", "archive.zip")))
      say("nested", submit(nested))
      say("gtube", submit(message(gtube)))
      server = connect()
      say("clean", submit(message(X_Postrider_Scan="clean (trust me)", X_Spam_Flag="NO"), server))
      """)
    for form in ["plain", "base64", "zip", "nested"] {
      #expect(
        output.contains("\(form) (554, '5.7.0 The message contains malware (\(PrivateClamd.testName)"), "\(output)")
    }
    #expect(output.contains("gtube (550, '5.7.1 The message looks like spam"), "\(output)")
    #expect(output.contains("clean (250,"), "\(output)")
    let message = try #require(try await node.waitForCaptured(1).first).message
    #expect(message.hasPrefix("X-Postrider-Scan: clean (clamd, rspamd "), "\(message.prefix(300))")
    #expect(!message.contains("trust me") && !message.contains("X-Spam-Flag"), "\(message.prefix(900))")
    #expect(try node.captured().count == 1)
    try await roles[0].waitForLine(containing: "scan=\"clean (clamd, rspamd")
    #expect(
      try await node.database.query("SELECT count(*) FROM postrider.message WHERE scan LIKE 'clean (clamd, %'") == "1")
  }

  /// Held from its first moment on, listed with its reason, and delivered after its release.
  @Test func heldMailWaitsForAPerson() async throws {
    let place = try await Place()
    let node = place.node
    let roles = [try await node.acceptor(), try await node.worker(), try await node.keeper()]
    defer { withExtendedLifetime(roles) {} }
    for words in [
      ["tenant", "scanning", "first", "--malware", "hold", "--spam", "tag"], ["tenant", "scanning", "first"],
    ] {
      let result = try await node.command(words)
      #expect(result.output.contains("malware hold, spam tag"), "\(result.output)")
    }
    let output = try await place.send(
      """
      server = connect()
      # What was decided counts within two seconds.
      while submit(message(gtube), server)[0] != 250: time.sleep(0.1)
      say("held", submit(attached(eicar.encode()), server))
      say("clean", submit(message(), server))
      """)
    #expect(output.contains("held (250,"), "\(output)")
    let id = try #require(output.firstMatch(of: /held \(250, '2\.0\.0 Ok: queued as (\w+)/)).output.1
    // The clean one came after it and is out: nobody took the held one meanwhile.
    let before = try await node.waitForCaptured(2)
    #expect(before.contains { $0.message.contains("X-Spam-Flag: YES\r\nX-Spam-Score: ") })
    #expect(before.allSatisfy { !$0.message.contains("Infected") })
    let held = try await node.command(["message", "held"])
    #expect(held.output.contains(id) && held.output.contains("malware \(PrivateClamd.testName)"), "\(held.output)")
    let shown = try await node.command(["message", "show", String(id)])
    #expect(shown.output.contains("malware \(PrivateClamd.testName)"), "\(shown.output)")
    let queue = try await node.command(["queue"])
    #expect(queue.output.contains("held: malware \(PrivateClamd.testName)"), "\(queue.output)")
    #expect(try await node.database.query("SELECT count(*) FROM postrider.job WHERE held") == "1")

    let released = try await node.command(["message", "release", String(id)])
    #expect(released.status.isSuccess, "\(released.output)")
    let all = try await node.waitForCaptured(3)
    #expect(all[2].message.contains("X-Virus-Status: Infected (\(PrivateClamd.testName)"))
    try await node.waitUntilEmpty()
    let none = try await node.command(["message", "held"])
    #expect(none.output.contains("No message waits for a person."), "\(none.output)")
  }

  /// What nobody releases expires with its five days, and its sender hears of it.
  @Test func heldMailExpires() async throws {
    let place = try await Place(", malware: hold")
    let node = place.node
    let roles = [try await node.acceptor(), try await node.worker(), try await node.keeper()]
    defer { withExtendedLifetime(roles) {} }
    #expect(try await place.send("say(submit(message(eicar)))").contains("(250,"))
    try await node.advance("5 days 1 minute")
    let notice = try #require(try await node.waitForCaptured(1).first)
    #expect(notice.recipients == [RunningNode.user])
    try await node.waitUntilEmpty()
  }

  /// Frozen: 451 within the limit. Thawed: 250. Killed and started: the same.
  @Test func aScannerThatIsAwayPutsMailOff() async throws {
    let place = try await Place(", timeout: 1s")
    let node = place.node
    let acceptor = try await node.acceptor()
    @Sendable func reply() async throws -> String { try await place.send("say(submit(message(str(time.time()))))") }
    try await eventually("both answer in time") { try await reply().contains("(250,") }
    for scanner in ["clamd", "rspamd"] {
      if scanner == "clamd" { await place.clamd.freeze() } else { await place.rspamd.freeze() }
      let refused = try await reply()
      #expect(refused.contains("(451, '4.7.1 The message cannot be scanned now"), "\(scanner): \(refused)")
      try await acceptor.waitForLine(containing: "a scanner does not do its work")
      if scanner == "clamd" { await place.clamd.thaw() } else { await place.rspamd.thaw() }
      try await eventually("\(scanner) works again") { try await reply().contains("(250,") }
    }
    try await place.clamd.kill()
    #expect(try await reply().contains("(451, '4.7.1 "))
    try await place.clamd.start()
    try await eventually("clamd works again") { try await reply().contains("(250,") }
    try await eventually("doctor sees both") {
      let doctor = try await node.command(["doctor"]).output
      return doctor.contains("ClamAV ") && doctor.contains("rspamd")
    }
  }

  @Test func acceptedUnscannedSaysSo() async throws {
    let place = try await Place(", timeout: 1s, when_down: accept")
    let node = place.node
    let roles = [try await node.acceptor(), try await node.worker()]
    defer { withExtendedLifetime(roles) {} }
    try await place.clamd.kill()
    await place.rspamd.freeze()
    #expect(try await place.send("say(submit(message()))").contains("(250,"))
    let message = try #require(try await node.waitForCaptured(1).first).message
    #expect(
      message.hasPrefix("X-Postrider-Scan: not scanned (clamd cannot be reached, rspamd did not answer in time)\r\n"),
      "\(message.prefix(300))")
  }

  /// 50 MB go to both scanners and into the queue; the acceptor holds only pieces of it.
  @Test func largeMessagesStream() async throws {
    let place = try await Place(", timeout: 300s")
    let node = place.node
    let roles = [try await node.acceptor(), try await node.worker()]
    let small = try await place.send("say(submit(message()))")
    #expect(small.contains("(250,"))
    let before = try Self.peakMemory(of: roles[0].processID)
    let output = try await place.send(
      """
      import random
      # What cannot be compressed and has no end of a part in it: 36 MB are 49 MB as base64.
      noise = random.Random(7).randbytes(36 * 1024 * 1024)
      big = attached(noise, "octet-stream", "noise.bin")
      say("clean", submit(big))
      big.add_attachment(eicar.encode(), maintype="application", subtype="octet-stream", filename="last.com")
      say("infected", submit(big))
      """, atMost: .seconds(500))
    #expect(output.contains("clean (250,"), "\(output)")
    #expect(output.contains("infected (554, '5.7.0 "), "\(output)")
    let after = try Self.peakMemory(of: roles[0].processID)
    #expect(after - before < 30 << 20, "\(after - before) bytes more")
    let message = try #require(try await node.waitForCaptured(2).last)
    #expect(message.octets.count > 49_000_000)
  }

  /// The most that a process ever had in memory, in bytes.
  private static func peakMemory(of process: Int32) throws -> Int {
    let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
    return try #require(Int(line.split(whereSeparator: { !$0.isNumber })[0])) * 1024
  }
}
