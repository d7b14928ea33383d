extension Migration {
  /// Claiming: which lanes are served next, which jobs of them, and when a lane is looked at again.
  static let claiming = Migration(
    number: 2, title: "claiming",
    sql: """
      -- Lanes hash onto a fixed set of advisory locks. Whoever inserts jobs holds the lane's lock shared until
      -- COMMIT; whoever declares a lane idle holds it exclusively, so each sees what the other did.
      CREATE FUNCTION postrider.lane_lock(lane bigint) RETURNS int
        LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT (lane % 256)::int $$;

      -- Fair order: the next tenants after the cursor in a circle, and of each tenant the next lanes after its own.
      -- A visit costs one index probe per tenant, however many lanes wait (index lane_ready).
      -- The lanes come back locked.
      CREATE FUNCTION postrider.pick_lanes(
        after_tenant bigint, cursor_tenants bigint[], cursor_lanes bigint[], lanes_max int,
        OUT lanes bigint[], OUT last_tenant bigint, OUT visited_tenants bigint[], OUT visited_lanes bigint[]
      ) LANGUAGE plpgsql AS $$
      DECLARE
        current bigint := after_tenant;
        candidate bigint;
        first_visited bigint;
        wrapped boolean := false;
        start_lane bigint;
        found_lanes bigint[];
        more_lanes bigint[];
        per_visit int := greatest(1, lanes_max / 4);
      BEGIN
        lanes := '{}'; visited_tenants := '{}'; visited_lanes := '{}'; last_tenant := after_tenant;
        LOOP
          EXIT WHEN cardinality(lanes) >= lanes_max;
          SELECT l.tenant INTO candidate FROM postrider.lane l
            WHERE l.ready AND l.tenant > current ORDER BY l.tenant, l.id LIMIT 1;
          IF candidate IS NULL THEN
            EXIT WHEN wrapped;
            wrapped := true;
            current := -1;
            CONTINUE;
          END IF;
          EXIT WHEN candidate = first_visited;
          first_visited := coalesce(first_visited, candidate);
          current := candidate;
          last_tenant := candidate;
          CONTINUE WHEN EXISTS (SELECT FROM postrider.tenant t WHERE t.id = candidate AND t.suspended_at IS NOT NULL);
          start_lane := coalesce((SELECT max(c.lane) FROM unnest(cursor_tenants, cursor_lanes) AS c(tenant, lane)
                                  WHERE c.tenant = candidate), 0);
          SELECT coalesce(array_agg(p.id ORDER BY p.id), '{}') INTO found_lanes FROM (
            SELECT l.id FROM postrider.lane l WHERE l.ready AND l.tenant = candidate AND l.id > start_lane
            ORDER BY l.tenant, l.id LIMIT per_visit FOR UPDATE SKIP LOCKED) p;
          IF cardinality(found_lanes) < per_visit AND start_lane > 0 THEN
            SELECT coalesce(array_agg(p.id ORDER BY p.id), '{}') INTO more_lanes FROM (
              SELECT l.id FROM postrider.lane l WHERE l.ready AND l.tenant = candidate AND l.id <= start_lane
              ORDER BY l.tenant, l.id LIMIT per_visit FOR UPDATE SKIP LOCKED) p;
            found_lanes := found_lanes || more_lanes;
          END IF;
          IF cardinality(found_lanes) > 0 THEN
            lanes := lanes || found_lanes;
            visited_tenants := visited_tenants || candidate;
            visited_lanes := visited_lanes || found_lanes[cardinality(found_lanes)];
          END IF;
        END LOOP;
      END $$;

      -- Takes jobs of the given (locked) lanes for a session. A claim that is void, or whose session has ended, counts
      -- as free.
      -- The literal LIMIT is the quantum of a lane.
      CREATE FUNCTION postrider.take_jobs(session uuid, counter bigint, lanes bigint[], moment timestamptz, rows_max int)
      RETURNS TABLE (message uuid, recipient int, lane bigint) LANGUAGE plpgsql
      SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
      SET enable_hashjoin = off SET enable_mergejoin = off AS $$
      BEGIN
        RETURN QUERY
        WITH picked AS MATERIALIZED (
          SELECT l.id, CASE WHEN moment - l.swept_at BETWEEN '0' AND '1 minute' THEN l.scan_from
                            ELSE '-infinity'::timestamptz END AS start
          FROM unnest(lanes) WITH ORDINALITY AS u(id, place) JOIN postrider.lane l ON l.id = u.id ORDER BY u.place
        ), found AS MATERIALIZED (
          SELECT j.message, j.recipient FROM picked p CROSS JOIN LATERAL (
            SELECT q.message, q.recipient FROM postrider.job q
            WHERE q.lane = p.id AND q.due >= p.start AND q.due <= moment AND NOT q.held
              AND (q.claim_session IS NULL OR NOT EXISTS (
                SELECT FROM postrider.worker_session s WHERE s.id = q.claim_session AND s.ended_at IS NULL
                AND q.claim_counter <> ALL (s.void_claims)))
            ORDER BY q.lane, q.due, q.message LIMIT 100 FOR UPDATE OF q SKIP LOCKED) j
          LIMIT rows_max
        )
        UPDATE postrider.job j SET claim_session = session, claim_counter = counter,
          -- A void claim of a living session says nothing against the message.
          crashes = j.crashes + CASE WHEN j.claim_session IS NULL OR EXISTS (
            SELECT FROM postrider.worker_session s WHERE s.id = j.claim_session AND s.ended_at IS NULL) THEN 0 ELSE 1 END
        FROM found f WHERE j.message = f.message AND j.recipient = f.recipient
        RETURNING j.message, j.recipient, j.lane;
      END $$;

      -- Decides when each of the given (locked) lanes is looked at again, and moves its scan start.
      --
      -- A lane may be put to sleep for long only under its exclusive advisory lock: then no insertion is under way.
      -- Without the lock it is looked at again in 20 ms.
      --
      -- The scan start follows in two steps: a candidate (the first row that lives now, or now) is noted with the id
      -- of this transaction; once it and every transaction with a lower id have ended, nothing older can appear (a
      -- higher id was given after `moment` was read, so that its jobs are due later: `moment` must be from before)
      -- and the candidate is taken, or the first row that lives by then: one may have appeared in between.
      -- An insertion that stalls holds it back; a long reader, having no id, does not.
      CREATE FUNCTION postrider.settle_lanes(lanes bigint[], moment timestamptz) RETURNS void LANGUAGE plpgsql
      SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
      SET enable_hashjoin = off SET enable_mergejoin = off AS $$
      DECLARE
        alone bigint[];
      BEGIN
        SELECT coalesce(array_agg(u.id), '{}') INTO alone FROM unnest(lanes) u(id)
          WHERE pg_try_advisory_xact_lock(7001, postrider.lane_lock(u.id));
        -- A statement of its own: its snapshot is taken after the locks.
        UPDATE postrider.lane l SET
          ready = s.claimable,
          wake_at = CASE
            WHEN s.claimable THEN moment
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

      -- One round trip: wake lanes whose time has come, pick lanes, take jobs, settle exhausted lanes.
      CREATE FUNCTION postrider.claim_jobs(
        session uuid, counter bigint, after_tenant bigint, cursor_tenants bigint[], cursor_lanes bigint[],
        lanes_max int, rows_max int,
        OUT messages uuid[], OUT recipients int[], OUT last_tenant bigint,
        OUT visited_tenants bigint[], OUT visited_lanes bigint[]
      ) LANGUAGE plpgsql AS $$
      DECLARE
        moment timestamptz := postrider.schedule_now();
        picked record;
        taken_lanes bigint[];
      BEGIN
        -- A session that has ended claims nothing. The share lock holds off whoever wants to end it just now.
        PERFORM FROM postrider.worker_session s WHERE s.id = session AND s.ended_at IS NULL FOR SHARE;
        IF NOT FOUND THEN
          RAISE EXCEPTION 'worker session % has ended', session USING ERRCODE = 'PR001';
        END IF;
        UPDATE postrider.lane l SET ready = true WHERE l.id IN (
          SELECT w.id FROM postrider.lane w WHERE NOT w.ready AND w.wake_at <= moment AND w.wake_at < 'infinity'
          ORDER BY w.wake_at LIMIT 256 FOR UPDATE SKIP LOCKED);
        SELECT * INTO picked FROM postrider.pick_lanes(after_tenant, cursor_tenants, cursor_lanes, lanes_max);
        last_tenant := picked.last_tenant;
        visited_tenants := picked.visited_tenants;
        visited_lanes := picked.visited_lanes;
        SELECT coalesce(array_agg(t.message), '{}'), coalesce(array_agg(t.recipient), '{}'),
               coalesce(array_agg(t.lane), '{}')
          INTO messages, recipients, taken_lanes
          FROM postrider.take_jobs(session, counter, picked.lanes, moment, rows_max) t;
        -- Lanes that the limit left unserved keep their turn: the cursor stands behind the last one that was served.
        IF cardinality(messages) >= rows_max THEN
          SELECT array_agg(s.tenant), array_agg(s.lane), (array_agg(s.tenant ORDER BY s.last DESC))[1]
            INTO visited_tenants, visited_lanes, last_tenant
            FROM (SELECT l.tenant, max(u.place) AS last, (array_agg(u.id ORDER BY u.place DESC))[1] AS lane
                  FROM unnest(picked.lanes) WITH ORDINALITY u(id, place) JOIN postrider.lane l ON l.id = u.id
                  WHERE u.id = ANY (taken_lanes) GROUP BY l.tenant) s;
        END IF;
        -- Exhausted lanes, and every lane once a second, so that its scan start moves.
        PERFORM postrider.settle_lanes(array_agg(s.id ORDER BY s.id), moment) FROM (
          SELECT u.id FROM unnest(picked.lanes) u(id) JOIN postrider.lane l ON l.id = u.id
          LEFT JOIN (SELECT x.lane, count(*) AS n FROM unnest(taken_lanes) x(lane) GROUP BY x.lane) c ON c.lane = u.id
          WHERE coalesce(c.n, 0) < 100 OR moment - l.settled_at NOT BETWEEN '0' AND '1 second') s
          HAVING count(*) > 0;
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
      """)
}
