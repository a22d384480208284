"""supervisord, as the launcher runs it: ``python -m deploy.supervise CONFIG READY LAUNCHER``.

`render_config` says what its configuration can say. The rest overrides supervisord here, each for a
reason beside it (docs/decisions/0014-gunicorn-and-supervisor.md).
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
# It never gives up a program: the pause between two attempts grows by a second each time.
# Time to stop is longer than the maximum of SHUTDOWN_DELAY_SECONDS and graceful_timeout together.
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


def render_config(binds: Mapping[str, str]) -> str:
    """supervisord's configuration for programs with these listen addresses."""
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
    """Programs inherit the launcher's output, so that they see a terminal if there is one.

    supervisord would read and copy every line; ``/dev/stdout`` as a log file is no way out, because
    a socket, such as journald's, cannot be opened.
    """

    def dup2(self, source: int, target: int) -> None:
        """Called in a new program, for its standard streams only."""
        if target == 0:
            super().dup2(source, target)


class FailFastSupervisor(Supervisor):
    """Restarts programs that end, once all were healthy; before that, gives up.

    By configuration, that would take one more program: an event listener.

    Args:
        options: of supervisord, read from its configuration.
        ready: a file that exists as soon as all programs were healthy.
    """

    exit_status = 0

    def __init__(self, options: Options, ready: Path) -> None:
        super().__init__(options)
        self._ready = ready

    def runforever(self) -> None:
        """Start the programs at once, and supervise them until told to stop."""
        events.subscribe(events.ProcessStateBackoffEvent, self._on_exit)
        events.subscribe(events.ProcessStateExitedEvent, self._on_exit)
        for group in self.process_groups.values():
            group.transition()  # supervisord itself would wait for its first poll, a second.
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
    os.environ["SUPERVISOR_PID"] = str(os.getpid())
    options = Options()
    options.first, options.test = True, False
    options.realize(["-c", config])
    # In the configuration, secrets would be in a file, and "%" in them would be expanded.
    for group in options.process_group_configs:
        for program in group.process_configs:
            program.environment = environment_of(program.name, os.environ)
    supervisor = FailFastSupervisor(options, Path(ready))
    with suppress(ExitNow):
        supervisor.main()
    return supervisor.exit_status


if __name__ == "__main__":
    sys.exit(main())
