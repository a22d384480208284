"""Orphaned images are found, and deleted on request."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from auth_service.config import AuthSettings
from auth_service.domain.avatars import media_store
from auth_service.tests.factories import ALICE, PASSWORD, data_uri, picture
from shared.settings import load_settings
from shared.testing.client import ApiClient

pytestmark = pytest.mark.database

DAY = 24 * 3600


@pytest.fixture
def app(app: Flask, env: Mapping[str, str], tmp_path: Path) -> Iterator[Flask]:
    """The service with a store in a folder, in which files can be old."""
    media_store.configure(load_settings(AuthSettings, {**env, "MEDIA_URL": f"file://{tmp_path}"}))
    yield app
    media_store.configure(load_settings(AuthSettings, env))


@pytest.fixture
def files(tmp_path: Path) -> Callable[[], set[Path]]:
    """The files in the store."""
    return lambda: {path for path in tmp_path.rglob("*") if path.is_file()}


@pytest.fixture
def leave(tmp_path: Path) -> Callable[[str], Path]:
    """Create an orphan in the store."""

    def put(key: str) -> Path:
        file = tmp_path / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bytes(1_000_000))
        return file

    return put


@pytest.fixture
def shown(alice: ApiClient, files: Callable[[], set[Path]]) -> set[Path]:
    """The files of Alice's image."""
    body = {"origin_password": PASSWORD, "avatar": data_uri(picture())}
    assert alice.put("/account/info", json=body).status_code == 200
    return files()


def _clean(app: Flask, *options: str) -> Result:
    return app.test_cli_runner().invoke(args=["avatars", "clean", *options])


def _grow_old(*files: Path) -> None:
    for file in files:
        os.utime(file, (time.time() - 2 * DAY,) * 2)


def _key(account_id: int, file: str = "original") -> str:
    return f"avatars/{account_id}/{'0' * 48}/{file}"


def test_old_files_that_no_account_shows_are_deleted(
    app: Flask, shown: set[Path], leave: Callable[[str], Path], files: Callable[[], set[Path]]
) -> None:
    _grow_old(*shown, leave(_key(ALICE)), leave(_key(ALICE, "rendition.webp")), leave(_key(99)))
    done = _clean(app, "--delete")
    assert done.stdout == "Files checked: 5. Orphans deleted: 3 (3.0 MB).\n"
    assert files() == shown


def test_without_the_word_nothing_is_deleted(
    app: Flask, leave: Callable[[str], Path], files: Callable[[], set[Path]]
) -> None:
    orphan = leave(_key(99))
    _grow_old(orphan)
    assert _clean(app).stdout == "Files checked: 1. Orphans found: 1 (1.0 MB).\n"
    assert files() == {orphan}


def test_a_young_file_may_be_about_to_be_named(
    app: Flask, leave: Callable[[str], Path], files: Callable[[], set[Path]]
) -> None:
    young = leave(_key(99))
    assert "deleted: 0 (" in _clean(app, "--delete").stdout
    assert files() == {young}


@pytest.mark.parametrize("key", ["avatars/note.txt", "avatars/1/short/original"])
def test_what_is_none_of_the_services_files_is_left_alone(
    app: Flask, leave: Callable[[str], Path], files: Callable[[], set[Path]], key: str
) -> None:
    foreign = leave(key)
    _grow_old(foreign)
    assert "deleted: 0 (" in _clean(app, "--delete").stdout
    assert files() == {foreign}


def test_the_safe_age_cannot_be_taken_away(app: Flask) -> None:
    assert _clean(app, "--delete", "--older-than", "0").exit_code == 2
