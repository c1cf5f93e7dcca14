"""Areas and their levels.

The level belongs to every value: a sub-region never stands in for a municipality.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

AreaLevel = Literal[
    "municipality", "subregion", "region", "country", "airport", "institution", "station", "road", "line"
]

COUNTRY = "SSS"
# Areas known by a statistical code; all others are known by name.
STATISTICAL_LEVELS: frozenset[AreaLevel] = frozenset({"municipality", "subregion", "region", "country"})

_CODE_FORMS: tuple[tuple[re.Pattern[str], AreaLevel], ...] = (
    (re.compile(r"KU[0-9]{3}"), "municipality"),
    (re.compile(r"SK[0-9]{3}"), "subregion"),
    (re.compile(r"MK[0-9]{2}"), "region"),
    (re.compile(COUNTRY), "country"),
)
# "Elsewhere or unknown" among the jobseekers' areas: people, but of no place.
_NOWHERE = frozenset({"KU199", "MK91"})


@dataclass(frozen=True)
class Area:
    """One area with our code (KU205, SK182, MK18, SSS; a name in capitals for airports and the like)."""

    code: str
    level: AreaLevel
    name_fi: str
    name_sv: str = ""
    name_en: str = ""


def level_of_code(code: str) -> AreaLevel | None:
    """The level that a statistical code bears.

    None for other codes and for "elsewhere or unknown" (MKJO, KU199).
    """
    if code in _NOWHERE:
        return None
    return next((level for form, level in _CODE_FORMS if form.fullmatch(code)), None)
