extension Migration {
  /// Keys that sign tenants' mail.
  static let signing = Migration(
    number: 12, title: "DKIM keys", oldest: 4,
    sql: """
      -- In the home database only. A key signs from `active_from` until `retired_at`, both schedule time; its record is in
      -- the DNS from before the one until after the other. Acceptors read what signs for a domain by the index of
      -- (domain, selector), a handful of rows.
      CREATE TABLE postrider.dkim_key (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        tenant bigint NOT NULL REFERENCES postrider.tenant,
        domain bigint NOT NULL REFERENCES postrider.domain,
        selector text NOT NULL CHECK (selector = lower(selector)),
        algorithm text NOT NULL CHECK (algorithm IN ('rsa-sha256', 'ed25519-sha256')),
        -- SubjectPublicKeyInfo of an RSA key, the 32 octets of an Ed25519 one.
        public_key bytea NOT NULL,
        -- Wrapped by the master key, bound to tenant, domain and selector.
        private_key bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        active_from timestamptz NOT NULL,
        -- NULL: until another takes its place.
        retired_at timestamptz CHECK (retired_at >= active_from),
        UNIQUE (domain, selector)
      );
      -- One after the other: there is never a choice.
      CREATE UNIQUE INDEX dkim_key_current ON postrider.dkim_key (domain, algorithm) WHERE retired_at IS NULL;
      """)
}
