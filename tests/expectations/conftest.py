"""A small table, its resolution and its observations, whole and ready to be spoiled by the tests."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from models.dataset import Dataset
from models.observation import observations
from models.reading import Reading
from models.resolution import Resolution
from models.table import SourceTable, TableMeta

DATASET = Dataset(
    id="statfin/vaerak/11re",
    source="statfin",
    table="vaerak/11re",
    title_fi="Väestö",
    title_en="Population",
    frequency="annual",
    first_period="2016",
    lag_days=91,
    grace_days=30,
    labels="verified",
)


def a_reading(areas: int = 4, periods: int = 10, contents: int = 2) -> Reading:
    """A whole answer: areas × sexes (total, women) × periods × contents, a total of ages, one secret cell."""
    listed = {
        "alue": [f"KU{number:03d}" for number in range(1, areas + 1)],
        "ikä": ["SSS"],
        "sukupuoli": ["SSS", "2"],
        "vuosi": [str(2026 - number) for number in range(periods, 0, -1)],
        "contentscode": [f"sub-c{number}" for number in range(1, contents + 1)],
    }
    index = np.meshgrid(*(np.arange(len(codes)) for codes in listed.values()), indexing="ij")
    frame = pd.DataFrame(
        {
            name: pd.Categorical.from_codes(position.ravel(), pd.Index(codes, dtype="str"))
            for (name, codes), position in zip(listed.items(), index, strict=True)
        }
    )
    value = np.arange(1.0, len(frame) + 1)
    value[1] = np.nan
    frame["value"] = value
    frame["symbol"] = pd.Categorical.from_codes((np.arange(len(frame)) == 1).astype(int), ["", "..."])
    resolution = Resolution(
        dataset_id=DATASET.id,
        table="vaerak/11re",
        area_variable="alue",
        areas={code: code for code in listed["alue"]},
        time_variable="vuosi",
        periods=tuple(listed["vuosi"]),
        preliminary=frozenset(),
        contents_variable="contentscode",
        contents={code.removeprefix("sub-"): code for code in listed["contentscode"]},
        classes={"sex": ("sukupuoli", {"total": "SSS", "women": "2"})},
        totals={"ikä": "SSS"},
        series_classes=("sex",),
    )
    return Reading(TableMeta("vaerak/11re", "", ()), resolution, SourceTable(frame, {}, {}))


@dataclass
class Case:
    """A reading and what comes of it."""

    reading: Reading
    dataset: Dataset

    @property
    def resolution(self) -> Resolution:
        return self.reading.resolution

    def observations(self) -> pd.DataFrame:
        return observations(self.reading.table, self.reading.resolution)

    def with_frame(self, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Reading:
        """The reading with its source frame changed."""
        changed = change(self.reading.table.frame.copy())
        return replace(self.reading, table=replace(self.reading.table, frame=changed))


@pytest.fixture(scope="session")
def make_case() -> Callable[..., Case]:
    def make(**sizes: Any) -> Case:
        return Case(a_reading(**sizes), DATASET)

    return make


@pytest.fixture
def case(make_case: Callable[..., Case]) -> Case:
    return make_case()
