"""Hooks of schemathesis: existing ids as examples, and a check of every error response.

It loads this file by ``SCHEMATHESIS_HOOKS`` into a process of its own.
"""

import json
import os
from collections.abc import Iterator
from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, HookContext, Response

EXAMPLES = "IMS_TEST_EXAMPLES"
NEEDS_NO_LINE = {405, 415}  # The same for every path; each has its test.


@schemathesis.hook
def before_load_schema(_context: HookContext, raw_schema: dict[str, Any]) -> None:
    """Replace the examples of the document by values that exist."""
    examples: dict[str, Any] = json.loads(os.environ[EXAMPLES])
    for name, schema in _named_schemas(raw_schema):
        if name in examples:
            schema["example"] = examples[name]


def _named_schemas(part: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """The schema of every parameter and every property, with its name."""
    if isinstance(part, dict):
        if {"in", "name", "schema"} <= part.keys():
            yield part["name"], part["schema"]
        properties = part.get("properties")
        if isinstance(properties, dict):
            yield from properties.items()
    if isinstance(part, dict | list):
        for inner in part.values() if isinstance(part, dict) else part:
            yield from _named_schemas(inner)


@schemathesis.check
def refusal_is_documented(_context: CheckContext, response: Response, case: Case[Any]) -> None:
    """An error response is documented with its status, code and text."""
    if response.status_code == 200 or response.status_code in NEEDS_NO_LINE:
        return
    described = case.operation.definition.raw["responses"].get(str(response.status_code))
    assert described is not None, f"undocumented status {response.status_code}"
    lines = described["content"]["application/json"]["examples"]
    given = response.json()
    assert any(_fits(info, lines[info]["value"]["code"], given) for info in lines), (
        f"undocumented refusal {given}"
    )


def _fits(info: str, code: int, given: dict[str, Any]) -> bool:
    before, blank, _ = info.partition("{")
    fits = given["info"].startswith(before) if blank else given["info"] == info
    return bool(code == given["code"] and fits)
