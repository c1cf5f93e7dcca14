"""Digitraffic's trains by week: whole weeks only, each train once, and of each day only what passes the station."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import digitraffic_rail as rail
from connectors.http import AnswerError
from connectors.pxweb import Limits
from demo.digitraffic_rail import DigitrafficRail, Train
from demo.stand_in import StandIn
from models.catalogue import load_catalogue
from models.document import Answer, as_documents
from models.errors import SourceError
from models.reading import Reading

QUICK = Limits(100_000, 100_000, 1.0)
CATALOGUE = load_catalogue()
DATASET = CATALOGUE.datasets["digitraffic_rail/departures"]
AREAS = CATALOGUE.areas_for(DATASET)
TODAY = date(2027, 1, 15)  # the session's clock stands at noon of it, a Friday
MONDAY = date(2027, 1, 4)
DAY = "Long-distance"


@pytest.fixture
def service() -> DigitrafficRail:
    """Four trains a day call at Kajaani, one more at weekends, a commuter train elsewhere."""
    return DigitrafficRail(
        timetable=[
            *(Train(number, DAY, "IC", ("HKI", "KAJ", "OL")) for number in (61, 62, 63, 64)),
            Train(265, DAY, "PYO", ("HKI", "KAJ"), frozenset({6, 7})),
            Train(8000, "Commuter", "HL", ("HKI", "ILR")),
        ],
        stations={
            "KAJ": ("Kajaani", True),
            "HKI": ("Helsinki asema", True),
            "ILR": ("Ilmala ratapiha", False),
        },
        today=lambda: TODAY,
    )


@pytest.fixture
def stand_in(service: DigitrafficRail) -> Iterator[StandIn]:
    with StandIn({}, services={rail.SOURCE: service}, calls=100_000) as running:
        yield running
    assert running.errors == []


@pytest.fixture
def fetched(stand_in: StandIn, open_session: Callable[..., Any]) -> Callable[[], list[Answer]]:
    url = stand_in.urls[rail.SOURCE]

    def fetch() -> list[Answer]:
        session = open_session(url)
        try:
            rail.fetch(DATASET, AREAS, url, session.http, QUICK)
        finally:
            kept: list[Answer] = session.kept
        return kept

    return fetch


def counts(answers: Sequence[Answer]) -> dict[str, float]:
    frame = rail.read(DATASET, AREAS, as_documents(answers)).table.frame
    assert set(frame["area"].astype("str")) == {"KAJ"}
    return dict(zip(frame["period"].astype("str"), frame["value"], strict=True))


# --- what is asked and kept -------------------------------------------------------------------------------


def test_stations_then_fourteen_days_of_the_last_two_whole_weeks_are_asked_with_the_programs_name(
    fetched: Any, stand_in: StandIn
) -> None:
    answers = fetched()
    assert answers[0].url.endswith("/metadata/stations")
    days = [one.url.rpartition("/")[2] for one in answers[1:]]
    assert days == [(date(2026, 12, 28) + timedelta(days=n)).isoformat() for n in range(14)]
    for call in stand_in.requests:
        headers = {name.lower(): value for name, value in call.headers.items()}
        assert headers["digitraffic-user"] == "mittaristo"
        assert "gzip" in headers["accept-encoding"]


@pytest.mark.parametrize(
    ("today", "mondays"),
    [
        (date(2027, 1, 10), [date(2026, 12, 21), date(2026, 12, 28)]),  # a Sunday: its week is not over
        (date(2027, 1, 11), [date(2026, 12, 28), date(2027, 1, 4)]),
        (date(2027, 1, 17), [date(2026, 12, 28), date(2027, 1, 4)]),
    ],
)
def test_a_week_counts_from_the_monday_after_it(today: date, mondays: list[date]) -> None:
    assert rail.last_weeks(today, 2) == mondays


def test_of_a_day_only_trains_at_the_station_are_kept_with_their_rows_there(fetched: Any) -> None:
    kept = orjson.loads(fetched()[1].body)
    assert (kept["date"], kept["stations"], kept["trains_of_the_day"]) == ("2026-12-28", ["KAJ"], 5)
    assert [one["trainNumber"] for one in kept["trains"]] == [61, 62, 63, 64]
    rows = kept["trains"][0]["timeTableRows"]
    assert [(row["stationShortCode"], row["type"]) for row in rows] == [
        ("KAJ", "ARRIVAL"),
        ("KAJ", "DEPARTURE"),
    ]
    assert "actualTime" not in rows[0]


def test_the_same_trains_make_the_same_bytes_in_whatever_order_they_come(service: DigitrafficRail) -> None:
    trains = list(service.trains(MONDAY))
    one, other = (rail.reduced(orjson.dumps(some), MONDAY, ["KAJ"]) for some in (trains, trains[::-1]))
    assert one == other


# --- what is counted --------------------------------------------------------------------------------------


def test_each_train_counts_once_in_the_week_of_its_departure(fetched: Any) -> None:
    assert counts(fetched()) == {"2026W53": 30, "2027W01": 30}


def test_cancelled_trains_and_cancelled_stops_are_left_out(fetched: Any, service: DigitrafficRail) -> None:
    service.cancelled.add((61, MONDAY))
    service.cancelled_stops.add((62, MONDAY, "KAJ"))
    service.cancelled_stops.add((63, MONDAY, "OL"))
    assert counts(fetched()) == {"2026W53": 30, "2027W01": 28}


def test_trains_that_pass_or_stop_for_no_passengers_or_carry_cargo_are_left_out(
    fetched: Any, service: DigitrafficRail
) -> None:
    at = ("HKI", "KAJ", "OL")
    service.timetable += [
        Train(91, DAY, "IC", at, passing=frozenset({"KAJ"})),
        Train(92, DAY, "IC", at, technical=frozenset({"KAJ"})),
        Train(93, "Cargo", "T", at),
        Train(94, DAY, "IC", ("HKI", "OL")),
    ]
    assert counts(fetched()) == {"2026W53": 30, "2027W01": 30}


def test_a_week_in_which_all_was_cancelled_is_zero_and_not_unknown(
    fetched: Any, service: DigitrafficRail
) -> None:
    service.cancelled |= {
        (one.number, MONDAY + timedelta(days=n)) for one in service.timetable for n in range(7)
    }
    assert counts(fetched()) == {"2026W53": 30, "2027W01": 0}


@pytest.mark.parametrize("gone", [1, 14])
def test_a_week_counts_only_with_all_of_its_days(fetched: Any, gone: int) -> None:
    answers = fetched()
    answers[gone] = replace(answers[gone], status=500, error="500")
    assert "1 of the 14 days are not among the kept answers" in said(lambda: counts(answers))
    assert "7 of the 14 days" in said(lambda: counts(fetched()[:8]))


def test_of_a_day_that_was_kept_twice_the_newest_counts(fetched: Any, service: DigitrafficRail) -> None:
    answers = fetched()
    service.cancelled.add((61, MONDAY))
    later = [replace(one, fetched_at=one.fetched_at + timedelta(hours=1)) for one in fetched()]
    assert counts([*later, *answers])["2027W01"] == 29


# --- what is not as expected ------------------------------------------------------------------------------


def said(call: Callable[[], object]) -> str:
    with pytest.raises(SourceError) as error:
        call()
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("stations", "words"),
    [
        ({"KJI": ("Kajaani", True)}, "none of the 1 stations has the code 'KAJ'"),
        ({"KAJ": ("Kajaani tavara", False)}, "'KAJ' is 'Kajaani tavara', which has no passenger traffic"),
        ({}, "no list with something in it"),
    ],
)
def test_an_unknown_station_ends_the_fetch_before_any_day_is_asked(
    fetched: Any, service: DigitrafficRail, stand_in: StandIn, stations: Any, words: str
) -> None:
    service.stations = stations
    assert words in said(fetched)
    assert len(stand_in.requests) == 1


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("departureDate", "date", "has a train of 'None'; it is not what was asked"),
        ("timeTableRows", "rows", "a train without timeTableRows"),
        ("trainCategory", "category", "has 'nothing' as trainCategory, not a str"),
        ("trainStopping", "stopping", "has 'nothing' as trainStopping, not a bool"),
        ("commercialStop", "commercial", "none of the stops at KAJ in 2026W53 says commercialStop"),
        ("stationShortCode", "code", "none of the"),
    ],
)
def test_a_renamed_field_is_said_and_never_read_as_no_trains(
    fetched: Any, service: DigitrafficRail, old: str, new: str, words: str
) -> None:
    service.renamed[old] = new
    assert words in said(lambda: counts(fetched()))


def test_a_renamed_category_is_said_with_those_that_are_there(fetched: Any, service: DigitrafficRail) -> None:
    service.timetable = [replace(one, category="LongDistance") for one in service.timetable]
    assert "no train at KAJ in 2026W53 is of the category 'Long-distance', there are 'LongDistance'" in said(
        lambda: counts(fetched())
    )


def test_a_day_without_any_train_in_the_country_is_not_believed(
    fetched: Any, service: DigitrafficRail
) -> None:
    service.lost.add(MONDAY)
    assert "no train at all on 2027-01-04" in said(fetched)


@pytest.mark.parametrize(
    "kind", ["403_page", "500", "html_200", "redirect", "wrong_content_type", "cut_body"]
)
@pytest.mark.parametrize("where", ["stations", "trains/2027-01-05"])
def test_a_bad_answer_ends_in_one_line_and_no_day_is_made_up(
    fetched: Any, stand_in: StandIn, kind: str, where: str
) -> None:
    stand_in.misbehave(kind, path=where, times=None)
    with pytest.raises(AnswerError) as error:
        fetched()
    assert "\n" not in str(error.value)


@given(
    st.binary(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["departureDate", "timeTableRows", "stationShortCode", "trainNumber", "date"]
                ),
                inner,
            )
        ),
        max_leaves=12,
    ).map(orjson.dumps)
)
def test_any_answer_is_reduced_and_read_or_refused_in_one_line(body: bytes) -> None:
    answer = Answer(
        rail.SOURCE, DATASET.id, "data", "GET", f"https://x/trains/{MONDAY}", b"", 200, "application/json", body,
        datetime(2027, 1, 12, tzinfo=UTC), datetime(2027, 1, 12, tzinfo=UTC),
    )  # fmt: skip
    station = orjson.dumps([{"stationShortCode": "KAJ", "passengerTraffic": True}])
    stations = replace(answer, kind="metadata", url="https://x/metadata/stations", body=station)

    def read() -> Reading:
        return rail.read(DATASET, AREAS, as_documents([stations, answer]))

    for call in (
        lambda: rail.reduced(body, MONDAY, ["KAJ"]),
        lambda: rail.check_stations(body, ["KAJ"]),
        read,
    ):
        try:
            call()
        except SourceError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({**DATASET.request, "weeks": 0}, "'weeks' must be between 1 and 20"),
        ({**DATASET.request, "weeks": True}, "'weeks' must be a whole number"),
        ({**DATASET.request, "stations": {}}, "'stations' is empty"),
        ({"stations": {"KAJ": "KAJ"}, "weeks": 1}, "'train_category' is missing"),
    ],
)
def test_a_wrong_entry_is_one_line_with_dataset_and_key(request_: dict[str, Any], words: str) -> None:
    assert words in said(lambda: rail.read(replace(DATASET, request=request_), AREAS, []))
