#!/bin/sh
set -e
if [ "$1" = nginx ]; then
	find /docker-entrypoint.d/ -follow -type f -print | sort -V | while read -r f; do
		case $f in
		*.envsh) . "$f" ;;
		*.sh) echo "running $f" && "$f" ;;
		*) echo "ignoring $f" ;;
		esac
	done
	echo "configuration complete; ready for start up"
fi
exec "$@"
