"""Municipal finances from the listing to the dashboard views; what a bad day, a new approval or taxonomy does there."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from demo import kuntatalous
from demo.kuntatalous import Kuntatalous, Report
from demo.stand_in import StandIn
from flows.adopt import adopt
from flows.pipeline import Pipeline, open_pipeline
from flows.replay import past_of, replay
from flows.settings import Settings
from models.catalogue import load_catalogue
from models.ledger import LedgerRow, Scope
from tests import collecting
from tests.collecting import run, unhurried

pytestmark = pytest.mark.long  # the whole way of a source, seconds each

KKNR, KTAS = "kuntatalous/kknr", "kuntatalous/ktas"
ACCOUNTS_TAXONOMY = "jhs-2018-01/2024-03-26"
KAJAANI = "0214958-9"


class Bench:
    """A warehouse and a stand-in of the State Treasury, and runs over its datasets without Prefect."""

    def __init__(self, pipeline: Pipeline, stand_in: StandIn, service: Kuntatalous, scope: Scope) -> None:
        self.pipeline, self.stand_in, self.service, self.scope = pipeline, stand_in, service, scope
        adopt(pipeline, scope)

    def run(self, *datasets: str, force: bool = False) -> list[LedgerRow]:
        """One run over the datasets, as they share it."""
        limits = unhurried("kuntatalous")
        return list(run(self.pipeline, self.scope, *datasets, force=force, limits=limits).values())

    def rows(self, query: str, **values: object) -> list[tuple]:
        return collecting.rows(self.pipeline, query, **values)

    def series(self, indicator: str, area: str = "KU205") -> dict[str, float | None]:
        return collecting.series(self.pipeline, indicator, area)

    def statuses(self, indicator: str, area: str = "KU205") -> dict[str, str]:
        return dict(
            self.rows(
                "SELECT period, status FROM dashboard_series WHERE indicator_id = :i AND area_code = :a",
                i=indicator,
                a=area,
            )
        )

    def asked(self, name: str) -> list[str]:
        return [one.path for one in self.stand_in.requests if name in one.path]


def opened(service: Kuntatalous, home: Path, scope: Scope | None = None) -> Iterator[Bench]:
    with StandIn({}, services={"kuntatalous": service}, calls=10_000, window=1.0) as stand_in:
        settings = Settings(home=home, database_url=f"sqlite:///{home / 'm.db'}", urls=stand_in.urls)
        with open_pipeline(settings) as pipeline:
            held = list(kuntatalous.held(service, pipeline.catalogue))
            own = Scope(
                contents={one.id: frozenset(choice.key for choice in one.contents) for one, _ in held},
                today={one.id: day for one, day in held},
            )
            yield Bench(pipeline, stand_in, service, scope or own)
    assert stand_in.errors == []


@pytest.fixture
def budget(tmp_path: Path) -> Iterator[Bench]:
    """On Kajaani's real budget of 2026."""
    yield from opened(kuntatalous.sample(), tmp_path / "home")


def accounts(year: int, stage: str = "Lopullinen", *, investments: str | None = "20000000.00") -> Report:
    at = f"{year + 1}-05-{['Alustava', 'Hyväksytty', 'Lopullinen', 'Jälkikorjattu'].index(stage) + 10}"
    return Report(
        KAJAANI,
        "KKNR",
        f"{year}C12",
        stage,
        f"{at}T09:00:00Z",
        f"{at}T10:00:00Z",
        ACCOUNTS_TAXONOMY,
        {("k-t13", "1374"): investments, ("k-t07", "1400"): f"{year}0000.50", ("k-t07", "1562"): "1.00"},
    )


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Bench]:
    """On made-up accounts of Kajaani, 2023 and 2024, with a quarter of 2024 and the real budget."""
    quarter = replace(accounts(2024), period="2024C09", amounts={("k-t13", "1374"): "9.00"})
    reports = [accounts(2023), quarter, accounts(2024, "Alustava"), *kuntatalous.sample().reports]
    scope = Scope(today={KKNR: date(2025, 8, 1), KTAS: date(2026, 1, 10)})
    yield from opened(Kuntatalous(reports), tmp_path / "home", scope)


def test_the_published_budget_reaches_the_dashboard_as_published(budget: Bench) -> None:
    (row,) = budget.run(KTAS)
    assert (row.state, row.calls) == ("fetched", 2), row.message
    assert {
        name: budget.series(f"municipal_budget_{name}")
        for name in (
            "operating_income",
            "operating_expenses",
            "annual_margin",
            "result",
            "gross_investments",
            "loans",
        )
    } == {
        "operating_income": {"2026": 32_505_318},
        "operating_expenses": {"2026": 173_119_059},
        "annual_margin": {"2026": 9_736_492},
        "result": {"2026": -5_480_779},
        "gross_investments": {"2026": 25_707_000},
        "loans": {"2026": 143_400_000},
    }


def test_a_budget_row_says_its_level_unit_source_status_and_how_sure_its_codes_are(budget: Bench) -> None:
    budget.run(KTAS)
    assert budget.rows(
        "SELECT area_level, unit, source, dataset_id, labels, status, is_synthetic, freshness"
        " FROM dashboard_series WHERE indicator_id = 'municipal_budget_loans'"
    ) == [("municipality", "EUR", "kuntatalous", KTAS, "partly", "final", 0, "current")]
    (updated,) = budget.rows(
        "SELECT source_updated_at FROM dashboard_series WHERE indicator_id = 'municipal_budget_loans'"
    )
    assert str(updated[0]).replace("T", " ").startswith("2025-12-31 08:27:32")


def test_accounts_are_never_taken_for_a_budget_nor_a_budget_for_accounts(ledger: Bench) -> None:
    assert [row.state for row in ledger.run(KKNR, KTAS)] == ["fetched", "fetched"]
    assert ledger.series("municipal_gross_investments") == {"2023": 20_000_000, "2024": 20_000_000}
    assert ledger.series("municipal_budget_gross_investments") == {"2026": 25_707_000}
    assert ledger.series("municipal_annual_margin") == {"2023": 20_230_000.5, "2024": 20_240_000.5}


def test_the_listing_is_asked_once_by_a_run_over_both_datasets(ledger: Bench) -> None:
    rows = ledger.run(KKNR, KTAS)
    assert [row.calls for row in rows] == [3, 1]
    assert len(ledger.asked("aineistot")) == 1
    assert len(ledger.asked("C09")) == 0


def test_a_second_run_with_nothing_new_is_one_call_for_both_datasets(ledger: Bench) -> None:
    ledger.run(KKNR, KTAS)
    rows = ledger.run(KKNR, KTAS)
    assert [(row.state, row.calls) for row in rows] == [("unchanged", 1), ("unchanged", 0)]


def test_a_forced_run_over_the_same_reports_changes_nothing(ledger: Bench) -> None:
    ledger.run(KKNR, KTAS)
    rows = ledger.run(KKNR, KTAS, force=True)
    assert [row.state for row in rows] == ["unchanged", "unchanged"]
    assert len(ledger.rows("SELECT 1 FROM vintage")) == len(ledger.rows("SELECT 1 FROM observation"))


def test_a_draft_is_preliminary_and_the_final_report_with_the_same_amounts_makes_it_final(
    ledger: Bench,
) -> None:
    ledger.run(KKNR)
    assert ledger.statuses("municipal_gross_investments") == {"2023": "final", "2024": "preliminary"}
    ledger.service.reports.append(accounts(2024, "Lopullinen"))
    (row,) = ledger.run(KKNR)
    assert row.state == "fetched", row.message
    assert ledger.statuses("municipal_gross_investments") == {"2023": "final", "2024": "final"}
    assert ledger.rows(
        "SELECT change_class FROM dashboard_vintages WHERE indicator_id = 'municipal_gross_investments'"
        " AND area_code = 'KU205' AND period = '2024' ORDER BY recorded_at"
    ) == [("new",), ("status",)]


def test_a_corrected_report_is_a_revision_and_the_older_figure_stays_known(ledger: Bench) -> None:
    ledger.run(KKNR)
    ledger.service.reports.append(accounts(2023, "Jälkikorjattu", investments="20050000.00"))
    ledger.service.reports[-1].published = "2026-08-01T10:00:00Z"
    (row,) = ledger.run(KKNR)
    assert (row.state, row.counts.revised) == ("fetched", 1), row.message
    assert ledger.rows(
        "SELECT value FROM dashboard_vintages WHERE indicator_id = 'municipal_gross_investments'"
        " AND area_code = 'KU205' AND period = '2023' ORDER BY recorded_at"
    ) == [(20_000_000,), (20_050_000,)]


def test_null_is_no_figure_and_not_zero(ledger: Bench) -> None:
    ledger.service.reports.append(accounts(2025, investments=None))
    ledger.run(KKNR)
    assert ledger.series("municipal_gross_investments")["2025"] is None
    assert ledger.series("municipal_annual_margin")["2025"] == 20_250_000.5


def test_a_year_in_a_new_taxonomy_is_red_and_the_years_before_are_there(ledger: Bench) -> None:
    new = accounts(2025)
    new.taxonomy = "jhs-2018-01/2026-02-02"
    ledger.service.reports.append(new)
    (row,) = ledger.run(KKNR)
    assert row.state == "failed"
    assert "period 2025: unsupported taxonomy: 0214958-9 2025C12 (lopullinen)" in row.message
    assert "jhs-2018-01/2026-02-02" in row.message and "\n" not in row.message
    assert ledger.series("municipal_gross_investments") == {"2023": 20_000_000, "2024": 20_000_000}
    (again,) = ledger.run(KKNR)
    assert again.state == "failed"  # it stays red until somebody has looked at it


def test_a_year_in_a_taxonomy_older_than_all_known_is_passed_over(ledger: Bench) -> None:
    ledger.service.reports[0].taxonomy = "jhs-2018-01/2021-01-01"
    (row,) = ledger.run(KKNR)
    assert row.state == "fetched", row.message
    assert set(ledger.series("municipal_gross_investments")) == {"2024"}


def test_a_code_that_is_gone_fails_its_indicator_alone_and_the_last_figures_are_served(ledger: Bench) -> None:
    ledger.run(KKNR)
    for report in ledger.service.reports:
        if ("k-t13", "1374") in report.amounts:
            report.amounts["k-t13", "9999"] = report.amounts.pop(("k-t13", "1374"))
    newest = accounts(2025)
    newest.amounts["k-t13", "9999"] = newest.amounts.pop(("k-t13", "1374"))
    ledger.service.reports.append(newest)
    (row,) = ledger.run(KKNR)
    assert row.state == "failed"
    assert "k-t13 / 1374" in row.message and "municipal_gross_investments" in row.message
    assert ledger.series("municipal_gross_investments") == {"2023": 20_000_000, "2024": 20_000_000}
    assert ledger.series("municipal_annual_margin")["2025"] == 20_250_000.5


def test_a_report_that_is_taken_back_holds_the_dataset_and_the_last_good_is_served(ledger: Bench) -> None:
    ledger.run(KKNR)
    del ledger.service.reports[0]
    (row,) = ledger.run(KKNR, force=True)
    assert row.state == "quarantined" and "2023" in row.message
    assert ledger.series("municipal_gross_investments")["2023"] == 20_000_000


@pytest.mark.parametrize("kind", ["html_200", "invalid_utf8", "redirect"])
@pytest.mark.parametrize("where", ["aineistot", "dokumentti"])
def test_a_bad_answer_ends_in_one_line_and_the_last_good_is_served(
    ledger: Bench, kind: str, where: str
) -> None:
    ledger.run(KKNR)
    before = ledger.rows("SELECT count(*) FROM vintage")
    ledger.service.reports.append(accounts(2025))
    ledger.stand_in.misbehave(kind, path=where, times=None)
    (row,) = ledger.run(KKNR)
    assert row.state == "failed"
    assert "\n" not in row.message and len(row.message) < 1000
    assert ledger.rows("SELECT count(*) FROM vintage") == before
    assert ledger.series("municipal_gross_investments") == {"2023": 20_000_000, "2024": 20_000_000}
    ledger.stand_in.behave()
    (row,) = ledger.run(KKNR)
    assert row.state == "fetched", row.message


def test_a_listing_that_fails_is_not_asked_again_by_the_run_for_its_second_dataset(ledger: Bench) -> None:
    ledger.stand_in.misbehave("403_page", path="aineistot", times=None)
    rows = ledger.run(KKNR, KTAS)
    assert [row.state for row in rows] == ["failed", "failed"]
    assert len(ledger.asked("aineistot")) == 1


def test_no_document_is_asked_at_the_address_that_the_listing_gives(ledger: Bench) -> None:
    rows = ledger.run(KKNR, KTAS)
    assert [row.state for row in rows] == ["fetched", "fetched"]  # the listing names the real host
    assert {one.path.split("?")[0].split("/")[1] for one in ledger.stand_in.requests} == {"rest"}


def test_a_replay_gives_the_same_warehouse(ledger: Bench, tmp_path: Path) -> None:
    ledger.run(KKNR, KTAS)
    ledger.service.reports.append(accounts(2024, "Lopullinen"))
    ledger.run(KKNR, KTAS)
    ledger.stand_in.misbehave("html_200", path="dokumentti", times=None)
    ledger.run(KKNR, KTAS, force=True)
    past = past_of(ledger.pipeline)
    settings = replace(
        ledger.pipeline.settings,
        home=ledger.pipeline.settings.home,
        database_url=f"sqlite:///{tmp_path / 'other.db'}",
    )
    with open_pipeline(settings) as target:
        assert replay(past, target).different == ()


def test_all_of_the_catalogue_is_there_with_made_up_reports(tmp_path: Path) -> None:
    service = kuntatalous.synthetic(load_catalogue())
    for bench in opened(service, tmp_path / "home", Scope(synthetic=True)):
        rows = bench.run(KKNR, KTAS)
        assert [row.state for row in rows] == ["fetched", "fetched"], [row.message for row in rows]
        shown = {one for (one,) in bench.rows("SELECT DISTINCT indicator_id FROM dashboard_series")}
        wanted = {
            one.id for one in bench.pipeline.catalogue.indicators.values() if one.source == "kuntatalous"
        }
        assert wanted <= shown and len(wanted) == 8
        assert {one for (one,) in bench.rows("SELECT DISTINCT is_synthetic FROM dashboard_series")} == {1}
