package import Postgres

extension DomainChecks {
  /// Writes down what a look has found.
  /// - Parameter interval: from one look at a proven domain to the next.
  package static func write(
    _ sight: DomainSight, of check: DomainCheck, interval: Duration, _ connection: PostgresConnection
  ) throws -> DomainNews {
    try connection.transaction {
      guard try isCurrent(check, connection) else { return .outdated }
      try putOff(sight.keysMissing, connection)
      try begin(sight.keysThere, connection)
      if case .tenant(let owner) = sight.owner, owner != check.tenant {
        try handOver(check, to: owner, sight.findings, connection)
        return .proven(.record, tenant: owner)
      }
      let news = try update(check, sight, interval, connection)
      if case .proven = news { try settle(check, connection) }
      return news
    }
  }

  /// Locks the row: from here to the end of the transaction nobody takes on another look.
  private static func isCurrent(_ check: DomainCheck, _ connection: PostgresConnection) throws -> Bool {
    var parameters = PostgresParameters()
    parameters.append(check.domain)
    parameters.append(check.number)
    parameters.append(check.tenant)
    // A word of the operator's that has come meanwhile counts: whose it is is known then.
    parameters.append(check.isProven)
    return try connection.query(
      """
      SELECT 1 FROM postrider.domain d WHERE d.id = $1 AND d.check_number = $2 AND d.tenant = $3
        AND (d.proven_at IS NOT NULL) = $4 FOR UPDATE
      """, parameters
    ).rowCount == 1
  }

  /// The token, once seen, is proof from then on; that it is gone is noted, and changes nothing else. Without an answer of
  /// the name servers nothing is known, and they are asked again soon.
  private static func update(
    _ check: DomainCheck, _ sight: DomainSight, _ interval: Duration, _ connection: PostgresConnection
  ) throws -> DomainNews {
    var parameters = PostgresParameters()
    parameters.append(check.domain)
    parameters.append(sight.findings)
    parameters.append(sight.owner == .tenant(check.tenant))
    parameters.append(sight.owner == .nobody)
    parameters.append(sight.owner == .unknown)
    parameters.append(check.tenant)
    parameters.append(TenantDirectory.parents(of: check.name))
    parameters.append(interval.components.seconds)
    let result = try connection.query(
      """
      UPDATE postrider.domain d SET checked_at = postrider.schedule_now(), findings = $2::jsonb,
        proven_at = CASE WHEN d.proven_at IS NULL AND ($3 OR p.is_proven) THEN postrider.schedule_now()
          ELSE d.proven_at END,
        proof = CASE WHEN $3 THEN 'record' WHEN d.proof IS NULL AND p.is_proven THEN 'parent' ELSE d.proof END,
        vanished_at = CASE WHEN $3 THEN NULL
          WHEN $4 AND d.proof = 'record' THEN coalesce(d.vanished_at, postrider.schedule_now())
          ELSE d.vanished_at END,
        check_due = postrider.schedule_now() + CASE
          WHEN (d.proven_at IS NOT NULL OR $3 OR p.is_proven) AND NOT EXISTS (
            SELECT FROM postrider.dkim_key k WHERE k.domain = d.id AND k.requested_from IS NOT NULL)
            THEN CASE WHEN $5 THEN least($8 * interval '1 second', interval '5 minutes')
              ELSE $8 * interval '1 second' END
          WHEN postrider.schedule_now() - d.watched_since < interval '4 hours' THEN interval '1 minute'
          WHEN postrider.schedule_now() - d.watched_since < interval '2 days' THEN interval '15 minutes'
          WHEN postrider.schedule_now() - d.watched_since < interval '14 days' THEN interval '1 hour'
          ELSE interval '1 day' END
      FROM (SELECT EXISTS (SELECT FROM postrider.domain x
        WHERE x.name = ANY ($7::text[]) AND x.tenant = $6 AND x.proven_at IS NOT NULL) AS is_proven) p
      WHERE d.id = $1
      RETURNING d.proof, (extract(epoch FROM postrider.schedule_now() - d.vanished_at))::bigint
      """, parameters)
    guard result.rowCount == 1 else { return .outdated }
    if !result.isNull(0, 1) { return .vanished(.seconds(try result.int64(0, 1))) }
    guard !check.isProven, let proof = DomainProof(rawValue: result.text(0, 0)) else { return .unchanged }
    return .proven(proof, tenant: check.tenant)
  }

  /// Nobody else can prove it any more, and domains below it need no proof of their own.
  private static func settle(_ check: DomainCheck, _ connection: PostgresConnection) throws {
    var parameters = PostgresParameters()
    parameters.append(check.domain)
    _ = try connection.query("DELETE FROM postrider.domain_claim WHERE domain = $1", parameters)
    parameters.append(check.tenant)
    parameters.append(TenantDirectory.forms(of: check.name).map { ".\($0)" })
    // By domain_unproven: a few.
    _ = try connection.query(
      """
      UPDATE postrider.domain d SET check_due = postrider.schedule_now()
      WHERE d.proven_at IS NULL AND d.id <> $1 AND d.tenant = $2
        AND EXISTS (SELECT FROM unnest($3::text[]) s WHERE right(d.name, length(s)) = s)
      """, parameters)
  }

  /// The domain goes to the tenant that has proven it. Logins and keys that another has made for it meanwhile, with which
  /// nothing was ever sent as it, are gone.
  private static func handOver(
    _ check: DomainCheck, to tenant: Int64, _ findings: String, _ connection: PostgresConnection
  ) throws {
    var domain = PostgresParameters()
    domain.append(check.domain)
    var named = PostgresParameters()
    named.append(check.name)
    var owner = domain
    owner.append(tenant)
    owner.append(findings)
    for (sql, parameters) in [
      ("DELETE FROM postrider.dkim_key WHERE domain = $1", domain),
      (
        """
        DELETE FROM postrider.allowed_sender a USING postrider.credential c
        WHERE c.domain = $1 AND a.credential = c.id
        """, domain
      ),
      ("DELETE FROM postrider.credential WHERE domain = $1", domain),
      ("DELETE FROM postrider.allowed_sender a WHERE split_part(a.sender, '@', -1) = $1", named),
      (
        """
        UPDATE postrider.domain d SET tenant = c.tenant, challenge = c.challenge, proven_at = postrider.schedule_now(),
          proof = 'record', checked_at = postrider.schedule_now(), findings = $3::jsonb,
          -- Where its mailboxes are is for the new owner to say.
          mailbox_domain = NULL,
          check_due = postrider.schedule_now() + interval '1 minute'
        FROM postrider.domain_claim c WHERE d.id = $1 AND c.domain = d.id AND c.tenant = $2
        """, owner
      ),
      ("DELETE FROM postrider.domain_claim WHERE domain = $1", domain),
    ] { _ = try connection.query(sql, parameters) }
  }

  /// Keys that do not sign yet and whose records are not there wait for them; the keys before them go on.
  private static func putOff(_ keys: [Int64], _ connection: PostgresConnection) throws {
    guard !keys.isEmpty else { return }
    var parameters = PostgresParameters()
    parameters.append(keys)
    _ = try connection.query(
      """
      WITH old AS (
        SELECT k.id, k.domain, k.algorithm, k.active_from FROM postrider.dkim_key k
        WHERE k.id = ANY ($1::bigint[]) AND k.active_from > postrider.schedule_now() AND k.requested_from IS NULL
          AND k.retired_at IS NULL FOR UPDATE
      ), waits AS (
        UPDATE postrider.dkim_key k SET requested_from = old.active_from, active_from = 'infinity'
        FROM old WHERE k.id = old.id)
      UPDATE postrider.dkim_key b SET retired_at = 'infinity'
      FROM old WHERE b.domain = old.domain AND b.algorithm = old.algorithm AND b.retired_at = old.active_from
      """, parameters)
  }

  /// Keys that waited for their records sign when that was meant, or now; those before them end then.
  private static func begin(_ keys: [Int64], _ connection: PostgresConnection) throws {
    guard !keys.isEmpty else { return }
    var parameters = PostgresParameters()
    parameters.append(keys)
    _ = try connection.query(
      """
      WITH begun AS (
        UPDATE postrider.dkim_key k SET requested_from = NULL,
          active_from = greatest(k.requested_from, postrider.schedule_transaction_now())
        WHERE k.id = ANY ($1::bigint[]) AND k.requested_from IS NOT NULL
        RETURNING k.domain, k.algorithm, k.active_from)
      UPDATE postrider.dkim_key b SET retired_at = begun.active_from
      FROM begun WHERE b.domain = begun.domain AND b.algorithm = begun.algorithm AND b.retired_at = 'infinity'
      """, parameters)
  }
}
