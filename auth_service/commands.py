"""Commands of the auth service, in addition to those of every service."""

import secrets
import sys

import click
from flask import Flask
from flask.cli import AppGroup

from auth_service.domain import accounts, avatars, erasure, signup
from auth_service.domain.outbox import outbox
from auth_service.domain.passwords import transport
from shared.operations.commands import accounts_group, as_json, print_record, print_table
from shared.operations.orphans import add_prune_command

_account = click.argument("id_or_email", metavar="ID_OR_EMAIL")
_from_pipe = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input."
)


def add_commands(app: Flask) -> None:
    """Add ``accounts ...`` and ``avatars clean`` to ``app``."""
    _add_accounts_commands(accounts_group(app))
    _add_erase_command(accounts_group(app))

    @app.cli.group("avatars")
    def avatars_commands() -> None:
        """Manage the avatars of accounts."""

    add_prune_command(avatars_commands, avatars.media_store, avatars.find_orphans, avatars.FOLDER)


def _add_accounts_commands(group: AppGroup) -> None:
    @group.command()
    @click.argument("email")
    @click.argument("name")
    @_from_pipe
    def create(email: str, name: str, password_stdin: bool) -> None:
        """Create an account."""
        account_id = signup.create(email, name, _password(password_stdin))
        click.echo(f"Created account {account_id}.")

    @group.command("list")
    @click.option("--containing", default="", metavar="TEXT", help="Part of name or e-mail.")
    @click.option("--deleted/--active", default=None, help="Only deleted or active accounts.")
    @click.option("--after", default=0, metavar="ID", help="Start after this id.")
    @click.option("--limit", default=50, type=click.IntRange(1, 1000), show_default=True)
    @as_json
    def list_accounts(
        containing: str, deleted: bool | None, after: int, limit: int, as_json: bool
    ) -> None:
        """List accounts by id, a page at a time."""
        page = accounts.list_accounts(after, limit, containing=containing, deleted=deleted)
        print_table(page, as_json)
        if len(page) == limit:
            click.echo(f"Next page: --after {page[-1]['id']}", err=True)

    @group.command("show")
    @_account
    @as_json
    def show_account(id_or_email: str, as_json: bool) -> None:
        """Show one account."""
        print_record(accounts.get_account(id_or_email), as_json)

    @group.command()
    @_account
    def deactivate(id_or_email: str) -> None:
        """Delete an account and end its tokens. `reactivate` restores it."""
        account = accounts.get_account(id_or_email)
        if account["deleted"]:
            click.echo(f"Account {account['id']} is already deleted.")
            return
        accounts.delete(account["id"])
        click.echo(f"Deleted account {account['id']}. All its sessions have ended.")

    @group.command()
    @_account
    def reactivate(id_or_email: str) -> None:
        """Restore a deleted account with its old password."""
        account_id = accounts.get_account(id_or_email)["id"]
        signup.reactivate(account_id)
        click.echo(f"Restored account {account_id}. Its earlier tokens stay invalid.")

    @group.command("reset-password")
    @_account
    @_from_pipe
    @click.option("--generate", is_flag=True, help="Generate a password and print it.")
    def reset_password(id_or_email: str, password_stdin: bool, generate: bool) -> None:
        """Set another password and end all tokens of an account."""
        account_id = accounts.get_account(id_or_email)["id"]
        generated = secrets.token_hex(10) if generate else ""
        password = transport.encrypt(generated) if generate else _password(password_stdin)
        accounts.reset_password(account_id, password)
        click.echo(f"Set the password of account {account_id}. All its sessions have ended.")
        if generate:
            click.echo(f"Password, shown only once: {generated}")


def _add_erase_command(group: AppGroup) -> None:
    @group.command()
    @_account
    @click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
    def erase(id_or_email: str, yes: bool) -> None:
        """Erase an account and all its data in all services, irreversibly.

        Can be repeated; the other services are then notified again.
        """
        account = accounts.get_account(id_or_email)
        named = f"account {account['id']} ({account['email']}, {account['name']})"
        if not yes:
            click.confirm(f"Erase {named} irreversibly, in all services?", abort=True, err=True)
        erasure.erase(account["id"])
        click.echo(f"Erased account {account['id']} here, and notified the other services.")
        if waiting := outbox.backlog_size():
            click.echo(f"Undelivered: {waiting} event(s), delivered when the services are up.")


def _password(from_pipe: bool) -> str:
    """Read a password from a prompt or standard input; it is never an argument."""
    if from_pipe:
        return transport.encrypt(sys.stdin.readline().rstrip("\n"))
    response: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return transport.encrypt(response)
