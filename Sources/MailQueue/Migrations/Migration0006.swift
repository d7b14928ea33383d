extension Migration {
  /// Retention: for how long a body is kept after its message's end, and how it goes.
  static let retention = Migration(
    number: 6, title: "retention", oldest: 4,
    sql: """
      -- Seconds. Fixed at acceptance; rows of older builds get the default.
      ALTER TABLE postrider.message
        ADD COLUMN retention int NOT NULL DEFAULT 2592000,
        ADD COLUMN retention_bounced int NOT NULL DEFAULT 2592000,
        ADD COLUMN redacted_at timestamptz;
      -- NULL: the next wider choice holds (credential, tenant, the node's settings).
      ALTER TABLE postrider.tenant
        ADD COLUMN retention int CHECK (retention >= 0),
        ADD COLUMN retention_bounced int CHECK (retention_bounced >= 0);
      ALTER TABLE postrider.credential
        ADD COLUMN retention int CHECK (retention >= 0),
        ADD COLUMN retention_bounced int CHECK (retention_bounced >= 0);

      -- When to look whether a message's body can go: one row for each statement that ended some of its recipients.
      -- Rows come at the right and go at the left.
      CREATE TABLE postrider.redaction (
        due timestamptz NOT NULL,
        message uuid NOT NULL,
        day date NOT NULL
      ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 100000);
      CREATE INDEX redaction_due ON postrider.redaction (due, message);

      -- What has been done to the tables of a day. `rewritten_lsn`: the WAL before it may still hold destroyed keys.
      CREATE TABLE postrider.redaction_day (
        day date PRIMARY KEY,
        redacted_at timestamptz,
        looked_at timestamptz,
        rewritten_at timestamptz,
        rewritten_lsn pg_lsn
      );

      -- Whoever ends a recipient, by whatever statement of whatever build: the message is noted. Two transactions may
      -- end the last two recipients at once and see each other's still there, so each notes it.
      CREATE FUNCTION postrider.note_ends() RETURNS trigger LANGUAGE plpgsql
      SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
      SET enable_hashjoin = off SET enable_mergejoin = off SET random_page_cost = 0 AS $$
      DECLARE
        moment timestamptz := postrider.schedule_now();
      BEGIN
        INSERT INTO postrider.redaction (due, message, day)
        SELECT moment + m.seconds * interval '1 second', g.message, g.day
        FROM (SELECT DISTINCT x.message, x.day FROM gone x) g CROSS JOIN LATERAL (
          SELECT least(y.retention, y.retention_bounced) AS seconds
          FROM postrider.message y WHERE y.id = g.message AND y.day = g.day OFFSET 0) m;
        RETURN NULL;
      END $$;
      CREATE TRIGGER note_ends AFTER DELETE ON postrider.job REFERENCING OLD TABLE AS gone
        FOR EACH STATEMENT EXECUTE FUNCTION postrider.note_ends();

      -- Redacts up to 500 messages whose time has come (index redaction_due, then primary keys and outcome_message in
      -- the messages' days). One with recipients left is dropped from the list: whoever ends the next notes it again.
      -- One whose failure is still to be told waits for that: a notice may carry the body.
      CREATE FUNCTION postrider.redact_due(OUT seen int, OUT redacted int) LANGUAGE plpgsql
      SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
      SET enable_hashjoin = off SET enable_mergejoin = off SET random_page_cost = 0 AS $$
      DECLARE
        moment timestamptz := postrider.schedule_now();
        messages uuid[];
        days date[];
      BEGIN
        WITH due AS MATERIALIZED (
          SELECT r.due, r.message FROM postrider.redaction r WHERE r.due <= moment ORDER BY r.due, r.message LIMIT 500
        ), taken AS (
          DELETE FROM postrider.redaction r USING due d WHERE r.due = d.due AND r.message = d.message
          RETURNING r.message, r.day
        ), subject AS (
          SELECT t.message, min(t.day) AS day FROM taken t GROUP BY t.message ORDER BY t.message
        )
        SELECT (SELECT count(*) FROM due), coalesce(array_agg(s.message), '{}'), coalesce(array_agg(s.day), '{}')
          INTO seen, messages, days FROM subject s;
        WITH subject AS MATERIALIZED (
          SELECT u.message, u.day, k.due,
            EXISTS (SELECT FROM postrider.outbox o WHERE o.message = u.message AND o.kind IN (2, 3)) AS untold
          FROM unnest(messages, days) u(message, day) CROSS JOIN LATERAL (
            SELECT coalesce(e.ended_at + CASE WHEN e.failed THEN m.retention_bounced ELSE m.retention END
              * interval '1 second', moment) AS due
            FROM postrider.message m CROSS JOIN LATERAL (
              SELECT max(o.at) AS ended_at, coalesce(bool_or(o.kind IN (2, 3)), false) AS failed
              FROM postrider.outcome o
              WHERE o.message = u.message AND o.day = u.day AND o.kind IN (0, 2, 3, 6) AND NOT o.late) e
            WHERE m.id = u.message AND m.day = u.day AND m.body_key IS NOT NULL OFFSET 0) k
          WHERE NOT EXISTS (SELECT FROM postrider.job j WHERE j.message = u.message)
        ), later AS (
          INSERT INTO postrider.redaction (due, message, day)
          SELECT CASE WHEN s.untold THEN greatest(s.due, moment + interval '1 minute') ELSE s.due END, s.message, s.day
          FROM subject s WHERE s.due > moment OR s.untold
        ), destroyed AS (
          UPDATE postrider.message m SET body_key = NULL, redacted_at = moment FROM subject s
          WHERE m.id = s.message AND m.day = s.day AND s.due <= moment AND NOT s.untold RETURNING m.day
        ), noted AS (
          INSERT INTO postrider.redaction_day (day, redacted_at) SELECT DISTINCT d.day, moment FROM destroyed d
          ON CONFLICT (day) DO UPDATE SET redacted_at = EXCLUDED.redacted_at
        )
        SELECT count(*) INTO redacted FROM destroyed;
      END $$;

      -- Redacts one message at once, with the notices about it that have ended. What waits is never touched.
      CREATE FUNCTION postrider.redact_message(wanted uuid, OUT waiting boolean, OUT redacted uuid[])
      LANGUAGE plpgsql AS $$
      DECLARE
        moment timestamptz := postrider.schedule_now();
      BEGIN
        redacted := '{}';
        waiting := EXISTS (SELECT FROM postrider.job j WHERE j.message = wanted);
        IF waiting THEN
          RETURN;
        END IF;
        WITH subject AS MATERIALIZED (
          SELECT m.id, m.day FROM postrider.message m WHERE m.id = wanted
          UNION ALL
          SELECT n.id, n.day FROM postrider.message n WHERE n.notice_of = wanted
            AND NOT EXISTS (SELECT FROM postrider.job j WHERE j.message = n.id)
        ), destroyed AS (
          UPDATE postrider.message m SET body_key = NULL, redacted_at = moment FROM subject s
          WHERE m.id = s.id AND m.day = s.day AND m.body_key IS NOT NULL RETURNING m.id, m.day
        ), noted AS (
          INSERT INTO postrider.redaction_day (day, redacted_at) SELECT DISTINCT d.day, moment FROM destroyed d
          ON CONFLICT (day) DO UPDATE SET redacted_at = EXCLUDED.redacted_at
        )
        SELECT coalesce(array_agg(d.id), '{}') INTO redacted FROM destroyed d;
      END $$;

      -- Puts a copy of what lives in the place of a past day's messages, so that the file with destroyed keys goes.
      -- (VACUUM would leave the bytes where they are.) Nobody inserts into a past day, and readers go on while it is
      -- copied; the exchange stops everybody for as long as its locks take, or fails after 200 ms and is tried later.
      CREATE FUNCTION postrider.rewrite_day(wanted date) RETURNS void LANGUAGE plpgsql
      SET enable_seqscan = on AS $$
      DECLARE
        part text := 'message_' || to_char(wanted, 'YYYYMMDD');
        fresh text := part || '_fresh';
        bounds text := format('FOR VALUES FROM (%L) TO (%L)', wanted, wanted + 1);
      BEGIN
        -- The hour is for insertions that began before midnight.
        IF wanted >= postrider.utc_day(postrider.schedule_now() - interval '1 hour') THEN
          RAISE EXCEPTION 'the day % is not over', wanted;
        END IF;
        SET LOCAL lock_timeout = '200ms';
        EXECUTE format('LOCK TABLE postrider.%I IN SHARE MODE', part);
        EXECUTE format('CREATE TABLE postrider.%I (LIKE postrider.%I INCLUDING ALL)', fresh, part);
        EXECUTE format('INSERT INTO postrider.%I SELECT * FROM postrider.%I', fresh, part);
        EXECUTE format('ALTER TABLE postrider.%I ADD CONSTRAINT bounds CHECK (day >= %L AND day < %L)',
                       fresh, wanted, wanted + 1);
        LOCK TABLE ONLY postrider.message IN ACCESS EXCLUSIVE MODE;
        EXECUTE format('ALTER TABLE postrider.message DETACH PARTITION postrider.%I', part);
        EXECUTE format('DROP TABLE postrider.%I', part);
        EXECUTE format('ALTER TABLE postrider.%I RENAME TO %I', fresh, part);
        EXECUTE format('ALTER TABLE postrider.message ATTACH PARTITION postrider.%I %s', part, bounds);
        EXECUTE format('ALTER TABLE postrider.%I DROP CONSTRAINT bounds', part);
        UPDATE postrider.redaction_day d SET rewritten_at = postrider.schedule_now(),
          rewritten_lsn = pg_current_wal_insert_lsn() WHERE d.day = wanted;
      END $$;
      """)
}
