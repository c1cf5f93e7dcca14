"""What a verdict is: the kinds, all that one was made of, and the same as JSON.

models.judge makes them by the rule of docs/method.md; models.reasons says them in words.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import orjson

from models.indicator import Direction, Indicator
from models.movement import Movement

SMALL_COUNT = 20  # below it chance alone moves a count by more than a fifth (its square root)

VerdictKind = Literal["improved", "declined", "rose", "fell", "no_clear_change", "too_little_data"]


@dataclass(frozen=True)
class Comparison:
    """Another area's figure at the newest and at the baseline period of the one that is judged."""

    area_code: str
    figure: float | None
    baseline_figure: float | None


@dataclass(frozen=True)
class Peers:
    """The median of the comparable municipalities and the distance to it: own figure less median.

    `change_pct` and `median_change_pct` are the changes since the baseline in per cent, own and median; they are given
    for counts, whose distance would only tell of the municipalities' size.
    """

    area_codes: tuple[str, ...]  # those that have the figures needed
    median: float
    distance: float
    baseline_median: float | None = None
    baseline_distance: float | None = None
    change_pct: float | None = None
    median_change_pct: float | None = None

    @property
    def distance_change(self) -> float | None:
        """How much the distance has grown since the baseline."""
        return None if self.baseline_distance is None else self.distance - self.baseline_distance


@dataclass(frozen=True)
class Target:
    """The target that the city has set; `distance` is target less figure, `is_reached` None where neutral."""

    value: float
    year: str
    distance: float | None
    is_reached: bool | None


@dataclass(frozen=True)
class Verdict:
    """One verdict with all that it was made of.

    `movement` is what decided. Where preliminary figures would turn the verdict they do not decide: it is then that of
    the final figures, and `with_preliminary` says what it would be with them. `levels` are the values that a
    year-on-year change was made of, newest and baseline. `published` is the published value at the baseline period
    (for a window or a year-on-year change: of the same month or quarter as the newest) with its period.
    """

    indicator_id: str
    area_code: str
    class_code: str
    verdict: VerdictKind
    movement: Movement
    with_preliminary: tuple[VerdictKind, Movement] | None
    levels: tuple[float, float | None] | None
    published: tuple[str, float] | None
    is_small: bool
    peers: Peers | None
    region: Comparison | None
    country: Comparison | None
    target: Target | None
    recorded_at: datetime | None  # the newest vintage among its inputs


def kind_of(found: Movement, direction: Direction) -> VerdictKind:
    """The verdict that a movement gives for a wanted direction."""
    if found.since is None or found.usual is None:
        return "too_little_data"
    if not found.is_clear:
        return "no_clear_change"
    if direction == "neutral":
        return "rose" if found.since.change > 0 else "fell"
    return "improved" if (found.since.change > 0) is (direction == "up") else "declined"


# --- the inputs as data -------------------------------------------------------------------------------------


def inputs_json(one: Verdict, indicator: Indicator) -> str:
    """All that the verdict was made of, as JSON with a stable order of keys.

    A yearly change is [from period, to period, years, size]; sizes have twelve digits.
    """
    return orjson.dumps(
        {
            "transform": indicator.transform,
            "direction": indicator.direction,
            **_movement_data(one.movement),
            "with_preliminary": {
                "verdict": one.with_preliminary[0],
                **_movement_data(one.with_preliminary[1]),
            }
            if one.with_preliminary
            else None,
            "levels": one.levels,
            "is_small_count": one.is_small,
            "peers": {**vars(one.peers), "distance_change": one.peers.distance_change} if one.peers else None,
            "region": vars(one.region) if one.region else None,
            "country": vars(one.country) if one.country else None,
            "target": vars(one.target) if one.target else None,
            "recorded_at": one.recorded_at,
        }
    ).decode()


def _movement_data(found: Movement) -> dict[str, Any]:
    return {
        "newest": found.newest._asdict() if found.newest else None,
        "baseline": found.baseline._asdict() if found.baseline else None,
        "baseline_year": found.baseline_year,
        "baseline_moved": found.moved,
        "years": found.since.years if found.since else None,
        "change": found.since.change if found.since else None,
        "usual_change": found.usual.change if found.usual else None,
        "threshold": found.usual.threshold if found.usual else None,
        "changes": [(*change[:-1], float(f"{change.size:.12g}")) for change in found.changes],
        "lacking": found.lacking,
    }
