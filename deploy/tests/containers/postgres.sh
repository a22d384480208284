#!/bin/sh
# What the image of PostgreSQL does at its start, as far as docker-compose.yml relies on it.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    initdb --pgdata "$PGDATA" --username postgres --pwfile "$POSTGRES_PASSWORD_FILE" --locale C.UTF-8 \
        --auth-local trust --auth-host scram-sha-256 > /dev/null
    echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
    pg_ctl --pgdata "$PGDATA" --options '-c listen_addresses=' --wait start > /dev/null
    for script in /docker-entrypoint-initdb.d/*.sh; do
        PGUSER=postgres sh "$script"
    done
    pg_ctl --pgdata "$PGDATA" --mode fast --wait stop > /dev/null
fi
exec "$@" -c 'listen_addresses=*'
