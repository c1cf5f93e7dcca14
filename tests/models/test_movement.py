"""The arithmetic of verdicts, against an independent calculation after docs/method.md in exact decimals."""

from decimal import Decimal, localcontext
from itertools import pairwise
from math import inf, nan, sqrt
from statistics import median

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.movement import Movement, figures, movement, timeline
from models.verdict import kind_of


def judged(values, *, baseline_year=2021, transform="", breaks=()):
    """The movement of one series given as period → value."""
    ordered = sorted(values)
    line = timeline(ordered[0], ordered[-1], tuple(breaks))
    matrix = np.full((1, len(line.codes)), nan)
    for code, value in values.items():
        matrix[0, line.index[code]] = value
    figure, _ = figures(matrix, line, transform)
    return movement(
        figure[0].tolist(),
        [False] * len(line.codes),
        line,
        baseline_year=baseline_year,
        whole_years="of_12" in transform or "of_4" in transform or transform.endswith("_12_months"),
    )


def yearly(first, *values):
    return {str(first + place): value for place, value in enumerate(values) if value is not None}


def by_hand(values: dict[int, str], baseline_year: int = 2021, direction: str = "up") -> str:
    """docs/method.md once more, for yearly figures written as decimals; nothing of ours is used."""
    with localcontext() as context:
        context.prec = 60
        exact = {year: Decimal(text) for year, text in values.items()}
        if not exact:
            return "too_little_data"
        last = max(exact)
        start = min((year for year in exact if baseline_year <= year < last), default=None)
        if start is None:
            return "too_little_data"
        history = sorted(year for year in exact if start - 10 <= year <= start)
        steps = [abs(exact[b] - exact[a]) / Decimal(b - a).sqrt() for a, b in pairwise(history)]
        if len(steps) < 5:
            return "too_little_data"
        change = exact[last] - exact[start]
        if abs(change) - median(steps) * Decimal(last - start).sqrt() <= Decimal("1e-40"):
            return "no_clear_change"
        if direction == "neutral":
            return "rose" if change > 0 else "fell"
        return "improved" if (change > 0) == (direction == "up") else "declined"


# --- cases --------------------------------------------------------------------------------------------------

FLAT = (10, 12, 10, 12, 10, 12, 10, 12, 10, 12, 10)  # ten changes of two, from 2011 to 2021


@pytest.mark.parametrize(
    ("name", "values", "direction", "verdict"),
    [
        ("a large rise", yearly(2011, *FLAT, 11, 12, 13, 15), "up", "improved"),
        ("a large rise where fewer is better", yearly(2011, *FLAT, 11, 12, 13, 15), "down", "declined"),
        ("a large rise where neither is better", yearly(2011, *FLAT, 11, 12, 13, 15), "neutral", "rose"),
        ("a large fall", yearly(2011, *FLAT, 9, 8, 7, 5), "up", "declined"),
        ("a large fall where fewer is better", yearly(2011, *FLAT, 9, 8, 7, 5), "down", "improved"),
        ("a large fall where neither is better", yearly(2011, *FLAT, 9, 8, 7, 5), "neutral", "fell"),
        ("exactly as large as usual", yearly(2011, *FLAT, 11, 12, 13, 14), "up", "no_clear_change"),
        ("a little more than usual", yearly(2011, *FLAT, 11, 12, 13, 14.001), "up", "improved"),
        ("no change", yearly(2011, *FLAT, 20, 10), "up", "no_clear_change"),
        ("negative throughout", yearly(2011, *(-one for one in FLAT), -11, -12, -13, -15), "up", "declined"),
        ("through zero", yearly(2011, *(one - 11 for one in FLAT), 0, 1, 2, 4), "up", "improved"),
        ("baseline zero", yearly(2011, *(one - 10 for one in FLAT), 0, 0, 0, 5), "up", "improved"),
        ("never moved, then did", yearly(2011, *[3] * 11, 3, 4), "up", "improved"),
        ("never moved", yearly(2011, *[3] * 13), "up", "no_clear_change"),
        ("two points", {"2021": 1, "2025": 2}, "up", "too_little_data"),
        ("one point", {"2025": 1}, "up", "too_little_data"),
        ("four changes", yearly(2017, 10, 12, 10, 12, 10, 99), "up", "too_little_data"),
        ("five changes", yearly(2016, 10, 12, 10, 12, 10, 12, 99), "up", "improved"),
        ("nothing after the baseline", yearly(2005, *range(17)), "up", "too_little_data"),
        ("the baseline year is missing", yearly(2011, *FLAT[:10], None, 10, 11, 30), "up", "improved"),
        ("the newest is infinite", yearly(2011, *FLAT, 11, 12, 13, 15, inf), "up", "improved"),
        (
            "one wild year in the history counts once",
            yearly(2011, *FLAT[:5], 900, *FLAT[6:], 15),
            "up",
            "improved",
        ),
        (
            "what came before the ten years does not count",
            yearly(2001, *[0, 99] * 5, *FLAT, 15),
            "up",
            "improved",
        ),
    ],
)
def test_a_yearly_series_gets_its_verdict(name, values, direction, verdict):
    assert kind_of(judged(values), direction) == verdict
    texts = {int(year): repr(value) for year, value in values.items() if value != inf}
    assert by_hand(texts, direction=direction) == verdict


def test_the_threshold_is_the_median_yearly_change_times_the_root_of_the_years():
    found = judged(yearly(2011, *FLAT, 11, 12, 13, 15))
    assert found.since is not None and found.usual is not None
    assert (found.since.change, found.since.years) == (5, 4)
    assert (found.usual.change, found.usual.threshold) == (2, 4)
    assert [one.size for one in found.changes] == [2, -2] * 5


def test_a_tie_in_decimals_is_a_tie_though_binary_numbers_say_otherwise():
    # Kajaani, unemployed jobseekers of the labour force, Septembers (StatFin tyonv/12tf): 1.2 against 0.6 · 2
    rates = {"2016": 12.1, "2017": 10.6, "2018": 9.1, "2019": 8.7, "2020": 9.1, "2021": 8.5, "2025": 9.7}
    assert not judged(rates).is_clear
    assert judged({**rates, "2025": 9.71}).is_clear


def test_a_change_over_a_gap_counts_by_the_root_of_its_years():
    found = judged(yearly(2013, 0, 1, 2, 3, None, None, None, 7, 8, 20))
    assert [one.years for one in found.changes] == [1, 1, 1, 4, 1]
    assert found.usual is not None and found.usual.change == 1
    assert [one.yearly for one in found.changes][3] == 4 / sqrt(4)


def test_every_second_year_is_enough_within_ten_years():
    found = judged({str(year): 3.0 + (year % 4) / 20 for year in range(2012, 2027, 2)})
    assert found.since is not None and found.since.baseline.period == "2022"
    assert len(found.changes) == 5
    assert found.usual is not None and found.usual.change == pytest.approx(0.1 / sqrt(2))


def test_every_fourth_year_is_never_enough():
    elections = [*range(1976, 2013, 4), 2017, 2021, 2025]
    found = judged({str(year): 60.0 for year in elections})
    assert found.lacking == "few_changes"


# --- seasons ------------------------------------------------------------------------------------------------


def months(first, last, value):
    return {f"{y}M{m:02d}": value(y, m) for y in range(first, last + 1) for m in range(1, 13)}


def test_a_month_is_compared_with_the_same_month():
    values = months(2011, 2026, lambda y, m: 100 * m + (y % 2) + (50 if y > 2021 else 0))
    del values["2026M10"], values["2026M11"], values["2026M12"]
    found = judged(values)
    assert found.newest is not None and found.baseline is not None and found.since is not None
    assert (found.newest.period, found.baseline.period, found.since.years) == ("2026M09", "2021M09", 5)
    assert {one.end[4:] for one in found.changes} == {"M09"}
    assert found.is_clear


def test_a_quarter_is_compared_with_the_same_quarter():
    values = {f"{y}Q{q}": 10.0 * q + y % 2 for y in range(2011, 2026) for q in range(1, 5)}
    found = judged({**values, "2026Q1": 30.0})
    assert found.baseline is not None and found.baseline.period == "2021Q1"
    assert {one.start[4:] for one in found.changes} == {"Q1"}


def test_twelve_months_are_compared_with_the_whole_baseline_year():
    values = months(2010, 2025, lambda y, m: m + (y % 2))
    values |= {f"2026M{m:02d}": m + 9.0 for m in range(1, 9)}
    found = judged(values, transform="sum_of_12_months")
    assert found.newest is not None and found.since is not None
    assert (found.newest.period, found.since.baseline.period) == ("2026M08", "2021M12")
    assert found.newest.figure == sum(m + 9 for m in range(1, 9)) + sum(m + 1 for m in range(9, 13))
    assert found.since.baseline.figure == sum(range(1, 13)) + 12
    assert found.since.years == pytest.approx(56 / 12)
    assert [one.end for one in found.changes] == [f"{y}M12" for y in range(2012, 2022)]


def test_a_mean_over_quarters_is_their_sum_by_four():
    values = {f"{y}Q{q}": float(q * y) for y in range(2010, 2026) for q in range(1, 5)}
    found = judged(values, transform="mean_of_4_quarters")
    assert found.newest is not None and found.newest.figure == 2025 * 10 / 4


def test_a_window_with_a_month_missing_has_no_figure():
    values = months(2010, 2026, lambda y, m: float(m))
    del values["2026M07"], values["2021M05"]
    found = judged(values, transform="sum_of_12_months")
    assert found.newest is not None and found.since is not None
    assert (found.newest.period, found.since.baseline.period, found.moved) == (
        "2026M06",
        "2022M12",
        "missing",
    )


def test_a_series_shorter_than_its_window_has_no_figure():
    values = {"2025M03": 1.0, "2025M09": 2.0}
    assert judged(values, transform="sum_of_12_months").lacking == "no_figures"
    assert judged(values, transform="yoy_change_pct_of_12_months").lacking == "no_figures"


def test_a_window_shorter_than_a_year_after_the_baseline_is_not_compared():
    values = months(2010, 2022, lambda y, m: float(m))
    values = {code: value for code, value in values.items() if code <= "2022M03"}
    assert judged(values, transform="sum_of_12_months").lacking == "no_baseline"


def test_growth_is_judged_as_growth():
    values = yearly(2010, *(100 * 1.1**k for k in range(12)), 100 * 1.1**11 * 1.02)
    found = judged(values, transform="yoy_change_pct")
    assert found.newest is not None and found.newest.figure == pytest.approx(2)
    assert kind_of(found, "up") == "declined"


def test_growth_from_zero_or_less_has_no_per_cent():
    found = judged(yearly(2020, 0, 5, 10, -3, 7), transform="yoy_change_pct")
    assert found.newest is not None and found.newest.period == "2023"


def test_growth_of_twelve_months_is_against_the_twelve_before():
    values = months(2010, 2025, lambda y, m: 1000.0 + y % 2)
    found = judged(values, transform="yoy_change_pct_of_12_months")
    assert found.newest is not None and found.newest.figure == pytest.approx(100 * (12012 / 12000 - 1))


def test_a_week_is_compared_with_the_same_week():
    values = {f"{y}W{w:02d}": float(w) for y in range(2011, 2027) for w in range(20, 30)}
    found = judged(values)
    assert found.baseline is not None and found.baseline.period == "2021W29"


# --- breaks -------------------------------------------------------------------------------------------------


def test_the_baseline_moves_to_the_first_figure_after_a_break():
    values = yearly(2011, *FLAT, 10, 60, 62, 60, 62)
    found = judged(values, breaks=["2023"])
    assert found.baseline is not None and (found.baseline.period, found.moved) == ("2023", "break")
    assert ("2022", "2023") not in [(one.start, one.end) for one in found.changes]
    assert not found.is_clear


def test_a_break_in_the_history_takes_its_change_out():
    values = yearly(2011, 90, *FLAT[1:], 11)
    assert len(judged(values, breaks=["2012"]).changes) == 9
    assert len(judged(values, breaks=["2011"]).changes) == 10


def test_no_window_lies_across_a_break():
    values = months(2010, 2026, lambda y, m: float(m))
    found = judged(values, transform="sum_of_12_months", breaks=["2023M04"])
    assert found.since is not None and found.since.baseline.period == "2024M12"


def test_a_series_that_broke_at_its_end_has_nothing_to_compare_with():
    assert judged(yearly(2011, *FLAT, 99), breaks=["2022"]).lacking == "no_baseline"


# --- what holds for every series ----------------------------------------------------------------------------

tenths = st.integers(-10_000, 10_000).map(lambda one: one / 10)
series = st.dictionaries(st.integers(2005, 2028), tenths, max_size=24)


def of(values) -> Movement:
    return judged({str(year): value for year, value in values.items()})


@given(series, st.sampled_from(["up", "down", "neutral"]))
@example({2016: 12.1, 2017: 10.6, 2018: 9.1, 2019: 8.7, 2020: 9.1, 2021: 8.5, 2025: 9.7}, "down")
def test_the_verdict_is_that_of_the_method_calculated_by_hand(values, direction):
    if not values:
        return
    texts = {year: repr(value) for year, value in values.items()}
    assert kind_of(of(values), direction) == by_hand(texts, direction=direction)


@given(series.filter(bool), st.sampled_from([0.001, 0.5, 3, 1e6]))
def test_the_scale_does_not_matter(values, factor):
    scaled = {year: value * factor for year, value in values.items()}
    assert kind_of(of(scaled), "up") == kind_of(of(values), "up")


@given(series.filter(bool), st.integers(-100_000, 100_000))
def test_adding_the_same_to_every_figure_does_not_matter(values, added):
    moved = {year: value + added for year, value in values.items()}
    assert kind_of(of(moved), "up") == kind_of(of(values), "up")


@given(series.filter(bool))
def test_what_improves_where_more_is_better_declines_where_fewer_is(values):
    turned = {"improved": "declined", "declined": "improved"}
    up = kind_of(of(values), "up")
    assert kind_of(of(values), "down") == turned.get(up, up)
    assert kind_of(of({year: -value for year, value in values.items()}), "up") == turned.get(up, up)
    assert kind_of(of(values), "neutral") == {"improved": "rose", "declined": "fell"}.get(up, up)


@given(series.filter(bool), st.integers(1, 9))
def test_moving_everything_in_time_does_not_matter(values, years):
    later = {str(year + years): value for year, value in values.items()}
    assert kind_of(judged(later, baseline_year=2021 + years), "up") == kind_of(of(values), "up")
