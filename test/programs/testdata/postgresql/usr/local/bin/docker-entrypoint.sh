#!/usr/bin/env bash
set -Eeo pipefail

file_env() {
	local var=$1 file="${1}_FILE"
	if [ "${!var:-}" ] && [ "${!file:-}" ]; then
		echo "both $var and $file are set" >&2
		exit 1
	fi
	[ "${!file:-}" ] && export "$var"="$(<"${!file}")"
	unset "$file"
}

export PATH="$(echo /usr/lib/postgresql/*/bin):$PATH"

create_directories() {
	mkdir -p "$PGDATA" && chmod 00700 "$PGDATA" || :
	mkdir -p /var/run/postgresql && chmod 03775 /var/run/postgresql || :
	if [ "$(id -u)" = 0 ]; then
		find "$PGDATA" \! -user postgres -exec chown postgres '{}' +
		find /var/run/postgresql \! -user postgres -exec chown postgres '{}' +
	fi
}

init_database() {
	# initdb wants the user to have a name
	if ! getent passwd "$(id -u)" &>/dev/null; then
		export NSS_WRAPPER_PASSWD="$(mktemp)" NSS_WRAPPER_GROUP="$(mktemp)"
	fi
	initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") --auth-host=scram-sha-256 --auth-local=trust "$@"
}

temp_server_start() { PGUSER="$POSTGRES_USER" pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -p 5432" -w start; }
temp_server_stop() { PGUSER="$POSTGRES_USER" pg_ctl -D "$PGDATA" -m fast -w stop; }

process_sql() { PGHOST= PGHOSTADDR= psql -v ON_ERROR_STOP=1 --no-psqlrc --username "$POSTGRES_USER" --no-password "$@"; }

setup_db() {
	if ! [ "$(process_sql --dbname postgres --set db="$POSTGRES_DB" --tuples-only <<<"SELECT 1 FROM pg_database WHERE datname = :'db';")" ]; then
		process_sql --dbname postgres --set db="$POSTGRES_DB" <<<'CREATE DATABASE :"db";'
	fi
}

process_init_files() {
	local f
	for f; do
		case $f in
		*.sh) if [ -x "$f" ]; then echo "running $f"; "$f"; else echo "sourcing $f"; . "$f"; fi ;;
		*.sql) echo "running $f"; process_sql --dbname "$POSTGRES_DB" -f "$f" ;;
		*.sql.gz) echo "running $f"; gunzip -c "$f" | process_sql --dbname "$POSTGRES_DB" ;;
		esac
	done
}

if [ "${1:0:1}" = - ]; then
	set -- postgres "$@"
fi
if [ "$1" = postgres ]; then
	file_env POSTGRES_PASSWORD
	file_env POSTGRES_USER
	: "${POSTGRES_USER:=postgres}" "${POSTGRES_DB:=$POSTGRES_USER}"
	export POSTGRES_USER POSTGRES_DB
	create_directories
	if [ "$(id -u)" = 0 ]; then
		exec gosu postgres "$BASH_SOURCE" "$@"
	fi
	if [ ! -s "$PGDATA/PG_VERSION" ]; then
		if [ -z "$POSTGRES_PASSWORD" ]; then
			echo "POSTGRES_PASSWORD must be set" >&2
			exit 1
		fi
		ls /docker-entrypoint-initdb.d/ >/dev/null
		init_database
		printf '\nhost all all all scram-sha-256\n' >>"$PGDATA/pg_hba.conf"
		export PGPASSWORD="$POSTGRES_PASSWORD"
		temp_server_start
		setup_db
		process_init_files /docker-entrypoint-initdb.d/*
		temp_server_stop
		unset PGPASSWORD
		echo "PostgreSQL init process complete; ready for start up."
	fi
	set -- "$@" -c listen_addresses='*'
fi
exec "$@"
