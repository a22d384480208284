"""Use the product under faults, and compare its state with the acknowledged responses.

``make chaos``: simulated users send messages, befriend, register and read through the gateways, and
record every acknowledged response in a file. Meanwhile programs, workers and servers are killed,
restarted and frozen, and connections between them are cut, blocked and delayed, in an order that
depends on the seed. Then all faults end, and the state is compared with the records; make verify
checks the rest. Status 1: something differs.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.arena import COLUMNS
from tests.chaos.trial import Trial, tried


def main() -> int:
    """Run the trials, and print their results."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="of faults on each column")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--column", choices=COLUMNS, action="append", help="default: each")
    wanted = parser.parse_args()
    violations = 0
    for column in wanted.column or COLUMNS:
        folder = Path(tempfile.mkdtemp(prefix=f"ims-chaos-{column}-"))
        _echo(f"{column}, seed {wanted.seed}: {wanted.seconds:g} seconds, logs in {folder}")
        with tried(folder, column, wanted.seconds, wanted.seed) as trial:
            violations_of_run = trial.violations()
        _show(trial, violations_of_run)
        violations += len(violations_of_run)
    return 1 if violations else 0


def _show(trial: Trial, violations: list[str]) -> None:
    for fault, times in sorted(trial.faults.items()):
        _echo(f"{times:>8}  {fault}")
    record = trial.record
    figures = {
        "faults": trial.faults.total(),
        "requests": record.requests["requests"],
        "retries": record.requests["retries"],
        "messages acknowledged": len(record.sent),
        "pictures among them": len(record.pictures),
        "messages deleted": len(record.deleted),
        "messages hidden": len(record.hidden),
        "accounts": len(record.accounts),
        "violations": len(violations),
    }
    for figure, number in figures.items():
        _echo(f"{number:>8,}  {figure}")
    for violation in violations:
        _echo(f"          - {violation}")


def _echo(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
