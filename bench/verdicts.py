"""What verdicts with their sentences in three languages cost, on 10,000 series of all the catalogue's indicators."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from bench.measure import Figure, Goal, Scale
from models.catalogue import Catalogue, load_catalogue
from models.judge import verdict_frame
from models.period import span

PERIODS = {
    "annual": span("2000", "2025"),
    "quarterly": span("2010Q1", "2026Q2"),
    "monthly": span("2009M01", "2026M08"),
    "weekly": span("2022W01", "2026W30"),
    "every_4_years": ("2012", "2017", "2021", "2025"),
    "every_2_years": tuple(str(year) for year in range(2010, 2027, 2)),
    "per_survey": ("2021", "2024"),
}


def observations_to_judge(catalogue: Catalogue, series: int) -> pd.DataFrame:
    """Current observations of about so many series, spread evenly over the indicators."""
    chance = np.random.default_rng(1)
    areas = [area.code for area in catalogue.all_areas()] + [f"KU{number}" for number in range(900, 999)]
    each = -(-series // len(catalogue.indicators))
    parts = [
        pd.DataFrame(
            {
                "indicator_id": one.id,
                "area_code": area,
                "class_code": "",
                "period": PERIODS[one.frequency],
                "value": np.round(chance.normal(100, 10, len(PERIODS[one.frequency])), 1),
                "status": [*["final"] * (len(PERIODS[one.frequency]) - 1), "preliminary"],
            }
        )
        for one in catalogue.indicators.values()
        for area in areas[:each]
    ]
    frame = pd.concat(parts, ignore_index=True)
    frame["recorded_at"] = datetime(2026, 9, 22, 5, tzinfo=UTC)
    return frame


def figures(scale: Scale) -> Iterator[Figure]:
    catalogue = load_catalogue()
    frame = observations_to_judge(catalogue, scale.verdict_series)
    series = len(frame.groupby(["indicator_id", "area_code"]))
    started = time.process_time()
    verdict_frame(frame, catalogue)
    taken = time.process_time() - started
    yield Figure(
        "verdicts with their sentences (beside the table)",
        f"{series:,} series",
        taken,
        Goal("<=", 3, "s"),
        taken,
    )
