package import Admission
internal import DKIM
package import DNS
internal import Foundation

/// What an operator's installation wants of domains.
package struct RecordWishes: Sendable {
  /// What SPF records should include.
  package var senderPolicy: String?
  /// The name of the listener that takes what comes back.
  package var listener: String
  /// What mail programs are to find; by domain, in A-labels.
  package var clients: @Sendable (_ domain: String) -> ClientServices

  package init(
    senderPolicy: String?, listener: String,
    clients: @escaping @Sendable (_ domain: String) -> ClientServices = { _ in ClientServices() }
  ) {
    self.senderPolicy = senderPolicy
    self.listener = listener
    self.clients = clients
  }
}

/// All records of a domain: what to publish, what is there.
package struct DomainLook: Sendable {
  package var owner: DomainSight.Owner
  package var findings: [RecordFinding]
  private var keysThere: [Int64] = []
  private var keysMissing: [Int64] = []

  /// Asks the name servers, for everything at once; each question has the resolver's time limit, and four of them at
  /// most follow one another.
  package init(_ check: DomainCheck, _ wishes: RecordWishes, asking resolver: DNSResolver) async {
    let domain = check.asciiName
    async let ownership = resolver.lines(of: check.challenge.name)
    async let policy = resolver.lines(of: check.returnHost ?? domain)
    async let authors = Self.authorPolicies(domain, resolver)
    async let exchangers = Self.exchangers(check.returnHost, resolver)
    let keys = await Self.keys(check, resolver)
    let answer = await ownership
    owner = OwnershipJudgement.owner(check, answer)
    findings = [OwnershipJudgement.finding(check.challenge, answer)]
    for (key, answer) in keys {
      let finding = KeyJudgement.finding(key.record, answer)
      findings.append(finding)
      switch finding.verdict {
      case .good, .doubtful: keysThere.append(key.id)
      case .missing, .wrong: keysMissing.append(key.id)
      case .unknown: break
      }
    }
    findings.append(Self.policyFinding(check, wishes, await policy))
    findings.append(
      AuthorPolicyJudgement.finding(
        domain, hasKeys: check.keys.contains { !$0.isPending }, returnDomain: check.returnHost ?? domain, await authors)
    )
    if let host = check.returnHost, let answer = await exchangers {
      findings.append(
        ReturnPathJudgement.finding(
          host, listener: wishes.listener, isOwn: Self.isIn(host, domain), answer))
    }
  }

  /// The same as if the name servers had not answered: what to publish.
  package init(unasked check: DomainCheck, _ wishes: RecordWishes) {
    let domain = check.asciiName
    let silence = Texts.failed("not asked")
    owner = .unknown
    findings = [OwnershipJudgement.finding(check.challenge, silence)]
    findings += check.keys.map { KeyJudgement.finding($0.record, silence) }
    findings.append(Self.policyFinding(check, wishes, silence))
    findings.append(
      AuthorPolicyJudgement.finding(
        domain, hasKeys: true, returnDomain: domain, [("_dmarc.\(domain)", silence)]))
    if let host = check.returnHost {
      findings.append(
        ReturnPathJudgement.finding(
          host, listener: wishes.listener, isOwn: Self.isIn(host, domain), .failed("not asked")))
    }
    findings += ClientRecords.findings(domain, wishes.clients(domain))
  }

  /// What is written down about it.
  package var sight: DomainSight {
    var sight = DomainSight(owner: owner, findings: Self.json(findings))
    (sight.keysThere, sight.keysMissing) = (keysThere, keysMissing)
    return sight
  }

  /// - Parameter json: as it was written down.
  package static func findings(_ json: String) -> [RecordFinding] {
    (try? JSONDecoder().decode([RecordFinding].self, from: Data(json.utf8))) ?? []
  }

  private static func json(_ findings: [RecordFinding]) -> String {
    (try? JSONEncoder().encode(findings)).map { String(decoding: $0, as: UTF8.self) } ?? "[]"
  }
}

extension DomainLook {
  /// SPF looks at the reverse-path. Where that is a host of the operator's, its record is no business of the domain's owner.
  private static func policyFinding(_ check: DomainCheck, _ wishes: RecordWishes, _ answer: Texts) -> RecordFinding {
    let domain = check.returnHost ?? check.asciiName
    var finding = SenderPolicyJudgement.finding(domain, include: wishes.senderPolicy, answer)
    if !isIn(domain, check.asciiName) {
      finding.wanted = nil
      finding.explanation += " (the operator's to publish)"
    }
    return finding
  }

  private static func isIn(_ host: String, _ domain: String) -> Bool { host == domain || host.hasSuffix(".\(domain)") }

  private static func keys(_ check: DomainCheck, _ resolver: DNSResolver) async -> [(DomainCheck.Key, Texts)] {
    await withTaskGroup(of: (Int, Texts).self) { group in
      for (number, key) in check.keys.enumerated() {
        group.addTask { (number, await resolver.lines(of: key.record.name)) }
      }
      var answers: [Int: Texts] = [:]
      for await (number, answer) in group { answers[number] = answer }
      return check.keys.enumerated().compactMap { number, key in answers[number].map { (key, $0) } }
    }
  }

  /// Up to the first that has one, or that is not known.
  private static func authorPolicies(_ domain: String, _ resolver: DNSResolver) async -> [(name: String, answer: Texts)]
  {
    var answers: [(name: String, answer: Texts)] = []
    for name in AuthorPolicyJudgement.names(of: domain) {
      let answer = await resolver.lines(of: name)
      answers.append((name, answer))
      guard let texts = answer.texts, !texts.contains(where: { $0.lowercased().hasPrefix("v=dmarc1") }) else { break }
    }
    return answers
  }

  private static func exchangers(_ host: String?, _ resolver: DNSResolver) async -> DNSAnswer<[MXRecord]>? {
    guard let host else { return nil }
    return await resolver.mailExchangers(of: host)
  }
}

extension DNSResolver {
  fileprivate func lines(of name: String) async -> Texts {
    await texts(of: name).map { $0.map { String(decoding: $0, as: UTF8.self) } }
  }
}
