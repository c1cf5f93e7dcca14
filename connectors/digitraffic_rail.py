"""Fintraffic's Digitraffic, rail: the long-distance trains that call at a station, by week.

The service has no count of past weeks and no list of a station's past trains, only `trains/{date}`: all trains of
the country that left on a day, many megabytes, some two years back. Of such an answer only what touches our stations
is kept (see reduced), as the whole would be gigabytes a year; how many trains there were in all is kept with it. So
each collection asks the days of the last complete weeks (Monday to Sunday) alone. `metadata/stations` confirms the
codes of the stations each time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import orjson
import pandas as pd

from connectors.asked import finnish_day, good_documents, json_of, named, request_of
from connectors.cells import quoted
from connectors.cube import cube
from connectors.http import Http
from connectors.limiter import RateLimits
from connectors.pxweb import OWN_MAX_CELLS, Limits
from connectors.unchecked import release as release
from connectors.unchecked import release_query as release_query
from models.area import Area
from models.dataset import Dataset
from models.document import Document
from models.errors import SourceError
from models.reading import Reading
from models.recode import KnownCodes
from models.resolution import Overrides

SOURCE = "digitraffic_rail"
LIMITS = RateLimits(calls=50, window_seconds=60.0)  # 60 a minute are allowed without the header, more with it
HEADERS: Mapping[str, str] = {
    "Digitraffic-User": "mittaristo"
}  # a program's name: no personal data belongs there
MAX_DAY_BYTES = 64 * 1024 * 1024
MOST_WEEKS = 20
_DAYS = 7
_DAY_URL = re.compile(r"/trains/([0-9]{4}-[0-9]{2}-[0-9]{2})$")
_TRAIN = ("trainNumber", "departureDate", "trainCategory", "trainType", "cancelled", "deleted")
_ROW = ("stationShortCode", "type", "trainStopping", "commercialStop", "cancelled", "scheduledTime")


def config(base_url: str, http: Http) -> Limits:
    """The pace to keep; nothing is asked, the documentation tells it."""
    return Limits(OWN_MAX_CELLS, LIMITS.calls, LIMITS.window_seconds)


def fetch(
    dataset: Dataset,
    areas: Sequence[Area],
    base_url: str,
    http: Http,
    limits: Limits,
    overrides: Overrides | None = None,
    known: KnownCodes | None = None,
) -> None:
    """Ask for the stations, then for each day of the last complete weeks; all answers go to the session's `keep`.

    What they are is reckoned from the time of the first answer. Raises SourceError for a station the service does not
    know, and at the first day that is not to be had.
    """
    request = _request(dataset)
    base = base_url.rstrip("/")
    with named(dataset):
        stations = http.send(
            source=SOURCE,
            dataset_id=dataset.id,
            kind="metadata",
            method="GET",
            url=f"{base}/metadata/stations",
            limits=limits.rate,
            headers=HEADERS,
        )
        codes = request["stations"].values()
        check_stations(stations.body, codes)
        for day in days_of(last_weeks(finnish_day(stations.fetched_at), request["weeks"])):
            http.send(
                source=SOURCE,
                dataset_id=dataset.id,
                kind="data",
                method="GET",
                url=f"{base}/trains/{day}",
                max_bytes=MAX_DAY_BYTES,
                limits=limits.rate,
                headers=HEADERS,
                reduce=reducing(day, codes),
            )


def read(
    dataset: Dataset,
    areas: Sequence[Area],
    documents: Sequence[tuple[Document, bytes]],
    overrides: Overrides | None = None,
    known: KnownCodes | None = None,
) -> Reading:
    """Trains by week, for the weeks that were asked; pure.

    A train counts once, in the week of its departure from where it starts. Raises SourceError, one line, also where
    a day of these weeks was not to be had.
    """
    request = _request(dataset)
    with named(dataset):
        described = good_documents(dataset, documents, "metadata")
        if not described:
            raise SourceError("no good list of stations among the kept answers; fetch it again")
        check_stations(described[-1][1], request["stations"].values())
        days = {}
        for document, body in good_documents(dataset, documents):
            day = _day_of(document)
            days[day] = _kept_trains(body, day, request["stations"].values())
        mondays = last_weeks(finnish_day(described[-1][0].fetched_at), request["weeks"])
        lacking = [day for day in days_of(mondays) if day not in days]
        if lacking:
            raise SourceError(
                f"{len(lacking)} of the {_DAYS * len(mondays)} days are not among the kept answers, the first is "
                f"{lacking[0]}; a week counts only with all of its days: fetch it again"
            )
        weeks = {
            week_of(monday): [train for day in days_of([monday]) for train in days[day]] for monday in mondays
        }
        rows = []
        for area in areas:
            code = request["stations"].get(area.code)
            if code is None:
                continue
            rows += [
                (area.code, week, float(_calling(code, request["train_category"], week, trains)))
                for week, trains in weeks.items()
            ]
    frame = pd.DataFrame(rows, columns=["area", "period", "value"])
    return cube(
        dataset,
        areas,
        frame.assign(content=dataset.content_choices[0].key, symbol=""),
        absent="null",
        updated=None,
        unknown_areas={
            area.code: "the catalogue names no station code for it under 'stations'"
            for area in areas
            if area.code not in request["stations"]
        },
    )


def _request(dataset: Dataset) -> Mapping[str, Any]:
    """The entry's `request`: station codes by our areas, the category of trains, how many weeks are asked."""
    request = request_of(dataset, {"stations": (dict,), "train_category": (str,), "weeks": (int,)})
    if not 1 <= request["weeks"] <= MOST_WEEKS:
        raise SourceError(f"dataset '{dataset.id}': request: 'weeks' must be between 1 and {MOST_WEEKS}")
    if len(dataset.content_choices) != 1:
        raise SourceError(f"dataset '{dataset.id}': it has one content, the number of trains")
    return request


# --- weeks ------------------------------------------------------------------------------------------------


def last_weeks(today: date, count: int) -> list[date]:
    """The Mondays of the last `count` weeks that ended before `today`, oldest first."""
    monday = today - timedelta(days=today.weekday())
    return [monday - timedelta(weeks=back) for back in range(count, 0, -1)]


def days_of(mondays: Iterable[date]) -> list[date]:
    """The seven days of each week."""
    return [monday + timedelta(days=day) for monday in mondays for day in range(_DAYS)]


def week_of(monday: date) -> str:
    """The code of the week that begins on this day."""
    iso = monday.isocalendar()
    return f"{iso.year:04d}W{iso.week:02d}"


# --- answers ----------------------------------------------------------------------------------------------


def check_stations(body: bytes, codes: Collection[str]) -> None:
    """Raise SourceError unless the list of stations has every code, as a station with passenger traffic."""
    stations = json_of(body, "the list of stations")
    if not isinstance(stations, list) or not stations:
        raise SourceError("the list of stations is no list with something in it; the service has changed")
    by_code = {
        one["stationShortCode"]: one
        for one in stations
        if isinstance(one, dict) and isinstance(one.get("stationShortCode"), str)
    }
    for code in codes:
        if code not in by_code:
            raise SourceError(
                f"none of the {len(by_code)} stations has the code {quoted(code)}; look it up and correct 'stations'"
            )
        if by_code[code].get("passengerTraffic") is not True:
            name = quoted(by_code[code].get("stationName", ""))
            raise SourceError(f"{quoted(code)} is {name}, which has no passenger traffic; correct 'stations'")


def reducing(day: date, codes: Collection[str]) -> Callable[[bytes], bytes]:
    """What makes of the answer of a day what is kept of it (see reduced)."""
    return lambda body: reduced(body, day, codes)


def reduced(body: bytes, day: date, codes: Collection[str]) -> bytes:
    """Of all trains of `day` those that pass the stations `codes`, with their rows there and the fields we read.

    `trains_of_the_day` is how many there were. Raises SourceError for anything that is no list of trains of that
    day, also for an empty one: on no day there was no train in the whole country.
    """
    trains = json_of(body, f"the answer for {day}")
    if not isinstance(trains, list) or not all(isinstance(one, dict) for one in trains):
        raise SourceError(f"the answer for {day} is no list of trains; the service has changed")
    if not trains:
        raise SourceError(
            f"the service has no train at all on {day}; that day is too long ago, or not in yet"
        )
    wanted, kept = frozenset(codes), []
    for train in trains:
        if train.get("departureDate") != day.isoformat():
            said = quoted(train.get("departureDate"))
            raise SourceError(f"the answer for {day} has a train of {said}; it is not what was asked")
        rows = train.get("timeTableRows")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise SourceError(
                f"the answer for {day} has a train without timeTableRows; the service has changed"
            )
        here = [row for row in rows if str(row.get("stationShortCode")) in wanted]
        if here:
            kept.append(
                {name: train[name] for name in _TRAIN if name in train}
                | {"timeTableRows": [{name: row[name] for name in _ROW if name in row} for row in here]}
            )
    document = {
        "date": day.isoformat(),
        "stations": sorted(wanted),
        "trains_of_the_day": len(trains),
        "trains": sorted(kept, key=lambda one: str(one.get("trainNumber"))),
    }
    return orjson.dumps(document)


def _day_of(document: Document) -> date:
    found = _DAY_URL.search(document.url)
    try:
        if found is not None:
            return date.fromisoformat(found[1])
    except ValueError:
        pass
    raise SourceError(f"{document.url} asks for no day; the raw store has another form than this version")


def _kept_trains(body: bytes, day: date, codes: Collection[str]) -> list[Mapping[str, Any]]:
    """The trains in what was kept of a day, each with the fields that are counted by."""
    document = json_of(body, f"what was kept of {day}")
    if not isinstance(document, dict) or document.get("date") != day.isoformat():
        raise SourceError(f"what was kept of {day} is not of that day; fetch it again")
    held = document.get("stations")
    if not isinstance(held, list) or not set(codes) <= set(map(str, held)):
        raise SourceError(
            f"what was kept of {day} is of the stations {quoted(held, 80)}, not of {', '.join(codes)}; fetch it again"
        )
    trains = document.get("trains")
    if not isinstance(trains, list):
        raise SourceError(f"what was kept of {day} has no trains; fetch it again")
    for train in trains:
        _check_train(train, day)
    return trains


def _check_train(train: Any, day: date) -> None:
    """Raise SourceError where a field that is counted by is not there, or of another kind."""
    kinds: Mapping[str, type] = {
        "trainNumber": int,
        "departureDate": str,
        "trainCategory": str,
        "cancelled": bool,
        "timeTableRows": list,
    }
    row_kinds: Mapping[str, type] = {"stationShortCode": str, "trainStopping": bool, "cancelled": bool}
    if not isinstance(train, dict):
        raise SourceError(f"a train of {day} is {quoted(train)}; the service has changed")
    rows = train.get("timeTableRows")
    for fields, one in [
        (kinds, train),
        *((row_kinds, row) for row in (rows if isinstance(rows, list) else ())),
    ]:
        for name, kind in fields.items():
            if not isinstance(one, dict) or not isinstance(one.get(name), kind):
                said = one.get(name, "nothing") if isinstance(one, dict) else one
                raise SourceError(
                    f"a train of {day} has {quoted(said)} as {name}, not a {kind.__name__}; the service has changed"
                )


def _calling(code: str, category: str, week: str, trains: Sequence[Mapping[str, Any]]) -> int:
    """How many different trains of the category stop there for passengers, none of them cancelled."""
    here = [
        (train, [row for row in train["timeTableRows"] if row["stationShortCode"] == code])
        for train in trains
    ]
    here = [(train, rows) for train, rows in here if rows]
    categories = sorted({train["trainCategory"] for train, _ in here})
    if here and category not in categories:
        raise SourceError(
            f"no train at {code} in {week} is of the category {quoted(category)}, there are "
            f"{', '.join(map(quoted, categories))}; correct 'train_category'"
        )
    stops = [
        row
        for train, rows in here
        for row in rows
        if train["trainCategory"] == category and row["trainStopping"]
    ]
    if stops and not any("commercialStop" in row for row in stops):
        raise SourceError(
            f"none of the stops at {code} in {week} says commercialStop; the service has changed"
        )
    return len(
        {
            (train["trainNumber"], train["departureDate"])
            for train, rows in here
            if train["trainCategory"] == category
            and not train["cancelled"]
            and train.get("deleted") is not True
            and any(
                row["trainStopping"] and row.get("commercialStop") is True and not row["cancelled"]
                for row in rows
            )
        }
    )
