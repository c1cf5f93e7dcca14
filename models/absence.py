"""What is stored and no longer in the source's answer: what left a rolling window, and what is gone.

Kept apart because they end differently: what left the window stays as last known and nothing is written;
what is gone holds the dataset back until a person has looked at it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.alignment import KEY, common_numbers, not_withdrawn, positions, texts_of
from models.dataset import Dataset
from models.observation import OBSERVATION_COLUMNS
from models.period import from_source, parse_period
from models.resolution import Resolution, series_classes

_NAMED = 5  # areas or periods named in the summary


@dataclass(frozen=True)
class Absence:
    """Stored rows (OBSERVATION_COLUMNS) that an answer lacks.

    `left_window`: older than anything a rolling source still has. `gone`: all others.
    """

    left_window: pd.DataFrame
    gone: pd.DataFrame

    @property
    def summary(self) -> str:
        """One line: how many values, of which areas and periods; '' where nothing is absent."""
        parts = []
        if len(self.gone):
            parts.append(f"{_figures(self.gone)} gone: {_where(self.gone)}")
        if len(self.left_window):
            parts.append(f"{_figures(self.left_window)} left the source's window: {_where(self.left_window)}")
        return "; ".join(parts)


def absent(
    stored: pd.DataFrame,
    frame: pd.DataFrame,
    resolution: Resolution | None,
    dataset: Dataset,
    *,
    ended: Collection[str] = (),
) -> Absence:
    """What of `stored` (OBSERVATION_COLUMNS and `change_class`) is not in `frame`, the answer's observations.

    Not absent is what nobody asked for, or what is reported elsewhere: rows withdrawn before; contents,
    class values and areas that the catalogue no longer asks; contents and class values that the resolution
    records as missing; areas that have `ended` in the division that the table is in, which stay as last
    known. Any other area that is asked and that the table lacks is gone with all its rows.

    Without a resolution (an answer of which only the observations are known) the contents and classes that
    the frame lacks altogether count as recorded missing, and every stored area as asked.
    """
    active = not_withdrawn(stored)
    columns = list(OBSERVATION_COLUMNS)
    if not len(active):
        return Absence(active[columns].reset_index(drop=True), active[columns].reset_index(drop=True))
    numbers, answered = common_numbers([active, frame], KEY)
    lacking = (positions(numbers, answered) < 0) & _asked(active, frame, resolution, dataset)
    lacking &= ~active["area_code"].isin(list(ended)).to_numpy()
    left = lacking & _older_than_the_source(active, frame, resolution) if dataset.rolling else lacking & False
    return Absence(
        left_window=active.loc[left, columns].reset_index(drop=True),
        gone=active.loc[lacking & ~left, columns].reset_index(drop=True),
    )


def _asked(
    active: pd.DataFrame, frame: pd.DataFrame, resolution: Resolution | None, dataset: Dataset
) -> NDArray[np.bool_]:
    """Whether the catalogue asks a row's series, and the answer was to hold it."""
    contents = {choice.key for choice in dataset.content_choices}
    missing = resolution.missing if resolution is not None else ()
    lost_contents = {one.key for one in missing if one.what == "content"}
    lost_classes = {one.key for one in missing if one.what == "class"}
    content_codes, content_texts = texts_of(active["content"])
    class_codes, class_texts = texts_of(active["classes"])
    area_codes, area_texts = texts_of(active["area_code"])
    answered_contents = _values(frame["content"])
    answered_classes = _values(frame["classes"])

    def content_asked(key: str) -> bool:
        if contents and key not in contents:
            return False
        return key not in lost_contents if resolution is not None else key in answered_contents

    def classes_asked(key: str) -> bool:
        if not _is_asked(key, dataset, lost_classes):
            return False
        return resolution is not None or key in answered_classes

    areas = None
    if resolution is not None:
        areas = {*resolution.areas.values(), *(one.key for one in missing if one.what == "area")}
    wanted = _flags(content_asked(key) for key in content_texts)[content_codes]
    wanted &= _flags(classes_asked(key) for key in class_texts)[class_codes]
    wanted &= _flags(areas is None or code in areas for code in area_texts)[area_codes]
    return wanted


def _is_asked(classes: str, dataset: Dataset, lost: set[str]) -> bool:
    """Whether the catalogue asks the classes that the key names, none of them recorded missing."""
    parts = classes.split(";") if classes else []
    taken = {variable.name: variable.take for variable in dataset.class_variables}
    names = series_classes(dataset)
    if sorted(part.partition("=")[0] for part in parts) != sorted(names):
        return any(not taken[name] for name in names)  # the source's own texts may have any sign in them
    for part in parts:
        name, _, key = part.partition("=")
        take = taken.get(name, ())
        if part in lost or (take and key not in {choice.key for choice in take}):
            return False
    return True


def _older_than_the_source(
    active: pd.DataFrame, frame: pd.DataFrame, resolution: Resolution | None
) -> NDArray[np.bool_]:
    codes, texts = texts_of(active["period"])
    listed = (
        {from_source(code) for code in resolution.periods}
        if resolution is not None
        else _values(frame["period"])
    )
    if not listed:
        return np.zeros(len(active), dtype=bool)
    oldest = min(parse_period(code).start for code in listed)
    return _flags(parse_period(text).start < oldest for text in texts)[codes]


def _flags(flags: Iterable[bool]) -> NDArray[np.bool_]:
    return np.fromiter(flags, dtype=bool)


def _values(column: pd.Series[str]) -> set[str]:
    codes, texts = texts_of(column)
    return {texts[number] for number in np.unique(codes)}


def _figures(frame: pd.DataFrame) -> str:
    return "1 value" if len(frame) == 1 else f"{len(frame)} values"


def _where(frame: pd.DataFrame) -> str:
    areas = sorted(_values(frame["area_code"]))
    periods = sorted(_values(frame["period"]), key=lambda code: parse_period(code).start)
    return f"{_some('area', areas)}, {_some('period', periods)}"


def _some(word: str, names: list[str]) -> str:
    if len(names) <= _NAMED:
        return f"{word}{'s' if len(names) > 1 else ''} {', '.join(names)}"
    return f"{len(names)} {word}s ({names[0]} to {names[-1]})"
