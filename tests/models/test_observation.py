"""A source table becomes observations in our keys, whatever the source's codes."""

import time

import numpy as np
import pandas as pd
import pytest

from models.dataset import ClassVariable, ContentChoice, ValueChoice
from models.errors import SourceError
from models.observation import OBSERVATION_COLUMNS, class_key, observations
from models.resolution import Resolution, resolve

TOTAL = ValueChoice("total", total=True)


def a_resolution(**changes) -> Resolution:
    return Resolution(
        **{
            "dataset_id": "statfin/vaerak/11re",
            "table": "vaerak/11re",
            "area_variable": "alue",
            "areas": {"KU205": "KU205", "205x": "MK18"},
            "time_variable": "vuosi",
            "periods": ("2024", "2025"),
            "preliminary": frozenset({"2025"}),
            "contents_variable": "contentscode",
            "contents": {"population": "vaerak-vaesto", "mean_age": "ika"},
            "classes": {
                "sex": ("sukupuoli", {"total": "SSS", "women": "2"}),
                "age": ("ikä", {"total": "SSS"}),
            },
            "totals": {"kieli": "S"},
            "series_classes": ("sex",),
            **changes,
        }
    )


@pytest.fixture(scope="module")
def table(make_table):
    dimensions = {
        "alue": ["KU205", "205x", "KU999"],
        "sukupuoli": ["SSS", "1", "2"],
        "ikä": ["000", "SSS"],
        "kieli": ["S", "fi"],
        "vuosi": ["2023", "2024", "2025"],
        "contentscode": ["vaerak-vaesto", "ika", "muu"],
    }
    size = int(np.prod([len(codes) for codes in dimensions.values()]))
    return make_table(dimensions, np.arange(size, dtype=float))


def test_the_columns_and_their_types_are_fixed(table):
    frame = observations(table, a_resolution())
    assert tuple(frame.columns) == OBSERVATION_COLUMNS
    assert frame["value"].dtype == np.float64
    for column in set(OBSERVATION_COLUMNS) - {"value"}:
        assert isinstance(frame[column].dtype, pd.CategoricalDtype)
        assert frame[column].cat.categories.dtype == "str"
        assert frame[column].notna().all()
    assert list(frame.index) == list(range(len(frame)))


def test_each_cell_lands_on_its_key_and_no_other_is_kept(table):
    frame = observations(table, a_resolution())
    source = table.frame.astype(dict.fromkeys(table.dimensions, "str"))
    contents = {"vaerak-vaesto": "population", "ika": "mean_age"}
    expected = {
        (
            contents[row["contentscode"]],
            f"sex={ {'SSS': 'total', '2': 'women'}[row['sukupuoli']] }",
            {"KU205": "KU205", "205x": "MK18"}[row["alue"]],
            row["vuosi"],
        ): row["value"]
        for row in source.to_dict("records")
        if row["contentscode"] in contents
        and row["sukupuoli"] in ("SSS", "2")
        and row["alue"] in ("KU205", "205x")
        and row["vuosi"] in ("2024", "2025")
        and row["ikä"] == "SSS"
        and row["kieli"] == "S"
    }
    got = {
        tuple(row[name] for name in ("content", "classes", "area_code", "period")): row["value"]
        for row in frame.to_dict("records")
    }
    assert got == expected and len(frame) == len(expected) == 2 * 2 * 2 * 2


def test_a_variable_that_takes_its_total_only_is_not_in_the_class_key(table):
    assert set(observations(table, a_resolution())["classes"]) == {"sex=total", "sex=women"}
    assert set(observations(table, a_resolution(series_classes=()))["classes"]) == {""}


def test_a_series_keeps_its_class_key_when_the_variable_is_gone(make_table):
    table = make_table({"alue": ["KU205"], "vuosi": ["2025"], "contentscode": ["vaerak-vaesto"]}, [36370.0])
    resolution = a_resolution(
        classes={"sex": (None, {"total": ""}), "age": (None, {"total": ""})},
        totals={},
        contents={"population": "vaerak-vaesto"},
    )
    frame = observations(table, resolution)
    assert frame.to_dict("records") == [
        {
            "content": "population",
            "classes": "sex=total",
            "area_code": "KU205",
            "period": "2025",
            "value": 36370.0,
            "symbol": "",
            "status": "preliminary",
        }
    ]


def test_the_names_in_a_class_key_are_sorted():
    assert class_key({"sex": "total", "age": "25-29"}) == "age=25-29;sex=total"
    assert class_key({}) == ""


def test_a_missing_symbol_is_neither_null_nor_zero(make_table):
    table = make_table(
        {"alue": ["KU205"], "vuosi": ["2024", "2025"], "contentscode": ["a", "b"]},
        [np.nan, 0.0, np.nan, 5.0],
        {0: "..."},
    )
    resolution = a_resolution(classes={}, totals={}, contents={"a": "a", "b": "b"}, series_classes=())
    frame = observations(table, resolution)
    assert list(frame["symbol"]) == ["...", "", "", ""]
    assert list(frame["value"].isna()) == [True, False, True, False]


def test_status_follows_the_period_or_the_dataset(table):
    frame = observations(table, a_resolution())
    assert set(zip(frame["period"], frame["status"], strict=True)) == {
        ("2024", "final"),
        ("2025", "preliminary"),
    }
    assert set(observations(table, a_resolution(), all_preliminary=True)["status"]) == {"preliminary"}


def test_one_areas_figures_of_a_period_are_preliminary_while_the_others_are_final(table):
    resolution = a_resolution(preliminary=frozenset(), preliminary_areas={"2024": frozenset({"205x"})})
    frame = observations(table, resolution)
    found = set(zip(frame["area_code"], frame["period"], frame["status"], strict=True))
    assert found == {
        ("KU205", "2024", "final"),
        ("KU205", "2025", "final"),
        ("MK18", "2024", "preliminary"),
        ("MK18", "2025", "final"),
    }


def test_periods_become_ours_and_their_categories_are_in_order(make_table):
    table = make_table(
        {"alue": ["KU205"], "vuosi": ["2023-2024", "2022-2023"], "contentscode": ["a"]}, [2.0, 1.0]
    )
    resolution = a_resolution(
        periods=("2022-2023", "2023-2024"),
        preliminary=frozenset(),
        classes={},
        totals={},
        contents={"a": "a"},
        series_classes=(),
    )
    frame = observations(table, resolution)
    assert dict(zip(frame["period"], frame["value"], strict=True)) == {"2023/2024": 2.0, "2022/2023": 1.0}
    assert list(frame["period"].cat.categories) == ["2022/2023", "2023/2024"]


def test_a_country_table_has_the_country_as_its_area(make_table):
    table = make_table({"vuosi": ["2025"], "contentscode": ["a"]}, [1.0])
    resolution = a_resolution(
        area_variable=None, areas={"": "SSS"}, classes={}, totals={}, contents={"a": "a"}, series_classes=()
    )
    assert list(observations(table, resolution)["area_code"]) == ["SSS"]


def test_an_answer_without_a_dimension_is_one_clear_error(make_table):
    table = make_table({"vuosi": ["2025"], "contentscode": ["a"]}, [1.0])
    with pytest.raises(
        SourceError, match="11re: the answer lacks the dimension 'alue'; it has vuosi, contentscode"
    ):
        observations(table, a_resolution())


def test_a_recorded_answer_gives_the_published_figures(recorded_table, make_dataset, areas):
    meta, table = recorded_table("12r5-all-areas-2026M06.json", "tyonv/12r5")
    dataset = make_dataset(
        classes=(),
        time=("Kuukausi",),
        contents=(
            ContentChoice("unemployed", code=("TYOTTOMATLOPUSSA",)),
            ContentChoice("rate", label=("Työttömien työnhakijoiden %-osuus työvoimasta (%)",)),
            ContentChoice("trial", code=("KOKEILULOP",)),
        ),
    )
    frame = observations(table, resolve(dataset, meta, areas))
    got = frame.set_index(["content", "area_code"])
    assert got.loc[("unemployed", "KU205"), "value"] == 2066
    assert got.loc[("rate", "KU205"), "value"] == 12.2
    assert got.loc[("rate", "MK18"), "value"] == 11.3
    suppressed = frame[frame["symbol"] == "..."]
    assert len(suppressed) > 0 and suppressed["value"].isna().all()
    assert set(frame["period"]) == {"2026M06"} and set(frame["status"]) == {"final"}


def test_a_million_cells_take_less_than_a_second(make_table, make_dataset):
    dimensions = {
        "alue": [f"KU{i:03d}" for i in range(100)],
        "vuosi": [str(1926 + i) for i in range(100)],
        "sukupuoli": ["SSS", "1", "2", "3", "4"],
        "contentscode": [f"c{i}" for i in range(20)],
    }
    table = make_table(dimensions, np.arange(1_000_000, dtype=float))
    resolution = a_resolution(
        areas={code: code for code in dimensions["alue"]},
        periods=tuple(dimensions["vuosi"]),
        contents={code: code for code in dimensions["contentscode"]},
        classes={"sex": ("sukupuoli", {code: code for code in dimensions["sukupuoli"]})},
        totals={},
    )
    started = time.perf_counter()
    frame = observations(table, resolution)
    assert time.perf_counter() - started < 1
    assert len(frame) == 1_000_000


def test_classes_of_several_variables_combine(make_table, make_dataset, areas, make_variable):
    dataset = make_dataset(
        classes=(
            ClassVariable("age", ("Ikä",), (TOTAL, ValueChoice("0", code=("000",)))),
            ClassVariable("sex", ("Sukupuoli",), (TOTAL, ValueChoice("women", label=("Naiset",)))),
        )
    )
    from models.table import TableMeta

    meta = TableMeta(
        "t",
        "",
        (
            make_variable("alue", "Alue", {"KU205": "Kajaani"}),
            make_variable("i", "Ikä", {"SSS": "Yhteensä", "000": "0"}),
            make_variable("s", "Sukupuoli", {"SSS": "Yhteensä", "2": "Naiset"}),
            make_variable("v", "Vuosi", {"2025": "2025"}, time=True),
            make_variable("contentscode", "Tiedot", {"vaesto": "Väestö 31.12."}),
        ),
    )
    table = make_table(
        {
            "alue": ["KU205"],
            "i": ["SSS", "000"],
            "s": ["SSS", "2"],
            "v": ["2025"],
            "contentscode": ["vaesto"],
        },
        [1.0, 2.0, 3.0, 4.0],
    )
    frame = observations(table, resolve(dataset, meta, areas))
    assert dict(zip(frame["classes"], frame["value"], strict=True)) == {
        "age=total;sex=total": 1.0,
        "age=total;sex=women": 2.0,
        "age=0;sex=total": 3.0,
        "age=0;sex=women": 4.0,
    }
