"""Access to the audit log of a service under test."""

import json
from typing import Any

from flask import Flask


def events_of(app: Flask, account_id: int) -> list[dict[str, Any]]:
    """List the events that ``accounts log`` shows for an account."""
    done = app.test_cli_runner().invoke(args=["accounts", "log", str(account_id), "--json"])
    assert done.exit_code == 0, done.output
    events: list[dict[str, Any]] = json.loads(done.output)
    return events
