#!/bin/sh
set -e
defined=$(printf '${%s} ' $(awk "END { for (name in ENVIRON) print name }" </dev/null))
find /etc/nginx/templates -follow -type f -name '*.template' -print | while read -r template; do
	output=/etc/nginx/conf.d/$(basename "$template" .template)
	echo "running envsubst on $template to $output"
	envsubst "$defined" <"$template" >"$output"
done
