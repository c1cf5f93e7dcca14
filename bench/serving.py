"""What dashboards wait for, on a warehouse of 10,000,000 vintages of 2,000,000 observations in 10,000 series.

It is filled inside the database, by a query that multiplies series, periods and times, not by our loader. The
verdicts' sentences are those of real verdicts on made-up series, so that the texts have their real length.
"""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import Connection, Engine, TextClause, insert, text

from bench.databases import KINDS, Databases
from bench.frames import months
from bench.measure import Figure, Goal, Scale, percentile_ms
from bench.storing import NAMES, settle
from bench.verdicts import observations_to_judge
from models.catalogue import load_catalogue
from models.judge import verdict_frame
from models.period import parse_period
from warehouse import read, tables
from warehouse.catalogue import sync
from warehouse.engine import reading, writing
from warehouse.keys import indicator_owner, period_number, year_before_number
from warehouse.times import time_text

START = datetime(2025, 1, 1, tzinfo=UTC)
LEVELS = 100  # areas of each indicator

_VINTAGES = """
INSERT INTO vintage (owner_no, series_id, period_no, recorded_at, load_id, value, symbol, status, change_class)
SELECT s.owner_no, s.series_id, p.period_no, l.recorded_at, l.load_id,
       s.series_id * 10.5 + (p.period_no / 10) % 1000 + l.load_id % 5, '', 'final',
       CASE WHEN l.recorded_at = :first THEN 'new' ELSE 'revised' END
FROM series s CROSS JOIN period p JOIN load l ON l.owner_no = s.owner_no
ORDER BY s.owner_no, s.series_id, p.period_no, l.recorded_at"""

_OBSERVATIONS = """
INSERT INTO observation
    (owner_no, series_id, period_no, load_id, recorded_at, value, vintages, symbol, status, change_class)
SELECT owner_no, series_id, period_no, load_id, recorded_at, value, :vintages, symbol, status, change_class
FROM vintage WHERE recorded_at = :last ORDER BY owner_no, series_id, period_no"""


def figures(scale: Scale, places: Databases) -> Iterator[Figure]:
    for kind in KINDS:
        with places.warehouse(kind) as engine:
            started = time.perf_counter()
            areas_of = fill(engine, scale)
            filled = time.perf_counter() - started
            yield from _asked(
                scale, engine, areas_of, f"filled in {filled:.0f} s, {_bytes(engine) / 2**20:,.0f} MB"
            )


def _bytes(engine: Engine) -> int:
    asked = "SELECT pg_database_size(current_database())"
    if engine.dialect.name == "sqlite":
        asked = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    with engine.connect() as connection:
        return int(connection.execute(text(asked)).scalar_one())


def fill(engine: Engine, scale: Scale) -> list[tuple[str, str]]:
    """Fills the warehouse; the indicator and area of each series."""
    catalogue = load_catalogue()
    codes = months(scale.periods)
    made = [START + timedelta(days=30 * number) for number in range(scale.vintages)]
    chosen = list(catalogue.indicators.values())[: max(1, scale.series // LEVELS)]
    areas = [f"X{number:04d}" for number in range(scale.series // len(chosen))]
    of_series = [(one.id, area) for one in chosen for area in areas]
    with writing(engine) as connection:
        sync(connection, catalogue)
        _many(connection, tables.Area, [_area(code) for code in areas])
        _many(connection, tables.Period, [_period(code) for code in codes])
        owners = [_owner(number, one.id) for number, one in enumerate(chosen, 1)]
        _many(connection, tables.Owner, owners)
        number_of = {one["indicator_id"]: one["owner_no"] for one in owners}
        _many(
            connection,
            tables.Series,
            [
                {
                    "series_id": place,
                    "owner_no": number_of[one],
                    "area_code": area,
                    "content": "",
                    "classes": "",
                }
                for place, (one, area) in enumerate(of_series, 1)
            ],
        )
        _many(
            connection,
            tables.Load,
            [
                _load((owner - 1) * scale.vintages + place, owner, at)
                for owner in number_of.values()
                for place, at in enumerate(made, 1)
            ],
        )
        _many(connection, tables.Latest, _latest(of_series, codes, made[-1], scale, number_of))
        times = {"first": made[0], "last": made[-1]}
        if engine.dialect.name == "sqlite":
            times = {name: time_text(at) for name, at in times.items()}  # type: ignore[misc]
        connection.execute(text(_VINTAGES), {"first": times["first"]})
        connection.execute(text(_OBSERVATIONS), {"last": times["last"], "vintages": scale.vintages})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE" if engine.dialect.name == "postgresql" else "ANALYZE"))
    settle(engine)
    return of_series


def _many(connection: Connection, table: type[tables.Table], rows: list[dict[str, object]]) -> None:
    connection.execute(insert(tables.table_of(table)), rows)


def _area(code: str) -> dict[str, object]:
    names = {f"name_{one}": f"Kunta {code}" for one in ("fi", "sv", "en")}
    return {"area_code": code, "level": "municipality", "role": "other", "is_retired": False, **names}


def _period(code: str) -> dict[str, object]:
    period = parse_period(code)
    return {
        "period_no": period_number(code),
        "code": code,
        "period_start": period.start,
        "period_end": period.end,
        "frequency": period.frequency,
        "year_before_no": year_before_number(code),
    }


def _owner(number: int, indicator_id: str) -> dict[str, object]:
    return {
        "owner_no": number,
        "owner": indicator_owner(indicator_id),
        "dataset_id": None,
        "indicator_id": indicator_id,
        "last_recorded_at": START,
    }


def _load(number: int, owner: int, at: datetime) -> dict[str, object]:
    return {
        "load_id": number,
        "owner_no": owner,
        "run_id": "run",
        "collection_id": "collection",
        "recorded_at": at,
        "source_updated_at": at,
        "is_synthetic": True,
    }


def _latest(
    of_series: list[tuple[str, str]],
    codes: list[str],
    at: datetime,
    scale: Scale,
    number_of: dict[str, int],
) -> list[dict[str, object]]:
    catalogue = load_catalogue()
    judged = verdict_frame(observations_to_judge(catalogue, 200), catalogue).to_dict("records")
    texts = ("verdict", "reason_fi", "reason_sv", "reason_en", "beside_fi", "beside_sv", "beside_en")
    rows: list[dict[str, object]] = []
    for place, (indicator_id, area) in enumerate(of_series, 1):
        one = judged[place % len(judged)]
        said: dict[str, object] = {name: one[name] or None for name in texts}
        rows.append(
            {
                "series_id": place,
                "indicator_id": indicator_id,
                "area_code": area,
                "class_code": "",
                "period": codes[-1],
                "value": place * 10.5,
                "symbol": "",
                "status": "final",
                "previous_period": codes[-2],
                "previous_value": place * 10.0,
                "year_before_period": codes[-13],
                "year_before_value": place * 9.5,
                "baseline_period": codes[0],
                "baseline_value": place * 9.0,
                "recorded_at": at,
                "load_id": number_of[indicator_id] * scale.vintages,
                "verdict_inputs": one["inputs"],
                **said,
            }
        )
    return rows


_SERIES = text("SELECT * FROM dashboard_series WHERE indicator_id = :indicator AND area_code = :area")
_LATEST = text("SELECT * FROM dashboard_latest")
# What a dashboard draws in one language: without the other languages' sentences and the figures behind the verdict.
_SHOWN = text(
    "SELECT indicator_id, name_fi, unit, direction, area_code, area_name_fi, area_level, class_code, period, value,"
    " symbol, status, previous_period, previous_value, year_before_period, year_before_value, baseline_period,"
    " baseline_value, verdict, reason_fi, freshness, next_expected, recorded_at, headline, is_proxy"
    " FROM dashboard_latest"
)


def _asked(scale: Scale, engine: Engine, of_series: list[tuple[str, str]], note: str) -> Iterator[Figure]:
    chance = random.Random(1)  # noqa: S311
    # Python's collector would go through this program's own libraries (170,000 objects, 100 ms) now and then.
    gc.collect()
    gc.freeze()
    picked = [chance.choice(of_series) for _ in range(scale.picks)]
    as_of = START + timedelta(days=75)
    name = NAMES[engine.dialect.name]
    with reading(engine) as connection:

        def series(indicator: str, area: str) -> None:
            rows = connection.execute(_SERIES, {"indicator": indicator, "area": area}).fetchall()
            assert len(rows) == scale.periods, len(rows)

        def latest(query: TextClause = _LATEST) -> None:
            rows = connection.execute(query).fetchall()
            assert len(rows) == len(of_series), len(rows)

        def past(indicator: str, area: str) -> None:
            frame = read.series(connection, indicator, area, as_of=as_of)
            assert len(frame) == scale.periods, len(frame)

        size = f"{len(of_series) * scale.periods * scale.vintages:,} vintages"
        times = max(20, scale.picks // 5)
        whole = f"dashboard_latest of {len(of_series):,} series"
        every: list[tuple[str, int | None, list[Callable[[], None]]]] = [
            ("one series from dashboard_series", 5, [partial(series, *one) for one in picked]),
            (f"whole {whole}", 100, [latest] * times),
            (f"{whole}, what is shown in one language", None, [partial(latest, _SHOWN)] * times),
            ("one series as of a date", 10, [partial(past, *one) for one in picked]),
        ]
        for what, bound, works in every:
            works[0]()
            p95 = percentile_ms(works)
            goal = None if bound is None else Goal("<=", bound, "ms")
            yield Figure(f"p95 at {size}, {name}", what, p95, goal, p95 / 1000, note=note)
