"""The memory limits of the containers, put on the programs of a product that runs without any."""

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

import yaml

from tests.product import ROOT, Product, read_command

PROGRAMS = ("gateway", "auth_service", "social_service", "chat_service")
_UNITS = {"k": 2**10, "m": 2**20, "g": 2**30}
_SAMPLE_INTERVAL = 0.1
_SECONDS_TO_REAP = 30.0


def container_limits() -> dict[str, int]:
    """The memory limit of each program in docker-compose.yml, in bytes."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    return {name: _parse_bytes(services[name]["mem_limit"]) for name in PROGRAMS}


def _parse_bytes(text: str) -> int:
    return int(text[:-1]) * _UNITS[text[-1].lower()]


_DECODER = "shared.media.imaging.server"


def process_ids(product: Product, program: str, *, but_decoders: bool = False) -> set[int]:
    """The processes of a program, with all that they have started.

    Args:
        product: it runs.
        program: its name.
        but_decoders: only those that run and are no decoders: an image that takes too long may end
            a decoder.
    """
    processes = product.processes(program)
    family = (each for process in processes for each in [process, *process.children(True)])
    if not but_decoders:
        return {each.pid for each in family}
    commands = {each.pid: read_command(each) for each in family}
    return {pid for pid, command in commands.items() if command and _DECODER not in command}


class Cgroup:
    """A memory cgroup with a limit in bytes, of version 1 or 2.

    Raises:
        OSError: this process may not make one.
    """

    def __init__(self, name: str, limit: int) -> None:
        root = Path("/sys/fs/cgroup")
        self._is_v1 = (root / "memory").is_dir()
        self._path = (root / "memory" if self._is_v1 else root) / name
        self._path.mkdir()
        self._write("memory.limit_in_bytes" if self._is_v1 else "memory.max", limit)

    def add(self, process_id: int) -> None:
        """Move a process here; the children that it starts from now on are here, too."""
        self._write("cgroup.procs", process_id)

    def peak(self) -> int:
        """The largest use so far, in bytes."""
        return int(self._read("memory.max_usage_in_bytes" if self._is_v1 else "memory.peak"))

    def killed(self) -> int:
        """How many processes the kernel has killed because of the limit."""
        counts = self._read("memory.oom_control" if self._is_v1 else "memory.events")
        return int(dict(line.split() for line in counts.splitlines())["oom_kill"])

    def remove(self) -> None:
        """Remove the group, in which nothing runs any more, when the last of it has been reaped."""
        deadline = time.monotonic() + _SECONDS_TO_REAP
        while True:
            try:
                return self._path.rmdir()
            except OSError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(_SAMPLE_INTERVAL)

    def _read(self, name: str) -> str:
        return (self._path / name).read_text()

    def _write(self, name: str, value: int) -> None:
        (self._path / name).write_text(str(value))


class ContainerMemory:
    """What each program of a product uses, within its container's limit where that is possible.

    A program moves into its cgroup when it is ready. What it used before (PSS) stays charged where
    it was, so it is taken off the limit and added to the peak. Where no cgroup can be made, PSS is
    sampled, and nothing is enforced.
    """

    def __init__(self, product: Product) -> None:
        self.product = product
        self._groups: dict[str, Cgroup] = {}
        self._used_before = {program: _memory_of(product, program) for program in PROGRAMS}
        self._peaks = dict.fromkeys(PROGRAMS, 0)
        self._stopped = threading.Event()
        self._sampler = threading.Thread(target=self._sample_until_stopped)
        try:
            for program, limit in container_limits().items():
                rest = limit - self._used_before[program]
                group = Cgroup(f"ims-{os.getpid()}-{program}", rest)
                self._groups[program] = group
                for process_id in sorted(process_ids(product, program)):
                    group.add(process_id)
        except OSError:
            self._sampler.start()

    @property
    def is_enforced(self) -> bool:
        """Whether the kernel holds the programs to their limits."""
        return self._sampler.ident is None

    def peaks(self) -> dict[str, int]:
        """The largest use of each program so far, in bytes."""
        if not self.is_enforced:
            return dict(self._peaks)
        return {
            program: self._used_before[program] + group.peak()
            for program, group in self._groups.items()
        }

    def killed(self) -> int:
        """How many processes the kernel has killed because of a limit."""
        return sum(group.killed() for group in self._groups.values()) if self.is_enforced else 0

    def close(self) -> None:
        """Kill the product and remove the limits."""
        self._stopped.set()
        if not self.is_enforced:
            self._sampler.join()
        self.product.kill()
        for group in self._groups.values():
            group.remove()

    def _sample_until_stopped(self) -> None:
        while not self._stopped.wait(_SAMPLE_INTERVAL):
            for program, peak in self._peaks.items():
                self._peaks[program] = max(peak, _memory_of(self.product, program))


def _memory_of(product: Product, program: str) -> int:
    return sum(map(_proportional_set_size, process_ids(product, program)))


def _proportional_set_size(process_id: int) -> int:
    with suppress(OSError):  # It may have ended.
        rollup = Path(f"/proc/{process_id}/smaps_rollup").read_text()
        [line] = [line for line in rollup.splitlines() if line.startswith("Pss:")]
        return int(line.split()[1]) * 1024
    return 0
