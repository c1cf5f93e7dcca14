"""New companies from the search to the dashboard views: what each month saw is kept, and no name is anywhere."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from connectors.http import Http
from demo import prh_ytj
from demo.prh_ytj import Companies, Company
from demo.stand_in import StandIn
from flows.adopt import adopt
from flows.pipeline import Pipeline, open_pipeline
from flows.replay import past_of, replay
from flows.settings import Settings
from models.catalogue import load_catalogue
from models.catalogue.load import PACKAGED
from models.ledger import LedgerRow, Scope
from tests import collecting
from tests.collecting import run, unhurried

pytestmark = pytest.mark.long  # the whole way of a source, seconds each

DATASET, INDICATOR = "prh_ytj/companies", "new_company_registrations"
KAINUU = ("KU105", "KU205", "KU290", "KU578", "KU620", "KU697", "KU765", "KU777")
PERSON = "Matti Meikäläinen"
CALLS = 19  # searches of one collection, with the post towns of `with_few_towns`


def company(
    number: int, day: str, town: str = "Kajaani", municipality: str = "205", **more: object
) -> Company:
    return Company(
        f"{number:07d}-{number % 10}",
        date.fromisoformat(day),
        ((town, municipality),),
        name=f"Toiminimi {PERSON} {number}",
        **more,  # type: ignore[arg-type]
    )


class Bench:
    """A warehouse and a stand-in of the service, asked on a day of our choice, without Prefect."""

    def __init__(self, pipeline: Pipeline, stand_in: StandIn, service: Companies, patch: pytest.MonkeyPatch):
        self.pipeline, self.stand_in, self.service, self.patch = pipeline, stand_in, service, patch
        self.scope = Scope(today={DATASET: date(2026, 10, 5)})
        adopt(pipeline, self.scope)

    def run(self, day: str = "2026-10-05", *, force: bool = False) -> LedgerRow:
        moment = datetime.fromisoformat(f"{day}T05:00:00").replace(tzinfo=UTC)
        self.patch.setattr(Http, "now", lambda _: moment)
        limits = unhurried("prh_ytj")
        return run(self.pipeline, self.scope, DATASET, force=force, limits=limits)[DATASET]

    def rows(self, query: str, **values: object) -> list[tuple]:
        return collecting.rows(self.pipeline, query, **values)

    def series(self, area: str = "KU205") -> dict[str, float]:
        return collecting.series(self.pipeline, INDICATOR, area)


@pytest.fixture
def service() -> Companies:
    """Fifteen months of three companies a month in Kajaani, and some in Sotkamo and elsewhere."""
    found = []
    for number in range(15):
        year, month = divmod(2025 * 12 + 7 + number, 12)  # from 2025-08 to 2026-10
        for more in range(3):
            found.append(company(number * 10 + more, f"{year}-{month + 1:02d}-{10 + more}"))
        if number % 4 == 0:
            found.append(company(1000 + number, f"{year}-{month + 1:02d}-28", "Vuokatti", "765"))
    found.append(company(5000, "2026-09-30", "Kajaani", "049"))  # its town is Kajaani, it lies elsewhere
    return Companies(found)


def with_few_towns(folder: Path) -> Path:
    """The packaged catalogue, but for post towns: Kajaani and Sotkamo have two each, the others their own name."""
    shutil.copytree(PACKAGED, folder)
    path = folder / "datasets" / "prh_ytj.yaml"
    few = "    post_towns: {KU205: [Kajaani, Otanmäki], KU765: [Sotkamo, Vuokatti]}\n"
    text, replaced = re.subn(r"    post_towns:\n(?: {6,}.*\n)+", few, path.read_text(encoding="utf-8"))
    assert replaced == 1
    path.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def bench(service: Companies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    home = tmp_path / "home"
    with StandIn({}, services={"prh_ytj": service}, calls=10_000, window=1.0) as stand_in:
        settings = Settings(
            home=home,
            database_url=f"sqlite:///{home / 'm.db'}",
            urls=stand_in.urls,
            programme=with_few_towns(tmp_path / "programme"),
        )
        with open_pipeline(settings) as pipeline:
            yield Bench(pipeline, stand_in, service, monkeypatch)
    assert stand_in.errors == []


def test_the_months_that_are_over_reach_the_dashboard_and_no_month_is_left_out(bench: Bench) -> None:
    row = bench.run()
    assert (row.state, row.calls) == ("fetched", CALLS), row.message
    kajaani = bench.series()
    assert (min(kajaani), max(kajaani)) == ("2025M09", "2026M09")
    assert set(kajaani.values()) == {3.0} and len(kajaani) == 13
    sotkamo = bench.series("KU765")
    assert [month for month, count in sorted(sotkamo.items()) if count] == ["2025M12", "2026M04", "2026M08"]
    assert len(sotkamo) == 13 and bench.series("KU697") == dict.fromkeys(kajaani, 0.0)


def test_kainuu_is_the_sum_of_its_eight_municipalities(bench: Bench) -> None:
    bench.run()
    assert bench.series("MK18") == {
        month: sum(bench.series(area)[month] for area in KAINUU) for month in bench.series()
    }
    assert bench.series("MK18")["2026M08"] == 4.0


def test_a_row_says_its_level_unit_source_and_how_sure_its_search_is(bench: Bench) -> None:
    bench.run()
    found = bench.rows(
        "SELECT DISTINCT area_level, unit, source, dataset_id, labels, status, frequency, is_synthetic"
        " FROM dashboard_series WHERE indicator_id = :i AND area_code = 'KU205'",
        i=INDICATOR,
    )
    assert found == [("municipality", "companies", "prh_ytj", DATASET, "verified", "final", "monthly", 0)]


def test_no_name_and_no_business_id_is_anywhere_in_what_is_kept(bench: Bench) -> None:
    bench.run()
    kept = [bench.pipeline.raw.read(one.sha256) for one in bench.pipeline.raw.documents(source="prh_ytj")]
    assert len(kept) == CALLS
    for word in ("Matti", "Meik", "Toiminimi", "Esimerkkikatu", "87100", '-1"', "0000010"):
        assert not any(word.encode() in body for body in kept), word
    folder = bench.pipeline.settings.home
    database = b"".join(one.read_bytes() for one in folder.glob("m.db*"))
    assert b"Matti" not in database


@pytest.mark.parametrize("kind", ["wrong_content_type", "html_200", "invalid_utf8", "cut_body"])
def test_not_even_a_bad_answer_leaves_a_name(bench: Bench, kind: str) -> None:
    bench.stand_in.misbehave(kind, path="companies", times=None)
    row = bench.run()
    assert row.state == "failed" and PERSON not in row.message and "\n" not in row.message
    documents = list(bench.pipeline.raw.documents(source="prh_ytj"))
    assert documents and all(bench.pipeline.raw.read(one.sha256) == b"" for one in documents)
    assert not any("Matti" in one.error for one in documents)
    assert bench.rows("SELECT count(*) FROM vintage") == [(0,)]


def test_until_another_month_is_over_a_run_asks_nothing(bench: Bench) -> None:
    bench.run()
    for day in ("2026-10-06", "2026-10-31", "2026-11-01"):
        row = bench.run(day)
        assert (row.state, row.calls) == ("unchanged", 0), row.message
    row = bench.run("2026-11-02")
    assert row.state == "fetched" and row.calls == CALLS
    assert bench.series()["2026M10"] == 3.0


def test_a_forced_search_that_sees_the_same_changes_nothing(bench: Bench) -> None:
    bench.run()
    row = bench.run(force=True)
    assert (row.state, row.calls) == ("unchanged", CALLS), row.message


def test_a_company_that_moved_away_is_a_revision_and_what_was_seen_before_is_kept(bench: Bench) -> None:
    bench.run()
    moved = next(one for one in bench.service.companies if one.registered == date(2026, 9, 10))
    moved.towns = (("Espoo", "049"),)
    row = bench.run("2026-11-02")
    assert row.state == "fetched", row.message
    assert bench.series()["2026M09"] == 2.0
    seen = bench.rows(
        "SELECT value, change_class FROM dashboard_vintages WHERE indicator_id = :i AND area_code = 'KU205'"
        " AND period = '2026M09' ORDER BY recorded_at",
        i=INDICATOR,
    )
    assert seen == [(3.0, "new"), (2.0, "revised")]


def test_a_month_that_left_the_window_stays_as_it_was_last_seen(bench: Bench) -> None:
    bench.run()
    for one in bench.service.companies:
        if one.registered < date(2025, 10, 1):
            one.towns = (("Espoo", "049"),)
    row = bench.run("2026-11-02")
    assert row.state == "fetched", row.message
    assert bench.series()["2025M09"] == 3.0
    assert (len(bench.series()), min(bench.series()), max(bench.series())) == (14, "2025M09", "2026M10")


def test_a_month_of_none_is_zero_even_where_nothing_else_changed(bench: Bench) -> None:
    bench.run()
    bench.service.companies = [one for one in bench.service.companies if one.registered < date(2026, 10, 1)]
    row = bench.run("2026-11-02")
    assert row.state == "fetched", row.message
    assert bench.series()["2026M10"] == 0.0
    assert bench.series("KU290")["2026M10"] == 0.0


def test_a_search_that_finds_nothing_of_ours_is_no_reason_for_zeros(bench: Bench) -> None:
    bench.run()
    before = bench.series()
    bench.service.companies = []
    row = bench.run("2026-11-02")
    assert row.state == "failed" and "none of the 0 companies found" in row.message
    assert bench.series() == before


def test_a_renamed_field_is_one_line_and_the_last_good_is_served(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.run()
    before = bench.series()
    right = Company.document

    def renamed(self: Company) -> dict:
        document = right(self)
        document["registered"] = document.pop("registrationDate")
        return document

    monkeypatch.setattr(Company, "document", renamed)
    row = bench.run("2026-11-02")
    assert row.state == "failed" and "a company has no 'registrationDate'" in row.message
    assert bench.series() == before


def test_counts_that_collapse_hold_the_dataset_back(bench: Bench) -> None:
    months = [f"2025-{one:02d}" for one in range(8, 13)] + [f"2026-{one:02d}" for one in range(1, 11)]
    bench.service.companies = [
        company(number * 100 + more, f"{month}-{1 + more % 28:02d}")
        for number, month in enumerate(months)
        for more in range(40 + number % 3)
    ]
    bench.run()
    before = bench.series()
    bench.service.companies = [one for one in bench.service.companies if int(one.business_id[4:7]) % 100 < 4]
    row = bench.run("2026-11-02")
    assert row.state == "quarantined", row.message
    assert bench.series() == before


def test_a_replay_gives_the_same_warehouse(bench: Bench, tmp_path: Path) -> None:
    bench.run()
    bench.service.companies[20].towns = (("Espoo", "049"),)
    bench.run("2026-11-02")
    bench.stand_in.misbehave("html_200", path="Vuokatti", times=None)
    bench.run("2026-12-02")
    past = past_of(bench.pipeline)
    settings = replace(bench.pipeline.settings, database_url=f"sqlite:///{tmp_path / 'other.db'}")
    with open_pipeline(settings) as target:
        assert replay(past, target).different == ()


def test_made_up_companies_fill_every_municipality(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service = prh_ytj.synthetic(load_catalogue())
    home = tmp_path / "home"
    with StandIn({}, services={"prh_ytj": service}, calls=10_000, window=1.0) as stand_in:
        settings = Settings(home=home, database_url=f"sqlite:///{home / 'm.db'}", urls=stand_in.urls)
        with open_pipeline(settings) as pipeline:
            bench = Bench(pipeline, stand_in, service, monkeypatch)
            row = bench.run()
            assert row.state == "fetched" and row.calls > 111, row.message  # the largest have several pages
            areas = {area.code for area in pipeline.catalogue.areas_for(DATASET)}
            shown = bench.rows("SELECT area_code, sum(value) FROM dashboard_series GROUP BY area_code")
            assert {area for area, total in shown if total > 0} == areas | {"MK18"}
    assert stand_in.errors == []
