"""The archive of an account's data in all services, for its owner."""

from collections.abc import Collection, Iterator
from contextlib import closing
from threading import BoundedSemaphore

from auth_service.domain import export
from auth_service.domain.limits import limits
from shared.data.client import ServiceClient, UnreachableError
from shared.operations.data_export import README, ExportedFile, files_of, within, zipped
from shared.web.errors import SERVICE_UNAVAILABLE, ApiError, overloaded
from shared.web.streaming import Blocks

MAX_EXPORTS = 8
"""Maximum number of archives that a process sends at the same time."""
_PATH = "/internal/export"
_START_TIMEOUT = (0.5, 2.0)  # Shorter than what the gateway waits for an answer.
_RETRY_AFTER_SECONDS = 30


class OwnData:
    """Creates archives of an account's data in this and the other services."""

    def configure(self, others: Collection[ServiceClient]) -> None:
        """Configure the clients of the other services."""
        self._others = others
        self._places = BoundedSemaphore(MAX_EXPORTS)

    def export(self, account_id: int, *, is_counted: bool = True) -> Blocks[bytes]:
        """Open a ZIP archive that is generated while it is read. The caller must close it.

        A failure during reading aborts the archive.

        Args:
            account_id: whose data.
            is_counted: whether it is one of those that an account may download a day.

        Raises:
            ApiError: ``TOO_MANY_REQUESTS``; ``SERVICE_UNAVAILABLE``, which does not count, if a
                service does not respond or too many archives are being sent.
        """
        limits.exports.check(str(account_id))
        self._check_others(account_id)
        if not self._places.acquire(blocking=False):
            raise overloaded(_RETRY_AFTER_SECONDS)
        try:
            if is_counted:
                limits.exports.hit(str(account_id))
        except BaseException:
            self._places.release()
            raise
        archive = zipped(self._files(account_id))
        return Blocks.alone(archive, self._places.release)

    def _check_others(self, account_id: int) -> None:
        """Start the export of each service, so that a failure is known before the response."""
        try:
            for other in self._others:
                lines = other.lines(_PATH, timeout=_START_TIMEOUT, account_id=account_id)
                with closing(lines):
                    next(lines)
        except (UnreachableError, StopIteration):
            raise ApiError(
                SERVICE_UNAVAILABLE, {"Retry-After": str(_RETRY_AFTER_SECONDS)}
            ) from None

    def _files(self, account_id: int) -> Iterator[ExportedFile]:
        """Yield the files of one service after another, so that none waits."""
        yield ExportedFile("README.txt", [README.format(account_id=account_id).encode()])
        yield from within("auth", export.files(account_id))
        for other in self._others:
            with closing(other.lines(_PATH, account_id=account_id)) as lines:
                yield from files_of(lines)


own_data = OwnData()
