"""The commands of every service: help, tables, progress and error messages."""

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
    """The commands of a service. Known errors are reported in one line.

    Args:
        app: the service.
        check_schema: raises `SchemaMismatchError` or `SharedSessionsError` unless the code supports
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
            raise click.ClickException(f"Service unavailable: {failure}.") from None
        except DBAPIError as failure:
            raise click.ClickException(self._describe_failure(failure)) from None

    def _describe_failure(self, failure: DBAPIError) -> str:
        with self._app.app_context(), suppress(DBAPIError):
            try:
                self._check_schema()
            except (SchemaMismatchError, SharedSessionsError) as wrong:
                return f"{self.name}: {wrong}"
        return f"Database error: {failure.orig}"


def accounts_group(app: Flask) -> AppGroup:
    """The group of the commands ``accounts ...``, which every service has."""
    if "accounts" not in app.cli.commands:
        app.cli.group("accounts", help="Manage the accounts of this service.")(lambda: None)
    return cast("AppGroup", app.cli.commands["accounts"])


def run_commands(create_app: Callable[[], Flask]) -> None:
    """Run the command line of ``python -m <service>``, and exit."""
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
    """Run a long operation and show its progress on a terminal.

    Args:
        counts: performs the operation, and yields the number of processed items.
        what: the description of the operation.

    Returns:
        the number of items.
    """
    done = 0
    # Only results are written to standard output.
    with click.progressbar(
        counts, label=what, item_show_func=_format_progress, show_percent=False, file=sys.stderr
    ) as bar:
        for count in bar:
            done = count
    return done


def print_table(rows: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    """Print rows, as a table with their names above or as a JSON list.

    Widths are counted in characters, so put text that can be Chinese into the last column.
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
    """Print one row, with a value per line or as a JSON object."""
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
