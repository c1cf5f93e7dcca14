"""The catalogue's mirror: it says what the catalogue says, and remembers what the catalogue said."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, text

from models.area import Area
from models.catalogue import Catalogue, load_catalogue
from warehouse.catalogue import keep_version, newest_version, sync
from warehouse.engine import reading, writing

AT = datetime(2026, 1, 1, tzinfo=UTC)


def synced(engine: Engine, catalogue: Catalogue) -> None:
    with writing(engine) as connection:
        sync(connection, catalogue)


def ask(engine: Engine, query: str) -> list[Any]:
    with reading(engine) as connection:
        rows = connection.execute(text(query)).all()
    return [row[0] if len(row) == 1 else tuple(row) for row in rows]


def test_every_part_of_the_catalogue_has_its_table(engine: Engine, catalogue: Catalogue) -> None:
    synced(engine, catalogue)
    for table, count in {
        "source": 2, "dataset": 3, "indicator": 6, "indicator_dataset": 6, "area": 8, "party": 1,
        "programme": 1, "programme_area": 1, "goal": 1, "cluster": 1, "measure": 5,
        "measure_party": 5, "meter": 8, "meter_indicator": 7,
    }.items():  # fmt: skip
        assert ask(engine, f"SELECT count(*) FROM {table}") == [count], table


def test_the_same_catalogue_again_changes_nothing(engine: Engine, catalogue: Catalogue) -> None:
    synced(engine, catalogue)
    before = {
        table: ask(engine, f"SELECT * FROM {table}") for table in ("indicator", "meter", "area", "measure")
    }
    synced(engine, catalogue)
    assert before == {table: ask(engine, f"SELECT * FROM {table}") for table in before}


def test_what_changed_in_the_catalogue_changes_in_the_mirror(engine: Engine, catalogue: Catalogue) -> None:
    synced(engine, catalogue)
    people = replace(catalogue.indicators["people"], name_fi="Väkiluku", kind="proxy")
    programme = replace(catalogue.programme, first_year=2023)
    changed = replace(
        catalogue,
        fingerprint="f2",
        indicators={**catalogue.indicators, "people": people},
        programme=programme,
    )
    synced(engine, changed)
    assert ask(engine, "SELECT name_fi, kind FROM indicator WHERE indicator_id = 'people'") == [
        ("Väkiluku", "proxy")
    ]
    assert ask(engine, "SELECT first_year FROM programme") == [2023]


def test_what_left_the_catalogue_is_retired_and_comes_back_when_it_does(
    engine: Engine, catalogue: Catalogue
) -> None:
    synced(engine, catalogue)
    fewer = replace(
        catalogue,
        fingerprint="f2",
        indicators={"people": catalogue.indicators["people"]},
        datasets={"statfin/a/1": catalogue.datasets["statfin/a/1"]},
        programme=replace(catalogue.programme, measures=catalogue.programme.measures[:1]),
    )
    fewer = replace(
        fewer,
        programme=replace(
            fewer.programme,
            measures=(replace(fewer.programme.measures[0], meters=fewer.programme.measures[0].meters[:1]),),
        ),
    )
    synced(engine, fewer)
    live = "SELECT indicator_id FROM indicator WHERE NOT is_retired"
    assert ask(engine, live) == ["people"]
    assert ask(engine, "SELECT count(*) FROM indicator") == [6]
    assert ask(engine, "SELECT dataset_id FROM dataset WHERE is_retired ORDER BY 1") == [
        "statfin/b/2",
        "statfin/c/3",
    ]
    assert ask(engine, "SELECT meter_id, indicator_id FROM meter_indicator") == [("1.1.01-m1", "people")]
    synced(engine, replace(catalogue, fingerprint="f3"))
    assert len(ask(engine, live)) == 6


def test_every_state_taken_into_use_is_kept_and_the_newest_is_the_one_in_use(engine: Engine) -> None:
    with writing(engine) as connection:
        assert newest_version(connection) is None
        keep_version(connection, "f1", "{}", recorded_at=AT)
        keep_version(connection, "f2", '{"a": 1}', recorded_at=AT + timedelta(days=1))
        newest = newest_version(connection)
    assert newest is not None
    assert (newest.fingerprint, newest.content, newest.recorded_at) == (
        "f2",
        '{"a": 1}',
        AT + timedelta(days=1),
    )
    assert ask(engine, "SELECT fingerprint FROM catalogue_version ORDER BY recorded_at") == ["f1", "f2"]


def test_areas_have_the_part_they_play(engine: Engine, catalogue: Catalogue) -> None:
    synced(engine, catalogue)
    assert dict(ask(engine, "SELECT area_code, role FROM area")) == {
        "KU205": "focus",
        "MK18": "region",
        "SK182": "subregion",
        "SSS": "country",
        "KU740": "peer",
        "KU765": "member",
        "KAJAANI": "focus",
        "OULU": "peer",
    }


def test_places_of_which_none_bears_the_citys_name_are_other_places(
    engine: Engine, catalogue: Catalogue
) -> None:
    areas = replace(catalogue.areas, others=(Area("02473", "institution", "Ammattikorkeakoulu"),))
    synced(engine, replace(catalogue, areas=areas))
    assert ask(engine, "SELECT role FROM area WHERE area_code = '02473'") == ["other"]


def test_the_catalogue_of_the_project_goes_in_whole(engine: Engine) -> None:
    catalogue = load_catalogue()
    synced(engine, catalogue)
    assert ask(engine, "SELECT count(*) FROM indicator") == [len(catalogue.indicators)]
    assert ask(engine, "SELECT count(*) FROM measure") == [79]
    assert ask(engine, "SELECT count(*) FROM meter WHERE kind <> 'none'") == [108]
