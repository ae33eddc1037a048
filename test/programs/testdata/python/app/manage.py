import sqlite3
import sys

if sys.argv[1:] == ["migrate"]:
    with sqlite3.connect("/app/var/app.db") as db:
        db.execute("CREATE TABLE IF NOT EXISTS visits (id INTEGER PRIMARY KEY, page TEXT)")
    print("migrated")
