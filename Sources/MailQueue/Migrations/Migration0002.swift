extension Migration {
  /// Claiming: which lanes are served next, which jobs of them, and when a lane is looked at again.
  static let claiming = Migration(
    number: 2, title: "claiming",
    sql: [laneFunctions, shareFunctions, takingFunctions, claimFunctions].joined(separator: "\n\n"))

  /// What lanes and claims are to everybody: locks, wake-ups, settling.
  private static let laneFunctions = """
    -- Lanes hash onto a fixed set of advisory locks. Whoever inserts jobs holds the lane's lock shared until
    -- COMMIT; whoever declares a lane idle holds it exclusively, so each sees what the other did.
    CREATE FUNCTION postrider.lane_lock(lane bigint) RETURNS int
      LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT (lane % 256)::int $$;

    -- Whether nobody has a job: it is not claimed, its session has irrevocably ended, or the claim is void.
    -- A session that the snapshot does not show yet is a living one: an older snapshot errs on the safe side.
    CREATE FUNCTION postrider.claim_is_free(session uuid, counter bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
      SELECT session IS NULL OR EXISTS (SELECT FROM postrider.worker_session s
        WHERE s.id = session AND (s.ended_at IS NOT NULL OR counter = ANY (s.void_claims)))
    $$;

    -- Decides when each of the given (locked) lanes is looked at again, and moves its scan start. Lanes that may
    -- have more (`unspent`) need that when many of their jobs have been taken (`moving`), once a second at most, and
    -- when they have been swept. A busy lane, emptied again and again with its jobs in flight, needs it five times a
    -- second and stays ready in between: otherwise each insertion would have to wake it, and would wait for the claim
    -- that has it locked.
    --
    -- Not more often: while somebody holds an old snapshot, each row version that this makes stays, and everyone who
    -- looks for the lane walks over it. For the same reason a lane that stays ready keeps its `wake_at`: a version
    -- with the same indexed columns needs no entry in any index.
    --
    -- A lane may be put to sleep for long only under its exclusive advisory lock: then no insertion is under way.
    -- Without the lock it is looked at again in 20 ms.
    --
    -- The scan start follows in two steps: a candidate (the first row that lives now, or now) is noted with the id
    -- of this transaction; once it and every transaction with a lower id have ended, nothing older can appear (a
    -- higher id was given after `moment` was read, so that its jobs are due later: `moment` must be from before)
    -- and the candidate is taken, or the first row that lives by then: one may have appeared in between.
    -- An insertion that stalls holds it back; a long reader, having no id, does not.
    CREATE FUNCTION postrider.settle_lanes(
      visited bigint[], unspent bigint[], moment timestamptz, moving bigint[] DEFAULT '{}'
    ) RETURNS void LANGUAGE plpgsql
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
    SET enable_hashjoin = off SET enable_mergejoin = off SET random_page_cost = 0 AS $$
    DECLARE
      alone bigint[];
      lanes bigint[] := ARRAY(
        SELECT DISTINCT u.id FROM unnest(visited) u(id) CROSS JOIN LATERAL (
          SELECT k.scan_from, k.settled_at, k.swept_at FROM postrider.lane k WHERE k.id = u.id OFFSET 0) l
        WHERE CASE
          WHEN u.id = ANY (moving) THEN moment - l.settled_at NOT BETWEEN '0' AND '1 second'
          WHEN u.id = ANY (unspent) THEN moment - l.swept_at NOT BETWEEN '0' AND '1 minute'
          ELSE moment - l.settled_at NOT BETWEEN '0' AND '200 milliseconds' OR NOT EXISTS (
            SELECT FROM postrider.job j WHERE j.lane = u.id AND j.due >= l.scan_from AND j.due <= moment
              AND j.claim_session IS NOT NULL) END
        ORDER BY u.id);
    BEGIN
      IF lanes = '{}' THEN
        RETURN;
      END IF;
      SELECT coalesce(array_agg(u.id), '{}') INTO alone FROM unnest(lanes) u(id)
        WHERE pg_try_advisory_xact_lock(7001, postrider.lane_lock(u.id));
      -- A statement of its own: its snapshot is taken after the locks.
      UPDATE postrider.lane l SET
        ready = s.claimable,
        wake_at = CASE
          WHEN s.claimable THEN CASE WHEN l.ready THEN l.wake_at ELSE moment END
          WHEN NOT s.id = ANY (alone) THEN moment + interval '20 milliseconds'
          WHEN s.flying THEN least(s.next_due, moment + interval '5 seconds')
          ELSE coalesce(s.next_due, 'infinity') END,
        scan_from = CASE WHEN s.passed THEN least(l.scan_next, s.first_live) ELSE l.scan_from END,
        scan_next = CASE WHEN s.passed OR l.scan_next IS NULL THEN least(s.first_live, moment) ELSE l.scan_next END,
        scan_xid = CASE WHEN s.passed OR l.scan_next IS NULL
          THEN pg_current_xact_id() ELSE l.scan_xid END,
        settled_at = moment,
        swept_at = CASE WHEN moment - l.swept_at BETWEEN '0' AND '1 minute' THEN l.swept_at ELSE moment END
      FROM (
        SELECT u.id,
          k.scan_next IS NOT NULL AND pg_snapshot_xmin(pg_current_snapshot()) >= k.scan_xid AS passed,
          (SELECT j.due FROM postrider.job j WHERE j.lane = u.id AND j.due > moment AND NOT j.held
           ORDER BY j.lane, j.due LIMIT 1) AS next_due,
          (SELECT j.due FROM postrider.job j WHERE j.lane = u.id AND j.due >= k.scan_from
           ORDER BY j.lane, j.due LIMIT 1) AS first_live,
          EXISTS (SELECT FROM postrider.job j WHERE j.lane = u.id AND j.due >= k.scan_from AND j.due <= moment
                  AND j.claim_session IS NULL AND NOT j.held) AS claimable,
          EXISTS (SELECT FROM postrider.job j WHERE j.lane = u.id AND j.due >= k.scan_from AND j.due <= moment
                  AND j.claim_session IS NOT NULL) AS flying
        FROM unnest(lanes) u(id) JOIN postrider.lane k ON k.id = u.id
      ) s WHERE l.id = s.id;
    END $$;

    -- Called by an insertion after its rows, under the lanes' shared locks: wakes those that sleep and touches
    -- no other. In lane order, so that two insertions cannot wait for each other.
    CREATE FUNCTION postrider.wake_lanes(wanted bigint[]) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
      IF (SELECT count(*) FROM postrider.lane l WHERE l.id = ANY (wanted)) <> cardinality(wanted) THEN
        RAISE EXCEPTION 'a lane has been removed' USING ERRCODE = 'PR002';
      END IF;
      UPDATE postrider.lane l SET ready = true WHERE l.id IN (
        SELECT s.id FROM postrider.lane s WHERE s.id = ANY (wanted) AND NOT s.ready ORDER BY s.id FOR UPDATE);
    END $$;

    -- A keeper's duty fails here when another keeper has taken the lead.
    CREATE FUNCTION postrider.require_epoch(wanted bigint) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM FROM postrider.leadership l WHERE l.duty = 'keeper' AND l.epoch = wanted FOR SHARE;
      IF NOT FOUND THEN
        RAISE EXCEPTION 'another keeper leads' USING ERRCODE = 'PR003';
      END IF;
    END $$;

    CREATE FUNCTION postrider.wake_lane(wanted bigint, at timestamptz) RETURNS void LANGUAGE sql AS $$
      UPDATE postrider.lane SET ready = ready OR at <= postrider.schedule_now(), wake_at = least(wake_at, at),
        scan_from = least(scan_from, at), scan_next = NULL, scan_xid = NULL
      WHERE id = wanted
    $$;
    """
}
