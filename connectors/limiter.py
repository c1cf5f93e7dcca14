"""A sliding-window limiter per host, shared by all processes on the machine through one small file and its lock.

The server counts arrivals, and refused calls count too. A call therefore counts from the moment it was
allowed until one window after it ENDED (it arrived somewhere between), and a small margin is kept on top
for the server's own clock.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import re
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from models.errors import ConfigurationError, SourceError

PATIENCE_SECONDS = 120.0  # the longest pause a call waits out; longer ones end the call with an error
LONGEST_PAUSE_SECONDS = 3600.0  # a mistaken Retry-After of years must not lock a source out
_FEWEST_REMEMBERED, _MOST_REMEMBERED = 100, 500  # calls kept in the file, so that it stays small
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class RateLimits:
    """At most `calls` calls in any `window_seconds` (both positive), spread evenly."""

    calls: int
    window_seconds: float

    def __post_init__(self) -> None:
        if self.calls < 1 or not 0 < self.window_seconds < math.inf:
            raise ValueError(f"{self.calls} calls in {self.window_seconds} s is no rate")

    @property
    def spacing_seconds(self) -> float:
        """The least time between two calls."""
        return self.window_seconds / self.calls

    @property
    def margin_seconds(self) -> float:
        """What is added to the window: for the difference between our clock and the server's."""
        return 0.05 + 0.005 * self.window_seconds


@dataclass
class _State:
    """What the file holds: the last calls as (allowed, ended, mark), a pause, the limits last used."""

    calls: list[tuple[float, float, str]] = field(default_factory=list)
    paused_until: float = 0.0
    limits: RateLimits | None = None


def host_key(url: str) -> str:
    """Scheme, host and port of `url` as one text fit for a file name; the port is always said."""
    parts = urlsplit(url)
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
    return re.sub(r"[^a-z0-9.-]", "_", f"{scheme}-{host}-{parts.port or _PORTS.get(scheme, 0)}")


class Limiter:
    """The limiter of the host of `url`. `clock` gives seconds since 1970, `sleep` waits that many seconds.

    Raises ConfigurationError where `folder` cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        url: str,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._path = folder / f"{host_key(url)}.json"
        self._host = urlsplit(url).netloc
        self._clock = clock
        self._sleep = sleep

    @contextmanager
    def slot(self, limits: RateLimits) -> Iterator[None]:
        """Wait until one more call keeps within `limits`, then hold its place while the body makes it.

        Raises SourceError where the host asked for a pause longer than PATIENCE_SECONDS.
        """
        limits = _bounded(limits)
        mark = uuid.uuid4().hex[:12]
        while (wait := self._try(limits, mark)) > 0:
            self._sleep(wait)
        try:
            yield
        finally:
            self._ended(mark)

    def pause(self, seconds: float) -> None:
        """Let nobody on this machine call the host for `seconds` (at most LONGEST_PAUSE_SECONDS) from now."""
        with self._state() as state:
            until = self._clock() + min(seconds, LONGEST_PAUSE_SECONDS)
            state.paused_until = max(state.paused_until, until)

    def limits(self) -> RateLimits | None:
        """The limits last used with this host, by any process; None where nobody called it yet."""
        with self._state() as state:
            return state.limits

    def _try(self, limits: RateLimits, mark: str) -> float:
        """0 and the place is taken, or the seconds to wait before trying again."""
        with self._state() as state:
            now = self._clock()
            # Times in the future come from a clock that was set back: they count as now.
            state.calls = [(min(begun, now), min(ended, now), mark) for begun, ended, mark in state.calls]
            if state.paused_until - now > LONGEST_PAUSE_SECONDS:
                state.paused_until = 0.0
            state.limits = limits
            pause = state.paused_until - now
            if pause > PATIENCE_SECONDS:
                until = datetime.fromtimestamp(state.paused_until, UTC)
                raise SourceError(
                    f"{self._host} asked for a pause until {until:%Y-%m-%d %H:%M:%S} UTC; run again then"
                )
            wait = max(0.0, pause)
            if state.calls:
                wait = max(wait, max(begun for begun, _, _ in state.calls) + limits.spacing_seconds - now)
            if len(state.calls) >= limits.calls:
                oldest = sorted(ended for _, ended, _ in state.calls)[-limits.calls]
                wait = max(wait, oldest + limits.window_seconds + limits.margin_seconds - now)
            # The rest of a subtraction of two large numbers is no reason to wait.
            if wait < 1e-6:
                state.calls.append((now, now, mark))
                return 0.0
            return wait

    def _ended(self, mark: str) -> None:
        with self._state() as state:
            now = self._clock()
            state.calls = [
                (begun, max(begun, now), one) if one == mark else (begun, ended, one)
                for begun, ended, one in state.calls
            ]

    @contextmanager
    def _state(self) -> Iterator[_State]:
        """The state under its lock, written back when the body is through (also when it raised).

        The file is always there whole: whoever forgot the last calls would make too many. What is locked is a file
        beside it, as one that is replaced locks nobody out.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            with os.fdopen(lock, "r+b") as held:
                fcntl.flock(held, fcntl.LOCK_EX)
                state = _read(self._path.read_bytes() if self._path.exists() else b"")
                try:
                    yield state
                finally:
                    draft = self._path.with_suffix(".new")  # one name: of those who were killed one is left
                    draft.write_bytes(_written(state))
                    draft.replace(self._path)
        except OSError as error:  # the body touches no file
            raise ConfigurationError(
                f"the folder of the call limits, {self._path.parent}, cannot be written ({error.strerror});"
                " make room there or make it writable"
            ) from error


def _bounded(limits: RateLimits) -> RateLimits:
    """`limits`; where they count more calls than the file remembers, a stricter rate in a shorter window."""
    if limits.calls <= _MOST_REMEMBERED:
        return limits
    window = limits.window_seconds * _MOST_REMEMBERED / limits.calls
    return RateLimits(_MOST_REMEMBERED, window)


def _read(content: bytes) -> _State:
    """The state in `content`; an empty one where it is none (the power went off)."""
    try:
        held = json.loads(content, parse_constant=_refused)
        limits = held["limits"]
        return _State(
            calls=[(float(begun), float(ended), str(mark)) for begun, ended, mark in held["calls"]],
            paused_until=float(held["paused_until"]),
            limits=None if limits is None else RateLimits(int(limits[0]), float(limits[1])),
        )
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError):
        return _State()


def _refused(constant: str) -> float:
    raise ValueError(f"{constant} is no time")


def _written(state: _State) -> bytes:
    remembered = max(_FEWEST_REMEMBERED, state.limits.calls if state.limits else 0)
    return json.dumps(
        {
            "calls": sorted(state.calls, key=lambda call: call[1])[-remembered:],
            "paused_until": state.paused_until,
            "limits": None if state.limits is None else [state.limits.calls, state.limits.window_seconds],
        }
    ).encode()
