"""Free ports for the programs behind a gateway."""

import subprocess
import sys

from deploy.ports import free_ports
from deploy.run import LOOPBACK, ROOT

GATEWAY_PORT = 8000


def test_a_port_that_a_running_copy_was_given_is_given_to_no_other() -> None:
    ours = free_ports(LOOPBACK, GATEWAY_PORT, 4)  # The port is bound, but does not listen.

    question = f"from deploy.ports import *; print(*free_ports('{LOOPBACK}', {GATEWAY_PORT}, 4))"
    theirs = subprocess.check_output([sys.executable, "-c", question], cwd=ROOT, text=True)

    assert len(theirs.split()) == 4
    assert not {str(port) for port in ours} & set(theirs.split())
