#!/bin/sh
# Make the reference application's database on a Debian host with postgresql, redis-server and
# python3. Runs as root, may run again. The service and its worker come in over the local socket
# under their own accounts: there is no password.
set -eu

systemctl enable --quiet --now postgresql.service redis-server.service
version=$(find /etc/postgresql -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -n | tail -n 1)
folder=/etc/postgresql/$version/main

if ! grep -q '^reference ' "$folder/pg_ident.conf"; then
  printf 'reference %s reference\n' reference_app reference_worker >>"$folder/pg_ident.conf"
  # The first line that fits counts: ours stands before Debian's.
  sed -i '1i local reference reference peer map=reference' "$folder/pg_hba.conf"
fi
as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }
tries=0
until as_postgres pg_isready --quiet; do
  tries=$((tries + 1))
  [ "$tries" -lt 300 ] || exit 1
  sleep 0.1
done
cd /
as_postgres psql --quiet --command 'SELECT pg_reload_conf()' >/dev/null
as_postgres psql --quiet --tuples-only --command "SELECT 1 FROM pg_roles WHERE rolname = 'reference'" |
  grep -q 1 || as_postgres createuser reference
as_postgres psql --quiet --tuples-only --command "SELECT 1 FROM pg_database WHERE datname = 'reference'" |
  grep -q 1 || as_postgres createdb --owner=reference reference
