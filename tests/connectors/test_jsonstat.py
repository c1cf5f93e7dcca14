"""JSON-stat 2 in all its written forms, the recordings of the real service, and what is refused."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.jsonstat import canonical_checksum, read_jsonstat
from models.errors import SourceError
from models.table import SourceTable


def cube(**changes: Any) -> dict[str, Any]:
    """Two areas by three years, with `changes` to its keys (None takes a key away)."""
    document: dict[str, Any] = {
        "version": "2.0",
        "class": "dataset",
        "label": "Väestö",
        "source": "Tilastokeskus, väestörakenne",
        "updated": "2026-04-01T05:00:00Z",
        "id": ["alue_23_20260101", "timeperiod_y"],
        "size": [2, 3],
        "role": {"geo": ["alue_23_20260101"], "time": ["timeperiod_y"]},
        "dimension": {
            "alue_23_20260101": {
                "label": "Alue",
                "category": {
                    "index": {"SSS": 0, "KU205": 1},
                    "label": {"SSS": "KOKO MAA", "KU205": "Kajaani\n"},
                },
            },
            "timeperiod_y": {"label": "Vuosi", "category": {"index": ["2023", "2024", "2025"]}},
        },
        "value": [1, 2, 3, 4, 5.5, 6],
        "extension": {"px": {"tableid": "11re", "matrix": "11re"}, "contact": [{"raw": "x"}]},
    }
    document |= changes
    return {key: value for key, value in document.items() if value is not None}


def read(**changes: Any) -> SourceTable:
    return read_jsonstat(orjson.dumps(cube(**changes)))


def rows(table: SourceTable) -> list[tuple[Any, ...]]:
    return [
        (*row[:-2], None if math.isnan(row[-2]) else row[-2], row[-1])
        for row in table.frame.astype({"symbol": str}).itertuples(index=False, name=None)
    ]


def dimension(category: dict[str, Any]) -> dict[str, Any]:
    return {"dimension": cube()["dimension"] | {"timeperiod_y": {"label": "Vuosi", "category": category}}}


# What is read


def test_a_cube_is_one_row_a_cell_in_its_order() -> None:
    table = read()
    assert rows(table) == [
        ("SSS", "2023", 1.0, ""),
        ("SSS", "2024", 2.0, ""),
        ("SSS", "2025", 3.0, ""),
        ("KU205", "2023", 4.0, ""),
        ("KU205", "2024", 5.5, ""),
        ("KU205", "2025", 6.0, ""),
    ]
    assert table.dimensions == ("alue_23_20260101", "timeperiod_y")
    assert list(table.frame["alue_23_20260101"].cat.categories) == ["SSS", "KU205"]
    assert str(table.frame["value"].dtype) == "float64"


def test_what_the_answer_says_of_itself_is_kept() -> None:
    table = read()
    assert table.updated == datetime(2026, 4, 1, 5, tzinfo=UTC)
    assert table.source == "Tilastokeskus, väestörakenne"
    assert table.label == "Väestö"
    assert table.table_id == "11re"
    assert table.roles == {"geo": ("alue_23_20260101",), "time": ("timeperiod_y",)}
    assert table.labels["alue_23_20260101"] == {"SSS": "KOKO MAA", "KU205": "Kajaani"}
    assert table.labels["timeperiod_y"]["2025"] == "2025"
    assert table.dimension_texts == {"alue_23_20260101": "Alue", "timeperiod_y": "Vuosi"}


def test_an_answer_may_say_nothing_of_itself() -> None:
    table = read(updated=None, source=None, label=None, role=None, extension=None)
    assert (table.updated, table.source, table.label, table.table_id) == (None, "", "", "")
    assert table.roles == {} and table.units == {}


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("2026-04-01T05:00:00Z", datetime(2026, 4, 1, 5, tzinfo=UTC)),
        ("2026-07-21T05.00.00Z", datetime(2026, 7, 21, 5, tzinfo=UTC)),
        ("2026-07-21T08:00:00+03:00", datetime(2026, 7, 21, 5, tzinfo=UTC)),
        ("2026-07-21T05:00:00.123Z", datetime(2026, 7, 21, 5, tzinfo=UTC)),
        ("2026-07-21 05:00", datetime(2026, 7, 21, 5, tzinfo=UTC)),
        ("2026-02-31T05:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("yesterday", None),
        (20260401, None),
    ],
)
def test_a_time_stamp_is_read_leniently(written: Any, read_as: datetime | None) -> None:
    assert read(updated=written).updated == read_as


def test_the_table_id_may_be_called_matrix() -> None:
    assert read(extension={"px": {"matrix": "12bs"}}).table_id == "12bs"


def test_units_are_read_from_the_contents() -> None:
    unit = {"2025": {"base": "lukumäärä", "decimals": 0}}
    assert read(**dimension({"index": ["2023", "2024", "2025"], "unit": unit})).units == {"2025": "lukumäärä"}


def test_an_index_is_an_object_in_any_order_or_a_list() -> None:
    assert rows(read(**dimension({"index": {"2025": 2, "2023": 0, "2024": 1}}))) == rows(read())


def test_an_index_may_be_absent_where_there_is_one_category() -> None:
    table = read(size=[2, 1], value=[1, 2], **dimension({"label": {"2025": "2025*"}}))
    assert rows(table) == [("SSS", "2025", 1.0, ""), ("KU205", "2025", 2.0, "")]
    assert table.labels["timeperiod_y"] == {"2025": "2025*"}


def test_sizes_and_positions_may_be_texts() -> None:
    changed = dimension({"index": {"2023": "0", "2024": "1", "2025": "2"}})
    assert rows(read(size=["2", "3"], **changed)) == rows(read())


def test_values_may_be_sparse() -> None:
    table = read(value={"5": 6, "0": 1})
    assert [row[2] for row in rows(table)] == [1.0, None, None, None, None, 6.0]


def test_numbers_may_be_texts() -> None:
    table = read(value=["1", "-2.50", "3e2", None, 5, "0"])
    assert [row[2] for row in rows(table)] == [1.0, -2.5, 300.0, None, 5.0, 0.0]


LONG = 60_000  # cells, several pieces of the list they are read in


def long_answer(values: list[Any]) -> bytes:
    """One dimension of as many categories as `values`."""
    index = [str(number) for number in range(len(values))]
    described = {"place": {"category": {"index": index}}}
    return orjson.dumps(cube(id=["place"], size=[len(values)], dimension=described, role={}, value=values))


def figures_of(body: bytes) -> list[float | None]:
    return [None if math.isnan(one) else one for one in read_jsonstat(body).frame["value"]]


def test_a_long_list_of_values_keeps_its_order_and_its_nulls() -> None:
    values = [None if one % 7 == 0 else one / 8 if one % 2 else 10 * one for one in range(LONG)]
    assert figures_of(long_answer(values)) == values
    assert figures_of(json.dumps(json.loads(long_answer(values)), indent=1).encode()) == values


def test_a_symbol_late_in_a_long_list_is_read() -> None:
    table = read_jsonstat(long_answer([*range(LONG), "..", 7]))
    assert list(table.frame["symbol"].iloc[-3:]) == ["", "..", ""]
    assert table.frame["value"].iloc[-1] == 7


def test_another_list_called_value_is_not_the_datasets() -> None:
    for key in ("a", "z"):  # before and behind the dataset's own
        document = orjson.loads(long_answer([4, 5, 6])) | {"extension": {key: {"value": [1, 2, 3]}}}
        assert figures_of(json.dumps(document, sort_keys=True).encode()) == [4, 5, 6]


@pytest.mark.parametrize(
    "damage", [b"1,,2", b"1,", b",1", b"1 2", b"01", b"+1", b".5", b"NaN", b"Infinity", b"1e999"]
)
@pytest.mark.parametrize("before", [0, LONG])
def test_a_list_of_values_that_is_no_json_is_refused(damage: bytes, before: int) -> None:
    body = long_answer([*range(before), "damage"]).replace(b'"damage"', damage)
    with pytest.raises(SourceError, match="the answer is no JSON"):
        read_jsonstat(body)


def test_a_byte_order_mark_is_no_harm() -> None:
    assert len(read_jsonstat(b"\xef\xbb\xbf" + orjson.dumps(cube())).frame) == 6


# What is missing, and why


@pytest.mark.parametrize("symbol", [".", "..", "...", "-"])
@pytest.mark.parametrize("form", ["object", "list"])
def test_a_missing_symbol_is_neither_null_nor_zero(symbol: str, form: str) -> None:
    status = {"1": symbol} if form == "object" else [None, symbol, None, None, None, None]
    table = read(value=[0, None, None, 4, 5, 6], status=status)
    assert [row[2:] for row in rows(table)[:3]] == [(0.0, ""), (None, symbol), (None, "")]


def test_symbols_are_kept_apart_from_each_other() -> None:
    table = read(value=[None] * 6, status={"0": ".", "1": "..", "2": "...", "3": "-", "4": "c"})
    assert [row[3] for row in rows(table)] == [".", "..", "...", "-", "c", ""]


def test_one_status_is_said_of_all_cells_and_counts_where_there_is_no_figure() -> None:
    table = read(value=[1, None, 3, 4, 5, None], status="e")
    assert [row[3] for row in rows(table)] == ["", "e", "", "", "", "e"]


def test_symbols_may_stand_among_the_values() -> None:
    table = read(value=[1, "...", ".", None, "..", "-"])
    assert [row[2:] for row in rows(table)] == [
        (1.0, ""),
        (None, "..."),
        (None, "."),
        (None, ""),
        (None, ".."),
        (None, "-"),
    ]
    assert [row[3] for row in rows(read(value={"3": "..."}))] == ["", "", "", "...", "", ""]


def test_a_status_beside_a_figure_leaves_the_figure_alone() -> None:
    assert rows(read(status={"0": "p", "1": "e", "5": "*"})) == rows(read())


def test_dots_beside_a_figure_contradict_it() -> None:
    with pytest.raises(SourceError, match=r"both the figure 5\.5 and a missing symbol in cell 4"):
        read(status={"4": "..."})


# What is refused


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"class": "collection"}, "no JSON-stat 2 dataset"),
        ({"class": None}, "no JSON-stat 2 dataset"),
        ({"id": None}, "no lists 'id' and 'size'"),
        ({"id": [1, 2]}, "no lists 'id' and 'size'"),
        ({"id": [], "size": []}, "no lists 'id' and 'size'"),
        ({"size": [2]}, "2 dimensions but 1 sizes"),
        ({"id": ["timeperiod_y", "timeperiod_y"]}, "names a dimension twice"),
        ({"id": ["value", "timeperiod_y"]}, "names a dimension twice, or 'value'"),
        ({"size": [2, -3]}, "no whole number"),
        ({"size": [2, 3.0]}, "no whole number"),
        ({"size": [2, True]}, "no whole number"),
        ({"size": [2, "3 "]}, "no whole number"),
        ({"size": [2, 0], "value": []}, "is empty: dimension 'timeperiod_y' has no values"),
        ({"size": [10**9, 10**9]}, "claims 1000000000000000000 cells"),
        ({"size": [2, 4]}, "3 categories but the size 4"),
        ({"dimension": None}, "describes no dimensions"),
        ({"dimension": {}}, "does not describe its dimension 'alue_23_20260101'"),
        ({"dimension": {"alue_23_20260101": {}}}, "lists no categories"),
        ({"value": None}, "no list or object 'value'"),
        ({"value": 5}, "no list or object 'value'"),
        ({"value": []}, "0 values for 6 cells"),
        ({"value": [1, 2, 3, 4, 5]}, "5 values for 6 cells"),
        ({"value": [1, 2, 3, 4, 5, 6, 7]}, "7 values for 6 cells"),
        ({"value": [1, 2, 3, 4, 5, True]}, "no number but a bool"),
        ({"value": [True] * 6}, "no number but a bool"),
        ({"value": [1, 2, 3, 4, 5, [6]]}, "no number but a list"),
        ({"value": [[1]] * 6}, "no number but a list"),
        ({"value": [1, 2, 3, 4, 5, {}]}, "no number but a dict"),
        ({"value": [1, 2, 3, 4, 5, "nan"]}, "'nan' stands for a value"),
        ({"value": [1, 2, 3, 4, 5, "Infinity"]}, "'Infinity' stands for a value"),
        ({"value": [1, 2, 3, 4, 5, "1e999"]}, "'1e999' stands for a value"),
        ({"value": [1, 2, 3, 4, 5, "1,5"]}, "'1,5' stands for a value"),
        ({"value": [1, 2, 3, 4, 5, "1_000"]}, "'1_000' stands for a value"),
        ({"value": [1, 2, 3, 4, 5, ""]}, "'' stands for a value"),
        ({"value": [1, 2, 3, 4, 5, "a\nb"]}, "'a b' stands for a value"),
        ({"value": {"6": 1}}, "'value' of cell 6, but 6 cells"),
        ({"value": {"-1": 1}}, "no cell number"),
        ({"value": {"": 1}}, "no cell number"),
        ({"value": {"x": 1}}, "no cell number"),
        ({"value": {"²": 1}}, "no cell number"),
        ({"value": {"9" * 30: 1}}, "no cell number"),
        ({"value": {"1": 1, "01": 2}}, "'value' of one cell twice"),
        ({"status": {"6": "."}}, "'status' of cell 6"),
        ({"status": ["."]}, "1 statuses for 6 cells"),
        ({"status": {"0": 5}}, "status that is no text"),
        ({"status": [{}] * 6}, "status that is no text"),
        ({"status": 7}, "no list, object or text"),
        (dimension({}), "no index and not exactly one label"),
        (dimension({"label": {"a": "A", "b": "B"}}), "no index and not exactly one label"),
        (dimension({"index": 3}), "neither an object nor a list"),
        (dimension({"index": ["2023", "2024"]}), "2 categories but the size 3"),
        (dimension({"index": ["2023", "2024", "2024"]}), "same category code twice"),
        (dimension({"index": [2023, 2024, 2025]}), "no text"),
        (dimension({"index": {"2023": 0, "2024": 1, "2025": 1}}), "does not number its categories"),
        (dimension({"index": {"2023": 1, "2024": 2, "2025": 3}}), "does not number its categories"),
        (dimension({"index": {"2023": 0, "2024": 1, "2025": None}}), "does not number its categories"),
    ],
)
def test_what_is_no_whole_dataset_is_refused_in_one_line(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(SourceError, match=reason) as caught:
        read(**changes)
    assert str(caught.value).isprintable() and len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>503</html>",
        b'{"class":"dataset"',
        b'{"class":"dataset","value":[NaN]}',
        b'{"class":"dataset","value":[Infinity]}',
        b'{"class":"dataset","value":[1e999]}',
        b'{"class":"dataset","label":"\xff\xfe"}',
        b'{"a":' * 5000,
        b"[" * 5000,
        b"null",
        b"[]",
        b"5",
    ],
)
def test_what_is_no_json_or_no_object_is_refused_in_one_line(body: bytes) -> None:
    with pytest.raises(SourceError) as caught:
        read_jsonstat(body)
    assert str(caught.value).isprintable() and len(str(caught.value)) < 300


def test_an_answer_cannot_claim_more_cells_than_memory_has() -> None:
    many = [str(number) for number in range(5000)]
    document = cube(
        size=[5000, 5000],
        value={"0": 1},
        dimension={code: {"category": {"index": many}} for code in ("alue_23_20260101", "timeperiod_y")},
    )
    with pytest.raises(SourceError, match="claims 25000000 cells"):
        read_jsonstat(orjson.dumps(document))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_damaged_answer_never_ends_in_anything_but_an_error_line(data: st.DataObject) -> None:
    body = bytearray(orjson.dumps(cube(status={"1": "..."}, value=[1, None, 3, 4, 5.5, "..."])))
    for _ in range(data.draw(st.integers(1, 3))):
        position = data.draw(st.integers(0, len(body) - 1))
        body[position : position + data.draw(st.integers(0, 20))] = data.draw(
            st.sampled_from([b"", b"null", b"true", b"[]", b"{}", b"-1", b'""', b"\xff", b"0", b'"x"'])
        )
    try:
        table = read_jsonstat(bytes(body))
    except SourceError as error:
        assert str(error).isprintable()
    else:
        assert {"value", "symbol"} < set(table.frame.columns)


# Every written form of the same cube reads as the same frame

CODES = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=6)
CELLS = st.one_of(
    st.none(),
    st.integers(-(10**9), 10**9),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.sampled_from([".", "..", "...", "-"]),
)


@st.composite
def cubes(draw: st.DrawFn) -> tuple[dict[str, list[str]], list[Any]]:
    """Dimension codes with their category codes, and the cells: None, a number, or a missing symbol."""
    names = draw(
        st.lists(
            CODES.filter(lambda one: one not in ("value", "symbol")), min_size=1, max_size=4, unique=True
        )
    )
    dimensions = {name: draw(st.lists(CODES, min_size=1, max_size=4, unique=True)) for name in names}
    count = math.prod(map(len, dimensions.values()))
    return dimensions, draw(st.lists(CELLS, min_size=count, max_size=count))


def expected_rows(dimensions: dict[str, list[str]], cells: list[Any]) -> list[tuple[Any, ...]]:
    """The simple way: one nested loop a dimension."""
    keys: list[tuple[str, ...]] = [()]
    for values in dimensions.values():
        keys = [(*key, value) for key in keys for value in values]
    return [
        (*key, None, cell) if isinstance(cell, str) else (*key, None if cell is None else float(cell), "")
        for key, cell in zip(keys, cells, strict=True)
    ]


def written(draw: st.DrawFn, dimensions: dict[str, list[str]], cells: list[Any]) -> dict[str, Any]:
    """The cube in forms chosen by `draw`."""
    described = {}
    for name, values in dimensions.items():
        form = draw(st.sampled_from(["list", "object", "text positions", "absent"]))
        if form == "absent" and len(values) == 1:
            category: dict[str, Any] = {"label": {values[0]: "one"}}
        elif form == "list" or form == "absent":
            category = {"index": values}
        else:
            order = draw(st.permutations(range(len(values))))
            category = {"index": {values[i]: str(i) if form == "text positions" else i for i in order}}
        described[name] = {"label": name, "category": category}
    in_values = draw(st.booleans())
    figures = [cell if in_values or not isinstance(cell, str) else None for cell in cells]
    if draw(st.booleans()):
        figures = [
            json.dumps(one) if isinstance(one, (int, float)) and draw(st.booleans()) else one
            for one in figures
        ]
    document: dict[str, Any] = {
        "class": "dataset",
        "id": list(dimensions),
        "size": [draw(st.sampled_from([len(one), str(len(one))])) for one in dimensions.values()],
        "dimension": described,
        "value": figures
        if draw(st.booleans())
        else {str(i): one for i, one in enumerate(figures) if one is not None or draw(st.booleans())},
    }
    symbols = [cell if isinstance(cell, str) else None for cell in cells]
    if not in_values:
        if any(symbols) and len(set(symbols)) == 1:
            document["status"] = symbols[0]
        elif draw(st.booleans()):
            document["status"] = symbols
        else:
            document["status"] = {str(i): one for i, one in enumerate(symbols) if one is not None}
    return document


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_every_written_form_of_a_cube_reads_the_same(data: st.DataObject) -> None:
    dimensions, cells = data.draw(cubes())
    document = written(data.draw, dimensions, cells)  # type: ignore[arg-type]
    table = read_jsonstat(orjson.dumps(document))
    assert rows(table) == expected_rows(dimensions, cells)
    assert table.dimensions == tuple(dimensions)
    for name, values in dimensions.items():
        assert list(table.frame[name].cat.categories) == values


# The recordings of the real service


@pytest.mark.parametrize(
    ("file", "values", "updated"),
    [
        ("11re-query-three-cities.jsonstat2.json", {"KU049": 325716, "KU091": 694392, "KU092": 252956}, 4),
        ("11re-query-helsinki-top5.jsonstat2.json", {}, 4),
        ("11re-query-whole-country-top3.jsonstat2.json", {}, 4),
    ],
)
def test_recorded_answers_read(recordings: Path, file: str, values: dict[str, float], updated: int) -> None:
    body = (recordings / "statfin" / file).read_bytes()
    table = read_jsonstat(body)
    assert table.updated == datetime(2026, updated, 1, 5, tzinfo=UTC)
    assert table.table_id == "11re"
    assert table.units == {"vaerak-vaesto": "lukumäärä"}
    assert len(table.frame) == len(orjson.loads(body)["value"])
    assert table.frame["value"].notna().all() and (table.frame["symbol"] == "").all()
    assert (
        dict(zip(table.frame["alue_23_20260101"], table.frame["value"], strict=True)).items()
        >= values.items()
    )


def test_the_recorded_whole_country_ends_at_its_known_population(recordings: Path) -> None:
    table = read_jsonstat(
        (recordings / "statfin" / "11re-query-whole-country-top3.jsonstat2.json").read_bytes()
    )
    assert rows(table)[-1] == ("SSS", "SSS", "SSS", "2025", "vaerak-vaesto", 5652881.0, "")


def test_an_answer_from_before_the_change_reads_too(recordings: Path) -> None:
    table = read_jsonstat(
        (recordings / "statfin" / "old-rpk-135l-all-areas-1987-2020.jsonstat2.json").read_bytes()
    )
    assert len(table.frame) == 34 * 328
    assert table.dimensions == ("Vuosi", "Rikosnimike", "Alue", "Tiedot")
    assert "KU205" in set(table.frame["Alue"])


# The checksum of what matters


def checksum(document: Any, content_type: str = "application/json; charset=utf-8") -> str:
    return canonical_checksum(orjson.dumps(document), content_type)


def test_a_new_date_a_note_or_another_order_of_keys_change_no_checksum() -> None:
    first = checksum(cube())
    changed = cube(updated="2026-05-01T05:00:00Z", note=["new"], link={"a": []})
    changed["extension"] = {"px": changed["extension"]["px"], "contact": [{"raw": "somebody else"}]}
    changed["dimension"]["timeperiod_y"] |= {"note": ["n"], "link": {}}
    changed["dimension"]["timeperiod_y"]["category"]["note"] = {"2025": ["n"]}
    assert checksum(changed) == first
    assert checksum(dict(reversed(cube().items()))) == first


@pytest.mark.parametrize(
    "changes",
    [
        {"value": [1, 2, 3, 4, 5.5, 7]},
        {"value": [1, 2, 3, 4, 5.5, None]},
        {"status": {"0": "."}},
        {"source": "another"},
        {"label": "another"},
        {"extension": {"px": {"tableid": "12bs"}}},
        dimension({"index": ["2022", "2023", "2024"]}),
        dimension({"index": ["2023", "2024", "2025"], "label": {"2025": "2025*"}}),
    ],
)
def test_anything_that_matters_changes_the_checksum(changes: dict[str, Any]) -> None:
    assert checksum(cube(**changes)) != checksum(cube())


def test_a_dimension_may_be_called_note_or_link() -> None:
    one = cube(id=["note", "link"], dimension={"note": {"category": {"index": ["link", "updated"]}}})
    other = cube(id=["note", "link"], dimension={"note": {"category": {"index": ["link", "x"]}}})
    assert checksum(one) != checksum(other)


def test_the_checksum_of_px_json_leaves_dates_and_comments_out(recordings: Path) -> None:
    document = orjson.loads((recordings / "statfin" / "121w-all-municipalities-2025.json").read_bytes())
    first = checksum(document)
    document["metadata"][0]["updated"] = "2027-01-01T05.00.00Z"
    document["comments"] = [{"comment": "x"}]
    document["columns"][2]["comment"] = "y"
    assert checksum(document) == first
    document["data"][0]["values"][0] += "1"
    assert checksum(document) != first


def test_metadata_count_whole() -> None:
    assert checksum({"title": "a", "variables": []}) != checksum({"title": "b", "variables": []})
    assert checksum({"title": "a", "variables": []}) == checksum({"variables": [], "title": "a"})


def test_other_formats_count_byte_by_byte() -> None:
    assert canonical_checksum(b"a;b", "text/csv") != canonical_checksum(b"a; b", "text/csv")
    for broken in (b'{"a":', b"\xff", b"[" * 3000, b"[" * 500 + b"]" * 500):
        assert len(canonical_checksum(broken, "application/json")) == 64
    assert canonical_checksum(b'{"a":', "application/json") != canonical_checksum(
        b'{"b":', "application/json"
    )
