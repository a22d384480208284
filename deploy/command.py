"""Run a command of a service in the environment of ``make run`` on this machine.

Example: ``python -m deploy.command auth_service accounts list``, with ``DATA_DIR`` and other
settings as for ``make run``. The product can be running or stopped.
"""

import os
import sys

from deploy.environment import environment_of_existing_run
from deploy.programs import SERVICES, environment_of
from shared.settings import SettingsError

_USAGE = f"Usage: python -m deploy.command {{{','.join(SERVICES)}}} [--help | COMMAND ...]"


def main() -> None:
    """Replace this process by the command."""
    service, *arguments = sys.argv[1:] or [""]
    if service not in SERVICES:
        raise SystemExit(_USAGE)
    os.umask(0o077)  # Files are readable by their owner only.
    try:
        env = environment_of(service, environment_of_existing_run(os.environ))
    except SettingsError as wrong:
        raise SystemExit(str(wrong)) from None
    os.execve(sys.executable, [sys.executable, "-m", service, *arguments], env)


if __name__ == "__main__":
    main()
