"""How the commands of every service look: help, tables, progress, and failures in plain words."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, cast

import click
from flask import Flask, json
from flask.cli import AppGroup, ScriptInfo
from sqlalchemy.exc import DBAPIError

from shared.data.client import UnreachableError
from shared.data.postgres import SharedSessionsError
from shared.data.schema import SchemaMismatchError
from shared.web.errors import ApiError

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


class ServiceCLI(AppGroup):
    """All commands of a service; what goes wrong for a known reason is said in one line.

    Args:
        app: the service.
        check_schema: raises `SchemaMismatchError` or `SharedSessionsError` unless the code works on
            the database.
    """

    def __init__(self, app: Flask, check_schema: Callable[[], object]) -> None:
        super().__init__(app.name, help=f"Commands of {app.name}; each has a --help of its own.")
        self._app = app
        self._check_schema = check_schema

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command.

        Raises:
            ClickException: with the reason, which ends the process with status 1.
        """
        try:
            return super().invoke(ctx)
        except ApiError as refusal:
            raise click.ClickException(refusal.spec.info.format(**refusal.details)) from None
        except UnreachableError as failure:
            raise click.ClickException(f"A neighbour does not answer: {failure}.") from None
        except DBAPIError as failure:
            raise click.ClickException(self._describe_failure(failure)) from None

    def _describe_failure(self, failure: DBAPIError) -> str:
        with self._app.app_context(), suppress(DBAPIError):
            try:
                self._check_schema()
            except (SchemaMismatchError, SharedSessionsError) as wrong:
                return f"{self.name}: {wrong}"
        return f"The database refuses: {failure.orig}"


def accounts_group(app: Flask) -> AppGroup:
    """The commands about accounts, which every service has: ``accounts ...``."""
    if "accounts" not in app.cli.commands:
        app.cli.group("accounts", help="Accounts: what this service has of them.")(lambda: None)
    return cast("AppGroup", app.cli.commands["accounts"])


def run_commands(create_app: Callable[[], Flask]) -> None:
    """Be ``python -m <service>``: do what the command line says, and end the process."""
    try:
        app = create_app()
    except SystemExit as wrong:
        raise SystemExit(
            f"{wrong}\nA command needs the settings of its service. With `make run`: "
            "python -m deploy.command SERVICE ..."
        ) from None
    info = ScriptInfo(create_app=lambda: app, set_debug_flag=False)
    app.cli.main(prog_name=f"python -m {app.name}", obj=info)


def with_progress(counts: Iterable[int], what: str) -> int:
    """Go through a long piece of work and show, on a terminal, how far it is.

    Args:
        counts: does the work, and yields how many are done so far.
        what: is counted.

    Returns:
        how many there were.
    """
    done = 0
    # Nothing but results goes to standard output.
    with click.progressbar(
        counts, label=what, item_show_func=_format_progress, show_percent=False, file=sys.stderr
    ) as bar:
        for count in bar:
            done = count
    return done


def print_table(rows: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    """Print rows, as a table with their names above or as a JSON list.

    Widths are counted in characters, so what may be Chinese belongs into the last column.
    """
    if as_json:
        click.echo(json.dumps([dict(row) for row in rows]))
    elif rows:
        table = [list(rows[0]), *([_format_cell(value) for value in row.values()] for row in rows)]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        for line in table:
            cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            click.echo("  ".join(cells).rstrip())


def print_record(row: Mapping[str, Any], as_json: bool) -> None:
    """Print one row, a value on a line, or as a JSON object."""
    if as_json:
        click.echo(json.dumps(dict(row)))
    else:
        width = max(map(len, row))
        for name, value in row.items():
            click.echo(f"{name:<{width}}  {_format_cell(value)}".rstrip())


def _format_progress(done: int | None) -> str | None:
    return None if done is None else str(done)


def _format_cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, datetime) else str(value)
