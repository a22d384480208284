"""supervisord, ending with its launcher, and giving up while the product has never been up.

Started by ``deploy.run`` as ``python -m deploy.supervise CONFIG READY LAUNCHER``.
"""

import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from supervisor import events
from supervisor.medusa.asyncore_25 import ExitNow
from supervisor.options import ServerOptions
from supervisor.states import SupervisorStates
from supervisor.supervisord import Supervisor

from deploy.programs import GATEWAY, SERVICES, environment_of
from shared.server.parent_death import set_parent_death_signal

_SUPERVISORD = """\
[supervisord]
nodaemon = true
logfile = /dev/null
logfile_maxbytes = 0
loglevel = warn
pidfile = %(here)s/supervisord.pid
{user}
"""
# It never gives a program up: the pause between two attempts grows by a second each time.
# Time to stop is longer than the longest SHUTDOWN_DELAY_SECONDS and what requests in flight get.
_CONFIGURATION = "python:shared.server.gunicorn_conf"
_PROGRAM = """
[program:{name}]
command = "{python}" -m gunicorn -c {configuration} -b {bind} {name}.app:create_app()
autorestart = true
startsecs = 5
startretries = 1000000
stopwaitsecs = 85
stdout_logfile = NONE
stderr_logfile = NONE
"""
# The group with the higher number stops first; inside a group all stop at once.
_GROUPS = """
[group:front]
programs = {gateway}
priority = 2

[group:services]
programs = {services}
priority = 1
"""


def configuration(binds: Mapping[str, str]) -> str:
    """supervisord's configuration for programs that listen where ``binds`` says."""
    python = sys.executable.replace("%", "%%")
    sections = [
        # As root, supervisord asks to be told that this is meant.
        _SUPERVISORD.format(user="user = root" if os.geteuid() == 0 else ""),
        *(
            _PROGRAM.format(name=name, bind=bind, python=python, configuration=_CONFIGURATION)
            for name, bind in binds.items()
        ),
        _GROUPS.format(gateway=GATEWAY, services=",".join(SERVICES)),
    ]
    return "".join(sections)


class Options(ServerOptions):
    """Programs write to the launcher's own output; supervisord would read and copy every line."""

    def dup2(self, source: int, target: int) -> None:
        """Called in a new program, for its standard streams alone."""
        if target == 0:
            super().dup2(source, target)


class Manager(Supervisor):
    """Restarts what ends, once the product has been up; before that, gives up.

    Args:
        options: of supervisord, read from its configuration.
        ready: a file that is there once the product has been up.
    """

    exit_status = 0

    def __init__(self, options: Options, ready: Path) -> None:
        super().__init__(options)
        self._ready = ready

    def runforever(self) -> None:
        """Watch over the programs until told to stop."""
        events.subscribe(events.ProcessStateBackoffEvent, self._on_exit)
        events.subscribe(events.ProcessStateExitedEvent, self._on_exit)
        for (
            group
        ) in self.process_groups.values():  # The first poll would start them a second later.
            group.transition()
        super().runforever()

    def _on_exit(self, event: events.ProcessStateEvent) -> None:
        if not self._ready.exists():
            self.options.logger.critical("%(name)s cannot start", name=event.process.config.name)
            self.options.mood = SupervisorStates.SHUTDOWN
            self.exit_status = 1


def main() -> int:
    """Run until a signal, or until a program cannot start (status 1)."""
    config, ready, launcher = sys.argv[1:]
    set_parent_death_signal(int(launcher), signal.SIGKILL)
    os.environ["MANAGER_PID"] = str(os.getpid())
    options = Options()
    options.first, options.test = True, False
    options.realize(["-c", config])
    for group in options.process_group_configs:
        for program in group.process_configs:
            program.environment = environment_of(program.name, os.environ)
    manager = Manager(options, Path(ready))
    with suppress(ExitNow):
        manager.main()
    return manager.exit_status


if __name__ == "__main__":
    sys.exit(main())
