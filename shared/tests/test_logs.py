"""Log lines: JSON, with the request's id, and without secrets."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from io import StringIO
from typing import Any

import pytest

from shared.logs import configure_logging
from shared.testing.client import ApiClient

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def written(app: object) -> Iterator[StringIO]:
    """Standard error as JSON lines; the logs of other tests are unchanged."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with redirect_stderr(StringIO()) as stream:
        configure_logging("tiny", "INFO", "json")
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def lines(written: StringIO) -> Lines:
    """Parse the written lines."""
    return lambda: [json.loads(line) for line in written.getvalue().splitlines()]


def _requests(lines: Lines) -> list[dict[str, Any]]:
    return [line for line in lines() if line["event"] == "request"]


def test_a_request_is_one_line_of_facts(alice: ApiClient, lines: Lines) -> None:
    alice.get("/echo")
    [line] = _requests(lines)
    facts = ("level", "service", "method", "route", "status", "user_id")
    assert [line[fact] for fact in facts] == ["INFO", "tiny", "GET", "/echo", 200, 1]
    assert line["ms"] >= 0


def test_a_probe_is_no_line(alice: ApiClient, lines: Lines) -> None:
    alice.get("/healthz")
    alice.get("/livez")
    alice.get("/echo")
    assert [line["route"] for line in _requests(lines)] == ["/echo"]


def test_the_requests_id_is_taken_given_back_and_written(alice: ApiClient, lines: Lines) -> None:
    response = alice.get("/me", headers={"X-Request-Id": "ab-12.c_D"})
    [line] = _requests(lines)
    assert response.headers["X-Request-Id"] == line["request_id"] == "ab-12.c_D"


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "<script>", "é"])
def test_an_id_that_is_not_well_formed_is_replaced(alice: ApiClient, given: str) -> None:
    response = alice.get("/me", headers={"X-Request-Id": given})
    assert len(response.headers["X-Request-Id"]) == 32


def test_two_requests_have_two_ids(alice: ApiClient) -> None:
    first, second = alice.get("/me").headers, alice.get("/me").headers
    assert first["X-Request-Id"] != second["X-Request-Id"]


def test_what_people_send_is_not_written_down(alice: ApiClient, lines: Lines) -> None:
    alice.get("/echo?text=from-the-query&token=a-token")
    alice.post("/echo", json={"text": "from-the-body"})
    alice.get("/nowhere/in-the-path?text=from-the-query")
    written = json.dumps(lines())
    hidden = ("from-the-query", "a-token", "from-the-body", "in-the-path", str(alice.token))
    assert [text for text in hidden if text in written] == []


def test_a_failure_is_written_with_its_trace(lines: Lines) -> None:
    logging.getLogger("x").error("failed", exc_info=LookupError("why"))
    [line] = lines()
    assert line["event"] == "failed"
    assert "LookupError: why" in line["exc_info"]


def test_text_lines_are_for_people(written: StringIO) -> None:
    with redirect_stderr(written):
        configure_logging("tiny", "INFO", "text")
    logging.getLogger("x").info("something_happened", extra={"count": 3})
    assert written.getvalue().endswith("INFO    tiny something_happened count=3\n")
