"""Rotation of keys in a folder: in order, repeatable, and safe to interrupt."""

import os
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deploy.keyring import key_files, keyring
from shared.keys import key_id, load_private_key, load_public_keys

WEEK = 7 * 24 * 3600


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with keys."""
    key_files(tmp_path / "keys")
    return tmp_path / "keys"


def _rotate(step: str, folder: Path, *options: str) -> Result:
    return CliRunner().invoke(keyring, ["rotate", step, str(folder), *options])


def _signing(folder: Path) -> str:
    return key_id(load_private_key((folder / "jwt-private.pem").read_text()).public_key())


def _accepted(folder: Path) -> list[str]:
    return list(load_public_keys((folder / "jwt-public.pem").read_text()))


def _secrets(folder: Path) -> list[str]:
    return (folder / "chat_service-secret").read_text().split(",")


def _contents(folder: Path) -> dict[str, str]:
    return {str(file): file.read_text() for file in folder.rglob("*") if file.is_file()}


def test_accepting_leaves_in_use_what_is(folder: Path) -> None:
    old_key, [old_secret] = _signing(folder), _secrets(folder)
    assert _rotate("accept", folder).exit_code == 0
    assert (_signing(folder), _accepted(folder)[0]) == (old_key, old_key)
    assert (len(_accepted(folder)), _secrets(folder)[0], len(_secrets(folder))) == (
        2,
        old_secret,
        2,
    )


def test_using_swaps_them_and_accepts_both(folder: Path) -> None:
    _rotate("accept", folder)
    [old_key, new_key], [old_secret, new_secret] = _accepted(folder), _secrets(folder)
    assert _rotate("use", folder).exit_code == 0
    assert (_signing(folder), set(_accepted(folder))) == (new_key, {old_key, new_key})
    assert _secrets(folder) == [new_secret, old_secret]


def test_forgetting_leaves_the_new_ones_alone(folder: Path) -> None:
    _rotate("accept", folder)
    [_, new_key], [_, new_secret] = _accepted(folder), _secrets(folder)
    _rotate("use", folder)
    _pass_time(folder, WEEK + 1)
    assert _rotate("forget", folder).exit_code == 0
    assert (_signing(folder), _accepted(folder), _secrets(folder)) == (
        new_key,
        [new_key],
        [new_secret],
    )
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}


def test_the_old_key_is_not_retired_before_its_tokens_expire(folder: Path) -> None:
    _rotate("accept", folder)
    _rotate("use", folder)
    _pass_time(folder, WEEK - 3600)
    refused = _rotate("forget", folder)
    assert (refused.exit_code, "another 1.0 hours" in refused.stderr) == (1, True)
    assert len(_accepted(folder)) == 2
    assert _rotate("forget", folder, "--at-once").exit_code == 0
    assert len(_accepted(folder)) == 1


@pytest.mark.parametrize("steps", [["accept"], ["accept", "use"], ["accept", "use", "forget"]])
def test_a_repeated_step_changes_nothing_more(folder: Path, steps: list[str]) -> None:
    for step in steps:
        _rotate(step, folder, *(["--at-once"] if step == "forget" else []))
    before = _contents(folder)
    _rotate(steps[-1], folder)
    assert _contents(folder) == before


@pytest.mark.parametrize(
    ("steps_before", "step", "named"),
    [
        ([], "use", "rotate accept"),
        (["accept"], "forget", "rotate use"),
        (["accept", "use"], "accept", "rotate forget"),
    ],
)
def test_a_step_out_of_order_is_refused_with_the_one_to_take(
    folder: Path, steps_before: list[str], step: str, named: str
) -> None:
    for each in steps_before:
        _rotate(each, folder)
    before = _contents(folder)
    refused = _rotate(step, folder)
    assert (refused.exit_code, refused.stderr.rstrip().endswith(named)) == (1, True)
    assert _contents(folder) == before


def test_an_interrupted_use_is_taken_up_again(folder: Path) -> None:
    _rotate("accept", folder)
    [_, new_secret] = _secrets(folder)
    next_key = folder / "next" / "chat_service-secret"
    _rotate("use", folder)
    next_key.parent.mkdir()
    (next_key.parent / "jwt-public.pem").write_text("left behind")
    assert _rotate("use", folder).exit_code == 0
    assert _secrets(folder)[0] == new_secret
    assert not next_key.parent.exists()


def _pass_time(folder: Path, seconds: int) -> None:
    os.utime(folder / "jwt-private.pem", (time.time() - seconds,) * 2)


@pytest.mark.skipif(os.geteuid() != 0, reason="Only root makes files for others.")
def test_what_root_makes_belongs_to_the_owner_of_the_folder(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, 12345)
    secrets = tmp_path / "var" / "secrets"

    assert CliRunner().invoke(keyring, ["make", str(secrets)]).exit_code == 0
    assert _rotate("accept", secrets).exit_code == 0

    made = [tmp_path / "var", secrets, *secrets.rglob("*")]
    assert {(path.stat().st_uid, path.stat().st_gid) for path in made} == {(12345, 12345)}
