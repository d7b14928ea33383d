extension Migration {
  /// One claim from its beginning to its end.
  static let flatClaim = """
    -- One round trip: wake lanes whose time has come, share the rows out among the tenants, take jobs, settle
    -- exhausted lanes.
    --
    -- What the worker remembers comes in and goes out again: whose turn it is (`next_tenant`; `has_grant`: in the
    -- middle of it), and of each tenant its credit in rows, the lane it stands at, and how many rows that lane
    -- still gets before the next one's turn. `rooms` says how many rows the worker wants for some destinations,
    -- `other_room` for each of the others; lanes of `paused` ones are laid aside.
    --
    -- What a delivery needs of each job comes out too: nobody need look for it again.
    CREATE FUNCTION postrider.claim_due_jobs(
      session uuid, counter bigint, INOUT next_tenant bigint, INOUT has_grant boolean,
      known_tenants bigint[], known_credits int[], known_lanes bigint[], known_lane_rows int[],
      destinations text[], rooms int[], other_room int, paused text[], rows_max int,
      OUT messages uuid[], OUT recipients int[], OUT days date[], OUT lanes bigint[], OUT attempts smallint[],
      OUT crashes smallint[],
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
      cut_dues timestamptz[];
      ran_out bigint[];
      known_place int;
    BEGIN
      messages := '{}'; recipients := '{}'; days := '{}'; lanes := '{}'; attempts := '{}'; crashes := '{}';
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
        cut_messages := '{}'; cut_lanes := '{}'; cut_places := '{}'; cut_dues := '{}';
        FOR visit IN SELECT t.*, cardinality(t.messages) AS rows FROM postrider.take_due_jobs(
            session, counter, moment, turns.tenants, shared.allowances, turns.lanes, turns.lane_rows, destinations,
            rooms, other_room) t LOOP
          messages := messages || visit.messages;
          recipients := recipients || visit.recipients;
          days := days || visit.days;
          lanes := lanes || array_fill(visit.lane, ARRAY[visit.rows]);
          attempts := attempts || visit.attempts;
          crashes := crashes || visit.crashes;
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
              cut_dues := cut_dues || visit.last_due;
            END IF;
          END IF;
        END LOOP;
        FOR visit IN SELECT * FROM postrider.take_due_siblings(
            session, counter, moment, cut_messages, cut_lanes, cut_dues) LOOP
          messages := messages || visit.message;
          recipients := recipients || visit.recipient;
          days := days || visit.day;
          lanes := lanes || cut_lanes[visit.place];
          attempts := attempts || visit.attempt;
          crashes := crashes || visit.crashes;
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

    -- For builds of the schemas before.
    CREATE OR REPLACE FUNCTION postrider.claim_jobs(
      session uuid, counter bigint, INOUT next_tenant bigint, INOUT has_grant boolean,
      known_tenants bigint[], known_credits int[], known_lanes bigint[], known_lane_rows int[],
      destinations text[], rooms int[], other_room int, paused text[], rows_max int,
      OUT messages uuid[], OUT recipients int[],
      OUT visited_tenants bigint[], OUT visited_credits int[], OUT visited_lanes bigint[],
      OUT visited_lane_rows int[]
    ) LANGUAGE plpgsql AS $$
    BEGIN
      SELECT c.next_tenant, c.has_grant, c.messages, c.recipients, c.visited_tenants, c.visited_credits,
          c.visited_lanes, c.visited_lane_rows
        INTO next_tenant, has_grant, messages, recipients, visited_tenants, visited_credits, visited_lanes,
          visited_lane_rows
        FROM postrider.claim_due_jobs(session, counter, next_tenant, has_grant, known_tenants, known_credits,
          known_lanes, known_lane_rows, destinations, rooms, other_room, paused, rows_max) c;
    END $$;
    """
}
