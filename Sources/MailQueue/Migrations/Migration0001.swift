extension Migration {
  /// Tenants, messages, bodies, jobs, lanes, worker sessions, outcomes, the outbox.
  static let first = Migration(
    number: 1, title: "tenants, queue, outcomes",
    sql: """
      -- What this database is for, and how far its schedule runs ahead of the wall clock (tests only).
      CREATE TABLE postrider.installation (
        only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
        purpose text NOT NULL CHECK (purpose IN ('production', 'test')),
        schedule_offset interval NOT NULL DEFAULT '0',
        CONSTRAINT offset_only_in_test CHECK (purpose = 'test' OR schedule_offset = '0')
      );
      CREATE FUNCTION postrider.keep_purpose() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF NEW.purpose <> OLD.purpose THEN
          RAISE EXCEPTION 'the purpose of an installation is fixed when it is made';
        END IF;
        RETURN NEW;
      END $$;
      CREATE TRIGGER keep_purpose BEFORE UPDATE ON postrider.installation
        FOR EACH ROW EXECUTE FUNCTION postrider.keep_purpose();

      -- Schedule time: due, expiry, notices, retention, partitions. Lease time is always real.
      CREATE FUNCTION postrider.schedule_now() RETURNS timestamptz
        LANGUAGE sql STABLE PARALLEL SAFE
        AS $$ SELECT statement_timestamp() + (SELECT schedule_offset FROM postrider.installation) $$;
      -- The same, fixed for a whole transaction: rows of one message must agree on its day at midnight too.
      CREATE FUNCTION postrider.schedule_transaction_now() RETURNS timestamptz
        LANGUAGE sql STABLE PARALLEL SAFE
        AS $$ SELECT transaction_timestamp() + (SELECT schedule_offset FROM postrider.installation) $$;
      CREATE FUNCTION postrider.utc_day(moment timestamptz) RETURNS date
        LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT (moment AT TIME ZONE 'UTC')::date $$;

      CREATE TABLE postrider.tenant (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name text NOT NULL UNIQUE,
        weight int NOT NULL DEFAULT 1 CHECK (weight BETWEEN 1 AND 1000),
        created_at timestamptz NOT NULL DEFAULT now(),
        -- A suspended tenant's mail waits; its five days go on.
        suspended_at timestamptz
      );
      CREATE INDEX tenant_weight ON postrider.tenant (weight);
      CREATE TABLE postrider.domain (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        tenant bigint NOT NULL REFERENCES postrider.tenant,
        name text NOT NULL UNIQUE CHECK (name = lower(name)),
        created_at timestamptz NOT NULL DEFAULT now(),
        disabled_at timestamptz
      );
      CREATE TABLE postrider.credential (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        tenant bigint NOT NULL REFERENCES postrider.tenant,
        domain bigint NOT NULL REFERENCES postrider.domain,
        -- The full address, or the domain's name when it covers every address of the domain.
        name text NOT NULL,
        covers_domain boolean NOT NULL DEFAULT false,
        -- crypt(3) form, `$7$` (scrypt).
        secret text NOT NULL,
        -- Grows with every change, so that caches of earlier answers are void.
        version bigint NOT NULL DEFAULT 1,
        created_at timestamptz NOT NULL DEFAULT now(),
        disabled_at timestamptz,
        UNIQUE (name, covers_domain)
      );

      CREATE TABLE postrider.message (
        id uuid NOT NULL,
        day date NOT NULL,
        tenant bigint NOT NULL,
        credential bigint,
        accepted_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        size_bytes bigint NOT NULL,
        chunk_count int NOT NULL,
        body_kind smallint NOT NULL,
        returned smallint,
        smtp_utf8 boolean NOT NULL,
        session text NOT NULL,
        client_address text NOT NULL,
        -- NULL is the null reverse-path.
        reverse_path bytea,
        recipients bytea[] NOT NULL,
        notify smallint[] NOT NULL,
        original_recipients bytea[] NOT NULL,
        envelope_id bytea,
        -- The message's own key, wrapped by a master key that never enters the database. NULL: redacted.
        body_key bytea,
        -- The message that this one is a notice about.
        notice_of uuid,
        PRIMARY KEY (id, day)
      ) PARTITION BY RANGE (day);

      CREATE TABLE postrider.body_chunk (
        message uuid NOT NULL,
        day date NOT NULL,
        seq int NOT NULL,
        data bytea NOT NULL,
        PRIMARY KEY (message, seq, day)
      ) PARTITION BY RANGE (day);

      -- Ciphertext does not compress; partitions inherit this when they are made.
      ALTER TABLE postrider.body_chunk ALTER COLUMN data SET STORAGE EXTERNAL;

      -- Append-only: the reply to every attempt.
      CREATE TABLE postrider.outcome (
        message uuid NOT NULL,
        day date NOT NULL,
        at timestamptz NOT NULL,
        session uuid,
        recipient int NOT NULL,
        duration_ms int NOT NULL,
        kind smallint NOT NULL CHECK (kind BETWEEN 0 AND 5),
        stage smallint,
        attempt smallint NOT NULL,
        reply_code smallint,
        remote_port int,
        -- The claim was no longer ours when this was written: it changed no job.
        late boolean NOT NULL DEFAULT false,
        tls_verified boolean,
        enhanced text,
        tls_version text,
        tls_cipher text,
        remote_name bytea,
        remote_address text,
        -- Our own failure's name when no reply decided; `reply` then holds its detail.
        failure text,
        reply bytea,
        next_due timestamptz
      ) PARTITION BY RANGE (day);
      CREATE INDEX outcome_message ON postrider.outcome (message);

      -- One per tenant and destination domain.
      CREATE TABLE postrider.lane (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        tenant bigint NOT NULL,
        destination text NOT NULL,
        -- ready: has (or may have) due jobs. Not ready: looked at again at wake_at; infinity means idle.
        ready boolean NOT NULL DEFAULT false,
        wake_at timestamptz NOT NULL DEFAULT 'infinity',
        -- Claims read jobs from here on; see docs/queue.md, «The lagged scan start».
        scan_from timestamptz NOT NULL DEFAULT '-infinity',
        scan_next timestamptz,
        scan_xid xid8,
        settled_at timestamptz NOT NULL DEFAULT 'epoch',
        swept_at timestamptz NOT NULL DEFAULT 'epoch',
        UNIQUE (tenant, destination)
      ) WITH (fillfactor = 70);
      CREATE INDEX lane_ready ON postrider.lane (tenant, id) WHERE ready;
      CREATE INDEX lane_ready_destination ON postrider.lane (destination) WHERE ready;
      CREATE INDEX lane_waiting ON postrider.lane (wake_at) WHERE NOT ready AND wake_at < 'infinity';

      -- Hot and narrow: one row per recipient that has no final outcome yet.
      CREATE TABLE postrider.job (
        message uuid NOT NULL,
        lane bigint NOT NULL,
        due timestamptz NOT NULL,
        -- When the keeper must look at it, whatever its lane does: delay notice or expiry.
        event_at timestamptz NOT NULL,
        claim_counter bigint,
        claim_session uuid,
        day date NOT NULL,
        recipient int NOT NULL,
        attempt smallint NOT NULL DEFAULT 0,
        -- Claims in a row that ended without an outcome.
        crashes smallint NOT NULL DEFAULT 0,
        held boolean NOT NULL DEFAULT false,
        CHECK ((claim_session IS NULL) = (claim_counter IS NULL)),
        PRIMARY KEY (message, recipient)
      ) WITH (fillfactor = 70);
      CREATE INDEX job_lane ON postrider.job (lane, due, message);
      CREATE INDEX job_event ON postrider.job (event_at);

      CREATE TABLE postrider.worker_session (
        id uuid PRIMARY KEY,
        node text NOT NULL,
        lease interval NOT NULL,
        started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        renewed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        -- Set once, never cleared: from then on its claims count as free.
        ended_at timestamptz,
        ended_why text,
        -- Counters of claims whose answer never reached the worker: they count as free although it lives.
        void_claims bigint[] NOT NULL DEFAULT '{}'
      ) WITH (fillfactor = 50);
      CREATE INDEX worker_session_living ON postrider.worker_session (renewed_at) WHERE ended_at IS NULL;

      -- What has to be told: notices now, webhooks later. Consumed in the transaction that queues the notice.
      CREATE TABLE postrider.outbox (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        kind smallint NOT NULL,
        recipient int NOT NULL,
        day date NOT NULL,
        message uuid NOT NULL,
        tenant bigint NOT NULL,
        created_at timestamptz NOT NULL
      );
      CREATE INDEX outbox_message ON postrider.outbox (message);

      -- Who leads the keepers. Each duty checks its epoch in its own transaction.
      CREATE TABLE postrider.leadership (
        duty text PRIMARY KEY,
        epoch bigint NOT NULL,
        holder text NOT NULL,
        renewed_at timestamptz NOT NULL
      );

      -- Makes the partitions of one day. Made apart and attached, so that a long reader delays nobody
      -- (CREATE TABLE ... PARTITION OF would take an ACCESS EXCLUSIVE lock on the parent).
      CREATE FUNCTION postrider.make_partition(parent text, wanted date) RETURNS boolean LANGUAGE plpgsql AS $$
      DECLARE
        part text := parent || '_' || to_char(wanted, 'YYYYMMDD');
      BEGIN
        IF EXISTS (SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                   JOIN pg_namespace n ON n.oid = c.relnamespace
                   WHERE n.nspname = 'postrider' AND c.relname = part) THEN
          RETURN false;
        END IF;
        EXECUTE format('CREATE TABLE postrider.%I (LIKE postrider.%I INCLUDING ALL)', part, parent);
        EXECUTE format('ALTER TABLE postrider.%I ADD CONSTRAINT bounds CHECK (day >= %L AND day < %L)',
                       part, wanted, wanted + 1);
        EXECUTE format('ALTER TABLE postrider.%I ATTACH PARTITION postrider.%I FOR VALUES FROM (%L) TO (%L)',
                       parent, part, wanted, wanted + 1);
        EXECUTE format('ALTER TABLE postrider.%I DROP CONSTRAINT bounds', part);
        RETURN true;
      END $$;
      """)
}
