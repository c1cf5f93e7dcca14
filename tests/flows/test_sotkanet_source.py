"""Sotkanet from its answers to the dashboard views, and what its bad days do to what is stored."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from demo import sotkanet
from demo.stand_in import StandIn
from flows.adopt import adopt
from flows.pipeline import Pipeline, open_pipeline
from flows.settings import Settings
from models.catalogue import load_catalogue
from models.ledger import LedgerRow, Scope
from tests import collecting
from tests.collecting import run, unhurried

pytestmark = pytest.mark.long  # the whole way of a source, seconds each

POPULATION = "sotkanet/127"
OUTSIDE = "sotkanet/3219"
INDICATOR = "population_sotkanet"


class Sotkanet:
    """A warehouse and a stand-in of Sotkanet, and the collecting of its datasets without Prefect."""

    def __init__(
        self, pipeline: Pipeline, stand_in: StandIn, service: sotkanet.Sotkanet, scope: Scope
    ) -> None:
        self.pipeline = pipeline
        self.stand_in = stand_in
        self.service = service
        self.scope = scope
        adopt(pipeline, scope)

    def collect(self, dataset_id: str = POPULATION) -> LedgerRow:
        limits = unhurried("sotkanet")
        return run(self.pipeline, self.scope, dataset_id, limits=limits)[dataset_id]

    def replayed(self, target: Path) -> tuple[str, ...]:
        """The tables that a replay of everything so far makes otherwise."""
        return collecting.replayed(self.pipeline, target)

    def rows(self, query: str, **values: object) -> list[tuple]:
        return collecting.rows(self.pipeline, query, **values)

    def series(self, area: str, indicator: str = INDICATOR) -> dict[str, float | None]:
        return collecting.series(self.pipeline, indicator, area)


def opened(
    service: sotkanet.Sotkanet, home: Path, template: Path, *, synthetic: bool = False
) -> Iterator[Sotkanet]:
    home.mkdir()
    shutil.copy(template, home / "m.db")
    with StandIn({}, services={"sotkanet": service}, calls=10_000, window=1.0) as stand_in:
        settings = Settings(home=home, database_url=f"sqlite:///{home / 'm.db'}", urls=stand_in.urls)
        with open_pipeline(settings) as pipeline:
            held = list(sotkanet.held(service, pipeline.catalogue))
            scope = Scope(
                contents={one.id: frozenset(choice.key for choice in one.contents) for one, _ in held},
                today={one.id: day for one, day in held},
                synthetic=synthetic,
            )
            yield Sotkanet(pipeline, stand_in, service, scope)
    assert stand_in.errors == []


@pytest.fixture
def bench(tmp_path: Path, _sqlite_template: Path) -> Iterator[Sotkanet]:
    """On the sample's real figures."""
    yield from opened(sotkanet.sample(), tmp_path / "home", _sqlite_template)


@pytest.fixture
def made_up(tmp_path: Path, _sqlite_template: Path) -> Iterator[Sotkanet]:
    """On made-up figures of all areas."""
    yield from opened(
        sotkanet.synthetic(load_catalogue()), tmp_path / "home", _sqlite_template, synthetic=True
    )


def test_published_figures_reach_the_dashboard_with_what_belongs_to_them(bench: Sotkanet) -> None:
    row = bench.collect()
    assert (row.state, row.calls) == ("fetched", 3), row.message
    kajaani = bench.series("KU205")
    assert len(kajaani) == 23
    assert (kajaani["2000"], kajaani["2009"], kajaani["2022"]) == (38912, 38211, 36297)
    assert (bench.series("KU297")["2022"], bench.series("KU765")["2022"]) == (122594, 10354)
    assert set(bench.series("MK18").values()) == {None}, "the sample knows nothing of the region"
    facts = bench.rows(
        "SELECT DISTINCT area_level, unit, source, dataset_id, labels, is_proxy, is_synthetic, frequency"
        " FROM dashboard_series WHERE indicator_id = :i AND area_code = 'KU205'",
        i=INDICATOR,
    )
    assert facts == [("municipality", "persons", "sotkanet", POPULATION, "verified", 0, 0, "annual")]


def test_the_same_again_asks_once_and_stores_nothing(bench: Sotkanet) -> None:
    bench.collect()
    before = bench.rows("SELECT count(*) FROM vintage")
    asked = len(bench.stand_in.requests)
    row = bench.collect()
    assert (row.state, row.calls, len(bench.stand_in.requests) - asked) == ("unchanged", 1, 1)
    assert bench.rows("SELECT count(*) FROM vintage") == before


def test_until_its_day_is_over_a_release_is_looked_at_in_full(bench: Sotkanet, tmp_path: Path) -> None:
    indicator = bench.service.indicators[127]
    indicator.updated = f"{datetime.now(ZoneInfo('Europe/Helsinki')):%Y-%m-%d}"
    bench.collect()
    row = bench.collect()
    assert (row.state, row.calls) == ("unchanged", 3)
    indicator.figures[94, 2022, "total"] = 36300
    row = bench.collect()
    assert (row.state, row.counts.revised) == ("fetched", 1), row.message
    assert bench.series("KU205")["2022"] == 36300
    indicator.updated = "2024-03-13"  # a day that is long over
    assert bench.collect().calls == 3
    assert bench.collect().calls == 1
    assert bench.replayed(tmp_path / "again.db") == ()


def test_a_new_year_and_a_revision_become_vintages_and_the_indicator_follows(
    bench: Sotkanet, tmp_path: Path
) -> None:
    bench.collect()
    indicator = bench.service.indicators[127]
    newest = {key: figure for key, figure in indicator.figures.items() if key[1] == 2022}
    indicator.figures |= {
        (region, 2023, gender): figure - 10 for (region, _, gender), figure in newest.items()
    }
    indicator.figures[94, 2022, "total"] = 36298
    indicator.years = range(2000, 2024)
    indicator.updated = "2024-06-20"
    row = bench.collect()
    assert (row.state, row.counts.new, row.counts.revised) == ("fetched", 19, 1), row.message
    assert (bench.series("KU205")["2022"], bench.series("KU205")["2023"]) == (36298, 36287)
    changes = bench.rows(
        "SELECT area, period, old, new FROM dashboard_changes WHERE change_class = 'revised'"
    )
    assert changes == [("KU205", "2022", 36297, 36298)]
    assert bench.replayed(tmp_path / "again.db") == ()


def test_a_region_id_that_moved_fails_and_the_last_good_figures_are_served(bench: Sotkanet) -> None:
    bench.collect()
    regions, indicator = bench.service.regions, bench.service.indicators[127]
    regions[94], regions[261] = replace(regions[94], code="564"), replace(regions[261], code="205")
    indicator.updated = "2024-06-20"
    row = bench.collect()
    assert row.state == "failed"
    assert "94, given for KU205, is KUNTA 564" in row.message and "its id is 261 now" in row.message
    assert "\n" not in row.message
    assert bench.series("KU205")["2022"] == 36297


@pytest.mark.parametrize("lost", ["the newest year", "every second figure", "a municipality"])
def test_figures_that_are_gone_hold_the_answer_back(bench: Sotkanet, tmp_path: Path, lost: str) -> None:
    bench.collect()
    indicator = bench.service.indicators[127]
    indicator.figures = {
        (region, year, gender): figure
        for at, ((region, year, gender), figure) in enumerate(indicator.figures.items())
        if not {
            "the newest year": year == 2022,
            "every second figure": at % 2 == 0,
            "a municipality": region == 94,
        }[lost]
    }
    indicator.updated = "2024-06-20"
    row = bench.collect()
    assert row.state == "quarantined", row.message
    assert bench.series("KU205")["2022"] == 36297
    assert bench.replayed(tmp_path / "again.db") == ()


@pytest.mark.parametrize("kind", ["html_200", "403_page", "invalid_utf8", "redirect"])
@pytest.mark.parametrize("place", ["/regions", "/indicators/127", "/json"])
def test_a_bad_answer_stores_nothing_and_is_made_good_by_the_next_run(
    bench: Sotkanet, kind: str, place: str
) -> None:
    bench.stand_in.misbehave(kind, path=place, times=None)
    row = bench.collect()
    assert row.state == "failed" and "\n" not in row.message and row.message.startswith("sotkanet/127: ")
    assert bench.rows("SELECT count(*) FROM vintage") == [(0,)]
    bench.stand_in.behave()
    assert bench.collect().state == "fetched"


def test_every_indicator_of_sotkanet_has_all_areas_on_made_up_figures(made_up: Sotkanet) -> None:
    catalogue = made_up.pipeline.catalogue
    for dataset in catalogue.datasets_of("sotkanet"):
        row = made_up.collect(dataset.id)
        assert row.state == "fetched", row.message
        areas = {area.code for area in catalogue.areas_for(dataset)}
        for indicator in catalogue.indicators_of(dataset.id):
            found = made_up.rows(
                "SELECT area_code, area_level, is_synthetic FROM dashboard_latest"
                " WHERE indicator_id = :i AND value IS NOT NULL",
                i=indicator.id,
            )
            assert {code for code, _, _ in found} == areas
            assert {level for _, level, _ in found} == {"municipality", "region", "country"}
            assert {flag for _, _, flag in found} == {1}
