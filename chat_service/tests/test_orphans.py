"""``media clean`` finds orphans, and deletes them with ``--delete``."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from chat_service.config import ChatSettings
from chat_service.db import db
from chat_service.domain.media import media_store
from chat_service.tests.calls import upload_image
from chat_service.tests.factories import make_group
from chat_service.tests.images import make_image, to_data_uri
from shared.settings import load_settings
from shared.testing.cast import ALICE, BOB
from shared.testing.client import ApiClient
from shared.testing.databases import counted_queries

pytestmark = pytest.mark.database

DAY = 24 * 3600
ORPHAN = f"{'x' * 32}.png"


@pytest.fixture
def app(app: Flask, settings: dict[str, str], tmp_path: Path) -> Iterator[Flask]:
    """The service with a media store in a folder, where the age of files can be set."""
    media_store.configure(
        load_settings(ChatSettings, {**settings, "MEDIA_URL": f"file://{tmp_path}"})
    )
    yield app
    media_store.configure(load_settings(ChatSettings, settings))


@pytest.fixture
def media_folder(app: Flask, tmp_path: Path) -> Path:
    """The empty folder of the media store."""
    return tmp_path


@pytest.fixture
def referenced(app: Flask, alice: ApiClient, media_folder: Path) -> list[str]:
    """Old files of a message and of a group."""
    group = make_group(app, ALICE, BOB)
    assert upload_image(alice, group, make_image()).status_code == 200
    body = {"conversation_id": group, "avatar": to_data_uri(make_image("JPEG"), "jpeg")}
    assert alice.post("/conversations/manage/info", json=body).status_code == 200
    assert len(_files(media_folder)) == 2
    _make_old(media_folder)
    return sorted(_files(media_folder))


def _clean(app: Flask, *options: str) -> Result:
    return app.test_cli_runner().invoke(args=["media", "clean", *options])


def _files(folder: Path) -> list[str]:
    return [file.name for file in folder.glob("*.*")]


def _make_old(folder: Path) -> None:
    for file in folder.glob("*.*"):
        os.utime(file, (time.time() - 2 * DAY,) * 2)


def test_old_orphans_are_deleted(app: Flask, media_folder: Path, referenced: list[str]) -> None:
    (media_folder / ORPHAN).write_bytes(bytes(2_000_000))
    _make_old(media_folder)
    assert "Orphans deleted: 1 (2.0 MB)." in _clean(app, "--delete").stdout
    assert sorted(_files(media_folder)) == referenced


def test_without_the_option_nothing_is_deleted(app: Flask, media_folder: Path) -> None:
    (media_folder / ORPHAN).touch()
    _make_old(media_folder)
    assert "Orphans found: 1 (0.0 MB)." in _clean(app).stdout
    assert _files(media_folder) == [ORPHAN]


def test_a_new_orphan_is_not_deleted(app: Flask, media_folder: Path) -> None:
    (media_folder / ORPHAN).touch()
    assert "deleted: 0 (" in _clean(app, "--delete").stdout
    assert _files(media_folder) == [ORPHAN]


def test_files_of_other_services_are_not_deleted(app: Flask, media_folder: Path) -> None:
    avatar = media_folder / "avatars" / "1" / ORPHAN
    avatar.parent.mkdir(parents=True)
    for file in (avatar, media_folder / "note.txt"):
        file.touch()
        os.utime(file, (time.time() - 2 * DAY,) * 2)
    assert "deleted: 0 (" in _clean(app, "--delete").stdout
    assert avatar.exists()
    assert _files(media_folder) == ["note.txt"]


@pytest.mark.parametrize("count", [1, 40])
def test_a_batch_of_files_costs_one_query(app: Flask, media_folder: Path, count: int) -> None:
    for number in range(count):
        (media_folder / f"{number:032}.png").touch()
    _make_old(media_folder)
    with counted_queries(app, db) as queries:
        assert f"found: {count} (" in _clean(app).stdout
    assert len(queries) == 1
