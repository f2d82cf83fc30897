#!/bin/sh
# Run once by the image of PostgreSQL, when its volume is empty: the user and the database of machina-server.
# The user is no superuser, so that the walls between teams hold for it.
set -eu

psql --no-psqlrc --set ON_ERROR_STOP=1 --set password="$MACHINA_DATABASE_PASSWORD" \
    --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
CREATE ROLE machina LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'password';
CREATE DATABASE machina OWNER machina ENCODING 'UTF8' TEMPLATE template0;
REVOKE CONNECT ON DATABASE machina FROM PUBLIC;
SQL
