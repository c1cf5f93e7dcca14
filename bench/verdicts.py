"""What verdicts cost: `.venv/bin/python bench/verdicts.py`.

Verdicts with their sentences in three languages on 10,000 series of all the catalogue's indicators, in seconds of
processor time (to reach: below 3).
"""

import time
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from models.catalogue import load_catalogue
from models.judge import verdict_frame, verdicts
from models.period import span

SERIES = 10_000
PERIODS = {
    "annual": span("2000", "2025"),
    "quarterly": span("2010Q1", "2026Q2"),
    "monthly": span("2009M01", "2026M08"),
    "weekly": span("2022W01", "2026W30"),
    "every_4_years": ("2012", "2017", "2021", "2025"),
    "every_2_years": tuple(str(year) for year in range(2010, 2027, 2)),
    "per_survey": ("2021", "2024"),
}


def main() -> None:
    catalogue = load_catalogue()
    chance = np.random.default_rng(1)
    areas = [area.code for area in catalogue.all_areas()] + [f"KU{number}" for number in range(900, 999)]
    each = -(-SERIES // len(catalogue.indicators))
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
    started = time.process_time()
    judged = verdicts(frame, catalogue)
    between = time.process_time()
    verdict_frame(frame, catalogue)
    ended = time.process_time()
    print(f"{len(judged):,} series, {len(frame):,} observations")
    print(f"verdicts alone       {between - started:.2f} s")
    print(f"with their sentences {ended - between:.2f} s (to reach: below 3)")


if __name__ == "__main__":
    main()
