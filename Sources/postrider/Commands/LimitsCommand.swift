internal import Admission
internal import ArgumentParser
internal import DNS
internal import Limits
internal import MailModel
internal import NIOPosix
internal import Observability
internal import Redis
internal import Settings

/// `postrider limits`: what a tenant has used of its limits.
struct LimitsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "limits", abstract: "Show what a tenant has used of its limits.",
    discussion: """
      A window begins with the first message that is counted in it. What acceptors counted by themselves while Redis was
      away is not in it.
      """)

  @OptionGroup var common: CommonOptions
  @Argument var tenant: String

  struct Record: Encodable {
    /// credential, domain or tenant.
    var scope: String
    var name: String
    var span: String
    var messages: Int
    var messagesMax: Int?
    var recipients: Int
    var recipientsMax: Int?
    var isWarmUp: Bool
    /// Absent: nothing is counted now.
    var resetsAfterSeconds: Int64?
  }

  func run() async throws {
    let settings = try common.settings()
    let (subjects, terms) = try subjects()
    let rules = terms.overrides.applied(to: LimitRules(settings.limits))
    guard LimitRules.Scope.allCases.contains(where: { !rules.windows(of: $0, ageDays: terms.ageDays).isEmpty }) else {
      return try show([], unlimited: true)
    }
    let redis = RedisClient(
      url: try Node(settings, role: "limits").redisURL(), group: MultiThreadedEventLoopGroup.singleton)
    let records: [Record]
    do throws(RedisError) {
      try await redis.connect()
      records = try await self.records(of: subjects, rules, terms, LimitUsage(redis: redis))
    } catch {
      await redis.shutdown()
      throw CommandFailure(
        .unavailable, "the counters cannot be read: \(error)",
        advice: "see that Redis runs and that redis.url is right; acceptors count by themselves meanwhile")
    }
    await redis.shutdown()
    try show(records, unlimited: false)
  }

  private typealias Subject = (scope: LimitRules.Scope, name: String, key: String)

  private func subjects() throws -> ([Subject], TenantTerms) {
    try common.withDatabase("limits") { connection in
      let directory = TenantDirectory(connection)
      let (found, _) = try directory.limits(ofTenant: tenant)
      var subjects: [Subject] = []
      func add(_ scope: LimitRules.Scope, _ name: String, _ key: String?) {
        if let key { subjects.append((scope, name, key)) }
      }
      add(.tenant, tenant, Counter.key(.tenant, tenant: found.id))
      for domain in try directory.domains(tenant: tenant) {
        let name = DomainName.ascii(domain.name) ?? domain.name
        add(.domain, domain.name, Counter.key(.domain, tenant: found.id, domain: name))
      }
      for credential in try directory.credentials(tenant: tenant) {
        add(.credential, credential.name, Counter.key(.credential, tenant: found.id, credential: credential.id))
      }
      return (subjects, try directory.terms(ofTenant: tenant))
    }
  }

  private func records(
    of subjects: [Subject], _ rules: LimitRules, _ terms: TenantTerms, _ usage: LimitUsage
  ) async throws(RedisError) -> [Record] {
    var records: [Record] = []
    for subject in subjects {
      let windows = rules.windows(of: subject.scope, ageDays: terms.ageDays)
      for used in try await usage.of(subject.key, windows: windows) {
        records.append(
          Record(
            scope: subject.scope.rawValue, name: subject.name, span: used.span.rawValue, messages: used.messages,
            messagesMax: used.messagesMax, recipients: used.recipients, recipientsMax: used.recipientsMax,
            isWarmUp: used.isWarmUp, resetsAfterSeconds: used.resetsAfter.map { $0.components.seconds }))
      }
    }
    return records
  }

  private func show(_ records: [Record], unlimited: Bool) throws {
    if common.json { return try JSONOutput.print(records) }
    guard !unlimited else { return print("tenant \(tenant) has no limits of messages and recipients") }
    var table = Table("scope", "name", "span", ">messages", ">of", ">recipients", ">of", ">ends in")
    for record in records {
      let limit = record.messagesMax.map { "\($0)" + (record.isWarmUp ? " (new)" : "") }
      table.add(
        record.scope, record.name, record.span, record.messages, limit, record.recipients, record.recipientsMax,
        record.resetsAfterSeconds.map { Duration.seconds($0).brief })
    }
    table.print()
  }
}
