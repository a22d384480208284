"""Live delivery between replicas whose clocks differ."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from chat_service.tests.factories import make_group
from chat_service.tests.live_server import Listening, Person, Server, running
from shared.testing.cast import ALICE, BOB
from shared.testing.redis import redis_server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

_LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))


def other_time(offset: str) -> dict[str, str]:
    """The environment of a program whose clock differs by ``offset``, such as ``+50m``."""
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
    """A replica with the right time, and one with another (tokens of tests live for an hour)."""
    with redis_server() as redis:
        shared = settings | {"REDIS_URL": redis.url}
        with running(shared) as right, running(shared | other_time(request.param)) as wrong:
            yield right, wrong


def test_replicas_whose_clocks_differ_lose_no_frame(
    app: Flask, replicas: tuple[Server, Server]
) -> None:
    group = make_group(app, ALICE, BOB)
    right, wrong = replicas
    speakers = [Person(server, ALICE) for server in (right, wrong)]
    texts = [str(number) for number in range(40)]
    with Listening(right, BOB) as here, Listening(wrong, BOB) as there:
        for number, text in enumerate(texts):
            speakers[number % 2].says(group, text)

        # Frames of two replicas overtake each other; clients sort messages by ``seq``.
        for bob in (here, there):
            assert {bob.next()["message"]["content"] for _ in texts} == {*texts}
        here.acknowledge()

    speakers[0].says(group, "missed 1")
    speakers[1].says(group, "missed 2")
    with here.again(wrong) as back:
        assert {back.next()["message"]["content"] for _ in "12"} == {"missed 1", "missed 2"}
        back.acknowledge()
    with back.again(right) as once_more:
        speakers[1].says(group, "last")
        assert once_more.next()["message"]["content"] == "last"
    for speaker in speakers:
        speaker.close()
