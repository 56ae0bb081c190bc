"""The yardstick: a Flask application that answers a small JSON and does nothing else."""

from __future__ import annotations

from flask import Flask, Response, jsonify

app = Flask("bare")


@app.get("/")
def hello() -> Response:
    return jsonify(hello="world", number=1)
