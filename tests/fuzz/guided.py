"""Coverage-guided fuzzing of the readers with Atheris: `make fuzz SECONDS=60`, or `python -m tests.fuzz.guided --help`.

Each target runs in a process of its own. Some inputs are valid ones changed as tests/fuzz/mutate.py changes them, where
libFuzzer's bytes make the choices; the others are libFuzzer's own, which begins from the valid ones and the kept cases.
An input that breaks the promise is written to tests/fuzz/found/<target>/; once the reader is mended it belongs under
tests/fuzz/cases/<target>/, where the quick tests replay it.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

HERE = Path(__file__).parent
FOUND = HERE / "found"
RSS_MB = 1500  # of a whole process: interpreter, pandas and Atheris have half a gigabyte of it
CHANGED = b"\xfd"  # the first byte of an input that is a row of choices


def main() -> int:
    """Run the targets one after the other; 1 where one broke its promise."""
    parser = argparse.ArgumentParser(description="Coverage-guided fuzzing of the readers.")
    parser.add_argument("targets", nargs="*", help="names of targets; all where none is given")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--corpus", help=argparse.SUPPRESS)  # of the process of one target
    asked = parser.parse_args()
    if asked.corpus:
        _fuzz(asked.targets[0], asked.seconds, Path(asked.corpus))
        return 0
    from tests.fuzz.targets import TARGETS

    unknown = sorted(set(asked.targets) - set(TARGETS))
    if unknown:
        parser.error(f"there is no target {unknown[0]}; targets are {', '.join(TARGETS)}")
    broken = []
    for name in asked.targets or list(TARGETS):
        print(f"--- {name}: {asked.seconds} s", flush=True)
        before = _found(name)
        with tempfile.TemporaryDirectory(prefix="mittaristo-fuzz-") as corpus:
            command = [sys.executable, "-m", "tests.fuzz.guided", name]
            command += ["--seconds", str(asked.seconds), "--corpus", corpus]
            ended = subprocess.run(command, check=False).returncode
            for path in Path(corpus).glob("*-*"):  # what libFuzzer itself wrote: too slow, or too much memory
                _keep(name, path.read_bytes())
        if ended != 0 or _found(name) != before:
            broken.append(name)
    if broken:
        print(f"broken: {', '.join(broken)}; the inputs are under {FOUND}")
        return 1
    print("no promise was broken")
    return 0


def _found(name: str) -> set[str]:
    return {path.name for path in (FOUND / name).glob("*")}


def _keep(name: str, body: bytes) -> Path:
    path = FOUND / name / hashlib.sha256(body).hexdigest()[:16]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    return path


def _where(error: Exception) -> tuple[str, str]:
    """What tells one fault from another: the kind of error, and the line it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    return type(error).__name__, f"{frames[-1].filename}:{frames[-1].lineno}"


def _fuzz(name: str, seconds: int, corpus: Path) -> None:
    import atheris

    with atheris.instrument_imports(include=["connectors", "models", "flows.commands", "reports.forms"]):
        from tests.fuzz.targets import CASES, TARGETS, keep_promise

    target = TARGETS[name]
    seeds = target.seeds()
    seen: set[tuple[str, str]] = set()

    def one(data: bytes) -> None:
        body = data
        if data.startswith(CHANGED):
            choices = atheris.FuzzedDataProvider(data[1:])

            def below(n: int) -> int:
                return int(choices.ConsumeIntInRange(0, n - 1))

            body = target.change(seeds[below(len(seeds))], below)
        try:
            keep_promise(target, body)
        except Exception as error:  # and on: one run shall find more than one fault
            if (where := _where(error)) not in seen:
                seen.add(where)
                print(f"{' at '.join(where)}: {str(error)[:300]!r}\nkept as {_keep(name, body)}", flush=True)

    begin = [*seeds, *(path.read_bytes() for path in (CASES / name).glob("*"))]
    begin += [CHANGED + hashlib.sha512(bytes([number])).digest() * 2 for number in range(40)]
    for number, body in enumerate(begin):
        (corpus / str(number)).write_bytes(body)
    flags = [
        f"-max_total_time={seconds}",
        f"-rss_limit_mb={RSS_MB}",
        f"-artifact_prefix={corpus}/",
        "-timeout=60",
        "-max_len=300000",
        "-len_control=0",
        "-print_final_stats=1",
        "-verbosity=0",
    ]
    atheris.Setup([sys.argv[0], *flags, str(corpus)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
