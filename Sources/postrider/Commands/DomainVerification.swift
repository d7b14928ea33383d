internal import Admission
internal import ArgumentParser
internal import DNS
internal import DomainRecords
internal import Postgres
internal import Settings

extension DomainCommand {
  struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Look up a domain's records now, and say what is wrong with them.",
      discussion: """
        Exit code 0 when the domain is proven to be its tenant's, 2 when it is not. A keeper looks again for as long as it
        is not, often at first. With --trust nothing is looked up.
        """)

    @OptionGroup var common: CommonOptions
    @Argument var name: String
    @Flag(help: "It is known to be its tenant's: no proof is needed.") var trust = false

    func run() async throws {
      if trust {
        let domain = try common.withDatabase("domain verify") { try TenantDirectory($0).trustDomain(name) }
        return try common.report(
          DomainRecord(domain), "\(domain.name) is tenant \(domain.tenant)'s, by the operator's word")
      }
      let settings = try common.settings()
      let taken = try common.withDatabase("domain verify") { try DomainChecks.take(name, $0) }
      guard let taken else { throw CommandFailure(.notFound, "there is no domain \(name)") }
      let resolver = try Node(settings, role: "domain verify").resolver()
      let look = await DomainLook(taken, settings.recordWishes, asking: resolver)
      resolver.shutdown()
      let (domain, claims) = try common.withDatabase("domain verify") { connection in
        _ = try DomainChecks.write(look.sight, of: taken, interval: settings.domains.checkInterval, connection)
        return try found(TenantDirectory(connection))
      }
      if common.json {
        try JSONOutput.print(DomainRecord(domain, claims: claims))
      } else {
        printFindings(look.findings)
        print("\n\(verdict(domain, look.owner))")
      }
      if domain.provenAt == nil { throw ExitCode(ExitStatus.unhealthy.rawValue) }
    }

    /// As the database has it now: a keeper may have looked at the same time.
    private func found(_ directory: TenantDirectory) throws -> (Domain, [DomainClaim]) {
      guard let domain = try directory.domain(name) else {
        throw CommandFailure(.notFound, "there is no domain \(name)")
      }
      return (domain, try directory.claims(on: domain))
    }

    private func verdict(_ domain: Domain, _ owner: DomainSight.Owner) -> String {
      if domain.provenAt != nil { return "\(domain.name) is tenant \(domain.tenant)'s: \(domain.proofWords)" }
      let why = owner == .unknown ? "the name servers did not answer" : "its token was not found"
      return "\(domain.name) is not verified: \(why). Nothing is sent as it; a keeper looks again by itself"
    }
  }

  struct Records: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print the records to publish, as lines of a zone file.",
      discussion: "The one for DMARC is a suggestion that changes nothing; keep your own if you have one.")

    @OptionGroup var common: CommonOptions
    @Argument var name: String

    private struct Record: Encodable {
      var kind: RecordKind
      var name: String
      var type: String
      var value: String
    }

    func run() throws {
      let wishes = try common.settings().recordWishes
      let check = try common.withDatabase("domain records") { try DomainChecks.peek(name, $0) }
      guard let check else { throw CommandFailure(.notFound, "there is no domain \(name)") }
      let findings = DomainLook(unasked: check, wishes).findings
      if common.json {
        return try JSONOutput.print(
          findings.compactMap { finding in
            finding.wanted.map { Record(kind: finding.kind, name: finding.name, type: finding.type, value: $0) }
          })
      }
      for line in findings.compactMap(\.zoneLine) { print(line) }
    }
  }

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show a domain, and what was found when its records were last looked up.")

    @OptionGroup var common: CommonOptions
    @Argument var name: String

    func run() throws {
      let (domain, claims) = try common.withDatabase("domain show") { connection in
        let directory = TenantDirectory(connection)
        guard let domain = try directory.domain(name) else {
          throw CommandFailure(.notFound, "there is no domain \(name)")
        }
        return (domain, try directory.claims(on: domain))
      }
      if common.json { return try JSONOutput.print(DomainRecord(domain, claims: claims)) }
      var fields = FieldList()
      fields.add("domain", domain.name)
      fields.add("tenant", domain.tenant)
      fields.add("added", domain.createdAt.readable)
      fields.add("disabled", domain.disabledAt?.readable)
      fields.add("verified", domain.proofWords)
      fields.add("mailboxes", domain.mailboxDomain == nil ? "elsewhere" : "here")
      fields.add("token", "\(domain.challenge.name) TXT \(domain.challenge.text)")
      for claim in claims { fields.add("claimed by", "\(claim.tenant), whose token is \(claim.challenge.text)") }
      fields.add("looked at", domain.checkedAt?.readable ?? "not yet")
      fields.print()
      guard let findings = domain.findings else { return }
      print()
      printFindings(DomainLook.findings(findings))
    }
  }
}
