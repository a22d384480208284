"""Pytest plugin: whatever programs say while they are tested, they tell nobody's secrets.

The clients of the tests note what they send in confidence. When all tests have run, everything
that programs wrote is searched for it, and for tokens, keys and hashes, whoever made them.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

# Shorter ones stand in many a word.
_SHORTEST = 7
_SECRET_FIELDS = frozenset(
    {
        "content",
        "message",
        "new_password",
        "origin_password",
        "password",
        "text",
        "token",
        "user_info",
        "verify_code",
    }
)
_FORBIDDEN = re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}|\$argon2id?\$|PRIVATE KEY|[?&]token=")


@dataclass
class _Captured:
    """What was sent in confidence; what programs have said; and files with more of it."""

    secrets: set[str] = field(default_factory=set)
    outputs: list[str] = field(default_factory=list)
    reported: list[str] = field(default_factory=list)
    logs: set[str] = field(default_factory=set)

    def leaks(self) -> Iterator[str]:
        """The lines with a secret in them."""
        written = "".join(Path(log).read_text(errors="replace") for log in self.logs)
        everything = "\n".join((*self.outputs, *self.reported, written))
        leaked = {secret for secret in self.secrets if secret in everything}
        for line in everything.splitlines():
            if _FORBIDDEN.search(line) or any(secret in line for secret in leaked):
                yield line


_captured = _Captured()


def register_secrets(sent: Any) -> None:
    """Note what a test sends to a program: none of it may be written down."""
    if not isinstance(sent, dict):
        return
    for name in sent.keys() & _SECRET_FIELDS:
        if isinstance(sent[name], str) and len(sent[name].strip()) >= _SHORTEST:
            # As it is, and as it would stand in a line of JSON.
            _captured.secrets |= {sent[name], json.dumps(sent[name])[1:-1]}


def scan_text(outputs: str) -> None:
    """Look at what a program has said to the test alone, as well."""
    _captured.outputs.append(outputs)


def scan_file(log: Path) -> None:
    """Look, when all tests have run, at what a program has written into this file."""
    _captured.logs.add(str(log))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep what was said on standard error, by applications and by programs that inherit it."""
    if report.capstderr:
        _captured.reported.append(report.capstderr)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand over what this process has heard; fail if a secret was told."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["heard"] = [
            sorted(_captured.secrets),
            sorted(_captured.logs),
            _captured.outputs,
        ]
    else:
        session.config.stash[_leaks] = list(_captured.leaks())
        if session.config.stash[_leaks]:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


_leaks = pytest.StashKey[list[str]]()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Collect what a test process has heard."""
    secrets, logs, outputs = getattr(node, "workeroutput", {}).get("heard", ([], [], []))
    _captured.secrets |= set(secrets)
    _captured.logs |= set(logs)
    _captured.outputs += outputs


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Show the lines that tell secrets."""
    for line in config.stash.get(_leaks, []):
        terminalreporter.write_line(f"FAILED A program wrote a secret down: {line}", red=True)
