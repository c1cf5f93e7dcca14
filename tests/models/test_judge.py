"""Verdicts on frames: what goes in, what comes out, who is compared with whom."""

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.catalogue import load_catalogue
from models.judge import VERDICT_COLUMNS, verdict_frame, verdicts

T = datetime(2026, 6, 1, 5, tzinfo=UTC)
PEERS = ("KU740", "KU491", "KU272", "KU167", "KU698", "KU743")
STEADY = {str(year): 70.0 + year % 2 for year in range(2011, 2022)}  # moves by one a year


CATALOGUE = load_catalogue()


@pytest.fixture
def catalogue():
    return CATALOGUE


def changed(catalogue, indicator_id, **fields):
    """The catalogue with one indicator changed."""
    indicators = dict(catalogue.indicators)
    indicators[indicator_id] = replace(indicators[indicator_id], **fields)
    return replace(catalogue, indicators=MappingProxyType(indicators))


def rows(indicator_id, area, values, *, preliminary=(), classes="", at=T):
    return [
        {
            "indicator_id": indicator_id,
            "area_code": area,
            "class_code": classes,
            "period": period,
            "value": np.nan if isinstance(value, str) else value,
            "symbol": value if isinstance(value, str) else "",
            "status": "preliminary" if period in preliminary else "final",
            "recorded_at": at,
        }
        for period, value in values.items()
    ]


def frame(*parts):
    return pd.DataFrame([row for part in parts for row in part])


def one(found, area="KU205"):
    (verdict,) = [one for one in found if one.area_code == area]
    return verdict


def test_a_row_comes_for_every_series_in_the_catalogues_order(catalogue):
    table = verdict_frame(
        frame(
            rows("population", "SSS", {"2025": 5.0}),
            rows("employment_rate", "KU205", {"2024": 70.0}),
            rows("population", "KU205", {"2025": 5.0}, classes="b"),
            rows("population", "KU205", {"2025": 5.0}, classes="a"),
            rows("no_such_indicator", "KU205", {"2025": 5.0}),
        ),
        catalogue,
    )
    assert list(table.columns) == list(VERDICT_COLUMNS)
    assert list(zip(table.indicator_id, table.area_code, table.class_code, strict=True)) == [
        ("employment_rate", "KU205", ""),
        ("population", "KU205", "a"),
        ("population", "KU205", "b"),
        ("population", "SSS", ""),
    ]
    assert (table.verdict == "too_little_data").all()


def test_no_observations_give_no_verdicts(catalogue):
    empty = frame(rows("population", "SSS", {"2025": 5.0})).iloc[:0]
    table = verdict_frame(empty, catalogue)
    assert len(table) == 0
    assert list(table.columns) == list(VERDICT_COLUMNS)


def test_the_inputs_tell_which_figures_decided(catalogue):
    values = {**STEADY, "2022": "..", "2024": 74.0}
    table = verdict_frame(frame(rows("employment_rate", "KU205", values)), catalogue)
    assert table.verdict.tolist() == ["improved"]
    assert (table.period[0], table.baseline_period[0], table.baseline_value[0]) == ("2024", "2021", 71.0)
    inputs = json.loads(table.inputs[0])
    assert inputs["newest"] == {"period": "2024", "figure": 74.0, "preliminary": False}
    assert inputs["baseline"] == {"period": "2021", "figure": 71.0, "preliminary": False}
    assert (inputs["change"], inputs["years"], inputs["usual_change"]) == (3.0, 3.0, 1.0)
    assert inputs["threshold"] == pytest.approx(3**0.5)
    assert inputs["changes"][0] == ["2011", "2012", 1, -1.0], "from, to, years, size"
    assert len(inputs["changes"]) == 10
    assert inputs["recorded_at"] == "2026-06-01T05:00:00+00:00"


def test_the_vintage_is_the_newest_among_the_figures_used(catalogue):
    later = T + timedelta(days=9, microseconds=7)
    found = verdicts(
        frame(
            rows("employment_rate", "KU205", {**STEADY, "2024": 74.0}),
            rows("employment_rate", "KU205", {"2022": 72.0}, at=later),
            rows("employment_rate", "KU167", STEADY),
            rows("employment_rate", "KU167", {"2024": 74.0}, at=later),
        ),
        catalogue,
    )
    assert one(found).recorded_at == T  # 2022 was not used
    assert one(found, "KU167").recorded_at == later


def test_a_vintage_that_is_not_known_is_none(catalogue):
    table = verdict_frame(frame(rows("employment_rate", "KU205", STEADY, at=None)), catalogue)
    assert table.recorded_at.isna().all()


def test_a_symbol_is_a_gap(catalogue):
    values = {**STEADY, "2021": ".", "2022": 70.0, "2024": 71.0}
    found = one(verdicts(frame(rows("employment_rate", "KU205", values)), catalogue))
    assert found.movement.baseline.period == "2022"
    assert found.movement.moved == "missing"


def test_the_baseline_of_the_catalogue_is_used(catalogue):
    values = {str(year): 70.0 + year % 2 for year in range(2009, 2025)}
    own = changed(
        catalogue, "employment_rate", baseline="2019", baseline_reason_fi="Siksi.", baseline_reason_en="So."
    )
    found = one(verdicts(frame(rows("employment_rate", "KU205", values)), own))
    assert found.movement.baseline.period == "2019"


# --- preliminary figures ------------------------------------------------------------------------------------


def test_a_preliminary_figure_does_not_decide_alone(catalogue):
    values = {**STEADY, "2022": 71.0, "2023": 71.0, "2024": 79.0}
    found = one(verdicts(frame(rows("employment_rate", "KU205", values, preliminary={"2024"})), catalogue))
    assert found.verdict == "no_clear_change"
    assert found.movement.newest.period == "2023"
    assert found.with_preliminary is not None
    assert found.with_preliminary[0] == "improved"
    assert found.with_preliminary[1].newest == ("2024", 79.0, True)


def test_a_preliminary_figure_that_changes_nothing_is_the_newest(catalogue):
    values = {**STEADY, "2023": 76.0, "2024": 79.0}
    found = one(verdicts(frame(rows("employment_rate", "KU205", values, preliminary={"2024"})), catalogue))
    assert (found.verdict, found.movement.newest.period) == ("improved", "2024")
    assert found.movement.newest.preliminary
    assert found.with_preliminary is None


def test_where_all_is_preliminary_nothing_is_decided(catalogue):
    values = {**STEADY, "2024": 79.0}
    found = one(verdicts(frame(rows("employment_rate", "KU205", values, preliminary=set(values))), catalogue))
    assert (found.verdict, found.movement.lacking) == ("too_little_data", "no_figures")
    assert found.with_preliminary[0] == "improved"


def test_a_window_with_a_preliminary_month_is_preliminary(catalogue):
    values = {f"{y}M{m:02d}": 100.0 for y in range(2005, 2026) for m in range(1, 13)}
    found = one(
        verdicts(
            frame(rows("hotel_nights_total_kajaani", "KU205", values, preliminary={"2025M03"})), catalogue
        )
    )
    assert found.movement.newest.preliminary


# --- windows and growth -------------------------------------------------------------------------------------


def test_of_a_window_the_published_month_stands_beside_the_newest(catalogue):
    values = {f"{y}M{m:02d}": 100.0 * m + y for y in range(2005, 2026) for m in range(1, 13)}
    values |= {"2026M01": 1.0, "2026M02": 2.0}
    table = verdict_frame(frame(rows("hotel_nights_total_kajaani", "KU205", values)), catalogue)
    assert (table.period[0], table.baseline_period[0], table.baseline_value[0]) == (
        "2026M02",
        "2019M02",
        2219.0,
    )
    assert json.loads(table.inputs[0])["baseline"]["period"] == "2019M12"


def test_growth_keeps_the_levels_it_was_made_of(catalogue):
    values = {str(year): 100.0 + 10 * (year - 2010) for year in range(2010, 2025)}
    found = one(verdicts(frame(rows("employed_foreign_nationals", "KU205", values)), catalogue))
    assert found.levels == (240.0, 210.0)
    assert found.movement.newest.figure == pytest.approx(100 * (240 / 230 - 1))


# --- small counts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("indicator_id", "level", "small"),
    [
        ("workplaces_mining", 19.0, True),
        ("workplaces_mining", 20.0, False),
        ("workplaces_mining", 0.0, True),
        ("employment_rate", 5.0, False),  # a share is no count
        ("net_migration_total", 5.0, False),  # a balance of many may be near zero
        ("value_added_kainuu", 5.0, False),  # nor is money
    ],
)
def test_a_count_below_twenty_is_small(catalogue, indicator_id, level, small):
    values = {str(year): level + year % 2 for year in range(2010, 2024)} | {"2024": level}
    assert one(verdicts(frame(rows(indicator_id, "KU205", values)), catalogue)).is_small is small


def test_a_small_baseline_makes_a_large_count_small_too(catalogue):
    values = {str(year): 3.0 for year in range(2010, 2024)} | {"2024": 300.0}
    assert one(verdicts(frame(rows("workplaces_mining", "KU205", values)), catalogue)).is_small


# --- beside: peers, region, country -------------------------------------------------------------------------


def with_peers(indicator_id, own, peers, others=()):
    parts = [rows(indicator_id, "KU205", own)]
    parts.extend(rows(indicator_id, area, values) for area, values in zip(PEERS, peers, strict=False))
    parts.extend(rows(indicator_id, area, values) for area, values in others)
    return frame(*parts)


def test_the_distance_is_to_the_median_of_the_comparable_cities_then_and_now(catalogue):
    peers = [{"2021": 60.0 + k, "2024": 70.0 + 2 * k} for k in range(5)]
    found = one(verdicts(with_peers("employment_rate", {"2021": 65.0, "2024": 71.0}, peers), catalogue))
    assert found.peers.area_codes == PEERS[:5]
    assert (found.peers.median, found.peers.distance) == (74.0, -3.0)
    assert (found.peers.baseline_median, found.peers.baseline_distance) == (62.0, 3.0)
    assert found.peers.distance_change == -6.0


def test_only_cities_with_both_figures_are_compared(catalogue):
    peers = [{"2021": 60.0, "2024": 70.0}] * 3 + [{"2024": 99.0}] * 3
    found = one(verdicts(with_peers("employment_rate", {"2021": 65.0, "2024": 71.0}, peers), catalogue))
    assert found.peers.area_codes == PEERS[:3]
    assert found.peers.median == 70.0


def test_a_series_with_one_point_is_still_read_beside_its_peers(catalogue):
    peers = [{"2024": 70.0 + k} for k in range(6)]
    found = one(verdicts(with_peers("employment_rate", {"2024": 71.0}, peers), catalogue))
    assert (found.peers.median, found.peers.distance) == (72.5, -1.5)
    assert found.peers.baseline_median is None


def test_two_cities_are_no_yardstick(catalogue):
    found = one(verdicts(with_peers("employment_rate", {"2024": 71.0}, [{"2024": 70.0}] * 2), catalogue))
    assert found.peers is None


def test_a_peer_is_not_compared_with_itself(catalogue):
    found = verdicts(
        with_peers("employment_rate", {"2024": 71.0}, [{"2024": 70.0 + k} for k in range(6)]), catalogue
    )
    assert PEERS[0] not in one(found, PEERS[0]).peers.area_codes


def test_counts_are_compared_by_their_growth(catalogue):
    peers = [{"2021": 1000.0, "2024": 1000.0 + 10 * k} for k in range(5)]
    found = one(verdicts(with_peers("workplaces", {"2021": 100.0, "2024": 130.0}, peers), catalogue))
    assert found.peers.change_pct == pytest.approx(30)
    assert found.peers.median_change_pct == pytest.approx(2)


def test_the_region_and_the_country_stand_beside(catalogue):
    others = [("MK18", {"2021": 60.0, "2024": 61.0}), ("SSS", {"2024": 80.0})]
    found = verdicts(with_peers("tertiary_share", {"2021": 65.0, "2024": 71.0}, [], others), catalogue)
    assert (one(found).region.figure, one(found).region.baseline_figure) == (61.0, 60.0)
    assert (one(found).country.figure, one(found).country.baseline_figure) == (80.0, None)
    assert one(found, "MK18").region is None
    assert one(found, "MK18").peers is None
    assert one(found, "SSS").country is None


def test_classes_are_compared_with_their_own(catalogue):
    found = verdicts(
        frame(
            rows("tertiary_share", "KU205", {"2024": 30.0}, classes="a"),
            rows("tertiary_share", "SSS", {"2024": 40.0}, classes="b"),
        ),
        catalogue,
    )
    assert one(found).country is None


# --- targets ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("direction", "target", "reached"),
    [
        ("up", 75.0, False),
        ("up", 74.0, True),
        ("down", 75.0, True),
        ("down", 70.0, False),
        ("neutral", 75.0, None),
    ],
)
def test_a_target_is_reached_in_the_wanted_direction(catalogue, direction, target, reached):
    own = changed(catalogue, "employment_rate", target=target, target_year="2029", direction=direction)
    found = one(verdicts(frame(rows("employment_rate", "KU205", {**STEADY, "2024": 74.0})), own))
    assert (found.target.is_reached, found.target.distance) == (reached, target - 74.0)


def test_no_target_is_said_as_such(catalogue):
    table = verdict_frame(frame(rows("employment_rate", "KU205", STEADY)), catalogue)
    assert table.reason_fi[0].endswith("Tavoitetta ei ole asetettu.")


# --- what holds for every frame -----------------------------------------------------------------------------

numbers = st.one_of(
    st.floats(width=64),
    st.integers(-5, 5).map(float),
    st.integers(-10_000, 10_000).map(lambda one: one / 10),
    st.sampled_from([0.0, -0.0, 1e300, -1e300, 5e-324, float("nan"), float("inf")]),
)
INDICATORS = {
    "employment_rate": st.integers(2000, 2030).map(str),
    "employed_foreign_nationals": st.integers(2000, 2030).map(str),
    "establishments": st.integers(2000, 2030).map(str),
    "vocational_discontinuation": st.integers(2000, 2030).map(lambda y: f"{y}/{y + 1}"),
    "rail_plans_savo_line": st.integers(8000, 8120).map(lambda n: f"{n // 4}Q{n % 4 + 1}"),
    "enterprise_net_increase_kainuu": st.integers(8040, 8120).map(lambda n: f"{n // 4}Q{n % 4 + 1}"),
    "unemployment_rate": st.integers(24200, 24320).map(lambda n: f"{n // 12}M{n % 12 + 1:02d}"),
    "hotel_nights_foreign_kajaani": st.integers(24200, 24320).map(lambda n: f"{n // 12}M{n % 12 + 1:02d}"),
    "passenger_trains_per_week": st.integers(0, 900).map(
        lambda n: "{:04d}W{:02d}".format(*(date(2010, 1, 4) + timedelta(weeks=n)).isocalendar()[:2])
    ),
}
any_series = st.sampled_from(sorted(INDICATORS)).flatmap(
    lambda id: st.tuples(
        st.just(id),
        st.sampled_from(["KU205", "MK18", "SSS", "EFKI", "KU999", *PEERS]),
        st.dictionaries(INDICATORS[id], st.tuples(numbers, st.booleans()), min_size=1, max_size=40),
    )
)


@settings(max_examples=60, deadline=None)
@given(st.lists(any_series, min_size=1, max_size=9, unique_by=lambda one: one[:2]), st.randoms())
def test_every_frame_has_verdicts_with_reasons_whatever_the_order_of_its_rows(found, shuffle):
    parts = [
        rows(
            id,
            area,
            {period: value for period, (value, _) in values.items()},
            preliminary={period for period, (_, preliminary) in values.items() if preliminary},
        )
        for id, area, values in found
    ]
    table = verdict_frame(frame(*parts), CATALOGUE)
    assert len(table) == len(found)
    for language in ("fi", "sv", "en"):
        for text in table[f"reason_{language}"]:
            assert text.endswith(".")
            assert not re.search(r"\b(nan|inf|None)\b|  |\{| [,.;]|\.\.", text), text
    shuffled = [row for part in parts for row in part]
    shuffle.shuffle(shuffled)
    assert verdict_frame(pd.DataFrame(shuffled), CATALOGUE).equals(table)


def test_columns_may_be_categories_and_times_text(catalogue):
    plain = frame(rows("employment_rate", "KU205", {**STEADY, "2024": 74.0}))
    other = plain.astype(
        dict.fromkeys(("indicator_id", "area_code", "class_code", "period", "status"), "category")
    )
    other["recorded_at"] = "2026-06-01T05:00:00Z"
    assert verdict_frame(other, catalogue).equals(verdict_frame(plain, catalogue))


def test_a_series_in_two_frequencies_is_judged_in_that_of_its_last_period(catalogue):
    values = {**STEADY, "2024": 74.0, **{f"2019M{m:02d}": 1.0 for m in range(1, 13)}}
    found = verdicts(frame(rows("employment_rate", "KU205", values)), catalogue)
    assert one(found).movement.newest.period == "2024"
