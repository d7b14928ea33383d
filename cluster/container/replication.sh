#!/bin/sh
# Run once by PostgreSQL's image, when the database is made.
set -eu
psql --set=ON_ERROR_STOP=1 --username=postrider --dbname=postrider --set="password=$(cat "$POSTGRES_PASSWORD_FILE")" \
  --set="mailboxes=$(cat "$MAILBOXES_PASSWORD_FILE")" <<'SQL'
CREATE ROLE replicator REPLICATION LOGIN PASSWORD :'password';
-- What it may do comes from `postrider database grant`.
CREATE ROLE postrider_mailboxes LOGIN PASSWORD :'mailboxes';
SELECT pg_create_physical_replication_slot('standby');
-- It counts from the next start on: until then nobody is there to be waited for.
ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (standby)';
SQL
echo "host replication replicator samenet scram-sha-256" >>"$PGDATA/pg_hba.conf"
