"""Attack a product beside a bystander, and measure what he notices of it."""

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.attacks.bystander import Bystander, Experience
from tests.attacks.hostile import Attack, Target, attacking
from tests.attacks.memory import PROGRAMS, ContainerMemory, container_limits, process_ids
from tests.people import befriend, make_group, newcomer, send
from tests.product import Product

WARM_UP_SECONDS = 2.0
_LONG_TEXT = "历史" * 127


@dataclass(frozen=True)
class Outcome:
    """What an attack did; memory in bytes."""

    experience: Experience
    peaks: Mapping[str, int]
    is_enforced: bool
    died: int

    @property
    def hurt(self) -> bool:
        """Whether the bystander or a program suffered."""
        limits = container_limits()
        over = any(peak > limits[program] for program, peak in self.peaks.items())
        return bool(self.experience.failures or self.died or over)

    @property
    def largest(self) -> tuple[str, float]:
        """The program that came nearest to its limit, and the share of the limit it used."""
        limits = container_limits()
        shares = {program: peak / limits[program] for program, peak in self.peaks.items()}
        return max(shares.items(), key=lambda share: share[1])


def run(
    attack: Attack | None, *, requests: int, messages: int, seed: int, **settings: str
) -> Outcome:
    """Start a product with its default limits and attack it while a bystander uses it.

    Args:
        attack: the attack; None measures the bystander alone.
        requests: how many the bystander makes, five a second.
        messages: how long the attacker's conversation is.
        seed: of the attacker's random choices.
        settings: of the product, beside the defaults.
    """
    with tempfile.TemporaryDirectory(prefix="ims-attack-") as folder:
        product = Product(Path(folder) / "data", RATE_LIMITS="on", **settings)
        product.start()
        memory = ContainerMemory(product)
        try:
            before = {program: process_ids(product, program) for program in PROGRAMS}
            bystander = Bystander(product.base_url)
            target = _target_of(product, bystander, messages)
            if attack is None:
                experience = bystander.use(requests)
            else:
                with attacking(attack, target, seed):
                    time.sleep(WARM_UP_SECONDS)
                    experience = bystander.use(requests)
            bystander.close()
            gone = {p: pids - process_ids(product, p) for p, pids in before.items()}
            died = max(memory.killed(), sum(map(len, gone.values())))
            return Outcome(experience, memory.peaks(), memory.is_enforced, died)
        finally:
            memory.close()


def _target_of(product: Product, bystander: Bystander, messages: int) -> Target:
    mallory = newcomer(product.base_url, "Mallory")
    accomplice = newcomer(product.base_url, "Trent")
    befriend(mallory, accomplice)
    group = make_group(mallory, accomplice)
    for number in range(messages):
        send(mallory, group, f"{number}{_LONG_TEXT}"[:255])
    address = urlsplit(product.base_url)
    assert address.hostname is not None
    assert address.port is not None
    assert mallory.token is not None
    return Target(
        address.hostname,
        address.port,
        mallory.email,
        mallory.password,
        mallory.token,
        group,
        bystander.alice.email,
    )
