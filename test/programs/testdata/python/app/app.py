import json
import platform
import sqlite3

from flask import Flask, request

app = Flask(__name__)
settings = json.load(open("/app/var/settings.json"))


@app.get("/")
def index():
    with sqlite3.connect("/app/var/app.db") as db:
        db.execute("INSERT INTO visits (page) VALUES (?)", (request.full_path,))
        count = db.execute("SELECT count(*) FROM visits").fetchone()[0]
    return {"visits": count, "python": platform.python_version()}
