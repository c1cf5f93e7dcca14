"""The catalogue's keys of what people report: what they give, and every mistake with its file and line."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from models.catalogue import Catalogue, load_catalogue
from models.catalogue.load import PACKAGED
from models.errors import CatalogueError

MANUAL, SIX, PROGRAMME = "indicators/manual.yaml", "measures/6.yaml", "programme.yaml"
STARTUPS = "adm_startups:\n"
METER = "          6.1.02-m1:\n            text_fi: Toteutumatieto\n            kind: narrative\n"
Change = Callable[[str, str, str], Path]


@pytest.fixture
def changed(tmp_path: Path) -> Change:
    """A copy of the catalogue in which, in `file`, `new` follows the place where `after` stands."""

    def change(file: str, after: str, new: str) -> Path:
        folder = tmp_path / "oma"
        shutil.copytree(PACKAGED, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
        path = folder / file
        text = path.read_text("utf-8")
        assert text.count(after) == 1
        path.write_text(text.replace(after, after + new), "utf-8")
        return folder

    return change


def problems(folder: Path) -> list[str]:
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(folder)
    return caught.value.problems


def meter(catalogue: Catalogue, id: str):
    return next(one for measure in catalogue.programme.measures for one in measure.meters if one.id == id)


def test_the_city_sets_rhythm_reporter_and_days_in_the_catalogue(changed: Change) -> None:
    keys = "asks: yes_no\n            rhythm: quarterly\n            reporter_assumed: false\n            due_days: 7\n"
    keys += "            grace_days: 0\n            first_period: 2025Q1\n            last_period: 2026Q2\n"
    folder = changed(SIX, METER, f"            {keys}")
    manual = (folder / MANUAL).read_text("utf-8")
    keys = "  rhythm: every_2_years\n  rhythm_assumed: true\n  optional: true\n"
    (folder / MANUAL).write_text(manual.replace(STARTUPS, STARTUPS + keys), "utf-8")
    catalogue = load_catalogue(folder)
    startups = catalogue.indicators["adm_startups"]
    assert (startups.rhythm, startups.rhythm_assumed, startups.optional) == ("every_2_years", True, True)
    one = meter(catalogue, "6.1.02-m1")
    assert (one.asks, one.rhythm, one.rhythm_assumed, one.reporter_assumed) == (
        "yes_no", "quarterly", False, False,
    )  # fmt: skip
    assert (one.due_days, one.grace_days, one.first_period, one.last_period) == (7, 0, "2025Q1", "2026Q2")


MISTAKES = (
    (
        MANUAL,
        "adm_startups:\n",
        "  rhythm: daily\n",
        "'rhythm' is 'daily', which is none of monthly, quarterly",
    ),
    (
        MANUAL,
        "adm_customer_cases:\n",
        "  rhythm: monthly\n",
        "'rhythm' is monthly, more often than its figures",
    ),
    (MANUAL, "adm_supported_events:\n", "  due_days: soon\n", "'due_days' must be a whole number, not text"),
    (
        MANUAL,
        "adm_tourism_products:\n",
        "  grace_days: -1\n",
        "'grace_days' is -1, which is not between 0 and 730",
    ),
    (MANUAL, "adm_doctoral_theses:\n", "  optional: perhaps\n", "'optional' must be true or false"),
    (
        MANUAL,
        "adm_state_rail_funding:\n",
        "  first_period: 2025Q1\n",
        "2025Q1, which is no period of what is annual",
    ),
    (MANUAL, "adm_state_vt5_funding:\n", "  first_period: spring\n", "'first_period': 'spring' is no period"),
    (MANUAL, "adm_cemis_rdi_volume:\n", "  last_period: '2025'\n  first_period: '2026'\n", "2025 is before"),
    (MANUAL, "srv_mover_survey:\n", "  rythm: annual\n", "unknown key 'rythm'"),
    (SIX, METER, "            asks: number\n", "'asks' is 'number', which is none of status, yes_no"),
    (
        SIX,
        "            kind: administrative\n            indicators: [adm_startups]\n",
        "            rhythm: annual\n",
        "unknown key 'rhythm'",
    ),
    (PROGRAMME, "reporting:\n", "  first_yaer: 2026\n", "unknown key 'first_yaer'"),
    (PROGRAMME, "  due_days: {", "daily: 1, ", "unknown key 'daily'"),
)


def test_every_mistake_is_told_with_file_and_line_and_all_of_them_at_once(changed: Change) -> None:
    folder = changed(*MISTAKES[0][:3])
    for file, after, new, _ in MISTAKES[1:]:
        text = (folder / file).read_text("utf-8")
        assert text.count(after) == 1, after
        (folder / file).write_text(text.replace(after, after + new), "utf-8")
    found = problems(folder)
    for file, after, new, told in MISTAKES:
        text = (folder / file).read_text("utf-8")
        line = text[: text.index(after + new) + len(after)].count("\n") + 1
        assert any(one.startswith(f"oma/{file}:{line}: ") and told in one for one in found), (told, found)
    assert len(found) == len(MISTAKES)


def test_the_first_year_of_reporting_lies_in_the_programme(changed: Change) -> None:
    folder = changed(PROGRAMME, "reporting:\n", "")
    path = folder / PROGRAMME
    path.write_text(path.read_text("utf-8").replace("  first_year: 2026", "  first_year: 2031"), "utf-8")
    assert "'first_year' 2031 is not in the programme's years 2022-2026" in problems(folder)[0]
