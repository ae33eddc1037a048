#!/bin/sh
set -e
# a first argument that is an option or a file of settings
if [ "${1#-}" != "$1" ] || [ "${1%.conf}" != "$1" ]; then
	set -- redis-server "$@"
fi
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
	find . \! -user redis -exec chown redis '{}' +
	exec setpriv --reuid=redis --regid=redis --clear-groups -- "$0" "$@"
fi
# private files unless the user wants it otherwise
um="$(umask)"
if [ "$um" = 0022 ]; then
	umask 0077
fi
exec "$@"
