"""A real S3 server for tests, and the contents of an object store."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import requests
from moto.server import ThreadedMotoServer

from shared.media.object_store import MediaSettings, MediaStore
from shared.settings import load_settings


@contextmanager
def s3_server() -> Iterator[str]:
    """Run a server until the block ends.

    Yields:
        its URL.
    """
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def bucket_settings(server: str, name: str) -> dict[str, str]:
    """Create a bucket for this test process; return the settings with which a service uses it."""
    bucket = f"{name}-{os.getpid()}"
    requests.put(f"{server}/{bucket}", timeout=5).raise_for_status()
    return {
        "MEDIA_URL": f"s3://{bucket}",
        "AWS_ENDPOINT_URL": server,
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }


def media_keys(env: Mapping[str, str]) -> set[str]:
    """List the keys in the store, bucket or folder, of a service with these settings."""
    store = MediaStore()
    store.configure(load_settings(MediaSettings, env))
    return {file.key for batch in store.iter_files() for file in batch}
