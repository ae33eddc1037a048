#!/bin/bash
set -e
PUID=${PUID:-911} PGID=${PGID:-911} USER_NAME=${USER_NAME:-ops}
groupadd -o -g "$PGID" "$USER_NAME" 2>/dev/null || true
id "$USER_NAME" >/dev/null 2>&1 || useradd -o -u "$PUID" -g "$PGID" -d /config -s /bin/bash "$USER_NAME"
usermod -p '*' "$USER_NAME"
mkdir -p /config/.ssh /config/logs /config/ssh_host_keys /run/sshd
if [ ! -f /config/ssh_host_keys/ssh_host_ed25519_key ]; then
	ssh-keygen -A
	cp /etc/ssh/ssh_host_* /config/ssh_host_keys/
fi
touch /config/.ssh/authorized_keys
if [ -n "$PUBLIC_KEY" ]; then
	grep -q "$PUBLIC_KEY" /config/.ssh/authorized_keys || echo "$PUBLIC_KEY" >>/config/.ssh/authorized_keys
	echo "public key from env variable added"
fi
if [ -d "$PUBLIC_KEY_DIR" ]; then
	for f in "$PUBLIC_KEY_DIR"/*; do
		[ -f "$f" ] && cat "$f" >>/config/.ssh/authorized_keys
	done
fi
if [ "$SUDO_ACCESS" = true ]; then
	sed -i "/$USER_NAME ALL.*/d" /etc/sudoers
	echo "$USER_NAME ALL=(ALL) NOPASSWD: ALL" >>/etc/sudoers
fi
sed -i 's/^#\?PasswordAuthentication.*/PasswordAuthentication no/' /etc/ssh/sshd_config
chown -R "$USER_NAME": /config
chmod go-w /config
chmod 700 /config/.ssh
chmod 600 /config/.ssh/authorized_keys
exec /usr/sbin/sshd -D -e -p 2222
