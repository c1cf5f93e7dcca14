"""dlt's merge of the same rows by the same key, run in a process of its own: `python -m bench.dlt_merge ...`.

dlt gets what is quickest for it: one Arrow table at a time, no type guessing by rows, no telemetry. It keeps one
current table and no history, so that it does less than `store`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.engine import make_url

from bench.databases import Databases
from bench.frames import observations_of, revised
from bench.measure import Figure, Scale, faster
from bench.storing import Loader

LINE = "against dlt's merge of the same rows"
KEY = ("content", "classes", "area_code", "period")


def figures(scale: Scale, places: Databases) -> Iterator[Figure]:
    frame = observations_of(scale.rows)
    later = revised(frame, 1)
    ours: dict[str, float] = {}
    with places.warehouse("postgresql") as engine:
        load = Loader(engine)
        ours["first"] = load(frame)[0]
        ours["1 % revised"] = load(later)[0]
    with places.url("postgresql") as url, tempfile.TemporaryDirectory(prefix="mt-dlt-") as folder:
        theirs = _in_its_own_process(url, Path(folder), scale.rows)
    for what, seconds in ours.items():
        times = {"ours": seconds, "dlt": theirs[what]}
        yield faster(LINE, f"PostgreSQL, {scale.rows:,}, {what}", times, "dlt", 3)


def _in_its_own_process(url: str, folder: Path, rows: int) -> dict[str, float]:
    quiet = {
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "ERROR",
        "DLT_DATA_DIR": str(folder / "data"),
        "DLT_PROJECT_DIR": str(folder),
        "HOME": str(folder),
    }
    done = subprocess.run(
        [sys.executable, "-m", "bench.dlt_merge", url, str(rows)],
        env={**os.environ, **quiet},
        capture_output=True,
        text=True,
        timeout=600,
    )
    if done.returncode:
        raise RuntimeError(f"dlt failed: {done.stderr.strip()[-300:]}")
    said: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return said


def _main(url: str, rows: int) -> None:
    import dlt
    import pyarrow as pa

    # dlt wants a host in the address; the one in its query, our socket's folder, is what is used
    address = make_url(url).set(host="localhost").render_as_string(hide_password=False)
    pipeline = dlt.pipeline(
        pipeline_name="bench", destination=dlt.destinations.postgres(address), dataset_name="by_dlt"
    )
    frame = observations_of(rows)
    taken = {}
    for number, (what, one) in enumerate({"first": frame, "1 % revised": revised(frame, 1)}.items()):
        texts = one.astype({name: "str" for name in one.columns if name != "value"})
        table = pa.Table.from_pandas(
            texts.assign(recorded_at=datetime(2026, 1, 1 + number, tzinfo=UTC)), preserve_index=False
        )
        started = time.perf_counter()
        pipeline.run(table, table_name="observation", write_disposition="merge", primary_key=list(KEY))
        taken[what] = time.perf_counter() - started
    with pipeline.sql_client() as client:
        counted = client.execute_sql("SELECT count(*) FROM observation")
    assert counted is not None and counted[0][0] == rows, counted
    print(json.dumps(taken))


if __name__ == "__main__":
    _main(sys.argv[1], int(sys.argv[2]))
