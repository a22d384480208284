"""A real S3 server that the tests start by themselves, and what lies in a store of media."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import requests
from moto.server import ThreadedMotoServer

from shared.media.object_store import MediaSettings, MediaStore
from shared.settings import load_settings


@contextmanager
def s3_server() -> Iterator[str]:
    """Run a server as long as the block lasts.

    Yields:
        where it listens.
    """
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def bucket_settings(server: str, name: str) -> dict[str, str]:
    """Make a bucket of this test process's own; the settings with which a service uses it."""
    bucket = f"{name}-{os.getpid()}"
    requests.put(f"{server}/{bucket}", timeout=5).raise_for_status()
    return {
        "MEDIA_URL": f"s3://{bucket}",
        "AWS_ENDPOINT_URL": server,
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }


def media_keys(env: Mapping[str, str]) -> set[str]:
    """What lies in the store, bucket or folder, that a service with these settings uses."""
    store = MediaStore()
    store.configure(load_settings(MediaSettings, env))
    return {file.key for batch in store.iter_files() for file in batch}
