"""What is installed is what was locked, by its bytes; the list of it is whole; and the audit says what it could not."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.lock", ".ci/tools.lock")


def script(name: str) -> ModuleType:
    spec = spec_from_file_location(f"ci_{name}", ROOT / ".ci" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SBOM, AUDIT = script("sbom"), script("audit")
LOCK = f"""\
one==1.0 \\
    --hash=sha256:{"a" * 64} \\
    --hash=sha256:{"b" * 64}
    # via x
two==2.0 ; python_version < '4' \\
    --hash=sha256:{"c" * 64}
"""


def component(name: str, version: str, *sums: str) -> dict[str, Any]:
    hashes = [{"alg": "SHA-256", "content": one * 64} for one in sums]
    return {"name": name, "version": version, "externalReferences": [{"hashes": hashes}]}


WHOLE: dict[str, Any] = {
    "metadata": {},
    "components": [component("one", "1.0", "a", "b"), component("two", "2.0", "c")],
}


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_has_one_version_and_the_sums_of_its_files(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    entries = SBOM.locked(text)
    assert len(entries) > 40
    assert [one for one, sums in entries.items() if not sums] == []
    lines = [one for one in text.splitlines() if one and not one.startswith((" ", "#"))]
    assert len(lines) == len(entries), "every line of it is a package with one exact version"
    assert all("@" not in one and "://" not in one for one in lines)


@pytest.mark.parametrize("name", LOCKS)
def test_no_lock_file_names_an_index_or_an_address(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not re.search(
        r"://|--(extra-)?index-url|--find-links|--trusted-host|^-[ief]\b", text, re.MULTILINE
    )


def test_everything_is_installed_by_its_sums_and_without_what_the_lock_does_not_name() -> None:
    for path in ("Makefile", "deploy/Dockerfile"):
        text = (ROOT / path).read_text(encoding="utf-8")
        found = re.findall(r"pip install[^\n]*-r \S+", text.replace("\\\n", " "))
        assert found, path
        assert all("--require-hashes" in one and "--no-deps" in one for one in found), path


def test_an_sbom_with_every_package_and_its_sums_is_right() -> None:
    assert SBOM.problems(LOCK, WHOLE) == []


@pytest.mark.parametrize(
    ("lock", "sbom", "said"),
    [
        (LOCK, WHOLE | {"components": WHOLE["components"][:1]}, "two 2.0 is not in the SBOM"),
        (LOCK, WHOLE | {"components": [*WHOLE["components"], component("x", "1")]}, "x 1 is not in the lock file"),
        (LOCK, WHOLE | {"components": [component("one", "1.0", "a"), WHOLE["components"][1]]}, "one 1.0 has other"),
        (LOCK, WHOLE | {"serialNumber": "urn:uuid:1"}, "would differ each time"),
        (LOCK, WHOLE | {"metadata": {"timestamp": "2026"}}, "would differ each time"),
        (LOCK.replace("--hash=sha256:" + "c" * 64, ""), WHOLE, "two 2.0 has no hash"),
        ("", {"components": []}, "holds no package"),
    ],
)  # fmt: skip
def test_an_sbom_that_lacks_anything_is_said_so(lock: str, sbom: dict[str, Any], said: str) -> None:
    assert any(said in one for one in SBOM.problems(lock, sbom))


CLEAN = {"name": "one", "version": "1.0", "vulns": []}
WEAK = {"name": "two", "version": "2.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}]}
UNASKED = {"name": "three", "version": "3.0", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "code", "said"),
    [
        ([CLEAN], 0, "no known weakness in 1 packages"),
        ([CLEAN, WEAK], 1, "two 2.0: PYSEC-1, mended in 2.1"),
        ([CLEAN, UNASKED], 3, "could not ask about 1 packages: three"),
        ([WEAK, UNASKED], 1, "could not ask about 1 packages: three"),
        ([UNASKED], 3, "could not ask"),
        ([], 3, "could not ask"),
        (None, 3, "could not ask"),
    ],
)
def test_an_audit_is_green_only_when_all_was_asked_and_nothing_found(
    packages: list[dict[str, Any]] | None, code: int, said: str
) -> None:
    found, lines = AUDIT.verdict(None if packages is None else {"dependencies": packages})
    assert found == code
    assert any(said in one for one in lines)


def test_an_audit_program_that_fails_is_no_green_light(tmp_path: Path) -> None:
    program = tmp_path / "pip-audit"
    program.write_text("#!/bin/sh\necho 'no route to host' >&2\nexit 1\n")
    program.chmod(0o755)
    done = subprocess.run(
        [sys.executable, ROOT / ".ci" / "audit.py", program, "requirements.lock"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 3
    assert "could not ask for known weaknesses" in done.stdout and "no route to host" in done.stderr


def test_the_whole_check_makes_the_sbom_and_the_static_rules_are_on() -> None:
    steps = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "make sbom" in steps and "make lint" in steps and "make audit" not in steps
    assert re.search(
        r'^select = \[.*"S".*\]', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE
    )
