"""Digitraffic's rail service on the stand-in: stations, and all trains of a day, made by a weekly timetable.

It answers for any day of the last two years and not beyond today, as the real service does with days that passed; it
asks for gzip. There are no real trains in it.
"""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import orjson

from demo.service import JSON, Asked, Told
from models.catalogue import Catalogue

DAYS_BACK = 720


@dataclass(frozen=True)
class Train:
    """A train of the timetable: where it stops, and on which weekdays (1 is Monday) it leaves."""

    number: int
    category: str
    type: str
    stations: tuple[str, ...]
    weekdays: frozenset[int] = frozenset(range(1, 8))
    passing: frozenset[str] = frozenset()  # of its stations those it does not stop at
    technical: frozenset[str] = frozenset()  # those it stops at, though not for passengers


def _utc_today() -> date:
    return datetime.now(UTC).date()


@dataclass
class DigitrafficRail:
    """The service. `cancelled` holds (number, day) of whole trains, `cancelled_stops` (number, day, station).

    `stations` maps code → (name, whether passengers use it); `renamed` gives fields of trains and rows other names.
    """

    timetable: list[Train]
    stations: dict[str, tuple[str, bool]]
    cancelled: set[tuple[int, date]] = field(default_factory=set)
    cancelled_stops: set[tuple[int, date, str]] = field(default_factory=set)
    lost: set[date] = field(default_factory=set)  # days on which it has no trains
    renamed: dict[str, str] = field(default_factory=dict)
    today: Callable[[], date] = _utc_today
    path: str = field(default="rata.digitraffic.fi/api/v1")

    def answer(self, asked: Asked) -> Told:
        """Stations, or trains of a day; 406 to who does not take gzip, 404 for anything else."""
        if "gzip" not in asked.headers.get("accept-encoding", ""):
            return Told(406, JSON, orjson.dumps({"error": "Use of gzip compression is required"}))
        match (asked.method, asked.path):
            case ("GET", ("metadata", "stations")):
                return _packed([self._station(code) for code in self.stations])
            case ("GET", ("trains", day)):
                try:
                    asked_for = date.fromisoformat(day)
                except ValueError:
                    return Told(400, JSON, orjson.dumps({"status": 400, "error": "Bad Request"}))
                return _packed(list(self.trains(asked_for)))
        return Told(404, JSON, orjson.dumps({"status": 404, "error": "Not Found"}))

    def trains(self, day: date) -> Iterator[dict[str, Any]]:
        """All trains that leave on `day`, as the service writes them."""
        if day in self.lost or not timedelta(0) <= self.today() - day <= timedelta(days=DAYS_BACK):
            return
        for train in self.timetable:
            if day.isoweekday() in train.weekdays:
                yield self._written(self._train(train, day))

    def _train(self, train: Train, day: date) -> dict[str, Any]:
        gone = (train.number, day) in self.cancelled
        return {
            "trainNumber": train.number,
            "departureDate": day.isoformat(),
            "operatorUICCode": 10,
            "operatorShortCode": "vr",
            "trainType": train.type,
            "trainCategory": train.category,
            "commuterLineID": "",
            "runningCurrently": False,
            "cancelled": gone,
            "version": 290_000_000_000 + train.number,
            "timetableType": "REGULAR",
            "timetableAcceptanceDate": "2026-05-08T10:55:08.000Z",
            "timeTableRows": [self._written(row) for row in self._rows(train, day, gone)],
        }

    def _rows(self, train: Train, day: date, gone: bool) -> Iterator[dict[str, Any]]:
        leaves = datetime.combine(day, time(6 + train.number % 12), UTC)
        for place, code in enumerate(train.stations):
            kinds = ["ARRIVAL"] if place else []
            kinds += ["DEPARTURE"] if place < len(train.stations) - 1 else []
            for kind in kinds:
                moment = leaves + timedelta(minutes=45 * place + (kind == "DEPARTURE"))
                stopping = code not in train.passing
                row: dict[str, Any] = {
                    "stationShortCode": code,
                    "stationUICCode": 100 + len(code),
                    "countryCode": "FI",
                    "type": kind,
                    "trainStopping": stopping,
                }
                if stopping:  # said of stops only
                    row |= {"commercialStop": code not in train.technical, "commercialTrack": "1"}
                yield row | {
                    "cancelled": gone or (train.number, day, code) in self.cancelled_stops,
                    "scheduledTime": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                    "actualTime": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                    "differenceInMinutes": 0,
                    "causes": [],
                }

    def _station(self, code: str) -> dict[str, Any]:
        name, passengers = self.stations[code]
        return self._written(
            {
                "passengerTraffic": passengers,
                "type": "STATION",
                "stationName": name,
                "stationShortCode": code,
                "stationUICCode": 100 + len(code),
                "countryCode": "FI",
                "longitude": 25.0,
                "latitude": 62.0,
            }
        )

    def _written(self, one: dict[str, Any]) -> dict[str, Any]:
        return {self.renamed.get(name, name): value for name, value in one.items()}


def _packed(document: object) -> Told:
    return Told(200, JSON, gzip.compress(orjson.dumps(document), 1, mtime=0), {"Content-Encoding": "gzip"})


def synthetic(catalogue: Catalogue, seed: int = 1) -> DigitrafficRail:
    """A made timetable: trains that call at every station of the catalogue, pass it, or carry cargo; and others."""
    chance = random.Random(seed)  # noqa: S311
    ours = [one for one in catalogue.areas.others if one.level == "station"]
    stations = {"HKI": ("Helsinki asema", True), "OL": ("Oulu asema", True), "KON": ("Kontiomäki", True)}
    stations |= {"ILR": ("Ilmala ratapiha", False), "KVN": ("Kouvola tavara", False)}
    timetable = [Train(8000 + n, "Commuter", "HL", ("HKI", "ILR")) for n in range(40)]
    for at, area in enumerate(ours):
        stations[area.code] = (area.name_fi, True)
        daily = chance.randint(5, 7)
        first = 60 + 100 * at
        timetable += [Train(first + n, "Long-distance", "IC", ("HKI", area.code, "OL")) for n in range(daily)]
        timetable += [
            Train(first + 50, "Long-distance", "PYO", ("HKI", area.code), frozenset({5, 7})),
            Train(
                first + 60, "Long-distance", "IC", ("HKI", area.code, "OL"), passing=frozenset({area.code})
            ),
            Train(
                first + 61, "Long-distance", "IC", ("HKI", area.code, "OL"), technical=frozenset({area.code})
            ),
            Train(5000 + first, "Cargo", "T", ("KVN", area.code, "KON")),
        ]
    return DigitrafficRail(timetable=timetable, stations=stations)
