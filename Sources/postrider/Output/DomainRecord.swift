internal import Admission
internal import DomainRecords
internal import Observability
internal import Settings

/// A domain, for programs.
struct DomainRecord: Encodable {
  var name: String
  var tenant: String
  var createdAt: String
  var disabledAt: String?
  var isProven: Bool
  /// record, parent, operator, earlier.
  var proof: String?
  var provenAt: String?
  /// Since when the record that has proven it is gone.
  var vanishedAt: String?
  var challenge: Challenge
  var checkedAt: String?
  /// What was found then.
  var findings: [RecordFinding]?
  /// Others that say it is theirs.
  var claims: [Claim]?
  /// Its mailboxes are kept here.
  var hasMailboxes: Bool

  /// A TXT record.
  struct Challenge: Encodable {
    var name: String
    var value: String

    init(_ challenge: DomainChallenge) { (name, value) = (challenge.name, challenge.text) }
  }

  struct Claim: Encodable {
    var name: String
    var tenant: String
    var challenge: Challenge

    init(_ claim: DomainClaim) {
      (name, tenant, challenge) = (claim.domain, claim.tenant, Challenge(claim.challenge))
    }
  }

  init(_ domain: Domain, claims: [DomainClaim]? = nil) {
    name = domain.name
    tenant = domain.tenant
    createdAt = domain.createdAt.iso
    disabledAt = domain.disabledAt?.iso
    isProven = domain.provenAt != nil
    proof = domain.proof?.rawValue
    provenAt = domain.provenAt?.iso
    vanishedAt = domain.vanishedAt?.iso
    challenge = Challenge(domain.challenge)
    checkedAt = domain.checkedAt?.iso
    findings = domain.findings.map { DomainLook.findings($0) }
    hasMailboxes = domain.mailboxDomain != nil
    self.claims = claims.map { $0.map(Claim.init) }
  }
}

extension DomainProof {
  /// For people.
  var words: String {
    switch self {
    case .record: "by its record"
    case .parent: "by a domain above it"
    case .trusted: "by the operator's word"
    case .earlier: "it was here before proofs were asked for"
    }
  }
}

extension DomainChallenge {
  /// What is to be done with it.
  var words: String {
    "publish this record; nothing is sent as the domain before it has been seen:\n\(name). IN TXT ( \"\(text)\" )"
  }
}

extension Domain {
  /// Whether it is proven, how, and since when, for people.
  var proofWords: String {
    guard let provenAt, let proof else { return "no" }
    let gone = vanishedAt.map { "; the record is gone since \($0.readable)" } ?? ""
    return "\(proof.words), \(provenAt.readable)\(gone)"
  }

  /// What is wrong with its records, in a few words.
  var recordWords: String {
    guard let findings else { return "not looked at yet" }
    let bad = DomainLook.findings(findings).filter { $0.verdict != .good && $0.kind != .ownership }
    return bad.isEmpty ? "good" : bad.map { "\($0.kind.rawValue) \($0.verdict.rawValue)" }.joined(separator: ", ")
  }
}

extension Settings {
  /// What domains are asked to publish.
  var recordWishes: RecordWishes {
    let services = mailServices
    return RecordWishes(senderPolicy: self.domains.spfInclude, listener: self.inbound.hostname) { domain in
      services.clientServices(of: domain)
    }
  }
}

/// Records and what is to be thought of them, for people.
func printFindings(_ findings: [RecordFinding]) {
  var table = Table("record", "name", "verdict", "what it means")
  for finding in findings {
    table.add(finding.kind.rawValue, "\(finding.name) \(finding.type)", finding.verdict.rawValue, finding.explanation)
  }
  table.print()
  for finding in findings where finding.verdict != .good {
    guard let wanted = finding.wanted else { continue }
    print("\n\(escaped(finding.name)) \(finding.type)")
    print("  wanted  \(escaped(wanted))")
    for found in finding.found { print("  found   \(escaped(found))") }
    if finding.found.isEmpty, finding.verdict != .unknown { print("  found   nothing") }
  }
}
