"""The report of a past time: made again exactly after all that happened since, with what differs now beside it."""

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import openpyxl
import pytest

from demo import changes
from flows.adopt import adopt, at_time
from flows.commands import build_board_report
from models.catalogue.load import PACKAGED, load_catalogue
from models.errors import ConfigurationError
from models.forms import questions
from models.forms_answers import Answer, Change
from reports import site
from reports.board import build_board, build_comparison, differences
from reports.facts import Facts, gather
from reports.pages import Words
from reports.site import build_site
from warehouse.engine import reading, writing
from warehouse.forms import store_answers

RATE, SHARE, POPULATION = "statfin/tyonv/12tf", "statfin/vkour/12bs", "statfin/vaerak/11ra"
RATE_TABLE, SHARE_TABLE = "tyonv/12tf", "vkour/12bs"
LATER = timedelta(days=1)


def publish(bench, table: str, change) -> None:
    old = bench.stand_in.tables[table]
    bench.stand_in.tables[table] = changes.set_updated(change(old), old.updated + LATER)


def time_of(table) -> str:
    return next(one.code for one in table.variables if one.time)


def area_of(table) -> str:
    return next(one.code for one in table.variables if "KU205" in one.values)


def say(bench, meter_id: str, period: str, **said: object) -> datetime:
    """Somebody answers for a meter; when it was stored."""
    at = datetime.now(UTC)
    asked = {one.id: one for one in questions(bench.pipeline.catalogue)}
    answer = Answer(meter_id, period, **said)  # type: ignore[arg-type]
    with writing(bench.pipeline.engine) as connection:
        store_answers(
            connection,
            [Change(answer, "new", "")],
            asked,
            recorded_at=at,
            role="tester",
            collection_id="form",
        )
    return at


def a_narrative(bench) -> str:
    return next(one.id for one in questions(bench.pipeline.catalogue) if one.asks == "status")


def seen(bench, as_of: datetime | None) -> Facts:
    with reading(bench.pipeline.engine) as connection:
        return gather(connection, bench.pipeline.catalogue, datetime.now(UTC), as_of)


def files(folder: Path) -> dict[str, bytes]:
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def picked(rows: Mapping[str, Mapping[str, object]], *names: str) -> dict[str, tuple[object, ...]]:
    return {key: tuple(row[name] for name in names) for key, row in rows.items()}


# --- the past is worked out as the views work out the present ---------------------------------------------------------


def test_of_this_moment_all_that_is_worked_out_from_history_is_what_the_views_say(long_bench) -> None:
    bench = long_bench
    bench.begin(RATE, SHARE, POPULATION)
    say(bench, a_narrative(bench), "2026", status="under_way", text="alussa")
    lost = lambda table: changes.drop_periods(table, [table.variable(time_of(table)).values[3]])  # noqa: E731
    publish(bench, SHARE_TABLE, lost)
    assert bench.collect(SHARE)[SHARE].state == "quarantined"
    now, then = seen(bench, None), seen(bench, datetime.now(UTC))

    of_datasets = ("state", "next_expected", "last_release", "source_table", "title_fi", "web_url")
    assert picked(then.freshness, *of_datasets) == picked(now.freshness, *of_datasets)
    assert now.freshness[SHARE]["state"] == "quarantined", "else this proves little"
    of_measures = ("state", "meters", "answered", "has_proxy", "has_quarantined")
    assert picked(then.measures, *of_measures) == picked(now.measures, *of_measures)
    assert {row["state"] for row in now.measures.values()} >= {"measured", "no_data", "not_measurable"}
    assert any(row["has_quarantined"] for row in now.measures.values())
    for measure_id, rows in now.meters.items():
        names = ("meter_id", "kind", "text_fi", "state", "has_quarantined", "reporter_name_fi", "note_fi")
        assert [tuple(one[name] for name in names) for one in then.meters[measure_id]] == [
            tuple(one[name] for name in names) for one in rows
        ]
    names = (
        "question_id",
        "meter_id",
        "measure_id",
        "period",
        "due_at",
        "state",
        "party_name_fi",
        "question_fi",
    )
    assert [tuple(one[name] for name in names) for one in then.due] == [
        tuple(one[name] for name in names) for one in now.due
    ]
    assert now.due, "else this proves little"
    names = ("period", "status", "text", "value", "unit_fi", "party_name_fi", "recorded_at")
    assert {
        key: [tuple(one[n] for n in names) for one in rows] for key, rows in then.reports.items() if rows
    } == {key: [tuple(one[n] for n in names) for one in rows] for key, rows in now.reports.items() if rows}
    for key, one in now.indicators.items():
        other = then.indicators[key]
        assert (other.freshness, other.next_expected, other.home) == (
            one.freshness,
            one.next_expected,
            one.home,
        )
        assert (other.series, other.judged) == (one.series, one.judged), key
        assert other.released == one.released


def test_what_was_owed_before_an_answer_came_is_owed_again_in_the_view_of_then(long_bench) -> None:
    bench = long_bench
    meter = a_narrative(bench)
    before = datetime.now(UTC)
    say(bench, meter, "2026", status="done")
    assert meter not in {row["question_id"] for row in seen(bench, None).due}
    assert meter in {row["question_id"] for row in seen(bench, before).due}
    assert seen(bench, before).reports.get(meter, []) == []


def test_what_was_held_back_then_and_released_since_is_held_back_in_the_view_of_then(long_bench) -> None:
    bench = long_bench
    bench.begin(SHARE)
    table = bench.stand_in.tables[SHARE_TABLE]
    publish(bench, SHARE_TABLE, lambda one: changes.drop_periods(one, [one.variable(time_of(one)).values[3]]))
    bench.collect(SHARE)
    then = datetime.now(UTC)
    publish(bench, SHARE_TABLE, lambda _: table)
    bench.collect(SHARE)
    assert seen(bench, None).freshness[SHARE]["state"] != "quarantined"
    assert seen(bench, then).freshness[SHARE]["state"] == "quarantined"
    assert seen(bench, then).indicators["tertiary_share"].freshness == "quarantined"


# --- made again ------------------------------------------------------------------------------------------------------


@pytest.fixture
def changed(long_bench, tmp_path: Path, monkeypatch):
    """A report, and then everything changes: figures, periods, answers, a quarantine, the catalogue."""
    monkeypatch.setattr(site, "LANGUAGES", ("fi",))
    bench = long_bench
    bench.begin(RATE, SHARE, POPULATION)
    meter = a_narrative(bench)
    say(bench, meter, "2025", status="under_way", text="kesken")
    as_of = datetime.now(UTC)
    with reading(bench.pipeline.engine) as connection:
        catalogue = bench.pipeline.catalogue
        build_board(connection, catalogue, tmp_path / "first", 2025, as_of)
        build_site(connection, catalogue, tmp_path / "site first", as_of, as_of=as_of)

    months = bench.stand_in.tables[RATE_TABLE].variable(time_of(bench.stand_in.tables[RATE_TABLE])).values
    of_2025 = [one for one in months if one.startswith("2025")]
    publish(
        bench,
        RATE_TABLE,
        lambda table: changes.revise(
            table, {time_of(table): of_2025[-1], area_of(table): "KU205"}, factor=1.03
        ),
    )
    publish(bench, SHARE_TABLE, lambda one: changes.drop_periods(one, [one.variable(time_of(one)).values[3]]))
    assert bench.collect(RATE)[RATE].counts.revised > 0
    assert bench.collect(SHARE)[SHARE].state == "quarantined"
    say(bench, meter, "2025", status="done", text="valmis")
    folder = tmp_path / "programme"
    shutil.copytree(PACKAGED, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    old = catalogue.indicators["unemployment_rate"].name_fi
    renamed = 0
    for path in (folder / "indicators").glob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        new = text.replace(f"name_fi: {old}\n", "name_fi: Työttömyysaste uudella nimellä\n")
        renamed += new != text
        path.write_text(new, encoding="utf-8")
    assert renamed == 1
    settings = replace(bench.pipeline.settings, programme=folder)
    bench.pipeline = replace(bench.pipeline, settings=settings, catalogue=load_catalogue(folder))
    adopt(bench.pipeline, bench.scope)
    return bench, as_of, meter, of_2025[-1]


def test_the_report_and_the_site_of_then_made_again_are_the_same_byte_for_byte(
    changed, tmp_path: Path
) -> None:
    bench, as_of, _, _ = changed
    with reading(bench.pipeline.engine) as connection:
        catalogue = at_time(connection, bench.pipeline, as_of)
        build_board(connection, catalogue, tmp_path / "again", 2025, as_of)
        build_site(connection, catalogue, tmp_path / "site again", as_of, as_of=as_of)
        build_board(connection, bench.pipeline.catalogue, tmp_path / "now", 2025, datetime.now(UTC))
    first = files(tmp_path / "first")
    assert sorted(first) == ["board-2025-fi.html", "board-2025-fi.xlsx"]
    assert files(tmp_path / "again") == first
    assert files(tmp_path / "now") != first, "else nothing had changed"
    first, again = files(tmp_path / "site first"), files(tmp_path / "site again")
    assert sorted(again) == sorted(first)
    assert [name for name in first if first[name] != again[name]] == []


def test_an_edited_catalogue_that_no_run_has_taken_into_use_changes_no_report(
    long_bench, tmp_path: Path
) -> None:
    bench = long_bench
    bench.begin(SHARE)
    folder = tmp_path / "programme"
    shutil.copytree(PACKAGED, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    programme = folder / "programme.yaml"
    text = programme.read_text(encoding="utf-8")
    programme.write_text(text.replace("title_fi: ", "title_fi: Toinen ", 1), encoding="utf-8")
    settings = bench.pipeline.settings
    environ = {"MITTARISTO_HOME": str(settings.home), "MITTARISTO_DATABASE_URL": settings.database_url}
    edited = environ | {"MITTARISTO_PROGRAMME": str(folder)}
    build_board_report(edited, 2025, "", "fi", str(tmp_path / "now"))
    page = (tmp_path / "now" / "board-2025-fi.html").read_text(encoding="utf-8")
    assert "Toinen " not in page
    as_of = re.search(r"--as-of (\S+) --language fi</code>", page)
    assert as_of is not None, "the report says how it is made again"
    build_board_report(edited, 2025, as_of[1], "fi", str(tmp_path / "again"))
    for name in ("board-2025-fi.html", "board-2025-fi.xlsx"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "now" / name).read_bytes()
    assert bench.pipeline.catalogue.programme.title_fi in page


def test_every_difference_is_listed_and_nothing_else(changed, tmp_path: Path) -> None:
    bench, as_of, meter, month = changed
    now = datetime.now(UTC)
    until = datetime(2025, 12, 31).date()  # noqa: DTZ001
    with reading(bench.pipeline.engine) as connection:
        catalogue = at_time(connection, bench.pipeline, as_of)
        then_words = Words("fi", gather(connection, catalogue, as_of, as_of, until=until))
        now_words = Words("fi", gather(connection, bench.pipeline.catalogue, now, now, until=until))
        paths = build_comparison(
            connection, catalogue, bench.pipeline.catalogue, tmp_path / "x", 2025, as_of, now
        )
    found = differences(then_words, now_words)
    kinds = {one.kind for one in found}
    assert {"figure", "answer", "renamed"} <= kinds <= {"figure", "answer", "renamed", "verdict"}
    (rename,) = [one for one in found if one.kind == "renamed"]
    assert (rename.id, rename.now) == ("unemployment_rate", "Työttömyysaste uudella nimellä")
    (answer,) = [one for one in found if one.kind == "answer"]
    assert (answer.about, answer.then, answer.now) == ("2025", "käynnissä: kesken", "valmis: valmis")
    assert answer.id == meter.rpartition(".")[0] or meter.startswith(answer.id)
    figures = [one for one in found if one.kind == "figure"]
    rate = [one for one in figures if one.id == "unemployment_rate"]
    before = then_words.facts.indicators["unemployment_rate"].points("KU205")
    after = now_words.facts.indicators["unemployment_rate"].points("KU205")
    assert [one.about for one in rate] == [now_words.period(month)]
    assert (rate[0].then, rate[0].now) == (
        then_words.number({p.period: p.value for p in before}[month], 1),
        now_words.number({p.period: p.value for p in after}[month], 1),
    )
    book = openpyxl.load_workbook(paths[0])
    assert book["Erot"].max_row - 1 == len(found)
    html = paths[1].read_text(encoding="utf-8")
    assert html.count('<tr><th scope="row">') == len(found) + len(kinds)


def test_without_a_change_there_is_no_difference(long_bench, tmp_path: Path) -> None:
    bench = long_bench
    bench.begin(RATE)
    as_of = datetime.now(UTC)
    with reading(bench.pipeline.engine) as connection:
        catalogue = bench.pipeline.catalogue
        paths = build_comparison(connection, catalogue, catalogue, tmp_path, 2025, as_of, datetime.now(UTC))
    assert "Mikään ei ole muuttunut" in paths[1].read_text(encoding="utf-8")


def test_only_periods_that_ended_by_the_year_are_in_its_report(long_bench) -> None:
    bench = long_bench
    bench.begin(RATE)
    with reading(bench.pipeline.engine) as connection:
        now = datetime.now(UTC)
        facts = gather(connection, bench.pipeline.catalogue, now, now, until=now.date().replace(2024, 12, 31))
    one = facts.indicators["unemployment_rate"]
    assert one.points("KU205")[-1].period == "2024M12"
    judged = json.dumps(one.verdict().reason["fi"], ensure_ascii=False)
    assert "2024" in judged and "2025" not in judged and "2026" not in judged


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("year", "as_of", "language", "said"),
    [
        (2031, "", "fi", "--year 2031: the programme is of the years 2022-2026"),
        (2025, "2099-01-01", "fi", "--as-of '2099-01-01' is in the future"),
        (2026, "2025-06-01", "fi", "--year 2026: nothing of it could be known at 2025-06-01"),
        (2025, "", "de", "--language 'de' is none of fi, sv, en"),
        (2025, "yesterday", "fi", "--as-of 'yesterday' is neither a date nor an instant"),
    ],
)
def test_what_cannot_be_reported_is_said_in_one_line(bench, year, as_of, language, said) -> None:
    settings = bench.pipeline.settings
    environ = {"MITTARISTO_HOME": str(settings.home), "MITTARISTO_DATABASE_URL": settings.database_url}
    with pytest.raises(ConfigurationError) as error:
        build_board_report(environ, year, as_of, language, "")
    assert said in str(error.value) and "\n" not in str(error.value)


def test_a_folder_that_cannot_be_written_is_said_and_an_old_report_stays(bench, tmp_path: Path) -> None:
    settings = bench.pipeline.settings
    environ = {"MITTARISTO_HOME": str(settings.home), "MITTARISTO_DATABASE_URL": settings.database_url}
    target = tmp_path / "file"
    target.write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"cannot write the report to .*--out"):
        build_board_report(environ, 2025, "", "fi", str(target))
    assert target.read_text(encoding="utf-8") == "mine"
