"""The programme's tree.

Areas, goals, clusters, measures and their meters, and the parties that answer for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

MeterKind = Literal["open_data", "proxy", "survey", "administrative", "narrative", "none"]
Rhythm = Literal["monthly", "quarterly", "annual", "every_2_years"]
NarrativeAsks = Literal["status", "yes_no"]


@dataclass(frozen=True)
class Party:
    """One party named as responsible; `type` is the programme's word (city, city_unit, education, ...)."""

    id: str
    name_fi: str
    type: str = ""
    note_fi: str = ""
    note_en: str = ""
    inferred: bool = False  # the programme abbreviates, the full name is our reading


@dataclass(frozen=True)
class ProgrammeArea:
    """One kehittämiskohde (1-7)."""

    id: str
    name_fi: str
    name_sv: str
    name_en: str
    theme_fi: str = ""  # what the area is about, beside its slogan
    theme_sv: str = ""
    theme_en: str = ""
    note_fi: str = ""
    note_en: str = ""


@dataclass(frozen=True)
class Goal:
    """One tavoite (1.2)."""

    id: str
    area_id: str
    text_fi: str
    text_sv: str = ""
    text_en: str = ""
    list_text_fi: str = ""  # the wording of the programme's list of goals, where it differs from its table


@dataclass(frozen=True)
class Cluster:
    """One industry cluster (3.K1), under which area 3 lists its measures."""

    id: str
    area_id: str
    name_fi: str
    name_sv: str = ""
    name_en: str = ""
    industries_fi: tuple[str, ...] = ()


@dataclass(frozen=True)
class Meter:
    """One mittari of a measure; `text_fi` is empty for the one measure that names none (kind `none`).

    What stands below `note_en` is of narrative meters; the figures of other meters are asked as their indicators say.
    """

    id: str
    measure_id: str
    text_fi: str
    kind: MeterKind
    indicator_ids: tuple[str, ...] = ()
    reporter: str = ""  # party id; '' where no person reports
    note_fi: str = ""
    note_en: str = ""
    asks: NarrativeAsks = "status"
    rhythm: Rhythm = "annual"
    rhythm_assumed: bool = True  # the programme names none
    reporter_assumed: bool = False  # the programme names several parties, one was chosen
    due_days: int | None = None  # None: as the programme's `reporting` says
    grace_days: int | None = None
    first_period: str = ""  # '' where it is asked from the beginning of the programme
    last_period: str = ""


@dataclass(frozen=True)
class Reporting:
    """When people owe their answers: from which year on, and so many days after the end of a period."""

    first_year: int
    due_days: Mapping[Rhythm, int]
    grace_days: Mapping[Rhythm, int]


@dataclass(frozen=True)
class Measure:
    """One toimenpide (1.2.03) with its running number, its responsible parties and its meters."""

    id: str
    order: int
    area_id: str
    goal_id: str  # '' in area 3, where measures stand under clusters
    cluster_id: str  # '' elsewhere
    text_fi: str
    short_fi: str
    responsible: tuple[str, ...]  # party ids
    responsible_fi: str  # the programme's cell as written (corrected spelling)
    meters: tuple[Meter, ...]


@dataclass(frozen=True)
class Programme:
    """The whole programme; ids never change."""

    id: str
    title_fi: str
    title_sv: str
    title_en: str
    municipality: str  # area code
    first_year: int
    last_year: int
    parties: tuple[Party, ...]
    areas: tuple[ProgrammeArea, ...]
    goals: tuple[Goal, ...]
    clusters: tuple[Cluster, ...]
    measures: tuple[Measure, ...]
    approved: str = ""  # the day of the decision, 2022-04-26
    approved_by_fi: str = ""
    reporting: Reporting | None = None  # None: from the first year on, with the days of models.forms
