"""Commands of the chat service beside those of every service."""

import click
from flask import Flask

from chat_service.domain import friendships
from shared.client import ServiceClient, Unreachable


def add_commands(app: Flask, social: ServiceClient) -> None:
    """Add ``friendships resync`` to ``app``."""

    @app.cli.group("friendships")
    def friendships_commands() -> None:
        """The private conversations that friendships open and close."""

    @friendships_commands.command()
    def resync() -> None:
        """Take every friendship again from the social service. Safe to repeat."""
        click.echo("Asking the social service for every friendship ...")
        count = 0
        try:
            for count in friendships.resync(social):
                click.echo(f"  {count} friendships")
        except Unreachable:
            raise click.ClickException("The social service does not answer.") from None
        click.echo(f"Done: {count} private conversations are as their friendships are.")
