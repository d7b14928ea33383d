@testable import ContentScan
import MailModel
import MailTesting
import Testing

/// Scanners that hang, die, dawdle and talk nonsense: each is a message that was not scanned, within the limit of time.
@Suite(.timeLimit(.minutes(10))) struct HostileScannerTests {
  private static let limit = Duration.milliseconds(300)
  private static let large = Message.plain(String(repeating: "A line of text that says little.\r\n", count: 500_000))

  /// - Returns: what is said about the message.
  private func trace(
    clamd: FakeScanner? = nil, rspamd: FakeScanner? = nil, _ text: String = Message.plain("x"),
    patience: Duration = .seconds(120)
  ) async throws -> String? {
    let scanner = makeScanner(clamd: clamd?.port, rspamd: rspamd.map { "http://127.0.0.1:\($0.port)" }) {
      $0.timeMax = patience
    }
    let directory = try TemporaryDirectory()
    let decision = await scanner.scan(try ScannedMessage(text, spilledTo: directory.path), ScanPolicy())
    await scanner.shutdown()
    guard case .refuse(let reply, .scanner) = decision.action else {
      Issue.record("\(decision)")
      return nil
    }
    #expect(reply.text.hasPrefix("451 4.7.1 "))
    return decision.trace
  }

  private func http(_ body: String, status: String = "200 OK", length: Int? = nil) -> [UInt8] {
    Array("HTTP/1.1 \(status)\r\nContent-Length: \(length ?? body.utf8.count)\r\n\r\n\(body)".utf8)
  }

  @Test func hanging() async throws {
    for manner in [FakeScanner.Manner.silent, .deaf] {
      for text in [Message.plain("x"), Self.large] {
        let fake = try await FakeScanner(manner)
        #expect(
          try await trace(clamd: fake, text, patience: Self.limit) == "not scanned (clamd did not answer in time)")
        #expect(
          try await trace(rspamd: fake, text, patience: Self.limit) == "not scanned (rspamd did not answer in time)")
      }
    }
  }

  @Test func dying() async throws {
    for text in [Message.plain("x"), Self.large] {
      let fake = try await FakeScanner(.closing)
      #expect(try await trace(clamd: fake, text) == "not scanned (clamd cannot be reached)")
      #expect(try await trace(rspamd: fake, text) == "not scanned (rspamd cannot be reached)")
    }
  }

  /// It dies within its answer, right before what would make it one.
  @Test func dyingInMidAnswer() async throws {
    let clamd = try await FakeScanner(.saying(Array("stream: OK".utf8)))
    #expect(try await trace(clamd: clamd) == "not scanned (clamd answered what is no answer)")
    let ham = #"{"score": 0.1, "required_score": 15, "action": "no action"}"#
    let rspamd = try await FakeScanner(.saying(http(ham, length: ham.utf8.count + 1)))
    #expect(try await trace(rspamd: rspamd) == "not scanned (rspamd cannot be reached)")
  }

  @Test func absent() async throws {
    let fake = try await FakeScanner(.silent)
    let port = fake.port
    try await fake.stop()
    let scanner = makeScanner(clamd: port, rspamd: "http://127.0.0.1:\(port)")
    let decision = await scanner.scan(try ScannedMessage(Message.plain("x")), ScanPolicy())
    #expect(decision.trace == "not scanned (clamd cannot be reached, rspamd cannot be reached)")
    await scanner.shutdown()
  }

  @Test(arguments: [
    "UNKNOWN COMMAND\0", "stream: \0", "220 mx.example.com ESMTP\r\n\0", "\0", "stream: OK\u{1}\0",
    String(repeating: "x", count: 100_000),
  ])
  func garbageOfClamd(_ text: String) async throws {
    let fake = try await FakeScanner(.saying(Array(text.utf8)))
    #expect(try await trace(clamd: fake) == "not scanned (clamd answered what is no answer)")
  }

  @Test func garbageOfRspamd() async throws {
    for (answer, expected) in [
      (http("{}"), "answered what is no answer"), (http("no JSON"), "answered what is no answer"),
      (http(String(repeating: "[", count: 100_000)), "answered what is no answer"),
      (http(String(repeating: " ", count: 3 << 20)), "answered what is no answer"),
      (http("{}", status: "500 Trouble"), "could not look at it"),
      (http(#"{"error": "no"}"#), "could not look at it"), (Array("stream: OK\0\r\n\r\n".utf8), "cannot be reached"),
      ([0xFF, 0x00, 0x0D, 0x0A], "cannot be reached"),
    ] {
      let fake = try await FakeScanner(.saying(answer))
      let trace = try await trace(rspamd: fake)
      // A connection may be over before all of the question has gone: then a long answer is not heard to its end.
      let isCutOff = answer.count > 10_000 && trace == "not scanned (rspamd cannot be reached)"
      #expect(
        isCutOff || trace == "not scanned (rspamd \(expected))",
        "\(String(decoding: answer.prefix(100), as: UTF8.self))")
    }
  }

  @Test func withoutEnd() async throws {
    let fake = try await FakeScanner(.flooding(Array(String(repeating: "x", count: 10_000).utf8)))
    #expect(try await trace(clamd: fake) == "not scanned (clamd answered what is no answer)")
    let web = try await FakeScanner(
      .flooding(
        Array(
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2800\r\n\(String(repeating: "x", count: 10_240))\r\n"
            .utf8)))
    #expect(try await trace(rspamd: web)?.hasPrefix("not scanned (rspamd ") == true)
  }

  /// An octet of the answer now and then, and never the last one.
  @Test func dawdling() async throws {
    let clamd = try await FakeScanner(.dripping(Array("stream: OK".utf8)))
    #expect(
      try await trace(clamd: clamd, Self.large, patience: .seconds(2)) == "not scanned (clamd did not answer in time)")
  }

  /// An answer before the whole question: a virus in the first octets.
  @Test func anEarlyAnswerCounts() async throws {
    let fake = try await FakeScanner(.saying(Array("stream: Early FOUND\0".utf8)))
    let scanner = makeScanner(clamd: fake.port)
    let decision = await scanner.scan(try ScannedMessage(Self.large), ScanPolicy())
    #expect(decision.trace == "infected (clamd: Early)")
  }

  /// One that hangs does not keep the other's refusal back, nor is it waited for.
  @Test func whatIsCertainDoesNotWait() async throws {
    let clamd = try await FakeScanner(.saying(Array("stream: Found FOUND\0".utf8)))
    let rspamd = try await FakeScanner(.silent)
    let scanner = makeScanner(clamd: clamd.port, rspamd: "http://127.0.0.1:\(rspamd.port)") {
      $0.timeMax = .seconds(3600)
    }
    let decision = await scanner.scan(try ScannedMessage(Message.plain("x")), ScanPolicy())
    #expect(decision.trace == "infected (clamd: Found)")
    await scanner.shutdown()
  }

  /// So many at once and no more; who waits in line is told so in time, and whoever gives up makes room.
  @Test func turns() async throws {
    let fake = try await FakeScanner(.silent)
    let scanner = makeScanner(clamd: fake.port) {
      $0.atOnceMax = 2
      $0.timeMax = .seconds(3600)
    }
    func begin(_ number: Int) throws -> Task<ScanDecision, Never> {
      let message = try ScannedMessage(Message.plain("\(number)"))
      return Task { await scanner.scan(message, ScanPolicy()) }
    }
    var waiting = try (0..<2).map(begin)
    try await eventually("two connections") { fake.begun == 2 }
    waiting += try (2..<6).map(begin)
    try await eventually("four in line") { scanner.waiting == 4 }
    #expect(fake.begun == 2)
    for task in waiting.prefix(3) { task.cancel() }
    try await eventually("others take their turns") { fake.begun >= 3 }
    for task in waiting { task.cancel() }
    for task in waiting { #expect(await task.value.trace == "not scanned (clamd did not answer in time)") }
    #expect(scanner.waiting == 0)
  }
}
