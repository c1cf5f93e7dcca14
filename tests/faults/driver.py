"""The process that does what is killed or disturbed, in children of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


class Driver:
    """The process whose children do the jobs: a script of this folder that reads a job a line and answers each."""

    def __init__(self, script: str, folder: Path) -> None:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("MITTARISTO_", "PREFECT_"))}
        ours = {
            "PYTHONPATH": str(ROOT),
            "PYTHONHASHSEED": "0",  # the same steps in the same order
            "XDG_STATE_HOME": str(folder / "state"),
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",  # what calls for a server fails at once
        }
        self._said = (folder / "driver.log").open("w+")
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name(script))],
            cwd=folder,
            env=kept | ours,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
        )

    def __call__(self, **job: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"the driver is gone\n{self.said()}"
        found: dict[str, Any] = json.loads(answer)
        return found

    def said(self) -> str:
        self._said.seek(0)
        return self._said.read()[-3000:]

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(30)
        finally:
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()
            self._said.close()
