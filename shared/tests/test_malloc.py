"""Memory of large work is returned to the system."""

import subprocess
import sys

# In a separate process, because the arenas are configured once per process.
PROGRAM = """
import threading
from pathlib import Path
from shared.server.malloc import trim_heap, limit_malloc_arenas

def resident_mib():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 >> 20

def work():
    for _ in range(5):
        bytearray(19 * 1024 * 1024)

limit_malloc_arenas()
before = resident_mib()
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
trim_heap()
print(resident_mib() - before)
"""


def test_what_threads_have_used_goes_back_to_the_system() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )

    assert int(done.stdout) < 10
