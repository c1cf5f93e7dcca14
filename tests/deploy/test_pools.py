"""The work pools' templates, filled in by Prefect's own templating with nothing but their defaults."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.utilities.templating import apply_values, find_placeholders

from flows.settings import read_settings

KUBERNETES = Path(__file__).parent / "schemas" / "kubernetes-1.35.json"
SECRET = re.compile(r"PASSWORD|AUTH|TOKEN|SECRET")


@pytest.fixture(scope="module", params=["docker", "kubernetes"])
def template(request: pytest.FixtureRequest, deploy: Path) -> dict[str, Any]:
    return read(deploy, request.param)


def read(deploy: Path, name: str) -> dict[str, Any]:
    text = (deploy / "pools" / f"{name}.json").read_text(encoding="utf-8")
    return json.loads(text)  # type: ignore[no-any-return]


def filled(template: dict[str, Any]) -> dict[str, Any]:
    properties = template["variables"]["properties"]
    defaults = {name: one["default"] for name, one in properties.items() if one.get("default") is not None}
    return apply_values(template["job_configuration"], defaults)  # type: ignore[no-any-return]


def test_prefect_takes_the_template(template: dict[str, Any]) -> None:
    WorkPoolCreate(name="x", type="docker", base_job_template=template)
    for part in ("command", "env", "labels", "name"):  # what every worker fills in
        assert template["job_configuration"][part] == f"{{{{ {part} }}}}"


def test_every_placeholder_is_a_variable_and_every_variable_is_used(template: dict[str, Any]) -> None:
    used = {one.name for one in find_placeholders(template["job_configuration"])}
    assert used == set(template["variables"]["properties"])


def test_the_variables_are_a_schema_that_their_own_defaults_obey(template: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(template["variables"])
    for name, one in template["variables"]["properties"].items():
        if "default" in one:
            assert list(Draft202012Validator(one).iter_errors(one["default"])) == [], name


def test_no_secret_is_written_in_a_template(template: dict[str, Any]) -> None:
    environment = template["variables"]["properties"]["env"].get("default", {})
    for name, value in environment.items():
        if SECRET.search(name):
            assert re.fullmatch(r"\{\{ prefect\.blocks\.secret\.[a-z-]+ \}\}", value)


def test_the_docker_pool_gives_what_the_runs_need(deploy: Path) -> None:
    job = filled(read(deploy, "docker"))
    compose = yaml.safe_load((deploy / "compose.yaml").read_text(encoding="utf-8"))
    name = compose["name"]
    assert {one.removeprefix(f"{name}_") for one in job["networks"]} <= set(compose["networks"])
    assert {one.split(":")[0].removeprefix(f"{name}_") for one in job["volumes"]} <= set(compose["volumes"])
    assert job["image"] == compose["services"]["worker"]["image"]
    environment = {**job["env"], "MITTARISTO_CONTACT": "somebody@example.org"}
    assert (
        read_settings(environment, dotenv=None).warehouse_url
        == read_settings(
            {"MITTARISTO_DATABASE_URL": compose["x-environment"]["MITTARISTO_DATABASE_URL"]}, dotenv=None
        ).warehouse_url
    )
    assert environment["PREFECT_API_URL"] == compose["x-environment"]["PREFECT_API_URL"]
    assert job["container_create_kwargs"]["cap_drop"] == ["ALL"]
    assert job["container_create_kwargs"]["read_only"] is True
    assert job["mem_limit"] == job["memswap_limit"]


def test_the_kubernetes_pool_makes_a_job_that_kubernetes_takes(deploy: Path) -> None:
    job = filled(read(deploy, "kubernetes"))["job_manifest"]
    container = job["spec"]["template"]["spec"]["containers"][0]
    container["env"] = [
        {"name": "PREFECT_API_URL", "value": "x"}
    ]  # what the worker puts in the place of these two
    container["args"] = ["prefect", "flow-run", "execute"]
    schema = json.loads(KUBERNETES.read_text(encoding="utf-8"))
    found = Draft202012Validator({**schema, "$ref": "#/$defs/io.k8s.api.batch.v1.Job"}).iter_errors(job)
    assert [error.message for error in found] == []


def test_the_kubernetes_pool_takes_secrets_by_reference_and_runs_without_rights(deploy: Path) -> None:
    pod = filled(read(deploy, "kubernetes"))["job_manifest"]["spec"]["template"]
    container = pod["spec"]["containers"][0]
    assert container["envFrom"] == [
        {"configMapRef": {"name": "mittaristo"}},
        {"secretRef": {"name": "mittaristo"}},
    ]
    assert container["resources"].keys() == {"limits", "requests"}
    assert pod["spec"]["serviceAccountName"] == "mittaristo-collect"
    assert pod["spec"]["automountServiceAccountToken"] is False
    # A label that Prefect leaves alone: it names the pods itself, and the network policies must still find them.
    assert pod["metadata"]["labels"] == {"app.kubernetes.io/component": "collect"}
