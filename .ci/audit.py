"""`make audit`: known weaknesses of the locked packages; says so where nobody could be asked. Needs a network.

Exit code 0: all were asked about, none has any; 1: some has; 3: of some, or all, nothing could be learnt.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any


def verdict(report: Mapping[str, Any] | None) -> tuple[int, list[str]]:
    """Exit code and lines for what pip-audit reported as JSON; None where it reported nothing."""
    packages = [] if report is None else report["dependencies"]
    asked = [one for one in packages if "skip_reason" not in one]
    lines = [
        f"{one['name']} {one['version']}: {found['id']}, mended in {', '.join(found['fix_versions']) or 'no version'}"
        for one in asked
        for found in one["vulns"]
    ]
    if not asked:
        return 3, ["audit: could not ask for known weaknesses (no network?); nothing is known of any package"]
    if len(asked) < len(packages):
        named = ", ".join(one["name"] for one in packages if "skip_reason" in one)
        lines.append(f"audit: could not ask about {len(packages) - len(asked)} packages: {named}")
        return (1 if len(lines) > 1 else 3), lines
    if lines:
        return 1, lines
    return 0, [f"audit: no known weakness in {len(asked)} packages"]


def main() -> int:
    """Asks about the lock file (second argument) with the program pip-audit (first)."""
    program, lock = sys.argv[1:3]
    command = [program, "--requirement", lock, "--require-hashes", "--disable-pip", "--format", "json"]
    done = subprocess.run(  # noqa: S603
        [*command, "--progress-spinner", "off", "--timeout", "10"],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        report = json.loads(done.stdout)
    except ValueError:
        report = None
        last = (done.stderr.strip().splitlines() or [""])[-1]
        sys.stderr.write(f"pip-audit: {last[:300]}\n")
    code, lines = verdict(report)
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return code


if __name__ == "__main__":
    sys.exit(main())
