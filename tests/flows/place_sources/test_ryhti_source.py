"""Permits and wooden buildings from Ryhti to the dashboard views, Kainuu summed over its municipalities."""

from datetime import UTC, date, datetime, timedelta

import pytest

from demo.ryhti import BUILDINGS, PERMITS, Ryhti, building, permit

pytestmark = pytest.mark.long  # the whole way of a source, seconds each

GRANTED, COMPLETED = "ryhti/avoimet_lupa_rakennukset", "ryhti/avoimet_rakennukset"
PERMIT_COUNT, WOODEN = "building_permits_kajaani", "wooden_buildings_completed"
NEW = "Uusi rakennus"


def last_month() -> date:
    return (datetime.now(UTC).date().replace(day=1) - timedelta(days=15)).replace(day=15)


def code_of(day: date) -> str:
    return f"{day.year}M{day.month:02d}"


@pytest.fixture
def service(catalogue):
    """Each municipality has one permit in the first month, Kajaani three more last month."""
    municipalities = [area.code[2:] for area in catalogue.areas_for(GRANTED)]
    permits = [permit(code, "2022-01-15", NEW, f"LP-{code}") for code in municipalities]
    permits += [permit("205", last_month(), NEW, f"LP-2{n}") for n in range(3)]
    permits.append(permit("205", last_month(), "Laajentaminen", "LP-3"))
    buildings = [building(code, "2023-05-01", "Puu", "Kerrostalo") for code in municipalities]
    buildings.append(building("205", "2023-06-01", "Puu", "Julkinen rakennus"))
    return Ryhti({PERMITS: permits, BUILDINGS: buildings})


@pytest.fixture
def bench(source_bench, service):
    return source_bench("ryhti", service)


def test_permits_reach_the_dashboard_by_work_with_level_unit_source_and_labels(bench) -> None:
    row = bench.collect(GRANTED)
    assert (row.state, row.calls) == ("fetched", 18)
    kajaani = bench.values(PERMIT_COUNT, "KU205")
    assert (kajaani[NEW, code_of(last_month())], kajaani["Laajentaminen", code_of(last_month())]) == (3, 1)
    assert (kajaani[NEW, "2022M01"], kajaani[NEW, "2022M02"]) == (1, 0)
    assert bench.values(PERMIT_COUNT, "MK18")[NEW, "2022M01"] == 8, "Kainuu has eight municipalities"
    newest = [one for one in bench.series(PERMIT_COUNT) if one["area_code"] == "KU205"][-1]
    wanted = {"area_level": "municipality", "unit": "permits", "source": "ryhti", "labels": "partly"}
    assert {name: newest[name] for name in wanted} == wanted
    assert (newest["status"], newest["is_proxy"]) == ("preliminary", True)


def test_wooden_buildings_reach_the_dashboard_by_year(bench) -> None:
    row = bench.collect(COMPLETED)
    assert row.state == "fetched"
    assert bench.values(WOODEN, "KU205")["", "2023"] == 2
    assert bench.values(WOODEN, "MK18")["", "2023"] == 9
    assert bench.values(WOODEN, "KU205")["", "2022"] == 0


def test_the_same_rows_again_are_unchanged_and_late_permits_are_revisions(bench, service) -> None:
    bench.collect(GRANTED)
    row = bench.collect(GRANTED)
    assert (row.state, row.calls) == ("unchanged", 18)
    service.collections[PERMITS].append(permit("205", last_month(), NEW, "LP-9"))
    row = bench.collect(GRANTED)
    assert (row.state, row.counts.revised) == ("fetched", 1)
    assert bench.values(PERMIT_COUNT, "KU205")[NEW, code_of(last_month())] == 4


def test_a_municipality_that_reports_nothing_leaves_the_region_unknown_and_is_said(bench, service) -> None:
    service.collections[PERMITS] = [
        one for one in service.collections[PERMITS] if one["kuntanumero"] != "290"
    ]
    row = bench.collect(GRANTED)
    assert row.state == "fetched"
    assert "no figures for 1 of the 17 areas asked (KU290)" in row.message
    assert bench.values(PERMIT_COUNT, "MK18") == {}
    assert bench.values(PERMIT_COUNT, "KU205")[NEW, "2022M01"] == 1


def test_a_work_that_was_renamed_is_held_back_and_the_last_good_is_served(bench, service) -> None:
    bench.collect(GRANTED)
    for one in service.collections[PERMITS]:
        if one["toimenpiteen_laji"] == NEW:
            one["toimenpiteen_laji"] = "Uudisrakentaminen"
    row = bench.collect(GRANTED)
    assert row.state == "quarantined"
    assert bench.values(PERMIT_COUNT, "KU205")[NEW, code_of(last_month())] == 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda one: setattr(one, "heeds_filter", False), "the filter was not heeded"),
        (lambda one: one.collections.pop(PERMITS), "has no collection"),
        (lambda one: one.collections[PERMITS][0].pop("toimenpiteen_laji"), "no field 'toimenpiteen_laji'"),
    ],
)
def test_what_cannot_be_trusted_fails_in_one_line_and_the_last_good_is_served(
    bench, service, change, said
) -> None:
    bench.collect(GRANTED)
    change(service)
    row = bench.collect(GRANTED)
    assert (row.state, said in row.message, "\n" in row.message) == ("failed", True, False)
    assert bench.values(PERMIT_COUNT, "KU205")[NEW, code_of(last_month())] == 3


def test_a_replay_gives_the_same_warehouse(bench, service, tmp_path) -> None:
    bench.collect(GRANTED)
    service.collections[PERMITS].append(permit("205", last_month(), NEW, "LP-9"))
    bench.collect(GRANTED)
    bench.collect(COMPLETED)
    bench.stand_in.misbehave("500", path="kuntanumero='290'", times=None)
    assert bench.collect(COMPLETED).state == "failed"
    assert bench.replayed(tmp_path) == ()
