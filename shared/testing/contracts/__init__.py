"""The contracts between services: one JSON file per event and call, as sent over the network.

``v1`` contains the contracts of the first released version. A file in it never changes; a later
version that differs goes into a folder of its own. Senders are tested to send exactly the newest
file, receivers to accept every stored file and unknown fields.
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
_MALFORMED_VALUES: tuple[Any, ...] = (
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
    """List the names of all ``events``, or of all ``calls``."""
    return {f"{kind}/{file.stem}" for folder in _FOLDERS for file in (folder / kind).iterdir()}


def versions(name: str) -> list[Contract]:
    """List the stored versions of a contract, oldest first; a name is like ``events/account``."""
    return [contract for _, contract in _stored_versions(name)]


def newest(name: str) -> Contract:
    """Get the newest version of a contract."""
    return versions(name)[-1]


def all_versions(*names: str) -> list[Any]:
    """Create parameters of a test, ``name`` and ``contract``: each stored version, and a future
    one.

    The future version has unknown fields in every object.
    """
    stored = [
        (name, version, contract) for name in names for version, contract in _stored_versions(name)
    ]
    later = [(name, "later", _with_unknown_fields(newest(name))) for name in names]
    return [
        pytest.param(name, contract, id=f"{name.partition('/')[2]} {version}")
        for name, version, contract in (*stored, *later)
    ]


def matches_newest(event: dict[str, Any]) -> bool:
    """Whether an event has exactly the fields and types of the newest contract."""
    name = f"events/{event['type']}"
    return name in names("events") and json_shape(event) == json_shape(newest(name))


def call(app: Flask, contract: Contract) -> Reply:
    """Call a service according to a contract of ``calls``."""
    fields: dict[str, Any] = (
        {"query_string": contract["fields"]}
        if contract["method"] == "GET"
        else {"data": json.dumps(contract["fields"])}
    )
    headers = {SECRET_HEADER: "current-test-secret"}
    return ApiClient(app).call(contract["method"], contract["path"], headers=headers, **fields)


def list_undocumented(app: Flask) -> set[str]:
    """List the endpoints under ``/internal`` and the consumed events of a service that have no
    contract.
    """
    paths = {newest(name)["path"] for name in names("calls")}
    served = {rule.rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/internal")}
    consumed = {f"events/{kind}" for kind in runtime_of(app).event_types}
    return (served - paths) | (consumed - names("events"))


def state(kind: str, **fields: Any) -> dict[str, Any]:
    """Create the state of an event of the newest version, with changed ``fields``."""
    usual: dict[str, Any] = newest(f"events/{kind}")["state"]
    return usual | fields


def malformed_events(kind: str) -> Iterator[Any]:
    """Yield events that differ slightly from those of the newest version."""
    usual = newest(f"events/{kind}")["state"]
    yield {"type": kind}
    yield from ({"type": kind, "state": malformed} for malformed in _MALFORMED_VALUES)
    for field in usual:
        yield {"type": kind, "state": {name: usual[name] for name in usual if name != field}}
        yield from (
            {"type": kind, "state": usual | {field: malformed}} for malformed in _MALFORMED_VALUES
        )


def json_shape(value: Any) -> Any:
    """Replace the values in JSON by their types."""
    if isinstance(value, dict):
        return {name: json_shape(each) for name, each in value.items()}
    if isinstance(value, list):
        return [json_shape(each) for each in value]
    return type(value)


def _stored_versions(name: str) -> list[tuple[str, Contract]]:
    files = (folder / f"{name}.json" for folder in _FOLDERS)
    return [
        (file.parent.parent.name, json.loads(file.read_text())) for file in files if file.exists()
    ]


def _with_unknown_fields(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_unknown_fields(each) for name, each in value.items()} | {
            "of_tomorrow": {"a": 1}
        }
    if isinstance(value, list):
        return [_with_unknown_fields(each) for each in value]
    return value
