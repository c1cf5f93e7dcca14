"""Trains of the last two weeks from Digitraffic's days to the dashboard views."""

from datetime import UTC, date, datetime, timedelta

import pytest

from demo.digitraffic_rail import DigitrafficRail, Train

pytestmark = pytest.mark.long  # the whole way of a source, seconds each

DATASET = "digitraffic_rail/departures"
INDICATOR = "passenger_trains_per_week"
CATEGORY = "Long-distance"


def last_monday() -> date:
    today = datetime.now(UTC).date()
    return today - timedelta(days=today.weekday() + 7)


def week_of(monday: date) -> str:
    iso = monday.isocalendar()
    return f"{iso.year}W{iso.week:02d}"


@pytest.fixture
def service():
    return DigitrafficRail(
        timetable=[
            Train(number, CATEGORY, "IC", ("HKI", "KAJ", "OL")) for number in (61, 62, 63, 64, 65, 66)
        ],
        stations={"KAJ": ("Kajaani", True)},
        # the days of the week just over are there at whatever hour of the night this runs
        today=lambda: datetime.now(UTC).date() + timedelta(days=1),
    )


@pytest.fixture
def bench(source_bench, service):
    return source_bench("digitraffic_rail", service)


def test_two_weeks_reach_the_dashboard_with_level_unit_source_and_labels(bench) -> None:
    row = bench.collect(DATASET)
    assert (row.state, row.calls) == ("fetched", 15)
    monday = last_monday()
    weeks = [week_of(monday - timedelta(weeks=1)), week_of(monday)]
    assert bench.values(INDICATOR, "KAJ") == {("", week): 42 for week in weeks}
    newest = bench.series(INDICATOR)[-1]
    wanted = {"area_level": "station", "unit": "trains", "source": "digitraffic_rail", "labels": "assumed"}
    assert {name: newest[name] for name in wanted} == wanted
    assert (newest["frequency"], newest["status"]) == ("weekly", "final")


def test_the_same_days_again_are_unchanged(bench) -> None:
    bench.collect(DATASET)
    row = bench.collect(DATASET)
    assert (row.state, row.calls) == ("unchanged", 15)


def test_a_train_cancelled_afterwards_is_a_revision(bench, service) -> None:
    bench.collect(DATASET)
    service.cancelled.add((61, last_monday()))
    row = bench.collect(DATASET)
    assert (row.state, row.counts.revised) == ("fetched", 1)
    assert bench.values(INDICATOR, "KAJ")["", week_of(last_monday())] == 41


def test_a_renamed_field_fails_and_the_last_good_is_served(bench, service) -> None:
    bench.collect(DATASET)
    service.renamed["trainStopping"] = "stopping"
    row = bench.collect(DATASET)
    assert row.state == "failed"
    assert "as trainStopping" in row.message
    assert "\n" not in row.message
    assert set(bench.values(INDICATOR, "KAJ").values()) == {42}


def test_a_day_that_is_not_to_be_had_fails_the_collection_and_the_next_makes_it_good(bench) -> None:
    bench.stand_in.misbehave("500", path=f"trains/{last_monday()}", times=None)
    row = bench.collect(DATASET)
    assert row.state == "failed"
    assert bench.series(INDICATOR) == []
    bench.stand_in.behave()
    assert bench.collect(DATASET).state == "fetched"


def test_a_replay_gives_the_same_warehouse(bench, service, tmp_path) -> None:
    bench.collect(DATASET)
    service.cancelled.add((61, last_monday()))
    bench.collect(DATASET)
    service.lost.add(last_monday())
    assert bench.collect(DATASET).state == "failed"
    assert bench.replayed(tmp_path) == ()
