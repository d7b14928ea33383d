internal import Admission
internal import Postgres
internal import Settings

/// Domains that are not sent as, whose proof is gone, or whose keys wait.
struct DomainFindings {
  let settings: Settings

  func look(_ connection: PostgresConnection) throws -> [Finding] {
    let health = try DomainHealth.look(connection)
    var findings: [Finding] = []
    if health.unproven > 0 {
      let names = names(try DomainHealth.unproven(connection), of: health.unproven)
      let effect = settings.domains.proof == .required ? "; nothing is sent as them" : ""
      findings.append(
        .warning(
          "domains",
          "\(health.unproven == 1 ? "a domain is" : "\(health.unproven) domains are") not verified: \(names)\(effect)",
          advice: "`postrider domain verify NAME` says what to publish; `--trust` takes your word"))
    }
    if health.vanished > 0 {
      let names = names(try DomainHealth.vanished(connection), of: health.vanished)
      let which = health.vanished == 1 ? "the record of a domain is" : "the records of \(health.vanished) domains are"
      findings.append(
        .warning(
          "domains", "\(which) gone: \(names)",
          advice: "ask their owners whether they still own them; disable those that they do not"))
    }
    if health.hostedVanished > 0 {
      let names = names(try DomainHealth.hostedVanished(connection), of: health.hostedVanished)
      findings.append(
        .warning(
          "domains", "everybody's mail still comes to the mailboxes here of domains whose record is gone: \(names)",
          advice: "`postrider domain mailboxes NAME elsewhere` for those that their tenants no longer own"))
    }
    if health.keysWaiting > 0 {
      findings.append(
        .warning(
          "domains", "\(health.keysWaiting) DKIM keys do not sign, because their records are not there",
          advice: "`postrider dkim list` shows them as pending; publish what `postrider dkim record DOMAIN` prints"))
    }
    if health.hosted > 0, settings.mailboxes.lmtp == nil {
      findings.append(
        .warning(
          "domains",
          "\(health.hosted) have their mailboxes here, but mailboxes.lmtp is not set: workers with these settings send their "
            + "mail by MX", advice: "set it for all workers, or `postrider domain mailboxes NAME elsewhere`"))
    }
    if let overdue = health.overdue, overdue > .seconds(3600) {
      findings.append(
        .warning(
          "domains", "records should have been looked up \(overdue.brief) ago",
          advice: "see the keeper's log, and whether one runs"))
    }
    return findings.isEmpty ? [.ok("domains", "\(health.proven) verified")] : findings
  }

  private func names(_ named: [DomainHealth.Named], of count: Int64) -> String {
    named.map { "\($0.name) since \($0.since.readable)" }.joined(separator: ", ")
      + (count > Int64(named.count) ? " and \(count - Int64(named.count)) more" : "")
  }
}
