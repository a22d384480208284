"""Commands that documents tell their readers to type, so that tests type the same."""

import re
from typing import NamedTuple

from deploy.run import ROOT

_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_FENCE = re.compile(
    r"(?:^<!-- not run: (?P<why>.+?) -->\n)?^```sh\n(?P<lines>.*?)^```$", re.MULTILINE | re.DOTALL
)

_INLINE = re.compile(
    r"`((?:\.venv/bin/python|docker|gunicorn|kubectl|make|openssl|pip|python|sqlite3) [^`]+)`"
)
DOCUMENTS = ("docs/deploying.md", "docs/operations.md", "docs/scaling.md")
"""What operators type comes from these."""


class Block(NamedTuple):
    """A block of commands in a document.

    Attributes:
        document: path of the document.
        section: the heading above it.
        text: what is to be typed.
        why_not: why no test runs it, if the document says so.
    """

    document: str
    section: str
    text: str
    why_not: str | None

    @property
    def commands(self) -> list[str]:
        """The lines of it that are commands of their own."""
        return [line for line in self.text.splitlines() if line and not line.startswith("#")]


def blocks_of(document: str) -> list[Block]:
    """The blocks of commands of a document."""
    text = (ROOT / document).read_text()
    headings = [(match.start(), match[1]) for match in _HEADING.finditer(_without_code(text))]
    return [
        Block(
            document,
            next(name for start, name in reversed(headings) if start < match.start()),
            match["lines"],
            match["why"],
        )
        for match in _FENCE.finditer(text)
    ]


def block(document: str, section: str, beginning: str = "") -> Block:
    """The one block of commands in a section of a document whose text begins like this."""
    [match] = [
        each
        for each in blocks_of(document)
        if each.section == section and each.text.startswith(beginning)
    ]
    return match


def inline_commands_of(document: str) -> set[str]:
    """The commands that stand in the text of a document, beside the blocks."""
    text = _without_code((ROOT / document).read_text())
    return {" ".join(code.split()) for code in _INLINE.findall(text)}


def _without_code(text: str) -> str:
    """The same text, as long, with comments of the shell hidden: they look like headings."""
    return re.sub(
        r"^```.*?^```$", lambda code: " " * len(code[0]), text, flags=re.MULTILINE | re.DOTALL
    )
