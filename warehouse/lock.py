"""A lock in the database, for what only one process may do at a time, on whatever machine."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, delete, or_, select, update

from warehouse import tables
from warehouse.engine import writing
from warehouse.errors import LockHeldError, LockLostError
from warehouse.times import as_utc, utc_now

_LOOK_AGAIN_SECONDS = 0.5
_TABLE = tables.table_of(tables.Lock)


@dataclass(frozen=True)
class Lock:
    """A lock that is held. Its lease must be renewed before it ends, or others may take it over."""

    engine: Engine
    name: str
    token: str
    lease_seconds: float
    clock: Callable[[], datetime]

    def renew(self) -> None:
        """Lets the lease run `lease_seconds` from now. Raises LockLostError when it was taken over."""
        ends = as_utc(self.clock()) + timedelta(seconds=self.lease_seconds)
        with writing(self.engine) as connection:
            mine = (_TABLE.c.name == self.name) & (_TABLE.c.token == self.token)
            if connection.execute(update(_TABLE).where(mine).values(lease_ends_at=ends)).rowcount != 1:
                raise LockLostError(
                    f"the lock '{self.name}' was taken over: its lease had ended; start again"
                )


@contextmanager
def hold(
    engine: Engine,
    name: str,
    holder: str,
    *,
    wait_seconds: float,
    lease_seconds: float,
    clock: Callable[[], datetime] = utc_now,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Lock]:
    """Holds the lock `name` for `holder` (a text for people) until the block ends.

    Waits for another holder at most `wait_seconds`, then raises LockHeldError, which says who it is. A lock
    whose lease has ended, or whose process on this machine is dead, is taken over.
    """
    lock = Lock(engine, name, secrets.token_hex(16), lease_seconds, clock)
    waited_until = as_utc(clock()) + timedelta(seconds=wait_seconds)
    while True:
        other = _take(lock, holder)
        if other is None:
            break
        if as_utc(clock()) >= waited_until:
            raise LockHeldError(
                f"'{name}' is held by {other.holder} on {other.host}, process {other.pid}, "
                f"since {other.since:%Y-%m-%d %H:%M:%S} UTC; wait until it has ended, or stop it"
            )
        sleep(min(_LOOK_AGAIN_SECONDS, max(wait_seconds, 0.01)))
    try:
        yield lock
    finally:
        with writing(engine) as connection:
            mine = (_TABLE.c.name == name) & (_TABLE.c.token == lock.token)
            connection.execute(delete(_TABLE).where(mine))


def _take(lock: Lock, holder: str) -> tables.Lock | None:
    """Takes the lock if it is free; else who holds it."""
    now = as_utc(lock.clock())
    row = {
        "name": lock.name,
        "token": lock.token,
        "holder": holder,
        "host": socket.gethostname(),
        "pid_space": _pid_space(),
        "pid": os.getpid(),
        "since": now,
        "lease_ends_at": now + timedelta(seconds=lock.lease_seconds),
    }
    with writing(lock.engine) as connection:
        found = connection.execute(select(_TABLE).where(_TABLE.c.name == lock.name)).mappings().one_or_none()
        other = None if found is None else tables.Lock(**found)
        # The token seen is asked for again, so that of two who find the same dead holder only one takes its
        # place.
        free = _TABLE.c.lease_ends_at <= now
        if other is not None and _is_dead(other):
            free = or_(free, _TABLE.c.token == other.token)
        taken = connection.execute(
            tables.inserting(connection, _TABLE)
            .values(row)
            .on_conflict_do_update(index_elements=["name"], set_=row, where=free)
            .returning(_TABLE.c.token)
        )
        if taken.scalar_one_or_none() is not None:
            return None
        found = connection.execute(select(_TABLE).where(_TABLE.c.name == lock.name)).mappings().one()
        return tables.Lock(**found)


def _is_dead(other: tables.Lock) -> bool:
    if (other.host, other.pid_space) != (socket.gethostname(), _pid_space()):
        return False
    try:
        os.kill(other.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _pid_space() -> str:
    # Containers may share a host's name and yet count their processes each from 1.
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""
