extension Migration {
  /// Whose turn it is, and how much each tenant may take.
  static let shareFunctions = """
    -- The next tenants that have a ready lane, in a circle from `start` on, and their weights. Two index probes for
    -- each, however many lanes wait (index lane_ready); OFFSET 0 keeps the second a probe. Suspended ones are stepped
    -- over. One row more than `tenants_max` says that there are others.
    CREATE FUNCTION postrider.next_tenants(start bigint, passed_over bigint[], tenants_max int)
    RETURNS TABLE (tenant bigint, weight int) LANGUAGE plpgsql
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
    SET enable_hashjoin = off SET enable_mergejoin = off SET random_page_cost = 0 AS $$
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
          AND t.suspended_at IS NULL AND t.id <> ALL (passed_over) OFFSET 0) w ON true
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
    """
}
