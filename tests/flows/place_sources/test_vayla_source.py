"""Road projects and rail plans of the moment, from Väylävirasto's layers to the dashboard views."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from demo.vayla import PLANS, ROADS, Vayla

pytestmark = pytest.mark.long  # the whole way of a source, seconds each

PROJECTS, RAIL = "vayla/tiehankkeet", "vayla/ratasuunnitelmat"
COST, COUNT, PLAN_COUNT = "state_road_projects_cost", "state_road_projects", "rail_plans_savo_line"


def quarter() -> str:
    now = datetime.now(UTC).astimezone(ZoneInfo("Europe/Helsinki"))
    return f"{now.year}Q{(now.month + 2) // 3}"


def project(name: str, road: object, cost: object = None) -> dict[str, object]:
    return {"nimi": name, "tieosoite": road, "kustannusarvio": cost, "aloitus": "2020", "lopetus": "2099"}


@pytest.fixture
def service():
    return Vayla(
        {
            ROADS: [
                project("Juva", "5/201/0-5/203/1200", 12_000_000),
                project("Silta", "Vt 6"),
                project("Muu", "4/1/0"),
            ],
            PLANS: [
                {"nimi": "Kouvola-Kuopio", "vaihe": "Ratasuunnitelma"},
                {"nimi": "Savon rata", "vaihe": "Esiselvitys"},
                {"nimi": "Tampere-Pori", "vaihe": "Esiselvitys"},
            ],
        }
    )


@pytest.fixture
def bench(source_bench, service):
    return source_bench("vayla", service)


def test_projects_and_plans_reach_the_dashboard_with_level_unit_source_and_labels(bench) -> None:
    for dataset in (PROJECTS, RAIL):
        row = bench.collect(dataset)
        assert (row.state, row.calls, row.message) == ("fetched", 2, "")
    now = quarter()
    assert bench.values(COST, "VT5") == {("", now): 12_000_000}
    assert bench.values(COST, "VT22") == {("", now): 0}
    assert bench.values(COST, "VT6") == {("", now): None}
    assert [bench.values(COUNT, road) for road in ("VT5", "VT6", "VT22")] == [
        {("", now): n} for n in (1, 1, 0)
    ]
    assert bench.values(PLAN_COUNT, "SAVON_RATA") == {("Esiselvitys", now): 1, ("Ratasuunnitelma", now): 1}
    for indicator, level, unit in ((COST, "road", "EUR"), (PLAN_COUNT, "line", "plans")):
        wanted = {
            "area_level": level,
            "unit": unit,
            "source": "vayla",
            "labels": "partly",
            "frequency": "quarterly",
        }
        for row in bench.series(indicator):
            assert {name: row[name] for name in wanted} == wanted


def test_the_same_layer_again_is_unchanged_though_the_server_tells_another_time(bench) -> None:
    bench.collect(PROJECTS)
    row = bench.collect(PROJECTS)
    assert (row.state, row.calls) == ("unchanged", 2)


def test_a_project_that_ended_and_a_plan_that_went_on_are_revisions_of_the_quarter(bench, service) -> None:
    bench.collect(PROJECTS)
    bench.collect(RAIL)
    del service.layers[ROADS][0]
    service.layers[PLANS][1]["vaihe"] = "Yleissuunnitelma"
    assert [bench.collect(one).state for one in (PROJECTS, RAIL)] == ["fetched", "fetched"]
    now = quarter()
    assert bench.values(COUNT, "VT5") == {("", now): 0}
    assert bench.values(PLAN_COUNT, "SAVON_RATA") == {
        ("Esiselvitys", now): 0,
        ("Ratasuunnitelma", now): 1,
        ("Yleissuunnitelma", now): 1,
    }


def test_a_layer_without_any_estimate_still_counts_projects_and_says_so(bench, service) -> None:
    for one in service.layers[ROADS]:
        one["kustannusarvio"] = None
    row = bench.collect(PROJECTS)
    assert row.state == "fetched"
    assert bench.values(COUNT, "VT5") == {("", quarter()): 1}
    assert bench.values(COST, "VT5") == {("", quarter()): None}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda one: one.fields[ROADS].remove("tieosoite"), "has no field 'tieosoite'"),
        (lambda one: one.layers[ROADS].append(project("Uusi", "5 tai 6")), "is in no known form"),
        (lambda one: one.layers[ROADS].append(project("Uusi", 5, "paljon")), "no amount in EUR"),
        (lambda one: one.layers.pop(ROADS), "400"),
    ],
)
def test_what_changed_its_form_fails_in_one_line_and_the_last_good_is_served(
    bench, service, change, said
) -> None:
    bench.collect(PROJECTS)
    change(service)
    row = bench.collect(PROJECTS)
    assert (row.state, said in row.message, "\n" in row.message) == ("failed", True, False)
    assert bench.values(COST, "VT5") == {("", quarter()): 12_000_000}


def test_a_replay_gives_the_same_warehouse(bench, service, tmp_path) -> None:
    bench.collect(RAIL)
    service.layers[PLANS][1]["vaihe"] = "Yleissuunnitelma"
    bench.collect(RAIL)
    bench.collect(PROJECTS)
    service.most, service.paging = 2, False
    assert bench.collect(PROJECTS).state == "failed"
    assert bench.replayed(tmp_path) == ()
