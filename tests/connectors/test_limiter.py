"""The limiter: never more calls in any window than allowed, whoever makes them, and never stuck."""

from __future__ import annotations

import itertools
import json
import resource
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.limiter import Limiter, RateLimits, host_key
from models.errors import ConfigurationError, SourceError

URL = "http://127.0.0.1:8801/PXWeb/api/v1"
STATFIN = RateLimits(40, 60.0)
ROOT = Path(__file__).resolve().parents[2]


def limiter(folder: Path, time: Any, url: str = URL) -> Limiter:
    return Limiter(folder, url, clock=time.clock, sleep=time.sleep)


def most_in_a_window(arrivals: list[float], window: float) -> int:
    arrivals = sorted(arrivals)
    return max(sum(1 for other in arrivals if one - window < other <= one) for one in arrivals)


def test_a_first_call_waits_for_nothing(tmp_path: Path, fake_time: Any) -> None:
    with limiter(tmp_path, fake_time).slot(STATFIN):
        pass
    assert fake_time.naps == []


def test_forty_calls_a_minute_are_spread_over_the_minute(tmp_path: Path, fake_time: Any) -> None:
    one = limiter(tmp_path, fake_time)
    at = []
    for _ in range(120):
        with one.slot(STATFIN):
            at.append(fake_time.now)
    assert most_in_a_window(at, 60.0) == 40
    assert min(later - earlier for earlier, later in itertools.pairwise(at)) >= 1.5 - 1e-6
    assert at[39] - at[0] == pytest.approx(39 * 1.5)
    assert at[-1] - at[0] < 119 * 1.5 * 1.02


def test_five_calls_in_two_seconds(tmp_path: Path, fake_time: Any) -> None:
    one = limiter(tmp_path, fake_time)
    at = []
    for _ in range(40):
        with one.slot(RateLimits(5, 2.0)):
            at.append(fake_time.now)
    assert most_in_a_window(at, 2.0) == 5


def test_a_call_counts_until_a_window_after_its_end(tmp_path: Path, fake_time: Any) -> None:
    one = limiter(tmp_path, fake_time)
    for _ in range(2):
        with one.slot(RateLimits(2, 10.0)):
            fake_time.now += 7.0  # it may have arrived only now
    ended = fake_time.now - 7.0
    with one.slot(RateLimits(2, 10.0)):
        assert fake_time.now >= ended + 10.0


def test_a_call_that_failed_counts(tmp_path: Path, fake_time: Any) -> None:
    one = limiter(tmp_path, fake_time)
    begun = fake_time.now
    with pytest.raises(OSError, match="reset"), one.slot(RateLimits(1, 10.0)):
        raise OSError("reset")
    with one.slot(RateLimits(1, 10.0)):
        assert fake_time.now >= begun + 10.0


def test_hosts_do_not_wait_for_each_other(tmp_path: Path, fake_time: Any) -> None:
    for url in (URL, "http://127.0.0.1:8802/PXWeb", "https://127.0.0.1:8801/", "http://example.org"):
        with limiter(tmp_path, fake_time, url).slot(RateLimits(1, 60.0)):
            pass
    assert fake_time.naps == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://pxdata.stat.fi/PxWeb", "https://PXDATA.stat.fi:443/other"),
        ("http://example.org", "http://example.org:80/"),
    ],
)
def test_the_same_host_is_one_host_however_written(one: str, other: str) -> None:
    assert host_key(one) == host_key(other)


def test_a_host_makes_a_harmless_file_name() -> None:
    assert host_key("http://[::1]:8801/") == "http-__1-8801"
    assert "/" not in host_key("http://a/../../b")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'{"calls": 3, "paused_until": 0, "limits": null}',
        b'{"calls": [[NaN, NaN, "x"]], "paused_until": 0, "limits": null}',
        b'{"calls": [], "paused_until": Infinity, "limits": null}',
        b'{"calls": [], "paused_until": 0, "limits": [0, 0]}',
        b"\xff\x00\xfe",
        b"[" * 100_000,
    ],
)
def test_a_broken_file_is_replaced(tmp_path: Path, fake_time: Any, content: bytes) -> None:
    path = tmp_path / f"{host_key(URL)}.json"
    path.write_bytes(content)
    one = limiter(tmp_path, fake_time)
    with one.slot(STATFIN):
        pass
    assert len(json.loads(path.read_text())["calls"]) == 1
    with one.slot(STATFIN):
        pass
    assert sum(fake_time.naps) == pytest.approx(1.5)


def test_a_clock_that_was_set_back_blocks_a_window_at_most(tmp_path: Path, fake_time: Any) -> None:
    one = limiter(tmp_path, fake_time)
    for _ in range(40):
        with one.slot(STATFIN):
            pass
    fake_time.now -= 1_000_000.0
    fake_time.naps.clear()
    with one.slot(STATFIN):
        pass
    assert sum(fake_time.naps) <= 60.0 + STATFIN.margin_seconds + 1e-6


def test_a_pause_holds_everybody_until_it_is_over(tmp_path: Path, fake_time: Any) -> None:
    one, other = limiter(tmp_path, fake_time), limiter(tmp_path, fake_time)
    begun = fake_time.now
    one.pause(60.0)
    one.pause(5.0)
    with other.slot(STATFIN):
        assert fake_time.now == pytest.approx(begun + 60.0)


def test_a_pause_beyond_patience_is_an_error_that_says_until_when(tmp_path: Path, fake_time: Any) -> None:
    one = limiter(tmp_path, fake_time)
    one.pause(121.0)
    with (
        pytest.raises(SourceError, match=r"127\.0\.0\.1:8801 asked for a pause until 2027-01-15 08:02:01"),
        one.slot(STATFIN),
    ):
        pass
    assert fake_time.naps == []


def test_no_pause_lasts_longer_than_an_hour(tmp_path: Path, fake_time: Any) -> None:
    one = limiter(tmp_path, fake_time)
    one.pause(1e9)
    fake_time.now += 3600.0 - 60.0
    with one.slot(STATFIN):
        pass
    one.pause(3600.0)
    fake_time.now -= 7200.0
    with one.slot(STATFIN):
        pass


def test_the_limits_last_used_are_remembered(tmp_path: Path, fake_time: Any) -> None:
    one = limiter(tmp_path, fake_time)
    assert one.limits() is None
    with one.slot(RateLimits(5, 2.0)):
        pass
    assert limiter(tmp_path, fake_time).limits() == RateLimits(5, 2.0)


def test_the_file_stays_small_however_many_calls_are_allowed(tmp_path: Path, fake_time: Any) -> None:
    one = limiter(tmp_path, fake_time)
    for _ in range(700):
        with one.slot(RateLimits(1_000_000, 1000.0)):
            pass
    path = tmp_path / f"{host_key(URL)}.json"
    assert len(json.loads(path.read_text())["calls"]) <= 500


@pytest.mark.parametrize(("calls", "window"), [(0, 1.0), (1, 0.0), (1, float("inf")), (1, float("nan"))])
def test_what_is_no_rate_is_refused(calls: int, window: float) -> None:
    with pytest.raises(ValueError, match="is no rate"):
        RateLimits(calls, window)


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path, fake_time: Any) -> None:
    (tmp_path / "file").write_text("in the way")
    with (
        pytest.raises(
            ConfigurationError,
            match=r"cannot be written \(File exists\); make room there or make it writable",
        ),
        limiter(tmp_path / "file", fake_time).slot(STATFIN),
    ):
        pass


def test_a_full_disk_is_one_line(tmp_path: Path, fake_time: Any) -> None:
    most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, most[1]))
    try:
        with pytest.raises(ConfigurationError) as error:
            limiter(tmp_path, fake_time).limits()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, most)
    assert str(error.value) == (
        f"the folder of the call limits, {tmp_path}, cannot be written (File too large);"
        " make room there or make it writable"
    )


def known_calls(folder: Path) -> int:
    return len(json.loads((folder / f"{host_key(URL)}.json").read_text())["calls"])


def test_a_disk_that_is_full_in_the_midst_of_writing_forgets_no_call(tmp_path: Path, fake_time: Any) -> None:
    one = limiter(tmp_path, fake_time)
    for _ in range(30):
        with one.slot(STATFIN):
            pass
    most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, most[1]))
    try:
        with pytest.raises(ConfigurationError, match="File too large"), one.slot(STATFIN):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, most)
    assert known_calls(tmp_path) == 30


KILLED = """
import os, pathlib, signal, sys
from connectors.limiter import Limiter, RateLimits
written = []
def replace(self, target):
    written.append(self)
    if len(written) == 3:  # taken, given back, and in the midst of taking another
        os.kill(os.getpid(), signal.SIGKILL)
    return os.replace(self, target)
pathlib.Path.replace = replace
one = Limiter(pathlib.Path(sys.argv[1]), sys.argv[2])
for _ in range(2):
    with one.slot(RateLimits(1000, 1.0)):
        pass
"""


def test_a_process_that_is_killed_while_it_writes_leaves_what_was_known_and_holds_nobody_up(
    tmp_path: Path,
) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), URL], check=False, cwd=ROOT)
    assert done.returncode == -signal.SIGKILL
    assert known_calls(tmp_path) == 1
    with Limiter(tmp_path, URL).slot(RateLimits(1000, 1.0)):
        pass
    assert known_calls(tmp_path) == 2
    assert {one.suffix for one in tmp_path.iterdir()} == {".json", ".lock"}, "nothing is left behind"


@settings(max_examples=60, deadline=None)
@given(
    calls=st.integers(1, 6),
    window=st.sampled_from([1.0, 2.0, 60.0]),
    pattern=st.lists(
        st.tuples(
            st.floats(0.0, 30.0),  # idle before the call
            st.floats(0.0, 20.0),  # how long it takes
            st.floats(0.0, 1.0),  # when in that time it arrives
        ),
        min_size=1,
        max_size=25,
    ),
)
def test_whatever_the_pattern_no_window_sees_more_than_allowed(
    calls: int, window: float, pattern: list[tuple[float, float, float]]
) -> None:
    class Time:
        now = 1_800_000_000.0

        def clock(self) -> float:
            return self.now

        def sleep(self, seconds: float) -> None:
            assert 0 < seconds <= window * 1.01 + 0.05 + 20.0
            self.now += seconds

    time = Time()
    arrivals = []
    with tempfile.TemporaryDirectory() as folder:
        one = Limiter(Path(folder), URL, clock=time.clock, sleep=time.sleep)
        for idle, takes, when in pattern:
            time.now += idle
            with one.slot(RateLimits(calls, window)):
                arrivals.append(time.now + takes * when)
                time.now += takes
    assert most_in_a_window(arrivals, window) <= calls


CALLER = """
import sys, time
from pathlib import Path
from connectors.limiter import Limiter, RateLimits
one = Limiter(Path(sys.argv[1]), sys.argv[2])
for _ in range(6):
    with one.slot(RateLimits(5, 0.5)):
        print(repr(time.time()), flush=True)
"""


def test_processes_that_share_a_folder_keep_within_the_limits_together(tmp_path: Path) -> None:
    running = [
        subprocess.Popen(
            [sys.executable, "-c", CALLER, str(tmp_path), URL], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        for _ in range(4)
    ]
    at = [float(line) for one in running for line in one.communicate(timeout=60)[0].split()]
    assert [one.returncode for one in running] == [0, 0, 0, 0]
    assert len(at) == 24
    assert most_in_a_window(at, 0.5) <= 5
    assert max(at) - min(at) >= 23 * 0.1
