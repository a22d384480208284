"""The decoder process: bounded, fair, and restarted whenever it ends."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import psutil
import pytest

from shared.media.decoder import MAX_WAITING, MAX_WAITING_PER_USER, Decoder, DecoderSettings
from shared.media.imaging import webp
from shared.media.imaging.container import BadImageError
from shared.settings import ProgramSettings, load_settings
from shared.testing.tokens import PUBLIC_KEYS_PEM
from shared.tests.image_files import encoded, photo, picture, png
from shared.web.errors import ApiError
from shared.web.fair_queue import FairQueue
from shared.web.spool import SpoolFile, spool

ALICE, BOB, CAROL = 1, 2, 3


@pytest.fixture(autouse=True)
def _spool(tmp_path: Path) -> None:
    env = {"JWT_PUBLIC_KEYS": PUBLIC_KEYS_PEM, "DATA_DIR": str(tmp_path)}
    spool.configure(load_settings(ProgramSettings, env))


@pytest.fixture
def decoder() -> Iterator[Decoder]:
    """A decoder with a long timeout."""
    decoder = Decoder()
    decoder.configure(seconds("50"))
    yield decoder
    decoder.stop()


def seconds(time: str) -> DecoderSettings:
    return load_settings(DecoderSettings, {"IMAGE_TIMEOUT_SECONDS": time})


def spooled(data: bytes) -> SpoolFile:
    file = spool.create_file()
    file.write(data)
    return file


def process_of(decoder: Decoder) -> psutil.Process:
    assert decoder._process is not None
    return psutil.Process(decoder._process.pid)


def endless() -> bytes:
    """Create a small image that takes long to decode: as many frames as pixels are allowed."""
    frame = b"\x2c\0\0\0\0\1\0\1\0\0\x02\x02\x44\x01\0"
    head = b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff"
    return head + frame * 600_000 + b"\x3b"


def test_an_image_comes_back_clean(decoder: Decoder) -> None:
    with decoder.clean(spooled(picture("PNG") + b"more"), ALICE).file as file:
        file.seek(0)
        assert file.read() == picture("PNG")


def test_one_process_distinguishes_bad_from_good_images(decoder: Decoder) -> None:
    decoder.clean(spooled(picture("PNG")), ALICE)
    process = process_of(decoder)
    with pytest.raises(BadImageError):
        decoder.clean(spooled(b"no image"), ALICE)
    assert decoder.thumbnail(spooled(picture("GIF")), ALICE, 16).extension == "webp"
    assert process_of(decoder) == process


def test_it_has_neither_gevent_nor_flask_nor_the_secrets_of_the_service() -> None:
    program = "import sys, shared.media.imaging.server; print(*sys.modules)"
    # Without the variables of coverage, which would import gevent.
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, env={})
    assert not {"gevent", "flask", "sqlalchemy"} & set(done.stdout.decode().split())


def test_secrets_are_not_in_its_environment(
    decoder: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERNAL_SECRETS", "never to be seen")
    decoder.clean(spooled(picture("PNG")), ALICE)
    assert "INTERNAL_SECRETS" not in process_of(decoder).environ()


@pytest.mark.slow
def test_more_processor_time_than_there_is_makes_an_image_a_bad_one(decoder: Decoder) -> None:
    decoder.configure(seconds("250"))
    with pytest.raises(BadImageError):
        decoder.clean(spooled(endless()), ALICE)
    decoder.clean(spooled(picture("PNG")), ALICE)


def test_more_memory_than_there_is_makes_an_image_a_bad_one(decoder: Decoder) -> None:
    # 40 bytes for which a decoder of WebP needs more than a gigabyte.
    sent = webp_of_50_megapixels()
    assert webp.parse(sent).width == 7070
    with pytest.raises(BadImageError):
        decoder.clean(spooled(sent), ALICE)


def webp_of_50_megapixels() -> bytes:
    """Create a still lossless WebP of one colour."""
    return bytes.fromhex(
        "5249464620000000574542505650384c140000002f9d5be716075081540820000a9a22c78888fe07"
    )


@pytest.mark.parametrize("whom", ["process", "child"])
def test_who_is_killed_leaves_the_image_undone_and_the_next_one_is_done(
    decoder: Decoder, whom: str
) -> None:
    decoder.clean(spooled(picture("PNG")), ALICE)
    refusals: list[ApiError] = []

    def send() -> None:
        with pytest.raises(ApiError) as refusal:
            decoder.clean(spooled(endless()), ALICE)
        refusals.append(refusal.value)

    sending = threading.Thread(target=send)
    sending.start()
    process = process_of(decoder)
    while not (children := process.children()):
        sleep(0.01)
    (process if whom == "process" else children[0]).send_signal(signal.SIGKILL)
    sending.join()

    [refusal] = refusals
    assert (refusal.spec.status, refusal.headers) == (503, {"Retry-After": "1"})
    psutil.wait_procs(children, timeout=20)
    assert not children[0].is_running()
    decoder.clean(spooled(picture("PNG")), ALICE)


def test_what_takes_too_long_is_given_up_and_its_process_ends(decoder: Decoder) -> None:
    decoder.clean(spooled(picture("PNG")), ALICE)
    process = process_of(decoder)
    decoder.configure(seconds("0.2"))
    with pytest.raises(ApiError) as refusal:
        decoder.clean(spooled(endless()), ALICE)
    assert refusal.value.spec.status == 503
    assert not process.is_running()


def test_it_ends_with_the_program_that_started_it(tmp_path: Path) -> None:
    program = """
import os, signal, sys
from shared.media.decoder import Decoder, spool
from shared.settings import ProgramSettings, load_settings
spool.configure(load_settings(ProgramSettings, os.environ))
decoder = Decoder()
image = spool.create_file()
image.write(sys.stdin.buffer.read())
decoder.clean(image, 1)
print(decoder._process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    env = os.environ | {"JWT_PUBLIC_KEYS": PUBLIC_KEYS_PEM, "DATA_DIR": str(tmp_path)}
    command = [sys.executable, "-c", program]
    done = subprocess.run(
        command, input=picture("PNG"), stdout=subprocess.PIPE, env=env, check=False
    )
    decoders = [process for process in psutil.process_iter() if process.pid == int(done.stdout)]
    _, alive = psutil.wait_procs(decoders, timeout=20)
    assert alive == []


def test_an_error_of_ours_is_no_bad_image(decoder: Decoder) -> None:
    with pytest.raises(RuntimeError, match="KeyError"):
        decoder._run(spooled(picture("PNG")), ALICE, {"operation": "unknown", "arguments": {}})


def test_nothing_stays_on_the_disk(decoder: Decoder) -> None:
    before = spool.bytes_used
    with spooled(picture("PNG")) as sent, decoder.clean(sent, ALICE).file:
        pass
    assert spool.bytes_used == before


class Backlog:
    """Threads in a queue, which record the order of their turns."""

    def __init__(self, queue: FairQueue) -> None:
        self._queue = queue
        self._threads: list[threading.Thread] = []
        self.served: list[int] = []

    def add(self, user_id: int, *, seconds: float = 50, gone: bool = False) -> None:
        entered = self._queue._counts.total()
        run = threading.Thread(target=self._wait, args=(user_id, seconds, gone))
        run.start()
        self._threads.append(run)
        while run.is_alive() and self._queue._counts.total() == entered:
            pass

    def _wait(self, user_id: int, seconds: float, gone: bool) -> None:
        try:
            with self._queue.turn(user_id, monotonic() + seconds, lambda: gone):
                self.served.append(user_id)
        except ApiError:
            self.served.append(-user_id)

    def join(self) -> None:
        for run in self._threads:
            run.join()


def never() -> bool:
    return False


def test_users_take_turns_however_much_one_of_them_sends() -> None:
    queue = FairQueue(MAX_WAITING, MAX_WAITING_PER_USER)
    waiting = Backlog(queue)
    with queue.turn(ALICE, monotonic() + 50, never):
        for user_id in (ALICE, ALICE, ALICE, BOB, BOB, CAROL):
            waiting.add(user_id)
    waiting.join()
    assert waiting.served[:3] in ([BOB, CAROL, ALICE], [BOB, ALICE, CAROL])
    assert sorted(waiting.served) == [ALICE, ALICE, ALICE, BOB, BOB, CAROL]


def test_what_waits_is_bounded_for_a_user_and_for_all() -> None:
    queue = FairQueue(limit=5, limit_per_user=3)
    waiting = Backlog(queue)
    with queue.turn(ALICE, monotonic() + 50, never):
        for user_id in (ALICE, ALICE, ALICE, BOB, BOB, CAROL):
            waiting.add(user_id)
        assert waiting.served == [-ALICE, -CAROL]
    waiting.join()


def test_who_has_waited_too_long_or_is_gone_leaves_the_queue() -> None:
    queue = FairQueue(MAX_WAITING, MAX_WAITING_PER_USER)
    waiting = Backlog(queue)
    with queue.turn(ALICE, monotonic() + 50, never):
        waiting.add(BOB, seconds=0.1)
        waiting.add(CAROL, gone=True)
        waiting.join()
        assert sorted(waiting.served) == [-CAROL, -BOB]
    with queue.turn(BOB, monotonic() + 50, never):
        pass


_PEAK = """
import re, sys
from shared.media.imaging import images, server
server._limit()
data = sys.stdin.buffer.read()
images.{operation}
# Not getrusage(): that remembers the memory of the process that started this one.
print(int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) // 1024)
"""


def large(kind: str) -> bytes:
    """Create an image of the largest accepted size."""
    if kind == "PNG":
        return png(8000, 8000, (b"\0" + bytes(32_000)) * 8000, 8, 6)
    if kind == "WEBP":
        plain = photo((5000, 5000), "RGBA")
        return encoded(plain, "WEBP", lossless=True, method=0, quality=0)
    if kind == "GIF":
        return encoded(photo((8000, 8000), "L"), "GIF")
    return encoded(photo((8000, 8000)), "JPEG", progressive=kind != "JPEG", subsampling=0)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "progressive JPEG", "GIF", "WEBP"])
def test_the_largest_images_fit_into_the_memory_that_there_is(kind: str) -> None:
    image = large(kind)
    for operation in ("clean(data)", "thumbnail(data, 512)"):
        program = [sys.executable, "-c", _PEAK.format(operation=operation)]
        done = subprocess.run(program, input=image, stdout=subprocess.PIPE, check=True)
        assert 0 < int(done.stdout) < 768, operation
