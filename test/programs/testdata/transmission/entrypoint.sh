#!/bin/bash
set -e
# the user whose numbers the deployment gives
groupmod -o -g "${PGID:-1000}" debian-transmission
usermod -o -u "${PUID:-1000}" debian-transmission
mkdir -p /config /downloads/complete /downloads/incomplete
if [ ! -f /config/settings.json ]; then
	cp /defaults/settings.json /config/settings.json
fi
if [ -n "$USER" ] && [ -n "$PASS" ]; then
	sed -i "s/\"rpc-username\": \".*\"/\"rpc-username\": \"$USER\"/; s/\"rpc-password\": \".*\"/\"rpc-password\": \"$PASS\"/" /config/settings.json
fi
chown -R debian-transmission: /config /downloads
exec setpriv --reuid=debian-transmission --regid=debian-transmission --init-groups \
	transmission-daemon -f -g /config
