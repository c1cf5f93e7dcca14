"""Indicators: what is measured, how it is computed from datasets, and which meters it serves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from models.area import AreaLevel
from models.dataset import DatasetFrequency, Labels
from models.formula import Formula
from models.programme import Rhythm

IndicatorKind = Literal["open_data", "proxy", "survey", "administrative"]
Direction = Literal["up", "down", "neutral"]
RegionRule = Literal["direct", "sum", "region_only", "none"]


@dataclass(frozen=True)
class Input:
    """One named series of a formula: content and classes of a dataset, by our keys.

    `classes` maps each class variable's name to the keys taken; several keys must be summed (or compared)
    by the formula's functions.
    """

    dataset: str
    content: str
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Indicator:
    """One indicator.

    `region` says how the region's figure comes: directly, summed from its municipalities, or not.
    """

    id: str
    name_fi: str
    name_sv: str
    name_en: str
    kind: IndicatorKind
    role: Literal["meter", "context"]
    unit: str
    unit_fi: str
    frequency: DatasetFrequency
    direction: Direction
    region: RegionRule
    area_levels: tuple[AreaLevel, ...]
    labels: Labels | None  # None for figures entered by hand
    source: str
    inputs: Mapping[str, Input] = field(default_factory=dict)
    formula: Formula | None = None  # None for figures entered by hand
    by: str = ""  # class variable whose keys are kept apart as class_code
    transform: str = ""
    valid_min: float | None = None
    valid_max: float | None = None
    headline: bool = False
    programme_areas: tuple[str, ...] = ()
    goals: tuple[str, ...] = ()
    meters: tuple[str, ...] = ()
    context_measures: tuple[str, ...] = ()
    reporter: str = ""
    lag_fi: str = ""
    lag_en: str = ""
    first_period: str = ""
    note_fi: str = ""
    note_en: str = ""
    known_values: Mapping[str, tuple[str, float]] = field(default_factory=dict)  # area code → period, value
    decimals: int | None = None
    baseline: str = ""
    baseline_reason_fi: str = ""
    baseline_reason_en: str = ""
    baseline_reason_sv: str = ""
    unit_sv: str = ""  # for a unit that models.units does not know
    # periods from which on figures do not compare with earlier ones, oldest first
    breaks: tuple[str, ...] = ()
    breaks_reason_fi: str = ""
    breaks_reason_en: str = ""
    breaks_reason_sv: str = ""
    target: float | None = None  # set by the city, in the unit of what is judged
    target_year: str = ""
    # of figures entered by hand only; as of a narrative meter (models.programme.Meter)
    rhythm: Rhythm = "annual"
    rhythm_assumed: bool = True
    reporter_assumed: bool | None = None  # None: where the measures it serves name several parties
    optional: bool = False  # asked, but never owed
    due_days: int | None = None
    grace_days: int | None = None
    last_period: str = ""

    @property
    def datasets(self) -> tuple[str, ...]:
        """The ids of the datasets it reads, each once, in the order of its inputs."""
        return tuple(dict.fromkeys(one.dataset for one in self.inputs.values()))
