"""Charts and maps as SVG without colours and languages of their own.

matplotlib draws them once. What it wrote is then made fit to stand inside a page: no style elements or attributes (the
pages' policy forbids them), each colour a class of the style sheet, so that light, dark and print can differ, and each
number a token that `localised` writes in the reader's language.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any, Literal

from models.borders import Borders
from models.numbers import Language, decimals_of, number_text
from models.period import parse_period

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LineKind = Literal["focus", "region", "country", "peers", "c1", "c2", "c3", "c4"]

# Lines are told apart by dash and marker as well as by colour: (dashes in points, marker, width).
LINE_FORMS: Mapping[LineKind, tuple[tuple[float, ...], str, float]] = {
    "focus": ((), "o", 2.4),
    "region": ((6, 2.5), "s", 1.6),
    "country": ((1.5, 2), "^", 1.6),
    "peers": ((7, 2, 1.5, 2), "D", 1.6),
    "c1": ((), "o", 2.2),
    "c2": ((6, 2.5), "s", 1.8),
    "c3": ((1.5, 2), "^", 1.8),
    "c4": ((7, 2, 1.5, 2), "D", 1.8),
}
# Colours that occur nowhere else; each stands for a class of the style sheet.
_SENTINELS: dict[str, str] = {
    **{kind: f"#aa00{place:02d}" for place, kind in enumerate(LINE_FORMS, 1)},
    "band": "#aa0020",
    "grid": "#aa0021",
    "axis": "#aa0022",
    "text": "#aa0023",
    "land": "#aa0024",
    "paper": "#aa0025",
}
_CLASS_OF = {colour: name for name, colour in _SENTINELS.items()}
_WIDTH, _HEIGHT = 480, 270  # of a chart, in its own units
_MOST_MARKERS = 24  # of a line with more points only the last is marked
_SIZES: dict[Any, Any] = {"figure.dpi": 72, "savefig.dpi": 72, "svg.fonttype": "none", "font.size": 13}


@dataclass(frozen=True)
class Line:
    """One line: what it is drawn as, and its values by period, oldest first; None is a gap."""

    kind: LineKind
    points: Sequence[tuple[str, float | None]]


@dataclass(frozen=True)
class Band:
    """The range of the comparable cities: lowest and highest by period, oldest first."""

    points: Sequence[tuple[str, float, float]]


def series_chart(
    key: str, lines: Sequence[Line], band: Band | None = None, baseline: str = "", decimals: int = 2
) -> str:
    """An SVG of lines over time; `key` must be the chart's own, `baseline` a period to mark, '' for none.

    Its axis is labelled with tokens, at most `decimals` decimals.
    """
    figure, axes = _figure(_WIDTH, _HEIGHT)
    figure.subplots_adjust(left=0.13, right=0.975, top=0.97, bottom=0.105)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set(color=_SENTINELS["axis"], linewidth=1)
    axes.grid(axis="y", color=_SENTINELS["grid"], linewidth=0.8)
    axes.set_axisbelow(True)
    axes.margins(x=0.025, y=0.08)
    if band and band.points:
        axes.fill_between(
            [_when(period) for period, _, _ in band.points],
            [low for _, low, _ in band.points],
            [high for _, _, high in band.points],
            color=_SENTINELS["band"],
            linewidth=0,
            clip_on=False,
        )
    if baseline:
        axes.axvline(_when(baseline), color=_SENTINELS["axis"], linewidth=1, dashes=(2, 3), clip_on=False)
    for line in lines:
        _draw(axes, line)
    _label_axes(axes, lines, decimals)
    return _svg(figure, key, _WIDTH, _HEIGHT)


def spark(key: str, points: Sequence[tuple[str, float | None]]) -> str:
    """A small SVG of one line without axes, the last value marked."""
    figure, axes = _figure(200, 56)
    figure.subplots_adjust(left=0.03, right=0.97, top=0.88, bottom=0.12)
    axes.set_axis_off()
    axes.margins(x=0.02, y=0.1)
    shown = [(period, value) for period, value in points if value is not None]
    times, values = [_when(period) for period, _ in shown], [value for _, value in shown]
    colour = _SENTINELS["focus"]
    axes.plot(times, values, color=colour, linewidth=1.8, clip_on=False)
    axes.plot(times[-1:], values[-1:], marker="o", markersize=6, color=colour, clip_on=False)
    return _svg(figure, key, 200, 56)


def map_of(borders: Borders) -> str:
    """An SVG of all municipalities, each of class `land` with the id `map-<code>`; see `coloured_map`."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Outline

    (west, south), (east, north) = borders.bounds()
    middle = (west + east) / 2

    def placed(point: tuple[float, float]) -> tuple[float, float]:
        """Each latitude in its true length, which shows Finland in its usual shape."""
        return (point[0] - middle) * math.cos(math.radians(point[1])), point[1]

    width, height = 300, 520
    figure, axes = _figure(width, height)
    figure.subplots_adjust(left=0.01, right=0.99, top=0.99, bottom=0.01)
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.set_ylim(south - 0.05, north + 0.05)
    half = max(abs(placed((edge, south))[0]) for edge in (west, east))
    axes.set_xlim(-half, half)
    for code, rings in sorted(borders.rings.items()):
        outlines = [Outline([*map(placed, ring), placed(ring[0])], closed=True) for ring in rings]
        patch = PathPatch(
            Outline.make_compound_path(*outlines),
            facecolor=_SENTINELS["land"],
            edgecolor=_SENTINELS["paper"],
            linewidth=0.4,
            gid=f"map-{code}",
        )
        axes.add_patch(patch)
        patch.set_clip_on(False)
    return _svg(figure, "map", width, height)


def coloured_map(svg: str, classes: Mapping[str, int], names: Mapping[str, str], own: str = "") -> str:
    """The map with each municipality of `classes` in its step (0 the lowest), with its name and figure as title.

    `own` is drawn with a border of its own, last, so that no neighbour hides it.
    """
    shown: list[str] = []
    last: list[str] = []
    start, *parts = re.split(r'(?=<g id="map-)', svg)
    *parts, tail = parts
    tail, _, end = tail.partition("</g>")
    for part in (*parts, tail + "</g>"):
        code = part[len('<g id="map-') :].partition('"')[0]
        # no ids: several maps may stand in one page
        group = re.sub(r'<g id="[^"]*"', "<g", part, count=1)
        if code in classes:
            name = f"m{classes[code]}" + (" own" if code == own else "")
            group = group.replace('class="f-land', f'class="{name}', 1)
            group = group.replace("<g>", f"<g><title>{escape(names[code])}</title>", 1)
        (last if code == own else shown).append(group)
    return start + "".join(shown) + "".join(last) + end


def localised(svg: str, language: Language) -> str:
    """The SVG with its numbers as the language writes them."""
    return _TOKEN.sub(lambda found: number_text(float(found[1]), language, int(found[2])), svg)


_TOKEN = re.compile(r"@(-?[0-9.e+-]+)\|([0-9])@")


@cache
def _when(period: str) -> float:
    """The middle of a period as years."""
    found = parse_period(period)
    days = ((found.end - found.start).days + 1) / 2
    first = found.start.replace(month=1, day=1)
    return (
        found.start.year
        + ((found.start - first).days + days) / 365.25
        - (0.5 if found.frequency == "annual" else 0)
    )


def _draw(axes: Axes, line: Line) -> None:
    dashes, marker, width = LINE_FORMS[line.kind]
    colour = _SENTINELS[line.kind]
    known = [place for place, (_, value) in enumerate(line.points) if value is not None]
    if not known:
        return
    points = line.points[known[0] : known[-1] + 1]
    times = [_when(period) for period, _ in points]
    values = [math.nan if value is None else value for _, value in points]
    style: dict[str, Any] = {"dashes": dashes} if dashes else {}
    every = 1 if len(known) <= _MOST_MARKERS else None
    alone = [
        place
        for place, value in enumerate(values)
        if not math.isnan(value)
        and (place == 0 or math.isnan(values[place - 1]))
        and (place == len(values) - 1 or math.isnan(values[place + 1]))
    ]
    marked = range(len(points)) if every else sorted({*alone, len(points) - 1})
    axes.plot(
        times,
        values,
        color=colour,
        linewidth=width,
        marker=marker,
        markersize=6 if line.kind == "focus" else 5,
        markevery=list(marked),
        clip_on=False,
        zorder=4 if line.kind == "focus" else 3,
        **style,
    )


def _label_axes(axes: Axes, lines: Sequence[Line], decimals: int) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
    low, high = axes.get_ylim()
    ticks = [float(f"{tick:.10g}") for tick in axes.get_yticks() if low <= tick <= high]
    places = decimals_of(ticks, most=max(decimals, 2))
    axes.set_yticks(ticks, [f"@{tick!r}|{places}@" for tick in ticks])
    longest = max((len(number_text(tick, "fi", places)) for tick in ticks), default=1)
    axes.figure.subplots_adjust(left=(14 + 7.4 * longest) / _WIDTH)
    axes.set_ylim(low, high)
    years = [_when(period) for line in lines for period, _ in line.points]
    first, last = axes.get_xlim()
    least, most = math.ceil(min(years) - 0.5), math.floor(max(years))
    step = next(one for one in (1, 2, 5, 10, 20, 50, 100, 1000) if (most - least) / one <= 7 or one == 1000)
    marks = [year for year in range(most, least - 1, -step) if first <= year <= last]
    axes.set_xticks(marks or [least], [str(year) for year in marks or [least]])
    axes.set_xlim(first, last)
    axes.tick_params(axis="both", length=0, pad=5, labelcolor=_SENTINELS["text"])
    axes.tick_params(axis="x", length=4, color=_SENTINELS["axis"])


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_SIZES):
        figure = Figure(figsize=(width / 72, height / 72), dpi=72)
        axes = figure.add_subplot()
    figure.patch.set_visible(False)
    axes.patch.set_visible(False)
    return figure, axes


# --- from matplotlib's SVG to ours ----------------------------------------------------------------------------


def _svg(figure: Figure, key: str, width: int, height: int) -> str:
    from matplotlib import rc_context

    target = io.StringIO()
    with rc_context({**_SIZES, "svg.hashsalt": key, "path.simplify": True}):
        figure.savefig(
            target, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
        )
    text = target.getvalue()
    body = text[text.index(">", text.index("<svg")) + 1 : text.rindex("</svg>")]
    body = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", body, flags=re.DOTALL)
    body = re.sub(r"<clipPath.*?</clipPath>|<defs>\s*</defs>", "", body, flags=re.DOTALL)
    body = re.sub(r'\s(clip-path="url[^"]*"|transform="rotate\(-?0 [^"]*")', "", body)
    body = re.sub(r"<g/>|<defs>\s*</defs>", "", body)
    body = re.sub(r'\sstyle="([^"]*)"', lambda found: _attributes(found[1]), body)
    body = re.sub(r'<g id="(?!map-)[^"]*"', "<g", body)
    body = re.sub(r'(id="|href="#)(m[0-9a-f]{8,})', rf"\g<1>{re.escape(key)}-\2", body)
    body = re.sub(r"(\d+\.\d{2})\d+", r"\1", body).replace("xlink:href", "href")
    if width <= 300:  # maps are long
        body = re.sub(r"(\d+\.\d)\d", r"\1", body)
    body = re.sub(r"\s*\n\s*", "\n", re.sub(r"(?<=[0-9z])\s*\n(?=[LCMz\"])", "", body)).strip()
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" focusable="false" '
        f'aria-hidden="true">{body}</svg>'
    )


def _attributes(style: str) -> str:
    """A style attribute as presentation attributes and classes."""
    attributes, classes = [], []
    for entry in style.split(";"):
        name, _, value = (one.strip() for one in entry.partition(":"))
        if name in ("fill", "stroke") and value in _CLASS_OF:
            classes.append(f"{name[0]}-{_CLASS_OF[value]}")
        elif name == "font":
            size = re.search(r"([0-9.]+)px", value)
            attributes.append(f'font-size="{size[1] if size else 13}"')
        elif name not in ("", "font-family", "stroke-linejoin", "stroke-linecap"):
            attributes.append(f'{name}="{value}"')
    if classes:
        attributes.append(f'class="{" ".join(classes)}"')
    return "".join(f" {one}" for one in attributes)
