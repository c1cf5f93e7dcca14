"""Rows of a source without a table become the whole table that gates and mapping expect."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.cube import cube
from expectations import check_observations, check_source
from models.area import Area
from models.dataset import ClassVariable, ContentChoice, Dataset, ValueChoice
from models.errors import SourceError
from models.observation import observations

KAJAANI = Area("KU205", "municipality", "Kajaani")
KAINUU = Area("MK18", "region", "Kainuu")
DATASET = Dataset(
    id="rekisteri/yritykset",
    source="rekisteri",
    table="yritykset",
    title_fi="Yritykset",
    title_en="Companies",
    frequency="annual",
    first_period="2020",
    lag_days=30,
    grace_days=30,
    labels="verified",
    levels=("municipality", "region"),
    contents=(ContentChoice("companies", unit="companies"), ContentChoice("staff", unit="persons")),
)
SIZED = replace(
    DATASET,
    classes=(
        ClassVariable("size", ("koko",), (ValueChoice("small", ("pieni",)), ValueChoice("big", ("iso",)))),
    ),
)
OPEN = replace(DATASET, classes=(ClassVariable("work", ("laji",), ()),))


def rows(*given, classes=()):
    columns = ["content", "area", "period", *classes, "value", "symbol"]
    return pd.DataFrame(list(given), columns=columns)


def figures(reading):
    frame = observations(reading.table, reading.resolution)
    keys = zip(frame["content"], frame["classes"], frame["area_code"], frame["period"], strict=True)
    return dict(zip(keys, zip(frame["value"], frame["symbol"], strict=True), strict=True))


def test_what_has_no_row_is_not_known_or_none_as_the_source_says():
    one = rows(("companies", "KU205", "2020", 3.0, ""), ("staff", "MK18", "2021", 9.0, ""))
    known = figures(cube(DATASET, [KAJAANI, KAINUU], one, absent="null", updated=None))
    counted = figures(cube(DATASET, [KAJAANI, KAINUU], one, absent="zero", updated=None))
    assert len(known) == len(counted) == 8
    assert known["companies", "", "KU205", "2020"] == counted["companies", "", "KU205", "2020"] == (3.0, "")
    assert np.isnan(known["companies", "", "MK18", "2020"][0])
    assert counted["companies", "", "MK18", "2020"] == (0.0, "")


def test_a_symbol_stays_a_symbol():
    hidden = rows(("companies", "KU205", "2020", np.nan, "..."), ("staff", "KU205", "2020", 1.0, ""))
    found = figures(cube(DATASET, [KAJAANI], hidden, absent="zero", updated=None))
    assert found["companies", "", "KU205", "2020"][1] == "..."


def test_both_gates_pass_what_is_whole():
    some = rows(("companies", "KU205", "2020", 3.0, ""), ("staff", "KU205", "2020", 4.0, ""))
    reading = cube(DATASET, [KAJAANI], some, absent="null", updated=None)
    frame = observations(reading.table, reading.resolution)
    assert not check_source(reading, DATASET).held_back
    assert not check_observations(frame, DATASET, {}, reading.resolution).held_back


def test_a_figure_given_twice_is_held_back_by_the_gate():
    twice = rows(*[("companies", "KU205", "2020", 3.0, "")] * 2)
    reading = cube(DATASET, [KAJAANI], twice, absent="null", updated=None)
    assert check_source(reading, DATASET).held_back


def test_classes_are_ours_or_where_the_catalogue_takes_none_the_sources_own():
    sized = rows(("companies", "KU205", "2020", "small", 3.0, ""), classes=["size"])
    found = figures(cube(SIZED, [KAJAANI], sized, absent="zero", updated=None))
    assert found["companies", "size=small", "KU205", "2020"] == (3.0, "")
    assert found["companies", "size=big", "KU205", "2020"] == (0.0, "")
    worked = rows(("companies", "KU205", "2020", "uusi", 3.0, ""), classes=["work"])
    assert figures(cube(OPEN, [KAJAANI], worked, absent="zero", updated=None))[
        "companies", "work=uusi", "KU205", "2020"
    ] == (3.0, "")


def test_periods_are_in_order_and_those_covered_without_a_row_are_there():
    some = rows(("companies", "KU205", "2021M02", 3.0, ""))
    reading = cube(
        DATASET, [KAJAANI], some, absent="zero", updated=None, periods=["2021M03", "2020M12", "2021M01"]
    )
    assert reading.resolution.periods == ("2020M12", "2021M01", "2021M02", "2021M03")


def test_preliminary_periods_and_the_release_are_kept():
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    some = rows(("companies", "KU205", "2020", 3.0, ""), ("companies", "KU205", "2021", 3.0, ""))
    reading = cube(DATASET, [KAJAANI], some, absent="null", updated=moment, preliminary=["2021"])
    frame = observations(reading.table, reading.resolution)
    assert set(frame.loc[frame["status"] == "preliminary", "period"]) == {"2021"}
    assert reading.table.updated == moment


def test_an_area_the_source_has_not_is_recorded_with_its_reason():
    some = rows(("companies", "KU205", "2020", 3.0, ""))
    reading = cube(
        DATASET, [KAJAANI, KAINUU], some, absent="null", updated=None, unknown_areas={"MK18": "no id"}
    )
    assert [(one.what, one.key, one.reason) for one in reading.resolution.missing] == [
        ("area", "MK18", "no id")
    ]
    assert set(reading.resolution.areas) == {"KU205"}


@pytest.mark.parametrize(
    ("given", "lacking", "said"),
    [
        ([], {}, "no figures for any area and period"),
        ([("companies", "KU205", "last year", 3.0, "")], {}, "last year"),
        ([("companies", "KU999", "2020", 3.0, "")], {}, "figures of area KU999, which was not asked for"),
        ([("cats", "KU205", "2020", 3.0, "")], {}, "figures of content cats, which was not asked for"),
        ([("companies", "KU205", "2020", 3.0, "")], {"KU205": "no id"}, "none of the 1 areas (no id)"),
    ],
)
def test_what_cannot_be_a_table_is_one_line_that_names_the_dataset(given, lacking, said):
    with pytest.raises(SourceError) as caught:
        cube(DATASET, [KAJAANI], rows(*given), absent="null", updated=None, unknown_areas=lacking)
    text = str(caught.value)
    assert text.startswith("rekisteri/yritykset: ") and said in text and "\n" not in text


@given(
    st.dictionaries(
        st.tuples(
            st.sampled_from(["companies", "staff"]),
            st.sampled_from(["KU205", "MK18"]),
            st.sampled_from(["2020", "2021", "2022"]),
            st.sampled_from(["small", "big"]),
        ),
        st.floats(-1e6, 1e6),
        min_size=1,
    ),
    st.randoms(),
)
def test_every_row_is_found_again_and_nothing_else_has_a_figure(given, random):
    listed = [(*key, value, "") for key, value in given.items()]
    random.shuffle(listed)
    reading = cube(SIZED, [KAJAANI, KAINUU], rows(*listed, classes=["size"]), absent="null", updated=None)
    found = figures(reading)
    for (content, area, period, size), value in given.items():
        assert found[content, f"size={size}", area, period][0] == value
    assert sum(not np.isnan(value) for value, _ in found.values()) == len(given)
    assert len(found) == 2 * 2 * 2 * len({period for _, _, period, _ in given})
