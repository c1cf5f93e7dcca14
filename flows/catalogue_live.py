"""The catalogue against the sources as they answer now: `mittaristo catalogue check --live` and `mittaristo propose`.

Nothing is stored: answers are looked at and forgotten, and the warehouse is only asked which codes were known.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from connectors import SOURCES, Connector
from connectors.http import Http
from connectors.pxweb import Limits, Query, cells, plan
from connectors.pxweb_source import PxWebSource
from flows.commands import out
from flows.pipeline import VERSION, Pipeline, open_pipeline
from flows.settings import read_settings
from models import recode
from models.catalogue.load import PACKAGED
from models.dataset import Dataset
from models.document import Answer, as_documents
from models.errors import ConfigurationError, SourceError
from models.proposal import Proposal, propose
from models.resolution import resolve
from warehouse.engine import reading
from warehouse.ledger import state_of

_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_STEPS = {
    "verified": "",
    "partly": "; its labels may be set to verified",
    "assumed": "; its labels may be set to verified",
}


@dataclass(frozen=True)
class Checked:
    """One dataset against its source: `state` is confirmed, differs (what to change is in `message`) or failed."""

    dataset_id: str
    labels: str
    state: str
    message: str
    calls: int
    cells: int


def check_live(
    environ: Mapping[str, str], sources: Sequence[str], datasets: Sequence[str], *, as_json: bool
) -> int:
    """`mittaristo catalogue check --live`: a line a dataset; 0 where all are confirmed, else 1."""
    with open_pipeline(read_settings(environ)) as pipeline:
        wanted = _wanted(pipeline, sources, datasets)
        found: list[Checked] = []
        for source in dict.fromkeys(one.source for one in wanted):
            found.extend(_check_source(pipeline, source, [one for one in wanted if one.source == source]))
    if as_json:
        out(json.dumps([asdict(one) for one in found], ensure_ascii=False, indent=1))
    else:
        for one in found:
            out(f"{one.dataset_id}: {one.state} (labels {one.labels}): {one.message}")
        states = [one.state for one in found]
        out(
            f"{len(found)} datasets: "
            + ", ".join(f"{states.count(name)} {name}" for name in ("confirmed", "differs", "failed"))
            + f"; a collection of them all costs {sum(one.calls for one in found)} calls"
            f" and {sum(one.cells for one in found)} cells"
        )
    return 0 if all(one.state == "confirmed" for one in found) else 1


def _wanted(pipeline: Pipeline, sources: Sequence[str], datasets: Sequence[str]) -> list[Dataset]:
    catalogue = pipeline.catalogue
    for dataset_id in datasets:
        if dataset_id not in catalogue.datasets:
            raise ConfigurationError(f"dataset '{dataset_id}' is not in the catalogue; see mittaristo status")
    for source in sources:
        if source not in SOURCES:
            raise ConfigurationError(
                f"source '{source}' is not connected; connected are {', '.join(SOURCES)}"
            )
    return [
        one
        for one in catalogue.datasets.values()
        if one.source in SOURCES
        and (one.id in datasets if datasets else not sources or one.source in sources)
    ]


def _http(pipeline: Pipeline, source: str, kept: list[Answer]) -> Http:
    return Http(
        contact=pipeline.settings.contact,
        version=VERSION,
        keep=kept.append,
        limits_folder=pipeline.limits_folder,
        allowed=(pipeline.base_url(source),),
        inside=tuple(pipeline.settings.urls.values()),
    )


def _check_source(pipeline: Pipeline, source: str, datasets: Sequence[Dataset]) -> list[Checked]:
    connector, base_url = SOURCES[source], pipeline.base_url(source)
    kept: list[Answer] = []
    with _http(pipeline, source, kept) as http:
        try:
            limits = connector.config(base_url, http)
        except SourceError as error:
            return [Checked(one.id, one.labels, "failed", str(error), 0, 0) for one in datasets]
        found = []
        for dataset in datasets:
            try:
                if isinstance(connector, PxWebSource):
                    found.append(_check_table(pipeline, connector, dataset, http, limits))
                else:
                    kept.clear()
                    found.append(_check_other(pipeline, connector, dataset, http, limits, kept))
            except SourceError as error:
                found.append(Checked(dataset.id, dataset.labels, "failed", str(error), 0, 0))
    return found


def _check_table(
    pipeline: Pipeline, connector: PxWebSource, dataset: Dataset, http: Http, limits: Limits
) -> Checked:
    """By the table's description alone."""
    with reading(pipeline.engine) as connection:
        state = state_of(connection, dataset.id)
    known = recode.known_from_json(state.known_codes)
    areas = pipeline.catalogue.areas_for(dataset)
    meta = connector.describe(dataset, pipeline.base_url(dataset.source), http, limits, known)
    resolution = resolve(dataset, meta, areas, recode.overrides_from_json(state.overrides))
    queries = plan(resolution, limits)
    wrong = [f"{one.what} {one.key}: {one.reason}" for one in resolution.missing if one.what != "area"]
    lacking = [one.key for one in resolution.missing if one.what == "area"]
    changes = recode.changed_codes(known, resolution) if known is not None else ()
    parts = [
        f"{len(resolution.contents)} contents, {len(resolution.areas)} areas, {len(resolution.periods)} periods"
        f" {resolution.periods[0]}-{resolution.periods[-1]}"
    ]
    if lacking:
        parts.append(f"no figures for {len(lacking)} areas ({', '.join(lacking[:5])})")
    if changes:
        parts.append("codes moved since the last collection: " + "; ".join(str(one) for one in changes[:5]))
    if meta.table != dataset.table:
        parts.append(f"the table answers as {meta.table} now")
    if wrong:
        text = "; ".join([*wrong, *parts])
        return Checked(dataset.id, dataset.labels, "differs", text, len(queries) + 1, _cells(queries))
    return Checked(
        dataset.id,
        dataset.labels,
        "confirmed",
        "; ".join(parts) + _STEPS[dataset.labels],
        len(queries) + 1,
        _cells(queries),
    )


def _cells(queries: Sequence[Query]) -> int:
    return sum(cells(one) for one in queries)


def _check_other(
    pipeline: Pipeline,
    connector: Connector,
    dataset: Dataset,
    http: Http,
    limits: Limits,
    kept: list[Answer],
) -> Checked:
    """By a collection that is not stored: these sources describe themselves only by answering."""
    areas = pipeline.catalogue.areas_for(dataset)
    before = http.calls
    connector.fetch(dataset, areas, pipeline.base_url(dataset.source), http, limits)
    reading_ = connector.read(dataset, areas, as_documents(kept))
    resolution, size = reading_.resolution, len(reading_.table.frame)
    lacking = [one.key for one in resolution.missing if one.what == "area"]
    text = (
        f"{len(resolution.contents)} contents, {len(resolution.areas)} areas,"
        f" {len(resolution.periods)} periods {resolution.periods[0]}-{resolution.periods[-1]}"
    )
    if lacking:
        text += f"; no figures for {len(lacking)} areas ({', '.join(lacking[:5])})"
    return Checked(
        dataset.id, dataset.labels, "confirmed", text + _STEPS[dataset.labels], http.calls - before, size
    )


def propose_table(environ: Mapping[str, str], name: str, *, write: bool) -> int:
    """`mittaristo propose`: prints a ready entry for a table, or with `write` puts it into the catalogue's folder."""
    settings = read_settings(environ)
    with open_pipeline(settings) as pipeline:
        source, table = _table(name)
        made = _proposal(pipeline, source, table)
    folder = Path(settings.programme or PACKAGED)
    stem = f"{source}_{table.replace('/', '_')}".lower()
    files = {
        folder / "datasets" / f"{stem}.yaml": made.dataset_yaml,
        folder / "indicators" / f"{stem}.yaml": made.indicators_yaml,
    }
    if write:
        taken = [path for path in files if path.exists()]
        if taken:
            raise ConfigurationError(f"{_shown(taken[0])} is there already; remove it, or edit it by hand")
        for path, text in files.items():
            path.write_text(text, encoding="utf-8")
            out(f"written: {_shown(path)}")
    else:
        for path, text in files.items():
            out(f"# ---- {path.parent.name}/{path.name}")
            out(text)
    out("# Newest figures of the table:")
    for row in made.sample:
        out(f"#   {row}")
    out("# Next: mittaristo catalogue check")
    out(f"#       mittaristo run --dataset {made.dataset_id}")
    out(f"#       mittaristo show {made.indicator_ids[0]}")
    return 0


def _shown(path: Path) -> str:
    return os.path.relpath(path)


def _table(name: str) -> tuple[str, str]:
    """Source and table of StatFin/ssaaty/121w; without a database before them, of StatFin."""
    parts = [one for one in name.strip().removesuffix(".px").split("/") if one]
    databases = {one.database.lower(): one for one in SOURCES.values() if isinstance(one, PxWebSource)}
    chosen = databases.get(parts[0].lower()) if len(parts) == 3 else SOURCES["statfin"]
    named = all(_PART.fullmatch(one) for one in parts)  # it goes into an address and into the names of files
    if not isinstance(chosen, PxWebSource) or len(parts) not in (2, 3) or not named:
        known = ", ".join(f"{one.database}/<subject>/<table>" for one in databases.values())
        raise ConfigurationError(f"'{name}' is no table; write it as {known}, e.g. StatFin/ssaaty/121w")
    return chosen.name, "/".join(parts[-2:])


def _proposal(pipeline: Pipeline, source: str, table: str) -> Proposal:
    connector = SOURCES[source]
    if not isinstance(connector, PxWebSource):
        raise ConfigurationError(f"source '{source}' has no tables to propose")
    base_url = pipeline.base_url(source)
    with _http(pipeline, source, []) as http:
        limits = connector.config(base_url, http)
        look = connector.look(table, base_url, http, limits)
    catalogue = pipeline.catalogue
    return propose(
        look,
        dataset_ids=catalogue.datasets,
        indicator_ids=catalogue.indicators,
        programme_area=catalogue.programme.areas[0].id,
    )
