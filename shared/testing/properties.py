"""Stateful property tests: random operations, compared with a small model.

By default a few fixed examples run. ``EXAMPLES=1000`` in the environment runs as many random ones;
a failing example is minimized and printed step by step.
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
"""The number and length of examples."""

extended_timeout = pytest.mark.timeout(600 + 30 * _EXAMPLES)  # Minimizing a failure takes long.


def run_state_machine(create_machine: Callable[[], RuleBasedStateMachine]) -> None:
    """Run examples of a state machine.

    Args:
        create_machine: creates a machine in its initial state; its rules act and compare.
    """
    run_state_machine_as_test(create_machine, settings=example_settings)  # type: ignore[arg-type]


def new_user_ids(count: int) -> list[int]:
    """Return ids that no earlier example used, so that no cleanup is necessary."""
    return list(itertools.islice(_unused_ids, count))


def succeeds(reply: Reply, refusal: ErrorSpec | None) -> bool:
    """Check a response against the model; return whether the operation had an effect."""
    if refusal is not None:
        assert_error(reply, refusal)
        return False
    assert reply.status_code == 200, reply.json
    return True
