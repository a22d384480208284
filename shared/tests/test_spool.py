"""Uploads wait on disk, bounded in total, and leave nothing behind."""

import stat
from contextlib import ExitStack
from pathlib import Path

import pytest

from shared.settings import ProgramSettings, load_settings
from shared.testing.tokens import PUBLIC_KEYS_PEM
from shared.web.errors import TOO_MANY_REQUESTS, ApiError
from shared.web.spool import Spool

MIB = 1 << 20
BOUND = 16 * MIB


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """A spool of 16 MiB."""
    return configured(DATA_DIR=str(tmp_path), SPOOL_MAX_BYTES=str(BOUND))


def configured(**values: str) -> Spool:
    spool = Spool()
    env = {"JWT_PUBLIC_KEYS": PUBLIC_KEYS_PEM, **values}
    spool.configure(load_settings(ProgramSettings, env))
    return spool


def test_a_file_gives_back_what_was_written(spool: Spool) -> None:
    with spool.create_file() as file:
        file.write(b"one ")
        file.write(memoryview(b"two"))
        file.seek(0)
        assert (file.read(), file.size) == (b"one two", 7)


def test_files_lie_in_the_folder_of_the_data_for_the_owner_alone_and_have_no_names(
    spool: Spool, tmp_path: Path
) -> None:
    with spool.create_file() as file:
        file.write(b"secret")
        assert stat.S_IMODE((tmp_path / "spool").stat().st_mode) == 0o700
        assert list((tmp_path / "spool").iterdir()) == []


def test_another_folder_may_be_set(tmp_path: Path) -> None:
    configured(SPOOL_DIR=str(tmp_path / "elsewhere")).create_file().close()
    assert (tmp_path / "elsewhere").is_dir()


def test_all_files_together_are_bounded(spool: Spool) -> None:
    with spool.create_file() as first, spool.create_file() as second:
        first.write(bytes(BOUND - 10))
        with pytest.raises(ApiError) as refusal:
            second.write(bytes(11))
        assert (refusal.value.spec.status, refusal.value.headers) == (503, {"Retry-After": "1"})
        assert second.write(bytes(10)) == 10


def test_what_another_process_writes_through_the_descriptor_counts(spool: Spool) -> None:
    with spool.create_file() as file:
        Path(f"/proc/self/fd/{file.fileno()}").write_bytes(bytes(1000))
        file.count_size()
        assert spool.bytes_used == 1000


def test_a_closed_or_unreferenced_file_is_not_counted(spool: Spool) -> None:
    for _ in range(3):
        spool.create_file().write(bytes(BOUND))
    with spool.create_file() as file:
        file.write(bytes(BOUND))
    assert spool.bytes_used == 0


def test_the_files_of_one_network_have_three_quarters_of_the_space(spool: Spool) -> None:
    with ExitStack() as stack:
        for number in range(3):
            file = stack.enter_context(spool.create_file(f"account {number}", "192.0.2.1"))
            file.write(bytes(BOUND // 4))

        with spool.create_file("account 4", "192.0.2.1") as file, pytest.raises(ApiError) as error:
            file.write(b"x")
        assert error.value.spec == TOO_MANY_REQUESTS

        stack.enter_context(spool.create_file("account 4", "192.0.2.2")).write(bytes(BOUND // 4))
    assert spool.bytes_used == 0
