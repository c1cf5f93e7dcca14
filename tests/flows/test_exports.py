"""`mittaristo export`: one command from the warehouse to a folder that can be published; its errors are one line."""

import json
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from flows import cli
from warehouse import read
from warehouse.engine import reading

DATASETS = ("statfin/vkour/12bs", "statfin/vaerak/11ra")
Export = Callable[..., tuple[int, str, str]]


@pytest.fixture
def export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Export:
    """Runs `mittaristo export` with a home of its own; exit code, what it printed, what it said of errors."""
    for name in list(os.environ):
        if name.startswith("MITTARISTO_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MITTARISTO_HOME", str(tmp_path / "home"))

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mittaristo", "export", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        printed = capsys.readouterr()
        return int(end.value.code or 0), printed.out, printed.err

    return run


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        one.relative_to(folder).as_posix(): one.read_bytes() for one in folder.rglob("*") if one.is_file()
    }


def test_what_was_collected_goes_out_whole_and_the_same_each_time(
    bench, export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.begin(*DATASETS)
    monkeypatch.setenv("MITTARISTO_DATABASE_URL", bench.pipeline.settings.warehouse_url)
    monkeypatch.setenv("MITTARISTO_CONTACT", "avoindata@example.org")
    code, told, error = export()
    assert (code, error) == (0, "")
    target = tmp_path / "home" / "export"
    assert f"export: {target}" in told
    assert "contact point in dcat.jsonld: avoindata@example.org" in told
    assert "for want of a licence in the catalogue: figures and answers of manual" in told
    with reading(bench.pipeline.engine) as connection:
        series = read.view(connection, "dashboard_series")
    table = pq.read_table(target / "parquet" / "dashboard_series.parquet").to_pandas()
    assert len(series) > 100
    key = ["indicator_id", "area_code", "class_code", "period"]
    one, two = (frame.set_index(key).sort_index() for frame in (series, table))
    assert (one["value"].fillna(-1) == two["value"].fillna(-1)).all()
    assert {path.stem for path in (target / "jsonstat").iterdir()} == set(series["indicator_id"])
    before = files_of(target)
    assert export()[0] == 0
    assert files_of(target) == before


def test_a_folder_formats_and_an_address_can_be_named(export: Export, tmp_path: Path) -> None:
    code, told, _ = export(
        "open data", "--format", "csv", "--format", "jsonstat", "--base-url", "https://x.example.org/d"
    )
    assert code == 0
    assert "no contact point in dcat.jsonld" in told
    found = files_of(tmp_path / "open data")
    assert {one.partition("/")[0] for one in found} == {"csv", "datapackage.json", "dcat.jsonld", "README.md"}
    assert b'"https://x.example.org/d/csv/dashboard_measures.csv"' in found["dcat.jsonld"]
    assert json.loads(found["datapackage.json"])["homepage"] == "https://x.example.org/d/"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--format", "xml"], "--format 'xml' is not known; give csv, parquet, jsonstat"),
        (["--base-url", "data.example.org"], "--base-url is no http(s) address"),
        (["--base-url", "https://u:s3cret@example.org/"], "--base-url is no http(s) address"),
        (["--base-url", "https://example.org/?token=s3cret"], "--base-url is no http(s) address"),
        (["mine"], "is no export of ours; nothing was written"),
        (["mine/a.txt"], "is a file, not a folder; nothing was written"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    export: Export, tmp_path: Path, arguments: list[str], says: str
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.txt").write_text("mine")
    code, printed, error = export(*arguments)
    assert code == 2
    assert says in error and error.count("\n") == 1
    assert "s3cret" not in printed + error
    assert files_of(tmp_path / "mine") == {"a.txt": b"mine"}


def test_a_place_that_cannot_be_written_is_one_line(export: Export, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    code, _, error = export("file/export")
    assert code == 1
    assert "cannot be written" in error and error.count("\n") == 1


@pytest.mark.postgresql
def test_a_full_disk_is_one_line_and_what_was_exported_before_is_served_on(
    export: Export, tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the server's disk is not the one that is full
    monkeypatch.setenv("MITTARISTO_DATABASE_URL", postgres_url)
    assert export()[0] == 0
    target = tmp_path / "home" / "export"
    before = files_of(target)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        code, _, error = export()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert code == 1
    assert "cannot be written" in error and "as it was" in error and error.count("\n") == 1
    assert files_of(target) == before
    assert not target.with_name(".export.new").exists()
