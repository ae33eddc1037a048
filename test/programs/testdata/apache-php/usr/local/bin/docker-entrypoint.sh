#!/usr/bin/env bash
set -Eeuo pipefail
if [[ "$1" == apache2* ]]; then
	user=www-data group=www-data
	if [ ! -e index.php ]; then
		if [ "$(id -u)" = 0 ] && [ "$(stat -c %u:%g .)" = 0:0 ]; then
			chown "$user:$group" .
		fi
		echo "application not found in $PWD - copying now..."
		tar --create --file - --directory /usr/src/application --owner "$user" --group "$group" . | tar --extract --file - --no-overwrite-dir
		echo "complete"
	fi
	if [ ! -s config.php ]; then
		awk '
			/put your unique phrase here/ {
				cmd = "head -c1m /dev/urandom | sha1sum | cut -d\\  -f1"
				cmd | getline str
				close(cmd)
				gsub("put your unique phrase here", str)
			}
			{ print }
		' config-docker.php >config.php
		chown "$user:$group" config.php
	fi
fi
exec "$@"
