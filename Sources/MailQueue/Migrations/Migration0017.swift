extension Migration {
  /// Walls between tenants, for database roles other than the owner of the tables.
  ///
  /// Expands only: row-level security does not concern the owner, which every process is until it is given another role.
  static let walls = Migration(
    number: 17, title: "walls between tenants", oldest: 4,
    sql: """
      -- Whose rows may be seen: what a transaction has said by SET LOCAL postrider.tenant. NULL, and so nobody's, when
      -- it has said nothing.
      CREATE FUNCTION postrider.current_tenant() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS $$
        SELECT nullif(pg_catalog.current_setting('postrider.tenant', true), '')::bigint
      $$;

      -- A table without a policy shows nothing. One that says whose each row is has the plain wall.
      DO $$ DECLARE found record; BEGIN
        FOR found IN
          SELECT c.relname, EXISTS (
            SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant' AND NOT a.attisdropped) AS is_told
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = 'postrider' AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1
        LOOP
          EXECUTE format('ALTER TABLE postrider.%I ENABLE ROW LEVEL SECURITY', found.relname);
          IF found.is_told THEN
            EXECUTE format(
              'CREATE POLICY wall ON postrider.%I USING (tenant = (SELECT postrider.current_tenant()))', found.relname);
          END IF;
        END LOOP;
      END $$;

      CREATE POLICY wall ON postrider.tenant USING (id = (SELECT postrider.current_tenant()));
      CREATE POLICY wall ON postrider.allowed_sender USING (EXISTS (
        SELECT FROM postrider.credential c
        WHERE c.id = allowed_sender.credential AND c.tenant = (SELECT postrider.current_tenant())));
      CREATE POLICY wall ON postrider.job USING (lane IN (
        SELECT l.id FROM postrider.lane l WHERE l.tenant = (SELECT postrider.current_tenant())));
      -- Through the primary key of the message's day.
      CREATE POLICY wall ON postrider.outcome USING (EXISTS (
        SELECT FROM postrider.message m
        WHERE m.id = outcome.message AND m.day = outcome.day AND m.tenant = (SELECT postrider.current_tenant())));
      CREATE POLICY wall ON postrider.body_chunk USING (EXISTS (
        SELECT FROM postrider.message m
        WHERE m.id = body_chunk.message AND m.day = body_chunk.day
          AND m.tenant = (SELECT postrider.current_tenant())));
      -- Nobody's in particular: what time it is, and which schema this is.
      CREATE POLICY everybody ON postrider.installation FOR SELECT USING (true);
      CREATE POLICY everybody ON postrider.schema_version FOR SELECT USING (true);

      -- PostgreSQL lets everybody call a new function.
      REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA postrider FROM PUBLIC;
      """)
}
