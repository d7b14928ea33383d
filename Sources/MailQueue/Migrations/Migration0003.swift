extension Migration {
  /// Steering: what an operator can do to queued mail, and what the questions about it need.
  static let steering = Migration(
    number: 3, title: "steering",
    sql: """
      -- 6: cancelled. Older rows satisfy the narrower bounds: nothing has to be read to know that.
      ALTER TABLE postrider.outcome DROP CONSTRAINT outcome_kind_check;
      ALTER TABLE postrider.outcome ADD CONSTRAINT outcome_kind_check CHECK (kind BETWEEN 0 AND 6) NOT VALID;

      -- Which notices a message led to.
      CREATE INDEX message_notice_of ON postrider.message (notice_of) WHERE notice_of IS NOT NULL;

      -- Locks: jobs in key order first, then lanes in order of their ids, as completions and insertions do.
      CREATE FUNCTION postrider.wake_lanes_at(lanes bigint[], dues timestamptz[]) RETURNS void LANGUAGE plpgsql AS $$
      DECLARE
        item record;
      BEGIN
        FOR item IN SELECT u.lane, min(u.due) AS due FROM unnest(lanes, dues) u(lane, due)
                    GROUP BY u.lane ORDER BY u.lane LOOP
          PERFORM postrider.wake_lane(item.lane, item.due);
        END LOOP;
      END $$;

      -- Makes a message's waiting recipients due now. What a living session has in flight, and what is held, stays.
      CREATE FUNCTION postrider.retry_message(wanted uuid) RETURNS int[] LANGUAGE plpgsql AS $$
      DECLARE
        moment timestamptz := postrider.schedule_now();
        touched int[];
        lanes bigint[];
        dues timestamptz[];
      BEGIN
        -- A statement of its own: the next one's snapshot knows every session that claimed before the locks.
        PERFORM FROM postrider.job j WHERE j.message = wanted ORDER BY j.recipient FOR UPDATE;
        WITH moved AS (
          UPDATE postrider.job j SET due = least(j.due, moment)
          WHERE j.message = wanted AND NOT j.held AND postrider.claim_is_free(j.claim_session, j.claim_counter)
          RETURNING j.recipient, j.lane, j.due)
        SELECT coalesce(array_agg(m.recipient ORDER BY m.recipient), '{}'), array_agg(m.lane), array_agg(m.due)
          INTO touched, lanes, dues FROM moved m;
        PERFORM postrider.wake_lanes_at(lanes, dues);
        RETURN touched;
      END $$;

      -- Removes a message's recipients, held ones too, except what a living session has in flight.
      CREATE FUNCTION postrider.cancel_message(wanted uuid) RETURNS int[] LANGUAGE plpgsql AS $$
      DECLARE
        touched int[];
      BEGIN
        PERFORM FROM postrider.job j WHERE j.message = wanted ORDER BY j.recipient FOR UPDATE;
        WITH removed AS (
          DELETE FROM postrider.job j
          WHERE j.message = wanted AND postrider.claim_is_free(j.claim_session, j.claim_counter)
          RETURNING j.message, j.recipient, j.day, j.attempt
        ), logged AS (
          INSERT INTO postrider.outcome (message, day, at, recipient, duration_ms, kind, attempt, reply)
          SELECT r.message, r.day, postrider.schedule_now(), r.recipient, 0, 6, r.attempt, ''::bytea FROM removed r)
        SELECT coalesce(array_agg(r.recipient ORDER BY r.recipient), '{}') INTO touched FROM removed r;
        RETURN touched;
      END $$;

      -- Sets recipients aside, or takes them back. One in flight finishes its attempt and is then held.
      CREATE FUNCTION postrider.hold_message(wanted uuid, hold boolean) RETURNS int[] LANGUAGE plpgsql AS $$
      DECLARE
        touched int[];
        lanes bigint[];
        dues timestamptz[];
      BEGIN
        PERFORM FROM postrider.job j WHERE j.message = wanted ORDER BY j.recipient FOR UPDATE;
        WITH moved AS (
          UPDATE postrider.job j SET held = hold WHERE j.message = wanted AND j.held <> hold
          RETURNING j.recipient, j.lane, j.due)
        SELECT coalesce(array_agg(m.recipient ORDER BY m.recipient), '{}'), array_agg(m.lane), array_agg(m.due)
          INTO touched, lanes, dues FROM moved m;
        IF NOT hold THEN
          PERFORM postrider.wake_lanes_at(lanes, dues);
        END IF;
        RETURN touched;
      END $$;

      -- The same for up to 1000 jobs of a lane behind a cursor (index job_lane). Jobs that somebody has locked just
      -- now are being claimed or completed and are passed over. `seen` is 0 at the lane's end.
      CREATE FUNCTION postrider.steer_lane(
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
                            WHEN 'hold' THEN NOT j.held WHEN 'release' THEN j.held ELSE false END
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
