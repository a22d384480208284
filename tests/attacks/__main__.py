"""Attack the product beside a bystander: one hostile client for each attack.

Each attack meets a fresh product with its default limits, every program within the memory limit of
its container. A bystander meanwhile makes five requests a second over all services, sign-in,
upload and a websocket included; 429 and 503 count as failures. Traffic stays on loopback.
Status 1: the bystander was refused, a program died or needed more memory than its container has.

In the short form all attacks meet the same product, one after the other, for a few seconds each.
One that seems to hurt is repeated once.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from tests.attacks.bounds import BOUNDS
from tests.attacks.campaign import Outcome, contained, measure, run
from tests.attacks.hostile import ATTACKS, read_long_history
from tests.attacks.memory import container_limits

_ROW = "{:<24}{:>9}{:>9}{:>9}  {:<28}{:>6}"
_REQUESTS, _REQUESTS_IN_SHORT = 200, 20  # In 20, each of the bystander's requests is made once.


def main() -> int:
    """Run the wanted attacks and print a row for each."""
    names = [attack.__name__ for attack in ATTACKS]
    parser = argparse.ArgumentParser(prog="python -m tests.attacks", description=__doc__)
    parser.add_argument("--only", choices=names, action="append", metavar="NAME", help=str(names))
    parser.add_argument("--requests", type=int, help=f"of the bystander (otherwise {_REQUESTS})")
    parser.add_argument("--messages", type=int, default=20_000, help="in the attacker's history")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--short", action="store_true", help="all attacks meet the same product")
    parser.add_argument(
        "--lifted", action="store_true", help="attack a product without the bound, too"
    )
    wanted = parser.parse_args()
    requests = wanted.requests or (_REQUESTS_IN_SHORT if wanted.short else _REQUESTS)
    work = {"requests": requests, "seed": wanted.seed}
    _print(_ROW.format("attack", "failures", "p50 ms", "p99 ms", "largest memory", "died"))
    hurt = []
    with ExitStack() as stack:
        attack_product: Callable[..., Outcome] = run
        if wanted.short:
            attack_product = partial(measure, stack.enter_context(contained()))
        for attack in (None, *ATTACKS):
            name = attack.__name__ if attack else "(none)"
            if attack and wanted.only and name not in wanted.only:
                continue
            messages = wanted.messages if attack is read_long_history else 0
            outcome = attack_product(attack, messages=messages, **work)
            _print_outcome(name, outcome)
            if wanted.short and outcome.hurt:
                _print("    Repeated on a product of its own; the machine may have been busy:")
                outcome = run(attack, messages=messages, **work)
                _print_outcome(name, outcome)
            if outcome.hurt:
                hurt.append(name)
            if attack and wanted.lifted:
                unbounded = run(attack, is_bounded=False, messages=messages, **work)
                _print_outcome("  without its bound", unbounded)
                _print(f"    {BOUNDS[name].words}")
    if not outcome.is_enforced:
        _print("NOT ENFORCED: the memory limits; no memory cgroup can be made here.")
    _print(f"Hurt by: {', '.join(hurt)}" if hurt else "The bystander noticed no attack.")
    return 1 if hurt else 0


def _print_outcome(name: str, outcome: Outcome) -> None:
    program, share = outcome.largest
    limit = container_limits()[program] // 2**20
    experience = outcome.experience
    _print(
        _ROW.format(
            name,
            len(experience.failures),
            f"{experience.p50 * 1000:.0f}",
            f"{experience.p99 * 1000:.0f}",
            f"{program} {share:.0%} of {limit} MiB",
            outcome.died,
        )
    )
    for failure, count in Counter(experience.failures).most_common(5):
        _print(f"    {count} x {failure}")


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
