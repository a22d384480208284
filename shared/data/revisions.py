"""Names of the revisions of a schema: ``0003``, or ``0003_since_0001``.

The second name is a promise: code from revision 0001 on works on this schema as well, so that two
versions can run side by side.
"""

import re
from pathlib import Path

_REVISION = re.compile(r"^revision = [\"'](\w+)[\"']$", re.MULTILINE)


def newest_revision(folder: Path) -> str:
    """The newest revision of the history in ``folder``, whose files are sorted by their names."""
    [revision] = _REVISION.findall(max(folder.glob("versions/[0-9]*.py")).read_text())
    return str(revision)


def revision_number(revision: str | None) -> int:
    """The place of a revision in the history; 0 for none."""
    return int(revision.partition("_")[0]) if revision else 0


def oldest_code(revision: str | None) -> int:
    """The number of the oldest revision whose code works on the schema of ``revision``."""
    return int(revision.rpartition("_since_")[2]) if revision else 0
