"""Results as tables and JSON, compared with the last committed result."""

import json
import os
import platform
import resource
import subprocess
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from benchmarks.deployment import PARTS, PROGRAMS
from benchmarks.measuring import MANY, Figures
from benchmarks.scenarios import LOGIN, Scenario
from tests.product import ROOT

RESULTS = ROOT / "benchmarks" / "results"
COMMITTED = "full.json"

_LIVE_AIM_US = 28
_GATEWAY_AIM = 1.6
_MEMORY_AIM_MB = 110
# With less than this, H of a request and the cost of a delivery are too high for a verdict.
_MIN_REQUESTS = 100
_MIN_SOCKETS = 1000
_MAX_OTHER_SHARE = 0.05
_HEADINGS = (
    f"{'':26} {'clients':>7} {'requests':>8} {'errors':>6} {'per s':>6} {'p50 ms':>7} "
    f"{'p99 ms':>7} "
    f"| CPU ms: {' '.join(f'{part:>8}' for part in PARTS)} | {'H':>6} {'was':>6} "
    f"| {'bytes':>8} {'peak MB':>7} {'load':>5}"
)


class Report:
    """All results of one run.

    Args:
        argon2_ms: processor time of one Argon2id verification.
    """

    def __init__(self, argon2_ms: float) -> None:
        self.figures: list[Figures] = []
        self.live: dict[str, dict[str, Any]] = {}
        self.memory: dict[str, dict[str, float]] = {}
        self._load_before = os.getloadavg()[0]
        self._machine_before, self._began = _machine_seconds(), time.monotonic()
        self._other_share = 0.0
        self._argon2_ms = argon2_ms
        self._last = _last_committed()

    def row(self, figures: Figures) -> str:
        """A line of the table."""
        was = self._last.get(_key(figures.as_json()))
        name = figures.name if figures.size is None else f"{figures.name}, {figures.size:,}"
        cpu = " ".join(f"{figures.cpu_ms[part]:8.3f}" for part in PARTS)
        return (
            f"{name:26} {figures.clients:7} {figures.requests:8} {figures.errors:6} "
            f"{figures.per_second:6.0f} {figures.p50:7.1f} {figures.p99:7.1f} |         {cpu} "
            f"| {figures.application_h:6.1f} {'' if was is None else f'{was:.1f}':>6} "
            f"| {figures.received:8} {figures.peak_mb:7.0f} {figures.load_busy:5.0%}"
        )

    def headings(self, column: str) -> str:
        """What stands above the rows of a column."""
        return f"\n{column}\n{_HEADINGS}"

    def stop_clock(self) -> None:
        """Note the share of the processors that other programs took, now that all of ours ended."""
        seconds = (time.monotonic() - self._began) * (os.cpu_count() or 1)
        others = _machine_seconds() - self._machine_before - _own_seconds()
        self._other_share = max(others, 0) / seconds

    def disturbance(self) -> str:
        """Say how much other programs took beside the run."""
        line = f"Other programs took {self._other_share:.0%} of the processors meanwhile"
        return f"DISTURBED: {line}." if self._other_share > _MAX_OTHER_SHARE else f"{line}."

    def aims(self, column: str, scenarios: Sequence[Scenario]) -> Iterator[str]:
        """Each aim, what was reached, and whether that is enough."""
        aims = {(each.name, each.size): each.aim for each in scenarios if each.aim}
        mine = [f for f in self.figures if f.column == column and f.clients == MANY]
        for each in mine:
            aim = aims.get((each.name, each.size))
            if aim is not None:
                reached = each.application_h
                if each.name == LOGIN:
                    reached -= self._argon2_ms / each.hello_ms
                name = each.name if each.size is None else f"{each.name}, {each.size:,}"
                has_verdict = each.requests >= _MIN_REQUESTS
                yield _verdict(name, reached, aim, "H", has_verdict=has_verdict)
        for each in mine[:1]:
            yield _verdict(
                f"gateway ({each.name})",
                each.h["gateway"],
                _GATEWAY_AIM,
                "H",
                has_verdict=each.requests >= _MIN_REQUESTS,
            )
        if live := self.live.get(column):
            yield _verdict(
                "live delivery",
                sum(live["cpu_us"][program] for program in PROGRAMS),
                _LIVE_AIM_US,
                "us",
                has_verdict=live["sockets"] >= _MIN_SOCKETS,
            )
        for program, megabytes in self.memory.get(column, {}).items():
            yield _verdict(f"memory of a {program} worker", megabytes, _MEMORY_AIM_MB, "MB")

    def as_json(self) -> dict[str, Any]:
        """It as it is kept."""
        return {
            "at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
            "load_before": round(self._load_before, 2),
            "other_share": round(self._other_share, 3),
            "argon2_ms": round(self._argon2_ms, 2),
            "figures": [_rounded(each.as_json()) for each in self.figures],
            "live": _rounded(self.live),
            "memory_mb": _rounded(self.memory),
        }

    def save(self, name: str) -> Path:
        """Write it to the folder of results."""
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{name}.json"
        path.write_text(json.dumps(self.as_json(), indent=1) + "\n")
        return path


def _verdict(what: str, reached: float, aim: float, unit: str, *, has_verdict: bool = True) -> str:
    verdict = ("met" if reached <= aim else "OPEN") if has_verdict else "-"
    return f"  {verdict:4} {what:28} {reached:6.1f} {unit}, aim {aim:g}"


def _machine_seconds() -> float:
    """Processor time of all programs of the machine since it started."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)


def _own_seconds() -> float:
    """Processor time of this process and of all that it started and that have ended."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def _last_committed() -> dict[tuple[Any, ...], float]:
    """Application H by scenario, as the last committed result of a full run has it."""
    command = ["git", "show", f"HEAD:{(RESULTS / COMMITTED).relative_to(ROOT)}"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if shown.returncode:
        return {}
    return {
        _key(figures): sum(figures["h"][program] for program in PROGRAMS)
        for figures in json.loads(shown.stdout)["figures"]
    }


def _key(figures: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(figures[name] for name in ("column", "name", "size", "clients"))


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    return round(value, 3) if isinstance(value, float) else value


def as_markdown() -> str:
    """The committed figures as tables for the documentation."""
    run = json.loads((RESULTS / COMMITTED).read_text())
    lines = [
        f"Measured {run['at'][:10]} on {run['machine']}, load before: {run['load_before']}.",
        f"One Argon2id verification: {run['argon2_ms']:.1f} ms.",
    ]
    for column in dict.fromkeys(each["column"] for each in run["figures"]):
        rows = [each for each in run["figures"] if each["column"] == column]
        lines += [
            "",
            f"**{column}**, {MANY} clients, H per request:",
            "",
            f"| | application | {' | '.join(PARTS)} | per s | p50 ms | p99 ms | bytes |",
            "|---" * (len(PARTS) + 6) + "|",
            *(_markdown_row(each) for each in rows if each["clients"] == MANY),
        ]
        if live := run["live"].get(column):
            us = sum(live["cpu_us"][program] for program in PROGRAMS)
            memory = ", ".join(f"{kb:.1f} KB in {who}" for who, kb in live["kb_per_socket"].items())
            lines += [
                "",
                f"Live delivery to {live['sockets']:,} sockets: {us:.0f} us of processor each,",
                f"p50 {live['p50']:.0f} ms, {live['deliveries_per_second']:,} a second.",
                f"An open socket: {memory}.",
            ]
        memory = ", ".join(f"{who} {mb:.0f}" for who, mb in run["memory_mb"][column].items())
        lines += ["", f"Memory of a worker after the whole run, MB: {memory}."]
    return "\n".join(lines)


def _markdown_row(figures: dict[str, Any]) -> str:
    size = figures["size"]
    h = figures["h"]
    cells = [
        figures["name"] if size is None else f"{figures['name']}, {size:,}",
        f"**{sum(h[program] for program in PROGRAMS):.1f}**",
        *(f"{h[part]:.1f}" for part in PARTS),
        f"{figures['per_second']:.0f}",
        f"{figures['p50']:.1f}",
        f"{figures['p99']:.1f}",
        f"{figures['received']:,}",
    ]
    return f"| {' | '.join(cells)} |"
