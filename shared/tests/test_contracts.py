"""Contracts between services only gain fields."""

from itertools import pairwise
from typing import Any

import pytest

from shared.testing.contracts import json_shape, names, versions

EVENTS, CALLS = sorted(names("events")), sorted(names("calls"))


@pytest.mark.parametrize("name", [*EVENTS, *CALLS])
def test_a_later_version_says_all_that_an_earlier_one_said(name: str) -> None:
    for earlier, later in pairwise(versions(name)):
        assert _holds(json_shape(later), json_shape(earlier))


@pytest.mark.parametrize("name", EVENTS)
def test_a_file_is_named_after_its_event(name: str) -> None:
    assert {f"events/{event['type']}" for event in versions(name)} == {name}


def _holds(later: Any, earlier: Any) -> bool:
    if isinstance(earlier, dict):
        return all(name in later and _holds(later[name], earlier[name]) for name in earlier)
    if isinstance(earlier, list):
        return all(_holds(*pair) for pair in zip(later, earlier, strict=True))
    return bool(later == earlier)
