"""Looking whether what must always hold does hold: over all rows, live, changing nothing.

A service declares its invariants as `Check`s. Each walks a table in pages, every page in a
transaction of its own, so that it neither holds up others nor takes much memory. What two
services must know alike, each of them lists; ``deploy.verify`` compares the lists.
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

EXAMPLES = 5
"""How many violations of one invariant are shown."""

_PAGE = 1000


class Page(NamedTuple):
    """How many rows were checked, and which of them violate the invariant, in a few words."""

    checked: int
    violations: list[str]


class Check(NamedTuple):
    """An invariant, and how to check all rows that it is about."""

    invariant: str
    pages: Callable[[], Iterator[Page]]


class CheckResult(NamedTuple):
    """What came of a check."""

    invariant: str
    checked: int
    violations: int
    examples: list[str]


States = Mapping[str, Callable[[], Iterator[dict[str, Any]]]]
"""What a service knows together with others: by the type of their events, states as in these."""


def sql_check(
    db: Database, invariant: str, key: Any, violations: Select[*tuple[Any, ...]]
) -> Check:
    """An invariant that one query checks for a part of a table.

    Args:
        db: the database.
        invariant: what holds, in words.
        key: an indexed integer column; the table is walked along it.
        violations: selects those rows that violate it, with columns that name them;
            the range of ``key`` is added to it.
    """

    def pages() -> Iterator[Page]:
        after = -1
        while True:
            with db.snapshot():
                ahead = select(key.label("key")).where(key > after).order_by(key).limit(_PAGE)
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
    """Several checks of one invariant."""
    parts = list(checks)
    return Check(invariant, lambda: chain.from_iterable(part.pages() for part in parts))


def reference_check(db: Database, invariant: str, references: Iterable[tuple[Any, Any]]) -> Check:
    """Each value of the first column of a pair is one of the second, which is a primary key."""
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
    """What every foreign key says, which SQLite holds only for connections that ask for it."""
    return reference_check(
        db,
        "every reference leads to a row",
        [
            (key.parent, key.column)
            for table in db.metadata.sorted_tables
            for key in sorted(table.foreign_keys, key=lambda key: key.parent.name)
        ],
    )


def look(check: Check) -> CheckResult:
    """Do a check; a terminal is shown how far it is."""
    checked = violations = 0
    examples: list[str] = []
    for page in check.pages():
        checked, violations = checked + page.checked, violations + len(page.violations)
        examples += page.violations[: EXAMPLES - len(examples)]
        show_progress(f"{checked:>14,}  {'...':>10}  {check.invariant}")
    show_progress("")
    return CheckResult(check.invariant, checked, violations, examples)


HEADING = f"{'rows':>14}  {'violations':>10}  invariant"


def table_row(result: CheckResult) -> str:
    """A result as a line below `HEADING`, with examples of violations below it."""
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
        states: what it knows together with other services.
        outbox: what it has not told them yet.
    """

    @app.cli.command("verify")
    def verify_command() -> None:
        """Look whether all rows keep the service's promises. Changes nothing; safe while running.

        Status 1 if one is broken. What several services must know alike is compared by
        python -m deploy.verify.
        """
        click.echo(HEADING)
        violations = 0
        for result in map(look, checks):
            click.echo(table_row(result))
            violations += result.violations
        if violations:
            raise SystemExit(1)

    @app.cli.command("survey", hidden=True)
    @click.option("--only-states", is_flag=True, help="Do not look at the service's own promises.")
    def survey_command(only_states: bool) -> None:
        """Say it all in lines of JSON; an empty line ends a section.

        The sections are findings; the states of each kind, in the order of the kinds; and the
        events that wait in the outbox.
        """
        _print_section(result._asdict() for result in map(look, () if only_states else checks))
        for _, of_kind in sorted(states.items()):
            _print_section(of_kind())
        _print_section(outbox.pending_events() if outbox else ())


def _print_section(section: Iterable[Mapping[str, Any]]) -> None:
    for one in section:
        click.echo(json.dumps(one))
    click.echo()


def show_progress(text: str) -> None:
    """Show how far it is, on a terminal alone, in a line that is written again and again."""
    if sys.stderr.isatty():
        click.echo(f"\r\033[K{text}", nl=False, err=True)


def _format_row(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in row.items())
