"""Orphans: files of a store that no row names, found and deleted by a command.

A file is put before the row that names it is written, and goes after that row. So a crash in
between leaves a file too many, never one too few, and a young file may be about to be named.
"""

from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime, timedelta

import click

from shared.media.object_store import MediaStore
from shared.operations.commands import with_progress


def add_prune_command(
    group: click.Group,
    store: MediaStore,
    find_orphans: Callable[[Collection[str]], Collection[str]],
    folder: str = "",
) -> None:
    """Add ``clean`` to a group of commands.

    Args:
        group: of the service's own, so that its database is at hand.
        store: where the files are; other services may keep theirs there, too.
        find_orphans: which of some hundred keys are the service's own and named by no row.
        folder: where in the store the service keeps its files.
    """

    @group.command()
    @click.option("--delete", is_flag=True, help="Delete what is found; else it is only counted.")
    @click.option(
        "--older-than",
        "hours",
        default=24.0,
        type=click.FloatRange(min=1),
        show_default=True,
        metavar="HOURS",
        help="Leave younger files alone: what names them may be about to be written.",
    )
    def clean(delete: bool, hours: float) -> None:
        """Find files that nothing refers to; delete them if told so. Safe while running."""
        before = datetime.now(UTC) - timedelta(hours=hours)
        found = size = 0

        def look() -> Iterator[int]:
            nonlocal found, size
            looked_at = 0
            for batch in store.listed(folder):
                old = {file.key: file.size for file in batch if file.put_at < before}
                for key in find_orphans(old.keys()):
                    if delete:
                        store.delete(key)
                    found += 1
                    size += old[key]
                looked_at += len(batch)
                yield looked_at

        looked_at = with_progress(look(), "Looking at files")
        done = "deleted" if delete else "found"
        click.echo(f"Files looked at: {looked_at}. Orphans {done}: {found} ({size / 1e6:.1f} MB).")
        if found and not delete:
            click.echo("To delete them: the same with --delete", err=True)
