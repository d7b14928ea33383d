extension Migration {
  /// One claim from its beginning to its end.
  static let claimFunctions = """
    -- Looks at lanes whose time has come: those with a job to take are ready again, those of paused destinations are
    -- laid aside for a second (ready ones of them too), and the rest come back, to be settled at the claim's end.
    CREATE FUNCTION postrider.wake_due_lanes(moment timestamptz, paused text[], OUT others bigint[])
    LANGUAGE plpgsql
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
    SET enable_hashjoin = off SET enable_mergejoin = off SET random_page_cost = 0 AS $$
    DECLARE
      woken bigint[];
      laid_aside bigint[];
      living uuid[] := ARRAY(SELECT s.id FROM postrider.worker_session s
                             WHERE s.ended_at IS NULL AND s.void_claims = '{}');
    BEGIN
      SELECT coalesce(array_agg(w.id) FILTER (WHERE NOT w.is_paused AND w.is_claimable), '{}'),
          coalesce(array_agg(w.id) FILTER (WHERE NOT w.is_paused AND NOT w.is_claimable), '{}'),
          coalesce(array_agg(w.id) FILTER (WHERE w.is_paused), '{}')
        INTO woken, others, laid_aside
        FROM (
          SELECT d.id, d.destination = ANY (paused) AS is_paused, EXISTS (
            SELECT FROM postrider.job j WHERE j.lane = d.id AND j.due >= d.start AND j.due <= moment AND NOT j.held
              AND (j.claim_session IS NULL
                OR j.claim_session <> ALL (living) AND postrider.claim_is_free(j.claim_session, j.claim_counter))
            ) AS is_claimable
          FROM (
            SELECT l.id, l.destination, CASE WHEN moment - l.swept_at BETWEEN '0' AND '1 minute' THEN l.scan_from
              ELSE '-infinity'::timestamptz END AS start
            FROM postrider.lane l WHERE NOT l.ready AND l.wake_at <= moment AND l.wake_at < 'infinity'
            ORDER BY l.wake_at LIMIT 128 FOR UPDATE SKIP LOCKED) d) w;
      IF paused <> '{}' THEN
        laid_aside := laid_aside || ARRAY(
          SELECT r.id FROM unnest(paused) p(destination) CROSS JOIN LATERAL (
            SELECT o.id FROM postrider.lane o WHERE o.ready AND o.destination = p.destination
            ORDER BY o.destination LIMIT 128 FOR UPDATE SKIP LOCKED) r LIMIT 128);
      END IF;
      UPDATE postrider.lane l SET ready = true WHERE l.id = ANY (woken);
      UPDATE postrider.lane l SET ready = false, wake_at = moment + interval '1 second' WHERE l.id = ANY (laid_aside);
    END $$;

    -- One round trip: wake lanes whose time has come, share the rows out among the tenants, take jobs, settle
    -- exhausted lanes.
    --
    -- What the worker remembers comes in and goes out again: whose turn it is (`next_tenant`; `has_grant`: in the
    -- middle of it), and of each tenant its credit in rows, the lane it stands at, and how many rows that lane
    -- still gets before the next one's turn. `rooms` says how many rows the worker wants for some destinations,
    -- `other_room` for each of the others; lanes of `paused` ones are laid aside.
    CREATE FUNCTION postrider.claim_jobs(
      session uuid, counter bigint, INOUT next_tenant bigint, INOUT has_grant boolean,
      known_tenants bigint[], known_credits int[], known_lanes bigint[], known_lane_rows int[],
      destinations text[], rooms int[], other_room int, paused text[], rows_max int,
      OUT messages uuid[], OUT recipients int[],
      OUT visited_tenants bigint[], OUT visited_credits int[], OUT visited_lanes bigint[],
      OUT visited_lane_rows int[]
    ) LANGUAGE plpgsql AS $$
    DECLARE
      moment timestamptz := postrider.schedule_now();
      quantum int;
      rows_left int := rows_max;
      rows_before int;
      -- More than one grant of 10 rows each could serve.
      tenants_max int := greatest(16, rows_max / 8);
      passed_over bigint[] := '{}';
      all_lanes bigint[] := '{}';
      woken_lanes bigint[];
      unspent_lanes bigint[] := '{}';
      moving_lanes bigint[] := '{}';
      turns record;
      shared record;
      visit record;
      visits int[];
      took int[];
      is_unspent boolean[];
      cut_messages uuid[];
      cut_lanes bigint[];
      cut_places bigint[];
      ran_out bigint[];
      known_place int;
    BEGIN
      messages := '{}'; recipients := '{}';
      visited_tenants := '{}'; visited_credits := '{}'; visited_lanes := '{}'; visited_lane_rows := '{}';
      -- One claim at a time: claims that pass over each other's lanes would shift the shares towards whoever's lanes
      -- are free. Before the session's lock, so that no heartbeat waits for it.
      PERFORM pg_advisory_xact_lock(7002, 0);
      -- A session that has ended claims nothing. The share lock holds off whoever wants to end it just now.
      PERFORM FROM postrider.worker_session s WHERE s.id = session AND s.ended_at IS NULL FOR SHARE;
      IF NOT FOUND THEN
        RAISE EXCEPTION 'worker session % has ended', session USING ERRCODE = 'PR001';
      END IF;
      woken_lanes := postrider.wake_due_lanes(moment, paused);
      -- 10 rows for a unit of weight; fewer where the heaviest tenant's turn would become long.
      SELECT greatest(1, least(10, 100 / max(t.weight))) INTO quantum FROM postrider.tenant t;
      -- What tenants leave because their mail is exhausted goes to the others in the next pass.
      FOR pass IN 1..4 LOOP
        SELECT array_agg(n.tenant ORDER BY n.place) AS tenants, array_agg(n.weight ORDER BY n.place) AS weights,
            array_agg(coalesce(visited_credits[p.visited], known_credits[p.known], 0) ORDER BY n.place) AS credits,
            array_agg(coalesce(visited_lanes[p.visited], known_lanes[p.known], 0) ORDER BY n.place) AS lanes,
            array_agg(coalesce(visited_lane_rows[p.visited], known_lane_rows[p.known], 0) ORDER BY n.place) AS lane_rows,
            count(*) AS total
          INTO turns
          FROM postrider.next_tenants(next_tenant, passed_over, tenants_max) WITH ORDINALITY n(tenant, weight, place)
          CROSS JOIN LATERAL (SELECT array_position(known_tenants, n.tenant) AS known,
            array_position(visited_tenants, n.tenant) AS visited OFFSET 0) p;
        EXIT WHEN turns.total = 0;
        SELECT * INTO shared FROM postrider.share_out(rows_left, quantum, turns.total <= tenants_max, turns.weights,
          turns.credits, has_grant AND turns.tenants[1] = next_tenant);
        has_grant := shared.has_grant;
        next_tenant := CASE WHEN has_grant OR shared.stopped_at = 1 THEN turns.tenants[shared.stopped_at]
                            ELSE turns.tenants[shared.stopped_at - 1] + 1 END;
        rows_before := rows_left;
        took := array_fill(0, ARRAY[turns.total::int]);
        visits := took;
        is_unspent := array_fill(false, ARRAY[turns.total::int]);
        cut_messages := '{}'; cut_lanes := '{}'; cut_places := '{}';
        FOR visit IN SELECT t.*, cardinality(t.messages) AS rows FROM postrider.take_jobs(
            session, counter, moment, turns.tenants, shared.allowances, turns.lanes, turns.lane_rows, destinations,
            rooms, other_room) t LOOP
          messages := messages || visit.messages;
          recipients := recipients || visit.recipients;
          rows_left := rows_left - visit.rows;
          took[visit.place] := took[visit.place] + visit.rows;
          visits[visit.place] := visits[visit.place] + greatest(visit.rows, 1);
          turns.lanes[visit.place] := visit.lane;
          turns.lane_rows[visit.place] := greatest(visit.share - visit.rows, 0);
          all_lanes := all_lanes || visit.lane;
          -- The next pass finds that much less room.
          IF visit.rows > 0 THEN
            known_place := array_position(destinations, visit.destination);
            IF known_place IS NOT NULL THEN
              rooms[known_place] := rooms[known_place] - visit.rows;
            ELSIF other_room < rows_max THEN
              destinations := destinations || visit.destination;
              rooms := rooms || other_room - visit.rows;
            END IF;
          END IF;
          IF visit.rows >= visit.share OR visits[visit.place] >= shared.allowances[visit.place] THEN
            is_unspent[visit.place] := true;
            unspent_lanes := unspent_lanes || visit.lane;
            -- By lot, once for about 50 jobs of a lane: nobody need write down how many it has given.
            IF random() * 50 < visit.rows THEN
              moving_lanes := moving_lanes || visit.lane;
            END IF;
            IF visit.rows > 0 THEN
              cut_messages := cut_messages || visit.messages[visit.rows];
              cut_lanes := cut_lanes || visit.lane;
              cut_places := cut_places || visit.place;
            END IF;
          END IF;
        END LOOP;
        FOR visit IN SELECT * FROM postrider.take_siblings(session, counter, moment, cut_messages, cut_lanes) LOOP
          messages := messages || visit.message;
          recipients := recipients || visit.recipient;
          rows_left := rows_left - 1;
          took[cut_places[visit.place]] := took[cut_places[visit.place]] + 1;
        END LOOP;
        ran_out := ARRAY(SELECT u.tenant FROM unnest(turns.tenants, shared.allowances, visits, is_unspent)
          u(tenant, allowance, visits, is_unspent) WHERE u.visits < u.allowance AND NOT u.is_unspent);
        passed_over := passed_over || ran_out;
        has_grant := has_grant AND next_tenant <> ALL (ran_out);
        -- Whose mail is exhausted loses its credit, but not its debt.
        SELECT array_agg(a.tenant), array_agg(a.credit), array_agg(a.lane), array_agg(a.lane_rows)
          INTO visited_tenants, visited_credits, visited_lanes, visited_lane_rows
          FROM (
            SELECT v.* FROM unnest(visited_tenants, visited_credits, visited_lanes, visited_lane_rows)
              v(tenant, credit, lane, lane_rows) WHERE v.tenant <> ALL (turns.tenants)
            UNION ALL
            SELECT u.tenant, least(u.credit + u.allowance - u.took, CASE WHEN u.tenant = ANY (ran_out) THEN 0
              ELSE 2 * u.weight * quantum END), u.lane, u.lane_rows
            FROM unnest(turns.tenants, turns.weights, shared.credits, shared.allowances, took, turns.lanes,
              turns.lane_rows) u(tenant, weight, credit, allowance, took, lane, lane_rows)) a;
        EXIT WHEN rows_left <= 0 OR rows_left = rows_before AND turns.total <= tenants_max;
        tenants_max := 512;
      END LOOP;
      PERFORM postrider.settle_lanes(all_lanes || woken_lanes, unspent_lanes, moment, moving_lanes);
    END $$;
    """
}
