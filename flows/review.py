"""What people look at and decide: quarantines, recodes, what the gates would have done, what changed."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

import pandas as pd
from sqlalchemy import Connection

from connectors import SOURCES
from expectations import Snapshot, backtest
from flows.collect import finish_interrupted
from flows.commands import out, parse_moment, print_frame, to_json
from flows.decisions import decide, find
from flows.ingest import in_scope
from flows.judge import turned
from flows.pipeline import Pipeline, kept_scope, open_pipeline
from flows.settings import read_settings
from models import recode
from models.dataset import Dataset
from models.decision import DecisionKind
from models.document import Document
from models.errors import ConfigurationError, MittaristoError, SourceError
from models.observation import observations
from models.resolution import Overrides
from models.restatement import division
from warehouse import raw as raw_index
from warehouse import read
from warehouse.engine import reading
from warehouse.ledger import state_of
from warehouse.lock import hold
from warehouse.quarantine import Quarantine, quarantined
from warehouse.recodes import recodes


def list_quarantine(environ: Mapping[str, str], *, every: bool, as_json: bool) -> None:
    """`mittaristo quarantine list`: what is held back, why, and what to do."""
    with open_pipeline(read_settings(environ)) as pipeline, reading(pipeline.engine) as connection:
        held = quarantined(connection, open_only=not every)
    frame = pd.DataFrame(
        [
            {
                "id": one.quarantine_id,
                "dataset": one.dataset_id,
                "state": one.state,
                "since": one.opened_at.isoformat(timespec="seconds"),
                "reason": one.reason,
            }
            for one in held
        ],
        columns=["id", "dataset", "state", "since", "reason"],
    )
    if as_json:
        out(to_json(frame))
    elif frame.empty:
        out("nothing is in quarantine")
    else:
        print_frame(frame)
        out("see one:   mittaristo quarantine show ID")
        out("let it in: mittaristo quarantine release ID --role ROLE --reason TEXT")
        out("keep out:  mittaristo quarantine reject ID --role ROLE --reason TEXT")


def show_quarantine(environ: Mapping[str, str], quarantine_id: int) -> None:
    """`mittaristo quarantine show`: the rules that failed, their rows, and the old figures against the new."""
    with open_pipeline(read_settings(environ)) as pipeline, reading(pipeline.engine) as connection:
        held = [one for one in quarantined(connection, open_only=False) if one.quarantine_id == quarantine_id]
        if not held:
            raise ConfigurationError(
                f"no quarantine has the number {quarantine_id}; see mittaristo quarantine list"
            )
        one = held[0]
        out(
            f"quarantine {one.quarantine_id}: {one.dataset_id}, {one.state}, since {one.opened_at:%Y-%m-%d %H:%M} UTC"
        )
        if one.state != "open":
            out(f"decided {one.decided_at:%Y-%m-%d %H:%M} UTC by {one.decided_by}: {one.decision_reason}")
        out(f"why: {one.reason}")
        for gate in json.loads(one.report):
            for check in gate["checks"]:
                if not check["passed"]:
                    _say_check(check)
        if one.recode:
            for line in recode.picture(recode.finding_from_json(one.recode)):
                out(line)
        documents = raw_index.indexed(connection, collection_id=one.collection_id)
        out(f"kept answers: {', '.join(document.document_id for document in documents)}")
        try:
            _picture(pipeline, connection, one)
        except MittaristoError as error:
            out(f"no picture of old against new: {error}")


def _say_check(check: Mapping[str, Any]) -> None:
    out(f"  {check['severity']}: {check['rule']}: saw {check['saw']}, expected {check['expected']}")
    if check["cause"]:
        out(f"    likely cause: {check['cause']}")
    for row in check["rows"][:10]:
        out("    " + ", ".join(f"{name} {value}" for name, value in row.items()))


def _picture(pipeline: Pipeline, connection: Any, held: Quarantine) -> None:
    """Bars of the stored against the held figures of the series that differ most, one line a period."""
    if held.dataset_id not in pipeline.catalogue.datasets:
        raise ConfigurationError(f"{held.dataset_id} is no longer in the catalogue")
    dataset = in_scope(pipeline.catalogue.datasets[held.dataset_id], kept_scope(connection))
    parts = [
        (document, pipeline.raw.read(document.sha256))
        for document in raw_index.indexed(connection, collection_id=held.collection_id)
    ]
    overrides = recode.overrides_from_json(state_of(connection, dataset.id).overrides)
    found = SOURCES[dataset.source].read(dataset, pipeline.catalogue.areas_for(dataset), parts, overrides)
    new = observations(found.table, found.resolution, all_preliminary=dataset.preliminary)
    old = read.current(connection, held.dataset_id)
    keys = ["content", "classes", "area_code", "period"]
    both = pd.merge(
        old[[*keys, "value"]].astype(dict.fromkeys(keys, "str")),
        new[[*keys, "value"]].astype(dict.fromkeys(keys, "str")),
        on=keys,
        how="outer",
        suffixes=("_old", "_new"),
    )
    both["gap"] = (both["value_new"] - both["value_old"]).abs().fillna(both["value_old"].abs()).fillna(0)
    if both.empty or not both["gap"].max():
        out("no figure differs from what is stored")
        return
    scale = both.groupby(["content", "classes"])["value_old"].transform(lambda one: one.abs().median())
    both["measure"] = both["gap"] / scale.where(scale > 0, 1)
    worst = both.nlargest(1, "measure")
    series = both.merge(worst[["content", "classes", "area_code"]]).sort_values("period").tail(12)
    named = " ".join(
        str(series[name].iloc[0]) for name in ("content", "classes", "area_code") if series[name].iloc[0]
    )
    out(f"old against new, {named}:")
    top = max(series["value_old"].abs().max(), series["value_new"].abs().max())
    for row in series.to_dict("records"):
        out(f"  {row['period']:>9} old {_bar(row['value_old'], top)}")
        out(f"  {'':>9} new {_bar(row['value_new'], top)}")


def _bar(value: float, top: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{'#' * round(40 * abs(value) / top) if top else ''} {value:.10g}".strip()


def decide_quarantine(
    environ: Mapping[str, str], quarantine_id: int, kind: DecisionKind, role: str, reason: str
) -> None:
    """`mittaristo quarantine release/reject`, `mittaristo recode accept/reject`: keeps the decision and applies it."""
    with open_pipeline(read_settings(environ)) as pipeline:
        with reading(pipeline.engine) as connection:
            held = find(connection, quarantine_id)
        if kind.endswith("_recode") and not held.recode:
            raise ConfigurationError(
                f"quarantine {quarantine_id} is about no recode; use mittaristo quarantine release or reject"
            )
        source = held.dataset_id.partition("/")[0]
        with hold(
            pipeline.engine,
            f"collect {source}",
            f"decision on {quarantine_id}",
            wait_seconds=60,
            lease_seconds=300,
        ):
            finish_interrupted(pipeline, source)
            overrides = (
                recode.overrides_of(recode.finding_from_json(held.recode)) if kind == "accept_recode" else ""
            )
            outcome = decide(pipeline, quarantine_id, kind, role=role, reason=reason, overrides=overrides)
    if outcome is None:
        out(f"{held.dataset_id}: kept out; the last good figures are served on")
        return
    counts = outcome.counts
    out(
        f"{held.dataset_id}: let in; {counts.new} new, {counts.revised} revised, {counts.withdrawn} withdrawn,"
        f" {counts.same} the same"
    )


def show_recodes(environ: Mapping[str, str], dataset_id: str, *, as_json: bool) -> None:
    """`mittaristo recode show`: the codes that sources renamed, with the proof of each."""
    with open_pipeline(read_settings(environ)) as pipeline, reading(pipeline.engine) as connection:
        if dataset_id and dataset_id not in pipeline.catalogue.datasets:
            raise ConfigurationError(f"dataset '{dataset_id}' is not in the catalogue; see mittaristo status")
        logged = recodes(connection, dataset_id or None)
        waiting = [one for one in quarantined(connection, dataset_id=dataset_id or None) if one.recode]
    if as_json:
        rows = [
            {
                "dataset_id": one.dataset_id,
                "recorded_at": one.recorded_at.isoformat(),
                "decided_by": one.decided_by,
                "finding": json.loads(one.finding),
            }
            for one in logged
        ]
        out(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    for one in logged:
        by = f", accepted by {one.decided_by}" if one.decided_by else ", proven by the figures"
        out(f"{one.dataset_id}, {one.recorded_at:%Y-%m-%d %H:%M} UTC{by}")
        for line in recode.picture(recode.finding_from_json(one.finding)):
            out(f"  {line}")
    for held in waiting:
        out(f"{held.dataset_id}: not proven, in quarantine {held.quarantine_id}")
        for line in recode.picture(recode.finding_from_json(held.recode)):
            out(f"  {line}")
        out(f"  accept: mittaristo recode accept {held.quarantine_id} --role ROLE --reason TEXT")
    if not logged and not waiting:
        out("no source has renamed its codes")


def backtest_gates(environ: Mapping[str, str], dataset_id: str) -> None:
    """`mittaristo gates backtest`: every rule over all kept collections, and what it would have held back."""
    with open_pipeline(read_settings(environ)) as pipeline, reading(pipeline.engine) as connection:
        scope = kept_scope(connection)
        chosen = (
            [dataset_id] if dataset_id else [one for one in pipeline.catalogue.datasets if scope.expects(one)]
        )
        found = 0
        for one in chosen:
            if one not in pipeline.catalogue.datasets:
                raise ConfigurationError(f"dataset '{one}' is not in the catalogue; see mittaristo status")
            dataset = in_scope(pipeline.catalogue.datasets[one], scope)
            if dataset.source not in SOURCES:
                continue  # a division of areas has no figures that a rule could hold back
            snapshots = _snapshots(pipeline, connection, dataset)
            for finding in backtest(snapshots, dataset, pipeline.catalogue.exceptions):
                found += 1
                out(
                    f"{one}, {finding.at:%Y-%m-%d %H:%M}: {finding.rule} ({finding.severity}): saw {finding.saw}"
                )
            out(f"{one}: {len(snapshots)} snapshots")
    out(f"{found} findings")


def _snapshots(pipeline: Pipeline, connection: Connection, dataset: Dataset) -> list[Snapshot]:
    """What each kept collection of a dataset said, oldest first; those that cannot be read are left out."""
    areas = pipeline.catalogue.areas_for(dataset)
    accepted = recode.overrides_from_json(state_of(connection, dataset.id).overrides)
    collections: dict[str, list[Document]] = {}
    for document in raw_index.indexed(connection, dataset_id=dataset.id):
        collections.setdefault(document.collection_id, []).append(document)
    found = []
    for documents in collections.values():
        if not any(document.kind == "data" for document in documents):
            continue
        parts = [(document, pipeline.raw.read(document.sha256)) for document in documents]
        readings = []
        for overrides in (accepted, Overrides()):  # what came before a code was accepted does not bear it
            with suppress(SourceError):
                readings.append(SOURCES[dataset.source].read(dataset, areas, parts, overrides))
        if readings:
            seen = min(readings, key=lambda one: len(one.resolution.missing))
            frame = observations(seen.table, seen.resolution, all_preliminary=dataset.preliminary)
            at = max(document.fetched_at for document in documents)
            found.append(Snapshot(at, frame, seen.resolution, division(seen.meta, seen.resolution)))
    return sorted(found, key=lambda one: one.recorded_at)


def show_changes(environ: Mapping[str, str], since: str, *, as_json: bool) -> None:
    """`mittaristo changes`: what is new, revised or withdrawn since a date or instant, and which verdicts turned.

    In JSON a verdict that turned is a row of change_class `verdict`, with verdict_old and verdict_new for figures.
    """
    moment = parse_moment(since, "--since", end_of_day=False)
    with open_pipeline(read_settings(environ)) as pipeline, reading(pipeline.engine) as connection:
        frame = read.changes(connection, moment)
        verdicts = turned(connection, pipeline.catalogue, moment) if len(frame) else None
    turns = [] if verdicts is None else verdicts.to_dict("records")
    if as_json:
        rows = json.loads(to_json(frame.assign(verdict_old=None, verdict_new=None)))
        out(json.dumps(rows + [_turn(row, frame.columns) for row in turns], ensure_ascii=False, indent=1))
        return
    if frame.empty:
        out(f"nothing has changed since {moment:%Y-%m-%d %H:%M} UTC")
        return
    print_frame(frame)
    classes = ", ".join(f"{count} {name}" for name, count in frame["change_class"].value_counts().items())
    out(f"{len(frame)} changes: {classes}")
    for row in turns:
        of_class = f", {row['class_code']}" if row["class_code"] else ""
        out(
            f"verdict turned: {row['indicator_id']}, {row['area_code']}{of_class}: {row['old']} -> {row['new']}"
        )


def _turn(row: Mapping[Any, Any], columns: Iterable[str]) -> dict[str, Any]:
    return dict.fromkeys(columns) | {
        "recorded_at": row["recorded_at"].isoformat(),
        "indicator_id": row["indicator_id"],
        "area": row["area_code"],
        "period": row["period"],
        "class_code": row["class_code"],
        "change_class": "verdict",
        "verdict_old": row["old"],
        "verdict_new": row["new"],
    }
