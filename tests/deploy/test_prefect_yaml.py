"""prefect.yaml through Prefect's own loader, without a server; and against the deployments that the code makes."""

import asyncio
import inspect
import io
import os
import re
from pathlib import Path
from typing import Any

import prefect
import pytest
import yaml
from jsonschema import Draft202012Validator
from prefect.cli.deploy._config import _load_deploy_configs_and_actions
from prefect.cli.deploy._schedules import _schedule_config_to_deployment_schedule
from prefect.flows import load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema
from prefect.utilities.templating import apply_values
from rich.console import Console

from connectors import CONNECTED
from flows.deployments import deployments
from flows.prefect_flows import collect_source
from models.catalogue import load_catalogue

Config = dict[str, Any]


@pytest.fixture(scope="module")
def loaded(deploy: Path) -> tuple[list[Config], Config]:
    said = io.StringIO()
    configs, actions = _load_deploy_configs_and_actions(
        prefect_file=deploy / "prefect.yaml", console=Console(file=said, width=200)
    )
    assert said.getvalue() == ""  # the loader prints its complaints and goes on with nothing
    return configs, actions


@pytest.fixture(scope="module")
def configs(loaded: tuple[list[Config], Config]) -> dict[str, Config]:
    return {one["name"]: one for one in loaded[0]}


def test_prefect_reads_a_deployment_for_every_connected_source(configs: dict[str, Config]) -> None:
    assert set(configs) == set(CONNECTED)


def test_the_loader_says_so_when_the_file_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "prefect.yaml").write_text("deployments: [{name: x, schedules: [{cron: 5, interval: 5}]}]")
    said = io.StringIO()
    found, _ = _load_deploy_configs_and_actions(
        prefect_file=tmp_path / "prefect.yaml", console=Console(file=said)
    )
    assert found == []
    assert said.getvalue() != ""


def test_nothing_is_pulled_since_the_package_is_installed_everywhere(
    loaded: tuple[list[Config], Config],
) -> None:
    assert loaded[1] == {"build": [], "push": [], "pull": []}


@pytest.mark.parametrize("source", CONNECTED)
def test_the_module_entrypoint_is_the_very_flow_of_the_code(configs: dict[str, Config], source: str) -> None:
    assert (
        load_flow_from_entrypoint(configs[source]["entrypoint"], use_placeholder_flow=False) is collect_source
    )


@pytest.mark.parametrize("source", CONNECTED)
def test_the_parameters_fit_the_flow(configs: dict[str, Config], source: str) -> None:
    parameters = configs[source]["parameters"]
    inspect.signature(collect_source.fn).bind(**parameters)
    schema = parameter_schema(collect_source).model_dump()  # what the server holds every run's parameters to
    assert list(Draft202012Validator(schema).iter_errors(parameters)) == []
    assert parameters["source"] in load_catalogue().sources


@pytest.mark.parametrize("source", CONNECTED)
def test_a_deployment_is_the_same_as_the_one_that_mittaristo_up_makes(
    configs: dict[str, Config], source: str
) -> None:
    here = configs[source]
    there = next(one for one in deployments() if one.name == source)
    assert here["entrypoint"] == there.entrypoint
    assert here["parameters"] == there.parameters
    assert here["tags"] == there.tags
    assert here["description"] == there.description
    strategy = there.concurrency_options.collision_strategy.value
    assert here["concurrency_limit"] == {"limit": there.concurrency_limit, "collision_strategy": strategy}
    schedules = [_schedule_config_to_deployment_schedule(one)["schedule"] for one in here["schedules"]]
    kept = [one.schedule for one in there.schedules]
    assert [(one.cron, one.timezone) for one in schedules] == [(one.cron, one.timezone) for one in kept]


@pytest.mark.parametrize("pool", ["mittaristo-process", "mittaristo-docker", "mittaristo-kubernetes"])
def test_the_pool_is_chosen_by_the_environment_alone(configs: dict[str, Config], pool: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORK_POOL", pool)
        for one in configs.values():
            chosen = apply_values(one, os.environ, remove_notset=False)  # as `prefect deploy` does it
            assert chosen["work_pool"] == {"name": pool}


def test_every_pool_that_set_up_can_make_is_a_type_that_prefect_knows(deploy: Path) -> None:
    from prefect.server.api.collections import get_collection_view  # it has a copy for when it is offline

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # nobody is there
        view = asyncio.run(get_collection_view("aggregate-worker-metadata"))
    types = {worker["type"] for collection in view.values() for worker in collection.values()}
    script = (deploy / "set-up.sh").read_text(encoding="utf-8")
    cases = re.search(r"^    ([a-z| ]+)\) ;;$", script, re.MULTILINE)
    assert cases is not None
    wanted = set(cases[1].split(" | "))
    assert wanted == {"process", "docker", "kubernetes"}
    assert wanted <= types
    assert {one.stem for one in (deploy / "pools").iterdir()} <= wanted


def test_the_versions_of_prefect_that_the_files_name_are_the_installed_one(deploy: Path) -> None:
    document = yaml.safe_load((deploy / "prefect.yaml").read_text(encoding="utf-8"))
    assert document["prefect-version"] == prefect.__version__
    images = re.findall(r"prefecthq/prefect:([0-9.]+)-", (deploy / "kubernetes" / "worker.yaml").read_text())
    assert images == [prefect.__version__]
