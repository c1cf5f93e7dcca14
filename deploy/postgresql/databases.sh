#!/bin/sh
# Run once by the PostgreSQL image, when its volume is still empty: two roles, each the owner of one database that
# nobody else may enter. (Prefect makes the extension pg_trgm in its own; the image has it.) Passwords come from the environment; psql quotes them.
set -eu
: "${WAREHOUSE_PASSWORD:?give the password of the role mittaristo}"
: "${SERVER_DATABASE_PASSWORD:?give the password of the role prefect}"

psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "${POSTGRES_DB:-$POSTGRES_USER}" <<'SQL'
\getenv warehouse_password WAREHOUSE_PASSWORD
\getenv prefect_password SERVER_DATABASE_PASSWORD
CREATE ROLE mittaristo LOGIN PASSWORD :'warehouse_password' CONNECTION LIMIT 40;
CREATE ROLE prefect LOGIN PASSWORD :'prefect_password' CONNECTION LIMIT 40;
CREATE DATABASE mittaristo OWNER mittaristo TEMPLATE template0 ENCODING 'UTF8';
CREATE DATABASE prefect OWNER prefect TEMPLATE template0 ENCODING 'UTF8';
REVOKE CONNECT, TEMPORARY ON DATABASE mittaristo FROM PUBLIC;
REVOKE CONNECT, TEMPORARY ON DATABASE prefect FROM PUBLIC;
REVOKE CONNECT, TEMPORARY ON DATABASE postgres FROM PUBLIC;
SQL
