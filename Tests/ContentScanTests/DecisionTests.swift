@testable import ContentScan
import Foundation
import MailModel
import Testing

@Suite struct DecisionTests {
  private let infected = Result<MalwareVerdict, ScannerFailure>.success(.infected("Eicar"))
  private let clean = Result<MalwareVerdict, ScannerFailure>.success(.clean)

  private func spam(
    _ score: Double, _ action: SpamVerdict.Action, _ symbols: [String] = []
  ) -> Result<SpamVerdict, ScannerFailure> {
    .success(SpamVerdict(score: score, requiredScore: 15, action: action, symbols: symbols))
  }

  private func decide(
    _ malware: Result<MalwareVerdict, ScannerFailure>?, _ spam: Result<SpamVerdict, ScannerFailure>?,
    _ policy: ScanPolicy = ScanPolicy()
  ) -> ScanDecision { ScanDecision(ScanFindings(malware: malware, spam: spam), policy) }

  private func reply(_ decision: ScanDecision) -> String? {
    guard case .refuse(let reply, _) = decision.action else { return nil }
    return "\(reply.code) \(reply.enhanced.map { "\($0)" } ?? "")"
  }

  @Test func nothingFound() {
    let decision = decide(clean, spam(1.25, .none))
    #expect(decision.action == .accept)
    #expect(decision.trace == "clean (clamd, rspamd 1.3)")
    #expect(String(decoding: decision.fields, as: UTF8.self) == "X-Postrider-Scan: clean (clamd, rspamd 1.3)\r\n")
    #expect(decide(clean, nil).trace == "clean (clamd)")
    #expect(decide(nil, spam(-0.04, .greylist)).trace == "clean (rspamd 0.0)")
    #expect(decide(nil, spam(-2.5, .none)).trace == "clean (rspamd -2.5)")
    #expect(decide(nil, nil) == .unscanned)
  }

  @Test func malware() {
    #expect(reply(decide(infected, spam(0, .none))) == "554 5.7.0")
    #expect(decide(infected, nil, ScanPolicy(malware: .hold)).action == .hold(reason: "malware Eicar"))
    let tagged = decide(infected, spam(0, .none), ScanPolicy(malware: .tag))
    #expect(tagged.action == .accept)
    #expect(
      String(decoding: tagged.fields, as: UTF8.self)
        == "X-Postrider-Scan: infected (clamd: Eicar, rspamd 0.0)\r\nX-Virus-Status: Infected (Eicar)\r\n")
  }

  @Test func spamByTheFiltersOwnLimits() {
    #expect(reply(decide(clean, spam(15, .reject))) == "550 5.7.1")
    #expect(
      decide(clean, spam(20, .reject, ["A", "B"]), ScanPolicy(spam: .hold)).action
        == .hold(reason: "spam, score 20.0: A B"))
    let marked = decide(clean, spam(7, .addHeader))
    #expect(marked.action == .accept)
    #expect(
      String(decoding: marked.fields, as: UTF8.self)
        == "X-Postrider-Scan: suspicious (clamd, rspamd 7.0)\r\nX-Spam-Flag: YES\r\nX-Spam-Score: 7.0\r\n")
    let tagged = decide(clean, spam(20, .reject), ScanPolicy(spam: .tag))
    #expect(tagged.action == .accept)
    #expect(tagged.trace == "spam (clamd, rspamd 20.0)")
  }

  @Test func spamByATenantsLimits() {
    let policy = ScanPolicy(spamScore: 20, tagScore: 3)
    #expect(decide(clean, spam(16, .reject), policy).action == .accept)
    #expect(decide(clean, spam(16, .reject), policy).trace == "suspicious (clamd, rspamd 16.0)")
    #expect(reply(decide(clean, spam(20, .reject), policy)) == "550 5.7.1")
    #expect(decide(clean, spam(2.9, .addHeader), policy).trace == "clean (clamd, rspamd 2.9)")
    #expect(reply(decide(clean, spam(5, .none), ScanPolicy(spamScore: 5))) == "550 5.7.1")
    // A rule that knows better than any score.
    let forced = SpamVerdict(score: 0, requiredScore: 15, action: .reject, isForced: true)
    #expect(reply(decide(clean, .success(forced), policy)) == "550 5.7.1")
  }

  @Test func putOff() {
    #expect(reply(decide(clean, spam(2, .softReject))) == "451 4.7.1")
    #expect(decide(clean, spam(2, .softReject), ScanPolicy(spam: .tag)).action == .accept)
  }

  @Test(arguments: [
    ScannerFailure.timedOut, .unreachable("x"), .refused("x"), .garbage("x"), .unreadable("x"),
  ])
  func aScannerThatDoesNotDoItsWork(_ failure: ScannerFailure) {
    for decision in [decide(.failure(failure), spam(0, .none)), decide(clean, .failure(failure))] {
      #expect(reply(decision) == "451 4.7.1")
      #expect(decision.trace?.hasPrefix("not scanned (") == true)
    }
    let policy = ScanPolicy(acceptsUnscanned: true)
    let accepted = decide(.failure(failure), spam(0, .none), policy)
    #expect(accepted.action == .accept)
    #expect(String(decoding: accepted.fields, as: UTF8.self).hasPrefix("X-Postrider-Scan: not scanned (clamd "))
    // What the other has found counts all the same, and is told first.
    #expect(reply(decide(infected, .failure(failure))) == "554 5.7.0")
    #expect(reply(decide(.failure(failure), spam(20, .reject), policy)) == "550 5.7.1")
    #expect(reply(decide(infected, .failure(failure), ScanPolicy(malware: .hold))) == "451 4.7.1")
  }

  @Test func tooLargeForever() {
    #expect(reply(decide(.failure(.tooLarge), spam(0, .none))) == "552 5.3.4")
    #expect(reply(decide(.failure(.tooLarge), .failure(.timedOut))) == "451 4.7.1")
    #expect(decide(.failure(.tooLarge), nil, ScanPolicy(acceptsUnscanned: true)).action == .accept)
  }

  /// Names come from signatures, and whoever makes a file has some say in them.
  @Test func namesBreakNoField() throws {
    let verdict = try ClamdReply.parse(Array("stream: a\r\nBcc: b) FOUND\0".utf8))
    let fields = decide(.success(verdict), nil, ScanPolicy(malware: .tag)).fields
    #expect(String(decoding: fields, as: UTF8.self).components(separatedBy: "\r\n").count == 3)
  }
}
