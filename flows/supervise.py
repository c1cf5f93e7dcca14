"""Child processes that are kept running: started, restarted with growing waits, logged, and ended in order."""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO
from urllib.parse import unquote

from flows.shown import shown
from warehouse.home import private_folder

LOG_BYTES, LOG_FILES = 5_000_000, 4  # of each child at most LOG_BYTES * LOG_FILES on disk
LOOK_SECONDS = 0.1
SAYS = "mittaristo: "  # a child's line that begins so is for the person, not only for the log
_SECRET_NAME = re.compile(r"PASSWORD|SECRET|TOKEN|API_KEY|AUTH_STRING|NOTIFY_URL")
_PASSWORD_IN_URL = re.compile(r"://[^/\s:@]*:([^\s@]+)@")
_LONGEST_LINE = 65_536


@dataclass(frozen=True)
class Waits:
    """Seconds between a child's end and its restart: `first`, doubled each time up to `longest`.

    A child that ran for `steady` seconds starts again from `first`.
    """

    first: float = 1.0
    longest: float = 60.0
    steady: float = 600.0


@dataclass(frozen=True)
class Child:
    """One program to keep running.

    `is_up` says whether it answers. One that was up and has not answered for `hung_seconds`, or did not come up in
    that time, is ended and started again. `patience` is how many seconds it gets to end after SIGTERM. What is
    `hidden` is not shown in its log.
    """

    name: str
    command: Sequence[str]
    environ: Mapping[str, str]
    log: Path
    is_up: Callable[[], bool] = lambda: True
    up_text: str = ""
    hidden: Sequence[str] = ()
    hung_seconds: float = 180.0
    patience: float = 10.0


def supervise(
    children: Sequence[Child],
    *,
    say: Callable[[str], None],
    stop: threading.Event,
    waits: Waits = Waits(),
) -> None:
    """Keeps `children` running until `stop` is set, then ends the last one first; none is left when it returns.

    `say` gets one plain line for everything that happens to them.
    """
    tended = [_Tended(child, say, waits) for child in children]
    try:
        while not stop.is_set():
            for one in tended:
                one.tend()
            stop.wait(LOOK_SECONDS)
    finally:
        for one in reversed(tended):
            one.end()


@dataclass
class _Tended:
    child: Child
    say: Callable[[str], None]
    waits: Waits
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    restart_at: float = 0.0
    wait: float = 0.0  # before the next restart
    was_up: bool = False
    looked: float = 0.0
    answered: float = 0.0
    log: logging.Handler = field(init=False)
    reader: threading.Thread | None = None

    def __post_init__(self) -> None:
        private_folder(self.child.log.parent)
        self.log = _Log(self.child.log, maxBytes=LOG_BYTES, backupCount=LOG_FILES - 1, encoding="utf-8")
        self.log.setFormatter(logging.Formatter("%(message)s"))
        self.wait = self.waits.first

    def tend(self) -> None:
        now = time.monotonic()
        if self.process is None:
            if now >= self.restart_at:
                self._start(now)
        elif (code := self.process.poll()) is not None:
            self._ended(now, code)
        elif now - self.looked >= (10.0 if self.was_up else 0.5):
            self._look()

    def end(self) -> None:
        """Ends the child and whatever it started, at the latest `patience` seconds from now."""
        if self.process is not None:
            began = time.monotonic()
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(self.child.patience)
            forced = self.process.poll() is None
            self._end_group(0.0)
            how = "had to be killed" if forced else "stopped"
            self.say(f"{self.child.name}: {how} after {time.monotonic() - began:.1f} s")
        if self.reader is not None:
            self.reader.join(2.0)
        self.log.close()

    def _start(self, now: float) -> None:
        try:
            self.process = subprocess.Popen(  # noqa: S603
                list(self.child.command),
                stdin=subprocess.PIPE,  # never written to: it is closed when we end, see flows.child
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=dict(self.child.environ),
                start_new_session=True,
            )
        except OSError as error:  # no memory, no processes left: as if it had ended at once
            self._again(now, f"could not be started ({error.strerror})")
            return
        self.started = self.answered = self.looked = now
        self.was_up = False
        assert self.process.stdout is not None  # noqa: S101
        self.reader = threading.Thread(
            target=_read, args=(self.process.stdout, self.log, self.child, self.say), daemon=True
        )
        self.reader.start()

    def _look(self) -> None:
        if self.child.is_up():
            if not self.was_up and self.child.up_text:
                self.say(f"{self.child.name}: {self.child.up_text} ({time.monotonic() - self.started:.1f} s)")
            self.was_up = True
            self.answered = time.monotonic()
        self.looked = time.monotonic()
        if self.looked - self.answered > self.child.hung_seconds:
            self._end_group(self.child.patience)
            self._again(self.looked, f"has not answered for {self.child.hung_seconds:.0f} s")

    def _ended(self, now: float, code: int) -> None:
        # What it had started must be gone before it starts again, or both would do the same work.
        self._end_group(5.0)
        if now - self.started >= self.waits.steady:
            self.wait = self.waits.first
        self._again(now, f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}")

    def _again(self, now: float, reason: str) -> None:
        self.say(f"{self.child.name}: {reason}; starts again in {self.wait:g} s (log: {self.child.log})")
        self.restart_at = now + self.wait
        self.wait = min(self.wait * 2, self.waits.longest)

    def _end_group(self, patience: float) -> None:
        """Ends all processes of the child's group: SIGTERM, and SIGKILL after `patience` seconds; forgets the child."""
        assert self.process is not None  # noqa: S101
        group = self.process.pid
        until = time.monotonic() + patience
        with suppress(ProcessLookupError, PermissionError):
            if patience:
                os.killpg(group, signal.SIGTERM)
            while time.monotonic() < until:
                self.process.poll()
                os.killpg(group, 0)
                time.sleep(0.05)
            os.killpg(group, signal.SIGKILL)
        self.process.wait()
        assert self.process.stdin is not None  # noqa: S101
        self.process.stdin.close()
        self.process = None


class _Log(RotatingFileHandler):
    """A log file that never stands in its child's way."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Drops what cannot be written: a full disk must not stop the child."""


def _read(stream: IO[bytes], log: logging.Handler, child: Child, say: Callable[[str], None]) -> None:
    for line in iter(lambda: stream.readline(_LONGEST_LINE), b""):
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        for secret in child.hidden:
            text = text.replace(secret, "***")
        text = shown(text)  # after the secrets, which may have any character
        log.handle(logging.makeLogRecord({"msg": text}))
        if text.startswith(SAYS):
            say(f"{child.name}: {text.removeprefix(SAYS)}")
    stream.close()


def secrets_in(environ: Mapping[str, str]) -> list[str]:
    """The values of `environ` that no log may show: those whose names say so, and passwords in addresses.

    Of a webhook's address the path too, which HTTP libraries write without the host; of user:password also the form
    in which it goes over the wire.
    """
    found = {value for name, value in environ.items() if _SECRET_NAME.search(name)}
    for name, value in environ.items():
        if name.endswith("NOTIFY_URL"):
            found.add(value.partition("://")[2].partition("/")[2])
        if name.endswith("AUTH_STRING"):
            found |= {value.partition(":")[2], b64encode(value.encode()).decode()}
        for password in _PASSWORD_IN_URL.findall(value):
            found |= {password, unquote(password)}
    return sorted((one for one in found if len(one) > 3), key=len, reverse=True)


def say(text: str) -> None:
    """One line with its time to standard output, at once."""
    with suppress(OSError):  # nobody reads it any more: no reason to stop
        sys.stdout.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")
        sys.stdout.flush()
