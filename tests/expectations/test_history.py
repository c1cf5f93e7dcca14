"""What the history gate holds back, what it lets pass, what it says, and what known exceptions change."""

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expectations import RULES, Snapshot, backtest, check_history, history
from expectations.compared import compare
from expectations.history import PAST_COLUMNS, apply
from models.absence import Absence, absent
from models.dataset import ContentChoice, Dataset
from models.exceptions import KnownException
from models.ledger import GateReport
from models.observation import OBSERVATION_COLUMNS
from models.period import shift, span

DATASET = Dataset(
    id="statfin/x/1a",
    source="statfin",
    table="x/1a",
    title_fi="x",
    title_en="x",
    frequency="monthly",
    first_period="2021M01",
    lag_days=1,
    grace_days=1,
    labels="verified",
    contents=(
        ContentChoice("unemployed", unit="persons", summable=True),
        ContentChoice("births", unit="persons", summable=True),
        ContentChoice("net", unit="persons", summable=True),
        ContentChoice("rate", unit="%"),
    ),
)
AREAS = tuple(f"KU{number:03d}" for number in range(1, 13))
TODAY = date(2026, 7, 1)
IDS = [rule.id for rule in RULES]


def categorical(frame):
    texts = [name for name in (*OBSERVATION_COLUMNS, "change_class") if name != "value" and name in frame]
    return frame.astype(dict.fromkeys(texts, "str")).astype(dict.fromkeys(texts, "category"))


def a_table(first="2021M01", last="2026M06"):
    """Four contents of twelve areas: thousands of people with a season, a few births, a balance, a rate."""
    random = np.random.default_rng(20260701)
    periods = span(first, last)
    season = 1 + 0.15 * np.cos(2 * np.pi * np.array([int(period[5:]) for period in periods]) / 12)
    rows = []
    for number, area in enumerate(AREAS):
        size = 200.0 * 1.6**number
        walk = np.cumsum(random.normal(0, 0.01, len(periods)))
        values = {
            "unemployed": np.round(size * (1 + walk) * season),
            "births": random.poisson(size / 40, len(periods)).astype(float),
            "net": np.round(random.normal(-size / 10, size / 60, len(periods))),
            "rate": np.round(12 * (1 + walk) * season, 1),
        }
        rows += [
            (content, "", area, period, value, "", "final")
            for content, series in values.items()
            for period, value in zip(periods, series, strict=True)
        ]
    return categorical(pd.DataFrame(rows, columns=list(OBSERVATION_COLUMNS)))


@pytest.fixture(scope="module")
def table():
    return a_table()


@pytest.fixture
def stored(table):
    """All but the newest month."""
    return table[table["period"] != "2026M06"].assign(change_class="new").reset_index(drop=True)


def no_past():
    return pd.DataFrame({name: [] for name in PAST_COLUMNS})


def gate(frame, stored, *, past=None, dataset=DATASET, restated=(), exceptions=(), today=TODAY):
    return check_history(
        frame,
        stored,
        no_past() if past is None else past,
        dataset,
        absence=absent(stored, frame, None, dataset),
        restated=frozenset(restated),
        exceptions=exceptions,
        today=today,
    )


def failed(report):
    return {check.rule: check for check in report.checks if not check.passed}


def graves(report):
    return {rule for rule, check in failed(report).items() if check.severity == "critical"}


def where(frame, **keys):
    wanted = np.ones(len(frame), dtype=bool)
    for column, values in keys.items():
        wanted &= frame[column].isin([values] if isinstance(values, str) else list(values)).to_numpy()
    return wanted


def changed(frame, change, **keys):
    """`frame` with the values of some cells put through `change`."""
    frame = frame.copy()
    at = where(frame, **keys)
    frame.loc[at, "value"] = change(frame.loc[at, "value"])
    return frame


def without(frame, **keys):
    return frame[~where(frame, **keys)].reset_index(drop=True)


# --- what passes


def test_an_ordinary_release_passes_every_rule_and_each_says_what_it_saw(table, stored):
    report = gate(table, stored)
    assert report.gate == "history" and not report.held_back and failed(report) == {}
    assert [check.rule for check in report.checks] == IDS
    assert all(check.saw and check.expected and not check.cause for check in report.checks)


def test_of_a_first_load_nothing_can_be_said(table, stored):
    report = gate(table, stored.iloc[:0])
    (check,) = report.checks
    assert (check.rule, check.passed, report.held_back) == ("first load", True, False)
    assert "3168 values come" in check.saw


def test_an_unchanged_answer_passes(stored):
    assert failed(gate(stored[list(OBSERVATION_COLUMNS)], stored)) == {}


def test_small_revisions_of_the_newest_month_pass(table, stored):
    revised = changed(table, lambda value: np.round(value * 1.01), period="2026M05", content="unemployed")
    assert failed(gate(revised, stored)) == {}


def test_a_preliminary_value_that_becomes_final_passes(table, stored):
    was = categorical(stored.assign(status=np.where(stored["period"] == "2026M05", "preliminary", "final")))
    assert failed(gate(table, was)) == {}


def test_new_areas_and_contents_pass(table, stored):
    fewer = without(without(stored, area_code="KU003"), content="rate")
    assert failed(gate(table, fewer)) == {}


def test_an_answer_without_any_row_has_lost_everything_and_says_so(table, stored):
    report = gate(table.iloc[:0], stored)
    assert failed(report) == {}  # without a resolution nothing was asked of it
    lost = check_history(
        table.iloc[:0],
        stored,
        no_past(),
        DATASET,
        absence=Absence(stored.iloc[:0], stored[list(OBSERVATION_COLUMNS)]),
        restated=frozenset(),
        exceptions=(),
        today=TODAY,
    )
    assert graves(lost) == {"lost areas"}


# --- what is gone


def test_a_lost_area_is_named_with_what_went_with_it(table, stored):
    report = gate(without(table, area_code="KU005"), stored)
    assert graves(report) == {"lost areas"} == set(failed(report))
    check = failed(report)["lost areas"]
    assert check.saw == "1 area gone with 260 stored values: KU005"
    assert check.rows == (
        {"area_code": "KU005", "values": 260.0, "first_period": "2021M01", "last_period": "2026M05"},
    )
    assert "merger" in check.cause and "KU005" in report.reason


def test_a_lost_period_is_named(table, stored):
    check = failed(gate(without(table, period=["2023M03", "2026M05"]), stored))["lost periods"]
    assert check.severity == "critical"
    assert check.saw == "2 periods gone with 96 stored values: 2023M03, 2026M05"
    assert check.rows[0]["values"] == 48.0


def test_a_window_that_rolled_has_lost_nothing_and_the_same_cut_elsewhere_has(table, stored):
    cut = without(table, period=span("2021M01", "2021M12"))
    assert failed(gate(cut, stored, dataset=replace(DATASET, rolling=True))) == {}
    assert graves(gate(cut, stored)) == {"lost periods"}


def test_fewer_rows_show_the_cells_that_are_gone_with_their_old_values(table, stored):
    gone = {"content": "births", "area_code": ["KU001", "KU002"], "period": span("2022M01", "2022M12")}
    report = gate(without(table, **gone), stored)
    assert graves(report) == {"lost cells"} == set(failed(report))
    check = failed(report)["lost cells"]
    assert check.saw.startswith(
        "24 of 3120 stored values gone, 3144 rows in the answer (the first: births KU001 2022M01"
    )
    assert len(check.rows) == 20 and check.rows[0]["new"] is None
    at = where(stored, content="births", area_code="KU001", period="2022M01")
    assert check.rows[0]["old"] == stored.loc[at, "value"].iloc[0]


@pytest.mark.parametrize(
    ("gone", "severity"),
    [
        ({"content": "births", "area_code": "KU001", "period": ["2024M01", "2024M02"]}, "warning"),
        ({"content": "births", "period": "2026M05"}, "critical"),
        ({"content": "births", "area_code": "KU001"}, "critical"),
        ({"content": "births", "area_code": AREAS[:4]}, "critical"),
    ],
    ids=["two cells", "a period", "a series", "a third"],
)
def test_figures_that_became_none_are_a_warning_when_few_and_hold_back_when_many(
    table, stored, gone, severity
):
    hidden = changed(table, lambda value: value * np.nan, **gone)
    hidden = categorical(hidden.assign(symbol=np.where(hidden["value"].isna(), "...", "")))
    check = failed(gate(hidden, stored))["lost figures"]
    assert check.severity == severity
    assert check.rows[0]["old"] is not None and check.rows[0]["new"] is None


@pytest.mark.parametrize(("every", "severity"), [(4, "critical"), (6, "warning")])
def test_figures_lost_here_and_there_are_many_from_a_fifth_of_a_content(stored, every, severity):
    area = stored["area_code"].cat.codes.to_numpy()
    hidden = (area + stored["period"].cat.codes.to_numpy()) % every == 0
    hidden &= where(stored, content="births")
    answer = stored[list(OBSERVATION_COLUMNS)].assign(value=stored["value"].mask(hidden))
    assert failed(gate(answer, stored))["lost figures"].severity == severity


@pytest.mark.parametrize(("months", "severity"), [(36, "critical"), (30, "warning")])
def test_figures_lost_in_half_of_a_series_are_many(stored, months, severity):
    answer = stored[list(OBSERVATION_COLUMNS)]
    lost = span("2021M01", shift("2021M01", months - 1))
    answer = changed(answer, lambda value: value * np.nan, content="births", area_code="KU001", period=lost)
    assert failed(gate(answer, stored))["lost figures"].severity == severity


def test_final_values_that_are_preliminary_again_are_a_warning(table, stored):
    again = categorical(
        table.assign(status=np.where(table["period"].astype("str") >= "2026M04", "preliminary", "final"))
    )
    report = gate(again, stored)
    assert set(failed(report)) == {"preliminary again"} and not report.held_back
    assert failed(report)["preliminary again"].saw.startswith(
        "96 of 3120 final values became preliminary again"
    )


# --- revisions


def test_one_wild_revision_is_a_warning_with_old_and_new(table, stored):
    at = {"content": "unemployed", "area_code": "KU010", "period": "2026M04"}
    report = gate(changed(table, lambda value: value * 1.7, **at), stored)
    assert set(failed(report)) == {"revision size"} and not report.held_back
    check = failed(report)["revision size"]
    assert check.saw.startswith("1 of 1 revised value moved further; the furthest unemployed KU010 2026M04:")
    (row,) = check.rows
    assert row["new"] == pytest.approx(1.7 * row["old"]) and row["allowed"] < 0.7 * row["old"]


@pytest.mark.parametrize("factor", [2, 0.5, -1])
def test_one_figure_that_became_another_altogether_holds_back(factor):
    quiet = yearly(lambda number, year: 20_000 + 1000 * number + year)
    other = changed(quiet, lambda value: value * factor, area_code="KU003", period="2020")
    report = gate(other, quiet.assign(change_class="new"))
    assert graves(report) == {"revision size"}
    corrected = changed(quiet, lambda value: value * 1.1, area_code="KU003", period="2020")
    assert failed(gate(corrected, quiet.assign(change_class="new")))["revision size"].severity == "warning"


def test_wild_revisions_of_a_month_in_all_areas_hold_back(table, stored):
    report = gate(changed(table, lambda value: value * 1.6, content="unemployed", period="2026M05"), stored)
    assert graves(report) == {"revision size"}
    check = failed(report)["revision size"]
    moves = [abs(row["new"] - row["old"]) / row["allowed"] for row in check.rows]
    assert len(moves) == 12 and moves == sorted(moves, reverse=True)


def test_one_series_that_is_another_from_beginning_to_end_holds_back(table, stored):
    report = gate(changed(table, lambda value: value + 900, content="unemployed", area_code="KU006"), stored)
    assert "revision size" in graves(report)


def test_two_areas_that_changed_places_hold_back(table, stored):
    swapped = table.copy()
    codes = {"KU009": "KU010", "KU010": "KU009"}
    swapped["area_code"] = swapped["area_code"].astype("str").replace(codes)
    assert "revision size" in graves(gate(categorical(swapped), stored))


def test_two_columns_that_changed_places_hold_back(table, stored):
    swapped = table.copy()
    swapped["content"] = swapped["content"].astype("str").replace({"births": "net", "net": "births"})
    assert "revision size" in graves(gate(categorical(swapped), stored))


def test_periods_that_slipped_by_one_hold_back_though_no_value_is_far_off():
    yearly = []
    for number, area in enumerate(AREAS):
        people = np.round(1000 * 1.6**number * 0.995 ** np.arange(30))
        yearly += [
            ("unemployed", "", area, str(1995 + year), value, "", "final")
            for year, value in enumerate(people)
        ]
    frame = categorical(pd.DataFrame(yearly, columns=list(OBSERVATION_COLUMNS)))
    slipped = frame.assign(
        value=frame.groupby("area_code", observed=True)["value"].shift(1).fillna(frame["value"])
    )
    report = gate(slipped, frame.assign(change_class="new"))
    assert graves(report) == {"revised share"}
    check = failed(report)["revised share"]
    assert "% of the older values of unemployed changed (before at most 0 %)" in check.saw
    assert check.rows[0].keys() >= {"content", "area_code", "period", "old", "new"}


def test_a_whole_table_calculated_anew_holds_back_unless_its_areas_were_restated(table, stored):
    anew = changed(table, lambda value: np.round(value * 1.015, 1), content="rate")
    anew = changed(anew, lambda value: np.round(value * 1.015), content="unemployed")
    assert graves(gate(anew, stored)) == {"revised share"}
    assert failed(gate(anew, stored, restated=AREAS)) == {}


def test_revisions_of_the_newest_stored_month_alone_are_no_share_of_the_history(table):
    two = table[where(table, period=["2026M04", "2026M05"])].reset_index(drop=True)
    revised = changed(two, lambda value: np.round(value * 1.02), content="unemployed", period="2026M05")
    assert failed(gate(revised, two.assign(change_class="new"))) == {}
    older = changed(two, lambda value: np.round(value * 1.02), content="unemployed", period="2026M04")
    assert graves(gate(older, two.assign(change_class="new"))) == {"revised share"}


def past_of(stored, times, by):
    """Every older value of `unemployed` revised `times` times by the share `by`."""
    of = stored[where(stored, content="unemployed")]
    return pd.concat(
        [
            of[["content", "classes", "area_code", "period"]].assign(
                old=of["value"] * (1 + by),
                new=of["value"],
                recorded_at=datetime(2026, month + 1, 20, tzinfo=UTC),
            )
            for month in range(times)
        ],
        ignore_index=True,
    )


def test_what_a_series_has_always_done_is_not_held_against_it(table, stored):
    anew = changed(table, lambda value: np.round(value * 1.015), content="unemployed")
    assert "revised share" in failed(gate(anew, stored))
    assert failed(gate(anew, stored, past=past_of(stored, 3, 0.01))) == {}


def test_beyond_what_was_ever_seen_by_a_wide_margin_it_is(table, stored):
    far = changed(table, lambda value: np.round(value * 1.9), content="unemployed", period="2026M05")
    assert graves(gate(far, stored, past=past_of(stored, 3, 0.01))) == {"revision size"}
    assert failed(gate(far, stored, past=past_of(stored, 3, 0.5))) == {}


# --- new periods and unit slips


def test_one_jump_is_a_warning_with_the_usual_movement(table, stored):
    at = {"content": "unemployed", "area_code": "KU012", "period": "2026M06"}
    report = gate(changed(table, lambda value: value * 3, **at), stored)
    assert set(failed(report)) == {"jumps"} and not report.held_back
    (row,) = failed(report)["jumps"].rows
    assert abs(row["new"] - row["old"]) > 8 * row["usual_movement"]


def test_most_areas_jumping_at_once_hold_back(table, stored):
    report = gate(changed(table, lambda value: value * 3, content="unemployed", period="2026M06"), stored)
    assert graves(report) == {"jumps"}
    assert "at once" in failed(report)["jumps"].cause


def test_what_each_year_brings_is_no_jump():
    months = span("2019M01", "2026M06")
    rows = [
        (
            "unemployed",
            "",
            area,
            month,
            1000.0 + number + (900.0 if month.endswith("M06") else 0.0),
            "",
            "final",
        )
        for number, area in enumerate(AREAS)
        for month in months
    ]
    frame = categorical(pd.DataFrame(rows, columns=list(OBSERVATION_COLUMNS)))
    assert failed(gate(frame, without(frame, period="2026M06").assign(change_class="new"))) == {}


def test_with_fewer_than_five_changes_nothing_is_called_usual(table):
    few = table[where(table, period=span("2026M01", "2026M06"))].reset_index(drop=True)
    leap = changed(few, lambda value: value * 3, content="unemployed", period="2026M06")
    known = without(few, period="2026M06").assign(change_class="new")
    assert failed(gate(leap, known)) == {}
    assert "jumps" in failed(gate(leap[where(leap, period=span("2026M01", "2026M06"))], a_longer(known)))


def a_longer(known):
    """`known` with two months before it, at the level of its first."""
    first = known[where(known, period="2026M01")]
    return categorical(
        pd.concat(
            [first.assign(period="2025M11"), first.assign(period="2025M12"), known.astype({"period": "str"})]
        )
    ).reset_index(drop=True)


FACTORS = {
    1000: "the unit changed from thousands of persons to persons?",
    100: "the unit changed from a share of 1 to per cent, or a decimal point was lost?",
    10: "a decimal point was lost?",
    2: "doubled: something counted twice, or a total added to its parts?",
    0.5: "halved: a part stands for the whole (one sex, half of a year)?",
    0.1: "a decimal point moved?",
    0.01: "the unit changed from per cent to a share of 1?",
    0.001: "the unit changed from persons to thousands of persons?",
}


@pytest.mark.parametrize("factor", list(FACTORS))
@pytest.mark.parametrize("periods", [["2026M06"], list(span("2021M01", "2026M06"))], ids=["new", "all"])
def test_a_unit_that_slipped_is_named(table, stored, factor, periods):
    slipped = changed(table, lambda value: value * factor, content="unemployed", period=periods)
    check = failed(gate(slipped, stored))["unit"]
    assert check.severity == "critical"
    assert check.cause == f"unemployed: {FACTORS[factor]}"
    assert all(row["factor"] == factor for row in check.rows)
    assert all(row["new"] / row["old"] == pytest.approx(factor, rel=0.3) for row in check.rows)


@pytest.mark.parametrize("factor", [1000, 2, 0.001])
def test_a_slip_in_the_newest_period_alone_is_seen_when_only_that_one_is_stored(table, factor):
    only = table[where(table, period="2026M05")].reset_index(drop=True)
    slipped = changed(only, lambda value: value * factor, content="unemployed")
    assert "unit" in graves(gate(slipped, only.assign(change_class="new")))


def test_thousands_rounded_to_whole_numbers_are_still_seen(table, stored):
    slipped = changed(table, lambda value: np.round(value / 1000), content="unemployed")
    assert "unit" in graves(gate(slipped, stored))


def test_a_sign_that_turned_is_named(table, stored):
    check = failed(gate(changed(table, lambda value: -value, content="net"), stored))["unit"]
    assert check.cause == "net: the sign turned: out minus in, where it was in minus out?"
    assert "the opposite of" in check.saw


def test_two_areas_that_doubled_are_no_unit_slip(table, stored):
    some = changed(
        table, lambda value: value * 2, content="unemployed", area_code=AREAS[:2], period="2026M06"
    )
    report = gate(some, stored)
    assert "unit" not in failed(report) and "jumps" in failed(report)


def test_two_areas_whose_history_doubled_are_no_unit_slip_either(table, stored):
    some = changed(table, lambda value: value * 2, content="unemployed", area_code=AREAS[:2])
    report = gate(some, stored)
    assert "unit" not in failed(report) and "revision size" in graves(report)


def yearly(value, years=range(2000, 2021)):
    """`unemployed` of twelve areas, `value(number of the area, year)`."""
    rows = [
        ("unemployed", "", area, str(year), float(value(number, year)), "", "final")
        for number, area in enumerate(AREAS, 1)
        for year in years
    ]
    return categorical(pd.DataFrame(rows, columns=list(OBSERVATION_COLUMNS)))


def test_what_fell_to_a_tenth_and_came_back_is_no_lost_decimal_point():
    frame = yearly(lambda number, year: number * (200 if year == 2019 else 2000))
    fell, back = without(frame, period="2020"), frame
    assert "unit" not in failed(gate(back, fell.assign(change_class="new")))
    before = without(fell, period="2019").assign(change_class="new")
    assert failed(gate(fell, before))["unit"].cause == "unemployed: a decimal point moved?"


def test_counts_of_a_few_that_double_everywhere_say_nothing():
    frame = yearly(
        lambda number, year: 2 * (3 + number % 3) if year == 2002 else 3 + number % 3, range(2000, 2003)
    )
    assert failed(gate(frame, without(frame, period="2002").assign(change_class="new"))) == {}


def test_twice_the_level_of_one_series_with_no_history_may_be_chance():
    few = yearly(lambda number, year: 100 + number, range(2000, 2003))
    one = few[where(few, area_code="KU003")].reset_index(drop=True)
    new = changed(one, lambda value: value * 2, period="2002")
    assert failed(gate(new, without(one, period="2002").assign(change_class="new"))) == {}
    known = one.assign(change_class="new")
    assert set(failed(gate(new, known))) == {"revision size"}
    twice = changed(one, lambda value: value * 2, period=["2001", "2002"])
    assert "unit" in failed(gate(twice, known))


def test_one_of_three_areas_that_jumps_is_no_jump_of_all(table, stored):
    three = {"area_code": AREAS[9:], "content": "unemployed"}
    only = table[where(table, **three)].reset_index(drop=True)
    known = stored[where(stored, **three)].reset_index(drop=True)
    leapt = changed(only, lambda value: value * 3, area_code=AREAS[10], period="2026M06")
    assert failed(gate(leapt, known))["jumps"].severity == "warning"
    leapt = changed(only, lambda value: value * 3, period="2026M06")
    assert failed(gate(leapt, known))["jumps"].severity == "critical"


def test_small_counts_that_double_say_nothing(table, stored):
    doubled = changed(
        table, lambda value: value * 0 + 8, content="births", area_code=AREAS[:2], period="2026M06"
    )
    assert failed(gate(doubled, stored)) == {}


def test_a_slip_of_a_restated_area_is_still_a_slip(table, stored):
    slipped = changed(table, lambda value: value * 1000, content="unemployed")
    assert graves(gate(slipped, stored, restated=AREAS)) >= {"unit"}


def test_a_single_series_is_judged_by_its_own_movement(table, stored):
    one = {"content": "rate", "area_code": "KU001"}
    only, known = table[where(table, **one)], stored[where(stored, **one)].reset_index(drop=True)
    assert failed(gate(only.reset_index(drop=True), known)) == {}
    for factor in (2, 10, 100):
        slipped = changed(only.reset_index(drop=True), lambda value, by=factor: value * by, period="2026M06")
        assert "unit" in graves(gate(slipped, known))


def test_a_single_series_that_jumps_far_holds_back_for_it_is_all_there_is(table, stored):
    one = {"content": "rate", "area_code": "KU001"}
    only, known = table[where(table, **one)], stored[where(stored, **one)].reset_index(drop=True)
    leapt = changed(only.reset_index(drop=True), lambda value: value * 4, period="2026M06")
    assert graves(gate(leapt, known)) == {"jumps"}


def test_a_figure_in_the_place_of_none_is_judged_as_a_new_one(table, stored):
    awaited = table.assign(value=table["value"].where(table["period"].astype("str") < "2026M06"))
    slipped = changed(table, lambda value: value * 1000, content="unemployed", period="2026M06")
    assert failed(gate(table, awaited.assign(change_class="new"))) == {}
    assert graves(gate(slipped, awaited.assign(change_class="new"))) == {"jumps", "unit"}


def test_the_order_of_rows_changes_nothing(table, stored):
    wild = without(
        changed(table, lambda value: value * 1.7, content="unemployed", period="2026M05"), area_code="KU002"
    )
    random = np.random.default_rng(1)
    shuffled = [frame.iloc[random.permutation(len(frame))].reset_index(drop=True) for frame in (wild, stored)]
    one, other = gate(wild, stored), gate(*shuffled)
    assert [check.passed for check in one.checks] == [check.passed for check in other.checks]
    assert graves(one) == graves(other) == {"lost areas", "revision size"}


# --- how it says so


def test_at_most_twenty_rows_are_shown_and_every_text_is_one_line(table, stored):
    wild = without(changed(table, lambda value: -1000 * value), area_code="KU002", period="2024M01")
    report = gate(categorical(wild), stored)
    assert len(failed(report)) >= 4
    for check in failed(report).values():
        assert 1 <= len(check.rows) <= 20
        texts = (check.saw, check.expected, check.cause)
        assert all(text and len(text.splitlines()) == 1 for text in texts)
        assert all(
            value is None or isinstance(value, str | float) for row in check.rows for value in row.values()
        )


def test_great_expectations_decides_and_a_rule_it_cannot_evaluate_has_failed(table, stored, monkeypatch):
    monkeypatch.setattr("expectations.history._rule", _broken())
    report = gate(table, stored)
    assert graves(report) == {"jumps"}
    assert failed(report)["jumps"].saw.startswith("the check could not be evaluated")


def _broken():
    whole = history._rule

    def rule(one):
        made = whole(one)
        if one.rule != "jumps":
            return made
        return replace(made, severity="critical", arguments={**made.arguments, "column": "no such"})

    return rule


def test_a_gate_that_evaluated_nothing_holds_back(table, stored, monkeypatch):
    monkeypatch.setattr("expectations.history.validate", lambda name, parts: GateReport(name, ()))
    report = gate(table, stored)
    assert report.held_back and report.checks == ()


# --- known exceptions


def an_exception(rule, **changes):
    return KnownException(
        **{
            "dataset": DATASET.id,
            "rule": rule,
            "reason_fi": "Uudistus.",
            "reason_en": "The reform of June.",
            "role": "statistician",
            "expires": date(2026, 12, 31),
            **changes,
        }
    )


@pytest.fixture
def leap(table):
    """In June all areas jumped."""
    return changed(table, lambda value: value * 3, content="unemployed", period="2026M06")


@pytest.mark.parametrize(
    "scope",
    [
        {},
        {"contents": ("unemployed",)},
        {"areas": AREAS},
        {"periods": ("2026M06",)},
        {"contents": ("unemployed", "net"), "periods": ("2026M06",), "areas": AREAS},
    ],
    ids=["all", "content", "areas", "period", "each"],
)
def test_an_exception_that_holds_every_row_lets_the_rule_pass_with_a_note(leap, stored, scope):
    report = gate(leap, stored, exceptions=[an_exception("jumps", **scope)])
    assert failed(report) == {} and not report.held_back
    check = next(check for check in report.checks if check.rule == "jumps")
    assert check.saw.endswith("known and allowed: The reform of June. (statistician, until 2026-12-31)")
    assert len(check.rows) == 12


@pytest.mark.parametrize(
    "changes",
    [
        {"areas": AREAS[:11]},
        {"contents": ("net",)},
        {"periods": ("2026M05",)},
        {"expires": date(2026, 6, 30)},
        {"dataset": "statfin/x/2b"},
        {"rule": "unit"},
    ],
    ids=[
        "an area too few",
        "another content",
        "another period",
        "expired",
        "another dataset",
        "another rule",
    ],
)
def test_one_that_does_not_hold_every_row_lets_nothing_pass(leap, stored, changes):
    exception = an_exception(changes.pop("rule", "jumps"), **changes)
    assert graves(gate(leap, stored, exceptions=[exception])) == {"jumps"}


def test_two_exceptions_may_hold_the_rows_together_and_the_rows_shown_are_those_that_none_holds(leap, stored):
    some, rest = an_exception("jumps", areas=AREAS[:7]), an_exception("jumps", areas=AREAS[7:])
    assert failed(gate(leap, stored, exceptions=[some, rest])) == {}
    check = failed(gate(leap, stored, exceptions=[some]))["jumps"]
    assert check.severity == "critical"
    assert {row["area_code"] for row in check.rows} == set(AREAS[7:])


def test_more_rows_than_are_shown_must_all_be_held(table, stored):
    wild = changed(table, lambda value: value * 1.6, content=["unemployed", "rate"], period="2026M05")
    assert len(failed(gate(wild, stored))["revision size"].rows) == 20
    nearly = an_exception("revision size", areas=AREAS[:11])
    assert "revision size" in graves(gate(wild, stored, exceptions=[nearly]))
    assert failed(gate(wild, stored, exceptions=[an_exception("revision size")])) == {}


@pytest.mark.parametrize(
    ("rule", "scope", "lost"),
    [
        ("lost areas", {"areas": ("KU005",)}, {"area_code": "KU005"}),
        ("lost periods", {"periods": ("2024M01",)}, {"period": "2024M01"}),
        (
            "lost cells",
            {"contents": ("net",), "areas": ("KU005",)},
            {"content": "net", "area_code": "KU005", "period": "2024M01"},
        ),
    ],
)
def test_losses_may_be_known_too(table, stored, rule, scope, lost):
    answer = without(table, **lost)
    assert graves(gate(answer, stored)) == {rule}
    assert failed(gate(answer, stored, exceptions=[an_exception(rule, **scope)])) == {}


def test_an_exception_limited_to_a_content_does_not_hold_the_loss_of_an_area(table, stored):
    exception = an_exception("lost areas", contents=("net",))
    assert "lost areas" in graves(gate(without(table, area_code="KU005"), stored, exceptions=[exception]))


@pytest.mark.parametrize(
    ("expires", "said"),
    [
        (date(2026, 12, 31), "exception no longer needed: jumps in net (until 2026-12-31, statistician)"),
        (date(2026, 6, 30), "exception expired: jumps in net (until 2026-06-30, statistician)"),
    ],
)
def test_an_exception_that_no_longer_applies_is_reported(table, stored, expires, said):
    exception = an_exception("jumps", contents=("net",), expires=expires)
    report = gate(table, stored, exceptions=[exception, an_exception("unit", dataset="statfin/x/2b")])
    assert set(failed(report)) == {"known exceptions"} and not report.held_back
    check = failed(report)["known exceptions"]
    assert check.severity == "warning" and check.saw == said
    assert check.rows[0]["reason"] == "The reform of June."


def test_an_exception_in_use_is_not_reported(leap, stored):
    report = gate(leap, stored, exceptions=[an_exception("jumps")])
    assert report.checks[-1].rule == "known exceptions" and report.checks[-1].passed
    assert report.checks[-1].saw == "1 in use"


# --- the comparison and the merge behind it

CELLS = [
    (content, area, period)
    for content in ("a", "b")
    for area in ("KU1", "KU2")
    for period in ("2023", "2024", "2025")
]
VALUES = st.sampled_from([0.0, 1.0, 2.5, float("nan")])
STATE = st.dictionaries(st.sampled_from(CELLS), st.tuples(VALUES, st.booleans()))
ANSWER = st.dictionaries(st.sampled_from(CELLS), VALUES, min_size=1)


def stored_of(state):
    rows = [
        (content, "", area, period, value, "", "final", "withdrawn" if gone else "new")
        for (content, area, period), (value, gone) in state.items()
    ]
    return categorical(
        pd.DataFrame(rows, columns=[*OBSERVATION_COLUMNS, "change_class"]).astype({"value": "float64"})
    )


def frame_of(answer):
    rows = [
        (content, "", area, period, value, "", "final") for (content, area, period), value in answer.items()
    ]
    return categorical(pd.DataFrame(rows, columns=list(OBSERVATION_COLUMNS)).astype({"value": "float64"}))


def same(one, other):
    return one == other or (np.isnan(one) and np.isnan(other))


@settings(max_examples=150, deadline=None)
@given(STATE, ANSWER)
def test_each_cell_stands_beside_its_own(state, answer):
    compared = compare(stored_of(state), frame_of(answer))
    series = [(content, area) for content, area in zip(compared.content, compared.area_code, strict=True)]
    assert sorted(series) == sorted({(content, area) for content, area, _ in answer})
    for row, (content, area) in enumerate(series):
        for column, period in enumerate(compared.periods):
            value, gone = state.get((content, area, period), (float("nan"), True))
            assert compared.stored[row, column] == (not gone)
            assert same(compared.before[row, column], float("nan") if gone else value)
            assert compared.given[row, column] == ((content, area, period) in answer)
            assert same(compared.now[row, column], answer.get((content, area, period), float("nan")))


@settings(max_examples=60, deadline=None)
@given(st.lists(ANSWER, min_size=1, max_size=4), st.sets(st.sampled_from(["KU1", "KU2"])))
def test_applied_answers_give_the_state_and_the_revisions_of_a_plain_dictionary(answers, restated):
    stored = stored_of({})
    model, withdrawn = {}, set()
    for number, answer in enumerate(answers):
        at = datetime(2026, 1, 1 + number, tzinfo=UTC)
        frame = frame_of(answer)
        absence = absent(stored, frame, None, replace(DATASET, contents=()))
        expected_revisions = {
            key: (model[key], value)
            for key, value in answer.items()
            if key in model
            and key not in withdrawn
            and not same(model[key], value)
            and key[1] not in restated
        }
        stored, revisions = apply(stored, frame, absence, frozenset(restated), at)
        gone = {
            (c, a, p)
            for c, a, p in absence.gone[["content", "area_code", "period"]]
            .astype("str")
            .itertuples(index=False)
        }
        withdrawn = (withdrawn | gone) - set(answer)
        model |= answer
        found = {
            (row.content, row.area_code, row.period): (row.value, row.change_class == "withdrawn")
            for row in stored.itertuples()
        }
        assert set(found) == set(model)
        for key, (value, is_gone) in found.items():
            assert is_gone == (key in withdrawn)
            assert same(value, float("nan") if is_gone else model[key])
        assert tuple(revisions.columns) == PAST_COLUMNS
        said = {
            (row.content, row.area_code, row.period): (row.old, row.new) for row in revisions.itertuples()
        }
        assert set(said) == set(expected_revisions)
        assert all(
            same(old, expected_revisions[key][0]) and same(new, expected_revisions[key][1])
            for key, (old, new) in said.items()
        )
        assert all(row.recorded_at == at for row in revisions.itertuples())


# --- running the rules over the past


def snapshots(table, periods):
    return [
        (
            datetime(int(period[:4]), int(period[5:]), 25, tzinfo=UTC),
            table[(table["period"].astype("str") <= period).to_numpy()].reset_index(drop=True),
        )
        for period in periods
    ]


MONTHS = span("2026M01", "2026M06")


def test_a_quiet_past_gives_no_finding(table):
    assert backtest(snapshots(table, MONTHS), DATASET, []) == []


def test_the_past_is_judged_snapshot_by_snapshot(table):
    quiet = snapshots(table, MONTHS)
    at, frame = quiet[3]
    slipped = [*quiet[:3], (at, changed(frame, lambda value: value * 1000, content="unemployed")), *quiet[4:]]
    findings = backtest(slipped, DATASET, [])
    assert {one.at for one in findings} == {at, quiet[4][0]}  # it slipped, and it came back
    assert all(one.dataset_id == DATASET.id and one.saw for one in findings)
    assert {one.rule for one in findings if one.severity == "critical"} >= {"unit", "revision size"}


def test_what_is_gone_is_said_once_and_may_return(table):
    quiet = snapshots(table, MONTHS)
    gone = [
        (at, without(frame, period="2026M02") if 2 <= number <= 4 else frame)
        for number, (at, frame) in enumerate(quiet)
    ]
    (finding,) = backtest(gone, DATASET, [])
    assert (finding.rule, finding.at) == ("lost periods", quiet[2][0])


def test_a_snapshot_that_says_its_division_is_restated_and_not_revised(table):
    moved = changed(table, lambda value: np.round(value * 1.4), content="unemployed", area_code="KU007")
    (at, first), (then, second), (now, _) = snapshots(table, MONTHS[-3:])
    known = [
        Snapshot(at, first, None, "2026-01-01"),
        (then, second),
        Snapshot(now, moved, None, "2027-01-01"),
    ]
    assert backtest(known, DATASET, []) == []
    unknown = [(at, first), (then, second), (now, moved)]
    assert {one.rule for one in backtest(unknown, DATASET, [])} >= {"revision size"}


def test_exceptions_are_judged_on_the_day_of_the_snapshot(table):
    leap = changed(table, lambda value: value * 3, content="unemployed", period="2026M06")
    past = snapshots(leap, MONTHS[-2:])
    in_time = [an_exception("jumps", expires=date(2026, 6, 25))]
    too_late = [an_exception("jumps", expires=date(2026, 6, 24))]
    assert backtest(past, DATASET, in_time) == []
    assert [one.rule for one in backtest(past, DATASET, too_late)] == ["jumps"]


def test_a_new_month_after_months_without_news_is_still_beside_the_last_known(table):
    later = table.copy()
    later["period"] = (
        later["period"].astype("str").map(lambda code: shift(code, 3) if code == "2026M06" else code)
    )
    stored = (
        table[where(table, period=span("2021M01", "2026M05"))]
        .assign(change_class="new")
        .reset_index(drop=True)
    )
    assert failed(gate(categorical(later), stored)) == {}
