"""Runs through the real Prefect flow and its temporary server, as cron has them: how Prefect's own database grows.

    python tests/soak/prefect_runs.py --runs 100

All in one home. Half-way all history but the newest run is made to look a year old and is cleared as it would be then
(flows.retention), so that the second half shows whether the database takes the room that became free.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from programme import SOURCE, small_programme

from demo.sample import sample_scope
from demo.stand_in import StandIn
from demo.synthetic import synthetic_tables
from flows.commands import collect_through_prefect
from flows.pipeline import open_pipeline
from flows.prefect_home import apply_up_settings
from flows.settings import Settings, read_settings
from flows.up import SERVER
from models.catalogue import load_catalogue

PATIENCE = 180.0  # seconds for the server to start and to clear
COUNTED = ("flow_run", "task_run", "log", "artifact", "artifact_collection", "events", "event_resources")
# The moments by which Prefect judges what is old.
AGED = {
    "flow_run": ("end_time", "start_time", "expected_start_time"),
    "events": ("occurred",),
    "event_resources": ("occurred",),
}


def prefect_runs(folder: Path, runs: int, every: int, *, by_server: bool = False) -> Iterator[dict[str, Any]]:
    """`runs` runs into the home `folder`/home; what Prefect's database holds after each `every` of them."""
    programme = small_programme(folder / "programme")
    tables = synthetic_tables(load_catalogue(programme))
    home = folder / "home"
    with StandIn(tables, calls=10_000, window=1.0) as stand_in:
        os.environ |= {
            "MITTARISTO_HOME": str(home),
            "MITTARISTO_PROGRAMME": str(programme),
            "MITTARISTO_URL_STATFIN": stand_in.url,
            "XDG_STATE_HOME": str(folder / "state"),
        }
        settings: Settings = read_settings(os.environ)
        with open_pipeline(settings) as pipeline:
            scope = sample_scope(pipeline.catalogue, tables)
        begun = time.perf_counter()
        for number in range(1, runs + 1):
            rows = collect_through_prefect(os.environ, {SOURCE: ()}, force=False, scope=scope)
            if {row.state for row in rows} - {"fetched", "unchanged"}:
                raise SystemExit(f"a run went wrong: {rows}")
            stand_in.requests.clear()
            if number == runs // 2:
                yield measured(home, number, "before", time.perf_counter() - begun)
                make_old(home)
                clear_by_server(home) if by_server else clear_after_run(home)
                yield measured(home, number, "cleared", 0.0)
            elif number % every == 0:
                yield measured(home, number, "", time.perf_counter() - begun)


def measured(home: Path, runs: int, what: str, seconds: float) -> dict[str, Any]:
    """Bytes and rows of Prefect's database, and the files beside it."""
    folder = home / "prefect"
    with closing(sqlite3.connect(folder / "prefect.db", timeout=60.0)) as connection:
        rows = {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in COUNTED}
        # with what is still in the write-ahead log
        pages, page_bytes = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size")
        )
    files = [one for one in folder.rglob("*") if one.is_file()]
    return {
        "runs": runs,
        "what": what,
        "database_bytes": pages * page_bytes,
        "files": len(files),
        "bytes": sum(one.stat().st_size for one in files),
        "seconds": round(seconds, 1),
        "rows": rows,
    }


def make_old(home: Path) -> None:
    """Lets all that Prefect's database tells of have happened a year before, but for the newest run."""
    with closing(sqlite3.connect(home / "prefect" / "prefect.db", timeout=60.0)) as connection:
        (young,) = connection.execute("SELECT id FROM flow_run ORDER BY start_time DESC LIMIT 1").fetchone()
        for table, columns in AGED.items():
            for column in columns:
                connection.execute(
                    f"UPDATE {table} SET {column} = strftime('%Y-%m-%d %H:%M:%f000', {column}, '-365 days')"
                    " WHERE id <> ?",
                    (young,),
                )
        connection.commit()


def clear_after_run(home: Path) -> None:
    """Clears the history as `mittaristo run` does after a run, though it did so today already."""
    from flows.retention import MARK, forget_old_runs  # here: Prefect reads its settings when it is imported

    (home / "prefect" / MARK).unlink(missing_ok=True)
    if not forget_old_runs():
        raise SystemExit("the history was not cleared")


def clear_by_server(home: Path) -> None:
    """Lets the server of `mittaristo up` clear the history, which it does every second here and not every hour."""
    environ = {name: one for name, one in os.environ.items() if not name.startswith("PREFECT_")}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        environ["PREFECT_SERVER_API_PORT"] = str(free.getsockname()[1])
    apply_up_settings(environ, home)
    for name in ("LOOP_SECONDS", "ORPHAN_CLEANUP_LOOP_SECONDS"):
        environ[f"PREFECT_SERVER_SERVICES_DB_VACUUM_{name}"] = "1"
    silent = subprocess.DEVNULL
    # it ends when its standard input is closed
    server = subprocess.Popen(SERVER, env=environ, stdin=subprocess.PIPE, stdout=silent, stderr=silent)
    try:
        until = time.monotonic() + PATIENCE
        while any(old_of(home).values()):
            if time.monotonic() > until or server.poll() is not None:
                raise SystemExit(f"the server did not clear the history: {old_of(home)} are left")
            time.sleep(0.5)
    finally:
        server.terminate()
        server.wait(60)


def old_of(home: Path) -> dict[str, int]:
    """What is left of a year ago: runs and events, and logs and artifacts of runs that are no more."""
    orphaned = "SELECT count(*) FROM {} WHERE flow_run_id NOT IN (SELECT id FROM flow_run)"
    queries = {
        "flow_run": "SELECT count(*) FROM flow_run WHERE end_time < datetime('now', '-200 days')",
        "events": "SELECT count(*) FROM events WHERE occurred < datetime('now', '-200 days')",
        "log": orphaned.format("log"),
        "artifact": orphaned.format("artifact"),
    }
    with closing(sqlite3.connect(home / "prefect" / "prefect.db", timeout=60.0)) as connection:
        return {name: int(connection.execute(query).fetchone()[0]) for name, query in queries.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--every", type=int, default=10)
    parser.add_argument("--by-server", action="store_true", help="clear by the server of mittaristo up")
    parser.add_argument("--out", type=Path, help="a file for the samples, a line of JSON each")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mt-prefect-", ignore_cleanup_errors=True) as folder:
        for one in prefect_runs(Path(folder), asked.runs, asked.every, by_server=asked.by_server):
            sys.stdout.write(f"{json.dumps(one)}\n")
            sys.stdout.flush()
            if asked.out is not None:
                with asked.out.open("a", encoding="utf-8") as file:
                    file.write(f"{json.dumps(one)}\n")


if __name__ == "__main__":
    main()
