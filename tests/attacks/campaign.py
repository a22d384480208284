"""Attack a product beside a bystander, and measure the effects."""

import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.attacks import bounds
from tests.attacks.bystander import Bystander, Experience
from tests.attacks.hostile import Attack, Target, attacking
from tests.attacks.memory import PROGRAMS, ContainerMemory, container_limits, process_ids
from tests.factories import befriend, make_group, make_user
from tests.product import Product

WARM_UP_SECONDS = 2.0
_LONG_TEXT = "历史" * 127


@dataclass(frozen=True)
class Outcome:
    """The effects of an attack; memory in bytes."""

    experience: Experience
    peaks: Mapping[str, int]
    is_enforced: bool
    died: int

    @property
    def hurt(self) -> bool:
        """Whether the bystander or a program was affected."""
        limits = container_limits()
        over = any(peak > limits[program] for program, peak in self.peaks.items())
        return bool(self.experience.failures or self.died or over)

    @property
    def largest(self) -> tuple[str, float]:
        """The program closest to its memory limit, and the used share of the limit."""
        limits = container_limits()
        shares = {program: peak / limits[program] for program, peak in self.peaks.items()}
        return max(shares.items(), key=lambda share: share[1])


class UnboundedProduct(Product):
    """A product without the bounds against one attack."""

    launcher = bounds.__name__


def run(
    attack: Attack | None, *, requests: int, messages: int, seed: int, is_bounded: bool = True
) -> Outcome:
    """Start a product with its default limits and attack it while a bystander uses it.

    Args:
        attack: the attack; None measures the bystander alone.
        requests: how many the bystander makes, five a second.
        messages: how long the attacker's conversation is.
        seed: of the attacker's random choices.
        is_bounded: whether the product has the bounds against the attack.
    """
    lifted = attack if not is_bounded else None
    with contained(lifted) as memory:
        return measure(memory, attack, requests=requests, messages=messages, seed=seed)


@contextmanager
def contained(lifted: Attack | None = None) -> Iterator[ContainerMemory]:
    """A product within its containers' limits of memory, without the bounds against one attack."""
    with tempfile.TemporaryDirectory(prefix="ims-attack-") as folder:
        data_dir = Path(folder) / "data"
        product = Product(data_dir, RATE_LIMITS="on")
        if lifted is not None:
            settings = {"RATE_LIMITS": "on", bounds.ATTACK: lifted.__name__}
            product = UnboundedProduct(data_dir, **settings)
        product.start()
        memory = ContainerMemory(product)
        try:
            yield memory
        finally:
            memory.close()


def measure(
    memory: ContainerMemory, attack: Attack | None, *, requests: int, messages: int, seed: int
) -> Outcome:
    """Attack a product that runs; see `run`."""
    product = memory.product
    before = _lasting_processes(product)
    killed = memory.killed()
    bystander = Bystander(product.base_url)
    target = _target_of(product, bystander, messages)
    if attack is None:
        experience = bystander.use(requests)
    else:
        with attacking(attack, target, seed):
            time.sleep(WARM_UP_SECONDS)
            experience = bystander.use(requests)
    bystander.close()
    died = max(memory.killed() - killed, len(before - _lasting_processes(product)))
    return Outcome(experience, memory.peaks(), memory.is_enforced, died)


def _lasting_processes(product: Product) -> set[int]:
    return set().union(*(process_ids(product, each, but_decoders=True) for each in PROGRAMS))


def _target_of(product: Product, bystander: Bystander, messages: int) -> Target:
    mallory = make_user(product.base_url, "Mallory")
    accomplice = make_user(product.base_url, "Trent")
    befriend(mallory, accomplice)
    group = make_group(mallory, accomplice)
    if messages:
        mallory.send_text(group, "0")
        _make_history(product.data_dir / "chat.db", group, messages)
    address = urlsplit(product.base_url)
    assert address.hostname is not None
    assert address.port is not None
    return Target(
        address.hostname,
        address.port,
        mallory.email,
        mallory.password,
        mallory.token,
        group,
        bystander.alice.email,
    )


def _make_history(database: Path, conversation_id: int, count: int) -> None:
    """Repeat the first message of a conversation, as if it had been sent again and again."""
    with closing(sqlite3.connect(database, timeout=30)) as connection, connection:
        connection.execute(
            "INSERT INTO messages (conversation_id, seq, version, sender_id, type, content,"
            " created_at) WITH RECURSIVE n(n) AS"
            " (SELECT 2 UNION ALL SELECT n + 1 FROM n WHERE n < :count)"
            " SELECT conversation_id, n, n, sender_id, type, :content, created_at"
            " FROM messages, n WHERE conversation_id = :conversation AND seq = 1",
            {"count": count, "content": _LONG_TEXT, "conversation": conversation_id},
        )
        connection.execute(
            "UPDATE conversations SET last_seq = ?, version = ? WHERE id = ?",
            (count, count, conversation_id),
        )
