"""The Dockerfile: its files are there, what it installs is pinned, the package it makes is whole. Never built here."""

import fnmatch
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

Instruction = tuple[str, str]


@pytest.fixture(scope="module")
def instructions(deploy: Path) -> list[Instruction]:
    text = (deploy / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    found = [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    return [(word, rest) for word, rest in found]


def of(instructions: list[Instruction], word: str) -> list[str]:
    return [rest for one, rest in instructions if one == word]


def copied(instructions: list[Instruction]) -> list[str]:
    """Paths in the project that are copied into the image or its build."""
    found: list[str] = []
    for rest in of(instructions, "COPY"):
        if not rest.startswith("--from"):
            found += rest.split()[:-1]
    return found


def test_only_known_instructions_are_used(instructions: list[Instruction]) -> None:
    known = {"FROM", "ENV", "WORKDIR", "RUN", "COPY", "VOLUME", "USER", "CMD"}
    assert {word for word, _ in instructions} <= known
    assert instructions[0][0] == "FROM"


def test_the_base_is_a_slim_python_that_the_project_supports(
    instructions: list[Instruction], root: Path
) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    oldest = tuple(int(one) for one in project["requires-python"].removeprefix(">=").split("."))
    for base in of(instructions, "FROM"):
        found = re.match(r"python:(\d+)\.(\d+)-slim-trixie( AS \w+)?$", base)
        assert found is not None
        assert (int(found[1]), int(found[2])) >= oldest


def test_packages_come_from_the_lock_file_by_hash_alone(instructions: list[Instruction]) -> None:
    installs = [one for one in of(instructions, "RUN") if "pip install" in one]
    assert len(installs) == 2
    assert "--no-deps --require-hashes -r requirements.lock" in installs[0]
    assert "--no-deps --no-build-isolation ." in installs[1]


def test_the_distribution_gives_the_programs_for_backups_and_nothing_else(
    instructions: list[Instruction], deploy: Path
) -> None:
    """Programs of the stack's own server: older ones cannot dump it, newer ones may not be understood by it."""
    (server,) = re.findall(r"image: postgres:(\d+)", (deploy / "compose.yaml").read_text(encoding="utf-8"))
    installs = [one for one in of(instructions, "RUN") if "apt" in one]
    assert len(installs) == 1
    packages = re.search(r"install ([^&]*)", installs[0])
    assert packages is not None
    named = [one for one in packages[1].split() if not one.startswith("--")]
    assert named == [f"postgresql-client-{server}"]


def test_the_program_runs_as_a_user_of_its_own_and_cannot_change_itself(
    instructions: list[Instruction],
) -> None:
    users = of(instructions, "USER")
    assert users == ["10001:10001"]
    after = instructions[instructions.index(("USER", users[0])) :]
    assert not [word for word, _ in after if word in ("COPY", "RUN")]
    assert not any("--chown" in one for one in of(instructions, "COPY"))


def test_no_secret_is_baked_in(instructions: list[Instruction]) -> None:
    for rest in of(instructions, "ENV") + of(instructions, "RUN"):
        assert not re.search(r"PASSWORD|AUTH|TOKEN|SECRET|://\S+@", rest)


def test_what_is_copied_exists_and_is_let_through(instructions: list[Instruction], root: Path) -> None:
    ignore = (root / "deploy" / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = [line[1:] for line in ignore if line.startswith("!")]
    assert ignore[1] == "*"  # nothing goes to the builder but what is named
    assert sorted(copied(instructions)) == sorted(let_in)
    for path in copied(instructions):
        assert (root / path).exists(), path
    kept_out = [line for line in ignore if line.startswith("**/")]
    assert any(fnmatch.fnmatch("models/.env", one) for one in kept_out)


def test_every_package_of_the_project_is_copied(instructions: list[Instruction], root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert set(packages) <= set(copied(instructions))


def test_the_package_made_from_the_copied_files_holds_every_file_and_works(
    instructions: list[Instruction], root: Path, tmp_path: Path
) -> None:
    source, wheels, unpacked = tmp_path / "src", tmp_path / "wheels", tmp_path / "unpacked"
    leave = shutil.ignore_patterns("__pycache__", "*.pyc", ".env")
    for path in copied(instructions):
        if path.startswith("deploy"):
            continue
        if (root / path).is_dir():
            shutil.copytree(root / path, source / path, ignore=leave)
        else:
            source.mkdir(exist_ok=True)
            shutil.copy(root / path, source / path)
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)],
        cwd=source,
        check=True,
        capture_output=True,
    )
    (wheel,) = wheels.iterdir()
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(unpacked)
    expected = {
        str(one.relative_to(source))
        for folder in source.iterdir()
        if folder.is_dir()
        for one in folder.rglob("*")
        if one.is_file()
    }
    assert expected - names == set()
    told = subprocess.run(
        [sys.executable, "-P", "-m", "flows.cli", "catalogue", "check"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(unpacked)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert "measures: 79" in told.stdout
