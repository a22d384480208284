"""A command of a service, in the environment that ``make run`` gives it on this machine.

``python -m deploy.command auth_service accounts list``; ``DATA_DIR`` and the like as for
``make run``, which may be running or not.
"""

import os
import sys

from deploy.environment import installed
from deploy.programs import SERVICES, environment_of
from shared.settings import SettingsError

_USAGE = f"Usage: python -m deploy.command {{{','.join(SERVICES)}}} [--help | COMMAND ...]"


def main() -> None:
    """Become the command."""
    service, *arguments = sys.argv[1:] or [""]
    if service not in SERVICES:
        raise SystemExit(_USAGE)
    os.umask(0o077)  # What it writes is for nobody else on this machine.
    try:
        env = environment_of(service, installed(os.environ))
    except SettingsError as wrong:
        raise SystemExit(str(wrong)) from None
    os.execve(sys.executable, [sys.executable, "-m", service, *arguments], env)


if __name__ == "__main__":
    main()
