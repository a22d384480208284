"""Every program starts, serves and passes its tests with only the contents of its image."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
import requests
from packaging.requirements import Requirement

from deploy.keyring import key_files
from deploy.programs import GATEWAY, PROGRAMS, SERVICES, environment_of
from deploy.run import LOOPBACK, ROOT
from deploy.tests.conftest import PATIENCE_SECONDS, free_port, until

pytestmark = pytest.mark.slow

LEFT_OUT = [
    line.removeprefix("**/")
    for line in (ROOT / ".dockerignore").read_text().splitlines()
    if line.startswith("**/")
]


@dataclass(frozen=True)
class Image:
    """The image of a program, according to the Dockerfile."""

    requirements: Path
    folders: list[str]
    command: list[str]
    health: list[str]


def image_of(program: str) -> Image:
    """Read the image of a program from the Dockerfile."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").replace("${PROGRAM}", program)
    stages = {stage.split()[2]: stage for stage in text.split("\nFROM ")[1:]}
    names = ("common", "program", *(("gateway",) if program == "gateway" else ()))
    lines = [shlex.split(line) for name in names for line in stages[name].splitlines()]
    copy_store = [line[1] for line in lines if line[:1] == ["COPY"] and len(line) == 3]
    [command] = re.findall(r"^CMD (.+)$", stages["program"], re.MULTILINE)
    [health] = re.findall(r"^HEALTHCHECK .+ CMD (.+)$", stages["program"], re.MULTILINE)
    [requirements] = re.findall(r"^COPY (\S+) /$", stages["packages"], re.MULTILINE)
    return Image(ROOT / requirements, copy_store, json.loads(command), json.loads(health))


def copy_sources(image: Image, folder: Path) -> None:
    """Copy the image's working directory into ``folder``."""
    for name in image.folders:
        shutil.copytree(
            ROOT / name,
            folder / name,
            ignore=lambda _, names: [n for n in names if any(fnmatch(n, p) for p in LEFT_OUT)],
        )


def install(image: Image, folder: Path) -> Path:
    """Create a virtual environment with only the required packages, linked to the installed ones.

    Returns:
        its Python.
    """
    venv.create(folder, symlinks=True)
    [target] = folder.glob("lib/python*/site-packages")
    for line in image.requirements.read_text().splitlines():
        if line.startswith(" "):
            continue  # The hash of a package.
        wanted = Requirement(line.rstrip("\\ "))
        if wanted.marker and not wanted.marker.evaluate():
            continue
        package = distribution(wanted.name)
        assert wanted.specifier.contains(package.version), "make lock, then install"
        for file in package.files or ():
            if ".." not in file.parts and "__pycache__" not in file.parts:
                link, there = target / file, Path(str(package.locate_file(file)))
                if not link.parent.exists():
                    link.parent.mkdir(parents=True)
                    link.with_name("__pycache__").symlink_to(there.with_name("__pycache__"))
                link.symlink_to(there)
    return folder / "bin" / "python"


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_starts_and_answers_with_the_others_absent(program: str, tmp_path: Path) -> None:
    image = image_of(program)
    root, python = tmp_path / "app", str(install(image, tmp_path / "venv"))
    copy_sources(image, root)
    pages = {"web"} if program == GATEWAY else set()
    assert {path.name for path in root.iterdir()} == {program, "shared"} | pages
    nowhere = {f"{name.upper()}_URL": f"http://{LOOPBACK}:1" for name in SERVICES}
    settings = nowhere | key_files(tmp_path / "keys") | {"DATA_DIR": str(tmp_path / "data")}
    path = f"{Path(python).parent}:{os.environ['PATH']}"
    env = {**environment_of(program, settings), "PROGRAM": program, "PATH": path}
    where: Any = {"cwd": root, "env": env}
    here = f"{LOOPBACK}:{free_port()}"
    if program in SERVICES:
        subprocess.run([python, "-m", program, "migrate"], check=True, **where)

    command = [word.replace("0.0.0.0:8000", here) for word in image.command]
    with subprocess.Popen(command, **where) as running:
        until(lambda: is_served(f"http://{here}/livez"))
        answered = {path: is_served(f"http://{here}{path}") for path in ("/readyz", "/docs")}
        probe = [word.replace(f"{LOOPBACK}:8000", here) for word in image.health]
        health = subprocess.run(probe, check=False, **where)
        running.terminate()

    assert answered == {"/readyz": True, "/docs": program == GATEWAY}
    assert health.returncode == 0


def is_served(url: str) -> bool:
    try:
        return requests.get(url, timeout=PATIENCE_SECONDS).status_code == 200
    except requests.ConnectionError:
        return False


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_passes_tests_with_the_others_absent(service: str, tmp_path: Path) -> None:
    for name in (service, "shared"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    some = (f"{service}/tests/test_contracts.py", f"{service}/tests/test_migrations.py")

    done = subprocess.run(
        [sys.executable, "-m", "pytest", *some],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
