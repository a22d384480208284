"""Each attack has bounds that `make attack` can lift."""

import subprocess
import sys

from tests.attacks.bounds import BOUNDS
from tests.attacks.hostile import ATTACKS
from tests.product import ROOT


def test_every_attack_has_bounds() -> None:
    assert list(BOUNDS) == [attack.__name__ for attack in ATTACKS]


def test_every_bound_is_there() -> None:
    # In a process of its own: the server's configuration patches the standard library.
    program = """
from shared.server import gunicorn_conf
from tests.attacks.bounds import BOUNDS, find_owner
for bounds in BOUNDS.values():
    for path in bounds.values:
        find_owner(path)
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)
