"""Queries are answered as PxWeb answers them: filters, eliminated variables, table order, both formats."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.answers import BadRequestError, TooManyCellsError, data, metadata
from demo.sample import load_sample
from demo.table import SYMBOLS, SampleTable
from models.table import Variable

AREAS = ("SSS", "KU049", "KU091", "KU092", "KU205", "MK18")
YEARS = ("2021", "2022", "2023", "2024", "2025")


def small_table(**changes):
    """Six areas × total, men, women × five years × a count and a rate; the figure is the cell's place."""
    shape = (6, 3, 5, 2)
    values = np.arange(np.prod(shape), dtype=np.float64).reshape(shape)
    symbols = np.zeros(shape, dtype=np.int8)
    values[4, 0, 4, 1], symbols[4, 0, 4, 1] = np.nan, SYMBOLS.index("...")
    values[5, 0, 0, 0] = np.nan  # a gap
    table = SampleTable(
        table="subj/1abc",
        title="1abc -- Pieni taulu, 2021-2025",
        contents="Pieni taulu",
        variables=(
            Variable("alue_23_20260101", "Alue", AREAS, AREAS, elimination=True, map="Alue 2026"),
            Variable("sukupuoli", "Sukupuoli", ("SSS", "1", "2"), ("Yhteensä", "Miehet", "Naiset"), True),
            Variable("timeperiod_y", "Vuosi", YEARS, YEARS, time=True),
            Variable("contentscode", "Tiedot", ("subj-x", "osuus"), ("Määrä", "Osuus, %")),
        ),
        values=values,
        symbols=symbols,
        updated=datetime(2026, 4, 1, 5, tzinfo=UTC),
        source="Lähde",
        area_variable="alue_23_20260101",
        totals={"alue_23_20260101": "SSS", "sukupuoli": "SSS"},
        units={"subj-x": "lukumäärä"},
        decimals={"subj-x": 0, "osuus": 1},
        summable=frozenset({"subj-x"}),
        stub=("alue_23_20260101",),
    )
    return replace(table, **changes)


def ask(table, *selections, form=None, max_cells=1_000):
    """The parsed answer to a query of (code, filter, values)."""
    query = {
        "query": [
            {"code": code, "selection": {"filter": name, "values": values}}
            for code, name, values in selections
        ]
    }
    if form is not None:
        query["response"] = {"format": form}
    return json.loads(data(table, orjson.dumps(query), max_cells=max_cells))


def codes(answer, variable):
    return list(answer["dimension"][variable]["category"]["index"])


class TestMetadata:
    def test_elimination_time_and_map_are_there_only_where_they_say_something(self):
        described = metadata(small_table())
        assert described["title"] == "Pieni taulu muuttujina Alue, Sukupuoli, Vuosi ja Tiedot"
        keys = [sorted(set(one) - {"code", "text", "values", "valueTexts"}) for one in described["variables"]]
        assert keys == [["elimination", "map"], ["elimination"], ["time"], []]
        assert described["variables"][0]["map"] == "Alue 2026"

    def test_the_metadata_of_11re_is_the_recorded_one_but_for_what_the_sample_leaves_out(self, recordings):
        text = (recordings / "statfin" / "11re-metadata.fi.json").read_text(encoding="utf-8")
        recorded = json.loads(text)
        ours = metadata(load_sample()["vaerak/11re"])
        assert ours["title"] == recorded["title"]
        for one, other in zip(ours["variables"], recorded["variables"], strict=True):
            shortened = {key: value for key, value in other.items() if key not in ("values", "valueTexts")}
            assert {
                key: value for key, value in one.items() if key not in ("values", "valueTexts")
            } == shortened
            assert set(one["values"]) <= set(other["values"])


class TestSelection:
    def test_items_come_in_table_order_whatever_the_order_asked(self):
        answer = ask(
            small_table(),
            ("alue_23_20260101", "item", ["KU091", "KU092", "KU049"]),
            ("timeperiod_y", "top", ["1"]),
            ("sukupuoli", "item", ["SSS"]),
            ("contentscode", "item", ["subj-x"]),
        )
        assert answer["id"] == ["alue_23_20260101", "sukupuoli", "timeperiod_y", "contentscode"]
        assert codes(answer, "alue_23_20260101") == ["KU049", "KU091", "KU092"]
        assert answer["size"] == [3, 1, 1, 1]
        assert answer["value"] == [38, 68, 98]

    def test_top_is_the_newest_on_time_and_the_first_elsewhere(self):
        answer = ask(small_table(), ("timeperiod_y", "top", ["2"]), ("contentscode", "top", ["1"]))
        assert codes(answer, "timeperiod_y") == ["2024", "2025"]
        assert codes(answer, "contentscode") == ["subj-x"]

    def test_more_than_there_is_on_top_gives_all(self):
        assert codes(ask(small_table(), ("timeperiod_y", "top", ["50"])), "timeperiod_y") == list(YEARS)

    def test_all_takes_wildcards_and_several_of_them(self):
        answer = ask(small_table(), ("alue_23_20260101", "all", ["KU09*", "MK*"]))
        assert codes(answer, "alue_23_20260101") == ["KU091", "KU092", "MK18"]
        assert codes(ask(small_table(), ("alue_23_20260101", "all", ["*"])), "alue_23_20260101") == list(
            AREAS
        )

    def test_a_pattern_is_no_regular_expression(self):
        answer = ask(small_table(), ("alue_23_20260101", "all", ["KU.*", "KU205"]))
        assert codes(answer, "alue_23_20260101") == ["KU205"]

    def test_a_variable_left_out_is_returned_whole_where_it_cannot_be_eliminated(self):
        answer = ask(small_table(), ("contentscode", "item", ["subj-x"]))
        assert codes(answer, "timeperiod_y") == list(YEARS)

    @pytest.mark.parametrize(
        ("code", "name", "values"),
        [
            ("alue", "item", ["SSS"]),
            ("alue_23_20260101", "item", ["KU999"]),
            ("alue_23_20260101", "agg:_Kunnat.agg", ["SSS"]),
            ("alue_23_20260101", "vs:Kunnat", ["SSS"]),
            ("alue_23_20260101", "first", ["1"]),
            ("timeperiod_y", "top", ["0"]),
            ("timeperiod_y", "top", ["x"]),
            ("timeperiod_y", "top", ["1", "2"]),
            ("timeperiod_y", "top", [1]),
            ("timeperiod_y", "item", []),
            ("timeperiod_y", "all", ["19*"]),
            ("timeperiod_y", "item", "2025"),
        ],
    )
    def test_what_is_unknown_is_a_bad_request(self, code, name, values):
        with pytest.raises(BadRequestError):
            ask(small_table(), (code, name, values))

    def test_the_same_variable_twice_is_a_bad_request(self):
        with pytest.raises(BadRequestError):
            ask(small_table(), ("timeperiod_y", "top", ["1"]), ("timeperiod_y", "top", ["1"]))

    @pytest.mark.parametrize(
        "body",
        [b"", b"{", b"[]", b"{}", b'{"query":{}}', b'{"query":[1]}', b'{"query":[{"code":"sukupuoli"}]}'],
    )
    def test_a_body_that_is_no_query_is_a_bad_request(self, body):
        with pytest.raises(BadRequestError):
            data(small_table(), body, max_cells=1_000)

    @pytest.mark.parametrize("form", ["csv", "px", "json-stat", "xlsx", ""])
    def test_a_format_it_does_not_speak_is_a_bad_request(self, form):
        with pytest.raises(BadRequestError):
            ask(small_table(), form=form)

    def test_without_a_format_the_answer_is_json_stat_2(self):
        assert ask(small_table())["version"] == "2.0"

    @given(
        st.lists(st.sampled_from(AREAS), min_size=1),
        st.integers(1, 8),
        st.sampled_from(["*", "2*", "?", "S*", "*S", "1", "[12]"]),
        st.integers(1, 3),
    )
    def test_any_selection_is_the_plain_models(self, areas, newest, pattern, first):
        """Against a model of lists and loops: cells in table order, each with its own figure."""
        sexes = [
            sex
            for sex in ("SSS", "1", "2")
            if pattern == "*"
            or pattern == sex
            or (pattern == "?" and len(sex) == 1)
            or (pattern == "2*" and sex == "2")
            or (pattern in ("S*", "*S") and sex == "SSS")
        ]
        contents = ["subj-x", "osuus"][:first]
        answer = ask(
            small_table(),
            ("sukupuoli", "all", [pattern]),
            ("alue_23_20260101", "item", areas),
            ("contentscode", "top", [str(first)]),
            ("timeperiod_y", "top", [str(newest)]),
        )
        chosen = [area for area in AREAS if area in areas]
        expected = [
            small_table().cell(alue_23_20260101=area, sukupuoli=sex, timeperiod_y=year, contentscode=content)
            for area in chosen
            for sex in (sexes or ["SSS"])
            for year in YEARS[-newest:]
            for content in contents
        ]
        assert answer["value"] == [None if value != value else value for value, _ in expected]
        assert answer.get("status", {}) == {
            str(place): symbol for place, (_, symbol) in enumerate(expected) if symbol
        }
        left = ["alue_23_20260101", *(["sukupuoli"] if sexes else []), "timeperiod_y", "contentscode"]
        assert answer["id"] == left


class TestElimination:
    def test_a_variable_left_out_is_answered_with_its_total_and_disappears(self):
        answer = ask(
            small_table(), ("alue_23_20260101", "item", ["KU205"]), ("contentscode", "item", ["subj-x"])
        )
        assert answer["id"] == ["alue_23_20260101", "timeperiod_y", "contentscode"]
        assert "sukupuoli" not in answer["dimension"]
        assert answer["value"] == [120, 122, 124, 126, 128]
        assert answer["label"] == "Pieni taulu muuttujina Alue, Vuosi ja Tiedot"

    def test_without_a_total_a_count_is_summed(self):
        table = small_table(totals={"alue_23_20260101": "SSS"})
        answer = ask(
            table,
            ("alue_23_20260101", "item", ["SSS"]),
            ("timeperiod_y", "item", ["2021"]),
            ("contentscode", "item", ["subj-x"]),
        )
        assert answer["value"] == [0 + 10 + 20]

    def test_a_sum_with_a_missing_cell_is_missing(self):
        table = small_table(totals={"alue_23_20260101": "SSS"}, summable=frozenset({"subj-x", "osuus"}))
        answer = ask(
            table,
            ("alue_23_20260101", "item", ["KU205"]),
            ("timeperiod_y", "top", ["1"]),
            ("contentscode", "item", ["osuus"]),
        )
        assert answer["value"] == [None]
        assert answer["status"] == {"0": "..."}

    def test_a_rate_without_a_total_cannot_be_eliminated(self):
        table = small_table(totals={"alue_23_20260101": "SSS"})
        with pytest.raises(BadRequestError):
            ask(table, ("contentscode", "item", ["osuus"]))

    def test_a_selection_that_takes_nothing_eliminates_too(self):
        answer = ask(small_table(), ("sukupuoli", "item", []), ("alue_23_20260101", "item", ["SSS"]))
        assert answer["id"] == ["alue_23_20260101", "timeperiod_y", "contentscode"]


class TestLimit:
    def test_cells_are_counted_before_the_answer_is_made(self):
        everything = [(code, "all", ["*"]) for code in small_table().codes]
        assert len(ask(small_table(), *everything, max_cells=180)["value"]) == 180
        with pytest.raises(TooManyCellsError):
            ask(small_table(), *everything, max_cells=179)

    def test_an_eliminated_variable_counts_as_one(self):
        assert len(ask(small_table(), max_cells=10)["value"]) == 10
        with pytest.raises(TooManyCellsError):
            ask(small_table(), max_cells=9)


class TestJsonStat2:
    def test_status_stands_only_where_a_symbol_is_and_a_gap_is_a_plain_null(self):
        answer = ask(
            small_table(), ("alue_23_20260101", "item", ["KU205", "MK18"]), ("sukupuoli", "item", ["SSS"])
        )
        assert answer["status"] == {"9": "..."}
        assert [place for place, value in enumerate(answer["value"]) if value is None] == [9, 10]
        assert "status" not in ask(small_table(), ("alue_23_20260101", "item", ["SSS"]))

    def test_roles_units_and_the_tables_own_name(self):
        answer = ask(small_table())
        assert answer["role"] == {"time": ["timeperiod_y"], "metric": ["contentscode"]}
        answer = ask(small_table(), ("alue_23_20260101", "item", ["SSS"]))
        assert answer["role"]["geo"] == ["alue_23_20260101"]
        assert answer["dimension"]["contentscode"]["category"]["unit"] == {
            "subj-x": {"base": "lukumäärä", "decimals": 0},
            "osuus": {"base": "", "decimals": 1},
        }
        named = answer["extension"]["px"]
        assert (named["tableid"], named["matrix"], named["subject-code"]) == ("1abc", "1abc", "subj")
        assert (answer["updated"], answer["source"]) == ("2026-04-01T05:00:00Z", "Lähde")

    def test_elimination_speaks_of_the_selected_subset(self):
        answer = ask(small_table(), ("alue_23_20260101", "item", ["KU205"]), ("sukupuoli", "item", ["SSS"]))
        assert answer["dimension"]["alue_23_20260101"]["extension"]["elimination"] is False
        assert answer["dimension"]["sukupuoli"]["extension"]["eliminationValueCode"] == "SSS"

    def test_figures_have_their_contents_decimals(self):
        answer = ask(small_table(), ("alue_23_20260101", "item", ["SSS"]), ("timeperiod_y", "top", ["1"]))
        body = orjson.dumps(answer["value"])
        assert body == b"[8,9.0]"


class TestPxJson:
    def test_contents_are_columns_and_figures_are_texts(self):
        answer = ask(
            small_table(),
            ("alue_23_20260101", "item", ["KU205"]),
            ("sukupuoli", "item", ["SSS"]),
            ("timeperiod_y", "top", ["2"]),
            form="json",
        )
        assert [(one["code"], one["type"]) for one in answer["columns"]] == [
            ("alue_23_20260101", "d"),
            ("sukupuoli", "d"),
            ("timeperiod_y", "t"),
            ("subj-x", "c"),
            ("osuus", "c"),
        ]
        assert answer["data"] == [
            {"key": ["KU205", "SSS", "2024"], "values": ["126", "127.0"]},
            {"key": ["KU205", "SSS", "2025"], "values": ["128", "..."]},
        ]
        assert answer["metadata"][0]["updated"] == "2026-04-01T05.00.00Z"

    @pytest.mark.parametrize(
        ("table", "file"),
        [
            ("ssaaty/121w", "121w-all-municipalities-2025.json"),
            ("tjt/14ww", "14ww-all-areas-2024.json"),
            ("tyonv/12r5", "12r5-all-areas-2026M06.json"),
            ("tyonv/12ti", "12ti-three-occupations-all-areas-2026M06.json"),
            ("tyti/135z", "135z-national-2026M06.json"),
            ("vaerak/11ra", "11ra-all-areas-2025-4-contents.json"),
            ("vaerak/11re", "11re-all-municipalities-by-sex-2025.json"),
            ("vkour/12bs", "12bs-all-areas-2025.json"),
        ],
    )
    def test_the_recorded_queries_get_the_recorded_answers(self, recordings, table, file):
        recorded = json.loads((recordings / "statfin" / file).read_text(encoding="utf-8"))
        asked = [one for one in recorded["columns"] if one["type"] != "c"]
        selections = [
            (one["code"], "top", ["1"]) if one["type"] == "t" else (one["code"], "all", ["*"])
            for one in asked
        ]
        answer = ask(load_sample()[table], *selections, form="json", max_cells=120_000)
        assert answer["data"] == recorded["data"]
        assert answer["metadata"] == recorded["metadata"]
        for column in recorded["columns"]:
            column.pop("comment", None)  # explanations of variables are not in the sample
        assert answer["columns"] == recorded["columns"]


QUERIES = {
    "three-cities": (["KU091", "KU092", "KU049"], "1"),
    "helsinki-top5": (["KU091"], "5"),
    "whole-country-top3": (["SSS"], "3"),
}


@pytest.mark.parametrize("name", QUERIES)
def test_the_recorded_json_stat_queries_get_the_recorded_answers(recordings, name):
    path = recordings / "statfin" / f"11re-query-{name}.jsonstat2.json"
    recorded = json.loads(path.read_text(encoding="utf-8"))
    areas, newest = QUERIES[name]
    answer = ask(
        load_sample()["vaerak/11re"],
        ("alue_23_20260101", "item", areas),
        ("ikaryhma_10_20180101", "item", ["SSS"]),
        ("sukupuoli_9_20180101", "item", ["SSS"]),
        ("timeperiod_y", "top", [newest]),
        ("contentscode", "all", ["*"]),
        form="json-stat2",
    )
    for key in ("version", "class", "label", "source", "updated", "role", "id", "size", "value"):
        assert answer[key] == recorded[key], key
    for code, dimension in recorded["dimension"].items():
        ours = answer["dimension"][code]
        recorded_category = {key: value for key, value in dimension["category"].items() if key != "note"}
        assert (ours["label"], ours["category"]) == (dimension["label"], recorded_category)
        assert ours["extension"] == dimension["extension"]
    theirs = recorded["extension"]["px"]
    ours = answer["extension"]["px"]
    for key in set(theirs) - {"description"}:  # the sample covers fewer years, and its title says so
        assert ours[key] == theirs[key], key
    assert "status" not in answer
