"""Random histories of loads, told to the store and to a plain model of what vintages mean; both must agree.

The model keeps for each observation the list of its states and knows nothing of tables or SQL.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from models.ledger import Counts
from models.period import year_before
from warehouse import read
from warehouse.engine import reading, writing
from warehouse.keys import indicator_owner
from warehouse.load import store

FrameOf = Callable[..., pd.DataFrame]
Key = tuple[str, str, str]  # area, class, period
START = datetime(2026, 1, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)
NUMBERS = itertools.count(1)

AREAS, CLASSES, PERIODS = ("KU205", "MK18"), ("", "b"), ("2024M12", "2025M11", "2025M12")
KEYS = st.tuples(st.sampled_from(AREAS), st.sampled_from(CLASSES), st.sampled_from(PERIODS))
FIGURES = st.sampled_from([0.0, -0.0, 1.0, 1.5, 0.1 + 0.2, 0.3])
CELLS = st.tuples(
    st.one_of(st.tuples(FIGURES, st.just("")), st.tuples(st.none(), st.sampled_from(["", ".", "..", "..."]))),
    st.sampled_from(["final", "final", "preliminary"]),
).map(lambda cell: (cell[0][0], cell[0][1], cell[1]))


@dataclass(frozen=True)
class Step:
    cells: dict[Key, Any]
    minutes: int
    withdraw: bool
    restated: bool
    again: bool  # the frame of the step before once more, whatever `cells` says


STEPS = st.lists(
    st.builds(
        Step,
        cells=st.dictionaries(KEYS, CELLS, max_size=12),
        minutes=st.sampled_from([-60, 0, 1, 1, 1, 60]),
        withdraw=st.booleans(),
        restated=st.booleans(),
        again=st.sampled_from([False, False, False, True]),
    ),
    min_size=1,
    max_size=7,
)


@dataclass
class Model:
    """The states of each observation in order: (recorded_at, change class, value, symbol, status)."""

    states: dict[Key, list[tuple[datetime, str, float | None, str, str]]] = field(default_factory=dict)
    newest: datetime | None = None

    def load(self, cells: dict[Key, Any], at: datetime, withdraw: bool, changed: str) -> Counts:
        if self.newest is not None and at <= self.newest:
            at = self.newest + TICK
        added: dict[Key, tuple[datetime, str, float | None, str, str]] = {}
        for key, (value, symbol, status) in cells.items():
            past = self.states.get(key)
            if past is None:
                kind = "new"
            elif past[-1][1] == "withdrawn":
                kind = "returned"
            elif past[-1][2] != value:
                kind = changed
            elif past[-1][3] != symbol:
                kind = "symbol"
            elif past[-1][4] != status:
                kind = "status"
            else:
                continue
            added[key] = (at, kind, value, symbol, status)
        if withdraw:
            for key, past in self.states.items():
                if key not in cells and past[-1][1] != "withdrawn":
                    added[key] = (at, "withdrawn", None, "", past[-1][4])
        for key, state in added.items():
            self.states.setdefault(key, []).append(state)
        if added:
            self.newest = at
        kinds = [state[1] for state in added.values()]
        new, withdrawn = kinds.count("new"), kinds.count("withdrawn")
        revised = len(kinds) - new - withdrawn
        return Counts(new=new, revised=revised, withdrawn=withdrawn, same=len(cells) - new - revised)

    def as_of(self, moment: datetime) -> dict[Key, tuple[str, float | None, str, str]]:
        known = {}
        for key, past in self.states.items():
            until = [state for state in past if state[0] <= moment]
            if until:
                known[key] = until[-1][1:]
        return known

    def latest(self, area: str, class_code: str) -> tuple[Any, ...] | None:
        now = self.as_of(datetime.max.replace(tzinfo=UTC))
        row = {key[2]: state for key, state in now.items() if key[:2] == (area, class_code)}
        figures = [period for period in PERIODS if period in row and row[period][1] is not None]
        marks = [period for period in PERIODS if period in row and row[period][2] != ""]
        if not figures:
            return (marks[-1], None, row[marks[-1]][2], None, None) if marks else None
        last, before = figures[-1], year_before(figures[-1])
        previous = row[figures[-2]][1] if len(figures) > 1 else None
        return (last, row[last][1], "", previous, row[before][1] if before in figures else None)


def plain(value: float) -> float | None:
    return None if math.isnan(value) else value


def known(
    engine: Engine, indicator: str, as_of: datetime | None
) -> dict[Key, tuple[str, float | None, str, str]]:
    found = {}
    with reading(engine) as connection:
        for area in AREAS:
            for row in read.series(connection, indicator, area, as_of=as_of).itertuples():
                found[(area, row.class_code, row.period)] = (
                    row.change_class,
                    plain(row.value),
                    row.symbol,
                    row.status,
                )
    return found


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_the_store_agrees_with_the_model_now_and_at_any_time(
    engine: Engine, frame_of: FrameOf, steps: list[Step]
) -> None:
    indicator = f"i{next(NUMBERS)}"
    owner = indicator_owner(indicator)
    model, at, before = Model(), START, dict[Key, Any]()
    for step in steps:
        at += timedelta(minutes=step.minutes)
        cells = before if step.again else step.cells
        before = cells
        rows = [(area, period, *cell, class_code) for (area, class_code, period), cell in cells.items()]
        with writing(engine) as connection:
            counts = store(
                connection,
                owner,
                frame_of(*rows, content=""),
                run_id="",
                collection_id="",
                recorded_at=at,
                source_updated_at=None,
                absent="withdraw" if step.withdraw else "keep",
                restated=AREAS if step.restated else (),
            )
        assert counts == model.load(cells, at, step.withdraw, "restated" if step.restated else "revised")

    moments = sorted({state[0] for past in model.states.values() for state in past})
    assert known(engine, indicator, None) == model.as_of(datetime.max.replace(tzinfo=UTC))
    for moment in [START - timedelta(days=1), *moments]:
        for instant in (moment - TICK, moment, moment + TICK):
            assert known(engine, indicator, instant) == model.as_of(instant)

    with reading(engine) as connection:
        for (area, class_code), past in itertools.groupby(sorted(model.states), key=lambda key: key[:2]):
            stored = read.vintages_of(connection, owner, "", class_code, area)
            expected = [(key[2], *state) for key in past for state in model.states[key]]
            assert [
                (row.period, row.recorded_at, row.change_class, plain(row.value), row.symbol, row.status)
                for row in stored.itertuples()
            ] == sorted(expected, key=lambda one: one[:2])
        query = text(
            "SELECT period, value, symbol, previous_value, year_before_value FROM latest "
            "WHERE indicator_id = :indicator AND area_code = :area AND class_code = :class_code"
        )
        for area, class_code in itertools.product(AREAS, CLASSES):
            found = connection.execute(
                query, {"indicator": indicator, "area": area, "class_code": class_code}
            ).one_or_none()
            assert (None if found is None else tuple(found)) == model.latest(area, class_code)
        check_that_observations_are_the_newest_vintages(connection, owner)


def check_that_observations_are_the_newest_vintages(connection: Any, owner: str) -> None:
    newest = text(
        "SELECT v.series_id, v.period_no, v.recorded_at, v.load_id, v.value, v.symbol, v.status, "
        "v.change_class, (SELECT count(*) FROM vintage c WHERE c.owner_no = v.owner_no "
        "AND c.series_id = v.series_id AND c.period_no = v.period_no) "
        "FROM vintage v JOIN owner o ON o.owner_no = v.owner_no "
        "WHERE o.owner = :owner AND NOT EXISTS (SELECT 1 FROM vintage n WHERE n.owner_no = v.owner_no "
        "AND n.series_id = v.series_id AND n.period_no = v.period_no AND n.recorded_at > v.recorded_at) "
        "ORDER BY 1, 2"
    )
    current = text(
        "SELECT series_id, period_no, recorded_at, load_id, value, symbol, status, change_class, vintages "
        "FROM observation v JOIN owner o ON o.owner_no = v.owner_no WHERE o.owner = :owner ORDER BY 1, 2"
    )
    rows = [list(map(tuple, connection.execute(query, {"owner": owner}))) for query in (newest, current)]
    assert rows[0] == rows[1]
