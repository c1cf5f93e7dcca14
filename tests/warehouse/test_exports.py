"""The warehouse as open data: what is in it is what the views say, and outside libraries read it."""

import csv
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import load_workbook
from sqlalchemy import Engine

from models.catalogue import Catalogue, load_catalogue
from models.errors import ConfigurationError
from models.forms import questions
from models.forms_answers import Answer, Change
from models.observation import OBSERVATION_COLUMNS
from warehouse import export_files, export_tables, exports, read
from warehouse.catalogue import sync
from warehouse.contract import VIEW_COLUMNS
from warehouse.engine import open_engine, reading, upgrade, writing
from warehouse.export_jsonstat import NO_CLASS
from warehouse.export_tables import TABLES
from warehouse.exports import Exported, build_export
from warehouse.forms import store_answers
from warehouse.keys import indicator_owner
from warehouse.load import store
from warehouse.views import DASHBOARDS

FrameOf = Callable[..., pd.DataFrame]
Day = Callable[[float], datetime]
Fill = Callable[[Engine], Engine]

HOSTILE = '=HYPERLINK("http://127.0.0.1:9/x";"tästä")'
DDE = "+cmd|'/c calc'!A1"


@pytest.fixture
def fill(catalogue: Catalogue, frame_of: FrameOf, day: Day) -> Fill:
    """Puts a bit of everything into a warehouse: zero, negative, four kinds of none, revised, withdrawn, classes."""

    def put(engine: Engine, indicator: str, at: datetime, *rows: tuple[Any, ...], **more: Any) -> None:
        with writing(engine) as connection:
            store(
                connection,
                indicator_owner(indicator),
                frame_of(*rows, content=""),
                run_id="run-1",
                collection_id="collection",
                recorded_at=at,
                source_updated_at=None,
                **more,
            )

    def made(engine: Engine) -> Engine:
        with writing(engine) as connection:
            sync(connection, catalogue)
        rows = [
            ("KU205", "2022", 0), ("KU205", "2023", -3.25), ("KU205", "2024", 10),
            ("KU205", "2025", 11, "", "preliminary"), ("MK18", "2022", None, "..."), ("MK18", "2023", None, "."),
            ("MK18", "2024", None, ".."), ("MK18", "2025", None), ("SSS", "2025", None, "-", "preliminary"),
            ("KU765", "2025", 5), ("KU765", "2025", 0.1, "", "final", "b"), ("KU999", "2025", 1),
        ]  # fmt: skip
        put(engine, "people", day(1), *rows)
        put(engine, "people", day(2), ("KU205", "2024", 10.5), ("KU765", "2025", 5))
        put(engine, "people", day(3), *rows[:9], rows[10], rows[11], absent="withdraw")
        put(engine, "regional", day(2), ("MK18", "2025M06", 3.5), ("MK18", "2025M07", 1e-7))
        put(engine, "share", day(4.5), ("KU205", "2025Q1", 0.125))
        put(engine, "asked", day(4), ("KU205", "2025", 42))
        with writing(engine) as connection:
            store_answers(
                connection,
                [Change(Answer("1.1.04-m2", "2025", status="done", text="Tehty"), "new", "")],
                {one.id: one for one in questions(catalogue)},
                recorded_at=day(5),
                role="päällikkö",
                collection_id="form",
            )
        return engine

    return made


def exported(engine: Engine, catalogue: Catalogue, folder: Path, **more: Any) -> Exported:
    with reading(engine) as connection:
        return build_export(connection, catalogue, folder, **more)


def view(engine: Engine, name: str) -> pd.DataFrame:
    with reading(engine) as connection:
        return read.view(connection, name)


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        one.relative_to(folder).as_posix(): one.read_bytes() for one in folder.rglob("*") if one.is_file()
    }


def csv_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def in_order(frame: pd.DataFrame) -> pd.DataFrame:
    texts = frame.astype("str").fillna("")
    return frame.loc[texts.sort_values(list(frame.columns)).index].reset_index(drop=True)


# --- what goes out --------------------------------------------------------------------------------------------------


def test_every_view_goes_out_but_those_about_people_and_runs(
    engine: Engine, catalogue: Catalogue, fill: Fill, tmp_path: Path
) -> None:
    made = exported(fill(engine), catalogue, tmp_path / "export")
    names = set(DASHBOARDS) - {"dashboard_reports", "dashboard_due", "dashboard_runs"}
    found = set(files_of(tmp_path / "export"))
    assert found == {
        "datapackage.json",
        "dcat.jsonld",
        "README.md",
        *(f"csv/{one}.csv" for one in names),
        *(f"parquet/{one}.parquet" for one in names),
        *(f"jsonstat/{one}.json" for one in ("people", "regional", "share")),
    }
    assert made.files == len(found)
    assert made.bytes == sum(len(one) for one in files_of(tmp_path / "export").values())
    assert made.indicators == 3


def test_figures_and_answers_of_a_source_without_a_licence_stay_inside(
    engine: Engine, catalogue: Catalogue, fill: Fill, tmp_path: Path
) -> None:
    made = exported(fill(engine), catalogue, tmp_path / "export")
    assert made.withheld == ("manual",)
    assert "asked" in set(view(engine, "dashboard_series")["indicator_id"])
    content = b"".join(files_of(tmp_path / "export").values())
    assert b"Tehty" not in content and "päällikkö".encode() not in content
    for name in ("series", "vintages", "latest", "changes"):
        rows = csv_rows(tmp_path / "export" / "csv" / f"dashboard_{name}.csv")
        assert rows and "asked" not in {one["indicator_id"] for one in rows}
    meters = {one["meter_id"]: one for one in csv_rows(tmp_path / "export" / "csv" / "dashboard_meters.csv")}
    survey = meters["1.1.02-m2"]
    assert survey["state"] == "measured"
    assert {survey[name] for name in ("latest_value", "latest_period", "latest_source")} == {""}
    assert meters["1.1.01-m1"]["latest_value"] == "11"


def test_a_licence_in_the_catalogue_lets_them_out(
    engine: Engine, catalogue: Catalogue, fill: Fill, tmp_path: Path
) -> None:
    manual = replace(catalogue.sources["manual"], licence="CC BY 4.0", attribution_fi="Lähde: kaupunki")
    opened = replace(catalogue, sources={**catalogue.sources, "manual": manual})
    made = exported(fill(engine), opened, tmp_path / "export")
    assert made.withheld == ()
    meters = {one["meter_id"]: one for one in csv_rows(tmp_path / "export" / "csv" / "dashboard_meters.csv")}
    assert meters["1.1.04-m2"]["latest_text"] == "Tehty"
    assert meters["1.1.02-m2"]["latest_value"] == "42"
    assert meters["1.1.02-m2"]["attribution_fi"] == "Lähde: kaupunki"
    assert (tmp_path / "export" / "jsonstat" / "asked.json").is_file()
    assert "päällikkö".encode() not in b"".join(files_of(tmp_path / "export").values())


def test_what_went_wrong_inside_does_not_go_out() -> None:
    (freshness,) = (one for one in TABLES if one.name == "dashboard_freshness")
    assert "last_error" in {one.name for one in VIEW_COLUMNS["dashboard_freshness"]}
    assert "last_error" not in {one.name for one in freshness.columns}


def test_a_licence_with_a_reservation_is_said_as_it_is_and_told(
    engine: Engine, catalogue: Catalogue, fill: Fill, tmp_path: Path
) -> None:
    doubtful = replace(catalogue.sources["statfin"], licence="CC BY 4.0 (to be checked)")
    unsure = replace(catalogue, sources={**catalogue.sources, "statfin": doubtful})
    assert exported(fill(engine), catalogue, tmp_path / "one").unconfirmed == ()
    assert exported(engine, unsure, tmp_path / "two").unconfirmed == ("statfin",)
    package = json.loads((tmp_path / "two" / "datapackage.json").read_bytes())
    assert {one["title"] for one in package["licenses"]} == {"CC BY 4.0", "CC BY 4.0 (to be checked)"}
    rows = csv_rows(tmp_path / "two" / "csv" / "dashboard_series.csv")
    assert {one["licence"] for one in rows} == {"CC BY 4.0 (to be checked)"}


def test_only_the_formats_that_are_asked_are_there_and_described(
    engine: Engine, catalogue: Catalogue, fill: Fill, tmp_path: Path
) -> None:
    exported(fill(engine), catalogue, tmp_path / "export", formats=("jsonstat",))
    assert {one.split("/")[0] for one in files_of(tmp_path / "export")} == {
        *("datapackage.json", "dcat.jsonld", "README.md", "jsonstat"),
    }
    package = json.loads((tmp_path / "export" / "datapackage.json").read_bytes())
    assert {one["format"] for one in package["resources"]} == {"json"}


def test_a_warehouse_without_figures_gives_an_export_without_figures(
    engine: Engine, catalogue: Catalogue, tmp_path: Path
) -> None:
    with writing(engine) as connection:
        sync(connection, catalogue)
    made = exported(engine, catalogue, tmp_path / "export")
    assert made.rows["dashboard_series"] == 0
    assert made.rows["dashboard_measures"] == 5
    assert pq.read_table(tmp_path / "export" / "parquet" / "dashboard_series.parquet").num_rows == 0
    assert validated(tmp_path / "export") == []
    exported(engine, catalogue, tmp_path / "export")  # and the next one knows it for ours


# --- the same values everywhere -------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", TABLES, ids=lambda one: one.name)
def test_a_parquet_file_read_back_is_the_view(
    engine: Engine, catalogue: Catalogue, fill: Fill, tmp_path: Path, table: Any
) -> None:
    manual = replace(catalogue.sources["manual"], licence="CC BY 4.0")
    opened = replace(catalogue, sources={**catalogue.sources, "manual": manual})
    with writing(fill(engine)) as connection:
        sync(connection, opened)
    exported(engine, opened, tmp_path / "export", formats=("parquet",))
    found = pq.read_table(tmp_path / "export" / "parquet" / f"{table.name}.parquet")
    names = [one.name for one in table.view_columns]
    expected = view(engine, table.name)[names]
    assert len(expected) > 0
    got = (
        found.select(names)
        .to_pandas()
        .astype({one: expected[one].dtype for one in names if expected[one].dtype != object})
    )
    pd.testing.assert_frame_equal(in_order(got), in_order(expected))


def test_a_parquet_file_is_typed_and_says_what_its_columns_are_and_whose_it_is(
    engine: Engine, catalogue: Catalogue, fill: Fill, tmp_path: Path
) -> None:
    exported(fill(engine), catalogue, tmp_path / "export")
    schema = pq.read_schema(tmp_path / "export" / "parquet" / "dashboard_series.parquet")
    types = {
        "period_start": pa.date32(),
        "recorded_at": pa.timestamp("us", tz="UTC"),
        "value": pa.float64(),
        "vintages": pa.int64(),
        "is_proxy": pa.bool_(),
        "symbol": pa.string(),
    }
    assert {name: schema.field(name).type for name in types} == types
    described = {one.name: one.description for one in VIEW_COLUMNS["dashboard_series"]}
    for name, text in described.items():
        assert schema.field(name).metadata[b"description"].decode() == text
    assert json.loads(schema.metadata[b"licences"]) == [
        {
            "name": "CC-BY-4.0",
            "path": "https://creativecommons.org/licenses/by/4.0/",
            "title": "CC BY 4.0",
        }
    ]
    assert json.loads(schema.metadata[b"attribution"]) == ["L"]
    assert schema.metadata[b"is_synthetic"] == b"false"


@pytest.mark.parametrize("name", ["dashboard_series", "dashboard_vintages", "dashboard_measures"])
def test_csv_and_parquet_say_the_same(
    engine: Engine, catalogue: Catalogue, fill: Fill, tmp_path: Path, name: str
) -> None:
    exported(fill(engine), catalogue, tmp_path / "export")
    table = pq.read_table(tmp_path / "export" / "parquet" / f"{name}.parquet")
    rows = csv_rows(tmp_path / "export" / "csv" / f"{name}.csv")
    assert [list(one) for one in rows] == [table.column_names] * table.num_rows
    for row, wanted in zip(rows, table.to_pylist(), strict=True):
        for column, value in wanted.items():
            assert _read(row[column], value) == ("" if value is None else value), column


def _read(cell: str, like: Any) -> Any:
    """A cell of CSV as a value of the type of `like`."""
    match like:
        case bool():
            return {"true": True, "false": False}[cell]
        case float() | int():
            return type(like)(cell)
        case datetime():
            return datetime.fromisoformat(cell)
        case date():
            return date.fromisoformat(cell)
        case str() if like.startswith("-"):
            return cell.removeprefix("'")
        case _:
            return cell


def test_zero_missing_suppressed_and_not_applicable_are_four_things_in_every_format(
    engine: Engine, catalogue: Catalogue, fill: Fill, tmp_path: Path
) -> None:
    exported(fill(engine), catalogue, tmp_path / "export")
    rows = csv_rows(tmp_path / "export" / "csv" / "dashboard_series.csv")
    in_csv = {
        (one["area_code"], one["period"]): (one["value"], one["symbol"])
        for one in rows
        if one["indicator_id"] == "people" and one["class_code"] == ""
    }
    four = {
        ("KU205", "2022"): ("0", ""),
        ("MK18", "2022"): ("", "..."),
        ("MK18", "2023"): ("", "."),
        ("MK18", "2024"): ("", ".."),
        ("MK18", "2025"): ("", ""),
    }
    assert {key: in_csv[key] for key in four} == four
    table = pq.read_table(tmp_path / "export" / "parquet" / "dashboard_series.parquet").to_pylist()
    in_parquet = {
        (one["area_code"], one["period"]): (one["value"], one["symbol"])
        for one in table
        if one["indicator_id"] == "people" and one["class_code"] == ""
    }
    assert {key: in_parquet[key] for key in four} == {
        key: (float(value) if value else None, symbol) for key, (value, symbol) in four.items()
    }
    _, statuses, values = cells(tmp_path / "export" / "jsonstat" / "people.json")
    wanted = {
        ("KU205", "2022"): (0.0, None),
        ("MK18", "2022"): (None, "suppressed"),
        ("MK18", "2023"): (None, "not_applicable"),
        ("MK18", "2024"): (None, "not_available"),
        ("MK18", "2025"): (None, "missing"),
        ("KU205", "2025"): (11.0, "preliminary"),
        ("SSS", "2025"): (None, "nil preliminary"),
        ("KU765", "2025"): (None, "withdrawn"),
        ("SSS", "2022"): (None, None),  # never published
    }
    found = {key: (values[(*key, NO_CLASS)], statuses[(*key, NO_CLASS)]) for key in wanted}
    assert found == wanted


def cells(path: Path) -> tuple[dict[str, Any], dict[Any, Any], dict[Any, Any]]:
    """A JSON-stat file; its statuses and its values by (area, period, class)."""
    cube = json.loads(path.read_bytes())
    areas, classes, periods = (cube["dimension"][one]["category"]["index"] for one in cube["id"])
    keys = [(area, period, class_) for area in areas for class_ in classes for period in periods]
    assert len(cube["value"]) == len(keys)
    statuses = {key: cube["status"].get(str(place)) for place, key in enumerate(keys)}
    return cube, statuses, dict(zip(keys, cube["value"], strict=True))


@pytest.mark.filterwarnings("ignore")  # of the library's own use of pandas
def test_pyjstat_reads_an_indicator_as_the_view_has_it(
    engine: Engine, catalogue: Catalogue, fill: Fill, tmp_path: Path
) -> None:
    from pyjstat import pyjstat

    exported(fill(engine), catalogue, tmp_path / "export")
    series = view(engine, "dashboard_series")
    for indicator in ("people", "regional", "share"):
        text = (tmp_path / "export" / "jsonstat" / f"{indicator}.json").read_text(encoding="utf-8")
        frame = pyjstat.Dataset.read(text).write("dataframe", naming="id")
        got = {
            (row["area"], row["class"], row["period"]): row["value"]
            for row in frame.to_dict("records")
            if pd.notna(row["value"])
        }
        rows = series[(series["indicator_id"] == indicator) & series["value"].notna()]
        expected = {
            (row["area_code"], row["class_code"] or NO_CLASS, row["period"]): row["value"]
            for row in rows.to_dict("records")
        }
        assert got == expected


def test_a_cube_says_source_licence_levels_and_what_its_figures_are(
    engine: Engine, catalogue: Catalogue, fill: Fill, tmp_path: Path
) -> None:
    exported(fill(engine), catalogue, tmp_path / "export", base_url="https://data.example.org/x/")
    cube, _, _ = cells(tmp_path / "export" / "jsonstat" / "share.json")
    assert (cube["version"], cube["class"]) == ("2.0", "dataset")
    assert cube["href"] == "https://data.example.org/x/jsonstat/share.json"
    assert cube["role"] == {"geo": ["area"], "time": ["period"]}
    assert (cube["source"], cube["updated"]) == ("L", "2026-01-05T18:00:00Z")
    said = cube["extension"]
    assert (said["is_proxy"], said["is_synthetic"], said["labels"]) == (True, False, "verified")
    assert said["licence_url"] == "https://creativecommons.org/licenses/by/4.0/"
    assert cube["dimension"]["area"]["extension"]["level"] == {"KU205": "municipality"}
    assert any("Huomautus: share" in one for one in cube["note"])


def test_made_up_figures_are_said_to_be_so_everywhere(
    engine: Engine, catalogue: Catalogue, frame_of: FrameOf, day: Day, tmp_path: Path
) -> None:
    with writing(engine) as connection:
        sync(connection, catalogue)
        store(
            connection,
            indicator_owner("people"),
            frame_of(("KU205", "2025", 1), content=""),
            run_id="r",
            collection_id="c",
            recorded_at=day(1),
            source_updated_at=None,
            synthetic=True,
        )
    assert exported(engine, catalogue, tmp_path / "export").is_synthetic
    package = json.loads((tmp_path / "export" / "datapackage.json").read_bytes())
    assert package["is_synthetic"] is True and package["description"].startswith("MADE-UP")
    assert "KEKSITTYJÄ" in (tmp_path / "export" / "README.md").read_text(encoding="utf-8")
    assert "KEKSITTYJÄ" in (tmp_path / "export" / "dcat.jsonld").read_text(encoding="utf-8")
    assert cells(tmp_path / "export" / "jsonstat" / "people.json")[0]["extension"]["is_synthetic"] is True
    (row,) = csv_rows(tmp_path / "export" / "csv" / "dashboard_series.csv")
    assert row["is_synthetic"] == "true"


# --- the same each time ---------------------------------------------------------------------------------------------


def test_the_same_warehouse_gives_the_same_bytes(
    engine: Engine, catalogue: Catalogue, fill: Fill, tmp_path: Path
) -> None:
    exported(fill(engine), catalogue, tmp_path / "one" / "export")
    exported(engine, catalogue, tmp_path / "two" / "export")
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


@pytest.mark.postgresql
def test_both_databases_give_the_same_bytes(
    sqlite_url: str, postgres_url: str, catalogue: Catalogue, fill: Fill, tmp_path: Path
) -> None:
    for name, url in (("one", sqlite_url), ("two", postgres_url)):
        engine = open_engine(url)
        upgrade(engine)
        exported(fill(engine), catalogue, tmp_path / name / "export")
        engine.dispose()
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


def test_rows_are_the_same_however_large_the_pieces_are(
    engine: Engine, catalogue: Catalogue, fill: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported(fill(engine), catalogue, tmp_path / "one")
    monkeypatch.setattr(export_tables, "PIECE_ROWS", 2)
    monkeypatch.setattr(export_files, "GROUP_ROWS", 5)
    exported(engine, catalogue, tmp_path / "two")
    name = "parquet/dashboard_vintages.parquet"
    file = pq.ParquetFile(tmp_path / "two" / name).metadata
    groups = [file.row_group(place).num_rows for place in range(file.num_row_groups)]
    assert len(groups) > 2 and all(5 <= rows <= 6 for rows in groups[:-1])
    assert pq.read_table(tmp_path / "one" / name).equals(pq.read_table(tmp_path / "two" / name))
    one, two = (
        {
            key: text
            for key, text in files_of(tmp_path / folder).items()
            if key.startswith(("csv", "jsonstat"))
        }
        for folder in ("one", "two")
    )
    assert one == two


@pytest.mark.long
def test_memory_does_not_grow_with_the_number_of_figures(sqlite_url: str, tmp_path: Path) -> None:
    engine = open_engine(sqlite_url)
    upgrade(engine)
    catalogue = load_catalogue()
    with writing(engine) as connection:
        sync(connection, catalogue)
    areas, periods = [f"KU{number:03}" for number in range(1, 310)], [f"{year}" for year in range(1990, 2026)]
    axes = pd.MultiIndex.from_product([[""], [""], areas, periods], names=OBSERVATION_COLUMNS[:4])
    frame = axes.to_frame(index=False).assign(value=1.5, symbol="", status="final")
    frame = frame.astype({name: "category" for name in OBSERVATION_COLUMNS if name != "value"})

    def figures(first: int, last: int) -> int:
        """Fills so many indicators with 11,124 figures each, and gives the memory that an export takes at most, MB."""
        chosen = [one.id for one in catalogue.indicators.values() if one.source == "statfin"][first:last]
        for indicator in chosen:
            with writing(engine) as connection:
                store(
                    connection,
                    indicator_owner(indicator),
                    frame,
                    run_id="r",
                    collection_id="c",
                    recorded_at=datetime(2026, 1, 1, tzinfo=UTC),
                    source_updated_at=None,
                )
        done = subprocess.run(
            [sys.executable, "-c", PEAK, sqlite_url, str(tmp_path / "export")],
            check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        return int(done.stdout)

    few, many = figures(0, 10), figures(10, 30)
    engine.dispose()
    rows = pq.ParquetFile(tmp_path / "export" / "parquet" / "dashboard_series.parquet").metadata.num_rows
    assert rows == 30 * 309 * 36
    assert many < few + 60  # rows of three views, twice as many more, would be hundreds


PEAK = """
import resource, sys
from pathlib import Path
from models.catalogue import load_catalogue
from warehouse.engine import open_engine, reading
from warehouse.exports import build_export
with reading(open_engine(sys.argv[1])) as connection:
    build_export(connection, load_catalogue(), Path(sys.argv[2]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


# --- outside libraries ----------------------------------------------------------------------------------------------


@contextmanager
def outside() -> Iterator[None]:
    """Warnings of outside libraries about themselves are not ours."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def validated(folder: Path) -> list[str]:
    """Every error that frictionless finds: descriptor, sizes, hashes, types, keys."""
    with outside():
        from frictionless import Package

        report = Package(str(folder / "datapackage.json")).validate()
        return [f"{one[0]}: {one[1]}" for one in report.flatten(["title", "message"])]


@pytest.mark.parametrize("base_url", ["", "https://data.example.org/mittaristo/"])
def test_frictionless_finds_no_error_in_the_data_package(
    engine: Engine, catalogue: Catalogue, fill: Fill, tmp_path: Path, base_url: str
) -> None:
    exported(fill(engine), catalogue, tmp_path / "export", base_url=base_url)
    assert validated(tmp_path / "export") == []


def test_frictionless_finds_what_was_changed_afterwards(
    engine: Engine, catalogue: Catalogue, fill: Fill, tmp_path: Path
) -> None:
    exported(fill(engine), catalogue, tmp_path / "export")
    for name, old, new in (
        ("csv/dashboard_series.csv", b"-3.25", b"minus"),
        ("jsonstat/people.json", b"KU205", b"KU206"),
    ):
        path = tmp_path / "export" / name
        path.write_bytes(path.read_bytes().replace(old, new))
    found = " ".join(validated(tmp_path / "export"))
    assert "minus" in found and "hash" in found.lower()


def test_the_data_package_names_each_file_with_its_terms(
    engine: Engine, catalogue: Catalogue, fill: Fill, tmp_path: Path
) -> None:
    exported(fill(engine), catalogue, tmp_path / "export")
    package = json.loads((tmp_path / "export" / "datapackage.json").read_bytes())
    listed = {one["path"] for one in package["resources"]}
    assert listed == set(files_of(tmp_path / "export")) - set(exports.DESCRIPTIONS)
    assert package["modified"] == "2026-01-05T18:00:00Z"  # the newest figure that goes out, not the present
    for one in package["resources"]:
        assert one["licenses"] and one["sources"], one["name"]
        assert one["bytes"] == (tmp_path / "export" / one["path"]).stat().st_size
    (series,) = (one for one in package["resources"] if one["name"] == "dashboard_series")
    assert all(one["description"] for one in series["schema"]["fields"])
    assert {one["attribution_fi"] for one in series["sources"]} == {"L"}


SHAPES = """
@prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix dcat: <http://www.w3.org/ns/dcat#> .
@prefix dcterms: <http://purl.org/dc/terms/> .
@prefix foaf: <http://xmlns.com/foaf/0.1/> .
@prefix vcard: <http://www.w3.org/2006/vcard/ns#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix : <urn:shapes:> .

:text sh:or ( [ sh:datatype xsd:string ] [ sh:datatype <http://www.w3.org/1999/02/22-rdf-syntax-ns#langString> ] ) .
:three a sh:NodeShape ;
  sh:property [ sh:path dcterms:title ; sh:minCount 3 ; sh:uniqueLang true ; sh:nodeKind sh:Literal ] ;
  sh:property [ sh:path dcterms:description ; sh:minCount 3 ; sh:uniqueLang true ; sh:nodeKind sh:Literal ] ;
  sh:property [ sh:path dcterms:publisher ; sh:minCount 1 ; sh:maxCount 1 ; sh:class foaf:Agent ] .
:catalog a sh:NodeShape ; sh:targetClass dcat:Catalog ; sh:node :three ;
  sh:property [ sh:path dcat:dataset ; sh:minCount 1 ; sh:class dcat:Dataset ] ;
  sh:property [ sh:path dcterms:license ; sh:minCount 1 ; sh:maxCount 1 ] ;
  sh:property [ sh:path dcterms:language ; sh:minCount 3 ; sh:nodeKind sh:IRI ] ;
  sh:property [ sh:path dcterms:modified ; sh:maxCount 1 ; sh:datatype xsd:dateTime ] .
:dataset a sh:NodeShape ; sh:targetClass dcat:Dataset ; sh:node :three ;
  sh:property [ sh:path dcat:distribution ; sh:minCount 1 ; sh:class dcat:Distribution ] ;
  sh:property [ sh:path dcat:theme ; sh:minCount 1 ; sh:nodeKind sh:IRI ] ;
  sh:property [ sh:path dcat:keyword ; sh:minCount 3 ] ;
  sh:property [ sh:path dcterms:identifier ; sh:minCount 1 ; sh:maxCount 1 ] ;
  sh:property [ sh:path dcterms:spatial ; sh:minCount 1 ] ;
  sh:property [ sh:path dcterms:accrualPeriodicity ; sh:minCount 1 ; sh:maxCount 1 ; sh:nodeKind sh:IRI ] ;
  sh:property [ sh:path ( dcterms:temporal dcat:startDate ) ; sh:maxCount 1 ; sh:datatype xsd:date ] ;
  sh:property [ sh:path ( dcat:contactPoint vcard:hasEmail ) ; sh:maxCount 1 ; sh:nodeKind sh:IRI ] .
:distribution a sh:NodeShape ; sh:targetClass dcat:Distribution ;
  sh:property [ sh:path dcat:accessURL ; sh:minCount 1 ; sh:nodeKind sh:IRI ] ;
  sh:property [ sh:path dcat:downloadURL ; sh:minCount 1 ; sh:maxCount 1 ; sh:nodeKind sh:IRI ] ;
  sh:property [ sh:path dcterms:license ; sh:minCount 1 ; sh:maxCount 1 ] ;
  sh:property [ sh:path dcterms:format ; sh:minCount 1 ; sh:maxCount 1 ; sh:nodeKind sh:IRI ] ;
  sh:property [ sh:path dcat:mediaType ; sh:minCount 1 ; sh:maxCount 1 ; sh:nodeKind sh:IRI ;
                sh:pattern "^https://www.iana.org/assignments/media-types/" ] ;
  sh:property [ sh:path dcat:byteSize ; sh:maxCount 1 ; sh:datatype xsd:nonNegativeInteger ] .
"""


def graph_of(folder: Path, base: str) -> Any:
    from rdflib import Graph

    return Graph().parse(folder / "dcat.jsonld", format="json-ld", publicID=base)


@pytest.mark.filterwarnings("ignore")  # of the library's own
@pytest.mark.parametrize("base_url", ["", "https://data.example.org/mittaristo/"])
def test_the_dcat_description_has_what_dcat_ap_makes_mandatory(
    engine: Engine, catalogue: Catalogue, fill: Fill, tmp_path: Path, base_url: str
) -> None:
    from pyshacl import validate
    from rdflib import DCAT, DCTERMS, RDF, Graph

    contact = "avoindata@example.org"
    exported(fill(engine), catalogue, tmp_path / "export", base_url=base_url, contact=contact)
    where = base_url or "https://elsewhere.example.org/open/"
    graph = graph_of(tmp_path / "export", f"{where}dcat.jsonld")
    shapes = Graph().parse(data=SHAPES, format="turtle")
    conforms, _, told = validate(graph, shacl_graph=shapes)
    assert conforms, told
    assert len(set(graph.subjects(RDF.type, DCAT.Dataset))) == len(TABLES) + 3
    urls = {str(one) for one in graph.objects(None, DCAT.downloadURL)}
    package = json.loads((tmp_path / "export" / "datapackage.json").read_bytes())
    assert urls == {where + one["path"] for one in package["resources"]}
    licences = {str(one) for one in graph.objects(None, DCTERMS.license)}
    assert licences == {"https://creativecommons.org/licenses/by/4.0/"}
    graph.remove((None, DCAT.accessURL, None))
    assert not validate(graph, shacl_graph=shapes)[0]


@pytest.mark.filterwarnings("ignore")
def test_an_indicator_s_data_set_says_its_own_rhythm_time_and_names(
    engine: Engine, catalogue: Catalogue, fill: Fill, tmp_path: Path
) -> None:
    from rdflib import DCAT, DCTERMS, URIRef

    exported(fill(engine), catalogue, tmp_path / "export", base_url="https://x.example.org/")
    graph = graph_of(tmp_path / "export", "https://x.example.org/dcat.jsonld")
    one = URIRef("https://x.example.org/dcat.jsonld#people")
    assert {(str(text), text.language) for text in graph.objects(one, DCTERMS.title)} == {
        ("people suomeksi", "fi"),
        ("people på svenska", "sv"),
        ("people in English", "en"),
    }
    assert str(graph.value(one, DCTERMS.accrualPeriodicity)).endswith("/frequency/ANNUAL")
    covered = graph.value(one, DCTERMS.temporal)
    days = [str(graph.value(covered, name)) for name in (DCAT.startDate, DCAT.endDate)]
    assert days == ["2022-01-01", "2025-12-31"]
    assert list(graph.objects(None, DCAT.contactPoint)) == []  # none is set, none is made up


# --- nothing acts in a spreadsheet ----------------------------------------------------------------------------------


def hostile(catalogue: Catalogue) -> Catalogue:
    """A copy whose texts from outside are what a spreadsheet must not carry out."""
    people = replace(
        catalogue.indicators["people"],
        name_fi=HOSTILE,
        name_sv=DDE,
        name_en="-2+3",
        note_fi='vaaraton;=1+1\n=1+1\t"=1+1;  +1+1',
        unit="@SUM(A1)",
        unit_fi="\t=1",
    )
    return replace(catalogue, indicators={**catalogue.indicators, "people": people})


def test_no_text_begins_with_a_sign_that_makes_a_formula_and_negative_numbers_stay_numbers(
    engine: Engine, catalogue: Catalogue, fill: Fill, tmp_path: Path
) -> None:
    with writing(fill(engine)) as connection:
        sync(connection, hostile(catalogue))
    exported(engine, hostile(catalogue), tmp_path / "export")
    seen = set()
    for table in TABLES:
        types = {one.name: one.type for one in table.columns}
        for row in csv_rows(tmp_path / "export" / "csv" / f"{table.name}.csv"):
            for name, cell in row.items():
                if types[name] == "number":
                    assert cell == "" or float(cell) is not None
                else:
                    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r")), (table.name, name, cell)
                seen.add(cell)
    assert {f"'{HOSTILE}", f"'{DDE}", "'@SUM(A1)", "-3.25", "'-"} <= seen
    table = pq.read_table(tmp_path / "export" / "parquet" / "dashboard_indicators.parquet").to_pylist()
    assert HOSTILE in {one["name_fi"] for one in table}  # elsewhere it stays what it is
    assert validated(tmp_path / "export") == []


@pytest.mark.long
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice (soffice) is not installed here")
@pytest.mark.parametrize("separators", ["44", "59"])  # comma; semicolon, as programs in Finland have it
def test_libreoffice_opens_the_csv_files_and_finds_no_formula(
    sqlite_url: str, catalogue: Catalogue, fill: Fill, tmp_path: Path, separators: str
) -> None:
    engine = open_engine(sqlite_url)
    upgrade(engine)
    with writing(fill(engine)) as connection:
        sync(connection, hostile(catalogue))
    exported(engine, hostile(catalogue), tmp_path / "export", formats=("csv",))
    engine.dispose()
    (tmp_path / "plain.csv").write_text("=1+1,a\r\n")  # what is a formula to it, so that the test can fail
    paths = [*sorted((tmp_path / "export" / "csv").iterdir()), tmp_path / "plain.csv"]
    subprocess.run(
        [
            *("soffice", f"-env:UserInstallation=file://{tmp_path / 'profile'}", "--headless"),
            f"--infilter=CSV:{separators},34,76,1,,0,false,true,false,false,false,-1,true",
            *("--convert-to", "xlsx:Calc MS Excel 2007 XML", "--outdir", str(tmp_path / "out")),
            *map(str, paths),
        ],
        check=True,
        capture_output=True,
        timeout=240,
    )
    formulas: dict[str, list[str]] = {}
    texts = set()
    for path in sorted((tmp_path / "out").glob("*.xlsx")):
        for sheet in load_workbook(path):
            for row in sheet.iter_rows():
                for cell in row:
                    if cell.data_type == "f" or cell.hyperlink is not None:
                        formulas.setdefault(path.name.split("-")[0], []).append(str(cell.value))
                    texts.add(str(cell.value))
    assert {one.removesuffix(".xlsx") for one in formulas} == {"plain"}
    if separators == "44":
        assert f"'{HOSTILE}" in texts


# --- the folder -----------------------------------------------------------------------------------------------------


def test_a_new_export_takes_the_place_of_the_old_one_and_leaves_nothing_beside_it(
    engine: Engine, catalogue: Catalogue, fill: Fill, tmp_path: Path
) -> None:
    target = tmp_path / "here" / "export"
    exported(fill(engine), catalogue, target)
    exported(engine, catalogue, target, formats=("csv",))
    assert not (target / "parquet").exists()
    assert [one.name for one in target.parent.iterdir()] == ["export"]


def test_a_folder_of_others_is_refused_and_nothing_in_it_is_touched(
    engine: Engine, catalogue: Catalogue, fill: Fill, tmp_path: Path
) -> None:
    fill(engine)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"x")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "datapackage.json").write_text('{"resources": [{"path": "x.csv"}]}')
    (tmp_path / "file").write_text("x")
    (tmp_path / "deep" / "empty").mkdir(parents=True)
    for name, told in (
        ("photos", "no export of ours"),
        ("other", "no export of ours"),
        ("file", "a file, not a folder"),
        ("deep", "no export of ours"),
    ):
        with pytest.raises(ConfigurationError, match=told):
            exported(engine, catalogue, tmp_path / name)
    assert (tmp_path / "photos" / "a.jpg").read_bytes() == b"x"
    assert sorted(one.name for one in tmp_path.iterdir() if not one.name.startswith("mittaristo.db")) == [
        *("deep", "file", "other", "photos")
    ]


def test_an_export_into_which_somebody_put_a_file_is_refused(
    engine: Engine, catalogue: Catalogue, fill: Fill, tmp_path: Path
) -> None:
    exported(fill(engine), catalogue, tmp_path / "export")
    (tmp_path / "export" / "csv" / "notes.txt").write_text("mine")
    with pytest.raises(ConfigurationError, match=r"holds csv/notes\.txt, which no export wrote"):
        exported(engine, catalogue, tmp_path / "export")
    assert (tmp_path / "export" / "csv" / "notes.txt").read_text() == "mine"


def test_an_empty_folder_is_taken(engine: Engine, catalogue: Catalogue, fill: Fill, tmp_path: Path) -> None:
    (tmp_path / "export").mkdir()
    exported(fill(engine), catalogue, tmp_path / "export", formats=("csv",))
    assert (tmp_path / "export" / "datapackage.json").is_file()


def test_a_link_to_a_folder_stays_a_link(
    engine: Engine, catalogue: Catalogue, fill: Fill, tmp_path: Path
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "export").symlink_to(tmp_path / "real")
    exported(fill(engine), catalogue, tmp_path / "export", formats=("csv",))
    assert (tmp_path / "export").is_symlink()
    assert (tmp_path / "real" / "datapackage.json").is_file()


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """No file can grow beyond `size` bytes, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("formats", [("csv",), ("parquet",), ("jsonstat",)])
def test_a_disk_that_is_full_leaves_the_old_export_and_nothing_half_made(
    engine: Engine, catalogue: Catalogue, fill: Fill, tmp_path: Path, formats: Any
) -> None:
    target = tmp_path / "here" / "export"
    exported(fill(engine), catalogue, target)
    before = files_of(target)
    with reading(engine) as connection, full_disk(1000), pytest.raises(OSError):
        build_export(connection, catalogue, target, formats=formats)
    assert files_of(target) == before
    assert [one.name for one in target.parent.iterdir()] == ["export"]


def test_a_build_that_dies_at_once_is_made_good_by_the_next(
    engine: Engine, catalogue: Catalogue, fill: Fill, tmp_path: Path
) -> None:
    target = tmp_path / "here" / "export"
    exported(fill(engine), catalogue, target, formats=("csv",))
    before = files_of(target)
    target.rename(target.with_name(".export.old"))  # killed between two renames, its draft half written
    target.with_name(".export.new").mkdir()
    (target.with_name(".export.new") / "csv").write_text("half")
    exported(engine, catalogue, target, formats=("csv",))
    assert files_of(target) == before
    assert [one.name for one in target.parent.iterdir()] == ["export"]


def test_a_killed_process_leaves_the_old_export(
    sqlite_url: str, catalogue: Catalogue, fill: Fill, tmp_path: Path
) -> None:
    engine = open_engine(sqlite_url)
    upgrade(engine)
    target = tmp_path / "here" / "export"
    exported(fill(engine), catalogue, target)
    engine.dispose()
    before = files_of(target)
    child = os.fork()
    if child == 0:  # dies without a word once the first file is written
        exports.data_package = lambda *_, **__: os._exit(9)
        exported(open_engine(sqlite_url), catalogue, target, formats=("csv",))
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert target.with_name(".export.new").is_dir()
    assert files_of(target) == before


def test_nothing_of_the_present_moment_is_in_it(
    engine: Engine, catalogue: Catalogue, fill: Fill, tmp_path: Path
) -> None:
    exported(fill(engine), catalogue, tmp_path / "export")
    year = f"{datetime.now(UTC):%Y-%m-%d}".encode()
    described = [(tmp_path / "export" / one).read_bytes() for one in exports.DESCRIPTIONS]
    assert not any(year in one for one in described)
