"""What the gates cost: gates 1 and 2 on 100,000 observations against the same checks in bare pandas on text columns.

Beside it gate 3 on the same observations with a new period and 1 % of revisions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date

import numpy as np
import pandas as pd

from bench.measure import Figure, Scale, by_turns, cost
from expectations import check_history, check_observations, check_source
from expectations.suites import SYMBOLS, asked_of_source
from models.absence import absent
from models.dataset import ContentChoice, Dataset
from models.observation import STATUSES, observations
from models.reading import Reading
from models.resolution import Resolution
from models.table import SourceTable, TableMeta

LINE = "both gates"
PERIODS, CONTENTS, SEXES = 200, 10, {"total": "SSS", "women": "2"}
DATASET = Dataset(
    id="statfin/vaerak/11re",
    source="statfin",
    table="vaerak/11re",
    title_fi="Väestö",
    title_en="Population",
    frequency="monthly",
    first_period="2008M01",
    lag_days=91,
    grace_days=30,
    labels="verified",
    contents=tuple(ContentChoice(f"c{number}", unit="persons") for number in range(CONTENTS)),
)


def a_reading(rows: int) -> Reading:
    areas = rows // (PERIODS * CONTENTS * len(SEXES))
    listed = {
        "alue": [f"KU{number:03d}" for number in range(1, areas + 1)],
        "sukupuoli": list(SEXES.values()),
        "kuukausi": [f"{2008 + number // 12}M{number % 12 + 1:02d}" for number in range(PERIODS)],
        "contentscode": [f"sub-c{number}" for number in range(CONTENTS)],
    }
    index = np.meshgrid(*(np.arange(len(codes)) for codes in listed.values()), indexing="ij")
    frame = pd.DataFrame(
        {
            name: pd.Categorical.from_codes(position.ravel(), pd.Index(codes, dtype="str"))
            for (name, codes), position in zip(listed.items(), index, strict=True)
        }
    )
    random = np.random.default_rng(1)
    level = random.integers(50, 50_000, (areas, len(SEXES), 1, CONTENTS)).astype(float)
    movement = np.cumsum(random.normal(0, 0.01, (areas, len(SEXES), PERIODS, CONTENTS)), axis=2)
    frame["value"] = np.round(level * (1 + movement)).ravel()
    frame["symbol"] = pd.Categorical.from_codes(np.zeros(len(frame), dtype=int), [""])
    resolution = Resolution(
        dataset_id=DATASET.id,
        table=DATASET.table,
        area_variable="alue",
        areas={code: code for code in listed["alue"]},
        time_variable="kuukausi",
        periods=tuple(listed["kuukausi"]),
        preliminary=frozenset(),
        contents_variable="contentscode",
        contents={code.removeprefix("sub-"): code for code in listed["contentscode"]},
        classes={"sex": ("sukupuoli", SEXES)},
        totals={},
        series_classes=("sex",),
    )
    return Reading(TableMeta(DATASET.table, "", ()), resolution, SourceTable(frame, {}, {}))


def in_bare_pandas(
    source: pd.DataFrame,
    frame: pd.DataFrame,
    resolution: Resolution,
    bounds: dict[tuple[str, str] | str, tuple[float | None, float | None]],
) -> list[bool]:
    """The checks of gates 1 and 2, written down one by one."""
    asked = {one.column: one.codes for one in asked_of_source(resolution)}
    keys = {
        "content": list(resolution.contents),
        "classes": ["sex=total", "sex=women"],
        "area_code": list(resolution.areas.values()),
        "period": list(resolution.periods),
    }
    value = frame["value"]
    return [
        len(source) >= 1,
        len(source) == math.prod(len(codes) for codes in asked.values()),
        set(source.columns) == {*asked, "value", "symbol"},
        not source.duplicated(list(asked)).any(),
        source["symbol"].isin(SYMBOLS).all(),
        source["value"].notna().mean() > 0,
        *(set(codes) <= set(source[name].unique()) for name, codes in asked.items()),
        len(frame) >= 1,
        len(frame) == math.prod(len(codes) for codes in keys.values()),
        not frame.duplicated(list(keys)).any(),
        *(
            value[frame["content"] == content].dropna().between(low, high).all()
            for content, (low, high) in bounds.items()
        ),
        np.isfinite(value.dropna()).all(),
        value[frame["symbol"] != ""].isna().all(),
        frame["symbol"].isin(SYMBOLS).all(),
        frame["status"].isin(STATUSES).all(),
        *(set(codes) <= set(frame[name].unique()) for name, codes in keys.items()),
        (frame[value.notna()].groupby("content")["value"].count() > 0).all(),
    ]


def figures(scale: Scale) -> Iterator[Figure]:
    reading = a_reading(scale.gate_rows)
    frame = observations(reading.table, reading.resolution)
    bounds: dict[tuple[str, str] | str, tuple[float | None, float | None]] = dict.fromkeys(
        reading.resolution.contents, (0.0, 1e9)
    )
    texts = reading.table.frame.astype(dict.fromkeys((*reading.table.dimensions, "symbol"), "str"))
    text_frame = frame.astype({name: "str" for name in frame.columns if name != "value"})

    def two_gates() -> None:
        check_source(reading, DATASET)
        check_observations(frame, DATASET, bounds, reading.resolution)

    two_gates()  # imports the library
    times = by_turns(
        scale.rounds,
        {
            "ours": two_gates,
            "bare pandas": lambda: _dropped(in_bare_pandas(texts, text_frame, reading.resolution, bounds)),
        },
    )
    yield cost(LINE, f"{len(frame):,} observations", times, "bare pandas", 3)

    stored = frame[frame["period"] != reading.resolution.periods[-1]].assign(change_class="new")
    revised = frame.copy()
    revised.loc[np.random.default_rng(2).random(len(frame)) < 0.01, "value"] += 1
    past = pd.DataFrame(
        {name: [] for name in ("content", "classes", "area_code", "period", "old", "new", "recorded_at")}
    )

    def third_gate() -> None:
        check_history(
            revised,
            stored,
            past,
            DATASET,
            absence=absent(stored, revised, reading.resolution, DATASET),
            restated=frozenset(),
            exceptions=(),
            today=date(2026, 1, 1),
        )

    taken = by_turns(scale.rounds, {"ours": third_gate})["ours"]
    what = "gate 3 on the same, with a new period and 1 % revised, in seconds"
    yield Figure(LINE, what, taken, None, taken)


def _dropped(_: object) -> None:
    """What a work made is not its time."""
