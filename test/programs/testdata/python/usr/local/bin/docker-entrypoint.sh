#!/bin/sh
set -e
if [ "$1" = gunicorn ]; then
	python3 /app/manage.py migrate
	python3 - <<'PY'
import json, os, pathlib
settings = {"debug": os.environ.get("APP_DEBUG") == "1", "workers": int(os.environ.get("APP_WORKERS", "2"))}
pathlib.Path("/app/var/settings.json").write_text(json.dumps(settings))
PY
fi
exec "$@"
