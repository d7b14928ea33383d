extension Migration {
  /// Domains whose owner has not been seen do not send.
  static let proofs = Migration(
    number: 14, title: "proof of domains", oldest: 4,
    sql: """
      -- In the home database only. Times are schedule time.
      ALTER TABLE postrider.domain
        -- What the owner publishes; a domain that an older build adds gets one too. 244 random bits.
        ADD COLUMN challenge text NOT NULL
          DEFAULT replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '')
          CHECK (challenge ~ '^[0-9a-f]{64}$'),
        -- Since when it is known that the domain is its tenant's; NULL: it is not, and nothing is sent as it.
        ADD COLUMN proven_at timestamptz,
        -- By the record, by a domain of the same tenant above it, by an operator's word, or by having been here before.
        ADD COLUMN proof text CHECK (proof IN ('record', 'parent', 'operator', 'earlier')),
        -- Since when the record that has proven it is gone.
        ADD COLUMN vanished_at timestamptz,
        -- When its records are looked up next. Whoever takes that on moves it ahead and counts up, and writes what was
        -- found only if nobody has counted since.
        ADD COLUMN check_due timestamptz NOT NULL DEFAULT now(),
        ADD COLUMN check_number bigint NOT NULL DEFAULT 0,
        -- What is new is looked at often, so long after this.
        ADD COLUMN watched_since timestamptz NOT NULL DEFAULT now(),
        ADD COLUMN checked_at timestamptz,
        -- What was found then, for each record.
        ADD COLUMN findings jsonb,
        ADD CONSTRAINT domain_proof CHECK ((proven_at IS NULL) = (proof IS NULL));
      UPDATE postrider.domain SET proven_at = now(), proof = 'earlier';
      CREATE INDEX domain_check ON postrider.domain (check_due) WHERE disabled_at IS NULL;
      -- For the parts of `doctor` and of the metrics that count them: they are few.
      CREATE INDEX domain_unproven ON postrider.domain (watched_since) WHERE proven_at IS NULL;

      -- Other tenants that say an unproven domain is theirs: whoever proves it first has it.
      CREATE TABLE postrider.domain_claim (
        domain bigint NOT NULL REFERENCES postrider.domain,
        tenant bigint NOT NULL REFERENCES postrider.tenant,
        challenge text NOT NULL DEFAULT replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '')
          CHECK (challenge ~ '^[0-9a-f]{64}$'),
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (domain, tenant)
      );

      -- The time that was meant to be `active_from`, while that is `infinity`: the record of a key that does not sign yet
      -- was looked for and is not there. The key before it goes on, its `retired_at` is `infinity` too.
      ALTER TABLE postrider.dkim_key ADD COLUMN requested_from timestamptz;
      """)
}
