"""Real figures replayed release by release hold nothing back, and the faults put into them are caught.

The limits of the history gate were chosen on these series: 19 regions and the country since 1990, single
ages of Kainuu since 1972, Kajaani's unemployment month by month (with the spring of 2020), the population
of all municipalities, and offences reported in them.
"""

import json
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from expectations import backtest, check_history
from expectations.history import PAST_COLUMNS
from models.absence import absent
from models.dataset import ContentChoice, Dataset
from models.observation import OBSERVATION_COLUMNS

DATASET = Dataset(
    id="statfin/x/1a",
    source="statfin",
    table="x/1a",
    title_fi="x",
    title_en="x",
    frequency="annual",
    first_period="1972",
    lag_days=1,
    grace_days=1,
    labels="verified",
    contents=tuple(
        ContentChoice(key, unit=unit)
        for key, unit in (
            ("mig_counts", "persons"),
            ("tfr", "children"),
            ("e0F", "years"),
            ("e0M", "years"),
            ("people", "persons"),
            ("rate", "%"),
            ("offences", "per 1000"),
        )
    ),
)


def observed(content, area, period, value, classes=""):
    frame = pd.DataFrame({"content": content, "classes": classes, "area_code": area, "period": period})
    frame = frame.assign(value=np.asarray(value, dtype=float), symbol="", status="final")
    texts = [name for name in OBSERVATION_COLUMNS if name != "value"]
    return frame.astype(dict.fromkeys(texts, "str")).astype(dict.fromkeys(texts, "category"))


@pytest.fixture(scope="module")
def regions(recordings):
    """Net migration (with its zeros crossed), fertility, life expectancy of women and men."""
    parts = []
    for name in ("mig_counts", "tfr", "e0F", "e0M"):
        wide = pd.read_csv(recordings / "kajaani" / f"kainuu-regions-{name}.tsv", sep="\t")
        years = [column for column in wide.columns if column.isdigit()]
        long = wide.melt("reg_code", years, var_name="period").dropna()
        parts.append(observed(name, "MK" + long["reg_code"].astype(str), long["period"], long["value"]))
    return pd.concat([part.astype({"content": "str"}) for part in parts], ignore_index=True)


@pytest.fixture(scope="module")
def ages(recordings):
    parts = []
    for sex in "FM":
        wide = pd.read_csv(recordings / "kajaani" / f"kainuu-only-pop{sex}.tsv", sep="\t")
        long = wide.drop(columns=["reg_code", "name"]).melt("age", var_name="period")
        classes = "age=" + long["age"].astype(str) + f";sex={sex}"
        parts.append(observed("people", "MK18", long["period"], long["value"], classes))
    return pd.concat([part.astype({"classes": "str"}) for part in parts], ignore_index=True)


@pytest.fixture(scope="module")
def unemployment(recordings):
    path = recordings / "kajaani" / "kajaani-12tf-unemployment-rate-monthly.json"
    values = json.loads(path.read_text("utf-8"))["values"]
    return observed("rate", "KU205", list(values), list(values.values()))


@pytest.fixture(scope="module")
def municipalities(recordings):
    table = pd.read_csv(recordings / "sotkanet" / "population_127_by_municipality_2000_2022.csv").dropna()
    codes = "KU" + table["municipality_code"].astype(int).astype(str).str.zfill(3)
    return observed("people", codes, table["year"].astype(str), table["primary_value"])


@pytest.fixture(scope="module")
def offences(recordings):
    path = recordings / "statfin" / "old-rpk-135l-all-areas-1987-2020.jsonstat2.json"
    document = json.loads(path.read_text("utf-8"))
    codes = [list(document["dimension"][name]["category"]["index"]) for name in document["id"]]
    cells = pd.MultiIndex.from_product(codes, names=document["id"]).to_frame(index=False)
    return observed("offences", cells["Alue"], cells["Vuosi"], document["value"])


def until(table, period):
    return table[(table["period"].astype("str") <= period).to_numpy()].reset_index(drop=True)


def replayed(table, first, last):
    """What the rules object to when the table comes period by period (all before `first` at once)."""
    periods = [period for period in sorted(set(table["period"].astype("str"))) if first <= period <= last]
    start = datetime(2000, 1, 1, tzinfo=UTC)
    answers = [
        (start + timedelta(days=number), until(table, period)) for number, period in enumerate(periods)
    ]
    assert len(answers) > 20
    return backtest(answers, DATASET, [])


@pytest.mark.parametrize(
    ("series", "first", "last", "warnings"),
    [
        ("regions", "1990", "2025", 0),
        ("ages", "1992", "2025", 6),
        ("unemployment", "2019M06", "2021M12", 0),
        ("municipalities", "2000", "2022", 0),
        ("offences", "1998", "2020", 20),
    ],
)
def test_real_figures_hold_nothing_back_as_they_came(request, series, first, last, warnings):
    findings = replayed(request.getfixturevalue(series), first, last)
    assert [(one.rule, one.saw) for one in findings if one.severity == "critical"] == []
    assert len(findings) <= warnings
    assert {one.rule for one in findings} <= {"jumps"}


def gate(table, answer):
    """The checks that fail when `answer` comes after all of `table` but its newest period."""
    periods = sorted(set(table["period"].astype("str")))
    stored = until(table, periods[-2]).assign(change_class="new")
    report = check_history(
        answer,
        stored,
        pd.DataFrame({name: [] for name in PAST_COLUMNS}),
        DATASET,
        absence=absent(stored, answer, None, DATASET),
        restated=frozenset(),
        exceptions=(),
        today=date(2026, 7, 1),
    )
    return {check.rule: check for check in report.checks if not check.passed}


def graves(table, answer):
    return {rule for rule, check in gate(table, answer).items() if check.severity == "critical"}


def at(table, **keys):
    wanted = np.ones(len(table), dtype=bool)
    for column, value in keys.items():
        wanted &= (table[column].astype("str") == value).to_numpy()
    return wanted


def times(table, factor, **keys):
    wanted = at(table, **keys)
    return table.assign(value=np.where(wanted, table["value"] * factor, table["value"]))


@pytest.mark.parametrize("newest_only", [True, False])
@pytest.mark.parametrize("factor", [1000, 100, 10, 2, 0.5, 0.1, 0.01, 0.001])
def test_a_unit_slip_in_the_population_of_all_municipalities(municipalities, factor, newest_only):
    keys = {"period": "2022"} if newest_only else {}
    assert "unit" in graves(municipalities, times(municipalities, factor, **keys))


def test_persons_told_in_rounded_thousands(municipalities):
    thousands = municipalities.assign(value=(municipalities["value"] / 1000).round())
    check = gate(municipalities, thousands)["unit"]
    assert check.cause == "people: the unit changed from persons to thousands of persons?"


@pytest.mark.parametrize("factor", [2, 10, 0.01])
@pytest.mark.parametrize("newest_only", [True, False])
def test_a_unit_slip_in_a_single_series_by_month(unemployment, factor, newest_only):
    keys = {"period": "2026M08"} if newest_only else {}
    assert "unit" in graves(unemployment, times(unemployment, factor, **keys))


def test_a_sign_that_turned_in_the_history_of_net_migration(regions):
    # of one year alone it cannot be told: net migration does change its sign
    assert "unit" in graves(regions, times(regions, -1, content="mig_counts"))


def test_a_fertility_of_the_wrong_order(regions):
    assert "unit" in graves(regions, times(regions, 1000, content="tfr", period="2025"))


def test_women_and_men_that_changed_places(regions, ages):
    names = {"e0F": "e0M", "e0M": "e0F"}
    swapped = regions.assign(content=regions["content"].astype("str").replace(names).astype("category"))
    assert {"revision size", "revised share"} <= graves(regions, swapped)
    sexes = ages["classes"].astype("str").str.translate(str.maketrans("FM", "MF")).astype("category")
    assert "revised share" in graves(ages, ages.assign(classes=sexes))


def test_ages_that_slipped_by_one(ages):
    of = ages["classes"].astype("str")
    age = of.str.extract(r"age=(\d+)")[0].astype(int)
    slipped = ages.assign(
        classes=(
            "age="
            + ((age + 1) % 101).astype(str)
            + of.str[of.str.len().min() - 6 :].str.extract(r"(;sex=.)")[0]
        ).astype("category")
    )
    assert {"revision size", "revised share"} <= graves(ages, slipped)


def test_years_that_slipped_by_one(municipalities):
    years = municipalities["period"].astype("str").astype(int)
    later = municipalities.assign(period=(years + 1).astype("str").astype("category"))
    assert {"revised share", "lost periods"} <= graves(municipalities, later)


def test_kajaani_and_another_municipality_that_changed_places(municipalities):
    names = {"KU205": "KU290", "KU290": "KU205"}
    codes = municipalities["area_code"].astype("str").replace(names).astype("category")
    assert "revision size" in graves(municipalities, municipalities.assign(area_code=codes))


@pytest.mark.parametrize(
    ("lost", "rule"),
    [
        ({"area_code": "KU205"}, "lost areas"),
        ({"period": "2010"}, "lost periods"),
        ({"area_code": "KU205", "period": "2010"}, "lost cells"),
    ],
)
def test_what_is_lost(municipalities, lost, rule):
    answer = municipalities[~at(municipalities, **lost)].reset_index(drop=True)
    assert graves(municipalities, answer) == {rule}


def test_one_wrong_figure_is_a_warning(municipalities):
    found = gate(municipalities, times(municipalities, 1.1, area_code="KU205", period="2015"))
    assert set(found) == {"revision size"} and found["revision size"].severity == "warning"
    (row,) = found["revision size"].rows
    assert (row["area_code"], row["old"]) == ("KU205", 37622.0)
