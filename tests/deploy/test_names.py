"""Every setting and command that the files of deploy/ name is one that the program, or Prefect, knows."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from prefect.settings.models.root import Settings as PrefectSettings
from pydantic import BaseModel

from flows import settings as ours

OF_PREFECT_KUBERNETES = "PREFECT_INTEGRATIONS_KUBERNETES_"  # a package of its own; only in the worker's image


def files(deploy: Path) -> list[Path]:
    return [one for one in sorted(deploy.rglob("*")) if one.is_file() and one.name != ".env"]


def names(paths: list[Path], prefix: str) -> set[str]:
    found: set[str] = set()
    for path in paths:
        found |= set(re.findall(rf"\b{prefix}[A-Z0-9_]*[A-Z0-9]\b", path.read_text(encoding="utf-8")))
    return found


def known_to_prefect(model: type[BaseModel], path: str = "PREFECT") -> set[str]:
    found: set[str] = set()
    for name, field in model.model_fields.items():
        here = f"{path}_{name.upper()}"
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found |= known_to_prefect(kind, here)
        else:
            found.add(here)
    return found


def test_every_mittaristo_setting_is_known(deploy: Path, root: Path) -> None:
    found = names([*files(deploy), root / "docs" / "operations.md"], "MITTARISTO_")
    for name in found - {"MITTARISTO_URL"}:  # MITTARISTO_URL_<SOURCE>
        value = "7" if name.endswith("PORT") else "https://example.org/x"
        try:
            ours.read_settings({name: value}, dotenv=None)
        except ours.ConfigurationError as error:
            assert "unknown setting" not in str(error), name
    assert "MITTARISTO_HOME" in found


def test_every_mittaristo_setting_is_in_the_runbook(runbook: str) -> None:
    for name in ours._KNOWN:
        assert f"`{ours.PREFIX}{name}`" in runbook


def test_every_prefect_setting_is_known_to_prefect(deploy: Path, root: Path) -> None:
    found = names([*files(deploy), root / "docs" / "operations.md"], "PREFECT_")
    unknown = found - known_to_prefect(PrefectSettings)
    assert {one for one in unknown if not one.startswith(OF_PREFECT_KUBERNETES)} == set()
    assert "PREFECT_SERVER_API_AUTH_STRING" in found


def test_no_file_holds_a_secret(deploy: Path) -> None:
    for path in files(deploy):
        text = path.read_text(encoding="utf-8")
        assert not re.search(
            r"(PASSWORD|AUTH_STRING|TOKEN)\s*[=:]\s*['\"]?[A-Za-z0-9+/]{8,}['\"]?$", text, re.MULTILINE
        )
        assert not re.search(r"://[^/\s:@$]+:[^/\s@$]+@", text), path


def test_an_env_file_beside_the_example_is_held_back_from_version_control(root: Path) -> None:
    assert ".env" in (root / ".gitignore").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", ["set-up.sh", "watch.sh", "postgresql/databases.sh"])
def test_a_script_can_be_run_and_its_shell_understands_it(deploy: Path, name: str) -> None:
    assert os.access(deploy / name, os.X_OK)
    told = subprocess.run(["sh", "-n", deploy / name], capture_output=True, text=True)
    assert (told.returncode, told.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "usage:"),
        (["podman"], 2, "usage:"),
        (["process"], 1, "no Prefect server answers at http://127.0.0.1:9/api"),
    ],
)
def test_set_up_says_in_one_line_what_is_wrong(
    deploy: Path, root: Path, arguments: list[str], code: int, said: str
) -> None:
    told = subprocess.run(
        [deploy / "set-up.sh", *arguments],
        capture_output=True,
        text=True,
        env={"PATH": f"{root}/.venv/bin:{os.environ['PATH']}", "PREFECT_API_URL": "http://127.0.0.1:9/api"},
    )
    assert said in told.stderr
    assert len(told.stderr.splitlines()) == 1
    assert told.returncode == code
