"""Export of an account's data for its owner: ``accounts export``."""

import json
from pathlib import Path
from zipfile import ZipFile

import pytest
from flask import Flask

from auth_service.tests.factories import ALICE, PASSWORD, data_uri, email_of, picture
from shared.testing.client import ApiClient
from shared.testing.databases import exported

pytestmark = pytest.mark.database


def test_the_archive_holds_the_account_and_its_picture(
    app: Flask, alice: ApiClient, tmp_path: Path
) -> None:
    avatar = data_uri(picture())
    alice.put("/account/info", json={"origin_password": PASSWORD, "avatar": avatar})
    archive = exported(app, ALICE, tmp_path)
    [account] = json.loads(archive.read("auth/account.json"))
    assert (account["id"], account["name"], account["email"].lower()) == (
        ALICE,
        "Alice",
        email_of("alice"),
    )
    assert archive.read("auth/avatar.txt").decode() == avatar
    assert archive.read("auth/avatar.webp").startswith(b"RIFF")


def test_the_archive_holds_no_hash_of_the_password(
    app: Flask, alice: ApiClient, tmp_path: Path
) -> None:
    archive = exported(app, ALICE, tmp_path)
    assert not [name for name in archive.namelist() if b"argon2" in archive.read(name)]


def test_the_archive_says_what_each_file_is(app: Flask, alice: ApiClient, tmp_path: Path) -> None:
    archive = exported(app, ALICE, tmp_path)
    readme = archive.read("auth/README.txt").decode()
    assert {Path(name).name for name in archive.namelist()} <= {*readme.split(), "README.txt"}


def test_the_archive_is_for_its_owner_alone_and_never_written_over(
    app: Flask, alice: ApiClient, tmp_path: Path
) -> None:
    path = tmp_path / "alice.zip"
    export = ["accounts", "export", str(ALICE), str(path)]
    app.test_cli_runner().invoke(args=export)
    again = app.test_cli_runner().invoke(args=export)
    assert path.stat().st_mode & 0o077 == 0
    assert (again.exit_code, again.output) == (1, f"Error: {path} exists already.\n")


def test_an_archive_can_go_to_the_standard_output(
    app: Flask, alice: ApiClient, tmp_path: Path
) -> None:
    done = app.test_cli_runner().invoke(args=["accounts", "export", str(ALICE), "-"])
    (tmp_path / "piped.zip").write_bytes(done.stdout_bytes)
    assert "auth/account.json" in ZipFile(tmp_path / "piped.zip").namelist()


def test_of_an_account_that_does_not_exist_nothing_is_written(app: Flask, tmp_path: Path) -> None:
    path = tmp_path / "unknown.zip"
    done = app.test_cli_runner().invoke(args=["accounts", "export", "77", str(path)])
    assert (done.exit_code, list(tmp_path.iterdir())) == (1, [])
