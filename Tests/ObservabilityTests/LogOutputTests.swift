import Foundation
import Logging
import MailModel
import Observability
import Testing

/// A pipe whose reading end collects what was logged.
private struct Captured {
  let pipe = Pipe()

  func logger(_ format: LogFormat, level: Logger.Level = .debug) -> (Logger, LogOutput) {
    let output = LogOutput(descriptor: pipe.fileHandleForWriting.fileDescriptor)
    let logger = Logger(label: "test") { LineHandler(label: $0, format: format, level: level, output: output) }
    return (logger, output)
  }

  func lines(of output: LogOutput) throws -> [String] {
    output.flush(seconds: 30)
    try pipe.fileHandleForWriting.close()
    let bytes = try pipe.fileHandleForReading.readToEnd() ?? Data()
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
  }
}

@Suite struct LogOutputTests {
  @Test func textLine() throws {
    let captured = Captured()
    var (logger, output) = captured.logger(.text)
    logger[.worker] = "w1"
    logger.info("hello\nworld", metadata: .fields([.count: 3, .tenant: "a b=\"c\"", .error: nil, .messageID: "X"]))
    let lines = try captured.lines(of: output)
    #expect(lines.count == 1)
    let line = try #require(lines.first)
    #expect(line.wholeMatch(of: /20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ (.*)/) != nil)
    #expect(
      line.dropFirst(25) == #"INFO hello\x0aworld id=X tenant="a b=\"c\"" count=3 worker=w1 component=test"#)
  }

  @Test func jsonLineIsOneObject() throws {
    let captured = Captured()
    let (logger, output) = captured.logger(.json)
    logger.warning(
      "bad \u{1B}[0m \"x\" \u{202E}",
      metadata: .fields([.size: 12, .tlsVerified: true, .duration: 1.5, .reply: "a\r\nb"]))
    let line = try #require(try captured.lines(of: output).first)
    #expect(!line.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x202E })
    let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    #expect(object["level"] as? String == "warning")
    #expect(object["message"] as? String == "bad \u{1B}[0m \"x\" \u{202E}")
    #expect(object["size"] as? Int == 12)
    #expect(object["verified"] as? Bool == true)
    #expect(object["ms"] as? Double == 1.5)
    #expect(object["reply"] as? String == "a\r\nb")
  }

  @Test func levelIsHonoured() throws {
    let captured = Captured()
    let (logger, output) = captured.logger(.text, level: .warning)
    logger.info("no")
    logger.error("yes")
    #expect(try captured.lines(of: output).count == 1)
  }

  @Test func aReaderThatDoesNotReadCostsLinesNotTime() throws {
    let captured = Captured()
    let output = LogOutput(descriptor: captured.pipe.fileHandleForWriting.fileDescriptor, bufferBytesMax: 10_000)
    let logger = Logger(label: "t") { LineHandler(label: $0, format: .text, level: .info, output: output) }
    // Far more than a pipe and the buffer hold: this returns although nobody reads.
    for number in 0..<20_000 { logger.info("line", metadata: .fields([.count: number])) }
    let reader = Thread { [pipe = captured.pipe] in while !pipe.fileHandleForReading.availableData.isEmpty {} }
    reader.start()
    output.flush(seconds: 30)
    try captured.pipe.fileHandleForWriting.close()
  }
}

@Suite struct MailLogTests {
  private let id = QueueID(high: 1, low: 2)

  @Test func acceptance() throws {
    let captured = Captured()
    let (logger, output) = captured.logger(.text)
    MailLog(logger: logger).accepted(
      AcceptedMessage(
        id: id, session: "s1", tenant: "acme", credential: "app@acme.example", sender: nil,
        clientAddress: "192.0.2.1", tls: TLSFacts(version: "TLSv1.3", cipher: "AES", verified: false), sizeBytes: 1234,
        recipientCount: 2, duration: .microseconds(1500)))
    let line = try #require(try captured.lines(of: output).first)
    #expect(
      line.hasSuffix(
        "INFO accepted id=\(id) session=s1 tenant=acme credential=app@acme.example sender=<> client=192.0.2.1 "
          + "tls=TLSv1.3 cipher=AES size=1234 recipients=2 ms=1.5 component=test"))
  }

  @Test func refusedAttempt() throws {
    let captured = Captured()
    let (logger, output) = captured.logger(.text)
    let reply = Reply(code: 450, enhanced: EnhancedStatus(4, 2, 0), lines: [Array("try\u{1B} later".utf8)])
    MailLog(logger: logger).attempted(
      LoggedAttempt(
        id: id, tenant: "acme", recipient: MailAddress(localPart: "b\r\n", domain: "x.example"), number: 3,
        outcome: .deferred,
        attempt: Attempt(
          result: .refused(reply, .recipient),
          remote: RemoteHost(name: "mx.x.example", address: "2001:db8::1", port: 25), duration: .seconds(2)),
        retryAfter: .seconds(600)))
    let line = try #require(try captured.lines(of: output).first)
    #expect(
      line.hasSuffix(
        "INFO deferred id=\(id) tenant=acme recipient=b\\x0d\\x0a@x.example attempt=3 host=mx.x.example "
          + "address=2001:db8::1 port=25 tls=none stage=recipient reply=\"450 4.2.0 try\\x1b later\" retry_in_s=600 "
          + "ms=2000.0 component=test"))
  }

  @Test func failedAttempt() throws {
    let captured = Captured()
    let (logger, output) = captured.logger(.text)
    MailLog(logger: logger).attempted(
      LoggedAttempt(
        id: id, tenant: "acme", recipient: MailAddress(localPart: "b", domain: "x.example"), number: 1,
        outcome: .bounced, attempt: Attempt(result: .failed(.nullMX, .route), duration: .milliseconds(1))))
    let line = try #require(try captured.lines(of: output).first)
    #expect(line.contains("INFO bounced id=\(id)"))
    #expect(line.contains("stage=route explanation=\"the domain does not accept mail (null MX)\" ms=1.0"))
  }
}
