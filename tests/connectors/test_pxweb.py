"""PxWeb's protocol: limits, metadata, queries that ask every cell once, and safe addresses."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import pxweb
from connectors.limiter import RateLimits
from connectors.pxweb import Limits, Query
from models.errors import SourceError
from models.resolution import Resolution

CONFIG = {"maxValues": 120000, "maxCells": 120000, "maxCalls": 40, "timeWindow": 60, "CORS": True}


def resolution(**changes: Any) -> Resolution:
    """Two areas, three years, two contents, one class and one total, with `changes`."""
    found = Resolution(
        dataset_id="statfin/vaerak/11re",
        table="vaerak/11re",
        area_variable="alue_23_20260101",
        areas={"SSS": "SSS", "KU205": "KU205"},
        time_variable="timeperiod_y",
        periods=("2023", "2024", "2025"),
        preliminary=frozenset(),
        contents_variable="contentscode",
        contents={"population": "vaerak-vaesto", "change": "vaerak-muutos"},
        classes={"age": ("Ikäryhmä", {"young": "000", "old": "100-"})},
        totals={"sukupuoli_9_20180101": "SSS"},
        eliminated=("kieli",),
    )
    return replace(found, **changes)


# Limits


def test_the_limits_are_the_servers_but_never_more_cells_than_our_own() -> None:
    limits = pxweb.read_config(orjson.dumps(CONFIG))
    assert limits == Limits(max_cells=100_000, calls=40, window_seconds=60.0)
    assert limits.rate == RateLimits(40, 60.0)
    small = pxweb.read_config(orjson.dumps(CONFIG | {"maxCells": 2000, "maxCalls": 5, "timeWindow": 2}))
    assert small == Limits(max_cells=2000, calls=5, window_seconds=2.0)


def test_the_recorded_limits_read(recordings: Path) -> None:
    body = (recordings / "statfin" / "old-statfin-config.en.json").read_bytes()
    assert pxweb.read_config(body) == Limits(100_000, 30, 10.0)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html>", "is no JSON"),
        (b"[]", "no JSON object"),
        (b"{}", "maxCells 'None'"),
        (orjson.dumps(CONFIG | {"maxCells": 0}), "maxCells '0'"),
        (orjson.dumps(CONFIG | {"maxCalls": True}), "maxCalls 'True'"),
        (orjson.dumps(CONFIG | {"timeWindow": "60"}), "timeWindow '60'"),
        (orjson.dumps(CONFIG | {"timeWindow": -1}), "timeWindow '-1'"),
        (orjson.dumps(CONFIG | {"timeWindow": 10**9}), "more than the 3600 s that are believed"),
    ],
)
def test_limits_that_make_no_sense_are_refused(body: bytes, reason: str) -> None:
    with pytest.raises(SourceError, match=reason) as caught:
        pxweb.read_config(body)
    assert str(caught.value).isprintable()


# Metadata


def test_the_recorded_metadata_read(recordings: Path) -> None:
    meta = pxweb.read_metadata((recordings / "statfin" / "11re-metadata.fi.json").read_bytes(), "vaerak/11re")
    assert meta.table == "vaerak/11re"
    assert meta.title == "Väestö 31.12. muuttujina Alue, Ikä, Sukupuoli, Vuosi ja Tiedot"
    assert [(one.code, len(one.values), one.elimination, one.time) for one in meta.variables] == [
        ("alue_23_20260101", 309, True, False),
        ("ikaryhma_10_20180101", 102, True, False),
        ("sukupuoli_9_20180101", 3, True, False),
        ("timeperiod_y", 54, False, True),
        ("contentscode", 1, False, False),
    ]
    area = meta.variables[0]
    assert area.text == "Alue" and area.map
    assert area.texts[area.values.index("KU205")] == "Kajaani"


@pytest.mark.parametrize(
    "file",
    [
        "135z-metadata.fi.json",
        "old-117s-metadata.en.json",
        "old-kuntien-avainluvut-2017-px-table-aikasarja-response.json",
    ],
)
def test_other_recorded_metadata_read_too(recordings: Path, file: str) -> None:
    meta = pxweb.read_metadata((recordings / "statfin" / file).read_bytes(), "x/y")
    assert all(len(one.values) == len(one.texts) > 0 for one in meta.variables)
    assert sum(one.time for one in meta.variables) == 1


def variable(**changes: Any) -> dict[str, Any]:
    return {"code": "a", "text": "A\n", "values": ["1", "2"], "valueTexts": ["One\r\n", " Two"]} | changes


def test_texts_lose_the_line_feeds_at_their_ends() -> None:
    meta = pxweb.read_metadata(orjson.dumps({"title": " T\n\n", "variables": [variable()]}), "x/y")
    assert meta.title == "T"
    assert meta.variables[0].text == "A" and meta.variables[0].texts == ("One", "Two")


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ([], "no JSON object"),
        ({}, "list no variables"),
        ({"variables": []}, "list no variables"),
        ({"variables": [5]}, "variable without a code"),
        ({"variables": [variable(code="")]}, "variable without a code"),
        ({"variables": [variable(), variable()]}, "two variables with the same code"),
        ({"variables": [variable(values=None)]}, "do not list the values of 'a'"),
        ({"variables": [variable(valueTexts=None)]}, "do not list the values of 'a'"),
        ({"variables": [variable(values=[1, 2])]}, "that are no texts"),
        ({"variables": [variable(values="12")]}, "that are no texts"),
        ({"variables": [variable(values=["1"])]}, "1 values of 'a' but 2 texts"),
        ({"variables": [variable(values=[], valueTexts=[])]}, "an empty list of values of 'a'"),
        ({"variables": [variable(values=["1", "1"])]}, "the same value of 'a' twice"),
    ],
)
def test_metadata_that_are_not_whole_are_refused_in_one_line(document: Any, reason: str) -> None:
    with pytest.raises(SourceError, match=reason) as caught:
        pxweb.read_metadata(orjson.dumps(document), "vaerak/11re")
    assert "vaerak/11re" in str(caught.value) and str(caught.value).isprintable()


@pytest.mark.parametrize("body", [b"", b"<html>\n<p>x", b"\xff", b"[" * 5000])
def test_metadata_that_are_no_json_are_refused_in_one_line(body: bytes) -> None:
    with pytest.raises(SourceError, match="the metadata of vaerak/11re is no JSON") as caught:
        pxweb.read_metadata(body, "vaerak/11re")
    assert str(caught.value).isprintable()


# Queries


def test_a_query_names_every_variable_but_the_eliminated_ones() -> None:
    (query,) = pxweb.plan(resolution(), Limits(100_000, 40, 60.0))
    assert orjson.loads(query.body) == {
        "query": [
            {"code": "timeperiod_y", "selection": {"filter": "item", "values": ["2023", "2024", "2025"]}},
            {"code": "alue_23_20260101", "selection": {"filter": "item", "values": ["SSS", "KU205"]}},
            {
                "code": "contentscode",
                "selection": {"filter": "item", "values": ["vaerak-vaesto", "vaerak-muutos"]},
            },
            {"code": "Ikäryhmä", "selection": {"filter": "item", "values": ["000", "100-"]}},
            {"code": "sukupuoli_9_20180101", "selection": {"filter": "item", "values": ["SSS"]}},
        ],
        "response": {"format": "json-stat2"},
    }
    assert "Ikäryhmä".encode() in query.body
    assert pxweb.cells(query) == 24
    assert pxweb.read_query(query.body) == (dict(query.selections), "json-stat2")


def test_a_table_of_the_whole_country_asks_no_area() -> None:
    (query,) = pxweb.plan(resolution(area_variable=None, areas={"": "SSS"}), Limits(100_000, 40, 60.0))
    assert [code for code, _ in query.selections] == [
        "timeperiod_y",
        "contentscode",
        "Ikäryhmä",
        "sukupuoli_9_20180101",
    ]


def test_classes_the_table_lacks_are_not_asked_and_shared_values_are_asked_once() -> None:
    asked = pxweb.selections(
        resolution(
            classes={
                "age": (None, {"total": ""}),
                "one": ("koulutus", {"a": "3", "b": "5"}),
                "other": ("koulutus", {"c": "5", "d": "SSS"}),
            },
            contents={"one": "x", "same": "x"},
        )
    )
    assert asked["koulutus"] == ("3", "5", "SSS")
    assert asked["contentscode"] == ("x",)
    assert "age" not in asked and None not in asked


@pytest.mark.parametrize(
    "changes", [{"periods": ()}, {"areas": {}}, {"contents": {}}, {"classes": {"age": ("Ikäryhmä", {})}}]
)
def test_nothing_to_ask_is_an_error(changes: dict[str, Any]) -> None:
    with pytest.raises(SourceError, match="nothing to ask of variable"):
        pxweb.plan(resolution(**changes), Limits(100_000, 40, 60.0))


def test_a_query_is_split_along_its_largest_variable_in_as_few_parts_as_fit() -> None:
    years = tuple(str(year) for year in range(1990, 2026))
    whole = resolution(periods=years, areas={f"KU{n:03d}": "" for n in range(20)}, classes={})
    parts = pxweb.plan(whole, Limits(650, 40, 60.0))
    assert [pxweb.cells(part) for part in parts] == [480, 480, 480]
    assert [dict(part.selections)["timeperiod_y"] for part in parts] == [years[:12], years[12:24], years[24:]]


def keys(query: Query) -> set[tuple[str, ...]]:
    ordered = sorted(query.selections)
    return set(itertools.product(*(values for _, values in ordered)))


@settings(max_examples=150, deadline=None)
@given(
    sizes=st.tuples(*[st.integers(1, 7)] * 5),
    country_only=st.booleans(),
    max_cells=st.integers(1, 200),
)
def test_the_parts_ask_every_cell_once_and_keep_within_the_limit(
    sizes: tuple[int, int, int, int, int], country_only: bool, max_cells: int
) -> None:
    times, areas, contents, one, other = sizes
    whole = resolution(
        periods=tuple(f"p{n}" for n in range(times)),
        area_variable=None if country_only else "alue",
        areas={"": "SSS"} if country_only else {f"a{n}": "" for n in range(areas)},
        contents={f"c{n}": f"k{n}" for n in range(contents)},
        classes={
            "one": ("one", {f"v{n}": f"v{n}" for n in range(one)}),
            "other": ("other", {f"w{n}": f"w{n}" for n in range(other)}),
        },
    )
    limits = Limits(max_cells, 40, 60.0)
    parts = pxweb.plan(whole, limits)
    assert parts == pxweb.plan(whole, limits)
    assert all(pxweb.cells(part) <= max_cells for part in parts)
    asked = [key for part in parts for key in keys(part)]
    assert len(asked) == len(set(asked)) == sum(map(pxweb.cells, parts))
    assert set(asked) == keys(pxweb.plan(whole, Limits(10**9, 40, 60.0))[0])
    assert len(parts) <= 3 * math.ceil(len(asked) / max_cells)


def test_the_release_query_asks_one_cell_a_content() -> None:
    document = orjson.loads(pxweb.release_query(resolution()))
    assert {one["code"]: one["selection"] for one in document["query"]} == {
        "timeperiod_y": {"filter": "top", "values": ["1"]},
        "alue_23_20260101": {"filter": "item", "values": ["SSS"]},
        "contentscode": {"filter": "item", "values": ["vaerak-vaesto", "vaerak-muutos"]},
        "Ikäryhmä": {"filter": "item", "values": ["000"]},
        "sukupuoli_9_20180101": {"filter": "item", "values": ["SSS"]},
    }
    assert document["response"] == {"format": "json-stat2"}


@pytest.mark.parametrize(
    "body", ["", "{}", "[]", "5", '{"query":[{}],"response":{}}', '{"query":5,"response":{"format":"x"}}']
)
def test_a_kept_request_that_is_no_query_is_refused(body: str) -> None:
    with pytest.raises(SourceError, match="a kept request is no PxWeb query"):
        pxweb.read_query(body)


def test_a_kept_request_by_other_filters_is_refused() -> None:
    with pytest.raises(SourceError, match="asks 'timeperiod_y' by other means"):
        pxweb.read_query(pxweb.release_query(resolution()))


# Addresses


def test_an_address_is_base_language_database_and_table() -> None:
    base = "http://127.0.0.1:8801/PXWeb/api/v1"
    expected = "http://127.0.0.1:8801/PXWeb/api/v1/fi/StatFin/vkour/12bs.px"
    assert pxweb.table_url(base, "fi", "StatFin", "vkour/12bs") == expected
    assert pxweb.table_url(base + "/", "fi", "StatFin", "vkour/12bs") == expected
    assert pxweb.table_url(base, "fi", "a b/ä", "x").endswith("/fi/a%20b%2F%C3%A4/x.px")
    assert pxweb.config_url(base, "fi") == "http://127.0.0.1:8801/PXWeb/api/v1/fi/?config"


@pytest.mark.parametrize(
    "table",
    [
        "",
        "/",
        "../admin",
        "vkour/../../x",
        "vkour//12bs",
        "vkour/12bs/",
        "vkour/12bs?x",
        "a b",
        "vkour/12bs\n",
        "ä",
        "a#b",
        "a%2e",
    ],
)
def test_what_is_no_table_gets_no_address(table: str) -> None:
    with pytest.raises(SourceError, match="is no table"):
        pxweb.table_url("http://127.0.0.1:8801", "fi", "StatFin", table)


# Lists of tables, and whose an address is


def test_an_address_tells_its_table() -> None:
    for table in ("vkour/12bs", "vaerak/statfin_vaerak_pxt_11re"):
        assert pxweb.table_of(pxweb.table_url("https://x.fi/PxWeb/api/v1", "fi", "StatFin", table)) == table
    for url in (
        "u",
        "",
        "https://x.fi/PxWeb/api/v1/fi/StatFin/vkour",
        "https://x.fi/12bs.px",
        "x/..%2F/12bs.px",
    ):
        with pytest.raises(SourceError, match="no address of a table"):
            pxweb.table_of(url)


def test_the_address_of_a_list_is_that_of_its_subject() -> None:
    address = pxweb.listing_url("https://x.fi/api/v1/", "fi", "StatFin", "vaerak")
    assert address == "https://x.fi/api/v1/fi/StatFin/vaerak"
    with pytest.raises(SourceError, match="is no subject"):
        pxweb.listing_url("https://x.fi/api/v1", "fi", "StatFin", "../vaerak")


def test_a_recorded_list_reads(recordings: Path) -> None:
    listed = pxweb.read_listing((recordings / "statfin" / "vaerak-table-list.fi.json").read_bytes(), "vaerak")
    assert listed["vaerak/11ra"].startswith("11ra -- ")
    assert [table for table, text in listed.items() if pxweb.is_table(table, text, "vaerak/11ra")] == [
        "vaerak/11ra"
    ]


def test_what_is_no_table_is_left_out_of_a_list() -> None:
    body = orjson.dumps(
        [
            {"id": "sub", "type": "l", "text": "Alikansio"},
            {"id": "11ra.px", "type": "t", "text": "11ra -- Tunnuslukuja\n"},
            {"id": "../evil.px", "type": "t", "text": "11ra -- evil"},
            {"id": "x.txt", "text": "x"},
            {"text": "nothing"},
            "nothing",
        ]
    )
    assert pxweb.read_listing(body, "vaerak") == {"vaerak/11ra": "11ra -- Tunnuslukuja"}


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'"x"', b"null", b""])
def test_what_is_no_list_is_refused(body: bytes) -> None:
    with pytest.raises(SourceError, match="the list of the tables of vaerak is no JSON"):
        pxweb.read_listing(body, "vaerak")


@pytest.mark.parametrize(
    ("listed", "text", "same"),
    [
        ("vaerak/11ra", "Tunnuslukuja", True),
        ("vaerak/statfin_vaerak_pxt_11ra", "Tunnuslukuja", True),
        ("vaerak/uusi_11ra_2027", "Tunnuslukuja", True),
        ("vaerak/x", "11ra -- Tunnuslukuja", True),
        ("vaerak/x", "11RA. Tunnuslukuja", True),
        ("vaerak/x", "Tunnuslukuja, korvaa taulukon 11ra", False),
        ("vaerak/11rab", "11rab -- Tunnuslukuja", False),
        ("vaerak/statfin_vaerak_pxt_11re", "11re -- Väestö", False),
    ],
)
def test_a_table_is_known_by_its_id_in_any_form(listed: str, text: str, same: bool) -> None:
    assert pxweb.is_table(listed, text, "vaerak/11ra") is same
    assert pxweb.is_table(listed, text, "vaerak/statfin_vaerak_pxt_11ra") is same
