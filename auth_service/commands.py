"""Commands of the auth service beside those of every service."""

import secrets
import sys

import click
from flask import Flask
from flask.cli import AppGroup

from auth_service.domain import accounts, avatars, erasing, signup
from auth_service.domain.outbox import outbox
from auth_service.domain.passwords import transport
from shared.operations.commands import accounts_group, as_json, print_record, print_table
from shared.operations.orphans import add_prune_command

_who = click.argument("who", metavar="ID_OR_EMAIL")
_from_pipe = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input, do not ask."
)


def add_commands(app: Flask) -> None:
    """Add ``accounts ...`` and ``avatars clean`` to ``app``."""
    _add_accounts_commands(accounts_group(app))
    _add_erase_command(accounts_group(app))

    @app.cli.group("avatars")
    def avatars_commands() -> None:
        """The pictures of the accounts."""

    add_prune_command(avatars_commands, avatars.pictures, avatars.find_orphans, avatars.FOLDER)


def _add_accounts_commands(group: AppGroup) -> None:
    @group.command()
    @click.argument("email")
    @click.argument("name")
    @_from_pipe
    def create(email: str, name: str, password_stdin: bool) -> None:
        """Make an account."""
        account_id = signup.create(email, name, _password(password_stdin))
        click.echo(f"Account {account_id} is made.")

    @group.command("list")
    @click.option("--containing", default="", metavar="TEXT", help="In the name or the e-mail.")
    @click.option("--deleted/--active", default=None, help="Only those; both unless given.")
    @click.option("--after", default=0, metavar="ID", help="Begin behind this id.")
    @click.option("--limit", default=50, type=click.IntRange(1, 1000), show_default=True)
    @as_json
    def list_accounts(
        containing: str, deleted: bool | None, after: int, limit: int, as_json: bool
    ) -> None:
        """List accounts by id, a page at a time."""
        found = accounts.page(after, limit, containing=containing, deleted=deleted)
        print_table(found, as_json)
        if len(found) == limit:
            click.echo(f"There may be more: --after {found[-1]['id']}", err=True)

    @group.command("show")
    @_who
    @as_json
    def show_account(who: str, as_json: bool) -> None:
        """Show one account."""
        print_record(accounts.found(who), as_json)

    @group.command()
    @_who
    def deactivate(who: str) -> None:
        """Delete an account as its owner could; its tokens end. `reactivate` undoes it."""
        account = accounts.found(who)
        if account["deleted"]:
            click.echo(f"Account {account['id']} was deleted before.")
            return
        accounts.delete(account["id"])
        click.echo(f"Account {account['id']} is deleted, and nobody is signed in to it.")

    @group.command()
    @_who
    def reactivate(who: str) -> None:
        """Undo the deletion of an account; its owner signs in with the old password."""
        account_id = accounts.found(who)["id"]
        signup.reactivate(account_id)
        click.echo(f"Account {account_id} is active. Tokens from before its deletion stay dead.")

    @group.command("reset-password")
    @_who
    @_from_pipe
    @click.option("--generate", is_flag=True, help="Make a password up and print it, once.")
    def reset_password(who: str, password_stdin: bool, generate: bool) -> None:
        """Give an account another password, and end its tokens on all devices."""
        account_id = accounts.found(who)["id"]
        generated = secrets.token_hex(10) if generate else ""
        password = transport.encrypt(generated) if generate else _password(password_stdin)
        accounts.reset_password(account_id, password)
        click.echo(f"Account {account_id} has another password, and nobody is signed in to it.")
        if generate:
            click.echo(f"The password, which is shown only now: {generated}")


def _add_erase_command(group: AppGroup) -> None:
    @group.command()
    @_who
    @click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
    def erase(who: str, yes: bool) -> None:
        """Erase an account with everything that it wrote, in all services, for good.

        Safe to repeat: the other services are told once more.
        """
        account = accounts.found(who)
        named = f"account {account['id']} ({account['email']}, {account['name']})"
        if not yes:
            click.confirm(f"Erase {named}, for everybody and for good?", abort=True, err=True)
        erasing.erase(account["id"])
        click.echo(f"Account {account['id']} is erased here; the other services have been told.")
        if waiting := outbox.depth():
            click.echo(f"Not yet taken: {waiting} event(s), which wait until the others are up.")


def _password(from_pipe: bool) -> str:
    """A password as a client would send it; it never stands on a command line."""
    if from_pipe:
        return transport.encrypt(sys.stdin.readline().rstrip("\n"))
    answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return transport.encrypt(answer)
