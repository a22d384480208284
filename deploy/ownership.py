"""Set the owner of created files: a command in a container runs as root."""

import os
from pathlib import Path


def give_to_owner_of(folder: Path, below: Path) -> None:
    """Change the owner of all files in ``below`` to that of ``folder``, if this process is root."""
    if os.geteuid() == 0:
        owner = folder.stat()
        for path in (below, *below.rglob("*")):
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
