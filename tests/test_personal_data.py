"""Export and erasure of all data of an account."""

import json
import os
import sqlite3
import subprocess
import sys
import time
import uuid
from contextlib import closing
from pathlib import Path
from zipfile import ZipFile

import pytest
from ims_client import Client

from tests.client import ApiClient, refused
from tests.factories import befriend, list_contents, make_group, make_user
from tests.pictures import data_uri, picture
from tests.product import ROOT

pytestmark = pytest.mark.slow

SECONDS_TO_ERASE = 30.0
POLL_INTERVAL = 0.1

# What both hold changes whenever the person signs in.
_OF_EACH_SIGN_IN = {"auth/sessions.json", "auth/audit.json"}


def run(data_dir: Path, module: str, *arguments: str) -> str:
    """Run a command while the product runs."""
    command = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=os.environ | {"DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert command.returncode == 0, command.stderr
    return command.stdout


def traces(data_dir: Path, person: ApiClient) -> list[str]:
    """Database rows and mail that contain the name of an account, and files of its avatar."""
    rows = [
        f"{path.name}: {line}"
        for path in data_dir.glob("*.db")
        for line in dump(path)
        if person.name in line
    ]
    mail = [path for path in (data_dir / "mail").glob("*.eml") if person.name in content(path)]
    avatars = (data_dir / "media" / "avatars" / str(person.id)).rglob("*.webp")
    return [*rows, *map(str, mail), *map(str, avatars)]


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        return list(database.iterdump())


def content(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:  # Gone since the folder was listed.
        return ""


@pytest.fixture
def zephyrine(base_url: str, alice: ApiClient, bob: ApiClient) -> ApiClient:
    """A user with friends, a group, messages, an avatar and mail."""
    person = make_user(base_url, f"zephyrine{uuid.uuid4().hex[:8]}")
    befriend(person, alice, bob)
    person.send_text(make_group(person, alice, bob), f"{person.name} in the group")
    person.send_text(person.get_private_conversation(alice.id).id, f"{person.name} in private")
    person.post("/verify", email=person.email).result()
    person.put(
        "/account/info", origin_password=person.password, avatar=data_uri(picture())
    ).result()
    return person


def test_the_export_of_an_account_contains_its_data_of_all_services(
    data_dir: Path, tmp_path: Path, zephyrine: ApiClient
) -> None:
    run(data_dir, "deploy.export", str(zephyrine.id), str(tmp_path / "all.zip"))
    with ZipFile(tmp_path / "all.zip") as archive:
        [account] = json.loads(archive.read("auth/account.json"))
        friends = json.loads(archive.read("social/friends.json"))
        wrote = [archive.read(name).decode() for name in archive.namelist() if "messages/" in name]
        folders = {name.partition("/")[0] for name in archive.namelist()}
    assert (account["email"], len(friends)) == (zephyrine.email, 2)
    assert sum(f"{zephyrine.name} in" in messages for messages in wrote) == 2
    assert folders == {"README.txt", "auth", "social", "chat"}


def test_a_user_downloads_the_same_data_as_the_operator_exports(
    data_dir: Path, tmp_path: Path, zephyrine: ApiClient
) -> None:
    sent = picture()
    group = next(each.id for each in zephyrine.list_conversations() if each.is_group)
    zephyrine.fetch(
        "POST",
        "/conversations/image",
        data={"conversationId": str(group)},
        files={"image": ("a.png", sent)},
    )
    run(data_dir, "deploy.export", str(zephyrine.id), str(tmp_path / "all.zip"))
    client = Client.log_in(zephyrine.base_url, zephyrine.email, zephyrine.password)

    with (tmp_path / "own.zip").open("wb") as file:
        client.export_account(file)

    with ZipFile(tmp_path / "all.zip") as handed_over, ZipFile(tmp_path / "own.zip") as downloaded:
        names = [name for name in handed_over.namelist() if name not in _OF_EACH_SIGN_IN]
        assert set(downloaded.namelist()) == {*names, *_OF_EACH_SIGN_IN}
        assert any(name.startswith("chat/pictures/") for name in names)
        assert {name: downloaded.read(name) for name in names} == {
            name: handed_over.read(name) for name in names
        }


def test_no_data_of_an_erased_account_is_left_in_databases_and_files(
    data_dir: Path, alice: ApiClient, zephyrine: ApiClient
) -> None:
    assert traces(data_dir, zephyrine)
    run(data_dir, "deploy.command", "auth_service", "accounts", "erase", str(zephyrine.id), "--yes")
    deadline = time.monotonic() + SECONDS_TO_ERASE
    while (left := traces(data_dir, zephyrine)) and time.monotonic() < deadline:
        time.sleep(POLL_INTERVAL)
    assert left == []
    [group] = alice.list_conversations()
    assert (group.is_group, list_contents(alice, group.id)) == (True, [])
    assert alice.get("/friends").result()["friends"] == []
    login = zephyrine.post("/account/login", email=zephyrine.email, password=zephyrine.password)
    assert login == refused(404, -1, "User not found")
