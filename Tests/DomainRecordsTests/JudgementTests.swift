import Admission
import Cryptography
import DKIM
import DNS
import DomainRecords
import Testing

/// What is said about records, from what the name servers have said.
@Suite struct JudgementTests {
  private func found(_ texts: String...) -> Texts { .found(texts, secure: false) }

  // MARK: SPF

  @Test(arguments: [
    ("v=spf1 include:spf.node.example ~all", Verdict.good, "it allows our addresses"),
    ("V=SPF1 a mx +INCLUDE:spf.node.EXAMPLE -all", .good, "it allows our addresses"),
    ("v=spf1 include:spf.node.example redirect=other.example", .good, "it allows our addresses"),
    ("v=spf1 mx -all", .wrong, "add include:spf.node.example"),
    ("v=spf1", .wrong, "add include:spf.node.example"),
    ("v=spf1 -include:spf.node.example ~all", .wrong, "does not allow our addresses"),
    ("v=spf1 -all include:spf.node.example", .wrong, "stands behind «-all» and counts for nothing"),
    ("v=spf1 include:spf.node.example +all", .doubtful, "allows everybody"),
    ("v=spf1 include:spf.node.example ip4:192.0.2.1, ~all x:y", .wrong, "«x:y» means nothing in SPF"),
    ("v=spf1 include=spf.node.example mx:", .wrong, "does not allow our addresses"),
  ])
  func senderPolicies(record: String, verdict: Verdict, words: String) {
    let finding = SenderPolicyJudgement.finding("acme.example", include: "spf.node.example", found("other", record))
    #expect(finding.verdict == verdict && finding.explanation.contains(words), "\(finding)")
    #expect(finding.found == [record])
  }

  @Test func theWantedSenderPolicyKeepsWhatIsThere() {
    func wanted(_ texts: String...) -> String? {
      SenderPolicyJudgement.finding("a.example", include: "spf.node.example", .found(texts, secure: false)).wanted
    }
    #expect(wanted("v=spf1 mx ip4:192.0.2.1 -all") == "v=spf1 mx ip4:192.0.2.1 include:spf.node.example -all")
    #expect(wanted("v=spf1 -all include:spf.node.example") == "v=spf1 include:spf.node.example -all")
    #expect(wanted("v=spf1 mx redirect=b.example") == "v=spf1 mx include:spf.node.example redirect=b.example")
    #expect(wanted("no policy") == "v=spf1 include:spf.node.example ~all")
  }

  @Test func noneOrSeveralSenderPolicies() {
    func finding(_ answer: Texts, include: String? = "spf.node.example") -> RecordFinding {
      SenderPolicyJudgement.finding("a.example", include: include, answer)
    }
    #expect(finding(.noData).verdict == .missing && finding(.noSuchDomain).verdict == .missing)
    #expect(finding(found("v=spf10 all", "x")).verdict == .missing)
    let several = finding(found("v=spf1 mx", "v=spf1 include:spf.node.example ~all"))
    #expect(several.verdict == .wrong && several.explanation.contains("2 SPF records"))
    let unknown = finding(.failed("SERVFAIL"))
    #expect(unknown.verdict == .unknown && unknown.explanation.contains("SERVFAIL"))
    let unchecked = finding(found("v=spf1 mx -all"), include: nil)
    #expect(unchecked.verdict == .good && unchecked.explanation.contains("domains.spf_include is not set"))
  }

  // MARK: DKIM

  private func record(_ algorithm: SigningKey.Algorithm = .rsa) throws -> KeyRecord {
    KeyRecord(
      domain: "acme.example", selector: "one", algorithm: algorithm,
      publicKey: try SigningKey.generate(algorithm).publicBytes)
  }

  @Test func keysThatAreThere() throws {
    for algorithm in SigningKey.Algorithm.allCases {
      let record = try record(algorithm)
      #expect(KeyJudgement.finding(record, found(record.text)).verdict == .good)
      // What other programs may make of it.
      for text in [record.text + ";", record.text.replacing("; ", with: " ;\t"), record.text + "; t=s; s=email; n=x"] {
        let finding = KeyJudgement.finding(record, found(text))
        #expect(finding.verdict == .good, "\(text): \(finding.explanation)")
      }
    }
    let rsa = try record()
    #expect(
      KeyJudgement.finding(rsa, found(rsa.text.replacing("k=rsa; ", with: ""))).verdict == .good, "RSA is the default")
    #expect(KeyJudgement.finding(rsa, found(rsa.text.replacing("v=DKIM1; ", with: ""))).verdict == .good)
    #expect(KeyJudgement.finding(rsa, found(rsa.text + "; t=s:y")).verdict == .doubtful)
  }

  @Test func keysThatAreNot() throws {
    let record = try record()
    let other = try self.record()
    func said(_ answer: Texts) -> (Verdict, String) {
      let finding = KeyJudgement.finding(record, answer)
      return (finding.verdict, finding.explanation)
    }
    #expect(said(.noSuchDomain).0 == .missing && said(.failed("time-out")).0 == .unknown)
    for (text, words) in [
      ("v=DKIM1; k=rsa; p=", "revoked"), (other.text, "another key"), ("v=DKIM1; k=rsa", "no key"),
      (record.text.replacing("DKIM1", with: "DKIM2"), "v=DKIM2"), ("k=rsa; v=DKIM1; p=x", "at the beginning"),
      (record.text.replacing("k=rsa", with: "k=ed25519"), "another kind of key"), ("hello", "no list of tags"),
      (String(record.text.prefix(255)), "cut off"), (record.text + "; h=sha1", "excludes sha256"),
      (record.text + "; s=tlsrpt", "excludes e-mail"), (record.text + "; p=x", "no list of tags"),
    ] {
      let (verdict, explanation) = said(found(text))
      #expect(verdict == .wrong && explanation.contains(words), "\(text): \(explanation)")
    }
    #expect(said(found(record.text, other.text)).1.contains("2 records"))
  }

  // MARK: DMARC

  private func policy(
    _ answers: [(String, Texts)], domain: String = "mail.acme.example", hasKeys: Bool = true,
    returns: String = "returns.node.example"
  ) -> RecordFinding {
    AuthorPolicyJudgement.finding(
      domain, hasKeys: hasKeys, returnDomain: returns, answers.map { (name: $0.0, answer: $0.1) })
  }

  @Test func authorPolicies() {
    let own = "_dmarc.mail.acme.example"
    #expect(AuthorPolicyJudgement.names(of: "mail.acme.example") == [own, "_dmarc.acme.example"])
    #expect(AuthorPolicyJudgement.names(of: "acme.example") == ["_dmarc.acme.example"])
    #expect(policy([(own, found("v=DMARC1; p=reject; adkim=s"))]).verdict == .good)
    let above = policy([(own, .noSuchDomain), ("_dmarc.acme.example", found("other", "v=DMARC1;p=none;"))])
    #expect(above.verdict == .good && above.explanation.hasPrefix("the policy is that of acme.example: "))
    let none = policy([(own, .noData), ("_dmarc.acme.example", .noSuchDomain)])
    #expect(none.verdict == .missing && none.name == own && none.wanted == "v=DMARC1; p=none")
    #expect(policy([(own, .noData), ("_dmarc.acme.example", .failed("SERVFAIL"))]).verdict == .unknown)
    for (text, words) in [
      ("v=DMARC1; rua=mailto:a@acme.example", "what to do"), ("v=dmarc1; p=none", "does not begin with v=DMARC1"),
      ("v=DMARC1; p=all", "p=all is none of"), ("v=DMARC1; p", "no list of tags"),
    ] {
      let finding = policy([(own, found(text))])
      #expect(finding.verdict == .wrong && finding.explanation.contains(words), "\(finding)")
    }
    #expect(policy([(own, found("v=DMARC1; p=none", "v=DMARC1; p=reject"))]).explanation.contains("2 DMARC records"))
  }

  /// Relaxed alignment: a signature of the author's domain is enough, and so is a reverse-path that is related.
  @Test func somethingHasToVouch() {
    let there = [("_dmarc.acme.example", found("v=DMARC1; p=reject"))]
    func verdict(_ hasKeys: Bool, _ returns: String) -> Verdict {
      policy(there, domain: "acme.example", hasKeys: hasKeys, returns: returns).verdict
    }
    #expect(verdict(true, "returns.node.example") == .good)
    #expect(verdict(false, "returns.acme.example") == .good && verdict(false, "acme.example") == .good)
    #expect(verdict(false, "returns.node.example") == .doubtful && verdict(false, "notacme.example") == .doubtful)
  }

  // MARK: Return paths, and how records are shown

  @Test func returnPaths() {
    func finding(_ answer: DNSAnswer<[MXRecord]>, isOwn: Bool = true) -> RecordFinding {
      ReturnPathJudgement.finding("returns.acme.example", listener: "in.node.example", isOwn: isOwn, answer)
    }
    let ours = DNSAnswer.found([MXRecord(preference: 5, exchange: "IN.node.example")], secure: false)
    #expect(finding(ours).verdict == .good)
    #expect(finding(.noData).verdict == .missing && finding(.failed("x")).verdict == .unknown)
    #expect(
      finding(.found([MXRecord(preference: 5, exchange: "begin.node.example")], secure: false)).verdict == .doubtful)
    #expect(finding(.noData).zoneLine == "returns.acme.example. IN MX 10 in.node.example.")
    #expect(finding(.noData, isOwn: false).zoneLine == nil)
  }

  /// Strings of at most 255 octets, and nothing from outside that leaves its line.
  @Test func zoneLines() throws {
    let record = try record()
    let line = try #require(KeyJudgement.finding(record, .noData).zoneLine)
    #expect(line == record.zoneLine)
    let policy = "v=spf1 exists:\"\\%{i}.x.example ~all"
    let quoted = SenderPolicyJudgement.finding("a.example", include: "b.example", found(policy, "v=spf1\n"))
    #expect(
      quoted.zoneLine == #"a.example. IN TXT ( "v=spf1 exists:\"\\%{i}.x.example include:b.example ~all" )"#)
    let broken = OwnershipJudgement.finding(
      DomainChallenge(domain: "a.example", token: "t"), found("two\nlines\u{0}", String(repeating: "x", count: 5000)))
    #expect(broken.found[0] == "two?lines?" && broken.found[1].count == 500)
  }

  @Test func tokens() {
    let challenge = DomainChallenge(domain: "a.example", token: "abc")
    func verdict(_ answer: Texts) -> Verdict { OwnershipJudgement.finding(challenge, answer).verdict }
    #expect(verdict(found("x", "postrider-verification=abc")) == .good)
    #expect(verdict(found(" \"postrider-verification=abc\" ")) == .good, "pasted with its quotes")
    #expect(verdict(found("postrider-verification=abcd")) == .wrong && verdict(found("abc")) == .wrong)
    #expect(verdict(.noSuchDomain) == .missing && verdict(.failed("SERVFAIL")) == .unknown)
  }
}
