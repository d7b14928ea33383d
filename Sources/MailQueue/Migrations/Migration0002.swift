extension Migration {
  /// Claiming: which lanes are served next, which jobs of them, and when a lane is looked at again.
  static let claiming = Migration(
    number: 2, title: "claiming",
    sql: """
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

      -- The next tenants that have a ready lane, in a circle from `start` on, and their weights. Two index probes for
      -- each, however many lanes wait (index lane_ready). Suspended ones are stepped over. One row more than
      -- `tenants_max` says that there are others.
      CREATE FUNCTION postrider.next_tenants(start bigint, passed_over bigint[], tenants_max int)
      RETURNS TABLE (tenant bigint, weight int) LANGUAGE plpgsql
      SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
      SET enable_hashjoin = off SET enable_mergejoin = off AS $$
      BEGIN
        RETURN QUERY
        WITH RECURSIVE circle AS (
          SELECT start - 1 AS tenant, false AS has_wrapped, 0 AS place, NULL::int AS weight
          UNION ALL
          SELECT n.tenant, n.has_wrapped, c.place + CASE WHEN w.weight IS NULL THEN 0 ELSE 1 END, w.weight
          FROM circle c CROSS JOIN LATERAL (
            (SELECT l.tenant, c.has_wrapped FROM postrider.lane l WHERE l.ready AND l.tenant > c.tenant
             ORDER BY l.tenant, l.id LIMIT 1)
            UNION ALL
            (SELECT l.tenant, true FROM postrider.lane l WHERE l.ready AND NOT c.has_wrapped
             ORDER BY l.tenant, l.id LIMIT 1)
            LIMIT 1) n
          LEFT JOIN LATERAL (SELECT t.weight FROM postrider.tenant t WHERE t.id = n.tenant
            AND t.suspended_at IS NULL AND t.id <> ALL (passed_over)) w ON true
          WHERE c.place <= tenants_max AND NOT (n.has_wrapped AND n.tenant >= start)
        )
        SELECT c.tenant, c.weight FROM circle c WHERE c.weight IS NOT NULL;
      END $$;

      -- Deficit round robin: one turn after the other until the budget is spent. A turn adds `quantum` rows for each
      -- unit of weight to a tenant's credit, and the credit is what it may take. Pure arithmetic.
      -- `has_grant`: the first tenant's turn was broken off and goes on without a new grant. It comes back true when
      -- the turn at place `stopped_at` was broken off; otherwise that place's turn has not begun.
      CREATE FUNCTION postrider.share_out(
        budget int, quantum int, is_whole_circle boolean, weights int[],
        INOUT credits int[], INOUT has_grant boolean, OUT allowances int[], OUT stopped_at int
      ) LANGUAGE plpgsql IMMUTABLE AS $$
      DECLARE
        tenant_count int := cardinality(weights);
        rows_left int := budget;
        rounds int := 0;
        portion int;
      BEGIN
        allowances := array_fill(0, ARRAY[tenant_count]);
        IF is_whole_circle THEN
          -- As many whole rounds as fit, at once.
          SELECT (budget - sum(greatest(u.credit, 0))) / (sum(u.weight) * quantum) INTO rounds
            FROM unnest(credits, weights) u(credit, weight);
        END IF;
        IF rounds > 0 THEN
          FOR i IN 1..tenant_count LOOP
            portion := greatest(credits[i] + rounds * weights[i] * quantum, 0);
            credits[i] := credits[i] + rounds * weights[i] * quantum - portion;
            allowances[i] := portion;
            rows_left := rows_left - portion;
          END LOOP;
        END IF;
        stopped_at := 1;
        WHILE rows_left > 0 LOOP
          IF stopped_at > tenant_count THEN
            EXIT WHEN NOT is_whole_circle;
            stopped_at := 1;
          END IF;
          IF NOT has_grant THEN
            credits[stopped_at] := credits[stopped_at] + weights[stopped_at] * quantum;
          END IF;
          portion := least(greatest(credits[stopped_at], 0), rows_left);
          allowances[stopped_at] := allowances[stopped_at] + portion;
          credits[stopped_at] := credits[stopped_at] - portion;
          rows_left := rows_left - portion;
          has_grant := credits[stopped_at] > 0;
          IF NOT has_grant THEN
            stopped_at := stopped_at + 1;
          END IF;
        END LOOP;
      END $$;

      -- Takes jobs for a session from the next ready lanes of each tenant, in the tenant's own circle: at most its
      -- allowance, and of a lane at most its share, 10 rows or what spreads a larger allowance over 8 lanes. The
      -- first lane gets only `lane_rows` if that is not 0: what its last turn left it.
      -- A lane is locked when its turn comes; one that is being steered is passed over.
      --
      -- The snapshot may be older than a lane's lock: a job's own lock brings its newest version, and
      -- `claim_is_free` can only err towards "taken". `living` spares its call for jobs in flight.
      CREATE FUNCTION postrider.take_jobs(
        session uuid, counter bigint, moment timestamptz, tenants bigint[], allowances int[], tenant_lanes bigint[],
        lane_rows int[], destinations text[], rooms int[], other_room int
      ) RETURNS TABLE (place bigint, lane bigint, share int, messages uuid[], recipients int[]) LANGUAGE plpgsql
      SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
      SET enable_hashjoin = off SET enable_mergejoin = off AS $$
      DECLARE
        living uuid[] := ARRAY(SELECT s.id FROM postrider.worker_session s
                               WHERE s.ended_at IS NULL AND s.void_claims = '{}');
      BEGIN
        RETURN QUERY
        WITH turn AS MATERIALIZED (
          SELECT u.place, u.tenant, u.allowance, u.lane, u.lane_rows,
            u.lane - CASE WHEN u.lane_rows > 0 THEN 1 ELSE 0 END AS after_lane,
            CASE WHEN u.allowance <= 10 THEN 10 ELSE greatest(10, u.allowance / (
              SELECT greatest(count(*), 1) FROM (SELECT FROM postrider.lane l WHERE l.ready AND l.tenant = u.tenant
                ORDER BY l.tenant, l.id LIMIT 8) r)::int) END AS share
          FROM unnest(tenants, allowances, tenant_lanes, lane_rows)
            WITH ORDINALITY u(tenant, allowance, lane, lane_rows, place) WHERE u.allowance > 0
        ), found AS MATERIALIZED (
          SELECT t.place, x.id AS lane, x.has_wrapped, x.share, x.room, x.destination, x.message, x.recipient
          FROM turn t CROSS JOIN LATERAL (
            SELECT p.id, p.has_wrapped, p.share, p.room, p.destination, j.message, j.recipient FROM (
              SELECT a.id, a.has_wrapped, a.destination, a.start,
                CASE WHEN t.lane_rows > 0 AND a.id = t.lane THEN t.lane_rows ELSE t.share END AS share,
                coalesce(rooms[array_position(destinations, a.destination)], other_room) AS room
              FROM (
                SELECT b.* FROM (
                  SELECT false AS has_wrapped, l.id, l.destination, CASE WHEN moment - l.swept_at BETWEEN '0' AND
                    '1 minute' THEN l.scan_from ELSE '-infinity'::timestamptz END AS start
                  FROM postrider.lane l WHERE l.ready AND l.tenant = t.tenant AND l.id > t.after_lane
                  ORDER BY l.tenant, l.id FOR UPDATE SKIP LOCKED) b
                UNION ALL
                SELECT b.* FROM (
                  SELECT true AS has_wrapped, l.id, l.destination, CASE WHEN moment - l.swept_at BETWEEN '0' AND
                    '1 minute' THEN l.scan_from ELSE '-infinity'::timestamptz END AS start
                  FROM postrider.lane l WHERE l.ready AND l.tenant = t.tenant AND l.id <= t.after_lane
                  ORDER BY l.tenant, l.id FOR UPDATE SKIP LOCKED) b) a) p
            LEFT JOIN LATERAL (
              SELECT q.message, q.recipient FROM postrider.job q
              WHERE q.lane = p.id AND q.due >= p.start AND q.due <= moment AND NOT q.held
                AND (q.claim_session IS NULL
                  OR q.claim_session <> ALL (living) AND postrider.claim_is_free(q.claim_session, q.claim_counter))
              ORDER BY q.lane, q.due, q.message LIMIT least(p.share, p.room) FOR UPDATE OF q SKIP LOCKED) j ON true
            LIMIT t.allowance) x
        ), fitting AS MATERIALIZED (
          -- Several lanes of one destination share its room.
          SELECT f.place, f.has_wrapped, f.lane, f.share, f.message, f.recipient FROM (
            SELECT o.*, row_number() OVER (PARTITION BY o.destination) AS number FROM found o
            WHERE o.message IS NOT NULL) f
          WHERE f.number <= f.room
        ), taken AS (
          UPDATE postrider.job j SET claim_session = session, claim_counter = counter,
            -- A void claim of a living session says nothing against the message.
            crashes = j.crashes + CASE WHEN j.claim_session IS NULL OR EXISTS (SELECT FROM postrider.worker_session s
              WHERE s.id = j.claim_session AND s.ended_at IS NULL) THEN 0 ELSE 1 END
          FROM fitting f WHERE j.message = f.message AND j.recipient = f.recipient
          RETURNING f.place, f.has_wrapped, f.lane, f.share, j.message, j.recipient
        )
        -- Lanes without a row to take are told of too. No join: with hash joins off it would be quadratic.
        SELECT v.place, v.lane, v.share, coalesce(array_agg(v.message) FILTER (WHERE v.message IS NOT NULL), '{}'),
          coalesce(array_agg(v.recipient) FILTER (WHERE v.message IS NOT NULL), '{}')
        FROM (
          SELECT DISTINCT o.place, o.has_wrapped, o.lane, o.share, NULL::uuid AS message, NULL::int AS recipient
          FROM found o
          UNION ALL
          SELECT k.place, k.has_wrapped, k.lane, k.share, k.message, k.recipient FROM taken k) v
        GROUP BY v.place, v.has_wrapped, v.lane, v.share ORDER BY v.place, v.has_wrapped, v.lane;
      END $$;

      -- The due siblings of messages that a share cut through, up to 100 of each, so that a message's recipients of
      -- one lane go in one transaction (primary key of `job`).
      CREATE FUNCTION postrider.take_siblings(
        session uuid, counter bigint, moment timestamptz, cut_messages uuid[], cut_lanes bigint[]
      ) RETURNS TABLE (place bigint, message uuid, recipient int) LANGUAGE plpgsql
      SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
      SET enable_hashjoin = off SET enable_mergejoin = off AS $$
      BEGIN
        RETURN QUERY
        WITH found AS MATERIALIZED (
          SELECT c.place, s.message, s.recipient
          FROM unnest(cut_messages, cut_lanes) WITH ORDINALITY c(message, lane, place) CROSS JOIN LATERAL (
            SELECT q.message, q.recipient FROM postrider.job q
            WHERE q.message = c.message AND q.lane = c.lane AND q.due <= moment AND NOT q.held
              AND q.claim_session IS NULL
            ORDER BY q.message, q.recipient LIMIT 100 FOR UPDATE OF q SKIP LOCKED) s
        )
        UPDATE postrider.job j SET claim_session = session, claim_counter = counter
        FROM found f WHERE j.message = f.message AND j.recipient = f.recipient
        RETURNING f.place, j.message, j.recipient;
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

      -- Looks at lanes whose time has come: those with a job to take are ready again, those of paused destinations are
      -- laid aside for a second (ready ones of them too), and the rest come back, to be settled at the claim's end.
      CREATE FUNCTION postrider.wake_due_lanes(moment timestamptz, paused text[], OUT others bigint[])
      LANGUAGE plpgsql
      SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
      SET enable_hashjoin = off SET enable_mergejoin = off AS $$
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
      ) LANGUAGE plpgsql
      -- It joins sets of hundreds of tenants with each other, and no table.
      SET enable_hashjoin = on AS $$
      DECLARE
        moment timestamptz := postrider.schedule_now();
        quantum int;
        rows_left int := rows_max;
        -- More than one grant of 10 rows each could serve.
        tenants_max int := greatest(16, rows_max / 8);
        passed_over bigint[] := '{}';
        all_lanes bigint[] := '{}';
        woken_lanes bigint[];
        unspent_lanes bigint[] := '{}';
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
              array_agg(coalesce(v.credit, k.credit, 0) ORDER BY n.place) AS credits,
              array_agg(coalesce(v.lane, k.lane, 0) ORDER BY n.place) AS lanes,
              array_agg(coalesce(v.lane_rows, k.lane_rows, 0) ORDER BY n.place) AS lane_rows,
              count(*) AS total
            INTO turns
            FROM postrider.next_tenants(next_tenant, passed_over, tenants_max) WITH ORDINALITY n(tenant, weight, place)
            LEFT JOIN unnest(known_tenants, known_credits, known_lanes, known_lane_rows)
              k(tenant, credit, lane, lane_rows) ON k.tenant = n.tenant
            LEFT JOIN unnest(visited_tenants, visited_credits, visited_lanes, visited_lane_rows)
              v(tenant, credit, lane, lane_rows) ON v.tenant = n.tenant;
          EXIT WHEN turns.total = 0;
          SELECT * INTO shared FROM postrider.share_out(rows_left, quantum, turns.total <= tenants_max, turns.weights,
            turns.credits, has_grant AND turns.tenants[1] = next_tenant);
          has_grant := shared.has_grant;
          next_tenant := CASE WHEN has_grant OR shared.stopped_at = 1 THEN turns.tenants[shared.stopped_at]
                              ELSE turns.tenants[shared.stopped_at - 1] + 1 END;
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
            IF visit.rows >= visit.share OR visits[visit.place] >= shared.allowances[visit.place] THEN
              is_unspent[visit.place] := true;
              unspent_lanes := unspent_lanes || visit.lane;
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
          EXIT WHEN rows_left <= 0;
          tenants_max := 512;
        END LOOP;
        -- Exhausted lanes, and every lane once a second, so that its scan start moves.
        PERFORM postrider.settle_lanes(array_agg(s.id ORDER BY s.id), moment) FROM (
          SELECT DISTINCT u.id FROM unnest(all_lanes || woken_lanes) u(id) JOIN postrider.lane l ON l.id = u.id
          WHERE CASE WHEN u.id = ANY (unspent_lanes) THEN moment - l.settled_at NOT BETWEEN '0' AND '1 second'
            ELSE moment - l.settled_at NOT BETWEEN '0' AND '200 milliseconds' OR NOT EXISTS (
              SELECT FROM postrider.job j WHERE j.lane = u.id AND j.due >= l.scan_from AND j.due <= moment
                AND j.claim_session IS NOT NULL) END) s
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
