"""Vipunen from its answers to the dashboard views, and what its bad days do to what is stored."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo import vipunen
from demo.stand_in import StandIn
from flows.adopt import adopt
from flows.pipeline import Pipeline, open_pipeline
from flows.settings import Settings
from models.catalogue import load_catalogue
from models.ledger import LedgerRow, Scope
from tests import collecting
from tests.collecting import run, unhurried

pytestmark = pytest.mark.long  # the whole way of a source, seconds each

NAME = "korkeakoulutus_hakeneet_ja_paikan_vastaanottaneet"
APPLICANTS = f"vipunen/{NAME}"
INDICATORS = ("kamk_applicants", "kamk_study_places", "kamk_primary_applicants_per_place")


class Bench:
    """A warehouse and a stand-in of Vipunen, and the collecting of its datasets without Prefect."""

    def __init__(self, pipeline: Pipeline, stand_in: StandIn, service: vipunen.Vipunen, scope: Scope) -> None:
        self.pipeline = pipeline
        self.stand_in = stand_in
        self.service = service
        self.scope = scope
        adopt(pipeline, scope)

    def collect(self, dataset_id: str = APPLICANTS) -> LedgerRow:
        limits = unhurried("vipunen")
        return run(self.pipeline, self.scope, dataset_id, limits=limits)[dataset_id]

    def replayed(self, target: Path) -> tuple[str, ...]:
        """The tables that a replay of everything so far makes otherwise."""
        return collecting.replayed(self.pipeline, target)

    def rows(self, query: str, **values: object) -> list[tuple]:
        return collecting.rows(self.pipeline, query, **values)

    def series(self, indicator: str, place: str = "kajaani") -> dict[str, tuple[float | None, str]]:
        """Period → figure and symbol, of the one institution."""
        found = self.rows(
            "SELECT period, value, symbol FROM dashboard_series"
            " WHERE indicator_id = :i AND area_code = '02473' AND class_code = :c",
            i=indicator,
            c=place,
        )
        return {period: (value, symbol) for period, value, symbol in found}

    @property
    def resource(self) -> vipunen.Resource:
        return self.service.resources[NAME]

    def renew(self, day: str, *more: dict) -> None:
        """All rows renewed on another day, and some more."""
        self.resource.rows = [one | {"tietojoukkoPaivitettyPvm": day} for one in (*self.resource.rows, *more)]


def opened(
    service: vipunen.Vipunen, home: Path, template: Path, *, synthetic: bool = False
) -> Iterator[Bench]:
    home.mkdir()
    shutil.copy(template, home / "m.db")
    with StandIn({}, services={"vipunen": service}, calls=10_000, window=1.0) as stand_in:
        settings = Settings(home=home, database_url=f"sqlite:///{home / 'm.db'}", urls=stand_in.urls)
        with open_pipeline(settings) as pipeline:
            held = list(vipunen.held(service, pipeline.catalogue))
            scope = Scope(
                contents={one.id: frozenset(choice.key for choice in one.contents) for one, _ in held},
                today={one.id: day for one, day in held},
                synthetic=synthetic,
            )
            yield Bench(pipeline, stand_in, service, scope)
    assert stand_in.errors == []


FIELDS = (
    "koulutuksenAlkamisvuosi",
    "valintatapajononTyyppi",
    "kuntaHakukohde",
    "korkeakoulu",
    "aloituspaikatLkm",
    "kaikkiHakijatLkm",
    "ensisijaisetHakijatLkm",
    "tietojoukkoPaivitettyPvm",
)


def a_row(year: int, place: str | None, **measures: object) -> dict:
    known = {
        "koulutuksenAlkamisvuosi": year,
        "kuntaHakukohde": place,
        "korkeakoulu": "Kajaanin ammattikorkeakoulu",
        "tietojoukkoPaivitettyPvm": "2026-03-04",
    }
    return dict.fromkeys(FIELDS) | known | measures


def the_rows() -> list[dict]:
    """Six years, each measure on a row of its own."""
    rows = []
    for year in range(2020, 2026):
        for place, size in (("Kajaani", 400), ("Raahe", 40)):
            rows.append(a_row(year, place, aloituspaikatLkm=size))
            rows.append(
                a_row(year, place, kaikkiHakijatLkm=5 * size + year - 2020, ensisijaisetHakijatLkm=2 * size)
            )
            rows.append(a_row(year, place, valintatapajononTyyppi="Todistusvalinta", kaikkiHakijatLkm=7))
    return rows


@pytest.fixture
def bench(tmp_path: Path, _sqlite_template: Path) -> Iterator[Bench]:
    """On rows small enough to be added up by hand."""
    service = vipunen.Vipunen({NAME: vipunen.Resource(dict.fromkeys(FIELDS, "string"), the_rows())})
    yield from opened(service, tmp_path / "home", _sqlite_template)


def test_sums_reach_the_dashboard_by_teaching_place_with_what_belongs_to_them(bench: Bench) -> None:
    row = bench.collect()
    assert (row.state, row.calls) == ("fetched", 3), row.message
    assert bench.series("kamk_applicants")["2025"] == (2012, "")
    assert bench.series("kamk_applicants", "other")["2025"] == (212, "")
    assert bench.series("kamk_study_places")["2020"] == (400, "")
    assert bench.series("kamk_primary_applicants_per_place", "other")["2025"] == (2, "")
    facts = bench.rows(
        "SELECT DISTINCT area_level, area_name_fi, unit, source, dataset_id, labels, is_proxy, status"
        " FROM dashboard_series WHERE indicator_id = 'kamk_applicants'"
    )
    assert facts == [
        (
            "institution",
            "Kajaanin ammattikorkeakoulu",
            "applicants",
            "vipunen",
            APPLICANTS,
            "verified",
            0,
            "final",
        )
    ]


def test_the_same_again_asks_for_one_row_and_stores_nothing(bench: Bench) -> None:
    bench.collect()
    before = bench.rows("SELECT count(*) FROM vintage")
    row = bench.collect()
    assert (row.state, row.calls) == ("unchanged", 1)
    assert "limit=1&" in bench.stand_in.requests[-1].path
    assert bench.rows("SELECT count(*) FROM vintage") == before


def test_a_hidden_part_makes_its_sum_unknown_and_says_so(bench: Bench, tmp_path: Path) -> None:
    bench.resource.rows.append(a_row(2025, "Kajaani", ensisijaisetHakijatLkm="1-4"))
    assert bench.collect().state == "fetched"
    assert bench.series("kamk_primary_applicants_per_place")["2025"][0] is None
    assert bench.series("kamk_primary_applicants_per_place")["2024"] == (2, "")
    assert bench.series("kamk_applicants")["2025"] == (2012, "")
    stored = bench.rows("SELECT value, symbol FROM vintage WHERE symbol <> ''")
    assert (None, "...") in stored
    assert bench.replayed(tmp_path / "again.db") == ()


def test_a_new_year_is_shown_once_it_is_over_and_never_in_part(bench: Bench, tmp_path: Path) -> None:
    bench.collect()
    bench.renew("2026-06-01", a_row(2026, "Kajaani", aloituspaikatLkm=300, kaikkiHakijatLkm=900))
    row = bench.collect()
    assert (row.state, row.counts.written) == ("fetched", 0), row.message
    bench.renew(
        "2026-09-01",
        a_row(2026, "Kajaani", aloituspaikatLkm=102, kaikkiHakijatLkm=1116, ensisijaisetHakijatLkm=810),
    )
    assert bench.collect().counts.written == 0
    bench.renew("2027-03-01")
    row = bench.collect()
    assert (row.state, row.counts.revised) == ("fetched", 0), row.message
    assert bench.series("kamk_applicants")["2026"] == (2016, "")
    assert bench.series("kamk_study_places", "other")["2026"] == (0, "")
    assert bench.replayed(tmp_path / "again.db") == ()


def test_a_renewal_without_other_figures_stores_nothing(bench: Bench) -> None:
    bench.collect()
    before = bench.rows("SELECT count(*) FROM vintage")
    bench.renew("2026-09-01")
    assert bench.collect().calls == 4
    assert bench.rows("SELECT count(*) FROM vintage") == before
    assert bench.collect().calls == 1


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ("a field renamed", "lacks the field 'kaikkiHakijatLkm' (it has 'hakijatLkm'"),
        ("a closed resource", "401: the resource is not open to everybody"),
        ("another name of the institution", "there are no rows with korkeakoulu"),
        ("another name of the town", "no row has 'Kajaani' for the class place=kajaani"),
        ("another count", "the data changed meanwhile"),
        ("another text", "stands for a count"),
    ],
)
def test_what_the_source_changed_fails_in_one_line_and_the_last_good_figures_are_served(
    bench: Bench, change: str, word: str
) -> None:
    bench.collect()
    bench.renew("2026-09-01")
    resource, rows = bench.resource, bench.resource.rows
    match change:
        case "a field renamed":
            resource.fields["hakijatLkm"] = resource.fields.pop("kaikkiHakijatLkm")
        case "a closed resource":
            resource.restricted = True
        case "another name of the institution":
            resource.rows = [one | {"korkeakoulu": "KAMK"} for one in rows]
        case "another name of the town":
            resource.rows = [one | {"kuntaHakukohde": "Kajaanin kaupunki"} for one in rows]
        case "another count":
            bench.service.counts_off = 1
        case "another text":
            resource.rows = [one | {"kaikkiHakijatLkm": "n. 5"} for one in rows]
    row = bench.collect()
    assert row.state == "failed" and word in row.message and "\n" not in row.message
    assert row.message.startswith(f"{APPLICANTS}: ")
    assert bench.series("kamk_applicants")["2025"] == (2012, "")


def test_a_year_that_is_gone_holds_the_answer_back(bench: Bench, tmp_path: Path) -> None:
    bench.collect()
    bench.resource.rows = [one for one in bench.resource.rows if one["koulutuksenAlkamisvuosi"] != 2022]
    bench.renew("2026-09-01")
    assert bench.collect().state == "quarantined"
    assert bench.series("kamk_applicants")["2022"] == (2009, "")
    assert bench.replayed(tmp_path / "again.db") == ()


def test_figures_ten_times_as_large_are_held_back(bench: Bench) -> None:
    bench.collect()
    bench.resource.rows = [
        one | {"aloituspaikatLkm": one["aloituspaikatLkm"] and one["aloituspaikatLkm"] * 10}
        for one in bench.resource.rows
    ]
    bench.renew("2026-09-01")
    assert bench.collect().state == "quarantined"
    assert bench.series("kamk_study_places")["2025"] == (400, "")


@pytest.mark.parametrize("kind", ["html_200", "403_page", "invalid_utf8", "redirect"])
@pytest.mark.parametrize("place", [f"/{NAME}", "/data/count", "/data?"])
def test_a_bad_answer_stores_nothing_and_is_made_good_by_the_next_run(
    bench: Bench, kind: str, place: str
) -> None:
    bench.stand_in.misbehave(kind, path=place, times=None)
    row = bench.collect()
    assert row.state == "failed" and "\n" not in row.message and row.message.startswith("vipunen/")
    assert bench.rows("SELECT count(*) FROM vintage") == [(0,)]
    bench.stand_in.behave()
    assert bench.collect().state == "fetched"


def test_every_indicator_of_vipunen_has_figures_on_made_up_rows(
    tmp_path: Path, _sqlite_template: Path
) -> None:
    service = vipunen.synthetic(load_catalogue())
    for bench in opened(service, tmp_path / "home", _sqlite_template, synthetic=True):
        row = bench.collect()
        assert row.state == "fetched", row.message
        for indicator in bench.pipeline.catalogue.indicators_of(APPLICANTS):
            for place in ("kajaani", "other"):
                newest = max(bench.series(indicator.id, place).items())
                assert newest[1][0], (indicator.id, place)
        found = bench.rows("SELECT DISTINCT indicator_id, is_synthetic FROM dashboard_series")
        assert sorted(found) == [(one, 1) for one in sorted(INDICATORS)]
