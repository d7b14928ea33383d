extension Migration {
  /// Limits that tenants have instead of the settings'.
  static let limits = Migration(
    number: 15, title: "limits of tenants", oldest: 4,
    sql: """
      -- In the home database only, where logins are looked up: acceptors read a tenant's along with the login, by the primary
      -- key. Name and value as `postrider tenant limit` takes them; a build leaves out what it does not know.
      CREATE TABLE postrider.tenant_limit (
        tenant bigint NOT NULL REFERENCES postrider.tenant,
        name text NOT NULL CHECK (name ~ '^[a-z_.]{1,64}$'),
        value text NOT NULL CHECK (octet_length(value) BETWEEN 1 AND 200 AND value !~ E'\\n'),
        set_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (tenant, name)
      );
      """)
}
