extension Migration {
  /// Domains whose mailboxes are kept here, and what the server that keeps them may ask.
  static let mailboxes = Migration(
    number: 18, title: "mailboxes", oldest: 4,
    sql: """
      -- In the order in which a login reads them: no two wait for each other.
      ALTER TABLE postrider.credential
        -- Names the mailbox's directory. Random: neither an address nor a number may ever lead to another's mail, also
        -- after a restore that gives numbers a second time.
        ADD COLUMN mailbox uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
        -- From then on it has no mailbox; what is in it stays.
        ADD COLUMN mailbox_disabled_at timestamptz;
      ALTER TABLE postrider.domain
        -- The name in A-labels where the domain's mailboxes are here; NULL: its mail goes by its MX. Only whoever has
        -- proven a domain takes its mail from everybody else here.
        ADD COLUMN mailbox_domain text UNIQUE CHECK (mailbox_domain ~ '^[a-z0-9_.-]+$'),
        ADD CONSTRAINT domain_mailboxes CHECK (mailbox_domain IS NULL OR proven_at IS NOT NULL);
      -- For addresses whose sender does not mind upper and lower case.
      CREATE INDEX credential_folded ON postrider.credential (lower(name)) WHERE NOT covers_domain;

      -- The credential that a name means, as a login over SMTP finds it: that of the address without its «+tag», or else the
      -- one for the whole domain. None where mailboxes are elsewhere.
      CREATE FUNCTION postrider.mailbox_owner(username text, case_matters boolean)
      RETURNS SETOF postrider.credential LANGUAGE sql STABLE AS $$
        WITH name AS MATERIALIZED (
          SELECT coalesce(nullif(split_part(x.local, '+', 1), ''), x.local) AS local, x.domain
          FROM (SELECT substring(username FROM '^(.+)@[^@]+$') AS local,
                       lower(substring(username FROM '^(?:.+@)?([^@]+)$')) AS domain) x
        ), hosted AS MATERIALIZED (
          SELECT d.id, d.tenant, d.name, n.local FROM name n
          JOIN postrider.domain d ON d.name = n.domain OR d.mailbox_domain = n.domain
          WHERE d.mailbox_domain IS NOT NULL AND d.disabled_at IS NULL LIMIT 1
        ), candidate AS MATERIALIZED (
          SELECT c.id, 0 AS place FROM hosted h
          JOIN postrider.credential c ON c.name = h.local || '@' || h.name AND NOT c.covers_domain
          UNION ALL
          SELECT c.id, 1 FROM hosted h
          JOIN postrider.credential c ON lower(c.name) = lower(h.local || '@' || h.name) AND NOT c.covers_domain
          WHERE NOT case_matters
          UNION ALL
          SELECT c.id, 2 FROM hosted h JOIN postrider.credential c ON c.name = h.name AND c.covers_domain
        )
        SELECT c.* FROM candidate k JOIN postrider.credential c ON c.id = k.id
        -- One that was added while its domain went to another tenant is nobody's.
        JOIN hosted h ON h.id = c.domain AND h.tenant = c.tenant
        ORDER BY k.place, c.id LIMIT 1
      $$;
      REVOKE EXECUTE ON FUNCTION postrider.mailbox_owner(text, boolean) FROM PUBLIC;

      -- All that the mailbox server sees: these two functions, and through them one account for each name that it knows. They
      -- run with their maker's rights, so that nobody needs rights to the tables.
      CREATE SCHEMA mailbox;

      -- - which: 1 is the password, 2 the one before it while that is good as well.
      -- No row: there is nobody who may log in.
      CREATE FUNCTION mailbox.login(username text, which int)
      RETURNS TABLE (account text, secret text, directory text)
      LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        SELECT c.name, CASE which WHEN 1 THEN c.secret ELSE c.old_secret END,
               left(c.mailbox::text, 2) || '/' || c.mailbox
        FROM postrider.mailbox_owner(username, true) c
        JOIN postrider.tenant t ON t.id = c.tenant
        WHERE c.disabled_at IS NULL AND c.mailbox_disabled_at IS NULL AND t.suspended_at IS NULL
          AND (c.expires_at IS NULL OR c.expires_at > now())
          AND (which = 1 OR which = 2 AND c.old_secret_until > now())
      $$;

      -- Whose mailbox an address is; no row: nobody's. Mail comes in whether or not anybody may log in just now.
      CREATE FUNCTION mailbox.delivery(address text)
      RETURNS TABLE (account text, directory text)
      LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        SELECT c.name, left(c.mailbox::text, 2) || '/' || c.mailbox
        FROM postrider.mailbox_owner(address, false) c WHERE c.mailbox_disabled_at IS NULL
      $$;
      REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA mailbox FROM PUBLIC;
      """)
}
