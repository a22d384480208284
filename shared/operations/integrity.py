"""Looking whether what must always hold does hold: over all rows, live, changing nothing.

A service declares its promises as `Check`s. Each walks a table in pages, every page in a
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
"""How many violations of one promise are shown."""

_PAGE = 1000


class Page(NamedTuple):
    """How many rows were looked at, and what of them breaks the promise, each in a few words."""

    looked_at: int
    broken: list[str]


class Check(NamedTuple):
    """A promise, and the way to look at all rows that it is about."""

    promise: str
    pages: Callable[[], Iterator[Page]]


class Finding(NamedTuple):
    """What came of a check."""

    promise: str
    looked_at: int
    broken: int
    examples: list[str]


States = Mapping[str, Callable[[], Iterator[dict[str, Any]]]]
"""What a service knows together with others: by the type of their events, states as in these."""


def in_sql(db: Database, promise: str, key: Any, broken: Select[*tuple[Any, ...]]) -> Check:
    """A promise that one query decides for a part of a table.

    Args:
        db: the database.
        promise: what holds, in words.
        key: an indexed integer column; the table is walked along it.
        broken: selects those rows that break the promise, with columns that name them;
            the range of ``key`` is added to it.
    """

    def pages() -> Iterator[Page]:
        after = -1
        while True:
            with db.snapshot() as session:
                ahead = select(key.label("key")).where(key > after).order_by(key).limit(_PAGE)
                last = session.scalar(select(func.max(ahead.subquery().c.key)))
                if last is None:
                    return
                part = (key > after, key <= last)
                count = session.scalar(select(func.count()).select_from(key.table).where(*part))
                rows = session.execute(broken.where(*part)).mappings()
                page = Page(count or 0, [_named(dict(row)) for row in rows])
            yield page
            after = last

    return Check(promise, pages)


def all_of(promise: str, checks: Iterable[Check]) -> Check:
    """Several checks under one promise."""
    parts = list(checks)
    return Check(promise, lambda: chain.from_iterable(part.pages() for part in parts))


def reference_check(db: Database, promise: str, references: Iterable[tuple[Any, Any]]) -> Check:
    """Each value of the first column of a pair is one of the second, which is a primary key."""
    return all_of(
        promise,
        (
            in_sql(
                db,
                promise,
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
            for table in db.tables.sorted_tables
            for key in sorted(table.foreign_keys, key=lambda key: key.parent.name)
        ],
    )


def look(check: Check) -> Finding:
    """Do a check; a terminal is shown how far it is."""
    looked_at = broken = 0
    examples: list[str] = []
    for page in check.pages():
        looked_at, broken = looked_at + page.looked_at, broken + len(page.broken)
        examples += page.broken[: EXAMPLES - len(examples)]
        show_progress(f"{looked_at:>14,}  {'...':>10}  {check.promise}")
    show_progress("")
    return Finding(check.promise, looked_at, broken, examples)


HEADING = f"{'rows':>14}  {'violations':>10}  promise"


def table_row(finding: Finding) -> str:
    """A finding as a line below `HEADING`, with examples of violations below it."""
    examples = [f"{'':28}- {example}" for example in finding.examples]
    if finding.broken > len(finding.examples):
        examples.append(f"{'':28}- and {finding.broken - len(finding.examples)} more")
    line = f"{finding.looked_at:>14,}  {finding.broken or '-':>10}  {finding.promise}"
    return "\n".join([line, *examples])


def add_integrity_commands(
    app: Flask, checks: Iterable[Check], states: States, outbox: Outbox | None = None
) -> None:
    """Add ``verify`` to the commands of ``app``, and ``survey``, which ``deploy.verify`` reads.

    Args:
        app: a service.
        checks: its own promises.
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
        for finding in map(look, checks):
            click.echo(table_row(finding))
            violations += finding.broken
        if violations:
            raise SystemExit(1)

    @app.cli.command("survey", hidden=True)
    @click.option("--only-states", is_flag=True, help="Do not look at the service's own promises.")
    def survey_command(only_states: bool) -> None:
        """Say it all in lines of JSON; an empty line ends a section.

        The sections are findings; the states of each kind, in the order of the kinds; and the
        events that wait in the outbox.
        """
        _say(finding._asdict() for finding in map(look, () if only_states else checks))
        for _, of_kind in sorted(states.items()):
            _say(of_kind())
        _say(outbox.pending_events() if outbox else ())


def _say(section: Iterable[Mapping[str, Any]]) -> None:
    for one in section:
        click.echo(json.dumps(one))
    click.echo()


def show_progress(text: str) -> None:
    """Show how far it is, on a terminal alone, in a line that is written again and again."""
    if sys.stderr.isatty():
        click.echo(f"\r\033[K{text}", nl=False, err=True)


def _named(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in row.items())
