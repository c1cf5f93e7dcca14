"""When a dataset's next figures may be expected, and how fresh it is."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal

from models.dataset import Dataset
from models.ledger import FreshnessState
from models.period import from_source, parse_period, shift

StoredState = Literal["fetched", "quarantined", "discontinued", "not_in_sample", "never_fetched"]

# How many of the period's own steps lie between two publications.
_STEPS = {"every_2_years": 2, "every_4_years": 4}


def next_expected(dataset: Dataset, newest_period: str | None) -> date | None:
    """The day by which the period after `newest_period` is usually out: its last day and `lag_days`.

    `newest_period` is the newest one held, as the source or as we write it. None where nothing is held yet,
    and for a dataset without a rhythm (`per_survey`). Raises PeriodError for what is no period.
    """
    if newest_period is None or dataset.frequency == "per_survey":
        return None
    following = shift(from_source(newest_period), _STEPS.get(dataset.frequency, 1))
    return parse_period(following).end + timedelta(days=dataset.lag_days)


def late_after(dataset: Dataset, newest_period: str | None) -> date | None:
    """The last day on which the next figures are not yet late: `next_expected` and `grace_days`."""
    expected = next_expected(dataset, newest_period)
    return None if expected is None else expected + timedelta(days=dataset.grace_days)


def freshness_state(
    dataset: Dataset,
    newest_period: str | None,
    today: date,
    *,
    in_sample: bool = True,
    discontinued: bool = False,
    quarantined: bool = False,
) -> FreshnessState:
    """How fresh a dataset is on `today`; what is known of it otherwise goes before what the calendar says.

    From the day on which the next figures are expected it is `due`, after `late_after` it is `late`.
    """
    if not in_sample:
        return "not_in_sample"
    if discontinued:
        return "discontinued"
    if quarantined:
        return "quarantined"
    if newest_period is None:
        return "never_fetched"
    expected, last = next_expected(dataset, newest_period), late_after(dataset, newest_period)
    return state_on(today, "fetched", expected, last)


def state_on(
    today: date, stored: StoredState | None, expected: date | None, late_after: date | None
) -> FreshnessState:
    """How fresh a dataset is on `today`, by what is stored of it; the view dashboard_freshness says the same.

    `stored` is None where nothing is. Only `fetched` is judged by the calendar; a day that is None never comes.
    """
    if stored is None:
        return "never_fetched"
    if stored != "fetched":
        return stored
    if late_after is not None and late_after < today:
        return "late"
    return "due" if expected is not None and expected <= today else "current"
