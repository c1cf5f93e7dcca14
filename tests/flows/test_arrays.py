"""Memory goes back to the system when it is freed."""

import subprocess
import sys

import pytest

FREED = """
from pathlib import Path
import numpy as np
from flows.arrays import give_back_arrays

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20

give_back_arrays()
first = np.ones(30 * 2**17)  # 30 MB; freed, it raises the bound from which on glibc maps a block on its own
del first
before = resident()
large, small = np.ones(20 * 2**17), np.ones(2_000)  # the small one lies above the large one where both are in the heap
del large
print(resident() - before)
"""


PIECES = """
from pathlib import Path
import numpy as np
from flows.arrays import give_back_freed

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20

before = resident()
pieces = [np.ones(2_000) for _ in range(4_000)]  # 60 MB in pieces of 16 kB
kept = pieces[::100]  # of which the last ones keep the others' room from being given back by itself
del pieces
held = resident() - before
give_back_freed()
print(held, resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux says of the process")
def test_an_array_that_is_freed_leaves_no_hole() -> None:
    done = subprocess.run([sys.executable, "-c", FREED], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 5


@pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux says of the process")
def test_the_room_between_small_pieces_is_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", PIECES], capture_output=True, text=True, check=True)
    held, left = map(float, done.stdout.split())
    assert left < 10 < 40 < held
