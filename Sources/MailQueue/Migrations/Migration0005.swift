extension Migration {
  /// Several primaries: which one a tenant's new mail goes to, and the gate that keeps it from the others.
  ///
  /// Expands only: programs of schema 4 go on with it, and put every tenant's mail into the home database.
  static let sharding = Migration(
    number: 5, title: "shards", oldest: 4,
    sql: """
      -- Which of several databases this is, fixed by the first migration that knew of several. NULL: the only one.
      ALTER TABLE postrider.installation ADD COLUMN shard text;
      -- The same in all databases of one installation.
      ALTER TABLE postrider.installation ADD COLUMN cluster uuid NOT NULL DEFAULT gen_random_uuid();

      -- The gate: whether this database takes the tenant's new mail, and from whom: an insertion names the epoch of
      -- the placement that it knows. Every change raises the epoch, and acts only on a lower one: whoever comes late
      -- with an earlier one changes nothing.
      ALTER TABLE postrider.tenant ADD COLUMN epoch bigint NOT NULL DEFAULT 0;
      ALTER TABLE postrider.tenant ADD COLUMN is_open boolean NOT NULL DEFAULT true;

      -- Home only: the shards that there are.
      CREATE TABLE postrider.shard (
        name text PRIMARY KEY,
        added_at timestamptz NOT NULL DEFAULT now()
      );

      -- Home only: where a tenant's new mail goes. Without a row: home, at epoch 0.
      CREATE TABLE postrider.placement (
        tenant bigint PRIMARY KEY REFERENCES postrider.tenant,
        shard text NOT NULL DEFAULT 'home',
        epoch bigint NOT NULL DEFAULT 0,
        -- A move that has been wished for and is not finished yet.
        moving_to text,
        changed_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE INDEX placement_moving ON postrider.placement (tenant) WHERE moving_to IS NOT NULL;

      -- Tenants hash onto a fixed set of advisory locks (key space 7003). Insertions hold the tenant's lock shared
      -- until COMMIT; whoever closes a gate holds it exclusively.
      CREATE FUNCTION postrider.tenant_lock(tenant bigint) RETURNS int
        LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT (tenant % 256)::int $$;

      -- Those of the given pairs whose gate is not open at that epoch. By the primary key.
      CREATE FUNCTION postrider.closed_gates(tenants bigint[], epochs bigint[])
        RETURNS TABLE (tenant bigint, epoch bigint) LANGUAGE sql STABLE AS $$
          SELECT u.tenant, u.epoch FROM unnest(tenants, epochs) u(tenant, epoch)
          WHERE NOT EXISTS (SELECT FROM postrider.tenant t WHERE t.id = u.tenant AND t.is_open AND t.epoch = u.epoch)
        $$;

      -- Called by an insertion before its rows. The gates are read in a statement that begins after the locks are held.
      CREATE FUNCTION postrider.require_open(tenants bigint[], epochs bigint[]) RETURNS void LANGUAGE plpgsql AS $$
      BEGIN
        PERFORM pg_advisory_xact_lock_shared(7003, l.lock) FROM (
          SELECT DISTINCT postrider.tenant_lock(u.tenant) AS lock FROM unnest(tenants) u(tenant) ORDER BY 1) l;
        PERFORM FROM postrider.closed_gates(tenants, epochs);
        IF FOUND THEN
          RAISE EXCEPTION 'a tenant''s new mail goes to another database, or is about to' USING ERRCODE = 'PR004';
        END IF;
      END $$;

      -- Shuts the gate for good towards whoever knows an earlier epoch. When it returns and commits, every insertion
      -- of before has committed or will fail.
      CREATE FUNCTION postrider.close_tenant(wanted bigint, at bigint) RETURNS void LANGUAGE plpgsql AS $$
      BEGIN
        PERFORM pg_advisory_xact_lock(7003, postrider.tenant_lock(wanted));
        UPDATE postrider.tenant t SET is_open = false, epoch = at WHERE t.id = wanted AND t.epoch < at;
      END $$;
      """)
}
