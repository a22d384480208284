"""Temporary files of uploads, bounded in total.

The files have no names, so the system deletes them when the process ends in any way.
"""

import errno
import os
import tempfile
from contextlib import ExitStack
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

from shared.settings import ProgramSettings
from shared.web.budget import Budget
from shared.web.errors import overloaded

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_OUT_OF_SPACE = (errno.ENOSPC, errno.EDQUOT)


class Spool:
    """The temporary files of a process: their folder, and their total size."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._budget = self._budget_of_networks = Budget(0)

    def configure(self, settings: ProgramSettings) -> None:
        """Set the folder and the bound."""
        self._folder = settings.spool_dir or settings.data_dir.absolute() / "spool"
        size = settings.spool_max_bytes
        self._budget, self._budget_of_networks = Budget(size), Budget(size, size * 3 // 4)

    @property
    def bytes_used(self) -> int:
        """The total size of all files."""
        return self._budget.used

    def create_file(self, caller: str | None = None, network: str | None = None) -> "SpoolFile":
        """Create an empty file, open for reading and writing.

        Args:
            caller: the caller that it counts for; the files of one caller may use a quarter of the
                space.
            network: the network that it counts for; those of one network may use three quarters.
        """
        assert self._folder is not None
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, path = tempfile.mkstemp(dir=self._folder)
        Path(path).unlink()
        return SpoolFile(descriptor, (self._budget, caller), (self._budget_of_networks, network))


class SpoolFile(FileIO):
    """A temporary file that counts towards its spool until it is closed."""

    def __init__(self, descriptor: int, *budgets: tuple[Budget, str | None]) -> None:
        super().__init__(descriptor, "r+")
        self._budgets = budgets
        self._reserved = 0

    def write(self, data: "ReadableBuffer", /) -> int:
        """Append ``data``.

        Raises:
            ApiError: the spool or the disk is full.
        """
        with memoryview(data).cast("B") as rest:
            self._reserve(len(rest))
            written = 0
            try:
                while written < len(rest):
                    written += super().write(rest[written:])
            except OSError as error:
                if error.errno in _OUT_OF_SPACE:
                    raise overloaded() from error
                raise
            return written

    @property
    def size(self) -> int:
        """The size in bytes."""
        return os.fstat(self.fileno()).st_size

    def count_size(self) -> None:
        """Count the bytes that another process has written through the file's descriptor.

        Raises:
            ApiError: the spool is full.
        """
        self._reserve(self.size - self._reserved)

    def close(self) -> None:
        """Close the file, and free its space."""
        if not self.closed:
            super().close()
            for budget, caller in self._budgets:
                budget.release(self._reserved, caller)

    def _reserve(self, amount: int) -> None:
        with ExitStack() as stack:
            for budget, caller in self._budgets:
                budget.acquire(amount, caller)
                stack.callback(budget.release, amount, caller)
            stack.pop_all()
        self._reserved += amount

    def __del__(self) -> None:
        """Close a file that has no more references."""
        self.close()


spool = Spool()
"""The one of this process."""
