"""compose.yaml against the Compose specification's own schema, and against what it promises. Never started here."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from flows.settings import read_settings

SCHEMA = Path(__file__).parent / "schemas" / "compose-spec.json"
VARIABLE = re.compile(r"(?<!\$)\$\{([A-Z_]+)(:[-?][^}]*)?\}")
OURS = ("mittaristo", "prefect", "/opt/mittaristo")  # what a command of our image may begin with


@pytest.fixture(scope="module")
def text(deploy: Path) -> str:
    return (deploy / "compose.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def compose(text: str) -> dict[str, Any]:
    return yaml.safe_load(text)  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def example(deploy: Path) -> str:
    return (deploy / ".env.example").read_text(encoding="utf-8")


def problems_of(document: object) -> list[str]:
    validator = Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    return [error.message for error in validator.iter_errors(document)]


def explained(example: str) -> dict[str, str]:
    """Name → value of every variable in the example, those behind a # too."""
    return dict(re.findall(r"^#?([A-Z][A-Z_]+)=(.*)$", example, re.MULTILINE))


def test_the_file_follows_the_compose_specification(compose: dict[str, Any]) -> None:
    assert problems_of(compose) == []


def test_the_schema_would_see_a_mistake(compose: dict[str, Any]) -> None:
    wrong = {**compose, "services": {"web": {"image": "x", "port": ["80:80"]}}}
    assert any("port" in one for one in problems_of(wrong))


def test_the_parts_that_the_design_names_are_there(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {"database", "prefect", "set-up", "worker", "watch", "web"}


def test_every_port_is_bound_to_loopback_unless_somebody_says_otherwise(compose: dict[str, Any]) -> None:
    published = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert len(published) == 2
    assert all(port.startswith("${BIND_ADDRESS:-127.0.0.1}:") for port in published)


def test_database_and_prefect_server_have_no_way_out_and_publish_nothing(compose: dict[str, Any]) -> None:
    assert compose["networks"]["inside"]["internal"] is True
    for name in ("database", "prefect"):
        assert compose["services"][name]["networks"] == ["inside"]
        assert "ports" not in compose["services"][name]


def test_only_what_must_call_out_can(compose: dict[str, Any]) -> None:
    outward = {name for name, one in compose["services"].items() if "outside" in one["networks"]}
    assert outward == {"worker", "watch"}


@pytest.mark.parametrize("name", ["database", "prefect", "set-up", "worker", "watch", "web"])
def test_every_service_is_bounded_and_without_privileges(compose: dict[str, Any], name: str) -> None:
    service = compose["services"][name]
    limits = service["deploy"]["resources"]["limits"]
    assert set(limits) == {"cpus", "memory", "pids"}
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert "privileged" not in service
    assert not any("docker.sock" in str(volume) for volume in service["volumes"])
    assert service["logging"]["options"]["max-size"] == "10m"
    assert not service["image"].endswith(":latest")
    assert ":" in service["image"]


def test_everything_comes_back_after_a_crash_and_is_watched(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        if name == "set-up":
            assert service["restart"] == "on-failure:3"  # it does its work and ends
            assert "healthcheck" not in service
        else:
            assert service["restart"] == "unless-stopped"
            assert {"test", "interval", "timeout", "retries"} <= set(service["healthcheck"])


def test_what_a_service_waits_for_can_be_waited_for(compose: dict[str, Any]) -> None:
    services = compose["services"]
    order: list[str] = []
    while len(order) < len(services):
        ready = [
            name
            for name, one in services.items()
            if name not in order and set(one.get("depends_on", {})) <= set(order)
        ]
        assert ready, f"a circle among {set(services) - set(order)}"
        order += ready
    for one in services.values():
        for other, how in one.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in services[other]
            if how["condition"] == "service_completed_successfully":
                assert other == "set-up"


def test_volumes_and_networks_are_declared_and_used(compose: dict[str, Any]) -> None:
    mounts = [mount for service in compose["services"].values() for mount in service["volumes"]]
    named = {mount.split(":")[0] for mount in mounts if not mount.startswith(".")}
    assert named == set(compose["volumes"])
    assert {one for service in compose["services"].values() for one in service["networks"]} == set(
        compose["networks"]
    )


def test_files_that_are_mounted_or_built_from_exist(compose: dict[str, Any], deploy: Path) -> None:
    for service in compose["services"].values():
        for mount in service["volumes"]:
            if mount.startswith("."):
                assert (deploy / mount.split(":")[0]).is_file()
    build = compose["services"]["prefect"]["build"]
    assert (deploy / build["context"] / build["dockerfile"]).is_file()
    for service in compose["services"].values():
        command = service.get("command", ["mittaristo"])
        assert command[0].startswith(OURS)
        if command[0].startswith("/"):
            assert (deploy.parent / Path(command[0]).relative_to("/opt/mittaristo")).is_file()


def test_every_variable_is_explained_and_every_explained_one_is_used(
    text: str, compose: dict[str, Any], example: str
) -> None:
    passed_on = {name for name, value in compose["x-environment"].items() if value is None}
    assert {name for name, _ in VARIABLE.findall(text)} | passed_on == set(explained(example))


def test_the_example_holds_no_secret_and_nothing_that_works_by_accident(example: str) -> None:
    must = dict(re.findall(r"^([A-Z][A-Z_]+)=(.*)$", example, re.MULTILINE))
    assert set(must.values()) == {""}
    for name, value in explained(example).items():
        if re.search(r"PASSWORD|AUTH|URL|USER", name):
            assert value == "", name


def test_what_must_be_set_stops_the_start_when_it_is_not(text: str, example: str) -> None:
    must = dict(re.findall(r"^([A-Z][A-Z_]+)=(.*)$", example, re.MULTILINE))
    for name, otherwise in VARIABLE.findall(text):
        if name in must:
            assert otherwise.startswith(":?"), name
        else:
            assert otherwise.startswith(":-"), name
            assert not re.search(r"PASSWORD|AUTH", name)


@pytest.mark.parametrize("name", ["set-up", "worker", "watch"])
def test_the_settings_that_a_service_gets_are_accepted(compose: dict[str, Any], name: str) -> None:
    given = {
        key: value for key, value in compose["services"][name]["environment"].items() if value is not None
    }
    given = {key: VARIABLE.sub("somebody@example.org", value) for key, value in given.items()}
    settings = read_settings(given, dotenv=None)
    assert settings.contact == "somebody@example.org"
    assert settings.warehouse_url.startswith("postgresql://")


def test_no_password_is_part_of_an_address(text: str) -> None:
    assert re.findall(r"://[^/\s:@]*:[^/\s@]+@", text) == []
