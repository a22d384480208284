"""A backup during writes, restored into an empty installation, contains all data."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from stat import filemode
from typing import Any, NamedTuple

import pytest
from sqlalchemy import NullPool, create_engine, text

from deploy.programs import SERVICES
from shared.testing.postgres import PostgresServer, postgres_server
from shared.testing.s3 import bucket_settings, s3_server
from tests.client import PASSWORD, ApiClient
from tests.pictures import data_uri, picture
from tests.product import ROOT, running
from tests.scene import Scene, make_scene

_SECONDS = 120
_EVENT_ON_ITS_WAY = """
    INSERT INTO outbox (consumer, event, attempts, due_at, created_at) VALUES (
        '{consumer}', '{{"type": "account", "state": {{"id": 3}}}}', 0,
        '2100-01-01 00:00:00.000000',
        '2100-01-01 00:00:00.000000'
    )
"""

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("backup")]


class CommandResult(NamedTuple):
    """The status and the output of a command."""

    status: int
    output: str


class Place(NamedTuple):
    """The data folder and other settings of a product."""

    data_dir: Path
    settings: dict[str, str]

    def run(self, module: str, *arguments: str | Path) -> CommandResult:
        """Run a command with these settings."""
        done = subprocess.run(
            [sys.executable, "-m", module, *map(str, arguments)],
            cwd=ROOT,
            env=os.environ | self.settings | {"DATA_DIR": str(self.data_dir)},
            stdout=subprocess.PIPE,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
        return CommandResult(done.returncode, done.stdout)

    def save(self, to: Path) -> Path:
        """Make a backup, and return its folder."""
        status, output = self.run("deploy.backup", "--to", to)
        assert status == 0, output
        [folder] = to.glob("ims-*")
        return folder

    def restore(self, folder: Path) -> None:
        """Replace all data by that of a backup."""
        status, output = self.run("deploy.restore", "--overwrite", folder)
        assert status == 0, output

    @property
    def keys(self) -> Path:
        """The folder of the keys."""
        return self.data_dir / "keys"

    def list_keys(self) -> dict[str, tuple[str, str]]:
        """Get mode and content of every file and folder of the keys, by its relative path."""
        return {
            str(path.relative_to(self.keys)): (
                filemode(path.stat().st_mode),
                path.read_text() if path.is_file() else "",
            )
            for path in self.keys.rglob("*")
        }

    def corrupt(self, service: str, statement: str) -> None:
        """Corrupt the database of a service."""
        name = service.removesuffix("_service")
        file = f"sqlite:///{self.data_dir / name}.db"
        url = self.settings.get(f"{service.upper()}_DATABASE_URL", file)
        with create_engine(url, poolclass=NullPool).begin() as connection:
            connection.execute(text(statement))


class Talker(threading.Thread):
    """A user who sends messages until stopped."""

    def __init__(self, sender: ApiClient, conversation_id: int) -> None:
        super().__init__()
        self._sender, self._conversation_id = sender, conversation_id
        self.enough = threading.Event()

    def run(self) -> None:
        """Send messages."""
        while not self.enough.is_set():
            self._sender.send_text(self._conversation_id, "And another thing")


class Saved(NamedTuple):
    """A backup, the place to restore it to, and the responses of the product before the backup.

    ``chat`` is a conversation with messages sent during the backup.
    """

    folder: Path
    place: Place
    scene: Scene
    chat: int
    answers: dict[str, Any]


def _answers(scene: Scene) -> dict[str, Any]:
    """Get the responses to users, independent of the product's address."""
    base_url = scene.alice.base_url
    shown = scene.bob.list_messages(scene.private).messages
    pictures = [each.content for each in shown if each.is_image]
    pictures += [each.sender_avatar for each in shown if each.sender_avatar]
    return {
        "lists": repr(scene.picture()).replace(base_url, ""),
        "messages": repr(shown).replace(base_url, ""),
        "avatar": scene.alice.get("/account/info").result()["avatar"],
        "pictures": [
            scene.bob.fetch("GET", each.removeprefix(base_url)).content for each in pictures
        ],
    }


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def places(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Place, Place]]:
    """The settings of a running product, and of an empty installation."""
    folder = tmp_path_factory.mktemp("backup")
    one, other = folder / "one", folder / "other"
    with ExitStack() as stack:
        if request.param == "sqlite":
            yield Place(one, {}), Place(other, {})
            return
        server = stack.enter_context(postgres_server())
        store = stack.enter_context(s3_server())
        yield (
            Place(one, _production(server, store, "one")),
            Place(other, _production(server, store, "other")),
        )


def _production(server: PostgresServer, store: str, name: str) -> dict[str, str]:
    databases = {
        f"{service.upper()}_DATABASE_URL": server.create_database(f"{service}_{name}")
        for service in SERVICES
    }
    return databases | bucket_settings(store, name)


@pytest.fixture(scope="module")
def saved(places: tuple[Place, Place]) -> Saved:
    """A backup of a product with all kinds of data, made during writes."""
    here, there = places
    with running(here.data_dir, **here.settings) as product:
        scene = make_scene(product.base_url)
        alice, bob = scene.alice, scene.bob
        alice.put("/account/info", origin_password=PASSWORD, avatar=data_uri(picture())).result()
        where = {"conversationId": str(scene.private)}
        alice.call("POST", "/conversations/image", data=where, files={"image": picture()}).result()
        bob.call(
            "POST", "/conversations/image", data=where, files={"image": picture(seed=1)}
        ).result()
        answers = _answers(scene)
        chat = scene.carol.get_private_conversation(scene.frank.id).id
        talker = Talker(scene.carol, chat)
        talker.start()
        status, output = here.run("deploy.backup", "--to", here.data_dir / "backups")
        talker.enough.set()
        talker.join()
        assert status == 0, output
        assert here.run("deploy.verify").status == 0
    [folder] = (here.data_dir / "backups").iterdir()
    return Saved(folder, there, scene, chat, answers)


@pytest.fixture(scope="module")
def restored(saved: Saved) -> Place:
    """The place of the restored backup, where nothing runs."""
    status, output = saved.place.run("deploy.restore", saved.folder)
    assert status == 0, output
    return saved.place


def test_a_backup_is_for_its_owner_alone(saved: Saved) -> None:
    everything = [saved.folder, *saved.folder.rglob("*")]

    assert {path.stat().st_mode & 0o077 for path in everything} == {0}


def test_a_changed_backup_is_refused(saved: Saved, tmp_path: Path) -> None:
    changed = shutil.copytree(saved.folder, tmp_path / "changed")
    with (changed / "databases" / "chat_service").open("ab") as file:
        file.write(b"x")

    status, output = saved.place.run("deploy.restore", changed)

    assert status == 1
    assert f"{changed}/databases/chat_service is missing or not what was saved" in output


def test_what_was_restored_keeps_every_promise(restored: Place) -> None:
    status, output = restored.run("deploy.verify")

    assert status == 0, output


def test_a_restored_product_answers_as_the_saved_one_did(saved: Saved, restored: Place) -> None:
    with running(restored.data_dir, **restored.settings) as product:
        for person in vars(saved.scene).values():
            if isinstance(person, ApiClient):
                person.base_url = product.base_url

        assert _answers(saved.scene) == saved.answers
        messages = saved.scene.frank.list_messages(saved.chat).messages
        assert [each.seq for each in messages] == list(range(1, len(messages) + 1))
        assert saved.scene.carol.sign_in().token


def test_a_place_where_something_is_is_left_alone(saved: Saved, restored: Place) -> None:
    status, output = restored.run("deploy.restore", saved.folder)

    assert status == 1
    assert "is not empty" in output


def test_what_is_on_its_way_is_no_disagreement(restored: Place) -> None:
    restored.corrupt("auth_service", "UPDATE accounts SET name = 'New', version = 9 WHERE id = 3")
    for consumer in ("social", "chat"):
        restored.corrupt("auth_service", _EVENT_ON_ITS_WAY.format(consumer=consumer))

    assert restored.run("deploy.verify").status == 0


def test_disagreements_of_two_services_are_found(restored: Place) -> None:
    restored.corrupt("social_service", "DELETE FROM accounts WHERE id = 1")
    restored.corrupt("chat_service", "UPDATE accounts SET name = '?' WHERE id < 3")
    restored.corrupt("chat_service", "UPDATE conversations SET is_open = (1 = 0) WHERE id = 1")

    status, output = restored.run("deploy.verify")

    assert status == 1
    assert "1  social knows every account as auth does\n" in output
    assert "2  chat knows every account as auth does\n" in output
    assert "1  each friendship is a private chat, open while it lasts\n" in output


def test_a_backup_during_a_key_rotation_contains_current_and_next_keys(tmp_path: Path) -> None:
    here, there = _migrated(tmp_path / "one"), Place(tmp_path / "other", {})
    assert here.run("deploy.keyring", "rotate", "accept", here.keys).status == 0

    there.restore(here.save(tmp_path))

    assert here.list_keys().keys() >= {"jwt-private.pem", "next", "next/jwt-private.pem"}
    assert there.list_keys() == here.list_keys()


def test_a_restore_removes_the_next_keys_of_a_later_rotation(tmp_path: Path) -> None:
    place = _migrated(tmp_path / "one")
    keys = place.list_keys()
    folder = place.save(tmp_path)
    assert place.run("deploy.keyring", "rotate", "accept", place.keys).status == 0

    place.restore(folder)

    assert place.list_keys() == keys


def _migrated(data_dir: Path) -> Place:
    """An installation without users, where nothing runs."""
    place = Place(data_dir, {})
    assert place.run("deploy.run", "--only-migrate").status == 0
    return place
