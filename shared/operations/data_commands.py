"""Commands on the data that services exchange: ``outbox`` and ``accounts resync|erasures``."""

import click
from flask import Flask

from shared.data.accounts import AccountReplica
from shared.data.erasure import Erasures
from shared.data.outbox import Outbox
from shared.operations.commands import accounts_group, as_json, print_table, with_progress


def add_outbox_commands(app: Flask, outbox: Outbox) -> None:
    """Add ``outbox show`` and ``outbox replay``."""

    @app.cli.group("outbox")
    def outbox_commands() -> None:
        """Manage undelivered events to other services."""

    @outbox_commands.command("show")
    @as_json
    def show_command(as_json: bool) -> None:
        """Show the number, age and attempts of undelivered events by consumer."""
        print_table(outbox.backlog(), as_json)

    @outbox_commands.command("replay")
    def replay_command() -> None:
        """Deliver waiting events now. Can be repeated, also while the service runs."""
        for consumer in outbox.consumers:
            delivered = with_progress(outbox.replay(consumer), f"Delivering to {consumer}")
            click.echo(f"Delivered {delivered} events to {consumer}.")
        left = [
            f"{row['events']} for {row['consumer']}" for row in outbox.backlog() if row["attempts"]
        ]
        if left:
            raise click.ClickException(
                f"Undelivered, retried automatically: {', '.join(left)}. "
                "The warning above says why."
            )


def add_resync_command(app: Flask, accounts: AccountReplica) -> None:
    """Add ``accounts resync``."""

    @accounts_group(app).command()
    def resync() -> None:
        """Rebuild the copy from the auth service. Can be repeated, also while the service runs."""
        count = with_progress(accounts.resync(), "Copying accounts")
        click.echo(f"Done: the copy holds the newest state of {count} accounts.")


def add_erasures_command(app: Flask, erasures: Erasures) -> None:
    """Add ``accounts erasures``."""

    @accounts_group(app).command("erasures")
    def work_off_command() -> None:
        """Finish pending erasures. Can be repeated."""
        too_recent, failed = erasures.process_pending()
        if failed:
            raise click.ClickException(
                f"Failed: {failed}; second pass in a minute: {too_recent}. "
                "The errors above say why. Both are retried automatically."
            )
        click.echo(f"Second pass in a minute: {too_recent}" if too_recent else "Done.")
