"""What the services say to each other, as it goes over the wire: a file per event and call.

``v1`` holds what the first released version says. A file there never changes; what a later
version says differently goes into a folder of its own. The sender is tested for saying exactly
what the newest file shows, the receiver for taking every file that was ever kept, and what
may come after.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from shared.data.client import SECRET_HEADER
from shared.runtime import runtime_of
from shared.testing.client import ApiClient, Reply

_FOLDERS = sorted(Path(__file__).parent.glob("v*"), key=lambda folder: int(folder.name[1:]))
_ODD: tuple[Any, ...] = (
    None,
    [],
    {},
    "",
    "x",
    "nul\x00",
    "\ud800",
    True,
    -1,
    0,
    1.5,
    2**63,
    10**30,
)

Contract = dict[str, Any]


def names(kind: str) -> set[str]:
    """The names of all ``events``, or of all ``calls``."""
    return {f"{kind}/{file.stem}" for folder in _FOLDERS for file in (folder / kind).iterdir()}


def versions(name: str) -> list[Contract]:
    """What every kept version says, or is asked and answers, oldest first: ``events/account``."""
    return [said for _, said in _kept(name)]


def newest(name: str) -> Contract:
    """What the service of today says, or is asked and answers."""
    return versions(name)[-1]


def all_versions(*names: str) -> list[Any]:
    """Parameters of a test, ``name`` and ``said``: each kept version, and one to come.

    The one to come knows more fields, wherever there are fields.
    """
    kept = [(name, version, said) for name in names for version, said in _kept(name)]
    later = [(name, "later", _with_more(newest(name))) for name in names]
    return [
        pytest.param(name, said, id=f"{name.partition('/')[2]} {version}")
        for name, version, said in (*kept, *later)
    ]


def matches_newest(event: dict[str, Any]) -> bool:
    """Whether the newest version tells such an event, with these fields and no others."""
    name = f"events/{event['type']}"
    return name in names("events") and form(event) == form(newest(name))


def ask(app: Flask, said: Contract) -> Reply:
    """Call a service as a contract of ``calls`` shows it."""
    fields: dict[str, Any] = (
        {"query_string": said["fields"]}
        if said["method"] == "GET"
        else {"data": json.dumps(said["fields"])}
    )
    headers = {SECRET_HEADER: "current-test-secret"}
    return ApiClient(app).call(said["method"], said["path"], headers=headers, **fields)


def undescribed(app: Flask) -> set[str]:
    """The endpoints under ``/internal``, and the events that a service takes, without a file."""
    paths = {newest(name)["path"] for name in names("calls")}
    served = {rule.rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/internal")}
    taken = {f"events/{kind}" for kind in runtime_of(app).event_types}
    return (served - paths) | (taken - names("events"))


def state(kind: str, **fields: Any) -> dict[str, Any]:
    """A state that an event of today carries, with ``fields`` in the place of its own."""
    usual: dict[str, Any] = newest(f"events/{kind}")["state"]
    return usual | fields


def odd_events(kind: str) -> Iterator[Any]:
    """Events that no service of today tells, nearly like one that they do tell."""
    usual = newest(f"events/{kind}")["state"]
    yield {"type": kind}
    yield from ({"type": kind, "state": odd} for odd in _ODD)
    for field in usual:
        yield {"type": kind, "state": {name: usual[name] for name in usual if name != field}}
        yield from ({"type": kind, "state": usual | {field: odd}} for odd in _ODD)


def form(value: Any) -> Any:
    """The fields and types in a JSON value, without the values."""
    if isinstance(value, dict):
        return {name: form(each) for name, each in value.items()}
    if isinstance(value, list):
        return [form(each) for each in value]
    return type(value)


def _kept(name: str) -> list[tuple[str, Contract]]:
    files = (folder / f"{name}.json" for folder in _FOLDERS)
    return [
        (file.parent.parent.name, json.loads(file.read_text())) for file in files if file.exists()
    ]


def _with_more(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_more(each) for name, each in value.items()} | {"of_tomorrow": {"a": 1}}
    if isinstance(value, list):
        return [_with_more(each) for each in value]
    return value
