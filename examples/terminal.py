"""A terminal with an input line, above which other lines appear."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.formatted_text import ANSI
from prompt_toolkit.patch_stdout import patch_stdout
from prompt_toolkit.utils import get_cwidth

BOLD, DIM, RED, YELLOW = "1", "2", "31", "33"
_COLOURS_OF_PEOPLE = ("36", "35", "34", "32")
_HAS_COLOURS = sys.stdout.isatty() and "NO_COLOR" not in os.environ


def echo(text: str, colour: str = "") -> None:
    """Write a line above the input line."""
    sys.stdout.write(f"{in_colour(colour, text)}\n")
    sys.stdout.flush()


def in_colour(colour: str, text: str) -> str:
    """Text in a colour, unless the terminal or its user has none."""
    return f"\033[{colour}m{text}\033[0m" if colour and _HAS_COLOURS else text


def colour_of(person_id: int) -> str:
    """The colour of a user, which is always the same."""
    return _COLOURS_OF_PEOPLE[person_id % len(_COLOURS_OF_PEOPLE)]


def fit(text: str, columns: int) -> str:
    """Text in exactly so many columns; a Chinese character takes two."""
    text = text.replace("\n", " ")
    while get_cwidth(text) > columns:
        text = text.rstrip("…")[:-1] + "…"
    return text + " " * (columns - get_cwidth(text))


def typed_lines(
    prompt: Callable[[], str], status: Callable[[], str], words: Iterable[str]
) -> Iterator[str]:
    """The typed lines until Ctrl-D or Ctrl-C, or the lines of another input until its end.

    Args:
        prompt: text before the input line.
        status: text below it.
        words: completions of Tab.
    """
    if not sys.stdin.isatty():
        yield from filter(None, map(str.strip, sys.stdin))
        return
    completer = WordCompleter([*words], sentence=True)
    session = PromptSession[str](erase_when_done=True, completer=completer, refresh_interval=1)
    with patch_stdout(raw=True), suppress(EOFError, KeyboardInterrupt):
        while True:
            before = ANSI(in_colour(BOLD, prompt()))
            if line := session.prompt(before, bottom_toolbar=status).strip():
                yield line
