#!/bin/sh
set -e
printenv | grep -v '^_=' | sed 's/^\(.*\)$/export \1/' >/run/environment.sh
printf 'SHELL=/bin/sh\n%s root . /run/environment.sh; /usr/local/bin/report >>/var/log/report.log 2>&1\n' "$REPORT_SCHEDULE" >/etc/cron.d/report
chmod 0644 /etc/cron.d/report
echo "*/5 * * * * /usr/local/bin/report" | crontab -u app -
cp /usr/local/share/init.d/*.sh /run/
for f in /run/*-init.sh; do
	chmod +x "$f"
	"$f"
done
exec /usr/bin/supervisord -n -c /etc/supervisor/supervisord.conf
