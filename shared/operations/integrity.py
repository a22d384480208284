"""Integrity checks of all rows, also while the service runs. They change nothing.

A service declares its invariants as `Check`s. Each reads a table in pages, with a transaction per
page, so that it neither blocks other queries nor needs much memory. Each service lists the state
that it shares with others; ``deploy.verify`` compares the lists.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple

import click
from flask import Flask
from sqlalchemy import Select, func, select

from shared.data.db import Database
from shared.data.outbox import Outbox

MAX_EXAMPLES = 5
"""Maximum number of printed violations of one invariant."""

_PAGE_SIZE = 1000


class Page(NamedTuple):
    """The number of checked rows, and descriptions of violations."""

    checked: int
    violations: list[str]


class Check(NamedTuple):
    """An invariant, and the function that checks it."""

    invariant: str
    pages: Callable[[], Iterator[Page]]


class CheckResult(NamedTuple):
    """The result of a check."""

    invariant: str
    checked: int
    violations: int
    examples: list[str]


States = Mapping[str, Callable[[], Iterator[dict[str, Any]]]]
"""State that a service shares with others, by event type, in the format of the events."""


def sql_check(
    db: Database, invariant: str, key: Any, violations: Select[*tuple[Any, ...]]
) -> Check:
    """Create a check with one query per page of a table.

    Args:
        db: the database.
        invariant: its description.
        key: an indexed integer column, by which the table is paged.
        violations: selects the violating rows, with columns that identify them; the range of
            ``key`` is added to it.
    """

    def pages() -> Iterator[Page]:
        after = -1
        while True:
            with db.snapshot():
                ahead = select(key.label("key")).where(key > after).order_by(key).limit(_PAGE_SIZE)
                last = db.session.scalar(select(func.max(ahead.subquery().c.key)))
                if last is None:
                    return
                part = (key > after, key <= last)
                count = db.session.scalar(select(func.count()).select_from(key.table).where(*part))
                rows = db.session.execute(violations.where(*part)).mappings()
                page = Page(count or 0, [_format_row(dict(row)) for row in rows])
            yield page
            after = last

    return Check(invariant, pages)


def combined_check(invariant: str, checks: Iterable[Check]) -> Check:
    """Combine several checks of one invariant."""
    parts = list(checks)
    return Check(invariant, lambda: chain.from_iterable(part.pages() for part in parts))


def reference_check(db: Database, invariant: str, references: Iterable[tuple[Any, Any]]) -> Check:
    """Create a check that each first column references the second, a primary key."""
    return combined_check(
        invariant,
        (
            sql_check(
                db,
                invariant,
                column,
                select(column.label(f"{column.table.name}.{column.name}"))
                .distinct()
                .where(~select(target).where(target == column).correlate(column.table).exists()),
            )
            for column, target in references
        ),
    )


def foreign_keys(db: Database) -> Check:
    """Create a check of all foreign keys, which SQLite does not enforce by default."""
    return reference_check(
        db,
        "every reference leads to a row",
        [
            (key.parent, key.column)
            for table in db.metadata.sorted_tables
            for key in sorted(table.foreign_keys, key=lambda key: key.parent.name)
        ],
    )


def run_check(check: Check) -> CheckResult:
    """Run a check, and show its progress on a terminal."""
    checked = violations = 0
    examples: list[str] = []
    for page in check.pages():
        checked, violations = checked + page.checked, violations + len(page.violations)
        examples += page.violations[: MAX_EXAMPLES - len(examples)]
        show_progress(f"{checked:>14,}  {'...':>10}  {check.invariant}")
    show_progress("")
    return CheckResult(check.invariant, checked, violations, examples)


HEADING = f"{'rows':>14}  {'violations':>10}  invariant"


def format_row(result: CheckResult) -> str:
    """Format a result as a line below `HEADING`, with examples of violations."""
    examples = [f"{'':28}- {example}" for example in result.examples]
    if result.violations > len(result.examples):
        examples.append(f"{'':28}- and {result.violations - len(result.examples)} more")
    line = f"{result.checked:>14,}  {result.violations or '-':>10}  {result.invariant}"
    return "\n".join([line, *examples])


def add_integrity_commands(
    app: Flask, checks: Iterable[Check], states: States, outbox: Outbox | None = None
) -> None:
    """Add ``verify`` to the commands of ``app``, and ``survey``, which ``deploy.verify`` reads.

    Args:
        app: a service.
        checks: its own invariants.
        states: the state that it shares with other services.
        outbox: its undelivered events.
    """

    @app.cli.command("verify")
    def verify_command() -> None:
        """Check the invariants of all rows. Changes nothing; can run while the service runs.

        The status is 1 if one is violated. python -m deploy.verify compares the state that
        several services share.
        """
        click.echo(HEADING)
        violations = 0
        for result in map(run_check, checks):
            click.echo(format_row(result))
            violations += result.violations
        if violations:
            raise SystemExit(1)

    @app.cli.command("survey", hidden=True)
    @click.option("--only-states", is_flag=True, help="Skip the invariants of the service.")
    def survey_command(only_states: bool) -> None:
        """Print all results as JSON lines; an empty line ends a section.

        The sections are the results of checks, the states of each kind, and the undelivered
        events.
        """
        _print_section(result._asdict() for result in map(run_check, () if only_states else checks))
        for _, of_kind in sorted(states.items()):
            _print_section(of_kind())
        _print_section(outbox.pending_events() if outbox else ())


def _print_section(section: Iterable[Mapping[str, Any]]) -> None:
    for one in section:
        click.echo(json.dumps(one))
    click.echo()


def show_progress(text: str) -> None:
    """Show progress in one line of a terminal."""
    if sys.stderr.isatty():
        click.echo(f"\r\033[K{text}", nl=False, err=True)


def _format_row(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in row.items())
