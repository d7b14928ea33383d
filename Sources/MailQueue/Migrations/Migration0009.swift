extension Migration {
  /// Return paths, reports that come back to them, and addresses that nothing is sent to.
  static let suppression = Migration(
    number: 9, title: "return paths, suppression", oldest: 4,
    sql: """
      -- The host of the tenant's return paths; NULL: mail goes out with its sender's own address.
      ALTER TABLE postrider.tenant
        ADD COLUMN return_path_host text CHECK (return_path_host = lower(return_path_host)),
        -- One transaction, and so one return path, for each recipient.
        ADD COLUMN return_path_each boolean NOT NULL DEFAULT false,
        -- Seconds; 0: no suppression. NULL: as the node's settings say.
        ADD COLUMN suppress_bounces int CHECK (suppress_bounces >= 0),
        ADD COLUMN suppress_complaints int CHECK (suppress_complaints >= 0);
      -- Fixed at acceptance; mail from acceptors of older builds keeps its sender's address.
      ALTER TABLE postrider.message
        ADD COLUMN return_path_host text,
        ADD COLUMN return_path_each boolean NOT NULL DEFAULT false;

      -- 10: bounced after its delivery, 11: complained about, 12: other reports. They change no job. (Those in between
      -- are left to other steps.) Older rows satisfy the narrower bounds.
      ALTER TABLE postrider.outcome DROP CONSTRAINT outcome_kind_check;
      ALTER TABLE postrider.outcome ADD CONSTRAINT outcome_kind_check CHECK (kind BETWEEN 0 AND 12) NOT VALID;

      -- How an address is compared: without regard to the case of ASCII letters. It never fails, whatever the octets.
      CREATE FUNCTION postrider.suppression_key(address bytea) RETURNS text
        LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT lower(encode(address, 'escape') COLLATE "C") $$;

      -- Addresses that nothing is sent to. Claims look here for each recipient: by the primary key, in one probe.
      CREATE TABLE postrider.suppression (
        -- Of `suppression_key`.
        address text COLLATE "C" NOT NULL,
        -- 0: for all tenants.
        tenant bigint NOT NULL,
        -- 0: an operator's, 1: bounced, 2: complained.
        reason smallint NOT NULL CHECK (reason BETWEEN 0 AND 2),
        -- The category, the kind of complaint, or the operator's words.
        detail text NOT NULL DEFAULT '',
        -- The message that led to it.
        message uuid,
        added_at timestamptz NOT NULL,
        -- Schedule time; NULL: until somebody removes it.
        expires_at timestamptz,
        PRIMARY KEY (address, tenant)
      );
      CREATE INDEX suppression_tenant ON postrider.suppression (tenant, address);
      CREATE INDEX suppression_expiry ON postrider.suppression (expires_at) WHERE expires_at IS NOT NULL;

      -- Removes up to 500 whose time is over. By suppression_expiry.
      CREATE FUNCTION postrider.expire_suppressions() RETURNS int LANGUAGE plpgsql
      SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
      SET enable_hashjoin = off SET enable_mergejoin = off SET random_page_cost = 0 AS $$
      DECLARE
        moment timestamptz := postrider.schedule_now();
        removed int;
      BEGIN
        WITH over AS MATERIALIZED (
          SELECT s.address, s.tenant FROM postrider.suppression s WHERE s.expires_at <= moment
          ORDER BY s.expires_at LIMIT 500 FOR UPDATE SKIP LOCKED
        ), gone AS (
          DELETE FROM postrider.suppression s USING over o WHERE s.address = o.address AND s.tenant = o.tenant
          RETURNING s.tenant
        )
        SELECT count(*) INTO removed FROM gone;
        RETURN removed;
      END $$;

      -- Adds or prolongs what messages' recipients have led to, for the tenants that have not turned it off. What an
      -- operator has added without an end stays as it is.
      CREATE FUNCTION postrider.suppress(
        messages uuid[], days date[], recipients int[], reasons smallint[], details text[], seconds int[]
      ) RETURNS int LANGUAGE plpgsql
      SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
      SET enable_hashjoin = off SET enable_mergejoin = off SET random_page_cost = 0 AS $$
      DECLARE
        moment timestamptz := postrider.schedule_now();
        added int;
      BEGIN
        -- In key order, so that two transactions cannot wait for each other.
        INSERT INTO postrider.suppression AS s (address, tenant, reason, detail, message, added_at, expires_at)
        SELECT DISTINCT ON (w.address, w.tenant)
          w.address, w.tenant, w.reason, w.detail, w.message, moment, moment + w.lifetime * interval '1 second'
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
          message = excluded.message, added_at = excluded.added_at, expires_at = excluded.expires_at
          WHERE s.expires_at < excluded.expires_at;
        GET DIAGNOSTICS added = ROW_COUNT;
        RETURN added;
      END $$;
      """)
}
