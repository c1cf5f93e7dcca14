"""`python -m demo` runs the stand-in in the foreground: for tests out of process and for a look by hand."""

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def start(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "demo", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_it_prints_its_address_keeps_the_limits_given_and_ends_at_a_signal():
    process = start(
        "--calls", "5", "--window", "2", "--max-cells", "2000", "--misbehave", "503,path=vkour,times=1"
    )
    try:
        url = process.stdout.readline().strip()
        assert url.endswith("/PXWeb/api/v1")
        with urllib.request.urlopen(f"{url}/fi/?config", timeout=10) as response:
            told = json.load(response)
        assert (told["maxCalls"], told["timeWindow"], told["maxCells"]) == (5, 2, 2000)
        with pytest.raises(urllib.error.HTTPError, match="503") as caught:
            urllib.request.urlopen(f"{url}/fi/StatFin/vkour", timeout=10)
        caught.value.close()
        with urllib.request.urlopen(f"{url}/fi/StatFin/vkour", timeout=10) as response:
            assert json.load(response)[0]["id"] == "12bs.px"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)
        # not communicate: what readline took in beyond its line would be lost
        out, err = process.stdout.read(), process.stderr.read()
        process.stdout.close()
        process.stderr.close()
    assert (process.returncode, err) == (0, "")
    told_urls = dict(line.split("=", 1) for line in out.splitlines())
    assert told_urls["MITTARISTO_URL_STATFIN"] == url
    assert set(told_urls) >= {"MITTARISTO_URL_STATFIN", "MITTARISTO_URL_CLASSIFICATIONS"}
    assert "MITTARISTO_SYNTHETIC" not in told_urls, "the sample's figures are real"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--misbehave", "explode"], "'explode' is no misbehaviour"),
        (["--misbehave", "500,when=later"], "expected KIND[,table=T][,path=P][,method=M][,times=N]"),
        (["--misbehave", "500,table=x/1"], "no table 'x/1'"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(arguments, message):
    out, err = (process := start(*arguments)).communicate(timeout=60)
    assert process.returncode == 2
    assert message in err
    assert err.count("\n") == 1
    assert out == ""
