"""The smallest Flask program; its cost per request is the unit H."""

from flask import Flask

app = Flask(__name__)


@app.get("/")
def hello() -> str:
    """Return a constant."""
    return "Hello"
