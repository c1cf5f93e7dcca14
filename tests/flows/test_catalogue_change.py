"""A changed catalogue is taken into use: what was kept is read and computed anew without a call, and history stays.

Each test collects under the packaged catalogue, changes a copy of it as a person would, and opens the warehouse again
with that copy (MITTARISTO_PROGRAMME).
"""

import math
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

import pytest

from demo import changes
from demo.sample import sample_scope
from flows import cli
from flows.adopt import adopt
from flows.compare import indicator_differences
from flows.decisions import decide
from flows.pipeline import open_pipeline
from flows.replay import Past, past_of, replay
from models import derive
from models.catalogue import Catalogue, load_catalogue
from models.catalogue.files import catalogue_files
from models.catalogue.load import PACKAGED
from models.errors import ConfigurationError
from tests import collecting
from warehouse import read
from warehouse.engine import open_engine, reading, upgrade
from warehouse.ledger import state_of
from warehouse.quarantine import quarantined

MIGRATION, MIGRATION_TABLE = "statfin/ssaaty/121w", "ssaaty/121w"
POPULATION, POPULATION_TABLE = "statfin/vaerak/11ra", "vaerak/11ra"
SEXES = "statfin/vaerak/11re"
DATASETS, INDICATORS = "datasets/statfin.yaml", "indicators/population.yaml"

IMMIGRATION_SHARE = """
immigration_share:
  name_fi: Nettomaahanmuutto asukasta kohti
  name_sv: Nettoinvandring per invånare
  name_en: Net immigration per inhabitant
  kind: open_data
  role: context
  programme_areas: ['7']
  inputs:
    net: {dataset: statfin/ssaaty/121w, content: net_immigration}
    pop: {dataset: statfin/ssaaty/121w, content: population}
  formula: 1000 * net / pop
  labels: verified
  region: sum
  unit: per 1,000 inhabitants
  unit_fi: 1 000 asukasta kohti
  direction: up
  valid_range: [-100, 100]
"""
SHOWN = """
{id}:
  name_fi: Luku {id}
  name_sv: Tal {id}
  name_en: Figure {id}
  kind: open_data
  role: context
  programme_areas: ['7']
  input: {{dataset: {dataset}, content: {content}{classes}}}
  labels: verified
  region: sum
  unit: persons
  unit_fi: henkilöä
  direction: up
  valid_range: [-100000, 6000000]
"""
BY_SEX = """
statfin/vaerak/11re:
  title_fi: Väestö iän ja sukupuolen mukaan
  title_en: Population by age and sex
  frequency: annual
  first_period: '1972'
  lag_days: 90
  grace_days: 45
  lag_fi: noin 3 kuukautta
  lag_en: about 3 months
  labels: verified
  query:
    area: [Alue]
    levels: [municipality, country]
    time: [Vuosi]
    contents:
      population: {label: [Väestö 31.12.], unit: persons, summable: true}
    classes:
      sex:
        variable: [Sukupuoli]
        take:
          men: {label: [Miehet]}
          women: {label: [Naiset]}
    totals: {age: [Ikä]}
  note_fi: Viisi vuotta.
  note_en: Five years.
  web_url: https://pxdata.stat.fi/PxWeb/pxweb/fi/StatFin/StatFin__vaerak/11re.px/
"""
MEN = "          men: {label: [Miehet]}\n"
IMMIGRATION_CONTENT = (
    "net_immigration: {label: [Nettomaahanmuutto], code: [vm4142], unit: persons, summable: true}"
)
BIRTHS_CONTENT = "births: {label: [Elävänä syntyneet], code: [vm01], unit: persons, summable: true}"
RATIO, SUM = "100 * (under15 + over64) / (100 - under15 - over64)", "under15 + over64"

Edit = Callable[[str], str]


@lru_cache(maxsize=8)
def _read_once(files: tuple[tuple[str, str], ...], folder: Path | None) -> Catalogue:
    return load_catalogue(folder)


@pytest.fixture(autouse=True)
def catalogues_are_read_once(monkeypatch) -> None:
    """Reading the files of a catalogue takes longer than most tests; the same ones give the same catalogue."""
    monkeypatch.setattr(
        "flows.pipeline.load_catalogue",
        lambda folder=None: _read_once(tuple(catalogue_files(folder).items()), folder),
    )


def replaced(old: str, new: str) -> Edit:
    def edit(content: str) -> str:
        assert old in content, old
        return content.replace(old, new, 1)

    return edit


def added(more: str) -> Edit:
    return lambda content: content + more


class Programmes:
    """Copies of the packaged catalogue, each a change of the one before."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        self._newest = PACKAGED

    def changed(self, *edits: tuple[str, Edit]) -> Path:
        self._count += 1
        copy = self._folder / f"programme-{self._count}"
        shutil.copytree(self._newest, copy, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
        for name, edit in edits:
            path = copy / name
            path.write_text(edit(path.read_text(encoding="utf-8")), encoding="utf-8")
        self._newest = copy
        return copy


@pytest.fixture
def programmes(tmp_path: Path) -> Programmes:
    return Programmes(tmp_path)


@contextmanager
def under(bench, programme: Path, *, take_into_use: bool = True) -> Iterator[None]:
    """The bench with another catalogue, taken into use without a call."""
    settings = replace(bench.pipeline.settings, programme=programme)
    before = bench.pipeline, bench.scope
    with open_pipeline(settings) as pipeline:
        bench.pipeline, bench.scope = pipeline, sample_scope(pipeline.catalogue, bench.stand_in.tables)
        if take_into_use:
            asked = len(bench.stand_in.requests)
            adopt(pipeline, bench.scope)
            assert len(bench.stand_in.requests) == asked, "no call is made"
        yield
    bench.pipeline, bench.scope = before


def rows(bench, query: str, **values: object) -> list[tuple[object, ...]]:
    return collecting.rows(bench.pipeline, query, **values)


def series(
    bench, indicator: str, area: str = "KU205", as_of: datetime | None = None
) -> dict[str, float | None]:
    with reading(bench.pipeline.engine) as connection:
        found = read.series(connection, indicator, area, as_of=as_of)
    found = found[found["change_class"] != "withdrawn"]
    return {row.period: None if math.isnan(row.value) else row.value for row in found.itertuples()}


def taken_at(bench) -> datetime:
    """When the catalogue in use was taken into use."""
    return rows(bench, "SELECT max(recorded_at) FROM catalogue_version")[0][0]  # type: ignore[return-value]


def moment(value: object) -> datetime:
    return datetime.fromisoformat(value) if isinstance(value, str) else value  # type: ignore[return-value]


def written_at(bench, at: object) -> set[str]:
    """Whose vintages are of that time."""
    found = rows(
        bench,
        "SELECT DISTINCT w.owner FROM vintage v JOIN owner w ON w.owner_no = v.owner_no WHERE v.recorded_at = :at",
        at=at,
    )
    return {str(owner) for (owner,) in found}


def calls(bench, table: str, since: int) -> list[str]:
    """GET or POST of each call to a table."""
    return [
        one.method for one in bench.stand_in.requests[since:] if f"/{table.rpartition('/')[2]}.px" in one.path
    ]


def replayed(bench, past: Past) -> tuple[str, ...]:
    """The tables in which a replay differs."""
    path = bench.pipeline.settings.home / "again.db"
    path.unlink(missing_ok=True)
    engine = open_engine(f"sqlite:///{path}")
    try:
        upgrade(engine)
        return replay(past, replace(bench.pipeline, engine=engine)).different
    finally:
        engine.dispose()


# --- what is kept suffices


def test_a_new_indicator_over_stored_contents_has_its_history_at_once(bench, programmes) -> None:
    bench.begin(MIGRATION, POPULATION)
    with under(bench, programmes.changed((INDICATORS, added(IMMIGRATION_SHARE)))):
        at = taken_at(bench)
        share = series(bench, "immigration_share")
        assert share == {"2025": pytest.approx(1000 * 588 / 36370)}
        assert set(series(bench, "immigration_share", "MK18")) == {"2025"}
        assert written_at(bench, at) == {"indicator/immigration_share"}, "nothing else is touched"
        assert series(bench, "immigration_share", as_of=moment(at) - timedelta(microseconds=1)) == {}
        assert series(bench, "immigration_share", as_of=moment(at)) == share
        asked = len(bench.stand_in.requests)
        assert bench.collect(MIGRATION)[MIGRATION].state == "unchanged"
        assert calls(bench, MIGRATION_TABLE, asked) == ["POST"], "the release check alone"
        assert replayed(bench, past_of(bench.pipeline)) == ()


def test_a_changed_formula_gives_a_vintage_at_the_catalogues_time_and_the_old_one_before_it(
    bench, programmes
) -> None:
    bench.begin(MIGRATION, POPULATION)
    before = series(bench, "demographic_dependency_ratio")
    assert before == {"2025": pytest.approx(65.8, abs=0.05)}
    with under(
        bench, programmes.changed((INDICATORS, replaced(f"  formula: {RATIO}\n", f"  formula: {SUM}\n")))
    ):
        at = moment(taken_at(bench))
        after = series(bench, "demographic_dependency_ratio")
        assert after != before
        assert written_at(bench, taken_at(bench)) == {"indicator/demographic_dependency_ratio"}
        earlier = at - timedelta(microseconds=1)
        assert series(bench, "demographic_dependency_ratio", as_of=earlier) == before
        assert series(bench, "demographic_dependency_ratio", as_of=at) == after
        changed = rows(
            bench,
            "SELECT indicator_id, change_class, count(*) FROM dashboard_changes WHERE recorded_at = :at GROUP BY 1, 2",
            at=taken_at(bench),
        )
        ((indicator, change_class, count),) = changed
        assert (indicator, change_class) == ("demographic_dependency_ratio", "revised")

        past = past_of(bench.pipeline)
        assert past.events[-1].kind == "catalogue"
        assert replayed(bench, past) == ()
        assert replayed(bench, replace(past, events=past.events[:-1])), "without the change it is another one"
        other = open_engine(f"sqlite:///{bench.pipeline.settings.home / 'again.db'}")
        with reading(bench.pipeline.engine) as here, reading(other) as there:
            (line,) = indicator_differences(here, there)
        other.dispose()
        assert line.startswith(f"demographic_dependency_ratio: {count} figures differ")
        assert "here" in line
        assert "replayed" in line


@pytest.mark.long
def test_a_formula_that_is_put_back_gives_the_old_figures_again_and_keeps_both_changes(
    bench, programmes
) -> None:
    bench.begin(POPULATION)
    before = series(bench, "demographic_dependency_ratio")
    for old, new in ((RATIO, SUM), (SUM, RATIO)):
        edit = replaced(f"  formula: {old}\n", f"  formula: {new}\n")
        with under(bench, programmes.changed((INDICATORS, edit))):
            pass
    assert series(bench, "demographic_dependency_ratio") == before
    query = (
        "SELECT v.change_class FROM dashboard_vintages v WHERE indicator_id = 'demographic_dependency_ratio'"
        " AND area_code = 'KU205' ORDER BY recorded_at"
    )
    assert rows(bench, query) == [("new",), ("revised",), ("revised",)]
    assert rows(bench, "SELECT count(*) FROM catalogue_version") == [(3,)]
    assert replayed(bench, past_of(bench.pipeline)) == ()


def test_a_content_under_another_key_is_read_from_the_kept_bytes(bench, programmes) -> None:
    bench.begin(MIGRATION, POPULATION)
    before = series(bench, "net_immigration")
    renamed = programmes.changed(
        (
            DATASETS,
            replaced(IMMIGRATION_CONTENT, IMMIGRATION_CONTENT.replace("net_immigration", "from_abroad")),
        ),
        (INDICATORS, replaced("121w, content: net_immigration}", "121w, content: from_abroad}")),
        (INDICATORS, added(SHOWN.format(id="abroad", dataset=MIGRATION, content="from_abroad", classes=""))),
    )
    with under(bench, renamed):
        at = taken_at(bench)
        assert series(bench, "abroad") == before
        assert series(bench, "net_immigration") == before, "the indicator goes on over the new key"
        assert written_at(bench, at) == {MIGRATION, "indicator/abroad"}
        classes = rows(
            bench,
            "SELECT DISTINCT s.content, v.change_class FROM vintage v JOIN series s ON s.series_id = v.series_id"
            " JOIN owner w ON w.owner_no = v.owner_no WHERE v.recorded_at = :at AND w.owner = :o",
            at=at,
            o=MIGRATION,
        )
        assert classes == [("from_abroad", "new")]
        asked = len(bench.stand_in.requests)
        assert bench.collect(MIGRATION)[MIGRATION].state == "unchanged"
        assert calls(bench, MIGRATION_TABLE, asked) == ["POST"]
        assert replayed(bench, past_of(bench.pipeline)) == ()


def test_a_class_that_is_no_longer_asked_needs_no_call_and_its_figures_stay(bench, programmes) -> None:
    by_sex = programmes.changed(
        (DATASETS, added(BY_SEX)),
        (
            INDICATORS,
            added(
                SHOWN.format(
                    id="women", dataset=SEXES, content="population", classes=", classes: {sex: women}"
                )
            ),
        ),
    )
    with under(bench, by_sex):
        assert bench.collect(SEXES)[SEXES].state == "fetched"
        women = series(bench, "women")
        assert set(women) == {"2021", "2022", "2023", "2024", "2025"}
        stored = rows(bench, "SELECT count(*) FROM observation WHERE change_class = 'new'")
        with under(bench, programmes.changed((DATASETS, replaced(f"take:\n{MEN}", "take:\n")))):
            assert written_at(bench, taken_at(bench)) == set(), "nothing changed, nothing is withdrawn"
            assert rows(bench, "SELECT count(*) FROM observation WHERE change_class = 'new'") == stored
            assert series(bench, "women") == women
            asked = len(bench.stand_in.requests)
            assert bench.collect(SEXES)[SEXES].state == "unchanged"
            assert calls(bench, SEXES, asked) == ["POST"]
            assert replayed(bench, past_of(bench.pipeline)) == ()


# --- what is kept does not suffice


def test_a_content_that_the_kept_bytes_lack_is_fetched_by_the_next_run_and_nothing_else(
    bench, programmes
) -> None:
    bench.begin(MIGRATION, POPULATION)
    before = rows(bench, "SELECT count(*) FROM vintage")
    more = programmes.changed(
        (DATASETS, replaced(IMMIGRATION_CONTENT, f"{IMMIGRATION_CONTENT}\n      {BIRTHS_CONTENT}")),
        (INDICATORS, added(SHOWN.format(id="births", dataset=MIGRATION, content="births", classes=""))),
        (INDICATORS, added(IMMIGRATION_SHARE)),
    )
    with under(bench, more):
        assert series(bench, "births") == {}
        assert series(bench, "immigration_share"), "what can be computed from what is kept, is"
        assert series(bench, "net_immigration") == {"2025": 588}
        asked = len(bench.stand_in.requests)
        collected = bench.collect(POPULATION, MIGRATION)
        assert (collected[POPULATION].state, collected[MIGRATION].state) == ("unchanged", "fetched")
        assert calls(bench, POPULATION_TABLE, asked) == ["POST"], "the release check alone"
        assert calls(bench, MIGRATION_TABLE, asked) == ["GET", "POST"], "metadata and data"
        assert collected[MIGRATION].counts.revised == 0
        assert set(series(bench, "births")) == {"2025"}
        new = rows(
            bench,
            "SELECT DISTINCT s.content FROM vintage v JOIN series s ON s.series_id = v.series_id"
            " JOIN load l ON l.load_id = v.load_id JOIN owner w ON w.owner_no = v.owner_no"
            " WHERE w.owner = :o AND l.run_id = :r",
            o=MIGRATION,
            r=collected[MIGRATION].run_id,
        )
        assert new == [("births",)], "the contents that were stored are not stored again"
        assert rows(bench, "SELECT count(*) FROM vintage") > before
        assert replayed(bench, past_of(bench.pipeline)) == ()


@pytest.mark.long
def test_a_class_that_the_kept_bytes_lack_is_fetched_by_the_next_run(bench, programmes) -> None:
    by_sex = programmes.changed(
        (DATASETS, added(BY_SEX.replace(MEN, ""))),
        (
            INDICATORS,
            added(
                SHOWN.format(
                    id="women", dataset=SEXES, content="population", classes=", classes: {sex: women}"
                )
            ),
        ),
    )
    with under(bench, by_sex):
        bench.collect(SEXES)
        women = series(bench, "women")
        both = programmes.changed(
            (
                DATASETS,
                replaced(
                    "          women: {label: [Naiset]}\n    totals",
                    f"          women: {{label: [Naiset]}}\n{MEN}    totals",
                ),
            ),
            (
                INDICATORS,
                added(
                    SHOWN.format(
                        id="men", dataset=SEXES, content="population", classes=", classes: {sex: men}"
                    )
                ),
            ),
        )
        with under(bench, both):
            assert series(bench, "men") == {}
            assert series(bench, "women") == women
            row = bench.collect(SEXES)[SEXES]
            assert (row.state, row.counts.revised) == ("fetched", 0)
            assert set(series(bench, "men")) == set(women)
            assert series(bench, "women") == women
            assert replayed(bench, past_of(bench.pipeline)) == ()


# --- beside what else is going on


def slip_a_unit(bench) -> None:
    """The migration's dataset in quarantine: all its figures of people are a hundred times as large."""
    table = bench.stand_in.tables[MIGRATION_TABLE]
    slipped = changes.revise(table, {"contentscode": ["ssaaty-vaesto"]}, factor=100.0)
    bench.stand_in.tables[MIGRATION_TABLE] = changes.set_updated(slipped, table.updated + timedelta(days=1))
    row = bench.collect(MIGRATION)[MIGRATION]
    assert row.state == "quarantined", row.message


@pytest.mark.long
def test_what_is_held_back_stays_so_while_the_last_good_answer_is_read_anew(bench, programmes) -> None:
    bench.begin(MIGRATION)
    before = series(bench, "net_immigration")
    slip_a_unit(bench)
    with reading(bench.pipeline.engine) as connection:
        (held,) = quarantined(connection)
    renamed = programmes.changed(
        (
            DATASETS,
            replaced(IMMIGRATION_CONTENT, IMMIGRATION_CONTENT.replace("net_immigration", "from_abroad")),
        ),
        (INDICATORS, replaced("121w, content: net_immigration}", "121w, content: from_abroad}")),
    )
    with under(bench, renamed):
        assert series(bench, "net_immigration") == before
        with reading(bench.pipeline.engine) as connection:
            assert quarantined(connection) == [held], "nobody has decided, and no later answer was good"
            assert state_of(connection, MIGRATION).state == "quarantined"
        assert bench.collect(MIGRATION)[MIGRATION].state == "quarantined"
        outcome = decide(
            bench.pipeline, held.quarantine_id, "release", role="tietoasiantuntija", reason="on niin"
        )
        assert outcome is not None
        assert outcome.counts.revised > 0
        assert replayed(bench, past_of(bench.pipeline)) == ()


def test_a_decision_is_carried_out_under_the_catalogue_in_use_whatever_the_settings_name(
    bench, programmes
) -> None:
    bench.begin(MIGRATION)
    slip_a_unit(bench)
    with reading(bench.pipeline.engine) as connection:
        (held,) = quarantined(connection)
    with under(bench, programmes.changed((INDICATORS, added(IMMIGRATION_SHARE))), take_into_use=False):
        decide(bench.pipeline, held.quarantine_id, "release", role="tietoasiantuntija", reason="on niin")
        assert series(bench, "immigration_share") == {}, "the new catalogue is not in use yet"
        assert replayed(bench, past_of(bench.pipeline)) == ()


@pytest.mark.long
def test_a_dataset_that_left_the_catalogue_keeps_its_figures_and_there_is_nothing_to_decide(
    bench, programmes
) -> None:
    by_sex = programmes.changed((DATASETS, added(BY_SEX)))
    with under(bench, by_sex):
        bench.collect(SEXES)
        table = bench.stand_in.tables["vaerak/11re"]
        gone = changes.drop_periods(table, ["2023"])
        bench.stand_in.tables["vaerak/11re"] = changes.set_updated(gone, table.updated + timedelta(days=1))
        assert bench.collect(SEXES)[SEXES].state == "quarantined"
        with reading(bench.pipeline.engine) as connection:
            (held,) = quarantined(connection)
        stored = rows(bench, "SELECT count(*) FROM observation")
    with under(bench, PACKAGED):
        assert rows(bench, "SELECT count(*) FROM observation") == stored
        with pytest.raises(ConfigurationError, match="no longer has"):
            decide(bench.pipeline, held.quarantine_id, "release", role="tietoasiantuntija", reason="x")
        assert replayed(bench, past_of(bench.pipeline)) == ()


@pytest.mark.long
def test_a_table_that_was_discontinued_stays_so_when_the_catalogue_changes_and_in_a_replay(
    bench, programmes
) -> None:
    bench.begin(MIGRATION, POPULATION)
    before = series(bench, "population")
    table = bench.stand_in.tables.pop(POPULATION_TABLE)
    assert bench.collect(POPULATION, force=True)[POPULATION].state == "discontinued"
    assert replayed(bench, past_of(bench.pipeline)) == ()
    bench.stand_in.tables[POPULATION_TABLE] = table  # for the scope; it is asked again only below
    with under(bench, programmes.changed((INDICATORS, added(IMMIGRATION_SHARE)))):
        with reading(bench.pipeline.engine) as connection:
            assert state_of(connection, POPULATION).state == "discontinued"
        assert series(bench, "population") == before
        assert bench.collect(POPULATION)[POPULATION].state == "fetched", "it is there again"
        with reading(bench.pipeline.engine) as connection:
            assert state_of(connection, POPULATION).state == "fetched"
        assert replayed(bench, past_of(bench.pipeline)) == ()


@pytest.mark.long
def test_a_dataset_that_left_the_scope_and_came_back_is_told_the_same_by_a_replay(bench, programmes) -> None:
    bench.begin(MIGRATION, POPULATION)
    before = series(bench, "population")
    table = bench.stand_in.tables.pop(POPULATION_TABLE)
    with under(bench, PACKAGED):
        assert bench.collect(POPULATION, MIGRATION)[POPULATION].state == "not_in_sample"
        assert series(bench, "population") == before
        assert replayed(bench, past_of(bench.pipeline)) == ()
    bench.stand_in.tables[POPULATION_TABLE] = table
    with under(bench, PACKAGED):
        assert bench.collect(POPULATION)[POPULATION].state == "fetched"
        assert replayed(bench, past_of(bench.pipeline)) == ()


# --- what a replay says


@pytest.fixture
def typed(bench, monkeypatch, capsys) -> Callable[..., tuple[int, list[str]]]:
    """`mittaristo` with arguments under a programme: exit code, printed lines."""

    def called(programme: Path, *arguments: str) -> tuple[int, list[str]]:
        monkeypatch.setenv("MITTARISTO_DOTENV", os.devnull)
        monkeypatch.setenv("MITTARISTO_HOME", str(bench.pipeline.settings.home))
        monkeypatch.setenv("MITTARISTO_DATABASE_URL", bench.pipeline.settings.database_url)
        monkeypatch.setenv("MITTARISTO_PROGRAMME", str(programme))
        monkeypatch.setattr(sys, "argv", ["mittaristo", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        printed = capsys.readouterr()
        assert printed.err == ""
        return int(end.value.code or 0), printed.out.splitlines()

    return called


@pytest.mark.long
def test_a_replay_under_a_changed_catalogue_says_which_figures_it_changes_and_changes_none(
    bench, programmes, typed
) -> None:
    bench.begin(MIGRATION, POPULATION)
    before = series(bench, "demographic_dependency_ratio")
    asked, kept = len(bench.stand_in.requests), list(bench.pipeline.raw.documents())
    identical = "the replayed warehouse is identical to the one in use"
    code, lines = typed(PACKAGED, "replay")
    assert (code, lines[-1]) == (0, identical)

    noted = programmes.changed(
        (INDICATORS, replaced("  formula: 100 * (under15", "  # as it always was\n  formula: 100 * (under15"))
    )
    code, lines = typed(noted, "replay")
    assert (code, lines[-1]) == (0, "  what is kept gives the same figures under it")

    changed = programmes.changed((INDICATORS, replaced(f"  formula: {RATIO}\n", f"  formula: {SUM}\n")))
    for _ in range(2):
        code, lines = typed(changed, "replay")
        assert code == 0
        said = lines[lines.index(identical) + 1 :]
        assert said[0] == "the catalogue or the program has changed; the next run takes it into use"
        (line,) = said[1:]
        assert line.startswith("  demographic_dependency_ratio: ")
        assert " here, " in line
        assert " then" in line
    assert series(bench, "demographic_dependency_ratio") == before
    assert list(bench.pipeline.raw.documents()) == kept, "nothing of it is kept"
    assert len(bench.stand_in.requests) == asked, "no call is made"
    with under(bench, changed):
        after = series(bench, "demographic_dependency_ratio")
    shown = f"KU205 2025: {before['2025']:.10g} here, {after['2025']:.10g} then"
    assert shown in line, "what is said is what comes"
    code, lines = typed(changed, "replay")
    assert (code, lines[-1]) == (0, identical)


def test_a_replay_by_another_program_lists_the_figures_that_differ_per_indicator(
    bench, typed, monkeypatch
) -> None:
    bench.begin(MIGRATION, POPULATION)
    figures = derive.indicator_values

    def other(indicator, *arguments):
        found = figures(indicator, *arguments)
        return found.assign(value=found["value"] * 2) if indicator.id == "net_immigration" else found

    monkeypatch.setattr("flows.derive.indicator_values", other)
    code, lines = typed(PACKAGED, "replay")
    assert code == 1
    assert lines[-1].startswith("the replayed warehouse differs in latest, observations, vintages")
    (line,) = [one for one in lines if "figures differ" in one]
    assert line.startswith("net_immigration: ")
    assert "KU205 2025: 588 here, 1176 replayed" in line


@pytest.mark.parametrize("address", ["foo", "sqlite:////nowhere/at/all/x.db"])
def test_a_replay_into_what_is_no_database_names_the_option(bench, monkeypatch, capsys, address: str) -> None:
    monkeypatch.setenv("MITTARISTO_DOTENV", os.devnull)
    monkeypatch.setenv("MITTARISTO_HOME", str(bench.pipeline.settings.home))
    monkeypatch.setenv("MITTARISTO_DATABASE_URL", bench.pipeline.settings.database_url)
    monkeypatch.setattr(sys, "argv", ["mittaristo", "replay", "--into", address])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "--into" in error
    assert "MITTARISTO_DATABASE_URL" not in error
