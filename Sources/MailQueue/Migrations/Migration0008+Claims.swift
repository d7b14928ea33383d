extension Migration {
  /// Claiming from parked lanes: a probe, or as much as a slowed site may get.
  static let parkedClaims = """
    -- Decides when a (locked) parked lane has something due again. As `settle_lanes` does: it may be put far away only
    -- under its exclusive advisory lock.
    CREATE FUNCTION postrider.settle_parked(wanted bigint, moment timestamptz) RETURNS void LANGUAGE plpgsql
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
    SET enable_hashjoin = off SET enable_mergejoin = off SET random_page_cost = 0 AS $$
    DECLARE
      is_alone boolean := pg_try_advisory_xact_lock(7001, postrider.lane_lock(wanted));
    BEGIN
      -- A statement of its own: its snapshot is taken after the lock.
      UPDATE postrider.lane l SET look_at = CASE
        WHEN EXISTS (SELECT FROM postrider.job j WHERE j.lane = wanted AND j.due >= l.scan_from AND j.due <= moment
                     AND j.claim_session IS NULL AND NOT j.held) THEN moment
        WHEN NOT is_alone THEN moment + interval '20 milliseconds'
        WHEN EXISTS (SELECT FROM postrider.job j WHERE j.lane = wanted AND j.due >= l.scan_from AND j.due <= moment
                     AND j.claim_session IS NOT NULL) THEN moment + interval '5 seconds'
        ELSE coalesce((SELECT j.due FROM postrider.job j WHERE j.lane = wanted AND j.due > moment AND NOT j.held
                       ORDER BY j.lane, j.due LIMIT 1), 'infinity') END
      WHERE l.id = wanted;
    END $$;

    -- Takes up to `wanted` messages from a site's parked lanes, or one recipient only (`is_probe`). Tenants take turns,
    -- and of a tenant the lane that has waited longest is next (index lane_parked). The number of lanes looked at is
    -- bounded; what is left is for the next call. `look_again`: before then no lane has anything due.
    CREATE FUNCTION postrider.take_from_site(
      session uuid, counter bigint, moment timestamptz, site_name text, is_probe boolean, wanted int, INOUT turn bigint,
      OUT messages uuid[], OUT recipients int[], OUT look_again timestamptz
    ) LANGUAGE plpgsql
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
    SET enable_hashjoin = off SET enable_mergejoin = off SET random_page_cost = 0 AS $$
    DECLARE
      visits_left int := 32 + 4 * wanted;
      is_worthwhile boolean := turn > 0;
      next_lane record;
      taken record;
    BEGIN
      messages := '{}'; recipients := '{}'; look_again := 'infinity';
      WHILE wanted > 0 AND visits_left > 0 LOOP
        visits_left := visits_left - 1;
        SELECT l.id, l.tenant, l.look_at INTO next_lane FROM postrider.lane l
          WHERE l.parked_by = site_name AND l.tenant >= turn ORDER BY l.parked_by, l.tenant, l.look_at LIMIT 1;
        IF NOT FOUND THEN
          turn := 0;
          IF NOT is_worthwhile THEN
            RETURN;
          END IF;
          is_worthwhile := false;
          look_again := 'infinity';
          CONTINUE;
        END IF;
        turn := next_lane.tenant + 1;
        CONTINUE WHEN EXISTS (
          SELECT FROM postrider.tenant t WHERE t.id = next_lane.tenant AND t.suspended_at IS NOT NULL);
        look_again := least(look_again, next_lane.look_at);
        CONTINUE WHEN next_lane.look_at > moment;
        PERFORM FROM postrider.lane l WHERE l.id = next_lane.id AND l.parked_by = site_name AND l.look_at <= moment
          FOR UPDATE SKIP LOCKED;
        CONTINUE WHEN NOT FOUND;
        WITH first AS MATERIALIZED (
          SELECT q.message, q.recipient FROM postrider.job q
          WHERE q.lane = next_lane.id AND q.due >= (SELECT l.scan_from FROM postrider.lane l WHERE l.id = next_lane.id)
            AND q.due <= moment AND NOT q.held
            AND (q.claim_session IS NULL OR postrider.claim_is_free(q.claim_session, q.claim_counter))
          ORDER BY q.lane, q.due, q.message LIMIT 1 FOR UPDATE OF q SKIP LOCKED
        )
        UPDATE postrider.job j SET claim_session = session, claim_counter = counter,
          crashes = j.crashes + CASE WHEN j.claim_session IS NULL OR EXISTS (SELECT FROM postrider.worker_session s
            WHERE s.id = j.claim_session AND s.ended_at IS NULL) THEN 0 ELSE 1 END
        FROM first f WHERE j.message = f.message AND j.recipient = f.recipient
        RETURNING j.message, j.recipient INTO taken;
        IF NOT FOUND THEN
          -- The tenant's next lane may have something.
          turn := next_lane.tenant;
          PERFORM postrider.settle_parked(next_lane.id, moment);
          CONTINUE;
        END IF;
        is_worthwhile := true;
        wanted := wanted - 1;
        messages := messages || taken.message;
        recipients := recipients || taken.recipient;
        IF NOT is_probe THEN
          FOR taken IN SELECT * FROM postrider.take_siblings(
              session, counter, moment, ARRAY[taken.message], ARRAY[next_lane.id]) LOOP
            messages := messages || taken.message;
            recipients := recipients || taken.recipient;
          END LOOP;
        END IF;
        -- Behind the tenant's other lanes.
        UPDATE postrider.lane l SET look_at = moment WHERE l.id = next_lane.id;
      END LOOP;
      look_again := moment;
    END $$;

    -- What a worker may take besides its claims: probes of sites that are down; of sites that are slowed for its own
    -- sending address as much as it says; of those that are slowed for others' up to `free_rows` messages. Sites
    -- whose time is over are let go in passing. `probed`: those that are down. `ended`: those of `own_sites` whose incident has ended.
    CREATE FUNCTION postrider.take_parked(
      session uuid, counter bigint, source text, own_sites text[], own_incidents bigint[], own_counts int[],
      free_rows int, probes_max int,
      OUT messages uuid[], OUT recipients int[], OUT sites text[], OUT probed text[], OUT ended text[]
    ) LANGUAGE plpgsql
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
    SET enable_hashjoin = off SET enable_mergejoin = off SET random_page_cost = 0 AS $$
    DECLARE
      moment timestamptz := postrider.schedule_now();
      item record;
      taken record;
    BEGIN
      messages := '{}'; recipients := '{}'; sites := '{}'; probed := '{}';
      PERFORM FROM postrider.worker_session s WHERE s.id = session AND s.ended_at IS NULL FOR SHARE;
      IF NOT FOUND THEN
        RAISE EXCEPTION 'worker session % has ended', session USING ERRCODE = 'PR001';
      END IF;
      -- Before anything else is locked, and one only: this waits for lanes, in order of their ids.
      FOR item IN SELECT s.name FROM postrider.site s WHERE s.kind <> 'free' AND s.ends_at <= moment
          ORDER BY s.ends_at LIMIT 1 FOR UPDATE SKIP LOCKED LOOP
        PERFORM postrider.resume_site(item.name, NULL);
      END LOOP;
      DELETE FROM postrider.site s WHERE s.name = ANY (ARRAY(
        SELECT f.name FROM postrider.site f WHERE f.kind = 'free' AND f.changed_at <= moment - interval '1 hour'
        ORDER BY f.changed_at LIMIT 16 FOR UPDATE SKIP LOCKED));
      ended := ARRAY(SELECT u.name FROM unnest(own_sites, own_incidents) u(name, incident)
        WHERE EXISTS (SELECT FROM postrider.site s WHERE s.name = u.name AND s.kind = 'free'
          AND u.incident = ANY (s.incidents)));
      FOR item IN SELECT s.name, s.turn, s.changed_at FROM postrider.site s
          WHERE s.kind = 'down' AND s.next_at <= moment AND (s.probe_session IS NULL
            OR s.next_at <= moment - interval '15 minutes'
            OR postrider.claim_is_free(s.probe_session, s.probe_counter))
          ORDER BY s.next_at LIMIT probes_max FOR UPDATE SKIP LOCKED LOOP
        SELECT * INTO taken FROM postrider.take_from_site(session, counter, moment, item.name, true, 1, item.turn);
        IF taken.messages <> '{}' THEN
          messages := messages || taken.messages;
          recipients := recipients || taken.recipients;
          sites := sites || item.name;
          probed := probed || item.name;
          UPDATE postrider.site s SET turn = taken.turn, probe_session = session, probe_counter = counter,
            next_at = moment WHERE s.name = item.name;
        ELSIF item.changed_at <= moment - interval '1 hour' THEN
          -- Nothing has been due for long: whatever comes next may just try.
          UPDATE postrider.site s SET ends_at = moment, next_at = moment + interval '10 minutes'
          WHERE s.name = item.name;
        ELSE
          UPDATE postrider.site s SET turn = taken.turn, probe_session = NULL, probe_counter = NULL,
            next_at = greatest(moment + interval '1 second', least(taken.look_again, moment + interval '10 minutes'))
          WHERE s.name = item.name;
        END IF;
      END LOOP;
      FOR item IN
          SELECT s.name, s.turn, CASE WHEN source = ANY (s.sources) THEN own_counts[array_position(own_sites, s.name)]
            ELSE free_rows END AS wanted
          FROM postrider.site s WHERE s.kind = 'slowed' AND (
            source <> ALL (s.sources) OR own_counts[array_position(own_sites, s.name)] > 0)
          ORDER BY s.ends_at LIMIT 64 FOR UPDATE SKIP LOCKED LOOP
        SELECT * INTO taken FROM postrider.take_from_site(
          session, counter, moment, item.name, false, item.wanted, item.turn);
        messages := messages || taken.messages;
        recipients := recipients || taken.recipients;
        sites := sites || array_fill(item.name, ARRAY[cardinality(taken.messages)]);
        UPDATE postrider.site s SET turn = taken.turn WHERE s.name = item.name AND s.turn <> taken.turn;
      END LOOP;
    END $$;
    """
}
