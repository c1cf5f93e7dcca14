"""What ten times the work costs: parsing, storing (first and again) and deriving, at a tenth and at full size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from bench.databases import KINDS, Databases
from bench.frames import jsonstat_of, months, observations_of
from bench.measure import Figure, Goal, Scale, Work, by_turns
from bench.storing import NAMES, Loader, empty
from connectors.jsonstat import read_jsonstat
from models.catalogue import Catalogue, load_catalogue
from models.derive import indicator_values
from models.formula import parse_formula
from models.indicator import Indicator
from models.observation import class_keys

LINE = "cost when work grows x10"
AREAS = 500  # municipalities of the derived indicator, KU199 (elsewhere) not among them


def figures(scale: Scale, places: Databases) -> Iterator[Figure]:
    few, many = (jsonstat_of(cells) for cells in (scale.cells[1] // 10, scale.cells[1]))
    works: dict[str, Work] = {
        "tenth": lambda: _dropped(read_jsonstat(few)),
        "ours": lambda: _dropped(read_jsonstat(many)),
    }
    yield _grown("parse", by_turns(scale.rounds, works))
    frames = {"tenth": observations_of(scale.rows // 10), "ours": observations_of(scale.rows)}
    for kind in KINDS:
        with places.warehouse(kind) as engine:
            load = Loader(engine)

            def first(frame: pd.DataFrame, load: Loader = load) -> float:
                empty(load.engine)
                return load(frame)[0]

            times = by_turns(2, {name: partial(first, one) for name, one in frames.items()})
            yield _grown(f"store, {NAMES[kind]}, first load", times)

            def again(frame: pd.DataFrame, load: Loader = load) -> float:
                empty(load.engine)
                load(frame)
                return min(load(frame)[0] for _ in range(scale.rounds))

            times = by_turns(1, {name: partial(again, one) for name, one in frames.items()})
            yield _grown(f"store, {NAMES[kind]}, unchanged", times)
    catalogue = load_catalogue()
    indicator = _indicator(catalogue)
    inputs = {
        name: _inputs(scale.rows // part, indicator, catalogue) for name, part in (("tenth", 10), ("ours", 1))
    }

    def derived(frame: pd.DataFrame) -> None:
        values = indicator_values(indicator, {"a": frame, "b": frame}, catalogue)
        assert len(values) == len(frame), (len(values), len(frame))

    times = by_turns(scale.rounds, {name: partial(derived, one) for name, one in inputs.items()})
    yield _grown("derive", times)


def _grown(what: str, times: dict[str, float]) -> Figure:
    ours, tenth = times["ours"], times["tenth"]
    return Figure(LINE, what, ours / tenth, Goal("<=", 11, "x"), ours, tenth, "a tenth of the work")


def _indicator(catalogue: Catalogue) -> Indicator:
    """A share of two inputs that are read from municipalities' figures, not summed and not kept apart."""
    like = next(
        one
        for one in catalogue.indicators.values()
        if one.formula is not None and "municipality" in one.area_levels and not one.by
    )
    read = next(iter(like.inputs.values()))
    return replace(like, formula=parse_formula("100 * a / b"), inputs={"a": read, "b": read}, region="direct")


def _inputs(rows: int, indicator: Indicator, catalogue: Catalogue) -> pd.DataFrame:
    """Monthly figures of AREAS municipalities, of one class, as warehouse.read.inputs gives them."""
    (read, _) = indicator.inputs.values()
    (classes, *_) = class_keys(catalogue.datasets[read.dataset], read.classes)
    area, period = (part.ravel() for part in np.meshgrid(range(AREAS), range(rows // AREAS), indexing="ij"))
    none = pd.Categorical.from_codes(np.zeros(len(area), dtype=int), [""])
    return pd.DataFrame(
        {
            "classes": pd.Categorical.from_codes(np.zeros(len(area), dtype=int), [classes]),
            "area_code": pd.Categorical.from_codes(area, [f"KU{one}" for one in range(200, 200 + AREAS)]),
            "period": pd.Categorical.from_codes(period, months(rows // AREAS, 1850)),
            "value": np.random.default_rng(3).integers(1, 1000, len(area)).astype(float),
            "symbol": none,
            "status": none.rename_categories(["final"]),
        }
    )


def _dropped(_: object) -> None:
    """What a work made is not its time."""
