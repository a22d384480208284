"""Field types: accepted values, and errors that name the field."""

import json
from typing import Any

import pytest

from shared.testing.client import ApiClient, assert_error
from shared.testing.invalid_inputs import NOT_IDS, NOT_TEXTS
from shared.web.budget import Budget
from shared.web.errors import BAD_PARAMETER

NOON = "2025-03-13T12:00:00+00:00"
TIMES = {
    "2025-03-13T12:00:00Z": NOON,
    "2025-03-13T12:00:00": NOON,
    "2025-03-13 12:00:00": NOON,
    "2025-03-13T20:00:00+08:00": NOON,
    "2025-03-13T20:00:00+0800": NOON,
    "2025-03-13T11:00:00-01:00": NOON,
    "2025-03-13T12:00:00.5Z": "2025-03-13T12:00:00.500000+00:00",
    "2025-03-13T12:00:00.123456789Z": "2025-03-13T12:00:00.123456+00:00",
    "2025-03-13T20:00:00+08": NOON,
    "2025-03-13T12:00:00,5Z": "2025-03-13T12:00:00.500000+00:00",
    "2025-03-13t12:00:00z": NOON,
    f"2025-03-13T12:00:00.{'0' * 30}-00": NOON,
}
NOT_TIMES: tuple[Any, ...] = (
    "",
    "now",
    "2025-03-13",
    "12:00:00",
    "2025-13-01T00:00:00Z",
    "2025-02-30 00:00:00",
    "2025-03-13T12:00:00 Z",
    "2025-03-13T12:00:00Z\n",
    "2025-03-13T25:00:00Z",
    "2025-03-13T12:00:00.Z",
    "2025-03-13T12:00:00+8",
    "2025-03-13T12:00:00+08:",
    "2025-03-13T12:00:00+08:60",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "٢٠٢٥-03-13T12:00:00Z",
    1741867200,
    True,
    [],
)
NOT_FLAGS: tuple[Any, ...] = (0, 1, "true", "false", "", [], {})


def _echo(who: ApiClient, **fields: Any) -> Any:
    response = who.post("/echo", data=json.dumps(fields))
    assert response.status_code == 200
    return response.json


@pytest.mark.parametrize("sent", [12, "12", "0012", 0, 2**63 - 1, str(2**63 - 1)])
def test_an_id_is_an_integer_or_a_decimal_string(alice: ApiClient, sent: int | str) -> None:
    assert _echo(alice, id=sent)["id"] == int(sent)


@pytest.mark.parametrize("sent", NOT_IDS, ids=repr)
def test_what_cannot_be_an_id_is_refused(alice: ApiClient, sent: Any) -> None:
    response = alice.post("/echo", data=json.dumps({"id": sent}))
    assert_error(response, BAD_PARAMETER, field="id")


def test_an_id_is_taken_under_its_other_name(alice: ApiClient) -> None:
    assert _echo(alice, thingId="7")["id"] == 7
    assert alice.get("/echo?thingId=8").json["id"] == 8


def test_an_ids_own_name_goes_before_the_other(alice: ApiClient) -> None:
    assert _echo(alice, id=1, thingId=2)["id"] == 1


@pytest.mark.parametrize("sent", ["", " ", "a\nb", "中文", "🙂", "\u202e", "\x7f"])
def test_a_text_comes_as_it_was_sent(alice: ApiClient, sent: str) -> None:
    assert _echo(alice, text=sent)["text"] == sent


@pytest.mark.parametrize("sent", NOT_TEXTS, ids=ascii)
def test_what_is_no_text_is_refused(alice: ApiClient, sent: Any) -> None:
    response = alice.post("/echo", data=json.dumps({"text": sent}))
    assert_error(response, BAD_PARAMETER, field="text")


@pytest.mark.parametrize(("sent", "meant"), TIMES.items())
def test_a_time_is_taken_in_every_form_and_is_utc(alice: ApiClient, sent: str, meant: str) -> None:
    assert _echo(alice, since=sent)["since"] == meant


@pytest.mark.parametrize("sent", NOT_TIMES, ids=ascii)
def test_what_is_no_time_is_refused(alice: ApiClient, sent: Any) -> None:
    assert_error(alice.post("/echo", json={"since": sent}), BAD_PARAMETER, field="since")


def test_an_upper_bound_without_a_fraction_means_the_whole_second(alice: ApiClient) -> None:
    seconds = _echo(alice, until="2025-03-13T12:00:00Z")["until"]
    exact = _echo(alice, until="2025-03-13T12:00:00.0Z")["until"]
    assert seconds == "2025-03-13T12:00:00.999999+00:00"
    assert exact == NOON


@pytest.mark.parametrize("sent", NOT_FLAGS, ids=repr)
def test_only_a_boolean_is_a_flag(alice: ApiClient, sent: Any) -> None:
    assert _echo(alice, flag=True)["flag"] is True
    assert_error(alice.post("/echo", json={"flag": sent}), BAD_PARAMETER, field="flag")


def test_null_means_absent(alice: ApiClient) -> None:
    nothing = dict.fromkeys(("id", "text", "flag", "since", "until"))
    assert _echo(alice, **nothing) == _echo(alice)


def test_a_query_string_wins_over_a_body(alice: ApiClient) -> None:
    response = alice.get("/echo?text=query", json={"text": "body", "id": 5}).json
    assert (response["text"], response["id"]) == ("query", 5)


@pytest.mark.parametrize("sent", ["%FF", "a%C3(", "%ED%A0%80"])
def test_a_query_string_holds_utf_8_alone(alice: ApiClient, sent: str) -> None:
    assert_error(alice.get(f"/echo?text={sent}"), BAD_PARAMETER, field="text")


def test_a_leading_byte_order_mark_is_not_part_of_the_json(alice: ApiClient) -> None:
    body = b'\xef\xbb\xbf{"text": "here"}'

    assert alice.post("/echo", data=body).json["text"] == "here"
    assert alice.get("/echo", data=body).json["text"] == "here"


def test_only_one_byte_order_mark_is_left_out(alice: ApiClient) -> None:
    assert_error(alice.post("/echo", data=b"\xef\xbb\xbf" * 2 + b"{}"), BAD_PARAMETER, field="body")


def test_an_endless_number_is_a_bad_value_of_its_field(alice: ApiClient) -> None:
    """Python does not parse more than 4,300 digits."""
    body = b'{"text": ' + b"9" * 5000 + b"}"
    assert_error(alice.post("/echo", data=body), BAD_PARAMETER, field="text")


def test_a_large_body_is_parsed_only_once(alice: ApiClient) -> None:
    """One with a lone surrogate needs a slow parser to name the field."""
    surrogate = b'{"text": "\\ud800"}'

    assert_error(alice.post("/echo", data=surrogate), BAD_PARAMETER, field="text")
    large = surrogate + b" " * 64 * 1024
    assert_error(alice.post("/large-echo", data=large), BAD_PARAMETER, field="body")


def test_an_empty_body_reserves_no_memory(
    alice: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.web.api._large_bodies", Budget(0))

    empty = alice.post("/large-echo", environ_overrides={"CONTENT_LENGTH": "0"})

    assert_error(empty, BAD_PARAMETER, field="body")


@pytest.mark.parametrize("nothing", [b"[]", b"[[[]]]", b'{"a": 1}', b"1"])
def test_a_large_body_has_few_values(alice: ApiClient, nothing: bytes) -> None:
    """Each value takes memory and time; an image is one of them."""

    def body(count: int) -> bytes:
        return b'{"text": "here", "other": [' + b",".join([nothing] * count) + b"]}"

    padding = b" " * 64 * 1024
    assert alice.post("/large-echo", data=body(1_500) + padding).json["text"] == "here"
    assert_error(
        alice.post("/large-echo", data=body(10_000) + padding), BAD_PARAMETER, field="body"
    )
    assert alice.post("/large-echo", data=body(7_000)).json["text"] == "here"
