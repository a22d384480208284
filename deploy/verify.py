"""Check the integrity of the data of all services. Changes nothing.

Run ``python -m deploy.verify`` or ``make verify``. The product can be running or stopped. Each
service checks its own database (``python -m chat_service verify``). This module compares copies
with their sources, taking undelivered events into account. Status 1: an invariant is violated.
Status 2: a check could not run.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import IO, Any, NamedTuple

from deploy.environment import environment_of_existing_run
from deploy.programs import SERVICES, environment_of
from deploy.run import ROOT
from shared.operations.integrity import (
    HEADING,
    MAX_EXAMPLES,
    CheckResult,
    format_row,
    show_progress,
)
from shared.settings import SettingsError

_POLL_INTERVAL = 2.0
_PROGRESS_INTERVAL = 1000


class SharedState(NamedTuple):
    """State that one service owns and others copy.

    Attributes:
        key: the fields that identify a row, and by which rows are sorted.
        teller: the service that owns the state.
        knowers: the other services, and the invariant of each.
    """

    key: tuple[str, ...]
    owner: str
    replicas: Mapping[str, str]


SHARED = {
    "account": SharedState(
        ("id",),
        "auth_service",
        {
            "social_service": "social knows every account as auth does",
            "chat_service": "chat knows every account as auth does",
        },
    ),
    "friendship": SharedState(
        ("low_id", "high_id"),
        "social_service",
        {"chat_service": "each friendship is a private chat, open while it lasts"},
    ),
}
"""Shared states by event type, in the order in which services list them."""

Key = tuple[int, ...]
Lines = IO[bytes]
State = dict[str, Any]


class Comparison(NamedTuple):
    """The number of rows, and the differences of a service's copy by key."""

    row_count: int
    differences: dict[Key, str]


class SurveyError(Exception):
    """A service could not list its state."""


def main() -> int:
    """Run all checks and print the results."""
    argparse.ArgumentParser(prog="python -m deploy.verify", description=__doc__).parse_args()
    try:
        env = environment_of_existing_run(os.environ)
        _echo(HEADING)
        violations = 0
        for result in run_all_checks(env):
            _echo(format_row(result))
            violations += result.violations
    except (SettingsError, SurveyError) as reason:
        _echo(f"Cannot check: {reason}")
        return 2
    _echo(f"{violations} violations." if violations else "No violations.")
    return 1 if violations else 0


def run_all_checks(env: Mapping[str, str]) -> Iterator[CheckResult]:
    """Run the checks of each service, then compare their states.

    Args:
        env: the environment of all programs.

    Raises:
        SurveyError: the survey of a service failed.
    """
    with _surveys(env) as surveys:
        for service, survey in surveys.items():
            for row in _read_section(survey):
                result = CheckResult(**row)
                yield result._replace(
                    invariant=f"{service.removesuffix('_service')}: {result.invariant}"
                )
        comparisons, _ = _compare(surveys)
    if any(comparison.differences for comparison in comparisons.values()):
        comparisons = _persistent_differences(comparisons, env)
    for (kind, replica), (count, differences) in comparisons.items():
        examples = [f"{' and '.join(map(str, key))}: {what}" for key, what in differences.items()]
        yield CheckResult(
            SHARED[kind].replicas[replica], count, len(differences), examples[:MAX_EXAMPLES]
        )


Comparisons = dict[tuple[str, str], Comparison]


def _persistent_differences(earlier: Comparisons, env: Mapping[str, str]) -> Comparisons:
    """Compare again what differs: state changes and events arrive while the product runs."""
    time.sleep(_POLL_INTERVAL)
    with _surveys(env, "--only-states") as surveys:
        for survey in surveys.values():
            list(_read_section(survey))
        later, pending_events = _compare(surveys)
    return {
        what: Comparison(
            count,
            {
                key: difference
                for key, difference in differences.items()
                if difference == earlier[what].differences.get(key)
                and (*what, key) not in pending_events
            },
        )
        for what, (count, differences) in later.items()
    }


def _compare(surveys: Mapping[str, Lines]) -> tuple[Comparisons, set[tuple[str, str, Key]]]:
    """Compare the surveys, and list undelivered events as kind, service and key."""
    comparisons: Comparisons = {}
    for kind, shared in SHARED.items():
        services = (shared.owner, *shared.replicas)
        differences_by_replica: dict[str, dict[Key, str]] = {
            replica: {} for replica in shared.replicas
        }
        count = 0
        for key, replicated in _merge_by_key(shared, {name: surveys[name] for name in services}):
            for replica, differences in differences_by_replica.items():
                difference = _difference(replicated.get(shared.owner), replicated.get(replica))
                if difference:
                    differences[key] = difference
            count += 1
            if count % _PROGRESS_INTERVAL == 0:
                show_progress(f"{count:>14,}  {'...':>10}  comparing each {kind}")
        show_progress("")
        for replica, differences in differences_by_replica.items():
            comparisons[kind, replica] = Comparison(count, differences)
    pending_events = {
        (event["type"], f"{event['consumer']}_service", _key(SHARED[event["type"]], event["state"]))
        for survey in surveys.values()
        for event in _read_section(survey)
        if event["type"] in SHARED
    }
    return comparisons, pending_events


def _merge_by_key(
    shared: SharedState, surveys: Mapping[str, Lines]
) -> Iterator[tuple[Key, dict[str, State]]]:
    """Yield the states of each row, by the services that have it."""
    by_key = itemgetter(0)
    listed = (_keyed(shared, service, survey) for service, survey in surveys.items())
    for key, replicated in groupby(merge(*listed, key=by_key), key=by_key):
        yield key, {service: state for _, service, state in replicated}


def _keyed(shared: SharedState, service: str, survey: Lines) -> Iterator[tuple[Key, str, State]]:
    for state in _read_section(survey):
        yield _key(shared, state), service, state


def _difference(owned: State | None, replicated: State | None) -> str:
    """Describe how a copy differs from its source; ``""`` if it does not."""
    if owned is None:
        return "exists only in the copy"
    if replicated is None:
        return "not known"
    differing = [name for name, value in replicated.items() if value != owned[name]]
    versions = f"version {replicated['version']}, told {owned['version']}"
    return f"{versions}; different: {', '.join(differing)}" if differing else ""


def _key(shared: SharedState, state: State) -> Key:
    return tuple(state[name] for name in shared.key)


@contextmanager
def _surveys(env: Mapping[str, str], *options: str) -> Iterator[dict[str, Lines]]:
    """Run the survey of every service."""
    with ExitStack() as stack:
        yield {
            service: stack.enter_context(_open_state_dump(service, env, options))
            for service in SERVICES
        }


@contextmanager
def _open_state_dump(
    service: str, env: Mapping[str, str], options: tuple[str, ...]
) -> Iterator[Lines]:
    with subprocess.Popen(
        [sys.executable, "-m", service, "survey", *options],
        cwd=ROOT,
        env=environment_of(service, env),
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        yield process.stdout


def _read_section(survey: Lines) -> Iterator[dict[str, Any]]:
    """Read the next section of a survey.

    Raises:
        SurveyError: it ends before that.
    """
    for line in survey:
        if line == b"\n":
            return
        yield json.loads(line)
    raise SurveyError("a service failed, see above")


def _echo(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
