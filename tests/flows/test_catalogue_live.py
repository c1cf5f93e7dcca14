"""The catalogue against its sources, and an indicator added as the README says, to the letter."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from demo import changes
from demo.sample import load_sample
from demo.stand_in import StandIn
from flows import cli
from models.catalogue.load import PACKAGED

README = Path(__file__).resolve().parents[2] / "README.md"


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with StandIn(load_sample(), calls=10_000, window=1.0) as running:
        yield running


@pytest.fixture
def mittaristo(
    stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> Callable[..., tuple[int, str, str]]:
    """The program with a catalogue folder of its own; it gives exit code, output and errors."""
    folder = tmp_path / "catalogue"
    shutil.copytree(PACKAGED, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for name in [one for one in os.environ if one.startswith("MITTARISTO_")]:
        monkeypatch.delenv(name)
    settings = {
        "HOME": str(tmp_path / "home"),
        "PROGRAMME": str(folder),
        "CONTACT": "test@example.org",
        "DOTENV": os.devnull,
        **{f"URL_{source.upper()}": url for source, url in stand_in.urls.items()},
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"MITTARISTO_{name}", value)

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["mittaristo", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return run


def walk() -> list[list[str]]:
    """The commands of the README's walk, as they stand there."""
    section = README.read_text(encoding="utf-8").partition("## Adding an indicator")[2].partition("\n## ")[0]
    (block,) = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    return [shlex.split(line) for line in block.splitlines()]


def test_the_readmes_walk_adds_an_indicator_without_code(
    mittaristo: Callable[..., tuple[int, str, str]], stand_in: StandIn
) -> None:
    commands = walk()
    assert [one[0] for one in commands] == [".venv/bin/mittaristo"] * 4
    answers = [mittaristo(*words) for _, *words in commands]
    assert [code for code, _, _ in answers] == [0, 0, 0, 0], answers
    proposed, checked, collected, shown = (text for _, text, _ in answers)
    assert "datasets/statfin_vaerak_11re.yaml" in proposed and "datasets: " in checked
    assert "1 fetched" in collected
    assert re.search(r"2025\s+36370\b", shown)  # Kajaani's population, as everybody can look it up
    metadata_and_figures = [one for one in stand_in.requests if "11re" in one.path]
    assert len(metadata_and_figures) == 5 + 2


def test_a_proposal_is_printed_and_nothing_is_written_without_write(
    mittaristo: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    before = sorted((tmp_path / "catalogue").rglob("*.yaml"))
    code, text, _ = mittaristo("propose", "vaerak/11re")
    assert code == 0 and "statfin/vaerak/11re:" in text and "Next: mittaristo catalogue check" in text
    assert sorted((tmp_path / "catalogue").rglob("*.yaml")) == before


def test_what_was_written_before_is_not_written_over(
    mittaristo: Callable[..., tuple[int, str, str]],
) -> None:
    mittaristo("propose", "StatFin/vaerak/11re", "--write")
    code, _, error = mittaristo("propose", "StatFin/vaerak/11re", "--write")
    assert code == 2 and "is there already" in error and error.count("\n") == 1


@pytest.mark.parametrize(
    ("table", "code", "said"),
    [
        ("11re", 2, "is no table; write it as StatFin/<subject>/<table>"),
        ("Eurostat/a/b/c", 2, "is no table"),
        ("StatFin/vaerak/nowhere", 1, "answered 400"),
        ("StatFin/../secret", 2, "is no table"),
    ],
)
def test_what_is_no_table_is_one_line(
    mittaristo: Callable[..., tuple[int, str, str]], table: str, code: int, said: str
) -> None:
    ended, out, error = mittaristo("propose", table)
    assert (ended, out) == (code, "") and said in error and error.count("\n") == 1


def live(mittaristo: Callable[..., tuple[int, str, str]], *datasets: str) -> dict[str, dict[str, Any]]:
    named = [word for one in datasets for word in ("--dataset", one)]
    _, text, _ = mittaristo("catalogue", "check", "--live", "--json", *named)
    return {one["dataset_id"]: one for one in json.loads(text)}


def test_the_live_check_confirms_what_it_finds_with_its_cost_and_stores_nothing(
    mittaristo: Callable[..., tuple[int, str, str]], stand_in: StandIn
) -> None:
    found = live(mittaristo, "statfin/vkour/12bs")["statfin/vkour/12bs"]
    assert (found["state"], found["labels"], found["calls"]) == ("confirmed", "verified", 2)
    assert found["cells"] > 0
    assert [one.method for one in stand_in.requests if "12bs" in one.path] == ["GET"]
    _, status, _ = mittaristo("status", "--json")
    assert {one["state"] for one in json.loads(status)} == {"never_fetched"}


def test_the_live_check_says_what_to_change_and_which_codes_moved(
    mittaristo: Callable[..., tuple[int, str, str]], stand_in: StandIn
) -> None:
    mittaristo("run", "--dataset", "statfin/vkour/12bs")
    table = stand_in.tables["vkour/12bs"]
    contents = table.variable(table.contents_variable)
    stand_in.tables["vkour/12bs"] = changes.rename_contents(
        table, {code: f"uusi_{code}" for code in contents.values}
    )
    found = live(mittaristo, "statfin/vkour/12bs")["statfin/vkour/12bs"]
    assert "codes moved" in found["message"] and "uusi_" in found["message"]


def test_a_source_that_does_not_answer_is_failed_and_the_exit_code_1(
    mittaristo: Callable[..., tuple[int, str, str]], stand_in: StandIn
) -> None:
    stand_in.misbehave("500", times=None)
    code, text, _ = mittaristo("catalogue", "check", "--live", "--dataset", "statfin/tyonv/12tf")
    assert code == 1 and "statfin/tyonv/12tf: failed (labels verified)" in text


def test_labels_are_counted_apart(mittaristo: Callable[..., tuple[int, str, str]]) -> None:
    _, text, _ = mittaristo("catalogue", "check")
    assert len(re.findall(r"labels.*: verified: \d+, partly: \d+, assumed: \d+", text)) == 2
