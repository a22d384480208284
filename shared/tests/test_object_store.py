"""The object store: a folder or a bucket."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from shared.media.object_store import MediaSettings, MediaStore
from shared.settings import SettingsError, load_settings
from shared.testing.s3 import s3_server
from shared.testing.tokens import PUBLIC_KEYS_PEM
from shared.web.errors import ApiError
from shared.web.spool import Spool


def _settings(**values: str) -> MediaSettings:
    return load_settings(MediaSettings, {"JWT_PUBLIC_KEYS": PUBLIC_KEYS_PEM, **values})


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The endpoint of a real S3 server with the bucket ``pictures``."""
    with s3_server() as url:
        requests.put(f"{url}/pictures", timeout=5).raise_for_status()
        yield url


@pytest.fixture(params=["folder of the data", "folder", "bucket", "bucket with a prefix"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> MediaStore:
    """A store of each kind."""
    bucket = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}
    if "bucket" in request.param:
        bucket["AWS_ENDPOINT_URL"] = request.getfixturevalue("s3")
    settings = {
        "folder of the data": {"DATA_DIR": str(tmp_path)},
        "folder": {"MEDIA_URL": f"file://{tmp_path}/with%20blank"},
        "bucket": {"MEDIA_URL": "s3://pictures", **bucket},
        "bucket with a prefix": {"MEDIA_URL": "s3://pictures/of/ims", **bucket},
    }
    store = MediaStore()
    store.configure(_settings(**settings[request.param]))
    return store


def test_what_was_put_is_there_until_it_is_deleted(store: MediaStore) -> None:
    store.put("a/b.png", b"\x00first")
    assert (store.get("a/b.png"), store.exists("a/b.png")) == (b"\x00first", True)
    store.put("a/b.png", b"second")
    assert store.get("a/b.png") == b"second"
    store.delete("a/b.png")
    assert (store.get("a/b.png"), store.exists("a/b.png")) == (None, False)


def test_what_was_put_can_be_read_piece_by_piece(store: MediaStore) -> None:
    data = bytes(range(256)) * 2000
    store.put("a/b", data)
    opened = store.open("a/b")
    assert opened is not None
    pieces = list(opened.chunks)
    assert opened.size == len(data)
    assert b"".join(pieces) == data
    assert len(pieces) > 1


@pytest.mark.parametrize(
    ("store", "count"),  # A bucket lists a thousand objects per request.
    [("folder of the data", 3), ("folder", 1_002), ("bucket", 1_002), ("bucket with a prefix", 3)],
    indirect=["store"],
)
def test_all_objects_can_be_listed(store: MediaStore, count: int) -> None:
    keys = {f"list/{number}/file" for number in range(count)}
    for key in keys:
        store.put(key, b"four")
    store.put("other", b"x")
    listed = [file for batch in store.iter_files("list/") for file in batch]
    assert (len(listed), {file.key for file in listed}) == (count, keys)
    assert {file.size for file in listed} == {4}
    assert all(
        abs((file.last_modified - datetime.now(UTC)).total_seconds()) < 120 for file in listed
    )


@pytest.mark.parametrize("size", [0, 5, 12 << 20])
def test_a_spooled_file_is_put_whole(store: MediaStore, tmp_path: Path, size: int) -> None:
    spool = Spool()
    spool.configure(_settings(DATA_DIR=str(tmp_path)))
    with spool.create_file() as file:
        file.write(b"x" * size)
        store.put("a", file)
    assert store.get("a") == b"x" * size


def test_an_empty_store_lists_nothing(store: MediaStore) -> None:
    assert list(store.iter_files("nothing/")) == []


def test_what_is_not_there_cannot_be_opened(store: MediaStore) -> None:
    assert store.open("never/put") is None


def test_deleting_what_is_not_there_is_no_failure(store: MediaStore) -> None:
    store.delete("never/there")


def test_media_lie_in_the_data_folder_unless_a_url_says_otherwise(tmp_path: Path) -> None:
    store = MediaStore()
    store.configure(_settings(DATA_DIR=str(tmp_path)))
    store.put("a/b", b"c")
    assert (tmp_path / "media" / "a" / "b").read_bytes() == b"c"


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", None])
def test_a_store_that_does_not_answer_is_unavailable(
    request: pytest.FixtureRequest, endpoint: str | None
) -> None:
    store = MediaStore()
    store.configure(
        _settings(
            MEDIA_URL="s3://there-is-no-such-bucket",
            AWS_ENDPOINT_URL=endpoint or request.getfixturevalue("s3"),
            AWS_ACCESS_KEY_ID="id",
            AWS_SECRET_ACCESS_KEY="secret",
        )
    )
    with pytest.raises(ApiError) as refusal:
        store.put("a", b"b")
    assert refusal.value.spec.status == 503


@pytest.mark.parametrize("url", ["media", "ftp://x/y", "file://host/x", "s3://", "s3:///x"])
def test_a_media_url_that_is_none_is_named(url: str) -> None:
    with pytest.raises(SettingsError, match="MEDIA_URL"):
        _settings(MEDIA_URL=url)
