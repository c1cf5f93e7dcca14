"""Names that are meant to leave a folder or to become SQL: in commands, catalogue, forms, raw store and views."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, inspect, text

from flows import cli
from flows.artifacts import artifact_key
from models.catalogue import load_catalogue
from models.document import Answer
from models.errors import ConfigurationError
from reports.validation import page_key
from warehouse import read
from warehouse.engine import reading
from warehouse.errors import RawStoreError
from warehouse.raw import RawStore

SOTKAMO = Path(__file__).resolve().parents[1] / "data" / "sotkamo"
PATHS = ("../../etc/passwd", "/etc/passwd", "..", "a/../../b", "..%2f..%2fetc", "a\x00b", "C:\\x", "~root")
SQL = (
    "'; DROP TABLE vintage; --",
    "KU205' OR '1'='1",
    '" OR 1=1 --',
    "x'); DELETE FROM vintage; --",
    "%",
    "\\",
)


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Any]:
    def one(*arguments: str, url: str = "") -> tuple[int, str, str]:
        monkeypatch.setenv("MITTARISTO_HOME", str(tmp_path / "home"))
        monkeypatch.setenv("MITTARISTO_DOTENV", os.devnull)
        if url:
            monkeypatch.setenv("MITTARISTO_DATABASE_URL", url)
        monkeypatch.setattr("sys.argv", ["mittaristo", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return one


@pytest.mark.parametrize("name", SQL)
def test_sql_in_what_is_typed_is_text_like_any_other(
    engine: Engine, call: Callable[..., Any], name: str
) -> None:
    url = engine.url.render_as_string(hide_password=False)
    tables = set(inspect(engine).get_table_names())
    for arguments in (
        ("show", name),
        ("show", "unemployment_rate", "--area", name),
        ("run", "--dataset", name),
        ("run", "--source", name),
        ("forms", "due", "--party", name),
        ("recode", "show", "--dataset", name),
        ("gates", "backtest", "--dataset", name),
    ):
        code, out, error = call(*arguments, url=url)
        assert code in (0, 1, 2) and "Traceback" not in out + error, arguments
    assert set(inspect(engine).get_table_names()) == tables


@pytest.mark.parametrize("name", SQL)
def test_sql_in_a_code_finds_nothing_and_harms_nothing(engine: Engine, name: str) -> None:
    with reading(engine) as connection:
        found = connection.execute(
            text("SELECT count(*) FROM dashboard_series WHERE area_code = :code"), {"code": name}
        ).scalar()
        assert found == 0
        assert read.series(connection, name, name).empty


def with_id(folder: Path, old: str, new: str) -> Path:
    """The small catalogue with `old` renamed to `new` wherever it stands."""
    target = folder / "programme"
    for path in SOTKAMO.rglob("*.yaml"):
        copy = target / path.relative_to(SOTKAMO)
        copy.parent.mkdir(parents=True, exist_ok=True)
        quoted = "'" + new.replace("'", "''") + "'"
        copy.write_text(
            re.sub(
                rf"{re.escape(old)}(?=[:\],\s}}])", lambda _, quoted=quoted: quoted, path.read_text("utf-8")
            ),
            "utf-8",
        )
    return target


@pytest.mark.parametrize("id", [*(one for one in PATHS if "\x00" not in one), *SQL, "", " "])
@pytest.mark.parametrize(
    ("kind", "old"),
    [
        ("dataset", "statfin/vaerak/11ra"),
        ("indicator", "net_migration"),
        ("party", "matkailu"),
        ("measure", "'1.1.02'"),
        ("meter", "1.1.02-m1"),
        ("goal", "'1.1'"),
        ("source", "manual"),
    ],
    ids=lambda one: one if one.isalpha() else "",
)
def test_an_id_of_the_catalogue_that_could_be_a_path_or_sql_is_refused(
    tmp_path: Path, kind: str, old: str, id: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"{kind} .*: an id has letters"):
        load_catalogue(with_id(tmp_path, old, id))


def test_with_ordinary_ids_the_same_catalogue_loads(tmp_path: Path) -> None:
    load_catalogue(with_id(tmp_path, "matkailu", "matkailijat"))


@pytest.mark.parametrize(
    "table", ["StatFin/../../etc", "StatFin/vaerak/../../x", "StatFin/../11re", "StatFin/vaerak/11re?x#y"]
)
def test_a_table_that_would_lead_elsewhere_is_not_asked_and_no_file_is_written(
    call: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    monkeypatch.setattr("connectors.http.Http._try", lambda *_: pytest.fail("a request was sent"))
    programme = with_id(tmp_path, "matkailu", "matkailijat")
    monkeypatch.setenv("MITTARISTO_PROGRAMME", str(programme))
    before = sorted(programme.rglob("*"))
    code, out, error = call("propose", table, "--write")
    assert code == 2 and out == "" and error.count("\n") == 1
    assert sorted(programme.rglob("*")) == before


@pytest.mark.parametrize("name", PATHS)
def test_a_party_or_period_that_is_a_path_makes_no_form_anywhere(
    call: Callable[..., Any], tmp_path: Path, name: str
) -> None:
    for arguments in (("--period", "2026", "--party", name), ("--period", name)):
        code, _, error = call("forms", "export", *arguments)
        assert code == 2 and error
    assert not list(tmp_path.rglob("lomake*"))


@given(st.text(min_size=1, max_size=60))
def test_a_page_of_a_dataset_lies_in_its_folder_whatever_the_dataset_is_called(id: str) -> None:
    for key in (page_key(id), artifact_key(id)):
        assert re.fullmatch(r"[a-z0-9-]+", key)


@pytest.mark.parametrize("name", PATHS)
def test_the_raw_store_makes_no_folder_of_a_source_that_is_a_path(
    tmp_path: Path, name: str, make_answer: Callable[..., Answer]
) -> None:
    store = RawStore(tmp_path / "raw")
    with pytest.raises(RawStoreError):
        store.keep(make_answer(source=name), "run", "collection")
    with pytest.raises(RawStoreError):
        store.read(name)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def make_answer() -> Callable[..., Answer]:
    from datetime import UTC, datetime

    moment = datetime(2026, 11, 28, tzinfo=UTC)

    def one(**more: Any) -> Answer:
        given = {
            "source": "statfin",
            "dataset_id": "d",
            "kind": "data",
            "method": "GET",
            "url": "http://x/",
            "request_body": b"",
            "status": 200,
            "content_type": "",
            "body": b"{}",
            "asked_at": moment,
            "fetched_at": moment,
        }
        return Answer(**(given | more))

    return one
