extension Migration {
  /// Taking jobs from lanes.
  static let takingFunctions = """
    -- Takes jobs for a session from the next ready lanes of each tenant, in the tenant's own circle: at most its
    -- allowance, and of a lane at most its share: 10 rows, or what spreads a larger allowance over 8 lanes, and no
    -- more than its destination has room for. The first lane gets only `lane_rows` if that is not 0: what its last
    -- turn left it.
    -- A lane is locked when its turn comes; one that is being steered is passed over.
    --
    -- The snapshot may be older than a lane's lock: a job's own lock brings its newest version, and
    -- `claim_is_free` can only err towards "taken". `living` spares its call for jobs in flight.
    CREATE FUNCTION postrider.take_jobs(
      session uuid, counter bigint, moment timestamptz, tenants bigint[], allowances int[], tenant_lanes bigint[],
      lane_rows int[], destinations text[], rooms int[], other_room int
    ) RETURNS TABLE (
      place bigint, lane bigint, destination text, share int, messages uuid[], recipients int[]) LANGUAGE plpgsql
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
        SELECT t.place, x.id AS lane, x.has_wrapped, least(x.share, x.room) AS share, x.room, x.destination, x.message,
          x.recipient
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
        SELECT f.place, f.has_wrapped, f.lane, f.destination, f.share, f.message, f.recipient FROM (
          SELECT o.*, row_number() OVER (PARTITION BY o.destination) AS number FROM found o
          WHERE o.message IS NOT NULL) f
        WHERE f.number <= f.room
      ), taken AS (
        UPDATE postrider.job j SET claim_session = session, claim_counter = counter,
          -- A void claim of a living session says nothing against the message.
          crashes = j.crashes + CASE WHEN j.claim_session IS NULL OR EXISTS (SELECT FROM postrider.worker_session s
            WHERE s.id = j.claim_session AND s.ended_at IS NULL) THEN 0 ELSE 1 END
        FROM fitting f WHERE j.message = f.message AND j.recipient = f.recipient
        RETURNING f.place, f.has_wrapped, f.lane, f.destination, f.share, j.message, j.recipient
      )
      -- Lanes without a row to take are told of too. No join: with hash joins off it would be quadratic.
      SELECT v.place, v.lane, v.destination, v.share,
        coalesce(array_agg(v.message) FILTER (WHERE v.message IS NOT NULL), '{}'),
        coalesce(array_agg(v.recipient) FILTER (WHERE v.message IS NOT NULL), '{}')
      FROM (
        SELECT DISTINCT o.place, o.has_wrapped, o.lane, o.destination, o.share, NULL::uuid AS message,
          NULL::int AS recipient FROM found o
        UNION ALL
        SELECT k.place, k.has_wrapped, k.lane, k.destination, k.share, k.message, k.recipient FROM taken k) v
      GROUP BY v.place, v.has_wrapped, v.lane, v.destination, v.share ORDER BY v.place, v.has_wrapped, v.lane;
    END $$;

    -- The due siblings of messages that a share cut through, up to 100 of each, so that a message's recipients of
    -- one lane go in one transaction (primary key of `job`).
    CREATE FUNCTION postrider.take_siblings(
      session uuid, counter bigint, moment timestamptz, cut_messages uuid[], cut_lanes bigint[]
    ) RETURNS TABLE (place bigint, message uuid, recipient int) LANGUAGE plpgsql
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
    SET enable_hashjoin = off SET enable_mergejoin = off SET random_page_cost = 0 AS $$
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
    """
}
