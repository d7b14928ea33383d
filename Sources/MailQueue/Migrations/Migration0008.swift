extension Migration {
  /// Sites that cannot be reached, or that asked for less: their lanes wait, and mail is let through one by one.
  ///
  /// Expands only. Processes of schema 4 find the parked lanes asleep; a message of theirs that wakes one is delivered
  /// as before, and the next process of this schema that has one in hand parks the lane again.
  static let sites = Migration(
    number: 8, title: "sites", oldest: 4,
    sql: [siteTables, laneWaking, parking, parkedClaims].joined(separator: "\n\n"))

  private static let siteTables = """
    -- A site is what a domain's MX hosts are together, under one name: many domains share one.
    -- free: the trouble is over; the row is kept for an hour to tell so to whoever still believes in it.
    CREATE TABLE postrider.site (
      name text PRIMARY KEY,
      kind text NOT NULL CHECK (kind IN ('down', 'slowed', 'free')),
      -- The numbers under which workers know this trouble.
      incidents bigint[] NOT NULL,
      -- Schedule time, all of them. down: no probe before `next_at`. slowed: nothing is sent before.
      since timestamptz NOT NULL,
      changed_at timestamptz NOT NULL,
      next_at timestamptz NOT NULL,
      -- slowed: the rate is back to normal. down: nothing has been due for long.
      ends_at timestamptz NOT NULL DEFAULT 'infinity',
      category text NOT NULL,
      -- Failed probes, or slowdowns in a row.
      times int NOT NULL DEFAULT 0,
      -- Messages a minute: after the pause, and when all is well.
      rate float8,
      normal float8,
      -- slowed: those of our sending addresses that are meant. Workers with another one are free to send.
      sources text[] NOT NULL DEFAULT '{}',
      -- The claim of the probe under way.
      probe_session uuid,
      probe_counter bigint,
      -- The tenant whose turn is next.
      turn bigint NOT NULL DEFAULT 0,
      -- What last went wrong, as in `outcome`.
      stage smallint,
      reply_code smallint,
      enhanced text,
      reply bytea,
      failure text,
      remote_name bytea,
      remote_address text,
      remote_port int
    ) WITH (fillfactor = 50);
    CREATE INDEX site_down ON postrider.site (next_at) WHERE kind = 'down';
    CREATE INDEX site_ends ON postrider.site (ends_at) WHERE kind <> 'free';
    CREATE INDEX site_free ON postrider.site (changed_at) WHERE kind = 'free';

    -- A parked lane is not ready and has no `wake_at`: claims pass it by. `look_at`: when it has something due again.
    ALTER TABLE postrider.lane ADD COLUMN parked_by text,
      ADD COLUMN look_at timestamptz NOT NULL DEFAULT '-infinity';
    CREATE INDEX lane_parked ON postrider.lane (parked_by, tenant, look_at) WHERE parked_by IS NOT NULL;
    """

  /// As before, except that a parked lane stays asleep and notes that it has something due.
  private static let laneWaking = """
    CREATE OR REPLACE FUNCTION postrider.wake_lanes(wanted bigint[]) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
      moment timestamptz := postrider.schedule_now();
    BEGIN
      IF (SELECT count(*) FROM postrider.lane l WHERE l.id = ANY (wanted)) <> cardinality(wanted) THEN
        RAISE EXCEPTION 'a lane has been removed' USING ERRCODE = 'PR002';
      END IF;
      UPDATE postrider.lane l SET ready = l.parked_by IS NULL,
        look_at = CASE WHEN l.parked_by IS NULL THEN l.look_at ELSE moment END
      WHERE l.id IN (
        SELECT s.id FROM postrider.lane s WHERE s.id = ANY (wanted) AND NOT s.ready
          AND (s.parked_by IS NULL OR s.look_at > moment) ORDER BY s.id FOR UPDATE);
    END $$;

    CREATE OR REPLACE FUNCTION postrider.wake_lane(wanted bigint, at timestamptz) RETURNS void LANGUAGE sql AS $$
      UPDATE postrider.lane SET ready = parked_by IS NULL AND (ready OR at <= postrider.schedule_now()),
        wake_at = CASE WHEN parked_by IS NULL THEN least(wake_at, at) ELSE wake_at END,
        look_at = CASE WHEN parked_by IS NULL THEN look_at ELSE least(look_at, at) END,
        scan_from = least(scan_from, at), scan_next = NULL, scan_xid = NULL
      WHERE id = wanted
    $$;
    """

  /// Locks: the site's row first, then lanes in order of their ids, as insertions do.
  private static let parking = """
    CREATE FUNCTION postrider.park(site_name text, lanes bigint[]) RETURNS void LANGUAGE sql AS $$
      UPDATE postrider.lane l SET parked_by = site_name, ready = false, wake_at = 'infinity', look_at = '-infinity'
      WHERE l.id IN (SELECT k.id FROM postrider.lane k WHERE k.id = ANY (lanes)
        AND (k.parked_by IS DISTINCT FROM site_name OR k.ready) ORDER BY k.id FOR UPDATE)
    $$;

    -- Parks lanes at a site in trouble. NULL: there is no such trouble here. False: it is over.
    CREATE FUNCTION postrider.park_lanes(wanted text, incident bigint, lanes bigint[]) RETURNS boolean
    LANGUAGE plpgsql AS $$
    DECLARE
      known record;
    BEGIN
      SELECT s.kind, incident = ANY (s.incidents) AS is_known INTO known
        FROM postrider.site s WHERE s.name = wanted FOR UPDATE;
      IF NOT FOUND OR known.kind = 'free' THEN
        RETURN CASE WHEN known.is_known THEN false END;
      END IF;
      IF NOT known.is_known THEN
        UPDATE postrider.site s SET incidents = (s.incidents || incident)[greatest(1, cardinality(s.incidents) - 62):]
        WHERE s.name = wanted;
      END IF;
      PERFORM postrider.park(wanted, lanes);
      RETURN true;
    END $$;

    -- Notes a trouble, or another one, and parks lanes. Times are microseconds from now. False: that incident is over.
    CREATE FUNCTION postrider.mark_site(
      wanted text, new_kind text, incident bigint, new_category text, pause bigint, lasts bigint, new_times int,
      new_rate float8, new_normal float8, source text, lanes bigint[], new_stage smallint, new_code smallint,
      new_enhanced text, new_reply bytea, new_failure text, new_remote bytea, new_address text, new_port int
    ) RETURNS boolean LANGUAGE plpgsql AS $$
    DECLARE
      moment timestamptz := postrider.schedule_now();
      known record;
      is_new boolean;
    BEGIN
      INSERT INTO postrider.site (name, kind, incidents, since, changed_at, next_at, category)
        VALUES (wanted, 'free', '{}', moment, moment, moment, '') ON CONFLICT DO NOTHING;
      SELECT s.kind, incident = ANY (s.incidents) AS is_known INTO known
        FROM postrider.site s WHERE s.name = wanted FOR UPDATE;
      IF known.kind = 'free' AND known.is_known THEN
        RETURN false;
      END IF;
      is_new := known.kind <> new_kind;
      -- Several workers find out about a dead site: the first one's probes go on.
      IF is_new OR new_kind = 'slowed' THEN
        UPDATE postrider.site s SET kind = new_kind,
          incidents = CASE WHEN is_new THEN ARRAY[incident] WHEN known.is_known THEN s.incidents
            ELSE s.incidents || incident END,
          since = CASE WHEN is_new THEN moment ELSE s.since END, changed_at = moment,
          next_at = moment + pause * interval '1 microsecond',
          ends_at = CASE WHEN lasts IS NULL THEN 'infinity' ELSE moment + lasts * interval '1 microsecond' END,
          category = new_category, times = new_times, rate = new_rate, normal = new_normal,
          sources = CASE WHEN new_kind = 'down' THEN '{}' WHEN is_new THEN ARRAY[source]
            WHEN source = ANY (s.sources) THEN s.sources ELSE s.sources || source END,
          probe_session = NULL, probe_counter = NULL, stage = new_stage, reply_code = new_code,
          enhanced = new_enhanced, reply = new_reply, failure = new_failure, remote_name = new_remote,
          remote_address = new_address, remote_port = new_port
        WHERE s.name = wanted;
      END IF;
      RETURN postrider.park_lanes(wanted, incident, lanes);
    END $$;

    -- Ends a trouble and lets its lanes go, in one statement; for one sending address only where others remain.
    -- NULL: for all. Work grows with the lanes, not with their mail.
    CREATE FUNCTION postrider.resume_site(wanted text, source text) RETURNS int LANGUAGE plpgsql
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
    SET enable_hashjoin = off SET enable_mergejoin = off SET random_page_cost = 0 AS $$
    DECLARE
      moment timestamptz := postrider.schedule_now();
      freed int;
    BEGIN
      PERFORM FROM postrider.site s WHERE s.name = wanted FOR UPDATE;
      UPDATE postrider.site s SET sources = array_remove(s.sources, source)
        WHERE s.name = wanted AND s.kind = 'slowed' AND source IS NOT NULL AND array_remove(s.sources, source) <> '{}';
      IF FOUND THEN
        RETURN 0;
      END IF;
      UPDATE postrider.site s SET kind = 'free', changed_at = moment, probe_session = NULL, probe_counter = NULL
        WHERE s.name = wanted AND s.kind <> 'free';
      UPDATE postrider.lane l SET parked_by = NULL, ready = l.look_at <= moment,
        wake_at = CASE WHEN l.look_at <= moment THEN 'infinity' ELSE l.look_at END, look_at = '-infinity'
      WHERE l.id IN (SELECT k.id FROM postrider.lane k WHERE k.parked_by = wanted ORDER BY k.id FOR UPDATE);
      GET DIAGNOSTICS freed = ROW_COUNT;
      RETURN freed;
    END $$;

    -- A probe has failed: the next one is `times` doublings of `first` away, `longest` at most (microseconds). Without
    -- `first` it came to no end: another may begin.
    CREATE FUNCTION postrider.end_probe(
      wanted text, session uuid, counter bigint, first bigint, longest bigint, jitter float8, new_category text,
      new_stage smallint, new_code smallint, new_enhanced text, new_reply bytea, new_failure text, new_remote bytea,
      new_address text, new_port int
    ) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
      moment timestamptz := postrider.schedule_now();
    BEGIN
      IF first IS NULL THEN
        UPDATE postrider.site s SET probe_session = NULL, probe_counter = NULL
        WHERE s.name = wanted AND s.probe_session = session AND s.probe_counter = counter;
        RETURN;
      END IF;
      UPDATE postrider.site s SET probe_session = NULL, probe_counter = NULL, times = s.times + 1, changed_at = moment,
        next_at = moment + least(first * 2 ^ least(s.times + 1, 30), longest) * (1 - jitter * random())
          * interval '1 microsecond',
        category = new_category, stage = new_stage, reply_code = new_code, enhanced = new_enhanced, reply = new_reply,
        failure = new_failure, remote_name = new_remote, remote_address = new_address, remote_port = new_port
      WHERE s.name = wanted AND s.kind = 'down' AND s.probe_session = session AND s.probe_counter = counter;
    END $$;
    """
}
