extension Migration {
  /// What tenants want done about malware and spam; what scanners found in a message; why one was held at once.
  static let scanning = Migration(
    number: 16, title: "content scanning", oldest: 4,
    sql: """
      -- NULL: the node's settings.
      ALTER TABLE postrider.tenant
        ADD COLUMN scan_malware text CHECK (scan_malware IN ('reject', 'hold', 'tag', 'off')),
        ADD COLUMN scan_spam text CHECK (scan_spam IN ('reject', 'hold', 'tag', 'off')),
        ADD COLUMN spam_score double precision,
        ADD COLUMN spam_tag_score double precision;

      ALTER TABLE postrider.message
        -- As in the message's header; NULL: nobody was asked.
        ADD COLUMN scan text,
        -- Its jobs were held from the first on; NULL: they were not. It stays when they are released.
        ADD COLUMN hold_reason text;

      -- What waits for a person. Hardly any message is in it. Making it reads all messages once; new ones wait so long.
      CREATE INDEX message_held ON postrider.message (accepted_at) WHERE hold_reason IS NOT NULL;

      -- As before, but whoever takes a whole lane back takes back nothing that waits for a person to look at it.
      CREATE OR REPLACE FUNCTION postrider.steer_lane(
        wanted bigint, action text, after_due timestamptz, after_message uuid, after_recipient int,
        OUT seen int, OUT touched int, OUT last_due timestamptz, OUT last_message uuid, OUT last_recipient int
      ) LANGUAGE plpgsql
      SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
      SET enable_hashjoin = off SET enable_mergejoin = off SET random_page_cost = 0 AS $$
      DECLARE
        moment timestamptz := postrider.schedule_now();
        earliest timestamptz;
      BEGIN
        WITH picked AS MATERIALIZED (
          SELECT j.message, j.recipient, j.due FROM postrider.job j
          WHERE j.lane = wanted AND (j.due, j.message, j.recipient) > (after_due, after_message, after_recipient)
          ORDER BY j.lane, j.due, j.message, j.recipient LIMIT 1000 FOR UPDATE SKIP LOCKED
        ), moved AS (
          UPDATE postrider.job j SET
            due = CASE action WHEN 'retry' THEN moment ELSE j.due END,
            held = CASE action WHEN 'hold' THEN true WHEN 'release' THEN false ELSE j.held END
          FROM picked p WHERE j.message = p.message AND j.recipient = p.recipient
            AND CASE action WHEN 'retry' THEN NOT j.held AND j.due > moment AND j.claim_session IS NULL
                            WHEN 'hold' THEN NOT j.held WHEN 'release' THEN j.held AND NOT EXISTS (
                              SELECT FROM postrider.message m
                              WHERE m.id = j.message AND m.day = j.day AND m.hold_reason IS NOT NULL)
                            ELSE false END
          RETURNING j.due
        ), final AS (
          SELECT p.message, p.recipient, p.due FROM picked p ORDER BY p.due DESC, p.message DESC, p.recipient DESC LIMIT 1
        )
        SELECT (SELECT count(*) FROM picked), (SELECT count(*) FROM moved), (SELECT min(m.due) FROM moved m),
               f.due, f.message, f.recipient
          INTO seen, touched, earliest, last_due, last_message, last_recipient
          FROM (SELECT) one LEFT JOIN final f ON true;
        IF touched > 0 AND action IN ('retry', 'release') THEN
          PERFORM postrider.wake_lane(wanted, earliest);
        END IF;
      END $$;
      """)
}
