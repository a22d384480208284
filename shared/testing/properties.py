"""Stories of chance: rules that are tried with deeds in any order, against a small model.

Usually a few stories, always the same ones. ``STORIES=1000`` in the environment tells as many, and
others each time; one that fails is shortened and printed, deed by deed.
"""

import itertools
import os
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from shared.testing.client import Reply, assert_error
from shared.web.errors import ErrorSpec

_EXAMPLES = int(os.environ.get("EXAMPLES") or 0)
_unused_ids = itertools.count(1000)

example_settings = settings(
    max_examples=_EXAMPLES or 8,
    stateful_step_count=50 if _EXAMPLES else 40,
    derandomize=not _EXAMPLES,
    deadline=None,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
"""How many stories, and how long."""

extended_timeout = pytest.mark.timeout(
    600 + 30 * _EXAMPLES
)  # To shorten a story that fails takes a while.


def run_state_machine(create_machine: Callable[[], RuleBasedStateMachine]) -> None:
    """Make a world and let chance act in it, again and again.

    Args:
        create_machine: makes a world in which nothing has happened; its rules act and compare.
    """
    run_state_machine_as_test(create_machine, settings=example_settings)  # type: ignore[arg-type]


def new_user_ids(count: int) -> list[int]:
    """Ids of people who were in no story before, so that nothing need be tidied up."""
    return list(itertools.islice(_unused_ids, count))


def succeeds(reply: Reply, refusal: ErrorSpec | None) -> bool:
    """Compare an answer with what the model says; whether the deed had an effect."""
    if refusal is not None:
        assert_error(reply, refusal)
        return False
    assert reply.status_code == 200, reply.json
    return True
