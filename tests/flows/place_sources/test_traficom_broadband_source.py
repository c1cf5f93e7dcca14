"""Traficom's broadband file from the page to the dashboard views, edition by edition."""

import pytest

from demo.traficom_broadband import named, synthetic

pytestmark = pytest.mark.long  # the whole way of a source, seconds each

DATASET = "traficom_broadband/availability"
INDICATOR = "broadband_100m_availability"


@pytest.fixture
def service(catalogue):
    made = synthetic(catalogue)
    made.municipalities[named(made, "Kajaani")] = (0.9, 0.815, 0.7, 0.6)
    made.regions[named(made, "Kainuu")] = (0.8, 0.62, 0.5, 0.35)
    made.country = (0.9, 0.73, 0.6, 0.5)
    return made


@pytest.fixture
def bench(source_bench, service):
    return source_bench("traficom_broadband", service)


def edition(service, day: str) -> None:
    service.title = f"Kiinteän verkon laajakaistasaatavuus {day}"


def test_the_shares_reach_the_dashboard_as_per_cents_with_level_unit_source_and_labels(bench) -> None:
    row = bench.collect(DATASET)
    assert (row.state, row.calls, row.message) == ("fetched", 2, "")
    rows = {one["area_code"]: one for one in bench.series(INDICATOR)}
    assert {code: one["value"] for code, one in rows.items() if code in ("KU205", "MK18", "SSS")} == {
        "KU205": pytest.approx(81.5),
        "MK18": pytest.approx(62),
        "SSS": pytest.approx(73),
    }
    assert len(rows) == 19, "the country, Kainuu, its municipalities and the peers"
    kajaani = rows["KU205"]
    assert {
        name: kajaani[name] for name in ("area_level", "unit", "source", "labels", "period", "status")
    } == {
        "area_level": "municipality",
        "unit": "% of households",
        "source": "traficom_broadband",
        "labels": "partly",
        "period": "2025",
        "status": "final",
    }
    assert kajaani["is_proxy"]
    assert rows["MK18"]["area_level"] == "region"


def test_the_same_file_again_is_unchanged_and_costs_the_page_and_the_file(bench) -> None:
    bench.collect(DATASET)
    row = bench.collect(DATASET)
    assert (row.state, row.calls) == ("unchanged", 2)
    assert len(bench.vintages(INDICATOR)) == 19


def test_every_edition_is_kept_and_earlier_years_stay_when_the_file_is_replaced(bench, service) -> None:
    bench.collect(DATASET)
    edition(service, "30.6.2026")
    service.municipalities[named(service, "Kajaani")] = (0.9, 0.84, 0.7, 0.6)
    assert bench.collect(DATASET).state == "fetched"
    assert bench.values(INDICATOR, "KU205") == {
        ("", "2025"): pytest.approx(81.5),
        ("", "2026"): pytest.approx(84),
    }
    statuses = {
        one["period"]: one["status"] for one in bench.series(INDICATOR) if one["area_code"] == "KU205"
    }
    assert statuses == {"2025": "final", "2026": "preliminary"}
    kept = [one for one in bench.pipeline.raw.documents(dataset_id=DATASET) if one.kind == "data"]
    assert len({one.sha256 for one in kept}) == 2


def test_a_corrected_edition_becomes_a_vintage(bench, service) -> None:
    bench.collect(DATASET)
    service.municipalities[named(service, "Kajaani")] = (0.9, 0.82, 0.7, 0.6)
    row = bench.collect(DATASET)
    assert (row.state, row.counts.revised) == ("fetched", 1)
    values = [one["value"] for one in bench.vintages(INDICATOR) if one["area_code"] == "KU205"]
    assert sorted(values) == [pytest.approx(81.5), pytest.approx(82)]


def test_a_municipality_that_left_the_file_is_held_back_and_its_last_figure_is_served(bench, service) -> None:
    bench.collect(DATASET)
    del service.municipalities[named(service, "Kuhmo")]
    row = bench.collect(DATASET)
    assert row.state == "quarantined"
    assert "KU290" in row.message
    assert bench.state(DATASET) == "quarantined"
    assert bench.values(INDICATOR, "KU205") == {("", "2025"): pytest.approx(81.5)}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda one: setattr(one, "speeds", (">=30", ">=200", ">=300", ">=1000")), "'>=100'"),
        (lambda one: setattr(one, "header", ("Kunta", "Kommun", "Municipality")), "correct 'area_column'"),
        (lambda one: setattr(one, "title", "Kiinteän verkon laajakaistasaatavuus"), "no date in the title"),
        (lambda one: setattr(one, "file", b"PK\x03\x04 cut"), "no whole ODS spreadsheet"),
        (lambda one: setattr(one, "country", (90.0, 73.0, 60.0, 50.0)), "not a fraction"),
    ],
)
def test_what_is_renamed_or_broken_fails_in_one_line_and_the_last_good_is_served(
    bench, service, change, said
) -> None:
    bench.collect(DATASET)
    change(service)
    row = bench.collect(DATASET)
    assert row.state == "failed"
    assert said in row.message
    assert row.message.startswith(DATASET)
    assert "\n" not in row.message
    assert bench.values(INDICATOR, "KU205") == {("", "2025"): pytest.approx(81.5)}


@pytest.mark.parametrize("kind", ["500", "html_200", "cut_body", "invalid_utf8"])
def test_a_bad_answer_stores_nothing(bench, kind) -> None:
    bench.stand_in.misbehave(kind, path=".ods", times=None)
    row = bench.collect(DATASET)
    assert row.state == "failed"
    assert "\n" not in row.message
    assert bench.series(INDICATOR) == []
    bench.stand_in.behave()
    assert bench.collect(DATASET).state == "fetched"


def test_a_replay_gives_the_same_warehouse(bench, service, tmp_path) -> None:
    bench.collect(DATASET)
    edition(service, "30.6.2026")
    bench.collect(DATASET)
    service.title = "?"
    bench.collect(DATASET)
    assert bench.replayed(tmp_path) == ()
