@testable import ContentScan
import Foundation
import Logging
import MailModel
import MailQueue
import MailTesting
import NIOPosix
import Supervision
import Testing

/// clamd and rspamd as they are, started once for all tests.
private let scanners = Task { (clamd: try await ClamdServer(), rspamd: try await RspamdServer()) }

/// A scanner of the node's with servers to ask.
func makeScanner(
  clamd: Int? = nil, rspamd: String? = nil, _ change: (inout ContentScannerConfiguration) -> Void = { _ in }
) -> ContentScanner {
  var configuration = ContentScannerConfiguration()
  configuration.clamd = clamd.map { .network(host: "127.0.0.1", port: $0) }
  configuration.rspamd = rspamd
  configuration.timeMax = .seconds(120)
  configuration.cacheTime = .zero
  change(&configuration)
  var logger = Logger(label: "test")
  logger.logLevel = .critical
  return ContentScanner(
    configuration, group: MultiThreadedEventLoopGroup.singleton, threads: .singleton, logger: logger)
}

@Suite(.timeLimit(.minutes(10))) struct ScannerTests {
  private func withScanner(
    _ change: (inout ContentScannerConfiguration) -> Void = { _ in }, _ body: (ContentScanner) async throws -> Void
  ) async throws {
    let (clamd, rspamd) = try await scanners.value
    let scanner = makeScanner(clamd: clamd.port, rspamd: rspamd.url, change)
    let result: Result<Void, any Error>
    do { result = .success(try await body(scanner)) } catch { result = .failure(error) }
    await scanner.shutdown()
    try result.get()
  }

  @Test func cleanMailIsClean() async throws {
    try await withScanner { scanner in
      let decision = await scanner.scan(try ScannedMessage(Message.plain("Good morning.")), ScanPolicy())
      #expect(decision.action == .accept)
      #expect(decision.trace?.wholeMatch(of: /clean \(clamd, rspamd -?\d+\.\d\)/) != nil, "\(decision)")
    }
  }

  /// In memory and from a spill file.
  @Test func malwareIsFoundInEveryForm() async throws {
    let directory = try TemporaryDirectory()
    try await withScanner { scanner in
      for (form, message) in try await Message.infected() {
        for spill in [nil, directory.path] {
          let decision = await scanner.scan(try ScannedMessage(message, spilledTo: spill), ScanPolicy())
          guard case .refuse(let reply, .malware) = decision.action else {
            Issue.record("\(form): \(decision)")
            continue
          }
          #expect(
            reply.text.hasPrefix("554 5.7.0 ") && reply.text.contains(PrivateClamd.testName), "\(form): \(reply.text)")
        }
      }
    }
  }

  @Test func gtubeIsSpam() async throws {
    try await withScanner { scanner in
      let message = try ScannedMessage(Message.plain(PrivateRspamd.testText))
      let refused = await scanner.scan(message, ScanPolicy())
      guard case .refuse(let reply, .spam) = refused.action else {
        Issue.record("\(refused)")
        return
      }
      #expect(reply.text.hasPrefix("550 5.7.1 "))
      let held = await scanner.scan(message, ScanPolicy(spam: .hold, spamScore: 1000))
      guard case .hold(let reason) = held.action else {
        Issue.record("\(held)")
        return
      }
      #expect(reason.contains("GTUBE"), "\(reason)")
    }
  }

  /// Who has switched something off is not asked about it.
  @Test func whatIsOffIsNotLookedFor() async throws {
    try await withScanner { scanner in
      let infected = try ScannedMessage(Message.plain(PrivateClamd.testFile))
      #expect(await scanner.scan(infected, ScanPolicy(malware: .off)).action == .accept)
      let spam = try ScannedMessage(Message.plain(PrivateRspamd.testText))
      #expect(await scanner.scan(spam, ScanPolicy(spam: .off)).trace == "clean (clamd)")
      #expect(await scanner.scan(spam, ScanPolicy(malware: .off, spam: .off)) == .unscanned)
    }
  }

  /// A mailing to many is looked at once; what differs in its content is looked at.
  @Test func theSameContentIsLookedAtOnce() async throws {
    let clamd = try await ClamdServer()
    let scanner = makeScanner(clamd: clamd.port) { $0.cacheTime = .seconds(600) }
    let clean = Message.plain("To everybody."), infected = Message.plain(PrivateClamd.testFile)
    #expect(await scanner.scan(try ScannedMessage(clean), ScanPolicy()).trace == "clean (clamd)")
    _ = await scanner.scan(try ScannedMessage(infected), ScanPolicy())
    // From now on nobody can be asked.
    try await clamd.kill()
    let copy = clean.replacing("bob@inbox.example", with: "carol@inbox.example").replacing("<1@", with: "<2@")
    #expect(await scanner.scan(try ScannedMessage(copy, user: "other"), ScanPolicy()).trace == "clean (clamd)")
    #expect(await scanner.scan(try ScannedMessage(infected), ScanPolicy()).trace?.hasPrefix("infected") == true)
    let changed = await scanner.scan(try ScannedMessage(clean + "."), ScanPolicy())
    #expect(changed.trace == "not scanned (clamd cannot be reached)")
  }

  /// That it is no spam holds for the same sender; spam is looked at each time.
  @Test func spamVerdictsAreTheSendersOwn() async throws {
    let rspamd = try await RspamdServer()
    let scanner = makeScanner(rspamd: rspamd.url) { $0.cacheTime = .seconds(600) }
    let clean = Message.plain("To everybody."), spam = Message.plain(PrivateRspamd.testText)
    let first = await scanner.scan(try ScannedMessage(clean), ScanPolicy()).trace
    #expect(first?.hasPrefix("clean (rspamd") == true)
    _ = await scanner.scan(try ScannedMessage(spam), ScanPolicy())
    try await rspamd.kill()
    #expect(await scanner.scan(try ScannedMessage(clean), ScanPolicy()).trace == first)
    for message in [try ScannedMessage(clean, user: "other"), try ScannedMessage(spam)] {
      #expect(await scanner.scan(message, ScanPolicy()).trace == "not scanned (rspamd cannot be reached)")
    }
    await scanner.shutdown()
  }

  @Test func aStreamThatClamdNeverTakes() async throws {
    let clamd = try await ClamdServer(streamMax: 1)
    let directory = try TemporaryDirectory()
    let scanner = makeScanner(clamd: clamd.port)
    let large = Message.plain(String(repeating: "A line of text that says little.\r\n", count: 100_000))
    for spill in [nil, directory.path] {
      let decision = await scanner.scan(try ScannedMessage(large, spilledTo: spill), ScanPolicy())
      guard case .refuse(let reply, .size) = decision.action else {
        Issue.record("\(decision)")
        continue
      }
      #expect(reply.code == 552)
    }
  }

  /// Frozen, it answers nobody; thawed, everybody.
  @Test func aFrozenScannerThaws() async throws {
    let (clamd, rspamd) = (try await ClamdServer(), try await RspamdServer())
    let message = try ScannedMessage(Message.plain("Good morning."))
    let impatient = makeScanner(clamd: clamd.port, rspamd: rspamd.url) { $0.timeMax = .milliseconds(300) }
    let patient = makeScanner(clamd: clamd.port, rspamd: rspamd.url)
    await clamd.freeze()
    await rspamd.freeze()
    let trace = await impatient.scan(message, ScanPolicy(acceptsUnscanned: true)).trace
    #expect(trace == "not scanned (clamd did not answer in time, rspamd did not answer in time)")
    await clamd.thaw()
    await rspamd.thaw()
    #expect(await patient.scan(message, ScanPolicy()).trace?.hasPrefix("clean (clamd, rspamd") == true)
    await impatient.shutdown()
    await patient.shutdown()
  }

  /// Tells what it is; a fresh one has no official signatures.
  @Test func scannersTellAboutThemselves() async throws {
    let (clamd, rspamd) = try await scanners.value
    let group = MultiThreadedEventLoopGroup.singleton
    let version = try await ClamdClient(.network(host: "127.0.0.1", port: clamd.port), group: group).version()
    #expect(version.program.hasPrefix("ClamAV "))
    let client = RspamdClient(url: rspamd.url, group: group)
    #expect(try await client.ping().hasPrefix("rspamd"))
    await client.shutdown()
  }
}
