"""Measure the whole product: ``python -m benchmarks``, or ``make bench``.

Each column is deployed on fresh data and filled through the API. Nothing else should run
meanwhile; the report says whether something did.
"""

import argparse
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

from argon2 import PasswordHasher

from auth_service.domain import passwords
from benchmarks.deployment import COLUMNS, deploy
from benchmarks.live import live_figures
from benchmarks.load import LoadGenerator
from benchmarks.measuring import FULL_PACE, QUICK_PACE, Measuring
from benchmarks.plots import plot_costs, plot_growth
from benchmarks.report import RESULTS, Report
from benchmarks.scenarios import FULL, QUICK, scenarios
from benchmarks.world import PASSWORD, Seeder

_VERIFICATIONS = 30
_MESSAGES = 200
_QUICK_MESSAGES = 30
_SECONDS_OF_REST = 12  # Within which workers give back what they do not need any more.


def main() -> None:
    """Measure, print tables, and keep the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, in under two minutes")
    parser.add_argument("--column", choices=COLUMNS, help="only this one")
    parser.add_argument("--only", default="", help="only scenarios whose names begin so")
    wanted = parser.parse_args()
    report = Report(_argon2_ms())
    for column in [wanted.column] if wanted.column else COLUMNS:
        _measure(column, report, quick=wanted.quick, only=wanted.only)
    report.stop_clock()
    measured = scenarios(QUICK if wanted.quick else FULL)
    for column in dict.fromkeys(figures.column for figures in report.figures):
        echo(f"\nAims, {column}")
        for verdict in report.aims(column, measured):
            echo(verdict)
    echo(f"\n{report.disturbance()}")
    errors = sum(figures.errors for figures in report.figures)
    if not wanted.only and not wanted.column:
        name = "quick" if wanted.quick else "full"
        echo(f"\nSaved in {report.save(name).parent}")
        plot_costs(report.figures, RESULTS / f"{name}-costs.svg")
        plot_growth(report.figures, RESULTS / f"{name}-growth.svg")
    sys.exit(f"{errors} requests failed" if errors else 0)


def echo(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _measure(column: str, report: Report, *, quick: bool, only: str) -> None:
    sizes, pace = (QUICK, QUICK_PACE) if quick else (FULL, FULL_PACE)
    with (
        tempfile.TemporaryDirectory(prefix="ims-benchmark-") as folder,
        LoadGenerator() as load,
        deploy(column, Path(folder)) as deployment,
    ):
        echo(f"Filling the product on {column} ...")
        world = Seeder(load, deployment.address, echo).world(sizes)
        deployment.wait_until_idle()
        measuring = Measuring(column, deployment, load, pace)
        echo(report.headings(column))
        for scenario in scenarios(sizes):
            if str(scenario).startswith(only):
                for clients in pace.clients:
                    if clients > scenario.max_clients:
                        continue
                    figures = measuring.figures(scenario, world, clients)
                    report.figures.append(figures)
                    echo(report.row(figures))
        if "live delivery".startswith(only):
            echo("Live delivery ...")
            messages = _QUICK_MESSAGES if quick else _MESSAGES
            report.live[column] = live_figures(deployment, load, world, messages)
            for name, value in report.live[column].items():
                echo(f"  {name:>22}  {value}")
        if not quick:
            time.sleep(_SECONDS_OF_REST)
            report.memory[column] = deployment.resident_memory()


def _argon2_ms() -> float:
    """Processor time of one verification of a password, with the parameters of the product.

    Two run at once, as in the product: memory limits both.
    """
    hashed, hasher = passwords.hash_password(PASSWORD, network=""), PasswordHasher()

    def verify(_number: int) -> float:
        began = time.thread_time()
        hasher.verify(hashed, PASSWORD)
        return 1000 * (time.thread_time() - began)

    with ThreadPoolExecutor(2) as pool:
        return median(pool.map(verify, range(_VERIFICATIONS)))


if __name__ == "__main__":
    main()
