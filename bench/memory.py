"""Peak memory of a collection, and of the pages after it, in a process of its own.

That is `python -m bench.memory HOME URLS SCOPE`, the last two as JSON.

The stand-in runs in the process that measures, so that only the collector's memory counts. Prefect's own is not in
it; what the collector imports is.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bench.databases import Databases
from bench.measure import Figure, Goal, Scale
from demo.draft import Which
from demo.sample import sample_scope
from demo.stand_in import StandIn
from demo.synthetic import synthetic_tables
from flows.settings import Settings
from models.catalogue import load_catalogue
from models.ledger import Scope, scope_from_json, scope_to_json

LINE = "memory of a collection in batches of 100,000 cells"
BATCH = 100_000
TABLES = ("tyonv/12ts", "tyokay/115h", "tyokay/115b")  # the largest of the catalogue's, as it asks for them
# The largest of all where every municipality is asked, and the largest of StatFin before it.
LARGEST = ("matk/11lm", "Majoitustilastot/visitfinland_matk_pxt_116n")


def figures(scale: Scale, places: Databases) -> Iterator[Figure]:
    wanted = TABLES if scale.name == "full" else TABLES[-1:]
    yield from _collected(places, wanted, "catalogue")
    if scale.name == "full":
        yield from _collected(places, TABLES, "all")
        yield from _collected(places, LARGEST, "all")


def _collected(places: Databases, wanted: Sequence[str], areas: Which) -> Iterator[Figure]:
    catalogue = load_catalogue()
    everything = synthetic_tables(catalogue, areas=areas)
    tables = {name: everything[name] for name in wanted}
    del everything
    scope = sample_scope(catalogue, tables)
    if areas == "all":
        scope = replace(scope, all_municipalities=frozenset(scope.contents or ()))
    with StandIn(tables, calls=10_000, window=1.0, max_cells=BATCH) as running:
        home = places.folder / f"home-memory-{areas}-{len(wanted)}"
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "bench.memory",
                str(home),
                json.dumps(dict(running.urls)),
                json.dumps(scope_to_json(scope)),
            ],
            capture_output=True,
            text=True,
            timeout=1800,
        )
    if done.returncode:
        raise RuntimeError(f"the collection failed: {done.stderr.strip()[-300:]}")
    said = json.loads(done.stdout.splitlines()[-1])
    asked = "every municipality, " if areas == "all" else ""
    what = f"{asked}{said['calls']} calls, {said['rows']:,} observations of the largest dataset"
    note = f"peak RSS, SQLite; {said['before']:.0f} MB of it before the first call, {said['seconds']:.0f} s"
    yield Figure(LINE, what, said["peak"], Goal("<=", 600, "MB"), note=note)
    yield Figure(
        LINE, f"the pages after it ({what})", said["pages"], Goal("<=", 600, "MB"), note="peak RSS, SQLite"
    )


def _main(home: Path, urls: Mapping[str, str], scope: Scope) -> None:
    from bench.idle import collect_all
    from flows.adopt import adopt
    from flows.pages import build_pages
    from flows.pipeline import open_pipeline

    def peak() -> float:
        # Not ru_maxrss: a process that was just started has inherited that of the one which started it.
        (line,) = (
            one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("VmHWM")
        )
        return int(line.split()[1]) / 1024

    settings = Settings(home=home, database_url=f"sqlite:///{home / 'mittaristo.db'}", urls=urls)
    with open_pipeline(settings) as pipeline:
        adopt(pipeline, scope)
    with open_pipeline(
        settings
    ) as pipeline:  # which asks as many municipalities as the scope that was adopted
        before = peak()
        started = time.monotonic()
        rows = []
        for source in urls:
            ids = [one.id for one in pipeline.catalogue.datasets_of(source) if scope.expects(one.id)]
            if ids:
                rows += [row for row, _ in collect_all(pipeline, scope, ids, lambda: 0.0, source)]
        seconds, collected = time.monotonic() - started, peak()
        assert {row.state for row in rows} == {"fetched"}, rows
        Path("/proc/self/clear_refs").write_text("5")  # from here on the peak is that of the pages
        build_pages(pipeline, rows)
    said = {
        "before": before,
        "peak": collected,
        "pages": peak(),
        "rows": max(row.counts.new for row in rows),
        "calls": sum(row.calls for row in rows),
        "seconds": seconds,
    }
    print(json.dumps(said))


if __name__ == "__main__":
    _main(Path(sys.argv[1]), json.loads(sys.argv[2]), scope_from_json(json.loads(sys.argv[3])))
