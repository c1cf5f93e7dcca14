"""Borders for the map, once a year: kept as they came, simplified in the home folder, of no dataset."""

from datetime import date

import pytest

from demo.borders import sample
from flows.borders import collect_borders, newest_borders, refresh_borders
from models.borders import packaged_borders
from models.errors import SourceError

pytestmark = pytest.mark.long  # the whole way of a source, seconds each


THIS_YEAR = 2026


@pytest.fixture
def service():
    return sample()


@pytest.fixture
def bench(source_bench, service):
    return source_bench("borders", service)


def test_the_borders_of_a_year_are_kept_and_written_into_the_home_folder(bench, service) -> None:
    home = bench.pipeline.settings.home
    assert newest_borders(home, THIS_YEAR) == packaged_borders(), "until others were fetched"
    path = collect_borders(bench.pipeline, 2026)
    assert path == home / "borders" / "2026.json"
    found = newest_borders(home, THIS_YEAR)
    assert (found.year, found.rings) == (2026, service.borders.rings)
    assert newest_borders(home, 2025) == packaged_borders(), "a map of then has no borders of later"
    (kept,) = bench.pipeline.raw.documents(source="borders")
    assert bench.pipeline.raw.read(kept.sha256).startswith(b'{"type":"FeatureCollection"')


def test_a_layer_that_cannot_be_used_leaves_what_there_was(bench, service) -> None:
    collect_borders(bench.pipeline, 2026)
    service.swapped = True
    with pytest.raises(SourceError, match="the axes are swapped"):
        collect_borders(bench.pipeline, 2026)
    home = bench.pipeline.settings.home
    assert newest_borders(home, THIS_YEAR).rings == service.borders.rings
    assert [one.name for one in (home / "borders").iterdir()] == ["2026.json"]


def test_they_are_asked_until_those_of_the_year_are_there_and_nothing_that_goes_wrong_reaches_the_run(
    bench, service
) -> None:
    pipeline, day = bench.pipeline, date(2026, 2, 1)
    service.swapped = True
    assert "stay as they are" in refresh_borders(pipeline, day) and "axes are swapped" in refresh_borders(
        pipeline, day
    )
    service.swapped = False
    assert refresh_borders(pipeline, day) == "borders of municipalities: 2026.json"
    asked = len(bench.stand_in.requests)
    assert refresh_borders(pipeline, day) == "" and len(bench.stand_in.requests) == asked
    (pipeline.settings.home / "borders" / "2026.json").write_text("{", encoding="utf-8")
    assert "2026.json" in refresh_borders(pipeline, day)


def test_a_replay_passes_over_them(bench, tmp_path) -> None:
    collect_borders(bench.pipeline, 2026)
    assert bench.replayed(tmp_path) == ()
