import Foundation
import MailModel
import ReportReading
import Testing

/// Reports in the forms that mail servers really write; the addresses are invented.
enum GoldenReport {
  static let names: [String] = {
    let directory = Bundle.module.resourceURL?.appending(path: "Reports").path ?? ""
    return ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []).sorted()
  }()

  /// With the line ends of SMTP.
  static func bytes(_ name: String) throws -> [UInt8] {
    let url = try #require(Bundle.module.resourceURL?.appending(path: "Reports/\(name)"))
    return Array(try String(contentsOf: url, encoding: .utf8).replacing("\n", with: "\r\n").utf8)
  }

  static func read(_ name: String) throws -> IncomingReport { readReport(try bytes(name)) }
}

@Suite struct ReportTests {
  private func deliveries(_ name: String) throws -> [ReportedDelivery] {
    guard case .delivery(let deliveries) = try GoldenReport.read(name).content else {
      Issue.record("\(name) is \(try GoldenReport.read(name).content)")
      return []
    }
    return deliveries
  }

  private func text(_ delivery: ReportedDelivery?) -> String {
    String(decoding: delivery?.diagnostic ?? [], as: UTF8.self)
  }

  @Test func postfixReportsWithOriginalAndFinalRecipient() throws {
    let report = try GoldenReport.read("postfix.eml")
    #expect(report.reporter == "mx1.post.example")
    let all = try deliveries("postfix.eml")
    #expect(all.count == 1)
    #expect(all.first?.addresses == ["bob@post.example", "bob@inner.example"])
    #expect(all.first?.action == .failed && all.first?.status == EnhancedStatus(5, 1, 1))
    #expect(
      text(all.first)
        == "550 5.1.1 <bob@inner.example>: Recipient address rejected: User unknown in virtual mailbox table")
  }

  @Test func recipientsOfOneReportMayFareDifferently() throws {
    let all = try deliveries("postfix-two.eml")
    #expect(all.map(\.action) == [.failed, .delayed])
    #expect(all.map(\.addresses) == [["bob@post.example"], ["carol@post.example"]])
  }

  @Test(arguments: [
    ("postfix-delayed.eml", ReportedAction.delayed), ("relayed.eml", .relayed), ("exim-delayed.eml", .delayed),
  ])
  func whatHasNotFailedIsNoBounce(name: String, action: ReportedAction) throws {
    let all = try deliveries(name)
    #expect(all.map(\.action) == [action])
  }

  @Test func internationalReports() throws {
    let all = try deliveries("global.eml")
    #expect(all.map(\.addresses) == [["jürgen@bücher.example"]], "both forms are the same address")
    #expect(text(all.first) == "550 5.1.1 Empfänger unbekannt")
  }

  @Test func office365() throws {
    let all = try deliveries("office365.eml")
    #expect(all.map(\.addresses) == [["bob@contoso.example"]])
    #expect(all.first?.status == EnhancedStatus(5, 1, 10))
  }

  @Test func exchangeForPeopleOnly() throws {
    let all = try deliveries("exchange-text.eml")
    #expect(all.map(\.addresses) == [["bob@corp.example"]])
    #expect(text(all.first).contains("550 5.1.1 RESOLVER.ADR.RecipNotFound"))
  }

  @Test func qmail() throws {
    let all = try deliveries("qmail.eml")
    #expect(all.map(\.addresses) == [["bob@qmail.example"], ["carol@remote.example"]], "not the copy's addresses")
    #expect(text(all.first) == "Sorry, no mailbox here by that name. (#5.1.1)")
    #expect(text(all.last).contains("550 5.7.1 <carol@remote.example>... Relaying denied"))
    #expect(all.allSatisfy { $0.action == .failed })
  }

  @Test func exim() throws {
    let all = try deliveries("exim.eml")
    #expect(all.map(\.addresses) == [["bob@far.example"]])
    #expect(text(all.first).hasPrefix("550 5.1.1 <bob@far.example>: Recipient address rejected"))
  }

  @Test func sendmail() throws {
    let all = try deliveries("sendmail-text.eml")
    #expect(all.map(\.addresses) == [["bob@old.example"]])
    #expect(text(all.first).contains("550 5.1.1 <bob@old.example>... User unknown"))
  }

  @Test func gmailForPeopleOnly() throws {
    let all = try deliveries("gmail.eml")
    #expect(all.map(\.addresses) == [["bob@mail.example"]])
    #expect(text(all.first).hasPrefix("550 5.1.1 The email account that you tried to reach does not exist."))
  }

  @Test func aBrokenStructureIsSearched() throws {
    let all = try deliveries("broken-mime.eml")
    #expect(all.map(\.addresses) == [["bob@broken.example"]])
    #expect(all.first?.status == EnhancedStatus(5, 1, 1))
  }

  @Test func groupsWithoutBlankLines() throws {
    let all = try deliveries("no-blank-lines.eml")
    #expect(all.map(\.addresses) == [["bob@tight.example"], ["carol@tight.example"]])
    #expect(all.map(\.status) == [EnhancedStatus(5, 1, 1), EnhancedStatus(5, 2, 1)])
    #expect(all.allSatisfy { $0.action == .failed })
  }

  @Test(arguments: ["vacation.eml", "vacation-exchange.eml"])
  func automaticRepliesAreNotBounces(name: String) throws {
    #expect(try GoldenReport.read(name).content == .automaticReply)
  }

  @Test(arguments: ["person.eml", "read-receipt.eml"])
  func otherMailIsNotABounce(name: String) throws {
    guard case .other = try GoldenReport.read(name).content else {
      Issue.record("\(name) is \(try GoldenReport.read(name).content)")
      return
    }
  }

  @Test func feedback() throws {
    guard case .feedback(let feedback) = try GoldenReport.read("arf.eml").content else {
      Issue.record("not read")
      return
    }
    #expect(feedback.type == "abuse" && feedback.isComplaint)
    #expect(feedback.addresses == ["bob@provider.example"])
    #expect(try GoldenReport.read("arf.eml").reporter == "mail.provider.example")
    guard case .feedback(let contrary) = try GoldenReport.read("arf-not-spam.eml").content else {
      Issue.record("not read")
      return
    }
    #expect(contrary.type == "not-spam" && !contrary.isComplaint)
  }

  /// Somebody answers and encloses a report that he got: it is about other mail.
  @Test func anEnclosedReportIsNotTheReport() throws {
    let head = "From: bob@post.example\r\nSubject: see this\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n"
    let enclosed = "--m\r\nContent-Type: text/plain\r\n\r\nlook\r\n--m\r\nContent-Type: message/rfc822\r\n\r\n"
    let message = Array((head + enclosed).utf8) + (try GoldenReport.bytes("postfix.eml")) + Array("\r\n--m--\r\n".utf8)
    #expect(readReport(message).content == .other("not a report"))
  }
}
