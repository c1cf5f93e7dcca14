"""A series that moved with the division of areas is told from an ordinary revision."""

from collections import defaultdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.observation import OBSERVATION_COLUMNS
from models.resolution import resolve
from models.restatement import division, restated_areas
from models.table import TableMeta

AREAS, PERIODS, CONTENTS = (
    ("KU105", "KU205", "MK18"),
    tuple(str(year) for year in range(2015, 2025)),
    ("births", "people"),
)
MOVED = {"division_before": "2026-01-01", "division_now": "2027-01-01"}


def observed(values, change_class=None):
    """Observations of (content, area, period) → value."""
    rows = [
        (content, "", area, period, value, "", "final") for (content, area, period), value in values.items()
    ]
    frame = pd.DataFrame(rows, columns=list(OBSERVATION_COLUMNS)).astype({"value": "float64"})
    texts = [name for name in OBSERVATION_COLUMNS if name != "value"]
    frame = frame.astype(dict.fromkeys(texts, "str")).astype(dict.fromkeys(texts, "category"))
    return frame if change_class is None else frame.assign(change_class=change_class)


@pytest.fixture
def values():
    return {
        (content, area, period): float(100 * n + int(period))
        for n, content in enumerate(CONTENTS)
        for area in AREAS
        for period in PERIODS
    }


def changed(values, *, area="KU205", content="people", periods=PERIODS, by=7.0):
    return {
        key: value + by if key[0] == content and key[1] == area and key[2] in periods else value
        for key, value in values.items()
    }


def areas_of(before, after, **divisions):
    return restated_areas(observed(before, "new"), observed(after), **(divisions or MOVED))


def test_an_area_whose_history_moved_with_the_division_is_restated_and_no_other(values):
    assert areas_of(values, changed(values)) == {"KU205"}


def test_one_content_is_enough(values):
    assert areas_of(values, changed(changed(values), content="births", area="MK18")) == {"KU205", "MK18"}


def test_more_than_half_of_the_older_values_are_needed(values):
    older = PERIODS[:-1]  # nine of them
    assert areas_of(values, changed(values, periods=older[:5])) == {"KU205"}
    assert areas_of(values, changed(values, periods=older[:4])) == set()


def test_exactly_half_is_a_revision(values):
    even = {key: value for key, value in values.items() if key[2] != PERIODS[0]}  # eight older ones
    assert areas_of(even, changed(even, periods=PERIODS[1:5])) == set()
    assert areas_of(even, changed(even, periods=PERIODS[1:6])) == {"KU205"}


def test_the_newest_stored_period_is_left_out_since_revisions_fall_there(values):
    coming = {(content, area, "2025"): 1.0 for content in CONTENTS for area in AREAS}
    assert areas_of(values, changed(values, periods=PERIODS[-1:]) | coming) == set()
    two = {key: value for key, value in values.items() if key[2] in PERIODS[-2:]}
    assert areas_of(two, changed(two, periods=PERIODS[-1:])) == set()
    assert areas_of(two, changed(two, periods=PERIODS[-2:-1])) == {"KU205"}


def test_a_new_division_that_changed_no_history_restates_nothing(values):
    assert areas_of(values, values) == set()


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("2026-01-01", "2026-01-01"),
        ("2027-01-01", "2026-01-01"),
        ("", "2027-01-01"),
        ("2026-01-01", ""),
        ("", ""),
    ],
)
def test_where_the_division_is_not_known_to_have_moved_forward_all_is_revision(values, before, now):
    assert areas_of(values, changed(values), division_before=before, division_now=now) == set()


def test_what_became_missing_has_changed_and_what_is_missing_still_has_not(values):
    hidden = {key: np.nan if key[1] == "KU105" else value for key, value in values.items()}
    assert areas_of(values, hidden) == {"KU105"}
    assert areas_of(hidden, hidden) == set()


def test_withdrawn_values_and_series_that_are_not_in_both_say_nothing(values):
    stored = observed(values, "withdrawn")
    assert restated_areas(stored, observed(changed(values)), **MOVED) == set()
    assert areas_of({}, values) == set() == areas_of(values, {})
    others = {(content, "KU999", period): 1.0 for content, _, period in values}
    assert areas_of(values, others) == set()


def test_an_area_whose_figures_all_became_zero_is_not_restated(values):
    emptied = {key: 0.0 if key[1] == "KU105" else value for key, value in values.items()}
    assert areas_of(values, emptied) == set()
    partly = {
        key: value + 1 if key[1] == "KU105" and key[2] == PERIODS[0] else value
        for key, value in emptied.items()
    }
    assert areas_of(values, partly) == {"KU105"}


CELLS = [(content, area, period) for content in CONTENTS for area in AREAS for period in PERIODS[:5]]


@settings(max_examples=150, deadline=None)
@given(
    before=st.dictionaries(st.sampled_from(CELLS), st.sampled_from([0.0, 1.0, 2.0, float("nan")])),
    after=st.dictionaries(st.sampled_from(CELLS), st.sampled_from([0.0, 1.0, 2.0, float("nan")])),
)
def test_the_rule_holds_for_any_two_states(before, after):
    both = [key for key in before if key in after]
    newest = max((period for _, _, period in both), default="")
    cells, moved, emptied = defaultdict(int), defaultdict(int), defaultdict(int)
    for content, area, period in both:
        if period < newest:
            old, new = before[content, area, period], after[content, area, period]
            cells[content, area] += 1
            has_moved = not (old == new or (np.isnan(old) and np.isnan(new)))
            moved[content, area] += has_moved
            emptied[content, area] += has_moved and new == 0
    expected = {
        area
        for (content, area), count in cells.items()
        if 2 * moved[content, area] > count and emptied[content, area] < moved[content, area]
    }
    assert areas_of(before, after) == expected


def meta_with(area):
    def build(make_variable):
        return TableMeta(
            "vaerak/11re",
            "Väestö",
            (
                area(make_variable),
                make_variable("timeperiod_y", "Vuosi", {"2025": "2025"}, time=True),
                make_variable("contentscode", "Tiedot", {"vaerak-vaesto": "Väestö 31.12."}),
                make_variable("ikaryhma_10_20180101", "Ikä", {"SSS": "Yhteensä", "000": "0", "100-": "100-"}),
                make_variable("sukupuoli_9_20180101", "Sukupuoli", {"SSS": "Yhteensä"}),
            ),
        )

    return build


@pytest.mark.parametrize(
    ("code", "map", "said"),
    [
        ("alue_23_20260101", "Alue 2026", "2026-01-01"),
        ("alue_23_20270101", "", "2027-01-01"),
        ("Alue", "Alue 2026", "2026-01-01"),
        ("Alue", "", ""),
        ("alue_23_99999999", "", ""),
        ("alue_23_99999999", "Alue 2026", "2026-01-01"),
        ("Alue", "Alue", ""),
    ],
)
def test_the_division_is_read_from_the_code_or_the_map_in_one_form(
    make_dataset, make_variable, areas, code, map, said
):
    build = meta_with(
        lambda variable: variable(code, "Alue", {"KU205": "Kajaani", "SSS": "KOKO MAA"}, map=map)
    )
    meta = build(make_variable)
    assert division(meta, resolve(make_dataset(), meta, areas)) == said


def test_the_recorded_metadata_of_11re_is_in_the_division_of_2026(recorded_meta, make_dataset, areas):
    meta = recorded_meta("11re-metadata.fi.json", "vaerak/11re")
    assert division(meta, resolve(make_dataset(), meta, areas)) == "2026-01-01"


def test_a_table_of_the_whole_country_has_no_division(recorded_meta, make_dataset, areas):
    meta = recorded_meta("11re-metadata.fi.json", "vaerak/11re")
    resolution = resolve(make_dataset(), meta, areas)
    nowhere = TableMeta(
        meta.table, meta.title, tuple(one for one in meta.variables if one.code != resolution.area_variable)
    )
    assert division(nowhere, resolution) == ""
