"""What is stored and not in the answer: what left the window stays, what is gone is said, the rest is not absent."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.absence import absent
from models.dataset import ClassVariable, ContentChoice, Dataset, ValueChoice
from models.observation import OBSERVATION_COLUMNS
from models.resolution import Missing, Resolution

AREAS, PERIODS = ("KU105", "KU205", "MK18"), ("2021", "2022", "2023", "2024")
DATASET = Dataset(
    id="statfin/x/1a",
    source="statfin",
    table="x/1a",
    title_fi="x",
    title_en="x",
    frequency="annual",
    first_period="2021",
    lag_days=1,
    grace_days=1,
    labels="verified",
    contents=(ContentChoice("people"), ContentChoice("rate")),
    classes=(
        ClassVariable(
            "sex", ("Sukupuoli",), (ValueChoice("total", total=True), ValueChoice("women", label=("Naiset",)))
        ),
        ClassVariable("age", ("Ikä",), (ValueChoice("total", total=True),)),
    ),
)
ROLLING = replace(DATASET, rolling=True)
CELLS = [
    (content, f"sex={sex}", area, period)
    for content in ("people", "rate")
    for sex in ("total", "women")
    for area in AREAS
    for period in PERIODS
]


def observed(cells):
    frame = pd.DataFrame(list(cells), columns=["content", "classes", "area_code", "period"], dtype="str")
    frame["value"] = np.arange(len(frame), dtype=float)
    frame["symbol"], frame["status"] = "", "final"
    texts = dict.fromkeys([name for name in OBSERVATION_COLUMNS if name != "value"], "category")
    return frame.astype(dict.fromkeys(texts, "str")).astype(texts)


def kept(cells, withdrawn=()):
    frame = observed(cells)
    classes = ["withdrawn" if cell in withdrawn else "new" for cell in cells]
    return frame.assign(change_class=pd.Categorical(classes))


def a_resolution(**changes):
    return Resolution(
        **{
            "dataset_id": DATASET.id,
            "table": "x/1a",
            "area_variable": "alue",
            "areas": {code: code for code in AREAS},
            "time_variable": "vuosi",
            "periods": PERIODS,
            "preliminary": frozenset(),
            "contents_variable": "tiedot",
            "contents": {"people": "c1", "rate": "c2"},
            "classes": {
                "sex": ("sukupuoli", {"total": "SSS", "women": "2"}),
                "age": ("ikä", {"total": "SSS"}),
            },
            "totals": {},
            "series_classes": ("sex",),
            **changes,
        }
    )


def cells_of(frame):
    return set(
        frame[["content", "classes", "area_code", "period"]].astype("str").itertuples(index=False, name=None)
    )


def without(**gone):
    position = {"content": 0, "classes": 1, "area_code": 2, "period": 3}
    return [
        cell for cell in CELLS if not any(cell[position[name]] in values for name, values in gone.items())
    ]


def test_an_answer_with_all_that_is_stored_lacks_nothing():
    found = absent(kept(CELLS[:20]), observed(CELLS), a_resolution(), DATASET)
    assert not len(found.gone) and not len(found.left_window) and found.summary == ""
    assert tuple(found.gone.columns) == OBSERVATION_COLUMNS


@pytest.mark.parametrize(("dataset", "is_left"), [(ROLLING, True), (DATASET, False)])
def test_the_oldest_period_leaves_a_rolling_window_and_is_gone_from_any_other(dataset, is_left):
    answer = observed(without(period=["2021", "2022"]))
    found = absent(kept(CELLS), answer, a_resolution(periods=("2023", "2024")), dataset)
    left, none = (found.left_window, found.gone) if is_left else (found.gone, found.left_window)
    assert cells_of(left) == {cell for cell in CELLS if cell[3] in ("2021", "2022")} and not len(none)


@pytest.mark.parametrize("period", ["2023", "2024"])
def test_a_period_in_the_middle_or_at_the_newest_end_is_gone_from_a_rolling_window_too(period):
    periods = tuple(one for one in PERIODS if one != period)
    found = absent(kept(CELLS), observed(without(period=[period])), a_resolution(periods=periods), ROLLING)
    assert cells_of(found.gone) == {cell for cell in CELLS if cell[3] == period}
    assert not len(found.left_window)
    assert found.summary == f"12 values gone: areas KU105, KU205, MK18, period {period}"


def test_what_left_the_window_long_ago_stays_so():
    old = [("people", "sex=total", "KU205", "1999")]
    found = absent(kept([*CELLS, *old]), observed(CELLS), a_resolution(), ROLLING)
    assert cells_of(found.left_window) == set(old) and not len(found.gone)
    assert found.summary == "1 value left the source's window: area KU205, period 1999"


def test_an_area_that_the_table_lacks_is_gone_and_one_that_nobody_asks_is_not():
    answer = observed(without(area_code=["KU105", "KU205"]))
    resolution = a_resolution(areas={"MK18": "MK18"}, missing=(Missing("area", "KU105", "not there"),))
    found = absent(kept(CELLS), answer, resolution, ROLLING)
    assert cells_of(found.gone) == {cell for cell in CELLS if cell[2] == "KU105"}


def test_a_single_cell_is_gone_with_its_value():
    cell = ("rate", "sex=women", "KU205", "2022")
    stored = kept(CELLS)
    found = absent(stored, observed([one for one in CELLS if one != cell]), a_resolution(), ROLLING)
    assert cells_of(found.gone) == {cell}
    assert found.gone["value"].iloc[0] == stored["value"].iloc[CELLS.index(cell)]


def test_what_was_withdrawn_is_not_gone_again():
    withdrawn = [cell for cell in CELLS if cell[3] == "2023"]
    answer = observed(without(period=["2023"]))
    found = absent(kept(CELLS, withdrawn), answer, a_resolution(periods=("2021", "2022", "2024")), DATASET)
    assert not len(found.gone)


@pytest.mark.parametrize(
    ("gone", "missing"),
    [
        ({"content": ["rate"]}, Missing("content", "rate", "no such")),
        ({"classes": ["sex=women"]}, Missing("class", "sex=women", "no such")),
    ],
)
def test_a_content_or_class_that_is_reported_missing_is_not_gone(gone, missing):
    answer = observed(without(**gone))
    assert not len(absent(kept(CELLS), answer, a_resolution(missing=(missing,)), DATASET).gone)
    assert len(absent(kept(CELLS), answer, a_resolution(), DATASET).gone) == 24


def test_series_that_the_catalogue_no_longer_asks_are_not_gone():
    former = [
        ("former", "sex=total", "KU205", "2024"),
        ("people", "sex=men", "KU205", "2024"),
        ("people", "", "KU205", "2024"),
        ("people", "age=total;sex=total", "KU205", "2024"),
    ]
    found = absent(kept([*CELLS, *former]), observed(CELLS), a_resolution(), DATASET)
    assert not len(found.gone)


def test_a_class_that_takes_every_value_of_the_source_is_asked_whatever_its_text():
    anything = replace(DATASET, classes=(ClassVariable("field", ("Ala",), ()),))
    cells = [("people", f"field={text}", "KU205", "2024") for text in ("Teollisuus; muu", "Kauppa")]
    resolution = a_resolution(series_classes=("field",), classes={})
    found = absent(kept(cells), observed(cells[1:]), resolution, anything)
    assert cells_of(found.gone) == {cells[0]}


def test_without_a_resolution_what_the_answer_lacks_altogether_counts_as_reported():
    answer = observed(without(content=["rate"], area_code=["KU105"]))
    found = absent(kept(CELLS), answer, None, DATASET)
    assert cells_of(found.gone) == {cell for cell in CELLS if cell[0] == "people" and cell[2] == "KU105"}
    rolled = absent(kept(CELLS), observed(without(period=["2021"])), None, ROLLING)
    assert cells_of(rolled.left_window) == {cell for cell in CELLS if cell[3] == "2021"}


def test_nothing_stored_and_nothing_answered_are_no_error():
    assert not len(absent(kept([]), observed(CELLS), a_resolution(), DATASET).gone)
    assert len(absent(kept(CELLS), observed([]), a_resolution(), DATASET).gone) == len(CELLS)


@settings(max_examples=150, deadline=None)
@given(
    stored=st.sets(st.sampled_from(CELLS)),
    answered=st.sets(st.sampled_from(CELLS)),
    withdrawn=st.sets(st.sampled_from(CELLS), max_size=5),
    rolling=st.booleans(),
)
def test_every_stored_row_is_in_the_answer_or_withdrawn_or_left_or_gone(stored, answered, withdrawn, rolling):
    periods = tuple(sorted({cell[3] for cell in answered})) or ("2024",)
    resolution = a_resolution(periods=periods)
    found = absent(
        kept(sorted(stored), withdrawn),
        observed(sorted(answered)),
        resolution,
        ROLLING if rolling else DATASET,
    )
    lacking = stored - withdrawn - answered
    left = {cell for cell in lacking if rolling and cell[3] < periods[0]}
    assert cells_of(found.left_window) == left and len(found.left_window) == len(left)
    assert cells_of(found.gone) == lacking - left and len(found.gone) == len(lacking - left)
