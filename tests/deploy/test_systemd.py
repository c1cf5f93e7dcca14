"""The systemd units, by systemd's own verifier where it is installed, and against what they promise."""

import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest

from flows.settings import read_settings

SERVICES = ["mittaristo", "mittaristo-health", "mittaristo-worker"]
ANALYZE = shutil.which("systemd-analyze")
WORST_EXPOSURE = 20  # tenths, of 100; a unit without any hardening has 96
KNOWN = {
    "Unit": "Description Documentation Wants After Conflicts StartLimitIntervalSec",
    "Timer": "OnBootSec OnUnitInactiveSec AccuracySec",
    "Install": "WantedBy",
    "Service": """Type User Group WorkingDirectory EnvironmentFile Environment ExecStart Restart RestartSec
        RestartPreventExitStatus KillMode TimeoutStopSec TimeoutStartSec MemoryHigh MemoryMax TasksMax CPUWeight
        ProtectSystem StateDirectory StateDirectoryMode ReadWritePaths UMask PrivateTmp PrivateMounts ProtectHome
        NoNewPrivileges CapabilityBoundingSet AmbientCapabilities PrivateDevices PrivateUsers ProtectClock
        ProtectControlGroups ProtectHostname ProtectKernelLogs ProtectKernelModules ProtectKernelTunables ProtectProc
        RemoveIPC RestrictAddressFamilies RestrictNamespaces RestrictRealtime RestrictSUIDSGID LockPersonality
        SystemCallArchitectures SystemCallFilter SystemCallErrorNumber""",
}
Unit = Mapping[str, Mapping[str, list[str]]]


def parse(path: Path) -> Unit:
    """Section → key → values in order; configparser would lose keys that stand twice."""
    found: dict[str, dict[str, list[str]]] = {}
    section: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            section = found.setdefault(line.strip("[]"), defaultdict(list))
            continue
        key, _, value = line.partition("=")
        section[key].append(value)
    return found


def files(deploy: Path) -> list[Path]:
    return sorted((deploy / "systemd").iterdir())


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest, deploy: Path) -> Mapping[str, list[str]]:
    return parse(deploy / "systemd" / f"{request.param}.service")["Service"]


@pytest.fixture
def installed(deploy: Path, root: Path, tmp_path: Path) -> list[Path]:
    """The units as if the project were installed here: the verifier looks for the programs they start."""
    found = []
    for path in files(deploy):
        text = path.read_text(encoding="utf-8").replace("/opt/mittaristo/", f"{root}/")
        found.append(tmp_path / path.name)
        found[-1].write_text(text, encoding="utf-8")
    return found


def test_the_units_are_these(deploy: Path) -> None:
    assert [one.name for one in files(deploy)] == [
        "mittaristo-health.service",
        "mittaristo-health.timer",
        "mittaristo-worker.service",
        "mittaristo.service",
    ]


def test_every_section_and_key_is_one_that_systemd_knows(deploy: Path) -> None:
    for path in files(deploy):
        for section, keys in parse(path).items():
            assert set(keys) <= set(KNOWN[section].split()), path.name


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not here")
def test_systemd_finds_nothing_wrong(installed: list[Path]) -> None:
    told = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, installed)], capture_output=True, text=True
    )
    assert (told.returncode, told.stderr) == (0, "")


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not here")
def test_the_verifier_would_see_a_mistake(installed: list[Path]) -> None:
    unit = next(one for one in installed if one.name == "mittaristo.service")
    unit.write_text(unit.read_text().replace("NoNewPrivileges", "NoNewPriviliges"))
    told = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True
    )
    assert "NoNewPriviliges" in told.stderr


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not here")
@pytest.mark.parametrize("name", SERVICES)
def test_the_services_are_hardly_exposed(deploy: Path, name: str) -> None:
    told = subprocess.run(
        [
            *("systemd-analyze", "security", "--offline=true", "--no-pager"),
            *(f"--threshold={WORST_EXPOSURE}", str(deploy / "systemd" / f"{name}.service")),
        ],
        capture_output=True,
        text=True,
    )
    assert told.returncode == 0, told.stdout


def test_a_service_writes_its_home_alone_and_runs_as_its_own_user(service: Mapping[str, list[str]]) -> None:
    assert service["User"] == ["mittaristo"]
    assert service["ProtectSystem"] == ["strict"]
    assert service["ReadWritePaths"] == ["/var/lib/mittaristo"]
    for key in ("NoNewPrivileges", "PrivateTmp", "ProtectHome"):
        assert service[key] == ["yes"]
    assert service["UMask"] == ["0077"]
    assert re.fullmatch(r"[12]G", service["MemoryMax"][0])


def test_the_settings_of_the_unit_are_accepted_and_hold_no_secret(service: Mapping[str, list[str]]) -> None:
    given = dict(one.split("=", 1) for line in service["Environment"] for one in line.split())
    assert read_settings(given, dotenv=None).home == Path("/var/lib/mittaristo")
    assert not any(word in name for name in given for word in ("PASSWORD", "AUTH", "SECRET"))
    # the program reads the same file when a person calls it in this folder
    assert service["EnvironmentFile"] == [f"{service['WorkingDirectory'][0]}/.env"]


@pytest.mark.parametrize("name", ["mittaristo", "mittaristo-worker"])
def test_what_is_to_run_for_ever_is_started_again_for_ever(deploy: Path, name: str) -> None:
    unit = parse(deploy / "systemd" / f"{name}.service")
    assert unit["Service"]["Restart"] == ["always"]
    assert unit["Unit"]["StartLimitIntervalSec"] == ["0"]
    assert unit["Install"]["WantedBy"] == ["multi-user.target"]
    assert int(unit["Service"]["TimeoutStopSec"][0]) >= 30


def test_a_wrong_setting_is_not_tried_for_ever(deploy: Path) -> None:
    unit = parse(deploy / "systemd" / "mittaristo.service")
    assert unit["Service"]["RestartPreventExitStatus"] == ["2"]  # the program's exit code for wrong use


def test_the_timer_calls_health_again_and_again(deploy: Path) -> None:
    timer = parse(deploy / "systemd" / "mittaristo-health.timer")
    assert timer["Timer"]["OnUnitInactiveSec"] == ["10min"]
    assert timer["Install"]["WantedBy"] == ["timers.target"]
    unit = parse(deploy / "systemd" / "mittaristo-health.service")
    assert unit["Service"]["Type"] == ["oneshot"]
    assert unit["Service"]["ExecStart"] == ["/opt/mittaristo/.venv/bin/mittaristo health --notify"]
    assert "Install" not in unit
