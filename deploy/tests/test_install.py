"""The lock files install without a resolver, independent of the preferences of pip."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZipFile

import pytest

from deploy.programs import PROGRAMS
from deploy.run import ROOT

OLDEST_PIP = "23.0"
LOCKS = [
    "requirements.txt",
    "requirements-dev.txt",
    *(f"{program}/requirements.txt" for program in PROGRAMS),
]
EXTRAS = sorted(
    {
        name
        for lock in LOCKS
        for name in re.findall(r"^([\w.-]+)\[.+\]==", (ROOT / lock).read_text(), re.MULTILINE)
    }
)
INSTALLING = re.compile(r"pip install\b[^`&|\n]* -r ")


def _python(folder: Path, *arguments: str, env: Mapping[str, str]) -> str:
    done = subprocess.run(
        [folder / "bin" / "python", *arguments],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def newer_releases(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """An environment in which pip finds a newer release of every package with an extra."""
    folder = tmp_path_factory.mktemp("index")
    for name in EXTRAS:
        written = name.replace("-", "_")
        with ZipFile(folder / f"{written}-999-py3-none-any.whl", "w") as wheel:
            about = f"{written}-999.dist-info"
            wheel.writestr(
                f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 999\n"
            )
            wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
            wheel.writestr(f"{about}/RECORD", "")
    places = f"{os.environ.get('PIP_FIND_LINKS', '')} {folder}".strip()
    return os.environ | {"PIP_FIND_LINKS": places}


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A virtual environment with the oldest supported pip."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    _python(tmp_path / "venv", "-m", "pip", "install", f"pip=={OLDEST_PIP}", env=os.environ)
    return tmp_path / "venv"


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_is_installed_by_the_oldest_pip_although_newer_releases_are_out(
    lock: str, environment: Path, newer_releases: Mapping[str, str]
) -> None:
    makefile = (ROOT / "Makefile").read_text()
    [command] = re.findall(r"^INSTALL := \$\(BIN\)/python (.+)$", makefile, re.MULTILINE)

    offered = _python(
        environment, "-m", "pip", "install", "--dry-run", "--no-deps", *EXTRAS, env=newer_releases
    )
    _python(environment, *shlex.split(command), "--no-compile", "-r", lock, env=newer_releases)

    assert offered.count("-999") >= len(EXTRAS)
    _python(environment, "-m", "pip", "check", env=newer_releases)


def test_all_installations_use_the_same_options() -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "*.md", "*Dockerfile", "*Makefile", ".ci/run", "*.yml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    commands = [
        (path, line)
        for path in tracked
        for line in (ROOT / path).read_text().replace("\\\n", " ").splitlines()
        if INSTALLING.search(line)
    ]

    assert commands
    assert [
        place for place in commands if not {"--no-deps", "--require-hashes"} <= {*place[1].split()}
    ] == []
