"""What was known at a time: an indicator's series as of any instant is its formula over what its inputs were then."""

import itertools
import json
import math
import os
import random
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from flows import cli
from flows.derive import derive
from models.catalogue import Catalogue, load_catalogue
from models.indicator import Indicator
from models.observation import OBSERVATION_COLUMNS, class_keys
from warehouse import read
from warehouse.engine import reading, writing
from warehouse.load import indicator_owner, store

START = datetime(2026, 1, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)
NUMBERS = itertools.count(1)
PERIODS = ("2022", "2023", "2024")

Cell = tuple[float | None, str, str]  # value, symbol, status
Key = tuple[str, str, str]  # name of the input, area, period


@dataclass(frozen=True)
class Case:
    """An indicator of the catalogue, and its formula written once more, by hand, over one area's cells."""

    indicator: str
    areas: tuple[str, str]
    reads: Mapping[str, tuple[int, ...]]  # input → how many periods back
    compute: Callable[..., float]


CASES = {
    "two datasets": Case(
        "rd_share_of_value_added",
        ("MK18", "SSS"),
        {"rd": (0,), "gva": (0,)},
        lambda rd, gva: 100 * rd / gva,
    ),
    "two contents, one of them also a year before": Case(
        "net_migration_per_1000",
        ("KU205", "SSS"),
        {"net": (0,), "pop": (0, 1)},
        lambda net, pop, before: 1000 * net / ((pop + before) / 2),
    ),
}

FIGURES = st.tuples(st.sampled_from([1.0, 2.0, 3.5, -4.0]), st.just(""))
MISSING = st.tuples(st.none(), st.sampled_from([".", "..."]))
CELLS = st.tuples(st.one_of(FIGURES, FIGURES, MISSING), st.sampled_from(["final", "preliminary"])).map(
    lambda one: (one[0][0], one[0][1], one[1])
)


@dataclass(frozen=True)
class Step:
    """A load of one input: what the source says now, and whether what it does not say is withdrawn."""

    of: int
    cells: dict[tuple[int, str], Cell]  # (which area, period)
    later: timedelta
    withdraw: bool


STEPS = st.lists(
    st.builds(
        Step,
        of=st.sampled_from([0, 1]),
        cells=st.dictionaries(
            st.tuples(st.sampled_from([0, 1]), st.sampled_from(PERIODS)), CELLS, max_size=6
        ),
        later=st.sampled_from([TICK, 2 * TICK, timedelta(hours=1), timedelta(days=40)]),
        withdraw=st.booleans(),
    ),
    min_size=2,
    max_size=7,
)


@dataclass
class Model:
    """What each input said from when on; None where it is withdrawn. It knows nothing of tables."""

    case: Case
    past: dict[Key, list[tuple[datetime, Cell | None]]] = field(default_factory=dict)

    def load(self, name: str, cells: Mapping[tuple[str, str], Cell], at: datetime, withdraw: bool) -> None:
        for (area, period), cell in cells.items():
            self.past.setdefault((name, area, period), []).append((at, cell))
        if withdraw:
            for (one, area, period), past in self.past.items():
                if one == name and (area, period) not in cells:
                    past.append((at, None))

    def known(self, key: Key, moment: datetime) -> Cell | None:
        until = [cell for at, cell in self.past.get(key, ()) if at <= moment]
        return until[-1] if until else None

    def as_of(self, area: str, moment: datetime) -> dict[str, Cell]:
        found: dict[str, Cell] = {}
        for period in PERIODS:
            cells = [
                self.known((name, area, str(int(period) - lag)), moment)
                for name, lags in self.case.reads.items()
                for lag in lags
            ]
            if any(cell is None for cell in cells):
                continue
            status = "preliminary" if any(cell[2] == "preliminary" for cell in cells) else "final"
            symbols = {cell[1] for cell in cells if cell[0] is None}
            if symbols:
                found[period] = (None, symbols.pop() if len(symbols) == 1 else "", status)
            else:
                found[period] = (finite(self.case.compute, *(cell[0] for cell in cells)), "", status)
        return found


def finite(compute: Callable[..., float], *figures: float) -> float | None:
    try:
        return compute(*figures)
    except ZeroDivisionError:
        return None


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def of_its_own(catalogue: Catalogue, case: Case) -> tuple[Catalogue, Indicator]:
    """The indicator, and the datasets that it reads, under ids that no other example has."""
    number = next(NUMBERS)
    indicator = catalogue.indicators[case.indicator]
    renamed = {one: f"{one}#as-of-{number}" for one in indicator.datasets}
    datasets = {new: replace(catalogue.datasets[old], id=new) for old, new in renamed.items()}
    inputs = {name: replace(one, dataset=renamed[one.dataset]) for name, one in indicator.inputs.items()}
    mine = replace(indicator, id=f"{indicator.id}_{number}", inputs=inputs)
    return replace(catalogue, datasets=datasets, indicators={mine.id: mine}), mine


def frame_of(content: str, classes: str, cells: Mapping[tuple[str, str], Cell]) -> pd.DataFrame:
    rows = [
        (content, classes, area, period, math.nan if value is None else value, symbol, status)
        for (area, period), (value, symbol, status) in cells.items()
    ]
    kinds = {name: "float64" if name == "value" else "category" for name in OBSERVATION_COLUMNS}
    return pd.DataFrame(rows, columns=list(OBSERVATION_COLUMNS)).astype(kinds)


def plain(frame: pd.DataFrame) -> dict[str, Cell]:
    return {
        row.period: (None if math.isnan(row.value) else row.value, row.symbol, row.status)
        for row in frame.itertuples()
        if row.change_class != "withdrawn"
    }


@pytest.mark.parametrize("which", CASES)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_at_every_instant_an_indicator_is_its_formula_over_its_inputs_as_they_were_known(
    engine: Engine, catalogue: Catalogue, which: str, steps: list[Step]
) -> None:
    case = CASES[which]
    mine, indicator = of_its_own(catalogue, case)
    names = list(case.reads)
    model, at, moments = Model(case), START, [START]
    told: dict[str, dict[tuple[str, str], Cell]] = {name: {} for name in names}
    for step in steps:
        at += step.later
        moments.append(at)
        name = names[step.of]
        one = indicator.inputs[name]
        cells = {(case.areas[area], period): cell for (area, period), cell in step.cells.items()}
        model.load(name, cells, at, step.withdraw)
        told[name] = cells if step.withdraw else told[name] | cells
        # what a dataset says is loaded whole: the contents that did not change with those that did
        loaded = [other for other in names if indicator.inputs[other].dataset == one.dataset]
        (key,) = class_keys(mine.datasets[one.dataset], one.classes)
        frames = [frame_of(indicator.inputs[other].content, key, told[other]) for other in loaded]
        with writing(engine) as connection:
            store(
                connection,
                one.dataset,
                joined(frames),
                run_id="",
                collection_id="",
                recorded_at=at,
                source_updated_at=None,
                absent="withdraw" if step.withdraw else "keep",
            )
            derive(
                connection,
                mine,
                [indicator],
                run_id="",
                collection_id="",
                recorded_at=at,
                source_updated_at=None,
                synthetic=False,
            )
    with reading(engine) as connection:
        for area in case.areas:
            for moment in moments:
                for instant in (moment - TICK, moment, moment + TICK):
                    found = read.series(connection, indicator.id, area, as_of=instant)
                    assert plain(found) == model.as_of(area, instant), (area, instant)
            assert plain(read.series(connection, indicator.id, area)) == model.as_of(area, at)
            check_chain(
                read.vintages_of(connection, indicator_owner(indicator.id), "", "", area).to_dict("records")
            )


def joined(frames: list[pd.DataFrame]) -> pd.DataFrame:
    if len(frames) == 1:
        return frames[0]
    texts = dict.fromkeys((name for name in OBSERVATION_COLUMNS if name != "value"), "str")
    whole = pd.concat([one.astype(texts) for one in frames if len(one)] or [frames[0].astype(texts)])
    return whole.astype(dict.fromkeys(texts, "category"))


def check_chain(rows: list[dict[str, Any]]) -> None:
    """Each vintage ends when the next begins, and the newest has not ended; no two say the same."""
    for _, one in itertools.groupby(rows, key=lambda row: row["period"]):
        states = list(one)
        begins = [row["recorded_at"] for row in states]
        ends = [None if pd.isna(row["superseded_at"]) else row["superseded_at"] for row in states]
        assert begins == sorted(set(begins))
        assert ends == [*begins[1:], None]
        assert states[0]["change_class"] == "new"
        for before, after in itertools.pairwise(states):
            same = all(
                before[name] == after[name]
                or (name == "value" and pd.isna(before[name]) and pd.isna(after[name]))
                for name in ("value", "symbol", "status")
            )
            assert not same or "withdrawn" in (before["change_class"], after["change_class"])


# --- through the views and the command line


RATE, INDICATOR = "statfin/tyonv/12tf", "unemployment_rate"


def load(bench, cells: Mapping[tuple[str, str], Cell], at: datetime, *, withdraw: bool = False) -> None:
    """A load of the unemployment rate, and the indicator that shows it."""
    catalogue = bench.pipeline.catalogue
    with writing(bench.pipeline.engine) as connection:
        given = {"run_id": "", "collection_id": "", "recorded_at": at, "source_updated_at": None}
        frame = frame_of("unemployment_rate", "", cells)
        store(connection, RATE, frame, absent="withdraw" if withdraw else "keep", **given)
        derive(connection, catalogue, [catalogue.indicators[INDICATOR]], synthetic=False, **given)


def test_the_chain_of_vintages_that_dashboards_see_has_no_gap_and_no_overlap(bench) -> None:
    chance = random.Random(4)  # noqa: S311 - figures, no secrets
    at, told = START, []
    for _ in range(25):
        cells = {
            (area, period): chance.choice(
                [(5.0, "", "final"), (6.5, "", "preliminary"), (None, "...", "final")]
            )
            for area in ("KU205", "MK18")
            for period in ("2026M01", "2026M02", "2026M03")
            if chance.random() < 0.8
        }
        at += chance.choice([TICK, timedelta(seconds=1), timedelta(days=30)])
        load(bench, cells, at, withdraw=chance.random() < 0.4)
        told.append(at)
    with reading(bench.pipeline.engine) as connection:
        vintages = read.view(connection, "dashboard_vintages")
        current = read.view(connection, "dashboard_series")
        as_of = {
            (moment, area): read.series(connection, INDICATOR, area, as_of=moment)
            for moment in told
            for area in ("KU205", "MK18")
        }
    assert len(vintages) > 60
    keys = ["indicator_id", "area_code", "class_code", "period"]
    for _, rows in vintages.groupby(keys):
        check_chain(rows.sort_values("recorded_at").to_dict("records"))
        assert set(rows["vintages"]) == {len(rows)}
    newest = vintages[vintages["superseded_at"].isna()]
    columns = [*keys, "value", "symbol", "status", "recorded_at", "change_class", "vintages"]
    pd.testing.assert_frame_equal(
        newest[columns].sort_values(keys, ignore_index=True),
        current[columns].sort_values(keys, ignore_index=True),
    )
    for (moment, area), found in as_of.items():  # the same rows as a dashboard picks that asks for a time
        then = vintages[
            (vintages["area_code"] == area)
            & (vintages["recorded_at"] <= moment)
            & (vintages["superseded_at"].isna() | (vintages["superseded_at"] > moment))
        ].sort_values("period", ignore_index=True)
        columns = ["class_code", "period", "value", "symbol", "status", "change_class", "recorded_at"]
        pd.testing.assert_frame_equal(found[columns], then[columns])


@pytest.fixture
def show(bench, monkeypatch, capsys) -> Callable[..., tuple[int, str, str]]:
    """`mittaristo show` of the unemployment rate, which was 12.0 from noon of 10 March and 12.4 from midnight on."""
    load(bench, {("KU205", "2026M01"): (12.0, "", "preliminary")}, datetime(2026, 3, 10, 12, tzinfo=UTC))
    load(
        bench,
        {("KU205", "2026M01"): (12.4, "", "final"), ("KU205", "2026M02"): (11.9, "", "final")},
        datetime(2026, 3, 11, 0, 0, 0, tzinfo=UTC),
    )
    for name in list(os.environ):
        if name.startswith("MITTARISTO_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(bench.pipeline.settings.home)
    monkeypatch.setenv("MITTARISTO_HOME", str(bench.pipeline.settings.home))
    monkeypatch.setenv("MITTARISTO_DATABASE_URL", bench.pipeline.settings.database_url)
    monkeypatch.setattr("flows.pipeline.load_catalogue", lambda folder: bench.pipeline.catalogue)

    def called(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mittaristo", "show", INDICATOR, *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        printed = capsys.readouterr()
        return int(end.value.code or 0), printed.out, printed.err

    return called


def test_a_series_is_shown_as_of_a_date_an_instant_and_in_any_time_zone(show) -> None:
    before, first = {}, {"2026M01": 12.0}
    both = {"2026M01": 12.4, "2026M02": 11.9}
    for moment, expected in (
        ("2026-03-09", before),  # before the first load
        ("1970-01-01", before),
        ("2026-03-10", first),  # the last moment of the day, in UTC
        ("2026-03-11", both),
        ("2026-03-10T11:59:59.999999", before),
        ("2026-03-10T12:00:00", first),  # exactly when it was stored, in UTC where no zone is named
        ("2026-03-10T12:00:00Z", first),
        ("2026-03-10T14:00:00+02:00", first),
        ("2026-03-10T13:59:59+02:00", before),
        ("2026-03-10T23:59:59.999999+00:00", first),
        ("2026-03-11T01:59:59.999999+02:00", first),
        ("2026-03-11T02:00:00+02:00", both),
        ("2026-03-10T14:00:00-10:00", both),
        ("2026-03-10T13:59:59.999999-10:00", first),
    ):
        code, printed, error = show("--as-of", moment, "--json")
        assert (code, error) == (0, "")
        assert {row["period"]: row["value"] for row in json.loads(printed)} == expected, moment
    code, printed, _ = show("--as-of", "2026-03-10T14:00:00+02:00")
    assert code == 0
    assert "as of 2026-03-10 14:00 UTC+02:00" in printed
    assert show("--as-of", "2026-03-09")[1].splitlines()[-1] == "no figures"
    code, _, error = show("--as-of", "9999-12-31")
    assert (code, error.count("\n")) == (2, 1)
    assert "is in the future; leave it out for what is known now" in error


def test_what_is_no_time_is_one_line_and_exit_code_2(show) -> None:
    for moment in (
        "10.3.2026",
        "2026-02-30",
        "2026-03-10T25:00",
        "now",
        "2026",
        "0001-01-01T00:00:00+14:00",  # in UTC it is before the calendar begins
    ):
        code, printed, error = show("--as-of", moment)
        assert (code, printed) == (2, "")
        assert f"--as-of '{moment}'" in error
        assert error.count("\n") == 1
