"""Digitraffic on the stand-in: gzip or 406, stations, trains of days that passed."""

import gzip
import json
from datetime import date

import pytest

from demo.digitraffic_rail import synthetic
from demo.service import Asked
from models.catalogue import load_catalogue

TODAY = date(2026, 11, 24)


@pytest.fixture(scope="module")
def service():
    made = synthetic(load_catalogue())
    made.today = lambda: TODAY
    return made


def call(service, *path: str, method: str = "GET", encoding: str = "gzip, deflate"):
    told = service.answer(Asked(method, path, {}, b"", {"accept-encoding": encoding}, "http://127.0.0.1/x"))
    body = gzip.decompress(told.body) if told.headers.get("Content-Encoding") == "gzip" else told.body
    return told.status, json.loads(body)


def test_who_does_not_take_gzip_gets_406(service) -> None:
    assert call(service, "metadata", "stations", encoding="identity")[0] == 406


def test_the_stations_of_the_catalogue_are_there_with_passenger_traffic(service) -> None:
    status, stations = call(service, "metadata", "stations")
    assert status == 200
    by_code = {one["stationShortCode"]: one for one in stations}
    assert by_code["KAJ"]["passengerTraffic"] is True
    assert by_code["ILR"]["passengerTraffic"] is False


def test_a_day_has_all_trains_that_leave_on_it_wherever_they_go(service) -> None:
    status, trains = call(service, "trains", "2026-11-20")
    assert status == 200
    assert {one["departureDate"] for one in trains} == {"2026-11-20"}
    assert {one["trainCategory"] for one in trains} == {"Commuter", "Long-distance", "Cargo"}
    rows = [row for one in trains for row in one["timeTableRows"]]
    assert {row["stationShortCode"] for row in rows} > {"KAJ", "HKI"}
    assert all(("commercialStop" in row) == row["trainStopping"] for row in rows), "said of stops only"


@pytest.mark.parametrize(
    ("day", "answer"),
    [("2026-11-25", (200, [])), ("2024-11-01", (200, [])), ("2026-11-31", None), ("x", None)],
)
def test_days_to_come_or_long_gone_are_empty_and_what_is_no_day_is_400(service, day, answer) -> None:
    status, body = call(service, "trains", day)
    assert (status, body) == answer if answer else status == 400


@pytest.mark.parametrize(
    ("path", "method"),
    [(("trains",), "GET"), (("live-trains", "station", "KAJ"), "GET"), (("metadata", "stations"), "POST")],
)
def test_anything_else_is_not_found(service, path, method) -> None:
    assert call(service, *path, method=method)[0] == 404
