extension Migration {
  /// Suppressions come along when a tenant moves to another database.
  static let following = Migration(
    number: 11, title: "suppressions follow their tenant", oldest: 4,
    sql: """
      -- Learned here since a keeper last looked: if its tenant is in another database by then, it has to follow. What was
      -- here before is looked at once. Only used where there are several databases.
      ALTER TABLE postrider.suppression ADD COLUMN to_follow boolean NOT NULL DEFAULT true;
      ALTER TABLE postrider.suppression ALTER COLUMN to_follow SET DEFAULT false;
      CREATE INDEX suppression_following ON postrider.suppression (tenant, address) WHERE to_follow;

      -- As before, and marks what is new where there are several databases.
      --
      -- Adds or prolongs what messages' recipients have led to, for the tenants that have not turned it off. What an
      -- operator has added without an end stays as it is.
      CREATE OR REPLACE FUNCTION postrider.suppress(
        messages uuid[], days date[], recipients int[], reasons smallint[], details text[], seconds int[]
      ) RETURNS int LANGUAGE plpgsql
      SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
      SET enable_hashjoin = off SET enable_mergejoin = off SET random_page_cost = 0 AS $$
      DECLARE
        moment timestamptz := postrider.schedule_now();
        is_sharded boolean := EXISTS (SELECT FROM postrider.installation i WHERE i.shard IS NOT NULL);
        added int;
      BEGIN
        -- In key order, so that two transactions cannot wait for each other.
        INSERT INTO postrider.suppression AS s
          (address, tenant, reason, detail, message, added_at, expires_at, to_follow)
        SELECT DISTINCT ON (w.address, w.tenant)
          w.address, w.tenant, w.reason, w.detail, w.message, moment, moment + w.lifetime * interval '1 second',
          is_sharded
        FROM (
          SELECT postrider.suppression_key(m.recipients[u.recipient]) AS address, m.tenant, u.reason, u.detail,
            u.message, coalesce(CASE u.reason WHEN 1 THEN t.suppress_bounces ELSE t.suppress_complaints END, u.lifetime)
              AS lifetime
          FROM unnest(messages, days, recipients, reasons, details, seconds)
            u(message, day, recipient, reason, detail, lifetime)
          CROSS JOIN LATERAL (
            SELECT x.recipients, x.tenant FROM postrider.message x WHERE x.id = u.message AND x.day = u.day OFFSET 0) m
          LEFT JOIN LATERAL (
            SELECT y.suppress_bounces, y.suppress_complaints FROM postrider.tenant y WHERE y.id = m.tenant OFFSET 0) t
            ON true
          WHERE u.recipient BETWEEN 1 AND cardinality(m.recipients)) w
        WHERE w.lifetime > 0
        ORDER BY w.address, w.tenant, w.lifetime DESC
        ON CONFLICT (address, tenant) DO UPDATE SET reason = excluded.reason, detail = excluded.detail,
          message = excluded.message, added_at = excluded.added_at, expires_at = excluded.expires_at,
          to_follow = excluded.to_follow
          WHERE s.expires_at < excluded.expires_at;
        GET DIAGNOSTICS added = ROW_COUNT;
        RETURN added;
      END $$;
      """)
}
