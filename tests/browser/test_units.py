"""The web client without a browser: rooms, outbox, live connection, texts."""

import json
from pathlib import Path

from tests.browser.windows import run_node

ROOT = Path(__file__).resolve().parents[2]
UNITS = sorted((ROOT / "web" / "tests" / "unit").glob("*.test.js"))


def test_the_units_hold() -> None:
    run = run_node("--test", *map(str, UNITS))

    assert run.returncode == 0, run.stdout[-4000:]


def test_every_error_of_the_services_has_words() -> None:
    texts = json.loads((ROOT / "web" / "words" / "en.json").read_text())
    declared = {
        line.split('"')[1]
        for catalogue in ROOT.glob("*/errors.py")
        for line in catalogue.read_text().splitlines()
        if "ErrorSpec(4" in line and ", -4" not in line.split('"')[0]
    }

    assert sorted(info for info in declared if info not in texts and "{" not in info) == []
