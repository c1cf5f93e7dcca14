"""The runbook and the README tell the truth: commands, options, hosts, states, files."""

import re
import shlex
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

import pytest
import typer
from prefect.cli._app import _app as prefect_app

from connectors import CONNECTED
from flows.cli import app
from models.catalogue import load_catalogue
from models.ledger import GREEN, FreshnessState, LedgerState
from models.problems import KINDS
from models.schedule import looks_of

PAGES = ["docs/operations.md", "README.md"]
OUR_FILES = ["deploy/compose.yaml", "deploy/watch.sh", "deploy/set-up.sh"]


def code_of(text: str) -> list[str]:
    """What stands in a page's code blocks, line by line, and in its code spans."""
    fence = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
    blocks = [line for block in fence.findall(text) for line in block.replace("\\\n", " ").splitlines()]
    paragraphs = [" ".join(one.split()) for one in fence.sub("\n", text).split("\n\n")]
    return blocks + [span for one in paragraphs for span in re.findall(r"`([^`]+)`", one)]


def calls(code: list[str], program: str) -> list[list[str]]:
    """The words after `program` wherever it is called, brackets of optional parts taken away."""
    found = []
    for line in code:
        for call in re.findall(
            rf"(?<!--namespace)(?:^|[\s(]|bin/){program} ([a-z][^#;|&)]*)", line.split(" #")[0]
        ):
            words = shlex.split(call.replace("[", " ").replace("]", " "))
            listed = next((at for at, word in enumerate(words[:2]) if "/" in word), None)
            if listed is None:
                found.append(words)
            else:  # quarantine list/show/release
                found += [[*words[:listed], one, *words[listed + 1 :]] for one in words[listed].split("/")]
    return found


def check(words: list[str]) -> None:
    """Raises AssertionError where these words after `mittaristo` name a command or an option that there is not."""
    command: Any = typer.main.get_command(app)
    rest = list(words)
    while hasattr(command, "commands"):
        assert rest and rest[0] in command.commands, f"no such command: mittaristo {' '.join(words)}"
        command = command.commands[rest.pop(0)]
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    for word in rest:
        if word.startswith("-"):
            assert word.split("=")[0] in options, f"no such option: {word} in mittaristo {' '.join(words)}"


@pytest.fixture(scope="module", params=PAGES)
def page(request: pytest.FixtureRequest, root: Path) -> str:
    return (root / request.param).read_text(encoding="utf-8")


def test_every_command_and_option_in_the_pages_exists(page: str) -> None:
    found = calls(code_of(page), "mittaristo")
    assert len(found) > 5
    for words in found:
        check(words)


@pytest.mark.parametrize("path", OUR_FILES)
def test_every_command_in_the_files_exists(root: Path, path: str) -> None:
    lines = (root / path).read_text(encoding="utf-8").splitlines()
    plain = [" ".join(re.split(r"[\[\],\s]+", line)) for line in lines if not line.lstrip().startswith("#")]
    found = calls(plain, "mittaristo")
    assert found
    for words in found:
        check(words)


@pytest.mark.parametrize("words", [["backup"], ["run", "--sauce", "x"], ["quarantine", "free"], ["db"]])
def test_the_check_would_see_a_mistake(words: list[str]) -> None:
    with pytest.raises(AssertionError, match="no such"):
        check(words)


def test_the_services_call_commands_that_exist(root: Path) -> None:
    for path in (root / "deploy" / "systemd").glob("*.service"):
        for line in re.findall(r"^ExecStart=\S*/mittaristo (.+)$", path.read_text(), re.MULTILINE):
            check(line.split())


def prefect_calls(root: Path) -> list[list[str]]:
    found = calls(code_of((root / "docs" / "operations.md").read_text(encoding="utf-8")), "prefect")
    for path in (root / "deploy" / "systemd").glob("*.service"):
        found += [
            one.split() for one in re.findall(r"^ExecStart=\S*/prefect (.+)$", path.read_text(), re.MULTILINE)
        ]
    for path in ("compose.yaml", "kubernetes/worker.yaml"):
        text = (root / "deploy" / path).read_text(encoding="utf-8")
        found += [
            [word.strip().strip('"') for word in one.split(",")]
            for one in re.findall(r"command: \[prefect, (.+)\]$", text, re.MULTILINE)
        ]
    script = (root / "deploy" / "set-up.sh").read_text(encoding="utf-8")
    found += [shlex.split(one.split(">")[0]) for one in re.findall(r"prefect --no-prompt ([^;\n]+)", script)]
    return found


def test_every_prefect_command_and_option_exists(root: Path) -> None:
    found = prefect_calls(root)
    assert len(found) >= 10
    for words in found:
        prefect_app.parse_args(
            words, exit_on_error=False, print_error=False
        )  # raises where there is no such thing


def test_every_make_target_exists(page: str, root: Path) -> None:
    targets = set(re.findall(r"^([\w-]+|\$\(INSTALLED\)):", (root / "Makefile").read_text(), re.MULTILINE))
    for words in calls(code_of(page), "make"):
        for word in words:
            if not word.startswith("-") and "=" not in word:
                assert word in targets, word


def test_the_installation_is_the_one_of_the_makefile(runbook: str, root: Path) -> None:
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    assert "VENV := .venv\nINSTALLED := $(VENV)/.installed\n" in makefile
    plain = " ".join(runbook.split())
    assert "make .venv/.installed" in plain
    assert "make -C /opt/mittaristo .venv/.installed" in plain


def test_the_hosts_are_those_of_the_catalogue(runbook: str) -> None:
    rows = re.findall(r"^\| `(\w+)` \| `([\w.-]+)` \| (yes|no) \|$", runbook, re.MULTILINE)
    sources = {one.id: urlsplit(one.base_url) for one in load_catalogue().sources.values() if one.base_url}
    assert {source: host for source, host, _ in rows} == {name: one.hostname for name, one in sources.items()}
    assert {source for source, _, connected in rows if connected == "yes"} == set(CONNECTED)
    assert {(one.scheme, one.port) for one in sources.values()} == {("https", None)}  # "all on port 443"


def first_cells(runbook: str) -> list[str]:
    return re.findall(r"^\| `(\w+)` \|", runbook, re.MULTILINE)


def test_every_state_and_every_alarm_is_explained(runbook: str) -> None:
    told = first_cells(runbook)
    for one in (*get_args(LedgerState), *get_args(FreshnessState), *KINDS):
        assert one in told, one


def test_the_colours_of_the_ledger_states_are_right(runbook: str) -> None:
    section = runbook.split("| ledger state |")[1].split("\n\n")[0]
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\| (green|red)", section, re.MULTILINE)
    assert dict(rows) == {one: "green" if one in GREEN else "red" for one in get_args(LedgerState)}


def test_the_times_and_figures_are_those_of_the_code(runbook: str) -> None:
    plain = " ".join(runbook.split())
    times = " and ".join(f"{one.at:%H:%M}" for one in looks_of("statfin"))
    assert f"StatFin is looked at on weekdays at {times}, Finnish time" in plain
    tables = len(load_catalogue().datasets_of("statfin"))
    assert f"over StatFin asks for {tables} tables" in plain
    assert f"one run over StatFin's {tables} datasets" in plain


def test_files_that_the_runbook_names_exist(runbook: str, root: Path) -> None:
    for name in re.findall(r"(?<![/\w])(?:deploy|docs)/[\w./-]*[\w/]", runbook):
        if name != "deploy/.env":
            assert list(root.glob(name.rstrip("/") + "*")), name


def test_links_within_the_runbook_lead_somewhere(runbook: str) -> None:
    headings = re.findall(r"^#+ (.+)$", runbook, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", one).lower().replace(" ", "-") for one in headings}
    assert set(re.findall(r"\]\(#([\w-]+)\)", runbook)) <= anchors
