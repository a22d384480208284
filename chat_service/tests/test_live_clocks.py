"""Live delivery between replicas whose clocks differ."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from chat_service.tests.calls import send_text
from chat_service.tests.factories import make_group
from chat_service.tests.live_server import LiveSocket, Server, ServerClient, run_server
from shared.testing.cast import ALICE, BOB
from shared.testing.redis import redis_server

pytestmark = pytest.mark.slow

_LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))


def shift_clock(offset: str) -> dict[str, str]:
    """Build the environment of a program with a clock offset, such as ``+50m``."""
    if not _LIBRARIES:
        missing = "NOT TESTED: replicas whose clocks differ; libfaketime is not installed"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return {
        "LD_PRELOAD": str(_LIBRARIES[0]),
        "FAKETIME": offset,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


@pytest.fixture(params=["+50m", "+30s", "-30s"])
def replicas(
    request: pytest.FixtureRequest, app: Flask, settings: dict[str, str]
) -> Iterator[tuple[Server, Server]]:
    """A replica with the right time, and one with a wrong time (tokens are valid for an hour)."""
    with redis_server() as redis:
        shared = settings | {"REDIS_URL": redis.url}
        with run_server(shared) as right, run_server(shared | shift_clock(request.param)) as wrong:
            yield right, wrong


def test_replicas_whose_clocks_differ_lose_no_frame(
    app: Flask, replicas: tuple[Server, Server]
) -> None:
    group = make_group(app, ALICE, BOB)
    right, wrong = replicas
    speakers = [ServerClient(server, ALICE) for server in (right, wrong)]
    texts = [str(number) for number in range(40)]
    with LiveSocket(right, BOB) as here, LiveSocket(wrong, BOB) as there:
        for number, text in enumerate(texts):
            send_text(speakers[number % 2], group, text)

        # Frames of two replicas overtake each other; clients sort messages by ``seq``.
        for bob in (here, there):
            assert {bob.receive_frame()["message"]["content"] for _ in texts} == {*texts}
        here.acknowledge()

    send_text(speakers[0], group, "missed 1")
    send_text(speakers[1], group, "missed 2")
    with here.reconnect(wrong) as back:
        assert {back.receive_frame()["message"]["content"] for _ in "12"} == {
            "missed 1",
            "missed 2",
        }
        back.acknowledge()
    with back.reconnect(right) as once_more:
        send_text(speakers[1], group, "last")
        assert once_more.receive_frame()["message"]["content"] == "last"
    for speaker in speakers:
        speaker.close()
