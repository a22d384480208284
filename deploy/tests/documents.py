"""Commands in documents, so that tests run exactly these."""

import re
from typing import NamedTuple

from deploy.run import ROOT

_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_FENCE = re.compile(
    r"(?:^<!-- not run: (?P<why>.+?) -->\n)?^```sh\n(?P<lines>.*?)^```$", re.MULTILINE | re.DOTALL
)

_PROGRAMS = (
    r"\.venv/bin/python|docker|gunicorn|kind|kubectl|make|minikube|openssl|pip|python|sqlite3"
)
_INLINE = re.compile(rf"`((?:{_PROGRAMS}) [^`]+)`")
DOCUMENTS = ("docs/deploying.md", "docs/operations.md", "docs/scaling.md")
"""What operators type comes from these."""


class Block(NamedTuple):
    """A block of commands in a document.

    Attributes:
        document: the path of the document.
        section: the heading above the block.
        text: the commands.
        why_not: the reason in the document why no test runs it, if any.
    """

    document: str
    section: str
    text: str
    why_not: str | None

    @property
    def commands(self) -> list[str]:
        """The commands of the block, one per line."""
        return [line for line in self.text.splitlines() if line and not line.startswith("#")]


def blocks_of(document: str) -> list[Block]:
    """List the blocks of commands of a document."""
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
    """Find the only block in a section of a document whose text begins like this."""
    [match] = [
        each
        for each in blocks_of(document)
        if each.section == section and each.text.startswith(beginning)
    ]
    return match


def inline_commands_of(document: str) -> set[str]:
    """List the commands in the text of a document, outside of blocks."""
    text = _without_code((ROOT / document).read_text())
    return {" ".join(code.split()) for code in _INLINE.findall(text)}


def _without_code(text: str) -> str:
    """Blank the comments of shell code, which look like headings, and keep all positions."""
    return re.sub(
        r"^```.*?^```$", lambda code: " " * len(code[0]), text, flags=re.MULTILINE | re.DOTALL
    )
