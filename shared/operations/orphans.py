"""Find and delete orphans: files of a store that no row references.

A file is stored before the row that references it, and deleted after that row. A crash in between
leaves an orphan but never a missing file. A new file can belong to a row that is not written yet.
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
        group: a group of the service's commands, which has its database.
        store: the store of the files, which other services can share.
        find_orphans: finds which of some hundred keys belong to the service and are unreferenced.
        folder: the folder of the service in the store.
    """

    @group.command()
    @click.option("--delete", is_flag=True, help="Delete the orphans instead of counting them.")
    @click.option(
        "--older-than",
        "hours",
        default=24.0,
        type=click.FloatRange(min=1),
        show_default=True,
        metavar="HOURS",
        help="Skip newer files, whose rows may not be written yet.",
    )
    def clean(delete: bool, hours: float) -> None:
        """Find unreferenced files, and delete them with --delete. Safe while running."""
        before = datetime.now(UTC) - timedelta(hours=hours)
        orphan_count = size = 0

        def scan() -> Iterator[int]:
            nonlocal orphan_count, size
            scanned = 0
            for batch in store.iter_files(folder):
                old = {file.key: file.size for file in batch if file.last_modified < before}
                for key in find_orphans(old.keys()):
                    if delete:
                        store.delete(key)
                    orphan_count += 1
                    size += old[key]
                scanned += len(batch)
                yield scanned

        scanned = with_progress(scan(), "Checking files")
        done = "deleted" if delete else "found"
        click.echo(
            f"Files checked: {scanned}. Orphans {done}: {orphan_count} ({size / 1e6:.1f} MB)."
        )
        if orphan_count and not delete:
            click.echo("To delete them: the same with --delete", err=True)
