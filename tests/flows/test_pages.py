"""The report and the validation results after a run: built where they would be stale, never in the run's way."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from flows import pages
from flows.alarms import look
from flows.pages import REPORT, VALIDATION, build_pages, is_stale, report_page, validation_page
from models.borders import borders_to_json, packaged_borders
from models.ledger import LedgerRow
from models.problems import PageBuild
from warehouse.engine import reading
from warehouse.page_builds import page_builds
from warehouse.problems import kept_problems

pytestmark = pytest.mark.long  # builds whole pages, seconds each

NOON = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
QUIET = [LedgerRow("r", "statfin/tyonv/12tf", "unchanged", "")]
NEWS = [LedgerRow("r", "statfin/tyonv/12tf", "fetched", "")]


def test_the_borders_that_were_fetched_are_those_of_the_map(bench, monkeypatch) -> None:
    folder = bench.pipeline.settings.home / "borders"
    folder.mkdir(parents=True)
    newer = replace(packaged_borders(), year=2026)
    (folder / "2026.json").write_text(borders_to_json(newer), encoding="utf-8")
    given = []
    monkeypatch.setattr(pages, "build_site", lambda *_, borders, **__: given.append(borders.year))
    build_pages(bench.pipeline, NEWS)
    assert given == [2026] != [packaged_borders().year]


def builds(bench) -> dict[str, PageBuild]:
    with reading(bench.pipeline.engine) as connection:
        return {one.name: one for one in page_builds(connection)}


def problems(bench) -> list[str]:
    with reading(bench.pipeline.engine) as connection:
        kept = kept_problems(connection, "none")
    return [one.problem.key for one in kept if one.ended_at is None]


def test_pages_that_are_absent_are_built_even_where_nothing_is_new(bench) -> None:
    build_pages(bench.pipeline, QUIET, clock=lambda: NOON)
    assert report_page(bench.pipeline).is_file()
    assert validation_page(bench.pipeline).is_file()
    assert {name: one.built_at for name, one in builds(bench).items()} == {REPORT: NOON, VALIDATION: NOON}


def test_nothing_new_on_the_same_day_builds_nothing_and_news_do(bench, monkeypatch) -> None:
    now = datetime.now(UTC) + HOUR  # after the catalogue was taken into use
    build_pages(bench.pipeline, QUIET, clock=lambda: now)
    later = now + timedelta(minutes=1)
    monkeypatch.setattr(pages, "is_stale", lambda build, changed, at: build is None)
    build_pages(bench.pipeline, QUIET, clock=lambda: later)
    assert {one.built_at for one in builds(bench).values()} == {now}
    build_pages(bench.pipeline, NEWS, clock=lambda: later)
    assert {one.built_at for one in builds(bench).values()} == {later}


@pytest.mark.parametrize(
    ("build", "changed", "stale"),
    [
        pytest.param(None, None, True, id="never built"),
        pytest.param(PageBuild("report", NOON, NOON, "no space"), None, True, id="could not be built last"),
        pytest.param(PageBuild("report", NOON, NOON, ""), None, False, id="built an hour ago"),
        pytest.param(PageBuild("report", NOON, NOON, ""), NOON + HOUR / 2, True, id="decided since"),
        pytest.param(PageBuild("report", NOON, NOON, ""), NOON - HOUR, False, id="decided before"),
        pytest.param(PageBuild("report", NOON, NOON - 13 * HOUR, ""), None, True, id="built yesterday"),
    ],
)
def test_when_pages_are_stale(build, changed, stale) -> None:
    assert is_stale(build, changed, NOON + HOUR) is stale


def test_the_day_is_finland_s() -> None:
    build = PageBuild("report", NOON, datetime(2026, 11, 24, 21, 59, tzinfo=UTC), "")
    assert is_stale(build, None, datetime(2026, 11, 24, 22, 1, tzinfo=UTC))
    assert not is_stale(build, None, datetime(2026, 11, 24, 21, 59, 30, tzinfo=UTC))


def test_a_page_that_cannot_be_built_is_a_problem_until_it_can_and_harms_no_other(bench, caplog) -> None:
    folder = report_page(bench.pipeline).parent
    folder.mkdir(parents=True)
    (folder / "validation").write_text("in the way")
    build_pages(bench.pipeline, NEWS, clock=lambda: NOON)
    assert report_page(bench.pipeline).is_file()
    assert "validation could not be built" in caplog.text
    look(bench.pipeline, NOON)
    assert problems(bench) == ["stale_pages:validation"]
    (folder / "validation").unlink()
    build_pages(bench.pipeline, QUIET, clock=lambda: NOON + HOUR)
    look(bench.pipeline, NOON + HOUR)
    assert problems(bench) == []
    assert validation_page(bench.pipeline).is_file()


def test_the_problem_says_why_in_one_line_and_how_old_the_pages_are(bench, monkeypatch) -> None:
    build_pages(bench.pipeline, NEWS, clock=lambda: NOON)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, os.strerror(28), "/home/report/index.html.new")

    monkeypatch.setattr(pages, "build_site", full)
    build_pages(bench.pipeline, NEWS, clock=lambda: NOON + 24 * HOUR)
    look(bench.pipeline, NOON + 24 * HOUR)
    with reading(bench.pipeline.engine) as connection:
        (kept,) = kept_problems(connection, "none")
    said = kept.problem
    assert said.severity == "warning"
    assert "No space left on device" in said.text_en
    assert "they are of 2026-11-24 10:00 UTC" in said.text_en
    assert "hetkeltä 24.11.2026 klo 10.00" in said.text_fi
    assert "\n" not in said.text_en + said.text_fi + said.todo_en


def test_a_database_that_is_away_does_not_reach_the_run(bench, monkeypatch, caplog) -> None:
    def away(*_: object, **__: object) -> None:
        raise RuntimeError("the database is away")

    monkeypatch.setattr(pages, "hold", away)
    build_pages(bench.pipeline, NEWS, clock=lambda: NOON)
    assert "unexpected error" in caplog.text
