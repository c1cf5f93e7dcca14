"""What is measured on: observations, and JSON-stat answers, made from a seed."""

from __future__ import annotations

import numpy as np
import orjson
import pandas as pd

from models.observation import OBSERVATION_COLUMNS

PERIODS, CONTENTS = 200, 10  # of the observations: monthly ones of some areas


def months(count: int, first_year: int = 2008) -> list[str]:
    return [f"{first_year + number // 12}M{number % 12 + 1:02d}" for number in range(count)]


def observations_of(rows: int) -> pd.DataFrame:
    """An observation frame: 2 % without a value, the newest half year preliminary."""
    areas = rows // (PERIODS * CONTENTS)
    area, content, period = (
        part.ravel() for part in np.meshgrid(*map(np.arange, (areas, CONTENTS, PERIODS)), indexing="ij")
    )
    random = np.random.default_rng(1)
    value = np.round(random.normal(1000, 300, len(area)), 1)
    value[random.random(len(area)) < 0.02] = np.nan
    return pd.DataFrame(
        {
            "content": pd.Categorical.from_codes(content, [f"content_{one}" for one in range(CONTENTS)]),
            "classes": pd.Categorical.from_codes(np.zeros(len(area), dtype=int), ["sex=total"]),
            "area_code": pd.Categorical.from_codes(area, [f"KU{one:03d}" for one in range(areas)]),
            "period": pd.Categorical.from_codes(period, months(PERIODS)),
            "value": value,
            "symbol": pd.Categorical.from_codes(np.isnan(value).astype(int), ["", ".."]),
            "status": pd.Categorical.from_codes(
                (period >= PERIODS - 6).astype(int), ["final", "preliminary"]
            ),
        }
    )[list(OBSERVATION_COLUMNS)]


def revised(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The frame with 1 % of its values changed, all over it."""
    chosen = np.random.default_rng(seed).random(len(frame)) < 0.01
    return frame.assign(value=np.where(chosen, frame["value"] + seed, frame["value"]))


def jsonstat_of(cells: int) -> bytes:
    """A JSON-stat 2 answer as PxWeb gives it: four dimensions, 2 % without a figure and with a status."""
    sizes = {"alue": 50, "sukupuoli": 2, "kuukausi": cells // 1000, "contentscode": 10}
    codes = {
        "alue": [f"KU{one:03d}" for one in range(sizes["alue"])],
        "sukupuoli": ["SSS", "2"],
        "kuukausi": months(sizes["kuukausi"], 1920),
        "contentscode": [f"c{one}" for one in range(10)],
    }
    random = np.random.default_rng(2)
    missing = random.random(cells) < 0.02
    values = np.round(random.normal(1000, 300, cells), 1).tolist()
    return orjson.dumps(
        {
            "version": "2.0",
            "class": "dataset",
            "label": "Made up",
            "source": "made up",
            "updated": "2026-09-22T05:00:00Z",
            "id": list(sizes),
            "size": list(sizes.values()),
            "dimension": {
                name: {
                    "label": name,
                    "category": {
                        "index": {code: place for place, code in enumerate(listed)},
                        "label": {code: f"Text of {code}" for code in listed},
                    },
                }
                for name, listed in codes.items()
            },
            "value": [None if gone else value for gone, value in zip(missing, values, strict=True)],
            "status": {str(place): "..." for place in np.flatnonzero(missing)},
            "role": {"time": ["kuukausi"], "metric": ["contentscode"]},
        }
    )
