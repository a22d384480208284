#!/bin/sh
# Runs once, on an empty volume: a database and a user for each service, as its URL says.
set -eu

for file in /run/secrets/*-database-url; do
    url=$(cat "$file")
    user_and_rest=${url#*://}
    password_and_rest=${user_and_rest#*:}
    psql --quiet -v ON_ERROR_STOP=1 \
        -v user="${user_and_rest%%:*}" \
        -v password="${password_and_rest%%@*}" \
        -v database="${url##*/}" <<'SQL'
CREATE ROLE :"user" LOGIN PASSWORD :'password';
CREATE DATABASE :"database" OWNER :"user";
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
SQL
done

# What remains is empty, but shows the names of the others.
psql --quiet -v ON_ERROR_STOP=1 -c 'REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC'
