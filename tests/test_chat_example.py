"""``examples/chat.py`` in two terminals."""

import os
import pty
import select
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.client import PASSWORD, ApiClient
from tests.factories import befriend, list_contents, make_user, unused_email
from tests.product import ROOT

SECONDS = 40
WHERE_IS_THE_CURSOR, IN_THE_FIRST_LINE = b"\033[6n", b"\033[1;1R"


class Terminal:
    """A terminal with a running chat program."""

    def __init__(self, base_url: str, email: str) -> None:
        self._keyboard, inside = pty.openpty()
        termios.tcsetwinsize(inside, (24, 100))
        command = (sys.executable, Path("examples", "chat.py"), "--url", base_url, "--email", email)
        settings = {"IMS_PASSWORD": PASSWORD, "TERM": "xterm"}
        self._program = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | settings,
            stdin=inside,
            stdout=inside,
            stderr=inside,
            start_new_session=True,
        )
        os.close(inside)
        self._shown = b""

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        self._program.terminate()
        self._program.wait(SECONDS)
        os.close(self._keyboard)

    def type(self, line: str) -> None:
        """Type a line and press Enter."""
        os.write(self._keyboard, f"{line}\r".encode())

    def shows(self, text: str) -> bool:
        """Whether a text appears after the previous one."""
        deadline = time.monotonic() + SECONDS
        while text.encode() not in self._shown:
            ready, _, _ = select.select([self._keyboard], [], [], deadline - time.monotonic())
            if not ready:
                return False
            written = os.read(self._keyboard, 65_536)
            if WHERE_IS_THE_CURSOR in written:
                os.write(self._keyboard, IN_THE_FIRST_LINE)
            self._shown += written
        self._shown = self._shown.partition(text.encode())[2]
        return True

    def has_ended(self) -> bool:
        """Whether the program ends without an error."""
        return self._program.wait(SECONDS) == 0


@pytest.fixture
def sit_down(base_url: str) -> Iterator[Callable[[str], Terminal]]:
    """Open a terminal for an account."""
    with ExitStack() as terminals:
        yield lambda email: terminals.enter_context(Terminal(base_url, email))


def test_a_typed_text_is_shown_in_the_other_terminal(
    sit_down: Callable[[str], Terminal], alice: ApiClient, bob: ApiClient
) -> None:
    befriend(alice, bob)
    at_alices, at_bobs = sit_down(alice.email), sit_down(bob.email)
    assert at_bobs.shows("Connected")
    at_alices.type("Bob")
    assert at_alices.shows("── Bob ──")

    at_alices.type("一起喝茶吗?")

    assert at_bobs.shows("Alice: 一起喝茶吗?")
    at_bobs.type("Alice")
    assert at_bobs.shows("一起喝茶吗?")
    at_bobs.type("/reply #1 At five.")
    assert at_alices.shows("╭ 一起喝茶吗?")
    assert at_alices.shows("At five.")


def test_a_new_user_registers_and_sees_friend_requests(
    sit_down: Callable[[str], Terminal], base_url: str
) -> None:
    email = unused_email()
    terminal = sit_down(email)
    assert terminal.shows("New here. Your name:")
    terminal.type("Dora")
    assert terminal.shows("Connected")
    dora = ApiClient(base_url, "Dora", email).sign_in()

    make_user(base_url, "Emil").post("/add_friend", target_id=dora.id, message="Hello!")

    assert terminal.shows("Emil would like to be your friend. Hello!")
    terminal.type("/accept Emil")
    assert terminal.shows("/open Emil")


def test_quitting_ends_the_program(sit_down: Callable[[str], Terminal], alice: ApiClient) -> None:
    terminal = sit_down(alice.email)
    assert terminal.shows("Connected")

    terminal.type("/quit")

    assert terminal.has_ended()


def test_the_program_ends_with_its_input(base_url: str, alice: ApiClient, bob: ApiClient) -> None:
    befriend(alice, bob)

    run = subprocess.run(
        [sys.executable, "examples/chat.py", "--url", base_url, "--email", alice.email],
        cwd=ROOT,
        env=os.environ | {"IMS_PASSWORD": alice.password},
        input="Bob\nGood night\n",
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )

    assert (run.returncode, run.stderr) == (0, "")
    assert list_contents(bob, bob.get_private_conversation(alice.id).id) == ["Good night"]


def test_a_wrong_password_is_reported_in_one_line(
    sit_down: Callable[[str], Terminal], base_url: str
) -> None:
    email = unused_email()
    ApiClient(base_url, "Frida", email, password="other_1").sign_up()

    terminal = sit_down(email)

    assert terminal.shows("That did not work: 密码错误")
