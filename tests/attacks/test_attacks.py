"""A bystander notices no attack: the short form of ``make attack``."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.attacks.bounds import BOUNDS
from tests.attacks.campaign import contained, measure
from tests.attacks.hostile import ATTACKS, Attack
from tests.attacks.memory import ContainerMemory
from tests.product import ROOT

REQUESTS = 20  # Each of the bystander's own once, five a second.
MESSAGES = 5000


@pytest.fixture(scope="module")
def memory() -> Iterator[ContainerMemory]:
    """The memory of a product with its default limits, which all attacks meet."""
    with contained() as memory:
        yield memory


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.xdist_group("attacks")
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_a_bystander_notices_no_attack(memory: ContainerMemory, attack: Attack) -> None:
    outcome = measure(memory, attack, requests=REQUESTS, messages=MESSAGES, seed=1)

    assert outcome.experience.failures == []
    assert outcome.died == 0
    assert not outcome.hurt, outcome.peaks


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
