#!/bin/bash
set -eo pipefail
shopt -s nullglob

note() { printf '%s [Note] [Entrypoint]: %s\n' "$(date --rfc-3339=seconds)" "$*"; }

config_value() { "$@" --verbose --help 2>/dev/null | awk -v name=datadir '$1 == name { print $2; exit }'; }

execute() { mariadb --protocol=socket -uroot -hlocalhost --socket="$SOCKET" "$@"; }

temp_server_start() {
	"$@" --skip-networking --default-time-zone=SYSTEM --socket="$SOCKET" --wsrep_on=OFF --expire-logs-days=0 --loose-innodb_buffer_pool_load_at_startup=0 &
	MARIADB_PID=$!
	note "waiting for server startup"
	local i
	for i in {60..0}; do
		if execute --database=mysql <<<'SELECT 1' &>/dev/null; then
			break
		fi
		sleep 1
	done
	[ "$i" != 0 ] || { echo "unable to start server" >&2; exit 1; }
}

temp_server_stop() { kill "$MARIADB_PID" && wait "$MARIADB_PID"; }

setup_db() {
	mariadb-tzinfo-to-sql --skip-write-binlog /usr/share/zoneinfo/posix/Etc 2>/dev/null | execute --database=mysql || true
	local password
	password=$(head -c 24 /dev/urandom | base64)
	execute --database=mysql --binary-mode <<-SQL
		SET @@SESSION.SQL_LOG_BIN=0;
		DROP USER IF EXISTS ''@'localhost';
		CREATE USER 'root'@'%' IDENTIFIED BY '$password';
		GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;
		ALTER USER 'root'@'localhost' IDENTIFIED VIA unix_socket OR mysql_native_password USING PASSWORD('$password');
		CREATE DATABASE IF NOT EXISTS \`$MARIADB_DATABASE\`;
		CREATE USER '$MARIADB_USER'@'%' IDENTIFIED BY '$MARIADB_PASSWORD';
		GRANT ALL ON \`$MARIADB_DATABASE\`.* TO '$MARIADB_USER'@'%';
	SQL
	note "GENERATED ROOT PASSWORD: $password"
}

if [ "${1:0:1}" = - ]; then
	set -- mariadbd "$@"
fi
if [ "$1" = mariadbd ]; then
	DATADIR=$(config_value "$@")
	SOCKET=/run/mysqld/mysqld.sock
	if [ "$(id -u)" = 0 ]; then
		mkdir -p "$DATADIR" "${SOCKET%/*}"
		find "$DATADIR" "${SOCKET%/*}" \! -user mysql -exec chown mysql: '{}' +
		note "switching to dedicated user 'mysql'"
		exec gosu mysql "${BASH_SOURCE[0]}" "$@"
	fi
	if [ ! -d "$DATADIR/mysql" ]; then
		note "initializing database files"
		mariadb-install-db --datadir="$DATADIR" --rpm --auth-root-authentication-method=normal --skip-test-db --old-mode='UTF8_IS_UTF8MB3' --default-time-zone=SYSTEM --enforce-storage-engine= \
			--skip-log-bin --expire-logs-days=0 --loose-innodb_buffer_pool_load_at_startup=0 --loose-innodb_buffer_pool_dump_at_shutdown=0
		temp_server_start "$@"
		setup_db
		for f in /docker-entrypoint-initdb.d/*.sql; do
			note "running $f"
			mariadb --protocol=socket --socket="$SOCKET" -u"$MARIADB_USER" -p"$MARIADB_PASSWORD" "$MARIADB_DATABASE" <"$f"
		done
		temp_server_stop
		note "MariaDB init process done. Ready for start up."
	fi
fi
exec "$@"
