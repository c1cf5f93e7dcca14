"""Borders of municipalities as simplified coordinates, for a map: in a compact form of our own.

Points lie on a grid, so that neighbours share their border exactly, whichever of the two it is drawn from. The
package has those of 2020 (borders_2020.json); later ones are read from Statistics Finland's geographic service.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from models.errors import SourceError, printable

STEP = (
    0.002  # degrees between two points of the grid: some 100 m from west to east, 220 m from south to north
)
PACKAGED_YEAR = 2020
EAST, NORTH = (19.0, 32.0), (59.0, 71.0)  # where Finland is, in degrees; the two do not overlap
_CODE = re.compile(r"KU[0-9]{3}")
_MOST_POINTS = 500_000

Point = tuple[float, float]  # degrees east, degrees north (WGS84)
Ring = tuple[Point, ...]  # closed in thought: the first point does not come again


@dataclass(frozen=True)
class Borders:
    """The borders of a year: municipality → rings, which drawn together by the even-odd rule are its area."""

    year: int
    source: str
    licence: str
    rings: Mapping[str, tuple[Ring, ...]]

    def bounds(self) -> tuple[Point, Point]:
        """The south-western and the north-eastern corner of all of it."""
        points = [point for rings in self.rings.values() for ring in rings for point in ring]
        east, north = [point[0] for point in points], [point[1] for point in points]
        return (min(east), min(north)), (max(east), max(north))


def simplified(rings: Iterable[Sequence[Point]], step: float = STEP) -> tuple[Ring, ...]:
    """The rings on the grid, without points that fall on the one before; rings that enclose nothing are left out."""
    found = []
    for ring in rings:
        points: list[tuple[int, int]] = []
        for east, north in ring:
            point = round(east / step), round(north / step)
            if not points or point != points[-1]:
                points.append(point)
        if len(points) > 1 and points[0] == points[-1]:
            points.pop()
        if sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(points, [*points[1:], *points[:1]], strict=True)):
            found.append(tuple((round(x * step, 6), round(y * step, 6)) for x, y in points))
    return tuple(found)


def borders_to_json(borders: Borders, step: float = STEP) -> str:
    """As text: header, then an area a line, its rings as [x, y, and from there dx, dy, ...] in steps of the grid."""
    head = {"year": borders.year, "source": borders.source, "licence": borders.licence, "step": step}
    lines = []
    for code, rings in sorted(borders.rings.items()):
        written = [_steps(ring, step) for ring in rings]
        lines.append(f"{json.dumps(code)}:{json.dumps(written, separators=(',', ':'))}")
    start = json.dumps(head, ensure_ascii=False)[:-1]
    return f'{start}, "areas": {{\n' + ",\n".join(lines) + "\n}}\n"


def _steps(ring: Ring, step: float) -> list[int]:
    numbers: list[int] = []
    x, y = 0, 0
    for east, north in ring:
        at = round(east / step), round(north / step)
        numbers += [at[0] - x, at[1] - y]
        x, y = at
    return numbers


def borders_from_json(text: str, what: str) -> Borders:
    """What borders_to_json wrote. Raises SourceError, one line that begins with `what`, for anything else."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{what}: no JSON ({error}); make the borders again") from error
    if not isinstance(document, dict):
        raise SourceError(f"{what}: no borders; make them again")
    year, source, licence, step = (document.get(name) for name in ("year", "source", "licence", "step"))
    areas = document.get("areas")
    if (
        not isinstance(year, int)
        or not isinstance(source, str)
        or not isinstance(licence, str)
        or not isinstance(step, float)
        or not 0 < step < 1
        or not isinstance(areas, dict)
        or not areas
    ):
        raise SourceError(
            f"{what}: year, source, licence, step and areas are not all there; make the borders again"
        )
    rings = {
        str(code): tuple(_ring(ring, step, code, what) for ring in _list(of)) for code, of in areas.items()
    }
    return checked(Borders(year, source, licence, rings), what)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _ring(numbers: Any, step: float, code: str, what: str) -> Ring:
    whole = _list(numbers)
    if len(whole) % 2 or not all(
        isinstance(one, int) and not isinstance(one, bool) and abs(one) < 1e9 for one in whole
    ):
        raise SourceError(
            f"{what}: a ring of {printable(code[:20])} is no list of pairs of whole numbers; make the borders again"
        )
    points, x, y = [], 0, 0
    for place in range(0, len(whole), 2):
        x, y = x + whole[place], y + whole[place + 1]
        points.append((round(x * step, 6), round(y * step, 6)))
    return tuple(points)


def checked(borders: Borders, what: str) -> Borders:
    """`borders` where every area has a code, a ring at least, and lies in Finland, east before north.

    Raises SourceError, one line that begins with `what`.
    """
    points = 0
    for code, rings in borders.rings.items():
        if not _CODE.fullmatch(code):
            raise SourceError(
                f"{what}: '{printable(code[:20])}' is no code of a municipality (such as KU091); look at the source"
            )
        if not rings or any(len(ring) < 3 for ring in rings):
            raise SourceError(
                f"{what}: {code} has no ring, or one of less than three points; look at the source"
            )
        for east, north in (point for ring in rings for point in ring):
            points += 1
            if not (EAST[0] <= east <= EAST[1] and NORTH[0] <= north <= NORTH[1]):
                swapped = EAST[0] <= north <= EAST[1] and NORTH[0] <= east <= NORTH[1]
                why = "the axes are swapped" if swapped else "that is not in Finland"
                raise SourceError(f"{what}: {code} has a point at {east} E, {north} N; {why}")
    if not borders.rings or points > _MOST_POINTS:
        raise SourceError(f"{what}: {len(borders.rings)} areas of {points} points are no borders for a map")
    return borders


def packaged_borders() -> Borders:
    """The borders of 2020 that the project comes with."""
    name = f"borders_{PACKAGED_YEAR}.json"
    return borders_from_json(files("models").joinpath(name).read_text(encoding="utf-8"), name)
