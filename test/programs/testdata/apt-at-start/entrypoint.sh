#!/bin/bash
set -e
# what the deployment asks for, as far as the network gives it
if [ -n "$EXTRA_PACKAGES" ]; then
	apt-get update || echo "no package lists, going on with what is here"
	apt-get install -y --no-install-recommends $EXTRA_PACKAGES || echo "not to be had: $EXTRA_PACKAGES"
fi
apt-get install -y --no-install-recommends /opt/packages/*.deb
rm -rf /var/lib/apt/lists/*
sudo -u nobody id
exec busybox httpd -f -vv -p 8080 -h /srv/www
