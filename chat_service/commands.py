"""Commands of the chat service beside those of every service."""

import click
from flask import Flask

from chat_service.domain import friendships, media
from shared.data.client import ServiceClient
from shared.operations.commands import with_progress
from shared.operations.orphans import add_prune_command


def add_commands(app: Flask, social: ServiceClient) -> None:
    """Add ``friendships resync`` and ``media clean`` to ``app``."""

    @app.cli.group("friendships")
    def friendships_commands() -> None:
        """The private conversations that friendships open and close."""

    @friendships_commands.command()
    def resync() -> None:
        """Take every friendship again from the social service. Safe to repeat."""
        count = with_progress(friendships.resync(social), "Taking friendships")
        click.echo(f"Done: {count} private conversations are as their friendships are.")

    @app.cli.group("media")
    def media_commands() -> None:
        """The files of pictures: those of messages and of groups."""

    add_prune_command(media_commands, media.media_store, media.find_orphans)
