"""The sample is what the tables themselves answered, and nothing else."""

import csv
import itertools
import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from demo.sample import load_sample, read_table, sample_scope
from demo.table import SYMBOLS, SampleError
from models.catalogue import load_catalogue
from models.dataset import ClassVariable, ValueChoice

PX_JSON = {
    "ssaaty/121w": "121w-all-municipalities-2025.json",
    "tjt/14ww": "14ww-all-areas-2024.json",
    "tyonv/12r5": "12r5-all-areas-2026M06.json",
    "tyonv/12ti": "12ti-three-occupations-all-areas-2026M06.json",
    "tyti/135z": "135z-national-2026M06.json",
    "vaerak/11ra": "11ra-all-areas-2025-4-contents.json",
    "vaerak/11re": "11re-all-municipalities-by-sex-2025.json",
    "vkour/12bs": "12bs-all-areas-2025.json",
}
JSON_STAT = (
    "11re-query-helsinki-top5.jsonstat2.json",
    "11re-query-three-cities.jsonstat2.json",
    "11re-query-whole-country-top3.jsonstat2.json",
)

SMALL = """# table: subj/1abc
# title_fi: 1abc -- Pieni taulu, 2024-2025
# contents_fi: Pieni taulu
# source: Lähde
# released: 2026-04-01T05:00:00Z
# licence: CC BY 4.0
# statement: A table for tests.
# variable: alue | Alue | area | total SSS
# value: SSS | KOKO MAA
# value: KU205 | Kajaani
# variable: timeperiod_y | Vuosi | time
# value: 2024 | 2024
# value: 2025 | 2025*
# variable: contentscode | Tiedot | contents
# value: a-x | Osuus, % | % | 1
alue,timeperiod_y,contentscode,value,symbol
SSS,2024,a-x,1.5,
SSS,2025,a-x,2.5,
KU205,2025,a-x,,...
"""


@pytest.fixture(scope="module")
def sample():
    return load_sample()


@pytest.fixture(scope="module")
def recorded(recordings):
    """Every cell of the recordings: (table, variable code → value code) → the text of the cell."""
    cells = {}
    for table, name in PX_JSON.items():
        document = json.loads((recordings / "statfin" / name).read_text(encoding="utf-8"))
        keys = [column["code"] for column in document["columns"] if column["type"] != "c"]
        contents = [column["code"] for column in document["columns"] if column["type"] == "c"]
        # Age was left out of the recorded query of 11re: its total, SSS, was answered.
        left_out = {"ikaryhma_10_20180101": "SSS"} if table == "vaerak/11re" else {}
        for row in document["data"]:
            for content, text in zip(contents, row["values"], strict=True):
                where = dict(zip(keys, row["key"], strict=True)) | left_out | {"contentscode": content}
                cells[table, frozenset(where.items())] = text
    for name in JSON_STAT:
        document = json.loads((recordings / "statfin" / name).read_text(encoding="utf-8"))
        codes = [list(document["dimension"][one]["category"]["index"]) for one in document["id"]]
        for key, value in zip(itertools.product(*codes), document["value"], strict=True):
            cells["vaerak/11re", frozenset(zip(document["id"], key, strict=True))] = str(value)
    path = recordings / "kajaani" / "kajaani-12tf-unemployment-rate-monthly.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    for month, value in document["values"].items():
        where = {"Alue": document["area"], "timeperiod_m": month, "contentscode": document["content"]}
        cells["tyonv/12tf", frozenset(where.items())] = str(value)
    return cells


def rows(sample):
    """Every cell that the sample knows: (table, variable code → value code) → value and symbol."""
    for name, table in sample.items():
        known = np.argwhere(~np.isnan(table.values) | (table.symbols > 0))
        for at in known:
            where = {one.code: one.values[i] for one, i in zip(table.variables, at, strict=True)}
            index = tuple(at)
            yield (name, frozenset(where.items())), table.values[index], SYMBOLS[table.symbols[index]]


def test_every_figure_of_the_sample_is_one_that_the_table_itself_answered(sample, recorded):
    known = 0
    for key, value, symbol in rows(sample):
        assert key in recorded, key
        text = recorded[key]
        assert symbol == text if symbol else value == float(text), key
        known += 1
    assert known > 37_000


def test_every_recorded_figure_is_in_the_sample(sample, recorded):
    assert {key for key, _, _ in rows(sample)} == set(recorded)


def test_the_sample_holds_the_tables_it_should(sample):
    assert sorted(sample) == sorted([*PX_JSON, "tyonv/12tf"])
    assert all(not table.synthetic for table in sample.values())


@pytest.mark.parametrize(
    ("table", "where", "expected"),
    [
        ("vaerak/11ra", {"alue_23_20260101": "KU205", "contentscode": "vaerak-vaesto"}, (36370.0, "")),
        ("vaerak/11ra", {"alue_23_20260101": "MK18", "contentscode": "vaerak-vaesto"}, (69193.0, "")),
        ("ssaaty/121w", {"alue_23_20260101": "KU205", "contentscode": "ssaaty-koknetmuutto"}, (113.0, "")),
        ("vkour/12bs", {"alue_23_20260101": "KU205", "contentscode": "kaste5T8osuus"}, (31.3, "")),
        ("tyonv/12tf", {"timeperiod_m": "2026M06"}, (12.2, "")),
    ],
)
def test_known_figures_of_kajaani_and_kainuu(sample, table, where, expected):
    assert sample[table].cell(**where) == expected


def test_hidden_figures_are_symbols_and_never_numbers(sample):
    hidden = sample["tyonv/12r5"]
    assert int((hidden.symbols == SYMBOLS.index("...")).sum()) == 904
    assert np.isnan(hidden.values[hidden.symbols > 0]).all()
    assert int((sample["vkour/12bs"].symbols == SYMBOLS.index(".")).sum()) == 8


def test_a_table_tells_its_release_its_source_and_its_licence(sample):
    table = sample["vaerak/11re"]
    assert table.updated.isoformat() == "2026-04-01T05:00:00+00:00"
    assert table.source == "Tilastokeskus, väestörakenne"
    assert table.title == "11re -- Väestö iän (1-v.) ja sukupuolen mukaan alueittain, 2021-2025"
    assert all("CC BY 4.0" in one.licence and one.table in one.statement for one in sample.values())


def test_areas_bear_their_names_where_one_is_known(sample):
    areas = sample["vaerak/11ra"].variable("alue_23_20260101")
    names = dict(zip(areas.values, areas.texts, strict=True))
    assert (names["KU205"], names["MK18"], names["SSS"]) == ("Kajaani", "Kainuu", "KOKO MAA")
    assert names["HO1"] == "HO1"


def test_texts_are_those_of_the_recorded_answers(sample, recordings):
    for name, file in PX_JSON.items():
        document = json.loads((recordings / "statfin" / file).read_text(encoding="utf-8"))
        table = sample[name]
        contents = table.variable("contentscode")
        texts = dict(zip(contents.values, contents.texts, strict=True))
        for column in document["columns"]:
            seen = texts[column["code"]] if column["type"] == "c" else table.variable(column["code"]).text
            assert seen == column["text"]
        assert document["metadata"][0]["source"] == table.source
        stamp = table.updated.strftime("%Y-%m-%dT%H.%M.%SZ")
        assert document["metadata"][0]["updated"] == stamp


def test_names_of_municipalities_are_those_of_the_metadata(sample, recordings):
    text = (recordings / "statfin" / "11re-metadata.fi.json").read_text(encoding="utf-8")
    recorded = json.loads(text)["variables"]
    table = sample["vaerak/11re"]
    assert list(table.variables[0].values) == recorded[0]["values"]
    assert list(table.variables[0].texts) == recorded[0]["valueTexts"]
    assert [one.code for one in table.variables] == [one["code"] for one in recorded]
    assert [one.text for one in table.variables] == [one["text"] for one in recorded]


def test_the_sample_is_packaged_and_compact():
    found = [
        entry.name
        for folder in files("demo").joinpath("sample", "statfin").iterdir()
        for entry in folder.iterdir()
    ]
    assert "11ra.csv" in found
    folder = Path(str(files("demo").joinpath("sample")))
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 1_500_000


def test_no_recording_is_copied_as_it_is(recordings):
    folder = Path(str(files("demo").joinpath("sample")))
    ours = {path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    theirs = {path.read_bytes() for path in recordings.rglob("*") if path.is_file()}
    assert not ours & theirs
    assert not list(folder.rglob("*.json"))


def test_a_file_is_read_into_its_table():
    table = read_table(SMALL, "1abc.csv")
    assert table.values.shape == (2, 2, 1)
    assert table.cell(alue="SSS", timeperiod_y="2025") == (2.5, "")
    value, symbol = table.cell(alue="KU205", timeperiod_y="2025")
    assert np.isnan(value)
    assert symbol == "..."
    assert (table.decimals, table.units) == ({"a-x": 1}, {"a-x": "%"})
    assert table.meta.title == "Pieni taulu muuttujina Alue, Vuosi ja Tiedot"


def test_a_cell_without_a_row_is_a_gap_and_no_missing_symbol():
    value, symbol = read_table(SMALL, "1abc.csv").cell(alue="KU205", timeperiod_y="2024")
    assert np.isnan(value)
    assert symbol == ""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("# source: Lähde\n", "", "the header lacks source"),
        ("# value: SSS", "# valeu SSS", "line 9: expected '# name: text'"),
        ("SSS,2024,a-x,1.5,\n", "SSS,2023,a-x,1.5,\n", "line 17: '2023' is no value"),
        ("SSS,2024,a-x,1.5,\n", "SSS,2024,a-x,1.5,...\n", "line 17: a cell has one row"),
        ("SSS,2024,a-x,1.5,\n", "SSS,2025,a-x,1.5,\n", "line 18: a cell has one row"),
        ("SSS,2024,a-x,1.5,\n", "SSS,2024,a-x,1.5\n", "line 17: a row has 5 fields"),
        ("SSS,2024,a-x,1.5,\n", "SSS,2024,a-x,,?\n", "line 17: a cell has one row"),
        ("alue,timeperiod_y", "area,timeperiod_y", "the first row must be alue,timeperiod_y"),
        ("# title_fi", "# table: subj/1abd\n# title_fi", "line 2: 'table' stands there twice"),
    ],
)
def test_a_broken_file_is_refused_with_its_line(old, new, message):
    with pytest.raises(SampleError, match=r"^1abc\.csv") as caught:
        read_table(SMALL.replace(old, new), "1abc.csv")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_same_table_in_two_files_is_refused(tmp_path):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(SMALL, encoding="utf-8")
    with pytest.raises(SampleError, match="stands in another file too"):
        load_sample(tmp_path)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(SampleError, match="no sample files"):
        load_sample(tmp_path)


def test_no_row_of_a_file_is_lost(sample):
    for file in Path(str(files("demo").joinpath("sample", "statfin"))).rglob("*.csv"):
        lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line[0] != "#"]
        table = sample[f"{file.parent.name}/{file.stem}"]
        known = int((~np.isnan(table.values) | (table.symbols > 0)).sum())
        assert known == len(list(csv.reader(lines))) - 1


class TestScope:
    @pytest.fixture(scope="class")
    @staticmethod
    def scope():
        return sample_scope(load_catalogue(), load_sample())

    def test_the_demo_expects_only_what_the_sample_holds(self, scope):
        assert scope.expects("statfin/vaerak/11ra")
        assert not scope.expects("statfin/tyokay/115x")
        assert not scope.synthetic

    def test_a_part_of_a_table_whose_classes_are_not_there_is_not_expected(self, scope):
        expected = {one for one in scope.contents if one.startswith("statfin/vkour/12bs")}
        assert expected == {"statfin/vkour/12bs"}

    def test_one_class_value_that_is_not_there_is_enough(self):
        catalogue = load_catalogue()
        dataset = catalogue.datasets["statfin/vkour/12bs"]
        age = ClassVariable("age", ("Ikä",), (ValueChoice("all", total=True), ValueChoice("a30", ("30-34",))))
        wider = replace(dataset, query=replace(dataset.query, classes=(age,)))
        changed = replace(catalogue, datasets={**catalogue.datasets, dataset.id: wider})
        assert not sample_scope(changed, load_sample()).expects(dataset.id)

    def test_contents_are_those_the_sample_has(self, scope):
        asked = {choice.key for choice in load_catalogue().datasets["statfin/vaerak/11ra"].content_choices}
        held = scope.contents["statfin/vaerak/11ra"]
        assert held < asked
        assert len(held) == 3

    def test_lateness_is_judged_at_the_day_of_the_release(self, scope):
        assert scope.today["statfin/vaerak/11ra"].isoformat() == "2026-05-29"
        assert set(scope.today) == set(scope.contents)
