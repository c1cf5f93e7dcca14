"""The Kubernetes example against Kubernetes' own schemas, and against what it promises. Never applied to a cluster."""

import ipaddress
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from jsonschema import Draft202012Validator

from flows.settings import read_settings
from models.catalogue import load_catalogue

SCHEMA = Path(__file__).parent / "schemas" / "kubernetes-1.35.json"
TYPES = {
    ("v1", "Namespace"): "io.k8s.api.core.v1.Namespace",
    ("v1", "ConfigMap"): "io.k8s.api.core.v1.ConfigMap",
    ("v1", "PersistentVolumeClaim"): "io.k8s.api.core.v1.PersistentVolumeClaim",
    ("v1", "ServiceAccount"): "io.k8s.api.core.v1.ServiceAccount",
    ("apps/v1", "Deployment"): "io.k8s.api.apps.v1.Deployment",
    ("batch/v1", "Job"): "io.k8s.api.batch.v1.Job",
    ("networking.k8s.io/v1", "NetworkPolicy"): "io.k8s.api.networking.v1.NetworkPolicy",
    ("rbac.authorization.k8s.io/v1", "Role"): "io.k8s.api.rbac.v1.Role",
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): "io.k8s.api.rbac.v1.RoleBinding",
}
COMPONENT = "app.kubernetes.io/component"
Manifest = dict[str, Any]


@pytest.fixture(scope="module")
def folder(deploy: Path) -> Path:
    return deploy / "kubernetes"


@pytest.fixture(scope="module")
def manifests(folder: Path) -> list[Manifest]:
    return [
        one
        for path in sorted(folder.glob("*.yaml"))
        if path.name != "kustomization.yaml"
        for one in yaml.safe_load_all(path.read_text(encoding="utf-8"))
    ]


@pytest.fixture(scope="module")
def policies(manifests: list[Manifest]) -> dict[str, Manifest]:
    return {one["metadata"]["name"]: one["spec"] for one in of(manifests, "NetworkPolicy")}


@pytest.fixture(scope="module")
def pods(manifests: list[Manifest], deploy: Path) -> dict[str, Manifest]:
    """Component → pod template, of everything that runs; the runs' own from the work pool."""
    pool = json.loads((deploy / "pools" / "kubernetes.json").read_text(encoding="utf-8"))
    templates = [one["spec"]["template"] for one in of(manifests, "Deployment") + of(manifests, "Job")]
    templates.append(pool["job_configuration"]["job_manifest"]["spec"]["template"])
    return {one["metadata"]["labels"][COMPONENT]: one["spec"] for one in templates}


def of(manifests: list[Manifest], kind: str) -> list[Manifest]:
    return [one for one in manifests if one["kind"] == kind]


def problems_of(manifest: Manifest) -> list[str]:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    kind = TYPES[manifest["apiVersion"], manifest["kind"]]
    found = Draft202012Validator({**schema, "$ref": f"#/$defs/{kind}"}).iter_errors(manifest)
    return [error.message for error in found]


def components(selector: Manifest) -> set[str]:
    """The components whose pods a selector takes, out of those that there are."""
    every = {"collect", "set-up", "worker"}
    for key, value in selector.get("matchLabels", {}).items():
        assert key == COMPONENT
        every &= {value}
    for one in selector.get("matchExpressions", []):
        assert (one["key"], one["operator"]) == (COMPONENT, "In")
        every &= set(one["values"])
    return every


def test_every_manifest_follows_the_schema_of_its_kind(manifests: list[Manifest]) -> None:
    assert len(manifests) == 15
    for one in manifests:
        assert problems_of(one) == [], one["metadata"]["name"]


def test_the_schema_would_see_a_mistake(manifests: list[Manifest]) -> None:
    (worker,) = of(manifests, "Deployment")
    assert problems_of({**worker, "spec": {**worker["spec"], "replica": 2}})
    assert problems_of({**worker, "spec": {**worker["spec"], "replicas": "two"}})


def test_the_kustomization_names_every_file(folder: Path) -> None:
    named = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))["resources"]
    assert sorted(named) == sorted(one.name for one in folder.glob("*.yaml") if one.stem != "kustomization")


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not here")
def test_kustomize_puts_the_files_together(folder: Path, manifests: list[Manifest]) -> None:
    told = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=True)
    built = list(yaml.safe_load_all(told.stdout))
    assert len(built) == len(manifests)
    assert {one["metadata"].get("namespace", "mittaristo") for one in built} == {"mittaristo"}


def test_no_secret_lies_in_the_files(manifests: list[Manifest]) -> None:
    assert of(manifests, "Secret") == []
    (settings,) = of(manifests, "ConfigMap")
    for name, value in settings["data"].items():
        assert not any(word in name for word in ("PASSWORD", "AUTH", "TOKEN", "SECRET"))
        assert urlsplit(value).password is None


def test_secrets_are_referred_to_as_the_runbook_makes_them(pods: dict[str, Manifest], runbook: str) -> None:
    keys = set()
    for pod in pods.values():
        (container,) = pod["containers"]
        for one in container.get("envFrom", []):
            assert (one.get("secretRef") or one["configMapRef"])["name"] == "mittaristo"
        entries = [] if isinstance(container.get("env"), str) else container.get("env", [])
        for one in entries:
            if "secretKeyRef" in one.get("valueFrom", {}):
                assert one["valueFrom"]["secretKeyRef"]["name"] == "mittaristo"
                keys.add(one["valueFrom"]["secretKeyRef"]["key"])
    assert keys == {"PREFECT_API_AUTH_STRING"}
    for key in (*keys, "PGPASSWORD"):
        assert f"--from-literal={key}=" in runbook


def test_the_settings_are_accepted(manifests: list[Manifest]) -> None:
    (settings,) = of(manifests, "ConfigMap")
    found = read_settings(settings["data"], dotenv=None)
    assert found.home == Path("/var/lib/mittaristo")
    assert found.warehouse_url.startswith("postgresql://")


@pytest.mark.parametrize("component", ["collect", "set-up", "worker"])
def test_every_pod_is_bounded_and_without_rights(pods: dict[str, Manifest], component: str) -> None:
    pod = pods[component]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"].keys() == {"requests", "limits"}
    assert {one["name"] for one in container["volumeMounts"]} == {one["name"] for one in pod["volumes"]}
    assert pod.get("automountServiceAccountToken", True) is (component == "worker")


def test_the_worker_may_make_jobs_in_its_own_namespace_and_nothing_else(manifests: list[Manifest]) -> None:
    assert of(manifests, "ClusterRole") == []
    (role,) = of(manifests, "Role")
    allowed = {
        (resource, verb) for rule in role["rules"] for resource in rule["resources"] for verb in rule["verbs"]
    }
    assert not any("*" in pair for pair in allowed)
    assert not any(resource == "secrets" for resource, _ in allowed)
    changing = {(resource, verb) for resource, verb in allowed if verb not in ("get", "list", "watch")}
    assert changing == {("jobs", "create"), ("jobs", "delete"), ("jobs", "patch")}


def test_volumes_and_accounts_that_pods_name_exist(
    manifests: list[Manifest], pods: dict[str, Manifest]
) -> None:
    claims = {one["metadata"]["name"] for one in of(manifests, "PersistentVolumeClaim")}
    accounts = {one["metadata"]["name"] for one in of(manifests, "ServiceAccount")}
    for name, pod in pods.items():
        wanted = {
            one["persistentVolumeClaim"]["claimName"]
            for one in pod["volumes"]
            if "persistentVolumeClaim" in one
        }
        assert wanted == (set() if name == "worker" else claims)
    assert pods["worker"]["serviceAccountName"] in accounts
    assert {"mittaristo-worker", "mittaristo-collect"} == accounts


def test_nothing_may_go_in_or_out_by_default(policies: dict[str, Manifest]) -> None:
    assert policies["nothing-by-default"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for name, policy in policies.items():
        assert "ingress" not in policy, name
        assert all(rule.get("to") and rule.get("ports") for rule in policy.get("egress", [])), name


def test_only_the_runs_reach_the_outside_and_only_on_the_ports_of_the_sources(
    policies: dict[str, Manifest],
) -> None:
    outward = {
        name
        for name, policy in policies.items()
        for rule in policy.get("egress", [])
        for to in rule["to"]
        if "ipBlock" in to and not ipaddress.ip_network(to["ipBlock"]["cidr"]).is_private
    }
    assert outward == {"sources"}
    assert components(policies["sources"]["podSelector"]) == {"collect"}
    (rule,) = policies["sources"]["egress"]
    addresses = [urlsplit(one.base_url) for one in load_catalogue().sources.values() if one.base_url]
    standard = {"https": 443, "http": 80}
    assert {one["port"] for one in rule["ports"]} == {one.port or standard[one.scheme] for one in addresses}
    assert {one["protocol"] for one in rule["ports"]} == {"TCP"}


@pytest.mark.parametrize(
    "address", ["10.1.2.3", "172.20.0.1", "192.168.1.1", "169.254.169.254", "127.0.0.1", "fd00::1"]
)
def test_no_private_address_counts_as_a_source(policies: dict[str, Manifest], address: str) -> None:
    wanted = ipaddress.ip_address(address)
    (rule,) = policies["sources"]["egress"]
    for to in rule["to"]:
        block = to["ipBlock"]
        if wanted in ipaddress.ip_network(block["cidr"]):
            assert any(wanted in ipaddress.ip_network(one) for one in block["except"])


@pytest.mark.parametrize(
    ("policy", "who", "ports"),
    [
        ("prefect", {"collect", "set-up", "worker"}, {4200}),
        ("warehouse", {"collect", "set-up"}, {5432}),
        ("cluster-api", {"worker"}, {443, 6443}),
    ],
)
def test_each_pod_reaches_what_it_works_with(
    policies: dict[str, Manifest], policy: str, who: set[str], ports: set[int]
) -> None:
    assert components(policies[policy]["podSelector"]) == who
    (rule,) = policies[policy]["egress"]
    assert {one["port"] for one in rule["ports"]} == ports


def test_the_addresses_in_the_settings_lie_where_the_policies_allow(
    manifests: list[Manifest], policies: dict[str, Manifest]
) -> None:
    (settings,) = of(manifests, "ConfigMap")
    for policy, name in (("prefect", "PREFECT_API_URL"), ("warehouse", "MITTARISTO_DATABASE_URL")):
        host = urlsplit(settings["data"][name]).hostname or ""
        (rule,) = policies[policy]["egress"]
        labels = rule["to"][0]["namespaceSelector"]["matchLabels"]
        assert host.split(".")[1:] == [labels["kubernetes.io/metadata.name"], "svc"]
