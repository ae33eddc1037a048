#!/bin/bash
set -e
export JAVA_HOME=$(dirname "$(dirname "$(readlink -f "$(command -v java)")")")
if [ "$1" = catalina.sh ]; then
	shift
	chown -R tomcat: "$CATALINA_BASE/work" "$CATALINA_BASE/logs" /var/lib/tomcat10/webapps 2>/dev/null || true
	mkdir -p /tmp/tomcat && chown tomcat: /tmp/tomcat
	exec setpriv --reuid=tomcat --regid=tomcat --init-groups "$CATALINA_HOME/bin/catalina.sh" "$@"
fi
exec "$@"
