"""Every kept case again, with little more memory than the readers themselves take: `python -m tests.fuzz.replay`."""

from __future__ import annotations

import resource
import sys
import traceback
from pathlib import Path

from tests.fuzz.targets import CASES, TARGETS, keep_promise

MORE_BYTES = 700_000_000  # beyond what is in use when all valid input has been read


def main() -> int:
    """1 where a case breaks the promise; each is said in a line."""
    cases = sorted(path for path in CASES.rglob("*") if path.is_file())
    for name in sorted({path.parent.name for path in cases}):
        TARGETS[name].run(TARGETS[name].seeds()[0])
    used = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (used + MORE_BYTES, used + MORE_BYTES))
    broken = 0
    for path in cases:
        try:
            keep_promise(TARGETS[path.parent.name], path.read_bytes())
        except Exception as error:
            broken += 1
            where = traceback.extract_tb(error.__traceback__)[-1]
            said = f"{type(error).__name__} at {where.filename}:{where.lineno}: {str(error)[:300]!r}"
            print(f"{path.relative_to(CASES)}: {said}")
    print(f"{len(cases)} cases, {broken} broken")
    return 1 if broken or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
