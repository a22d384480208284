"""Who owns the files that a command makes: in a container it is root, and its user is not."""

import os
from pathlib import Path


def give_to_owner_of(folder: Path, below: Path) -> None:
    """Give everything in ``below`` to the owner of ``folder``, if this process is root."""
    if os.geteuid() == 0:
        owner = folder.stat()
        for path in (below, *below.rglob("*")):
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
