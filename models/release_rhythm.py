"""The rhythm of a dataset's releases: the catalogue's word at first, then what its own history shows.

The rule. A release counts when it brought a newer period than any before; its lag is the days from that period's
last day to the release. With fewer than FEWEST_RELEASES of them the catalogue's `lag_days` and `grace_days` hold.
From then on, over the newest MOST_RELEASES of them:

- the lag is their median (the later of two), but never less than `lag_days - grace_days`: a few early releases must
  not make an ordinary one late;
- the grace is three times the median distance from that lag, but at least half and at most twice `grace_days`: a
  source that keeps its day is missed sooner, one that does not is given longer, and neither without bound.

The next figures are expected at the end of the next period and the lag; they are late after the grace.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from statistics import median_high

from models.dataset import Dataset
from models.freshness import next_expected
from models.period import parse_period

FEWEST_RELEASES = 4
MOST_RELEASES = 12


@dataclass(frozen=True)
class Release:
    """A release that brought the newest period there was then. `period` is in our form, `released_at` is aware."""

    period: str
    released_at: datetime

    @property
    def lag_days(self) -> int:
        """Days (of UTC) from the period's last day to the release; negative where it came before that."""
        return (self.released_at.astimezone(UTC).date() - parse_period(self.period).end).days


@dataclass(frozen=True)
class Rhythm:
    """Days from the end of a period to its usual release, and from there to late.

    `learnt_from` is the number of releases it is learnt from, 0 where it is the catalogue's.
    """

    lag_days: int
    grace_days: int
    learnt_from: int


def rhythm(dataset: Dataset, releases: Sequence[Release]) -> Rhythm:
    """The rhythm of `dataset` by the rule above; `releases` in any order. Raises PeriodError for a bad period."""
    newest = sorted(releases, key=lambda one: parse_period(one.period).end)[-MOST_RELEASES:]
    if len(newest) < FEWEST_RELEASES:
        return Rhythm(dataset.lag_days, dataset.grace_days, 0)
    lags = [one.lag_days for one in newest]
    usual = median_high(lags)
    spread = median_high(abs(lag - usual) for lag in lags)
    lag = max(usual, dataset.lag_days - dataset.grace_days)
    grace = min(max(3 * spread, -(-dataset.grace_days // 2)), 2 * dataset.grace_days)
    return Rhythm(lag, grace, len(newest))


def expected(
    dataset: Dataset, newest_period: str | None, releases: Sequence[Release]
) -> tuple[date | None, date | None]:
    """The day on which the period after `newest_period` is expected, and the last day on which it is not late.

    Both are None where nothing is held yet and for a dataset without a rhythm. `newest_period` is in the source's
    form or ours. Raises PeriodError for what is no period.
    """
    by_catalogue = next_expected(dataset, newest_period)
    if by_catalogue is None:
        return None, None
    found = rhythm(dataset, releases)
    day = by_catalogue + timedelta(days=found.lag_days - dataset.lag_days)
    return day, day + timedelta(days=found.grace_days)
