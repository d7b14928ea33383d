extension Migration {
  /// Notices: when a sender hears that his mail is late, what tenants want told, in which words.
  static let notices = Migration(
    number: 7, title: "notices", oldest: 4,
    sql: """
      -- When the sender is to hear that this recipient still waits. NULL: he has heard, does not want to, or the row
      -- is an older build's.
      ALTER TABLE postrider.job ADD COLUMN delay_at timestamptz;
      -- What the keeper must look at next, whatever the lane does; LEAST passes over NULL. With it nobody of this build
      -- needs `job_event` any more, so that an insertion has as many index entries as before once that is dropped. It
      -- stays for keepers of the release before, who would read the whole table without it.
      CREATE INDEX job_look ON postrider.job (least(delay_at, event_at));

      -- NULL: the node's settings. Seconds; 0: never.
      ALTER TABLE postrider.tenant
        ADD COLUMN notice_delay int CHECK (notice_delay >= 0),
        ADD COLUMN notice_success boolean NOT NULL DEFAULT false,
        ADD COLUMN notice_language text;

      -- Texts in place of the shipped ones. Tenant 0: all that have none of their own.
      CREATE TABLE postrider.notice_template (
        tenant bigint NOT NULL,
        kind text NOT NULL CHECK (kind IN ('failed', 'delayed', 'delivered', 'relayed')),
        language text NOT NULL,
        source text NOT NULL,
        changed_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (tenant, kind, language)
      );

      -- As before, for everything that `outbox` may hold now: 0 delivered, 1 delayed, 2 bounced, 3 expired, 4 relayed.
      --
      -- Redacts up to 500 messages whose time has come (index redaction_due, then primary keys and outcome_message in
      -- the messages' days). One with recipients left is dropped from the list: whoever ends the next notes it again.
      -- One of which anything is still to be told waits for that: each notice carries at least the header.
      CREATE OR REPLACE FUNCTION postrider.redact_due(OUT seen int, OUT redacted int) LANGUAGE plpgsql
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
            EXISTS (SELECT FROM postrider.outbox o WHERE o.message = u.message AND o.kind BETWEEN 0 AND 4) AS untold
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
      """)
}
