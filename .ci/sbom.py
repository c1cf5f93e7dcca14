"""Whether an SBOM holds every package of a lock file with just its hashes, and nothing of the moment it was made."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_ENTRY = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def locked(text: str) -> dict[tuple[str, str], frozenset[str]]:
    """The packages of a lock file by name and version, each with its SHA-256 sums."""
    found = list(_ENTRY.finditer(text))
    ends = [*(one.start() for one in found), len(text)][1:]
    return {
        (one[1], one[2]): frozenset(_HASH.findall(text[one.start() : end]))
        for one, end in zip(found, ends, strict=True)
    }


def listed(sbom: Mapping[str, Any]) -> dict[tuple[str, str], frozenset[str]]:
    """The same of an SBOM."""
    return {
        (one["name"], one["version"]): frozenset(
            sum_["content"]
            for reference in one.get("externalReferences", ())
            for sum_ in reference.get("hashes", ())
            if sum_["alg"] == "SHA-256"
        )
        for one in sbom["components"]
    }


def problems(lock: str, sbom: Mapping[str, Any]) -> list[str]:
    """What is wrong with the SBOM, a line each."""
    wanted, there = locked(lock), listed(sbom)
    lines = [
        f"{name} {version} has no hash in the lock file"
        for (name, version), all_ in wanted.items()
        if not all_
    ]
    lines += [f"{name} {version} is not in the SBOM" for name, version in wanted.keys() - there.keys()]
    lines += [f"{name} {version} is not in the lock file" for name, version in there.keys() - wanted.keys()]
    lines += [
        f"{key[0]} {key[1]} has other hashes in the SBOM"
        for key in wanted.keys() & there.keys()
        if wanted[key] != there[key]
    ]
    if not wanted:
        lines.append("the lock file holds no package")
    if "serialNumber" in sbom or "timestamp" in sbom.get("metadata", {}):
        lines.append("the SBOM holds a serial number or a time, and would differ each time it is made")
    return sorted(lines)


def main() -> int:
    """Compares the lock file (first argument) with the SBOM (second)."""
    lock, sbom = (Path(one).read_text(encoding="utf-8") for one in sys.argv[1:3])
    wrong = problems(lock, json.loads(sbom))
    sys.stdout.write(
        "".join(f"{line}\n" for line in wrong) or f"{sys.argv[2]}: {len(locked(lock))} packages\n"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
