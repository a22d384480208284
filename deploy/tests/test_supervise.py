"""Overridden methods of supervisord exist and are called, so that an incompatible upgrade fails
here.
"""

import os
import subprocess
import sys
from pathlib import Path

from deploy.run import ROOT
from deploy.tests.conftest import PATIENCE_SECONDS

CONFIG = """\
[supervisord]
nodaemon = true
logfile = /dev/null
logfile_maxbytes = 0
loglevel = warn
pidfile = %(here)s/supervisord.pid

[program:sample]
command = sh -c 'readlink /proc/self/fd/1; echo "$SETTING"; exit 3'
startretries = 1000000
stdout_logfile = NONE
stderr_logfile = NONE
"""


def test_a_program_has_our_output_and_its_own_settings_and_ends_a_start_by_its_end(
    tmp_path: Path,
) -> None:
    config = tmp_path / "supervisord.conf"
    config.write_text(CONFIG)
    command = [sys.executable, "-m", "deploy.supervise", str(config), str(tmp_path / "ready")]
    received, given = os.pipe()
    try:
        own_output = str(Path(f"/proc/self/fd/{given}").readlink())
        status = subprocess.run(
            [*command, str(os.getpid())],
            cwd=ROOT,
            env=os.environ | {"SAMPLE_SETTING": "100%"},
            stdout=given,
            timeout=PATIENCE_SECONDS,
            check=False,
        ).returncode
    finally:
        os.close(given)
    with os.fdopen(received) as output:
        lines = output.read().splitlines()  # Also the signals of supervisord.

    assert {own_output, "100%"} <= set(lines)
    assert status == 1
