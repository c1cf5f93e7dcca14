"""PX-JSON: contents in columns become one dimension, the recordings give known figures."""

from __future__ import annotations

import csv
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.pxjson import read_pxjson
from models.errors import SourceError
from models.table import SourceTable


def answer(**changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = {
        "columns": [
            {"code": "timeperiod_y", "text": "Vuosi", "type": "t"},
            {"code": "alue_23_20260101", "text": "Alue", "type": "d"},
            {"code": "ssaaty-vm01", "text": "Elävänä syntyneet", "comment": "x", "type": "c"},
            {"code": "ssaaty-vm11", "text": "Kuolleet", "type": "c"},
        ],
        "comments": [],
        "data": [
            {"key": ["2025", "SSS"], "values": ["46000", "..."]},
            {"key": ["2025", "KU205"], "values": ["271", "442.5"]},
        ],
        "metadata": [{"updated": "2026-05-27T05.00.00Z", "label": "Muutokset", "source": "Tilastokeskus"}],
    }
    document |= changes
    return {key: value for key, value in document.items() if value is not None}


def read(**changes: Any) -> SourceTable:
    return read_pxjson(orjson.dumps(answer(**changes)))


def rows(table: SourceTable) -> list[tuple[Any, ...]]:
    return [
        (*row[:-2], None if math.isnan(row[-2]) else row[-2], row[-1])
        for row in table.frame.astype({"symbol": str}).itertuples(index=False, name=None)
    ]


def test_contents_become_a_dimension() -> None:
    table = read()
    assert table.dimensions == ("timeperiod_y", "alue_23_20260101", "contentscode")
    assert rows(table) == [
        ("2025", "SSS", "ssaaty-vm01", 46000.0, ""),
        ("2025", "SSS", "ssaaty-vm11", None, "..."),
        ("2025", "KU205", "ssaaty-vm01", 271.0, ""),
        ("2025", "KU205", "ssaaty-vm11", 442.5, ""),
    ]
    assert table.labels["contentscode"] == {"ssaaty-vm01": "Elävänä syntyneet", "ssaaty-vm11": "Kuolleet"}
    assert table.dimension_texts["alue_23_20260101"] == "Alue"
    assert table.roles == {"time": ("timeperiod_y",), "metric": ("contentscode",)}
    assert (table.updated, table.source, table.label, table.table_id) == (
        datetime(2026, 5, 27, 5, tzinfo=UTC),
        "Tilastokeskus",
        "Muutokset",
        "",
    )


def test_the_latest_of_several_stamps_is_the_release() -> None:
    about = [{"updated": "2026-05-27T05.00.00Z"}, {"updated": "2026-06-27T05.00.00Z"}, {}]
    assert read(metadata=about).updated == datetime(2026, 6, 27, 5, tzinfo=UTC)
    assert read(metadata=None).updated is None


def test_contents_may_stand_before_keys() -> None:
    columns = answer()["columns"]
    assert rows(read(columns=[columns[2], columns[0], columns[3], columns[1]])) == rows(read())


def test_a_table_without_keys_has_one_row_a_content() -> None:
    table = read(columns=answer()["columns"][2:], data=[{"key": [], "values": ["1", "."]}])
    assert rows(table) == [("ssaaty-vm01", 1.0, ""), ("ssaaty-vm11", None, ".")]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"columns": None}, "no lists 'columns' and 'data'"),
        ({"columns": [1]}, "no lists 'columns' and 'data'"),
        ({"data": {}}, "no lists 'columns' and 'data'"),
        ({"data": [[]]}, "no lists 'columns' and 'data'"),
        ({"data": []}, "has no rows"),
        ({"columns": [{"type": "c"}]}, "column without a code"),
        ({"columns": answer()["columns"][:2]}, "no content column"),
        ({"columns": [*answer()["columns"], {"code": "ssaaty-vm11", "type": "c"}]}, "the same column twice"),
        ({"columns": [*answer()["columns"], {"code": "contentscode", "type": "d"}]}, "the same column twice"),
        ({"data": [{"key": ["2025", "SSS"]}]}, "a row without 'values'"),
        ({"data": [{"key": ["2025"], "values": ["1", "2"]}]}, "a row whose 'key' are not 2"),
        ({"data": [{"key": ["2025", "SSS"], "values": ["1"]}]}, "a row whose 'values' are not 2"),
        ({"data": [{"key": "ab", "values": ["1", "2"]}]}, "a row whose 'key' are not 2"),
        ({"data": [{"key": [2025, "SSS"], "values": ["1", "2"]}]}, "not all texts"),
        ({"data": [{"key": ["2025", "SSS"], "values": [1, None]}]}, "not all texts"),
        ({"data": [{"key": ["2025", "SSS"], "values": ["1", "x"]}]}, "'x' stands for a value"),
        ({"data": [{"key": ["2025", "SSS"], "values": ["1", "NaN"]}]}, "'NaN' stands for a value"),
        ({"data": answer()["data"] * 2}, "the same key twice"),
    ],
)
def test_what_is_no_whole_answer_is_refused_in_one_line(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(SourceError, match=reason) as caught:
        read(**changes)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("body", [b"", b"[]", b'{"columns":', b"\xff", b"[" * 5000, b"<html>"])
def test_what_is_no_json_object_is_refused_in_one_line(body: bytes) -> None:
    with pytest.raises(SourceError) as caught:
        read_pxjson(body)
    assert str(caught.value).isprintable()


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_answer_reads_as_its_rows_say(data: st.DataObject) -> None:
    codes = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=5)
    own = codes.filter(lambda one: one not in ("value", "symbol", "contentscode"))
    names = data.draw(st.lists(own, min_size=2, max_size=6, unique=True))
    split = data.draw(st.integers(0, len(names) - 1))
    keys, contents = names[:split], names[split:]
    key_rows = data.draw(
        st.lists(st.tuples(*[codes] * len(keys)), min_size=1, max_size=1 if not keys else 8, unique=True)
    )
    cell = st.one_of(
        st.sampled_from([".", "..", "...", "-"]),
        st.integers(-(10**9), 10**9).map(str),
        st.floats(-1e6, 1e6).map(lambda one: f"{one:.2f}"),
    )
    cells = [data.draw(st.lists(cell, min_size=len(contents), max_size=len(contents))) for _ in key_rows]
    columns = [{"code": one, "text": one, "type": "d"} for one in keys]
    columns += [{"code": one, "text": one, "type": "c"} for one in contents]
    table = read(
        columns=columns,
        data=[{"key": list(key), "values": row} for key, row in zip(key_rows, cells, strict=True)],
    )
    symbols = {".", "..", "...", "-"}
    assert rows(table) == [
        (*key, content, None, text) if text in symbols else (*key, content, float(text), "")
        for key, row in zip(key_rows, cells, strict=True)
        for content, text in zip(contents, row, strict=True)
    ]


# The recordings of the real service

RECORDED = {
    "11ra-all-areas-2025-4-contents.json": (568 * 4, {}, (2026, 5, 29, 5)),
    "11re-all-municipalities-by-sex-2025.json": (927, {}, (2026, 4, 1, 5)),
    "121w-all-municipalities-2025.json": (309 * 21, {}, (2026, 5, 27, 5)),
    "12bs-all-areas-2025.json": (330 * 15, {".": 8}, (2026, 6, 18, 5)),
    "12r5-all-areas-2026M06.json": (9683, {"...": 904}, (2026, 7, 21, 5)),
    "12ti-three-occupations-all-areas-2026M06.json": (1263 * 2, {"...": 395}, (2026, 7, 21, 5)),
    "135z-national-2026M06.json": (21, {}, (2026, 7, 21, 5)),
    "14ww-all-areas-2024.json": (420 * 26, {"...": 975}, (2025, 12, 16, 6)),
}


@pytest.mark.parametrize("file", RECORDED)
def test_a_recorded_answer_has_its_cells_and_its_missing_symbols(recordings: Path, file: str) -> None:
    cells, symbols, updated = RECORDED[file]
    table = read_pxjson((recordings / "statfin" / file).read_bytes())
    assert len(table.frame) == cells
    counted = table.frame["symbol"].value_counts()
    assert {symbol: count for symbol, count in counted.items() if symbol and count} == symbols
    assert table.frame["value"].isna().sum() == sum(symbols.values())
    assert table.updated == datetime(*updated, tzinfo=UTC)
    assert table.source


def test_no_recording_is_left_out(recordings: Path) -> None:
    found = {
        path.name
        for path in (recordings / "statfin").glob("*.json")
        if isinstance(document := orjson.loads(path.read_bytes()), dict) and "columns" in document
    }
    assert found == set(RECORDED)


def test_every_known_value_of_kajaani_and_kainuu_is_found(recordings: Path) -> None:
    with (recordings / "kajaani" / "kajaani-kainuu-snapshot.tsv").open(encoding="utf-8") as file:
        known = list(csv.DictReader(file, delimiter="\t"))
    tables = {
        name: read_pxjson((recordings / "statfin" / name).read_bytes())
        for name in {row["recording"] for row in known}
    }
    assert len(known) == 172
    for row in known:
        frame = tables[row["recording"]].frame
        area = next(code for code in frame.columns if code.lower().startswith("alue"))
        chosen = (frame[area] == row["area"]) & (frame["contentscode"] == row["content_code"])
        if row["other_keys"]:
            code, _, value = row["other_keys"].partition("=")
            chosen &= frame[code] == value
        assert chosen.sum() == 1, row
        figure, symbol = frame.loc[chosen, ["value", "symbol"]].iloc[0]
        assert row["value"] == symbol or float(row["value"]) == figure, row


def test_the_figures_named_in_the_reference_are_there(recordings: Path) -> None:
    def figure(file: str, area: str, content: str) -> float:
        frame = read_pxjson((recordings / "statfin" / file).read_bytes()).frame
        code = next(name for name in frame.columns if name.lower().startswith("alue"))
        return float(frame.loc[(frame[code] == area) & (frame["contentscode"] == content), "value"].item())

    assert figure("121w-all-municipalities-2025.json", "KU205", "ssaaty-vaesto") == 36370
    assert figure("121w-all-municipalities-2025.json", "KU205", "ssaaty-vm43_netto") == -475
    assert figure("11ra-all-areas-2025-4-contents.json", "MK18", "vaerak-vaesto") == 69193
    assert figure("12bs-all-areas-2025.json", "KU205", "kaste5T8osuus") == 31.3
    assert figure("12r5-all-areas-2026M06.json", "KU205", "TYOTOSUUS") == 12.2
    assert figure("14ww-all-areas-2024.json", "KU205", "tjt-ekvikturaha_med") == 29128
