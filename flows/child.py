"""`python -m flows.child MODULE [ARGUMENT ...]`: runs a module so that it never outlives whoever started it.

Its standard input is a pipe that nobody writes to. When the starter ends, however it ends, the pipe is closed: the
module then gets SIGTERM, and what is left of its process group a little later SIGKILL.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time

GRACE_SECONDS = 8.0


def _end_with_starter() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Runs the module named first on the command line as the main program, with the other arguments."""
    threading.Thread(target=_end_with_starter, name="end with starter", daemon=True).start()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
