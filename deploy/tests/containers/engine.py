"""A Docker engine from Debian's packages, in namespaces that end with it.

It has its own processes, mounts and network (through ``slirp4netns``), so the machine does not
change: no interface, no firewall rule, no mount. The installation and built images stay in a cache
folder.
"""

import ctypes
import fcntl
import hashlib
import logging
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import TypeVar

import psutil

from deploy.run import ROOT

log = logging.getLogger(__name__)

CACHE = Path(os.environ.get("IMS_CONTAINERS_CACHE") or Path.home() / ".cache" / "ims-containers")
CHECKOUT = "/ims"
"""Where the engine sees the copy of the repository."""

CGROUP = "ims-containers"
"""The parent of the containers' control groups."""

_HERE = Path(__file__).parent
_NAMESPACES = ("--mount", "--pid", "--ipc", "--uts")
_CLONE_NEWNET = 0x40000000
_START_TIMEOUT_SECONDS = 90
_COMMAND_TIMEOUT_SECONDS = 1500
_LARGEST_BUILD_CACHE = "3GB"
# Replacements of foreign images, under the tags that the project uses.
_STAND_INS = {
    "python": "python",
    "postgres": "postgres",
    "valkey": "valkey/valkey",
    "mailpit": "axllent/mailpit",
    "prometheus": "prom/prometheus",
    "grafana": "grafana/grafana",
}


T = TypeVar("T")


class EngineError(Exception):
    """The engine cannot run on this machine; the text contains the reason."""


class CommandError(AssertionError):
    """A command inside the engine failed; the text contains its output."""


class Engine:
    """A Docker engine on a minimal machine without Python and make.

    Attributes:
        checkout: a copy of the repository's files, mounted at `CHECKOUT`.
    """

    def __init__(self) -> None:
        self.checkout = Path(mkdtemp(prefix="ims-containers-"))
        self._outside = os.open("/proc/self/ns/net", os.O_RDONLY)
        self._network: list[subprocess.Popen[bytes]] = []
        self._machine: subprocess.Popen[bytes] | None = None
        self._pid = 0
        self._lock = -1
        self._root = CACHE
        self._log = self.checkout.with_suffix(".log")

    def install(self) -> None:
        """Install the engine into the cache, unless it is there.

        Raises:
            EngineError: this machine does not support it.
        """
        _check_machine()
        CACHE.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(CACHE / "lock", os.O_CREAT | os.O_RDWR)
        log.info("waiting for other runs that use %s", CACHE)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        script = _HERE / "install.sh"
        version = hashlib.sha256(script.read_bytes()).hexdigest()[:12]
        folder = CACHE / version
        self._root = folder / "root"
        if not folder.exists():
            log.info("installing Debian and its Docker engine (two minutes, once)")
            unfinished = CACHE / "unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            done = _run("unshare", "--mount", "sh", str(script), str(unfinished))
            if done.returncode != 0:
                raise EngineError(f"install.sh: {_last_lines(done.stdout)}")
            unfinished.rename(folder)
        copy_repository(self.checkout)
        done = _run("chroot", str(self._root), "id", "--user", "ims")
        owner = int(done.stdout)
        for path in (self.checkout, *self.checkout.rglob("*")):
            os.chown(path, owner, owner, follow_symlinks=False)

    def start(self, processors: str = "") -> None:
        """Start the engine, as after a power failure.

        Args:
            processors: the processors that it can use, such as ``0``; by default all.

        Raises:
            EngineError: it does not respond.
        """
        if not self._network:
            self._make_network()
        boot = ("sh", str(_HERE / "boot.sh"), str(self._root), str(self.checkout), CGROUP)
        bound = ("taskset", "--cpu-list", processors) if processors else ()
        self._machine = self._start(
            *bound, "unshare", *_NAMESPACES, "--fork", "--kill-child", *boot
        )
        parent = psutil.Process(self._machine.pid)
        self._pid = _wait_for(parent.children, "no first process")[0].pid
        try:
            _wait_for(lambda: self._responds("docker info"), "the engine does not respond")
        except EngineError as error:
            raise EngineError(f"{error}: {_last_lines(self._log.read_text())}") from None

    def cut_power(self) -> None:
        """Kill the engine and its containers."""
        if self._machine:
            self._machine.kill()
            self._machine.wait()
            _wait_for(lambda: not psutil.pid_exists(self._pid), "the namespaces do not end")
        self._machine = None

    def _make_network(self) -> None:
        """Create a network with a way out, and enter it with this thread and its children."""
        owner = self._start("unshare", "--net", "sleep", "infinity")
        inside = Path(f"/proc/{owner.pid}/ns/net")
        own = Path("/proc/self/ns/net").readlink()
        _wait_for(lambda: inside.readlink() != own, "no network of its own")
        slirp = ("--configure", "--mtu=65520", "--disable-host-loopback", str(owner.pid), "tap0")
        self._network = [self._start("slirp4netns", *slirp), owner]
        with inside.open() as file:
            self._enter(file.fileno())

    def stop(self) -> None:
        """Stop everything; only the cache remains."""
        if self._machine and self._responds("docker info"):
            with suppress(CommandError):
                self.clear()
                self.run("docker image prune --force", as_root=True)
                self.run(f"docker builder prune --force --keep-storage {_LARGEST_BUILD_CACHE}")
        self.cut_power()
        self._enter(self._outside)
        os.close(self._outside)
        for process in self._network:
            process.kill()
            process.wait()
        for cgroup in _cgroups():
            _remove_cgroup(cgroup)
        shutil.rmtree(self.checkout, ignore_errors=True)
        self._log.unlink(missing_ok=True)
        if self._lock >= 0:
            os.close(self._lock)

    def clear(self) -> None:
        """Remove every container, network and volume."""
        self.run(
            "docker ps --all --quiet | xargs --no-run-if-empty docker rm --force --volumes; "
            "docker network prune --force; docker volume prune --all --force"
        )

    def run(
        self,
        command: str,
        *,
        given: bytes | None = None,
        as_root: bool = False,
        seconds: float = _COMMAND_TIMEOUT_SECONDS,
    ) -> str:
        """Run a shell command in the checkout as a user in the group of Docker, and return its
        output.

        Raises:
            CommandError: it failed.
        """
        done = self._execute(command, given, as_root, seconds)
        output = done.stdout.decode(errors="replace")
        if done.returncode != 0:
            raise CommandError(f"{command}\nstatus {done.returncode}\n{output}")
        return output

    def make_images(self) -> None:
        """Create replacements of the foreign images, under the same tags."""
        made = self.run("docker image ls --format '{{.Repository}}:{{.Tag}}'").split()
        if "debian:trixie" not in made:
            archive = (self._root.parent / "debian.tar").read_bytes()
            self.run("docker import - debian:trixie", given=archive)
        context = self.checkout.with_suffix(".images")
        context.mkdir()
        try:
            for path in (_HERE / "images.Dockerfile", _HERE / "postgres.sh"):
                shutil.copy(path, context)
            shutil.copy("/etc/ssl/certs/ca-certificates.crt", context)
            shutil.copytree(context, self.checkout / "images")
            for target, tag in stand_ins().items():
                log.info("making %s", tag)
                self.run(
                    "docker build --progress=plain --file images/images.Dockerfile "
                    f"--target {target} --tag {tag} images",
                    as_root=True,
                )
        finally:
            shutil.rmtree(context, ignore_errors=True)
            shutil.rmtree(self.checkout / "images", ignore_errors=True)

    def _execute(
        self, command: str, given: bytes | None, as_root: bool, seconds: float
    ) -> subprocess.CompletedProcess[bytes]:
        as_user = () if as_root else ("setpriv", "--reuid=ims", "--regid=ims")
        groups = () if as_root else ("--init-groups", "--reset-env")
        return subprocess.run(
            [
                *("nsenter", f"--target={self._pid}", *_NAMESPACES, "--root", *as_user, *groups),
                *("bash", "-ec", f"cd {CHECKOUT} && {command}"),
            ],
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"},
            timeout=seconds,
            check=False,
        )  # fmt: skip

    def _responds(self, command: str) -> bool:
        return self._execute(command, None, True, _START_TIMEOUT_SECONDS).returncode == 0

    def _start(self, *command: str) -> subprocess.Popen[bytes]:
        """Start a process that ends with this thread."""
        with self._log.open("ab") as out:
            return subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )

    @staticmethod
    def _enter(network: int) -> None:
        """Let this thread, and those that it starts, see a network."""
        if ctypes.CDLL(None, use_errno=True).setns(network, _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")


def stand_ins() -> dict[str, str]:
    """List the foreign images of the project, by the target of the replacement."""
    texts = [(ROOT / name).read_text() for name in ("docker-compose.yml", "Dockerfile")]
    return {
        target: re.search(rf"\b{re.escape(name)}:[\w.-]+", "\n".join(texts))[0]  # type: ignore[index]
        for target, name in _STAND_INS.items()
    }


def copy_repository(folder: Path) -> None:
    """Copy the tracked and new files of the repository into a folder."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout.split(b"\0")
    for name in filter(None, map(os.fsdecode, names)):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def _check_machine() -> None:
    """Check that this machine can run an engine.

    Raises:
        EngineError: it cannot.
    """
    if os.geteuid() != 0:
        raise EngineError("an engine needs root")
    if _run("unshare", "--net", *_NAMESPACES, "true").returncode != 0:
        raise EngineError("this machine does not permit namespaces")
    if not Path("/dev/net/tun").exists():
        raise EngineError("this machine has no /dev/net/tun")
    if not shutil.which("apt-get"):
        raise EngineError("this machine has no Debian packages")


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )


def _wait_for(poll: Callable[[], T], failure: str) -> T:
    deadline = time.monotonic() + _START_TIMEOUT_SECONDS
    while not (result := poll()):
        if time.monotonic() > deadline:
            raise EngineError(failure)
        time.sleep(0.1)
    return result


def _last_lines(text: str) -> str:
    return " / ".join(text.strip().splitlines()[-5:])


def _cgroups() -> Iterator[Path]:
    """List where an engine that this process has started may have made its control groups."""
    root = Path("/sys/fs/cgroup")
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        own = line.split(":", 2)[2].strip("/")
        yield root / own / CGROUP
        yield from root.glob(f"*/{own}/{CGROUP}" if own else f"*/{CGROUP}")


def _remove_cgroup(cgroup: Path) -> None:
    def below(folder: Path) -> Iterator[Path]:
        for path in folder.iterdir():
            if path.is_dir():
                yield from below(path)
                yield path

    if cgroup.is_dir():
        for folder in (*below(cgroup), cgroup):
            folder.rmdir()
