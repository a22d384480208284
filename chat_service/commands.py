"""Commands of the chat service."""

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
        """Copy of the friendships."""

    @friendships_commands.command()
    def resync() -> None:
        """Rebuild the copy of the friendships from the social service. Idempotent."""
        count = with_progress(friendships.resync(social), "Copying friendships")
        click.echo(f"Done: copied {count} friendships.")

    @app.cli.group("media")
    def media_commands() -> None:
        """Image files of messages and groups."""

    add_prune_command(media_commands, media.media_store, media.find_orphans)
