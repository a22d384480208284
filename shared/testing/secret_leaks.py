"""Pytest plugin: programs must not log secrets while they are tested.

The clients of the tests register the secrets that they send. After all tests, the output of all
programs is searched for these, and for any tokens, keys and hashes.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

# Shorter ones occur in words.
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
    """Registered secrets, captured outputs, and files with more output."""

    secrets: set[str] = field(default_factory=set)
    outputs: list[str] = field(default_factory=list)
    reported: list[str] = field(default_factory=list)
    logs: set[str] = field(default_factory=set)

    def leaks(self) -> Iterator[str]:
        """Yield the lines that contain a secret."""
        written = "".join(Path(log).read_text(errors="replace") for log in self.logs)
        everything = "\n".join((*self.outputs, *self.reported, written))
        leaked = {secret for secret in self.secrets if secret in everything}
        for line in everything.splitlines():
            if _FORBIDDEN.search(line) or any(secret in line for secret in leaked):
                yield line


_captured = _Captured()


def register_secrets(sent: Any) -> None:
    """Register the secrets that a test sends; none of them may appear in an output."""
    if not isinstance(sent, dict):
        return
    for name in sent.keys() & _SECRET_FIELDS:
        if isinstance(sent[name], str) and len(sent[name].strip()) >= _SHORTEST:
            # As plain text, and escaped in JSON.
            _captured.secrets |= {sent[name], json.dumps(sent[name])[1:-1]}


def scan_text(outputs: str) -> None:
    """Include output that only the test has read."""
    _captured.outputs.append(outputs)


def scan_file(log: Path) -> None:
    """Include a file that a program writes; it is read after all tests."""
    _captured.logs.add(str(log))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Collect the standard error of applications, and of programs that inherit it."""
    if report.capstderr:
        _captured.reported.append(report.capstderr)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Pass the captured texts of this process on; fail if a secret has leaked."""
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
    """Collect the captured texts of a test process."""
    secrets, logs, outputs = getattr(node, "workeroutput", {}).get("heard", ([], [], []))
    _captured.secrets |= set(secrets)
    _captured.logs |= set(logs)
    _captured.outputs += outputs


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """List the lines that contain secrets."""
    for line in config.stash.get(_leaks, []):
        terminalreporter.write_line(f"FAILED A program wrote a secret down: {line}", red=True)
