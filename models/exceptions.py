"""What the history gate looks at, and the known exceptions from it: data with a reason, a role and an end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class HistoryRule:
    """One rule of the history gate: its id, which exceptions name, and what it looks at, in one line."""

    id: str
    text: str


LOST_AREAS = "lost areas"
LOST_PERIODS = "lost periods"
LOST_CELLS = "lost cells"
LOST_FIGURES = "lost figures"
REVISION_SIZE = "revision size"
REVISED_SHARE = "revised share"
JUMPS = "jumps"
UNIT = "unit"
PRELIMINARY_AGAIN = "preliminary again"

RULES: tuple[HistoryRule, ...] = (
    HistoryRule(LOST_AREAS, "areas that are stored and of which the answer has nothing"),
    HistoryRule(LOST_PERIODS, "periods that are stored and of which the answer has nothing"),
    HistoryRule(
        LOST_CELLS, "single values that are stored and that the answer lacks: fewer rows than before"
    ),
    HistoryRule(LOST_FIGURES, "stored figures in whose place the source now has none"),
    HistoryRule(
        REVISION_SIZE, "revisions larger than any before, than the series' usual movement and than noise"
    ),
    HistoryRule(REVISED_SHARE, "share of older values that changed, against the releases before"),
    HistoryRule(JUMPS, "first values of new periods that are far from the series' usual movement"),
    HistoryRule(
        UNIT, "values ten, a hundred, a thousand times or twice the level before, or with the sign turned"
    ),
    HistoryRule(PRELIMINARY_AGAIN, "final values that are preliminary again"),
)


@dataclass(frozen=True)
class KnownException:
    """What a rule would object to in a dataset, and may: why, who answers for it, and until when.

    Empty `contents`, `areas` and `periods` mean all. `expires` is its last day. `role` is the person's
    role, never a name.
    """

    dataset: str
    rule: str
    reason_fi: str
    reason_en: str
    role: str
    expires: date
    contents: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    periods: tuple[str, ...] = ()

    def in_force(self, today: date) -> bool:
        """Whether it still applies on `today`."""
        return today <= self.expires

    @property
    def scope(self) -> str:
        """What it is about, as people read it: 'jumps in guests, KU205, 2027M01'."""
        named = [", ".join(keys) for keys in (self.contents, self.areas, self.periods) if keys]
        return f"{self.rule} in {'; '.join(named) if named else 'all of the dataset'}"
