"""The divisions of areas in the database: what is written is read back, and only what differs is written."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from models.divisions import DivisionError, Divisions, divisions_of, load_divisions
from warehouse.divisions import collections_of_divisions, store_divisions, stored_divisions
from warehouse.engine import open_engine, reading, upgrade, writing
from warehouse.ledger import state_of
from warehouse.revision import migrate

AT = datetime(2027, 1, 4, 6, 30, tzinfo=UTC)


def write(engine: Engine, divisions: Divisions, collections=None, at: datetime = AT) -> None:
    with writing(engine) as connection:
        store_divisions(connection, divisions, collections or {}, recorded_at=at)


def read(engine: Engine) -> Divisions:
    with reading(engine) as connection:
        return stored_divisions(connection)


def recorded(engine: Engine) -> dict[int, datetime]:
    with reading(engine) as connection:
        rows = connection.execute(text("SELECT year, recorded_at FROM division")).all()
    moments = {year: at if isinstance(at, datetime) else datetime.fromisoformat(at) for year, at in rows}
    return {year: at.astimezone(UTC) for year, at in moments.items()}


@pytest.fixture(scope="module")
def packaged() -> Divisions:
    return load_divisions()


def test_the_packaged_divisions_come_back_as_they_were(engine: Engine, packaged: Divisions) -> None:
    write(engine, packaged)
    found = read(engine)
    assert found.by_year == packaged.by_year
    assert found.changes == packaged.changes
    assert found.steps == packaged.steps


def test_where_none_is_stored_it_is_said(engine: Engine) -> None:
    with pytest.raises(DivisionError, match="no division of areas is known"):
        read(engine)


def test_what_is_told_of_a_year_to_come_is_kept_until_its_division_is_there(
    engine: Engine, packaged: Divisions
) -> None:
    told = divisions_of(packaged.by_year.values(), {**packaged.became, 2027: {"KU620": ("KU205",)}})
    write(engine, told)
    found = read(engine)
    assert found.became[2027] == {"KU620": ("KU205",)}
    now = packaged.division(2026)
    left = {code: one for code, one in now.municipalities.items() if code != "KU620"}
    following = replace(
        now,
        year=2027,
        municipalities=left,
        region_of={code: now.region(code) for code in left},
        subregion_of={code: now.subregion(code) for code in left},
    )
    write(engine, found.with_division(following), {2027: "run:classifications/kunta"})
    assert read(engine).changes[-1].kind == "merged"
    assert read(engine).by_year == told.with_division(following).by_year
    with reading(engine) as connection:
        assert collections_of_divisions(connection) == {2027: "run:classifications/kunta"}


def test_only_a_year_that_differs_is_written_anew(engine: Engine, packaged: Divisions) -> None:
    write(engine, packaged)
    now = packaged.division(2026)
    renamed = {
        **now.municipalities,
        "KU205": replace(now.municipalities["KU205"], name_en="Kajaani town"),
    }
    later = AT + timedelta(days=1)
    write(engine, packaged.with_division(replace(now, municipalities=renamed)), at=later)
    assert read(engine).municipality("KU205", 2026).name_en == "Kajaani town"
    at = recorded(engine)
    assert at.pop(2026) == later
    assert set(at.values()) == {AT}


def test_a_year_that_is_no_longer_known_goes(engine: Engine, packaged: Divisions) -> None:
    write(engine, packaged)
    write(engine, divisions_of([packaged.division(2025), packaged.division(2026)], packaged.became))
    assert sorted(read(engine).by_year) == [2025, 2026]


def test_what_was_read_before_is_not_mistaken_for_what_is_stored_now(
    engine: Engine, packaged: Divisions
) -> None:
    write(engine, packaged)
    before = read(engine)
    assert read(engine) is before
    write(engine, divisions_of([packaged.division(2026)]))
    assert sorted(read(engine).by_year) == [2026]


@pytest.mark.parametrize(
    ("known", "division", "layout"),
    [
        ("alue_23_20260101", "2026-01-01", [["", "alue_23_20260101"]]),
        ("Alue", "2026-01-01", [["", "Alue 2026"]]),
        ("Alue", "", [["", ""]]),
    ],
)
def test_figures_stored_by_an_older_program_are_laid_out_as_their_table_said(
    database_url: str, monkeypatch, known: str, division: str, layout: list[list[str]]
) -> None:
    engine = open_engine(database_url)
    with engine.connect() as connection, connection.begin():
        migrate(connection, "0003")
        connection.execute(
            text(
                "INSERT INTO dataset_state (dataset_id, state, last_error, entry_fingerprint, canonical_sha256,"
                " known_codes, division) VALUES ('statfin/x/y', 'fetched', '', '', '', :known, :division)"
            ),
            {"known": json.dumps({"area_variable": known}), "division": division},
        )
    upgrade(engine)
    with reading(engine) as connection:
        assert json.loads(state_of(connection, "statfin/x/y").layout) == layout
    engine.dispose()
