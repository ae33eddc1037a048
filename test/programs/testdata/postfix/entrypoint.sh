#!/bin/bash
set -e
postconf -e "myhostname=$HOSTNAME" "mydestination=localhost" "mynetworks=127.0.0.0/8,10.0.0.0/8" "inet_interfaces=all" \
	"maillog_file=/dev/stdout" "relayhost=${RELAYHOST:-}" "smtp_tls_security_level=may"
if [ -n "$RELAYHOST_USERNAME" ]; then
	echo "$RELAYHOST $RELAYHOST_USERNAME:$RELAYHOST_PASSWORD" >/etc/postfix/sasl_passwd
	chmod 600 /etc/postfix/sasl_passwd
	postmap hash:/etc/postfix/sasl_passwd
	postconf -e "smtp_sasl_auth_enable=yes" "smtp_sasl_password_maps=hash:/etc/postfix/sasl_passwd" "smtp_sasl_security_options=noanonymous"
fi
for s in /etc/resolv.conf /etc/hosts /etc/services; do
	cp "$s" "/var/spool/postfix$s"
done
newaliases
exec /usr/sbin/postfix -c /etc/postfix start-fg
