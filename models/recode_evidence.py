"""Whether figures under new codes are those stored under the old ones: counted cell by cell.

What counts as the same. Two figures are equal to nine digits, two missing cells where their symbols are the
same; a missing cell and a figure differ. A cell that is not equal is within the usual where it is off by one
of the last digit that the content has, or by no more than the content was ever revised by; sizes are measured
by the usual magnitude of the series, so that a revision of the whole country says nothing of a village. A
content that was never revised is measured by the largest revision of its table. A figure that became missing
(or the other way) is within the usual only where that was seen before.

What proves. At least MIN_CELLS cells; where the label changed too, so many with figures on both sides, and
MIN_VALUES different figures among them, since a column of zeros is like any other. No cell that differs by
more than is usual; and of cells that are not equal no larger share than was ever revised, at least MIN_SHARE
(alone, where there is no past). And the figures must be nobody else's: in the cells in which the store tells
the content from another one they must be its own, in at least MIN_TELLING cells and more than twice as often
as the other's. Where there are not so many such cells, two contents are twins, and only labels that did not
change tell them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.alignment import KEY, SERIES, Numbers, common_numbers, not_withdrawn, texts_of

MIN_CELLS = 10
MIN_VALUES = 5
MIN_TELLING = 5
MIN_SHARE = 0.02  # of the cells may differ (within the usual) where less or nothing was ever revised
MAX_SHARE = 0.5  # more than this may never differ, whatever the past
MAX_SIZE = 0.5  # of a series' usual magnitude: a larger revision is never taken for usual
SWAPPED_SHARE = 0.9  # of the telling cells are the other content's where two changed places
MIN_TELLING_AREA = 20  # areas are many, and small counts of two of them are soon alike
SAMPLED = 20  # changed cells that are looked at before two are compared whole
AREA = "area_code"  # in place of a class variable's name: rows side by side by area
_MAX_DECIMALS = 6
_SHOWN = 6

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Cell:
    """One compared cell: `old` as stored, `new` as answered (None and a symbol where there is no figure)."""

    content: str
    classes: str
    area_code: str
    period: str
    old: float | None
    old_symbol: str
    new: float | None
    new_symbol: str
    verdict: Literal["equal", "usual", "different"]


@dataclass(frozen=True)
class OtherMatch:
    """What else the figures might be: another stored content, or 'variable=key' of a class.

    `equal` cells of those compared equal it. In `telling` of them the store has different values for the two;
    of these, `own` equal what is stored for the key itself and `others` what is stored for the other.
    """

    key: str
    equal: int
    telling: int
    own: int
    others: int

    @property
    def clear(self) -> bool:
        """Whether the figures are clearly not the other's."""
        return self.own >= MIN_TELLING and self.own > 2 * self.others

    @property
    def twin(self) -> bool:
        """Whether the store can hardly tell the two apart."""
        return self.telling < MIN_TELLING


@dataclass(frozen=True)
class Evidence:
    """What speaks for and against one key of ours having moved from the code `old` to `new`.

    compared = equal + within + different, in cells; `allowed` of them may be within the usual. `figures` cells
    have figures on both sides, of `values` different values. `largest` is the largest difference, `other` the
    best other match, `shown` a few of the cells. `reason` says why it is not proven, '' where it is.
    """

    kind: Literal["content", "value"]
    key: str
    old: str
    new: str
    compared: int
    equal: int
    within: int
    different: int
    allowed: int
    figures: int
    values: int
    largest: Cell | None
    other: OtherMatch | None
    shown: tuple[Cell, ...]
    reason: str

    @property
    def proven(self) -> bool:
        """Whether the figures prove it."""
        return not self.reason


@dataclass(frozen=True)
class Swap:
    """A content (or an area) that now bears the figures stored for another one, in `others` of `telling` cells.

    `telling` are the cells with figures in which the store has different values for the two; `own` of them
    equal what is stored for the content itself. Two that changed places give two of these.
    """

    content: str
    other: str
    telling: int
    own: int
    others: int


@dataclass(frozen=True)
class _Sides:
    """Stored and answered rows side by side.

    `stored` and `answered` have a line per key of `keys` and a column per cell; a place holds the row's
    number in its frame, -1 where there is none.
    """

    keys: tuple[str, ...]
    stored: Numbers
    answered: Numbers


def _mapped(columns: list[pd.Series[Any]], text: Callable[[str], str]) -> tuple[list[Numbers], list[str]]:
    """Each column's rows as common numbers of `text` of what stands there; and the texts by number."""
    known: dict[str, int] = {}
    found = []
    for column in columns:
        codes, texts = texts_of(column)
        lookup = np.array([known.setdefault(text(one), len(known)) for one in texts], dtype=np.int64)
        found.append(lookup[codes])
    return found, list(known)


def values_of(column: pd.Series[Any]) -> set[str]:
    """The texts that stand in a column."""
    codes, texts = texts_of(column)
    return {texts[number] for number in np.unique(codes)}


def class_part(classes: str, name: str) -> str:
    """The key of the class variable `name` in a class key ('age=25-29;sex=total'), '' where it has none."""
    for part in classes.split(";"):
        variable, _, key = part.partition("=")
        if variable == name:
            return key
    return ""


def without_part(classes: str, name: str) -> str:
    """A class key without the class variable `name`."""
    return ";".join(part for part in classes.split(";") if part.partition("=")[0] != name)


def _sides(stored: pd.DataFrame, answered: pd.DataFrame, name: str) -> _Sides:
    """By content where `name` is '', by area where it is AREA, else by the keys of the class variable `name`."""
    frames = [stored, answered]
    if name in ("", AREA):
        column, other = ("area_code", "content") if name else ("content", "area_code")
        rows, keys = _mapped([frame[column] for frame in frames], str)
        cells = common_numbers(frames, ("classes", other, "period"))
    else:
        classes = [frame["classes"] for frame in frames]
        rows, keys = _mapped(classes, lambda one: class_part(one, name))
        rest, texts = _mapped(classes, lambda one: without_part(one, name))
        others = common_numbers(frames, ("content", "area_code", "period"))
        joint = np.concatenate(others) * max(len(texts), 1) + np.concatenate(rest)
        numbers = pd.factorize(joint)[0].astype(np.int64)
        cells = np.split(numbers, [len(stored)])
    columns = int(max((one.max(initial=-1) for one in cells), default=-1)) + 1
    found = []
    for row, cell in zip(rows, cells, strict=True):
        place = np.full((len(keys), columns), -1, dtype=np.int64)
        place[row, cell] = np.arange(len(row))
        found.append(place)
    return _Sides(tuple(keys), found[0], found[1])


class Store:
    """What is stored of a dataset, and by how much it may differ, judged by its own past."""

    def __init__(self, stored: pd.DataFrame, past: pd.DataFrame) -> None:
        """`stored` has OBSERVATION_COLUMNS, `past` content, classes, area_code, period, old, new."""
        self.frame = not_withdrawn(stored)
        self.value = self.frame["value"].to_numpy(dtype=np.float64)
        self.bound, self.share, self.vanishes = _usual(self.frame, past)


class Comparison:
    """Observations of an answer (OBSERVATION_COLUMNS, our keys) beside what is stored."""

    def __init__(self, store: Store, answered: pd.DataFrame) -> None:
        self.store = store
        self.answered = answered
        self.value = answered["value"].to_numpy(dtype=np.float64)
        self.stored_state, self.state = _states([store.frame, answered])
        self._sides: dict[str, _Sides] = {}

    def sides(self, name: str) -> _Sides:
        """The rows side by side: by content where `name` is '', by area for AREA, else by the variable's keys."""
        if name not in self._sides:
            self._sides[name] = _sides(self.store.frame, self.answered, name)
        return self._sides[name]

    def evidence(
        self,
        kind: Literal["content", "value"],
        key: str,
        *,
        old: str,
        new: str,
        unchanged: bool,
        told_apart: Collection[str] = (),
    ) -> Evidence:
        """The evidence that what was answered for `key` is what is stored for it.

        `key` is a content key or 'variable=key'. `unchanged` says that its label (or code) is as it was, and
        `told_apart` are the other keys (in the same form) that this tells from it.
        """
        name, _, own = key.partition("=") if kind == "value" else ("", "", key)
        counted = _Counted(self, name, own)
        other = counted.best_other(told_apart)
        return Evidence(
            kind=kind,
            key=key,
            old=old,
            new=new,
            compared=counted.compared,
            equal=int(counted.equal.sum()),
            within=int(counted.within.sum()),
            different=counted.different,
            allowed=counted.allowed,
            figures=counted.figures,
            values=counted.values,
            largest=counted.largest,
            other=other,
            shown=counted.shown(),
            reason=counted.reason(other, unchanged, told_apart),
        )

    def swaps(self, name: str, least: int) -> tuple[Swap, ...]:
        """Each content ('') or area (AREA) of the answer that bears the figures stored for another one.

        `least` is the number of cells with figures that the store must tell the two apart by.
        """
        sides = self.sides(name)
        found = []
        for row, key in enumerate(sides.keys):
            candidates = []
            for other, its_key in self._likely(sides, row, least):
                both = (sides.answered[row] >= 0) & (sides.stored[row] >= 0) & (sides.stored[other] >= 0)
                new = self.value[sides.answered[row, both]]
                own, others = (self.store.value[sides.stored[one, both]] for one in (row, other))
                telling = ~(np.isnan(new) | np.isnan(own) | np.isnan(others)) & ~_close(own, others)
                swap = Swap(
                    key,
                    its_key,
                    telling=int(telling.sum()),
                    own=int((telling & _close(new, own)).sum()),
                    others=int((telling & _close(new, others)).sum()),
                )
                if (
                    swap.telling >= least
                    and swap.others >= SWAPPED_SHARE * swap.telling
                    and swap.own <= (1 - SWAPPED_SHARE) * swap.telling
                ):
                    candidates.append(swap)
            if candidates:
                found.append(max(candidates, key=lambda one: one.others))
        return tuple(found)

    def _likely(self, sides: _Sides, row: int, least: int) -> list[tuple[int, str]]:
        """The places and keys whose stored figures a key may bear, by a look at some of its changed cells."""
        both = np.flatnonzero((sides.answered[row] >= 0) & (sides.stored[row] >= 0))
        new, own = self.value[sides.answered[row, both]], self.store.value[sides.stored[row, both]]
        changed = both[~(np.isnan(new) | np.isnan(own) | _close(new, own))]
        if len(changed) < SWAPPED_SHARE * least:
            return []
        looked = changed[:: max(len(changed) // SAMPLED, 1)][:SAMPLED]
        stored = sides.stored[:, looked]
        alike = (stored >= 0) & _close(self.value[sides.answered[row, looked]], self.store.value[stored])
        others = np.flatnonzero(2 * alike.sum(axis=1) >= len(looked))
        return [(int(one), sides.keys[one]) for one in others if one != row]


class _Counted:
    """One key's cells that are both stored and answered."""

    def __init__(self, comparison: Comparison, name: str, key: str) -> None:
        self._by = comparison
        self._name = name
        self._key = key
        self._sides = sides = comparison.sides(name)
        store = comparison.store
        if key in sides.keys:
            row = sides.keys.index(key)
            self._cells = np.flatnonzero((sides.stored[row] >= 0) & (sides.answered[row] >= 0))
            self._old, self._new = sides.stored[row, self._cells], sides.answered[row, self._cells]
        else:
            self._cells = self._old = self._new = np.zeros(0, dtype=np.int64)
        old, new = store.value[self._old], comparison.value[self._new]
        old_is, new_is = ~np.isnan(old), ~np.isnan(new)
        off, bound = np.abs(new - old), store.bound[self._old]
        self.equal = self._same(self._old)
        self.within: Bools = ~self.equal & (
            (old_is & new_is & (off <= bound)) | ((old_is != new_is) & store.vanishes[self._old])
        )
        self.compared = len(self._cells)
        self.different = int((~self.equal & ~self.within).sum())
        self.allowed = int(store.share[self._old].sum() + 1e-9)
        self.figures = int((old_is & new_is).sum())
        self.values = len(np.unique(old[old_is & new_is]))
        # by how much more than is usual; what became missing counts most
        excess = np.where(old_is & new_is, off / bound, np.inf)
        self._order = np.argsort(np.where(self.equal, -1.0, excess), kind="stable")[::-1]

    def _same(self, stored: Numbers) -> Bools:
        """Whether the key's answered cells equal the stored rows `stored` (-1: no)."""
        by = self._by
        states = by.stored_state[stored] == by.state[self._new]
        figures = (by.stored_state[stored] > 0) | _close(by.store.value[stored], by.value[self._new])
        same: Bools = (stored >= 0) & states & figures
        return same

    def best_other(self, told_apart: Collection[str]) -> OtherMatch | None:
        """The other stored key that speaks most against this one, else the one the figures equal most."""
        state, value = self._by.stored_state, self._by.store.value
        found = []
        for row, key in enumerate(self._sides.keys):
            theirs = self._sides.stored[row, self._cells]
            both = theirs >= 0
            if key == self._key or not both.any():
                continue
            same = self._same(theirs)
            figures = (state[self._old] == 0) & ~_close(value[self._old], value[theirs])
            apart = both & ((state[self._old] != state[theirs]) | figures)
            found.append(
                OtherMatch(
                    f"{self._name}={key}" if self._name else key,
                    equal=int(same.sum()),
                    telling=int(apart.sum()),
                    own=int((apart & self.equal).sum()),
                    others=int((apart & same).sum()),
                )
            )
        if not found:
            return None
        return max(found, key=lambda one: (_objects(one, told_apart), one.equal, -one.telling))

    def reason(self, other: OtherMatch | None, unchanged: bool, told_apart: Collection[str]) -> str:
        """Why the key is not proven, '' where it is."""
        if unchanged and self.compared < MIN_CELLS:
            return f"too little overlap: {self.compared} cells; at least {MIN_CELLS} are needed"
        if not unchanged and (self.figures < MIN_CELLS or self.values < MIN_VALUES):
            return (
                f"too little overlap: {self.figures} cells with figures, {self.values} different ones; "
                f"at least {MIN_CELLS} and {MIN_VALUES} are needed"
            )
        if other is not None and not other.twin and other.others > other.own:
            return (
                f"its figures are those stored for '{other.key}': where the two differ {other.others} of "
                f"{other.telling} cells are the other's and {other.own} its own"
            )
        if self.different and self.largest is not None:
            return (
                f"{self.different} of {self.compared} cells differ by more than is usual, "
                f"the most {cell_text(self.largest)}"
            )
        if (unequal := int(self.within.sum())) > self.allowed:
            return f"{unequal} of {self.compared} cells differ, at most {self.allowed} is usual"
        if other is not None and _objects(other, told_apart):
            if other.twin:
                return (
                    f"equally good: '{other.key}' is stored with the same figures in all but "
                    f"{other.telling} cells, and no unchanged label tells them apart"
                )
            return (
                f"not clearly better than '{other.key}': where the two differ {other.own} of "
                f"{other.telling} cells are its own and {other.others} the other's"
            )
        return ""

    @property
    def largest(self) -> Cell | None:
        """The largest difference; None where all cells are equal."""
        return None if self.equal.all() else self._cell(int(self._order[0]))

    def shown(self) -> tuple[Cell, ...]:
        """A few cells: the largest differences, or else the newest that are equal."""
        unequal = len(self._cells) - int(self.equal.sum())
        places = list(self._order[:unequal][:_SHOWN])
        if not places and len(self._cells):
            codes, texts = texts_of(self._by.store.frame["period"])
            periods = np.array(texts)[codes[self._old]]
            places = list(np.argsort(periods, kind="stable")[::-1][:_SHOWN])
        return tuple(self._cell(int(place)) for place in places)

    def _cell(self, place: int) -> Cell:
        old = self._by.store.frame.iloc[self._old[place]]
        new = self._by.answered.iloc[self._new[place]]
        verdict: Literal["equal", "usual", "different"] = (
            "equal" if self.equal[place] else "usual" if self.within[place] else "different"
        )
        content, classes, area_code, period = (str(old[column]) for column in KEY)
        return Cell(
            content,
            classes,
            area_code,
            period,
            old=None if np.isnan(old["value"]) else float(old["value"]),
            old_symbol=str(old["symbol"]),
            new=None if np.isnan(new["value"]) else float(new["value"]),
            new_symbol=str(new["symbol"]),
            verdict=verdict,
        )


def _objects(other: OtherMatch, told_apart: Collection[str]) -> bool:
    """Whether the other key keeps this one from being proven."""
    return not other.clear and not (other.twin and other.key in told_apart)


def _close(one: Floats, other: Floats) -> Bools:
    return np.isclose(one, other, rtol=1e-9, atol=1e-12)


def _states(frames: list[pd.DataFrame]) -> list[Numbers]:
    """Per row 0 for a figure, else a number for its symbol, the same in all frames."""
    numbers, _ = _mapped([frame["symbol"] for frame in frames], str)
    return [
        np.where(np.isnan(frame["value"].to_numpy(dtype=np.float64)), number + 1, 0)
        for frame, number in zip(frames, numbers, strict=True)
    ]


def _usual(stored: pd.DataFrame, past: pd.DataFrame) -> tuple[Floats, Floats, Bools]:
    """Per stored row: by how much it may differ, its content's share that may, and whether it may vanish."""
    value = stored["value"].to_numpy(dtype=np.float64)
    rows, revised = common_numbers([stored, past], SERIES)
    content, contents = texts_of(stored["content"])
    series = int(max(rows.max(initial=-1), revised.max(initial=-1))) + 1
    digit = np.array([_last_digit(value[content == number]) for number in range(len(contents))])
    magnitude = np.full(series, np.nan)
    medians = pd.Series(np.abs(value)).groupby(rows).median()
    magnitude[medians.index.to_numpy().astype(np.int64)] = medians.to_numpy()
    scale = np.fmax(magnitude[rows], digit[content])
    of_series = np.full(series, np.nan)
    of_series[rows] = scale
    share = np.full(len(contents), MIN_SHARE)
    size = np.full(len(contents), np.nan)
    vanishes = np.zeros(len(contents), dtype=bool)
    any_vanishes, largest = False, 0.0
    if len(past):
        old, new = (past[column].to_numpy(dtype=np.float64) for column in ("old", "new"))
        off = np.abs(new - old) / of_series[revised]
        gone = np.isnan(old) != np.isnan(new)
        cells = common_numbers([past], KEY)[0]
        past_contents = past["content"].astype("str").to_numpy()
        for number, key in enumerate(contents):
            of_content = past_contents == key
            if not of_content.any():
                continue
            seen = off[of_content & ~np.isnan(off)]
            size[number] = min(seen.max(initial=0.0), MAX_SIZE)
            vanishes[number] = gone[of_content].any()
            ever = len(np.unique(cells[of_content])) / max(int((content == number).sum()), 1)
            share[number] = min(max(ever, MIN_SHARE), MAX_SHARE)
        any_vanishes = bool(gone.any())
        largest = float(np.nan_to_num(size).max(initial=0.0))
    never = np.isnan(size)
    size[never], vanishes[never] = largest, any_vanishes
    bound = np.fmax(size[content] * scale, digit[content]) * (1 + 1e-9)
    return bound, share[content], vanishes[content]


def _last_digit(values: Floats) -> float:
    """One of the last digit that `values` have: 1 for whole numbers, 0.1 where there is one decimal."""
    figures = values[~np.isnan(values)]
    for decimals in range(_MAX_DECIMALS):
        if _close(figures, np.round(figures, decimals)).all():
            return float(10.0**-decimals)
    return float(10.0**-_MAX_DECIMALS)


def cell_text(cell: Cell) -> str:
    """A cell in words: KU205 2025: 36370 → 36371."""
    where = " ".join(part for part in (cell.classes, cell.area_code, cell.period) if part)
    return f"{where}: {_shown(cell.old, cell.old_symbol)} → {_shown(cell.new, cell.new_symbol)}"


def _shown(value: float | None, symbol: str) -> str:
    return f"{value:.10g}" if value is not None else symbol or "nothing"


def renamed(
    frame: pd.DataFrame,
    contents: Mapping[str, str],
    classes: Mapping[tuple[str, str], str],
    trials: Collection[str],
) -> pd.DataFrame:
    """`frame` with trial keys renamed to ours: `contents` trial → key, `classes` (variable, trial) → key.

    Rows of the trial keys (`trials`) that are not renamed are left out.
    """

    def content(key: str) -> str | None:
        return contents.get(key) if key in trials else key

    def class_key(key: str) -> str | None:
        parts = []
        for part in key.split(";") if key else ():
            name, _, value = part.partition("=")
            if value in trials:
                if (name, value) not in classes:
                    return None
                value = classes[name, value]
            parts.append(f"{name}={value}")
        return ";".join(parts)

    keep = np.ones(len(frame), dtype=bool)
    new: dict[str, Any] = {}
    for column, text in (("content", content), ("classes", class_key)):
        codes, texts = texts_of(frame[column])
        wanted = [text(one) for one in texts]
        known = list(dict.fromkeys(one for one in wanted if one is not None))
        lookup = np.array([-1 if one is None else known.index(one) for one in wanted], dtype=np.int64)
        numbers = lookup[codes]
        keep &= numbers >= 0
        new[column] = pd.Categorical.from_codes(numbers, pd.Index(known, dtype="str"))
    return frame.assign(**new)[keep].reset_index(drop=True)
