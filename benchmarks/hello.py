"""The smallest Flask program: what one request costs when nothing is done in it."""

from flask import Flask

app = Flask(__name__)


@app.get("/")
def hello() -> str:
    """Answer."""
    return "Hello"
