"""Whose work the product contains, under which licences, and in which images."""

import json
import re
import subprocess
import sys
from pathlib import Path

_HEAD = """# Licences of what we build on

Made by `make docs` from the pinned requirements: what each image contains beside our own code
(MIT), and what only `make run` and the example programs use.

| package | licence | in |
|---|---|---|
"""
_IMAGES = ("gateway", "auth_service", "social_service", "chat_service")
_NAME = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==", re.MULTILINE)


def licences(root: Path) -> str:
    """The page of licences.

    Args:
        root: of the repository, with its requirements files; they must be installed.
    """
    images = {image: _packages(root / image / "requirements.txt") for image in _IMAGES}
    rows = []
    for name, licence in sorted(_licence_by_package(_packages(root / "requirements.txt")).items()):
        users = [image for image in _IMAGES if name in images[image]]
        where = "all images" if len(users) == len(_IMAGES) else ", ".join(users) or "`make run`"
        rows.append(f"| {name} | {licence} | {where} |")
    return _HEAD + "\n".join(rows) + "\n"


def _packages(requirements: Path) -> set[str]:
    return {_normal(name) for name in _NAME.findall(requirements.read_text())}


def _licence_by_package(names: set[str]) -> dict[str, str]:
    """What those of the packages say that are installed: some are for other systems."""
    command = [sys.executable, "-m", "piplicenses", "--format", "json", "--packages"]
    said = subprocess.run([*command, *sorted(names)], stdout=subprocess.PIPE, check=True)
    return {_normal(each["Name"]): each["License"] for each in json.loads(said.stdout)}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
