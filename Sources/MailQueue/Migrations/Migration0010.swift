extension Migration {
  /// A claim's cost does not depend on what waits beside: each job that it takes is looked up once, and siblings of a
  /// message are found without reading those in other lanes.
  ///
  /// Expands only. Builds of schema 4 go on calling `claim_jobs`, which is the new one now. `take_jobs` and
  /// `take_siblings` stay for claims that are under way while this step runs; a later step drops them.
  static let flatClaims = Migration(
    number: 10, title: "claims of long queues", oldest: 4,
    sql: [siblingIndex, taking, siblings, siteTaking, flatClaim].joined(separator: "\n\n"))

  /// Siblings that were accepted together are due together, and are neighbours in `job_lane`. After a deferral each is
  /// due at a time of its own: those have an index. Nothing is added to it when a message is accepted, and a claim,
  /// which does not touch its columns, writes no index at all.
  private static let siblingIndex = """
    CREATE INDEX job_sibling ON postrider.job (message, lane) WHERE attempt > 0;
    """

  /// As `take_jobs`, but what was locked is written by its place on the disk, without another look into an index, and
  /// what a delivery needs of it comes back.
  private static let taking = """
    -- Takes jobs for a session from the next ready lanes of each tenant, in the tenant's own circle: at most its
    -- allowance, and of a lane at most its share: 10 rows, or what spreads a larger allowance over 8 lanes, and no
    -- more than its destination has room for. The first lane gets only `lane_rows` if that is not 0: what its last
    -- turn left it.
    -- A lane is locked when its turn comes; one that is being steered is passed over.
    --
    -- The snapshot may be older than a lane's lock: a job's own lock brings its newest version, and
    -- `claim_is_free` can only err towards "taken". `living` spares its call for jobs in flight.
    --
    -- A locked row stays where it is until COMMIT. One that somebody changed after the snapshot was taken is locked in a
    -- version that the snapshot does not show: it is not taken, and is there for the next claim.
    -- `last_due`: of the last of `messages`.
    CREATE FUNCTION postrider.take_due_jobs(
      session uuid, counter bigint, moment timestamptz, tenants bigint[], allowances int[], tenant_lanes bigint[],
      lane_rows int[], destinations text[], rooms int[], other_room int
    ) RETURNS TABLE (
      place bigint, lane bigint, destination text, share int, messages uuid[], recipients int[], days date[],
      attempts smallint[], crashes smallint[], last_due timestamptz) LANGUAGE plpgsql
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
    SET enable_hashjoin = off SET enable_mergejoin = off SET random_page_cost = 0 AS $$
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
        SELECT t.place, x.id AS lane, x.has_wrapped, least(x.share, x.room) AS share, x.room, x.destination, x.row
        FROM turn t CROSS JOIN LATERAL (
          SELECT p.id, p.has_wrapped, p.share, p.room, p.destination, j.row FROM (
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
            SELECT q.ctid AS row FROM postrider.job q
            WHERE q.lane = p.id AND q.due >= p.start AND q.due <= moment AND NOT q.held
              AND (q.claim_session IS NULL
                OR q.claim_session <> ALL (living) AND postrider.claim_is_free(q.claim_session, q.claim_counter))
            ORDER BY q.lane, q.due, q.message LIMIT least(p.share, p.room) FOR UPDATE OF q SKIP LOCKED) j ON true
          LIMIT t.allowance) x
      ), fitting AS MATERIALIZED (
        -- Several lanes of one destination share its room.
        SELECT f.place, f.has_wrapped, f.lane, f.destination, f.share, f.row FROM (
          SELECT o.*, row_number() OVER (PARTITION BY o.destination) AS number FROM found o
          WHERE o.row IS NOT NULL) f
        WHERE f.number <= f.room
      ), taken AS (
        UPDATE postrider.job j SET claim_session = session, claim_counter = counter,
          -- A void claim of a living session says nothing against the message.
          crashes = j.crashes + CASE WHEN j.claim_session IS NULL OR EXISTS (SELECT FROM postrider.worker_session s
            WHERE s.id = j.claim_session AND s.ended_at IS NULL) THEN 0 ELSE 1 END
        FROM fitting f WHERE j.ctid = f.row
        RETURNING f.place, f.has_wrapped, f.lane, f.destination, f.share, j.message, j.recipient, j.day, j.attempt,
          j.crashes, j.due
      )
      -- Lanes without a row to take are told of too. No join: with hash joins off it would be quadratic. A lane's rows
      -- stay in the order in which they are sorted here, so that its last one is the one that is due last.
      SELECT v.place, v.lane, v.destination, v.share,
        coalesce(array_agg(v.message) FILTER (WHERE v.is_taken), '{}'),
        coalesce(array_agg(v.recipient) FILTER (WHERE v.is_taken), '{}'),
        coalesce(array_agg(v.day) FILTER (WHERE v.is_taken), '{}'),
        coalesce(array_agg(v.attempt) FILTER (WHERE v.is_taken), '{}'),
        coalesce(array_agg(v.crashes) FILTER (WHERE v.is_taken), '{}'), max(v.due)
      FROM (
        SELECT DISTINCT o.place, o.has_wrapped, o.lane, o.destination, o.share, false AS is_taken,
          NULL::uuid AS message, NULL::int AS recipient, NULL::date AS day, NULL::smallint AS attempt,
          NULL::smallint AS crashes, NULL::timestamptz AS due FROM found o
        UNION ALL
        SELECT k.place, k.has_wrapped, k.lane, k.destination, k.share, true, k.message, k.recipient, k.day, k.attempt,
          k.crashes, k.due FROM taken k
        ORDER BY place, has_wrapped, lane, destination, share, due, message, recipient) v
      GROUP BY v.place, v.has_wrapped, v.lane, v.destination, v.share ORDER BY v.place, v.has_wrapped, v.lane;
    END $$;
    """

  private static let siblings = """
    -- The due siblings of messages that a share cut through, up to 100 of each, so that a message's recipients of
    -- one lane go in one transaction: those with the same `due` (index job_lane), and those that were deferred (index
    -- job_sibling).
    CREATE FUNCTION postrider.take_due_siblings(
      session uuid, counter bigint, moment timestamptz, cut_messages uuid[], cut_lanes bigint[], cut_dues timestamptz[]
    ) RETURNS TABLE (
      place bigint, message uuid, recipient int, day date, attempt smallint, crashes smallint) LANGUAGE plpgsql
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
    SET enable_hashjoin = off SET enable_mergejoin = off SET random_page_cost = 0 AS $$
    BEGIN
      RETURN QUERY
      WITH found AS MATERIALIZED (
        SELECT c.place, s.row
        FROM unnest(cut_messages, cut_lanes, cut_dues) WITH ORDINALITY c(message, lane, due, place) CROSS JOIN LATERAL (
          SELECT a.row FROM (
            SELECT q.ctid AS row FROM postrider.job q
            WHERE q.lane = c.lane AND q.due = c.due AND q.message = c.message AND NOT q.held
              AND q.claim_session IS NULL
            FOR UPDATE OF q SKIP LOCKED) a
          UNION ALL
          SELECT b.row FROM (
            SELECT q.ctid AS row FROM postrider.job q
            WHERE q.message = c.message AND q.lane = c.lane AND q.attempt > 0 AND q.due <= moment AND q.due <> c.due
              AND NOT q.held AND q.claim_session IS NULL
            FOR UPDATE OF q SKIP LOCKED) b
          LIMIT 100) s
      )
      UPDATE postrider.job j SET claim_session = session, claim_counter = counter
      FROM found f WHERE j.ctid = f.row
      RETURNING f.place, j.message, j.recipient, j.day, j.attempt, j.crashes;
    END $$;
    """

  private static let siteTaking = """
    -- As before, by the functions above.
    CREATE OR REPLACE FUNCTION postrider.take_from_site(
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
          SELECT q.ctid AS row FROM postrider.job q
          WHERE q.lane = next_lane.id AND q.due >= (SELECT l.scan_from FROM postrider.lane l WHERE l.id = next_lane.id)
            AND q.due <= moment AND NOT q.held
            AND (q.claim_session IS NULL OR postrider.claim_is_free(q.claim_session, q.claim_counter))
          ORDER BY q.lane, q.due, q.message LIMIT 1 FOR UPDATE OF q SKIP LOCKED
        )
        UPDATE postrider.job j SET claim_session = session, claim_counter = counter,
          crashes = j.crashes + CASE WHEN j.claim_session IS NULL OR EXISTS (SELECT FROM postrider.worker_session s
            WHERE s.id = j.claim_session AND s.ended_at IS NULL) THEN 0 ELSE 1 END
        FROM first f WHERE j.ctid = f.row RETURNING j.message, j.recipient, j.due INTO taken;
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
          FOR taken IN SELECT * FROM postrider.take_due_siblings(
              session, counter, moment, ARRAY[taken.message], ARRAY[next_lane.id], ARRAY[taken.due]) LOOP
            messages := messages || taken.message;
            recipients := recipients || taken.recipient;
          END LOOP;
        END IF;
        -- Behind the tenant's other lanes.
        UPDATE postrider.lane l SET look_at = moment WHERE l.id = next_lane.id;
      END LOOP;
      look_again := moment;
    END $$;
    """
}
