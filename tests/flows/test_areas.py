"""The division of areas moves: a made-up merger in Kainuu, and what becomes of sums, series, history and the ledger.

On SQLite and PostgreSQL, through the real connectors, against the stand-in. Puolanka (KU620) becomes a part of Kajaani
(KU205) on 1 January 2027.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from connectors import classifications
from connectors.pxweb import Limits
from demo import changes
from demo.sample import sample_scope
from demo.stand_in import StandIn
from demo.table import SampleTable
from flows.adopt import adopt
from flows.collect import Collection, collect, finish_interrupted
from flows.commands import sources_to_run
from flows.decisions import decide
from flows.pipeline import Pipeline, open_pipeline, utc_now
from flows.replay import past_of, replay
from flows.settings import Settings
from models.catalogue import load_catalogue
from models.divisions import Division, load_division
from models.errors import CatalogueError
from models.ledger import LedgerRow
from tests import collecting
from tests.collecting import begin_run, run
from warehouse.divisions import stored_divisions
from warehouse.engine import open_engine, reading, upgrade
from warehouse.quarantine import quarantined

ROOT = Path(__file__).resolve().parents[2]
AREAS = "classifications/kunta"
NET, NET_TABLE = "statfin/ssaaty/121w", "ssaaty/121w"  # yearly, the whole series
PEOPLE, PEOPLE_TABLE = "statfin/vamuu/11lj", "vamuu/11lj"  # monthly, two years of it
KAINUU = ("KU105", "KU205", "KU290", "KU578", "KU620", "KU697", "KU765", "KU777")
MERGER = "2027,KU620,KU205\n"
UNKNOWN_YEAR = "the division of 2027 is not known (2005-2026 are); load it from the classification service"


def without(division: Division, year: int, gone: str) -> Division:
    """The division of `year`: as `division`, but for one municipality that ended."""
    municipalities = {code: one for code, one in division.municipalities.items() if code != gone}
    return replace(
        division,
        year=year,
        municipalities=municipalities,
        region_of={code: division.region(code) for code in municipalities},
        subregion_of={code: division.subregion(code) for code in municipalities},
    )


def merged(table: SampleTable, year: int = 2027) -> SampleTable:
    """The table restated: every figure of Kajaani has Puolanka's in it, Puolanka is not there any more."""
    axis = table.axis(table.area_variable)
    gone, into = table.positions(table.area_variable, ["KU620", "KU205"])
    values = np.moveaxis(table.values.copy(), axis, 0)
    values[into] += values[gone]
    variable = table.variable(table.area_variable)
    keep = [place for place in range(len(variable.values)) if place != gone]
    shorter = replace(
        variable,
        values=tuple(variable.values[place] for place in keep),
        texts=tuple(variable.texts[place] for place in keep),
    )
    variables = tuple(shorter if one is variable else one for one in table.variables)
    smaller = replace(
        table,
        variables=variables,
        values=np.moveaxis(values[keep], 0, axis),
        symbols=np.take(table.symbols, keep, axis=axis),
    )
    return stamped(smaller, year)


def stamped(table: SampleTable, year: int) -> SampleTable:
    return changes.rename_variable(table, table.area_variable, f"alue_23_{year}0101")


class Kainuu:
    """A warehouse whose catalogue can be changed, a stand-in of StatFin and one of the classification service."""

    def __init__(self, pipeline: Pipeline, statfin: StandIn, service: StandIn, today: date) -> None:
        self.pipeline, self.statfin, self.service = pipeline, statfin, service
        scope = sample_scope(pipeline.catalogue, statfin.tables)
        self.scope = replace(
            scope,
            contents={**scope.contents, AREAS: frozenset()},
            today={**scope.today, AREAS: today},
        )
        adopt(pipeline, self.scope)

    @property
    def programme(self) -> Path:
        assert self.pipeline.settings.programme is not None
        return self.pipeline.settings.programme

    def on(self, today: date) -> None:
        self.scope = replace(self.scope, today={**self.scope.today, AREAS: today})
        adopt(self.pipeline, self.scope)

    def tell(self, line: str) -> None:
        """Somebody writes a line into changes.csv."""
        with (self.programme / "divisions" / "changes.csv").open("a", encoding="utf-8") as file:
            file.write(line)
        adopt(self.pipeline, self.scope)

    def edit(self, name: str, old: str, new: str) -> None:
        """Somebody edits a file of the catalogue."""
        path = self.programme / name
        before = path.read_text(encoding="utf-8")
        assert old in before
        path.write_text(before.replace(old, new), encoding="utf-8")
        self.pipeline = replace(self.pipeline, catalogue=load_catalogue(self.programme))
        adopt(self.pipeline, self.scope)

    def forget_puolanka(self) -> None:
        """Somebody takes it out of areas.yaml."""
        line = "  KU620: {level: municipality, name_fi: Puolanka, name_sv: Puolanka, name_en: Puolanka}\n"
        path = self.programme / "areas.yaml"
        path.write_text(path.read_text(encoding="utf-8").replace(line, ""), encoding="utf-8")
        self.edit("areas.yaml", "KU620, ", "")

    def begin(self, source: str, *, force: bool = False) -> Collection:
        run_id = begin_run(self.pipeline, source)
        return Collection(self.pipeline, run_id, source, self.limits, self.scope, force)

    @property
    def limits(self) -> Limits:
        return replace(classifications.config("", None), calls=10_000, window_seconds=1.0)

    def collect(self, dataset_id: str, *, force: bool = False) -> LedgerRow:
        return run(self.pipeline, self.scope, dataset_id, force=force, limits=self.limits)[dataset_id]

    def publish(self, table: str, change, days: int = 1) -> None:
        old = self.statfin.tables[table]
        self.statfin.tables[table] = changes.set_updated(change(old), old.updated + timedelta(days=days))

    def rows(self, query: str, **values) -> list[tuple]:
        return collecting.rows(self.pipeline, query, **values)

    def series(self, indicator: str, area: str = "MK18") -> dict[str, float | None]:
        return collecting.series(self.pipeline, indicator, area)

    def change_classes(self, owner: str, area: str) -> dict[str, int]:
        return dict(
            self.rows(
                "SELECT v.change_class, count(*) FROM vintage v JOIN owner w ON w.owner_no = v.owner_no"
                " JOIN series s ON s.series_id = v.series_id"
                " WHERE w.owner = :o AND s.area_code = :a GROUP BY v.change_class",
                o=owner,
                a=area,
            )
        )

    def divisions(self) -> dict[int, tuple[str, int]]:
        """Year → where it came from, and how many municipalities it has."""
        return {
            year: (collection_id.partition(":")[2], count)
            for year, collection_id, count in self.rows(
                "SELECT d.year, d.collection_id, count(*) FROM division d JOIN division_area a ON a.year = d.year"
                " WHERE a.level = 'municipality' GROUP BY d.year, d.collection_id"
            )
        }

    def replay(self, target: Path):
        engine = open_engine(f"sqlite:///{target}")
        upgrade(engine)
        try:
            return replay(past_of(self.pipeline), replace(self.pipeline, engine=engine))
        finally:
            engine.dispose()


@pytest.fixture(scope="session")
def tables(all_synthetic: Mapping[str, SampleTable]) -> Mapping[str, SampleTable]:
    return {name: all_synthetic[name] for name in (NET_TABLE, PEOPLE_TABLE)}


@pytest.fixture
def programme(tmp_path: Path) -> Path:
    folder = tmp_path / "programme"
    shutil.copytree(
        ROOT / "models" / "catalogue", folder, ignore=shutil.ignore_patterns("*.py", "__pycache__")
    )
    return folder


@pytest.fixture
def services(tables: Mapping[str, SampleTable]) -> Iterator[tuple[StandIn, StandIn]]:
    with (
        StandIn(tables, calls=10_000, window=1.0) as statfin,
        StandIn({}, calls=10_000, window=1.0) as service,
    ):
        yield statfin, service
        assert statfin.errors == service.errors == []


@pytest.fixture
def kainuu(database_url: str, programme: Path, services, tmp_path: Path) -> Iterator[Kainuu]:
    """In the autumn of 2026; the merger is told in the catalogue."""
    with (programme / "divisions" / "changes.csv").open("a", encoding="utf-8") as file:
        file.write(MERGER)
    yield from opened(database_url, programme, services, tmp_path)


@pytest.fixture
def untold(sqlite_url: str, programme: Path, services, tmp_path: Path) -> Iterator[Kainuu]:
    """The same, but nobody has told of the merger."""
    yield from opened(sqlite_url, programme, services, tmp_path)


def opened(database_url: str, programme: Path, services, tmp_path: Path) -> Iterator[Kainuu]:
    statfin, service = services
    settings = Settings(
        home=tmp_path / "home",
        database_url=database_url,
        programme=programme,
        urls={"statfin": statfin.url, "classifications": service.classifications_url},
    )
    with open_pipeline(settings) as pipeline:
        yield Kainuu(pipeline, statfin, service, date(2026, 10, 1))


def new_year(kainuu: Kainuu) -> LedgerRow:
    """January 2027: the service has the new division, and it is looked at."""
    now = load_division(2026)
    kainuu.service.divisions = {2026: now, 2027: without(now, 2027, "KU620")}
    kainuu.on(date(2027, 1, 20))
    row = kainuu.collect(AREAS)
    assert row.state == "fetched", row.message
    return row


def region_sum(table: SampleTable, period: str, **where: str) -> float:
    codes = [code for code in KAINUU if code in table.variable(table.area_variable).values]
    cells = [
        table.cell(**{table.area_variable: code, table.time_variable: period, **where})[0] for code in codes
    ]
    return float(sum(cells))


def net(table: SampleTable, period: str) -> float:
    return region_sum(table, period, contentscode="ssaaty-koknetmuutto")


def people(table: SampleTable, period: str) -> float:
    return region_sum(
        table,
        period,
        contentscode="vamuu-vaesto",
        luokitus1_9_20180101="SSS",
        luokitus2_9_20180101="SSS",
    )


# --- the divisions in the warehouse


def test_the_catalogues_divisions_are_in_the_warehouse_when_it_is_taken_into_use(kainuu) -> None:
    found = kainuu.divisions()
    assert sorted(found) == list(range(2005, 2027))
    assert found[2026] == ("", 308)
    assert kainuu.rows(
        "SELECT name_fi, name_sv, name_en, subregion_code, region_code FROM division_area"
        " WHERE year = 2026 AND area_code = 'KU205'"
    ) == [("Kajaani", "Kajana", "Kajaani", "SK182", "MK18")]
    told = kainuu.rows("SELECT year, kind, predecessor, successor FROM area_change WHERE successor = 'KU205'")
    assert set(told) == {
        (2007, "merged", "KU940", "KU205"),
        (2007, "merged", "KU205", "KU205"),
        (2027, "told", "KU620", "KU205"),
    }


def test_the_areas_of_the_catalogue_keep_its_own_names_in_three_languages(kainuu) -> None:
    names = {
        code: tuple(names)
        for code, *names in kainuu.rows("SELECT area_code, name_fi, name_sv, name_en FROM area")
    }
    assert names["SK182"] == ("Kajaanin seutukunta", "Kajana ekonomiska region", "Kajaani sub-region")
    assert names["MK18"] == ("Kainuu", "Kajanaland", "Kainuu")
    division = load_division(2026)
    for code in KAINUU:
        one = division.municipalities[code]
        assert names[code] == (one.name_fi, one.name_sv, one.name_en)


def test_a_catalogue_whose_divisions_do_not_hold_together_is_refused_in_one_line(untold) -> None:
    with pytest.raises(CatalogueError) as caught:
        untold.tell("2026,KU999,KU205\n")
    assert "there was no KU999" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not any("KU999" in content for (content,) in untold.rows("SELECT content FROM catalogue_version"))


# --- loading them from the service


def test_the_service_is_asked_once_a_year_and_every_look_has_a_ledger_row(kainuu) -> None:
    first = kainuu.collect(AREAS)
    assert (first.state, first.calls) == ("fetched", 11)
    assert first.message == "the division of 2026 is loaded: 308 municipalities, no changes"
    assert kainuu.divisions()[2026] == (AREAS, 308)
    again = kainuu.collect(AREAS)
    assert (again.state, again.calls) == ("unchanged", 0)
    asked_anew = kainuu.collect(AREAS, force=True)
    assert (asked_anew.state, asked_anew.message) == ("unchanged", "the division of 2026 is as it was")
    assert kainuu.rows(
        "SELECT dataset_id, state, last_release FROM dashboard_freshness WHERE dataset_id = :d", d=AREAS
    )
    assert kainuu.rows(
        "SELECT state FROM dashboard_runs WHERE dataset_id = :d ORDER BY started_at", d=AREAS
    ) == [("fetched",), ("unchanged",), ("unchanged",)]


def test_a_new_year_that_is_not_there_yet_is_asked_for_again_and_late_in_the_end(kainuu) -> None:
    kainuu.collect(AREAS)
    kainuu.on(date(2027, 1, 3))
    early = kainuu.collect(AREAS)
    assert (early.state, early.message) == ("unchanged", "the division of 2026 is as it was")
    assert early.calls == 12
    kainuu.on(date(2027, 3, 1))
    assert kainuu.collect(AREAS).state == "late"


def test_a_new_division_is_loaded_and_what_changed_is_said(kainuu) -> None:
    row = new_year(kainuu)
    assert row.message == "the division of 2027 is loaded: 307 municipalities, merged KU205, KU620 to KU205"
    assert kainuu.divisions()[2027] == (AREAS, 307)
    assert (2027, "merged", "KU620", "KU205") in kainuu.rows(
        "SELECT year, kind, predecessor, successor FROM area_change"
    )
    with reading(kainuu.pipeline.engine) as connection:
        divisions = stored_divisions(connection)
    assert len(divisions.members("MK18", 2027)) == 7
    assert divisions.predecessors("KU205", 2027, since=2026) == ("KU205", "KU620")


def test_years_that_were_not_looked_at_are_loaded_one_after_another(kainuu) -> None:
    now = load_division(2026)
    kainuu.service.divisions = {
        2026: now,
        2027: without(now, 2027, "KU620"),
        2028: without(now, 2028, "KU620"),
    }
    kainuu.on(date(2028, 5, 1))
    row = kainuu.collect(AREAS)
    assert row.state == "fetched", row.message
    assert max(kainuu.divisions()) == 2028


def test_a_merger_that_nobody_told_is_one_line_that_says_what_to_write(untold) -> None:
    before = untold.divisions()
    now = load_division(2026)
    untold.service.divisions = {2026: now, 2027: without(now, 2027, "KU620")}
    untold.on(date(2027, 1, 20))
    row = untold.collect(AREAS)
    assert row.state == "failed"
    assert "KU620 Puolanka ends, and nothing says what became of it" in row.message
    assert "add the line '2027,KU620,<its successors>' in changes.csv" in row.message
    assert "\n" not in row.message
    assert untold.divisions() == before
    untold.tell(MERGER)
    assert untold.collect(AREAS).state == "fetched"
    assert untold.divisions()[2027] == (AREAS, 307)


@pytest.mark.parametrize(
    ("misbehaviour", "path"),
    [
        ("html_200", "maakunta_1_20270101"),
        ("cut_body", "kunta_1_20270101"),
        ("invalid_utf8", "seutukunta_1_20270101/classificationItems"),
        ("wrong_content_type", "kunta_1_20270101/classificationItems"),
    ],
)
def test_a_broken_answer_is_one_line_and_the_known_divisions_stay(
    untold, misbehaviour: str, path: str
) -> None:
    untold.collect(NET)
    before, sums = untold.divisions(), untold.series("net_migration_total")
    untold.service.divisions = {2027: replace(load_division(2026), year=2027)}
    untold.on(date(2027, 1, 20))
    untold.service.misbehave(misbehaviour, path=path, times=None)
    row = untold.collect(AREAS)
    assert row.state == "failed"
    assert row.message and "\n" not in row.message
    assert untold.divisions() == before
    assert untold.series("net_migration_total") == sums
    untold.service.behave()
    assert untold.collect(AREAS).state == "fetched"
    assert max(untold.divisions()) == 2027


def test_a_division_that_has_lost_municipalities_is_not_believed(untold) -> None:
    before = untold.divisions()
    untold.service.divisions = {2026: without(load_division(2026), 2026, "KU765")}
    row = untold.collect(AREAS)
    assert row.state == "failed"
    assert "KU765 Sotkamo" in row.message
    assert untold.divisions() == before


def test_what_the_service_brought_outlives_a_change_of_the_catalogue(kainuu) -> None:
    new_year(kainuu)
    kainuu.edit("areas.yaml", "name_en: Whole country", "name_en: Finland")
    assert kainuu.divisions()[2027] == (AREAS, 307)


def test_the_plain_command_asks_the_sources_that_indicators_read_and_others_by_name(kainuu) -> None:
    plain = list(sources_to_run(kainuu.pipeline, (), ()))
    assert {"statfin", "sotkanet"} <= set(plain)
    assert "classifications" not in plain, "no indicator reads it"
    assert list(sources_to_run(kainuu.pipeline, ("classifications",), ())) == ["classifications"]


# --- sums to the region


def test_the_sum_is_right_before_and_after_and_nothing_is_counted_twice(kainuu) -> None:
    kainuu.publish(  # what is made up may be 0, and then a merger changes nothing
        NET_TABLE,
        lambda one: changes.revise(
            one, {one.area_variable: ["KU620"], one.contents_variable: ["ssaaty-koknetmuutto"]}, value=7.0
        ),
    )
    kainuu.collect(NET)
    table = kainuu.statfin.tables[NET_TABLE]
    before = kainuu.series("net_migration_total")
    assert before["2025"] == net(table, "2025")
    puolanka = kainuu.series("net_migration_total", "KU620")
    kajaani = kainuu.series("net_migration_total", "KU205")

    new_year(kainuu)
    kainuu.publish(NET_TABLE, lambda one: changes.add_period(merged(one), "2026", factor=1.01))
    row = kainuu.collect(NET)
    assert row.state == "fetched", row.message
    assert "KU620 is no longer in the division of 2027; its figures are kept as last known" in row.message
    after = kainuu.series("net_migration_total")
    new = kainuu.statfin.tables[NET_TABLE]
    assert after["2026"] == net(new, "2026")
    del after["2026"]
    assert after == before, "the same land, the same sums"

    assert kainuu.series("net_migration_total", "KU620") == puolanka, "last known, under its old code"
    assert set(kainuu.change_classes(NET, "KU620")) == {"new"}
    assert set(kainuu.change_classes("indicator/net_migration_total", "KU620")) == {"new"}
    now = kainuu.series("net_migration_total", "KU205")
    assert all(now[period] == kajaani[period] + puolanka[period] for period in kajaani)
    for owner in (NET, "indicator/net_migration_total"):
        classes = kainuu.change_classes(owner, "KU205")
        assert classes["restated"] > 10
        assert "revised" not in classes
    assert set(kainuu.change_classes("indicator/net_migration_total", "MK18")) == {"new"}


def test_periods_that_left_the_window_stay_in_the_division_they_were_in(kainuu) -> None:
    kainuu.collect(PEOPLE)
    old = kainuu.statfin.tables[PEOPLE_TABLE]
    periods = old.variable(old.time_variable).values
    left = periods[:12]
    before = kainuu.series("population_monthly")
    assert before[left[0]] == people(old, left[0])

    new_year(kainuu)
    kainuu.publish(
        PEOPLE_TABLE, lambda one: changes.add_period(changes.drop_periods(merged(one), left), "2026M09")
    )
    row = kainuu.collect(PEOPLE)
    assert row.state == "fetched", row.message
    after = kainuu.series("population_monthly")
    assert after["2026M09"] == people(kainuu.statfin.tables[PEOPLE_TABLE], "2026M09")
    assert {period: after[period] for period in before} == before
    assert set(kainuu.change_classes("indicator/population_monthly", "MK18")) == {"new"}

    # computed anew, when the catalogue changes, they are still the same, whatever has left it
    kainuu.forget_puolanka()
    assert {period: kainuu.series("population_monthly")[period] for period in before} == before


def test_a_municipality_that_ended_may_leave_the_catalogue_and_keeps_its_history(untold) -> None:
    untold.tell(MERGER)
    untold.collect(NET)
    puolanka, sums = (untold.series("net_migration_total", code) for code in ("KU620", "MK18"))
    new_year(untold)
    untold.publish(NET_TABLE, merged)
    untold.collect(NET)
    untold.forget_puolanka()
    assert untold.series("net_migration_total", "KU620") == puolanka
    assert untold.series("net_migration_total") == sums
    assert "withdrawn" not in untold.change_classes("indicator/net_migration_total", "KU620")
    untold.publish(NET_TABLE, lambda one: changes.add_period(one, "2026"))
    row = untold.collect(NET)
    assert row.state == "fetched", row.message
    assert untold.series("net_migration_total", "KU620") == puolanka


def test_a_year_that_is_not_loaded_leaves_the_sums_as_last_known_and_says_what_to_do(kainuu) -> None:
    kainuu.collect(NET)
    before = kainuu.series("net_migration_total")
    kainuu.publish(NET_TABLE, lambda one: changes.add_period(stamped(one, 2027), "2026", factor=1.01))
    row = kainuu.collect(NET)
    assert row.state == "fetched", row.message
    assert f"the sums to MK18 Kainuu stay as last known: {UNKNOWN_YEAR}" in row.message
    assert "mittaristo run --source classifications" in row.message
    assert "\n" not in row.message
    assert kainuu.series("net_migration_total") == before, "no sum of 2026, and none withdrawn"
    assert "2026" in kainuu.series("net_migration_total", "KU205"), "all else is stored"
    assert set(kainuu.change_classes("indicator/net_migration_total", "MK18")) == {"new"}

    # the division comes: the sums are made good without asking StatFin
    now = load_division(2026)
    kainuu.service.divisions = {2026: now, 2027: replace(now, year=2027)}
    kainuu.on(date(2027, 1, 20))
    calls = len(kainuu.statfin.requests)
    # nothing became of Puolanka after all
    path = kainuu.programme / "divisions" / "changes.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(MERGER, ""), encoding="utf-8")
    adopt(kainuu.pipeline, kainuu.scope)
    assert kainuu.collect(AREAS).state == "fetched"
    assert len(kainuu.statfin.requests) == calls
    after = kainuu.series("net_migration_total")
    assert after["2026"] == net(kainuu.statfin.tables[NET_TABLE], "2026")
    assert {period: after[period] for period in before} == before


def test_a_lost_municipality_in_a_year_that_is_not_loaded_is_quarantined_until_the_year_is(kainuu) -> None:
    kainuu.collect(NET)
    before = kainuu.series("net_migration_total")
    kainuu.publish(NET_TABLE, merged)
    held = kainuu.collect(NET)
    assert held.state == "quarantined"
    assert "KU620" in held.message
    assert kainuu.series("net_migration_total") == before
    new_year(kainuu)
    good = kainuu.collect(NET)
    assert good.state == "fetched", good.message
    assert "quarantine cleared" in good.message
    assert kainuu.series("net_migration_total") == before


def test_what_is_released_by_a_person_does_not_withdraw_an_area_that_ended(untold) -> None:
    untold.tell(MERGER)
    untold.collect(NET)
    puolanka = untold.series("net_migration_total", "KU620")
    new_year(untold)
    untold.publish(NET_TABLE, lambda one: changes.drop_periods(merged(one), ["2010"]))
    assert untold.collect(NET).state == "quarantined"
    with reading(untold.pipeline.engine) as connection:
        (one,) = quarantined(connection)
    decide(untold.pipeline, one.quarantine_id, "release", role="tietoasiantuntija", reason="lähde vahvisti")
    assert untold.series("net_migration_total", "KU205")["2010"] is None
    assert untold.series("net_migration_total")["2010"] is None, "not all members have one"
    kept = untold.series("net_migration_total", "KU620")
    assert kept == puolanka


def test_a_municipality_that_leaves_the_region_restates_the_regions_sums(untold) -> None:
    untold.collect(NET)
    before = untold.series("net_migration_total")
    sotkamo = untold.series("net_migration_total", "KU765")
    now = load_division(2026)
    moved = replace(
        now,
        year=2027,
        region_of={**now.region_of, "KU765": "MK11"},
        subregion_of={**now.subregion_of, "KU765": now.subregion_of["KU140"]},
    )
    untold.service.divisions = {2026: now, 2027: moved}
    untold.on(date(2027, 1, 20))
    assert "moved region KU765 to KU765" in untold.collect(AREAS).message
    assert untold.series("net_migration_total") == before, "no table is laid out in it yet"
    untold.publish(NET_TABLE, lambda one: stamped(one, 2027))
    row = untold.collect(NET)
    assert row.state == "fetched", row.message
    after = untold.series("net_migration_total")
    assert all(after[period] == before[period] - sotkamo[period] for period in before)
    classes = untold.change_classes("indicator/net_migration_total", "MK18")
    assert set(classes) == {"new", "restated"}


def test_so_does_a_division_that_comes_after_the_table_that_is_laid_out_in_it(untold) -> None:
    untold.collect(NET)
    before = untold.series("net_migration_total")
    sotkamo = untold.series("net_migration_total", "KU765")
    untold.publish(NET_TABLE, lambda one: stamped(one, 2027))
    assert UNKNOWN_YEAR in untold.collect(NET).message
    assert untold.series("net_migration_total") == before
    now = load_division(2026)
    moved = replace(
        now,
        year=2027,
        region_of={**now.region_of, "KU765": "MK11"},
        subregion_of={**now.subregion_of, "KU765": now.subregion_of["KU140"]},
    )
    untold.service.divisions = {2026: now, 2027: moved}
    untold.on(date(2027, 1, 20))
    assert untold.collect(AREAS).state == "fetched"
    after = untold.series("net_migration_total")
    assert all(after[period] == before[period] - sotkamo[period] for period in before)
    assert set(untold.change_classes("indicator/net_migration_total", "MK18")) == {"new", "restated"}


def test_a_municipality_that_joins_the_region_must_be_in_the_catalogue_before_there_are_new_sums(
    untold,
) -> None:
    untold.collect(NET)
    before = untold.series("net_migration_total")
    now = load_division(2026)
    joined = replace(
        now,
        year=2027,
        region_of={**now.region_of, "KU785": "MK18"},
        subregion_of={**now.subregion_of, "KU785": "SK182"},
    )
    untold.service.divisions = {2026: now, 2027: joined}
    untold.on(date(2027, 1, 20))
    untold.collect(AREAS)
    untold.publish(NET_TABLE, lambda one: changes.add_period(stamped(one, 2027), "2026"))
    row = untold.collect(NET)
    assert row.state == "fetched", row.message
    assert (
        "the sums to MK18 Kainuu stay as last known: in the division of 2027 KU785 belongs to it, which the "
        "catalogue does not ask; add it to areas.yaml" in row.message
    )
    assert untold.series("net_migration_total") == before


def test_a_table_without_a_stamp_goes_by_the_catalogues_own_list(untold) -> None:
    table = untold.statfin.tables[NET_TABLE]
    plain = changes.rename_variable(table, table.area_variable, "Alue")
    variable = replace(plain.variable("Alue"), map="")
    untold.statfin.tables[NET_TABLE] = replace(
        plain, variables=tuple(variable if one.code == "Alue" else one for one in plain.variables)
    )
    row = untold.collect(NET)
    assert row.state == "fetched", row.message
    assert "last known" not in row.message
    assert untold.series("net_migration_total")["2025"] == net(untold.statfin.tables[NET_TABLE], "2025")


def test_the_map_bears_the_year_where_the_code_does_not(untold) -> None:
    table = untold.statfin.tables[NET_TABLE]
    plain = changes.rename_variable(table, table.area_variable, "Alue")
    variable = replace(plain.variable("Alue"), map="Alue 2027")
    untold.statfin.tables[NET_TABLE] = replace(
        plain, variables=tuple(variable if one.code == "Alue" else one for one in plain.variables)
    )
    row = untold.collect(NET)
    assert row.state == "fetched", row.message
    assert UNKNOWN_YEAR in row.message
    assert untold.series("net_migration_total") == {}


# --- replay and crashes


@pytest.mark.long
def test_a_replay_of_a_merger_is_identical(kainuu, tmp_path: Path) -> None:
    kainuu.collect(NET)
    kainuu.collect(PEOPLE)
    kainuu.collect(AREAS)
    kainuu.publish(NET_TABLE, merged)
    assert kainuu.collect(NET).state == "quarantined"
    kainuu.on(date(2027, 1, 3))
    kainuu.collect(AREAS)
    kainuu.service.misbehave("html_200", path="seutukunta", times=1)
    now = load_division(2026)
    kainuu.service.divisions = {2026: now, 2027: without(now, 2027, "KU620")}
    assert kainuu.collect(AREAS).state == "failed"
    new_year(kainuu)
    kainuu.collect(NET)
    kainuu.publish(PEOPLE_TABLE, merged)
    kainuu.collect(PEOPLE)
    kainuu.edit("areas.yaml", "name_en: Whole country", "name_en: Finland")
    outcome = kainuu.replay(tmp_path / "replayed.db")
    assert outcome.different == ()
    assert {"divisions", "division areas", "area changes"} <= outcome.after.keys()


def test_a_load_that_was_cut_off_after_the_fetch_is_made_good_at_the_next_look(
    untold, monkeypatch, tmp_path: Path
) -> None:
    collection = untold.begin("classifications")
    with monkeypatch.context() as patched:

        def cut(*_arguments: object) -> None:
            raise KeyboardInterrupt

        patched.setattr("flows.collect.ingest", cut)
        with pytest.raises(KeyboardInterrupt):
            collect(collection, AREAS)
    assert untold.divisions()[2026] == ("", 308)
    (row,) = finish_interrupted(untold.pipeline, "classifications")
    assert row.state == "fetched"
    assert "finished after the run was cut off" in row.message
    assert untold.divisions()[2026] == (AREAS, 308)
    assert untold.replay(tmp_path / "replayed.db").different == ()


# --- through Prefect


@pytest.mark.long
def test_the_command_loads_the_division_and_ends_with_the_runs_exit_codes(
    services, programme: Path, tmp_path: Path, prefect_server: str
) -> None:
    _, service = services
    this_year = utc_now().year
    service.divisions = {year: replace(load_division(2026), year=year) for year in range(2026, this_year + 1)}

    def mittaristo(*arguments: str) -> subprocess.CompletedProcess[str]:
        environ = {
            name: one for name, one in os.environ.items() if not name.startswith(("MITTARISTO_", "PREFECT_"))
        }
        environ |= {
            "MITTARISTO_HOME": str(tmp_path / "home"),
            "MITTARISTO_PROGRAMME": str(programme),
            "MITTARISTO_URL_CLASSIFICATIONS": service.classifications_url,
            "PREFECT_API_URL": prefect_server,
            "PYTHONPATH": str(ROOT),
        }
        return subprocess.run(
            [sys.executable, "-m", "flows.cli", *arguments],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    first = mittaristo("run", "--source", "classifications")
    assert first.returncode == 0, first.stdout + first.stderr
    assert f"{AREAS}: the division of {this_year} is loaded: 308 municipalities" in first.stdout
    assert "1 datasets: 1 fetched; 11 calls" in first.stdout
    again = mittaristo("run", "--source", "classifications")
    assert again.returncode == 0
    assert "1 datasets: 1 unchanged; 0 calls" in again.stdout
    service.misbehave("html_200", path="maakunta", times=None)
    red = mittaristo("run", "--source", "classifications", "--force")
    assert red.returncode == 1
    assert "1 failed" in red.stdout
    assert "Traceback" not in red.stdout + red.stderr
