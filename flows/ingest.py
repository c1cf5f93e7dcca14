"""From the kept documents of one collection to the warehouse: the same way live, after a crash, on a person's
decision, when the catalogue changed, and in a replay.

Nothing here calls a source. What comes out depends on the documents, the catalogue and the warehouse alone, and all
times that are stored come from the documents, so that a replay gives the same warehouse.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from sqlalchemy import Connection

from connectors import SOURCES, classifications
from connectors.jsonstat import canonical_checksum
from expectations import check_history, check_observations, check_source
from expectations.suites import AREAS_RULE
from flows import areas
from flows.arrays import give_back_freed
from flows.derive import derive, reads
from flows.pipeline import Pipeline
from models import recode
from models.absence import absent
from models.dataset import Dataset
from models.decision import Decision
from models.divisions import DivisionError, layout_from_json, layout_to_json
from models.document import Document
from models.errors import SourceError
from models.formula import is_plain
from models.freshness import late_after, next_expected
from models.ledger import Counts, GateReport, LedgerState, Scope
from models.observation import class_keys, observations
from models.reading import Reading
from models.recode_evidence import Swap
from models.release_rhythm import expected
from models.resolution import Missing, Overrides
from models.restatement import division, restated_areas
from warehouse import read
from warehouse.engine import shrink
from warehouse.ledger import DatasetState, set_state, state_of, states
from warehouse.load import store
from warehouse.quarantine import clear_quarantine, open_quarantine
from warehouse.recodes import log_recode
from warehouse.releases import note_release, releases


@dataclass(frozen=True)
class Ingested:
    """What became of one collection: the ledger's state and message, what was written, which indicators got nothing."""

    state: LedgerState
    message: str
    counts: Counts = field(default_factory=Counts)
    released_at: datetime | None = None
    lost: tuple[str, ...] = ()
    gates: tuple[GateReport, ...] = ()


@dataclass(frozen=True)
class Context:
    """What a collection is read with: the dataset as the scope has it, and whose run it was."""

    pipeline: Pipeline
    dataset: Dataset
    scope: Scope
    run_id: str
    collection_id: str

    @property
    def fingerprint(self) -> str:
        """Changes when kept bytes must be read again: the entry, the areas, the contents in scope, the program."""
        contents = (
            ",".join(choice.key for choice in self.dataset.query.contents) if self.dataset.query else ""
        )
        text = f"{self.pipeline.version} {self.pipeline.catalogue.dataset_fingerprint(self.dataset.id)} {contents}"
        return hashlib.sha256(text.encode()).hexdigest()


def in_scope(dataset: Dataset, scope: Scope) -> Dataset:
    """`dataset` with the contents that the scope holds, all of them where it holds everything."""
    if scope.contents is None or dataset.query is None:
        return dataset
    held = scope.contents.get(dataset.id, frozenset())
    contents = tuple(choice for choice in dataset.query.contents if choice.key in held)
    return replace(dataset, query=replace(dataset.query, contents=contents))


def ingest(
    connection: Connection,
    context: Context,
    documents: Sequence[Document],
    *,
    decision: Decision | None = None,
    recorded_at: datetime | None = None,
) -> Ingested:
    """Reads, checks and stores one collection inside `connection`'s transaction.

    `decision` is a person's word on what was held back; it lets the gates' objections pass. `recorded_at` is the time
    under which new vintages are known: the decision's, the catalogue's, else that of the last answer. Raises
    SourceError where the documents cannot be read as this dataset; nothing is written then.
    """
    read_again = recorded_at is not None
    recorded_at = recorded_at or (
        decision.decided_at if decision else max(one.fetched_at for one in documents)
    )
    dataset, catalogue = context.dataset, context.pipeline.catalogue
    state = state_of(connection, dataset.id)
    overrides = recode.overrides_from_json(state.overrides)
    if decision is not None:
        overrides = recode.merged(overrides, recode.overrides_from_json(decision.overrides))
    parts = [(document, context.pipeline.raw.read(document.sha256)) for document in documents]
    if dataset.source == classifications.SOURCE:
        return _ingest_divisions(connection, context, parts, recorded_at)
    checksum = _checksum(parts)
    reading = _read(context, parts, overrides, state)
    same = checksum == state.canonical_sha256 and _is_current(context, state)
    if same and decision is None and not _missing(reading):
        set_state(
            connection,
            dataset.id,
            release_query=SOURCES[dataset.source].release_query(reading) or None,
            last_release=reading.table.updated,
            last_fetch=recorded_at,
        )
        message = "the source has a new date but the same figures"
        return Ingested("unchanged", message, released_at=reading.table.updated)

    gates = [check_source(reading, dataset)]
    if gates[0].held_back and decision is not None:
        raise SourceError(
            f"{dataset.id}: what was kept is not whole and cannot be released: {gates[0].reason}"
        )
    if gates[0].held_back:
        return _hold_back(connection, context, gates, checksum, recorded_at)
    frame = observations(reading.table, reading.resolution, all_preliminary=dataset.preliminary)
    reading = _without_cells(reading)

    stored = read.current(connection, dataset.id)
    past = read.revisions(connection, dataset.id)
    shrink(connection)  # what was read is the most that the following steps have to hold
    give_back_freed()
    known = recode.known_from_json(state.known_codes)
    finding = recode.examine(known, reading.resolution, frame, stored, past)
    if decision is None and finding.state == "unproven":
        return _hold_back(connection, context, gates, checksum, recorded_at, finding)
    if finding.state == "proven":
        overrides = recode.merged(overrides, finding.overrides)
    if reading.resolution.proposals:  # read once more without the codes on trial
        reading = _read(context, parts, overrides, replace(state, known_codes=""))
        frame = observations(reading.table, reading.resolution, all_preliminary=dataset.preliminary)
        reading = _without_cells(reading)
    del parts

    gates.append(check_observations(frame, dataset, bounds(context), reading.resolution))
    layout_before = layout_from_json(state.layout)
    layout = areas.layout_of(layout_before, reading, dataset)
    ended = areas.ended(connection, layout, reading)
    absence = absent(stored, frame, reading.resolution, dataset, ended=ended)
    now = division(reading.meta, reading.resolution)
    restated = restated_areas(stored, frame, division_before=state.division, division_now=now)
    codes = {area.code for area in catalogue.areas_for(dataset)} | {catalogue.areas.region.code}
    restated |= areas.moved(connection, layout_before, layout, codes)
    gates.append(
        check_history(
            frame,
            stored,
            past,
            dataset,
            absence=absence,
            restated=restated,
            exceptions=catalogue.exceptions,
            today=recorded_at.date(),
        )
    )
    swaps = recode.swapped(frame, stored)
    if decision is None and (swaps or any(gate.held_back for gate in gates)):
        return _hold_back(connection, context, gates, checksum, recorded_at, swaps=swaps)

    counts = store(
        connection,
        dataset.id,
        frame,
        run_id=context.run_id,
        collection_id=context.collection_id,
        recorded_at=recorded_at,
        source_updated_at=reading.table.updated,
        synthetic=context.scope.synthetic,
        absent=absence.gone if decision is not None else "keep",
        restated=restated,
    )
    del frame, stored, past, absence  # the indicators are read from the warehouse, part by part
    lost = _lost(context, _missing(reading))
    set_state(connection, dataset.id, layout=layout_to_json(layout))  # the sums go by it
    derive(
        connection,
        catalogue,
        [one for one in catalogue.indicators_of(dataset.id) if one.id not in lost],
        run_id=context.run_id,
        collection_id=context.collection_id,
        recorded_at=recorded_at,
        source_updated_at=reading.table.updated,
        synthetic=context.scope.synthetic,
        restated=restated,
    )
    notes = list(ended.values())
    if any(one.region == "sum" for one in catalogue.indicators_of(dataset.id)):
        notes.extend(areas.summing(connection, catalogue, [dataset.id]).problems.values())
    if finding.state == "proven" or (decision is not None and finding.state == "unproven"):
        log_recode(
            connection,
            dataset.id,
            finding,
            recorded_at=recorded_at,
            decided_by=decision.role if decision else "",
        )
        notes.append(f"recoded: {finding.reason}")
    is_news = decision is None and not read_again  # what is read again under a new entry says nothing new
    if is_news and clear_quarantine(
        connection, dataset.id, decided_at=recorded_at, reason="a later fetch passed the gates"
    ):
        notes.append("quarantine cleared: this fetch passed the gates")
    # keys that the table lost stay known, so that they must be proven when they return; a person's word ends that
    now_known = recode.known_codes(reading.resolution, reading.meta, None if decision else known)
    _remember(connection, context, reading, checksum, recorded_at, overrides, now_known)
    return _ingested(reading, counts, lost, notes, gates, len(catalogue.areas_for(dataset)))


def _ingest_divisions(
    connection: Connection,
    context: Context,
    parts: Sequence[tuple[Document, bytes]],
    recorded_at: datetime,
) -> Ingested:
    """The same for divisions of areas: they are put to use, and the sums to the region are computed by them."""
    dataset, catalogue = context.dataset, context.pipeline.catalogue
    found = classifications.read(parts)
    try:
        taken = areas.take(connection, found, context.collection_id, recorded_at=recorded_at)
    except DivisionError as error:
        raise SourceError(f"{dataset.id}: {error}") from error
    if taken.differs:
        stored = {one for one, state in states(connection).items() if state.collection_id}
        region = catalogue.areas.region.code
        restated = areas.moved_between(connection, min(found) - 1, max(found), [region])
        derive(
            connection,
            catalogue,
            [
                one
                for one in catalogue.indicators.values()
                if one.region == "sum" and one.formula is not None and stored.intersection(one.datasets)
            ],
            run_id=context.run_id,
            collection_id=context.collection_id,
            recorded_at=recorded_at,
            source_updated_at=None,
            synthetic=context.scope.synthetic,
            restated=restated,
        )
    released_at = datetime(taken.newest, 1, 1, tzinfo=UTC)
    year_before = str(
        taken.newest - 1
    )  # a division of 1 January is what is known at the end of the year before
    set_state(
        connection,
        dataset.id,
        state="fetched",
        last_release=released_at,
        last_fetch=recorded_at,
        next_expected=next_expected(dataset, year_before),
        late_after=late_after(dataset, year_before),
        judged_on=context.scope.today.get(dataset.id),
        entry_fingerprint=context.fingerprint,
        collection_id=context.collection_id,
    )
    return Ingested("fetched" if taken.is_new else "unchanged", taken.message, released_at=released_at)


def bounds(context: Context) -> dict[tuple[str, str] | str, tuple[float | None, float | None]]:
    """Bounds by content and class key, from the indicators that show such a series as it is published."""
    found: dict[tuple[str, str] | str, tuple[float | None, float | None]] = {}
    for indicator in context.pipeline.catalogue.indicators_of(context.dataset.id):
        if indicator.formula is None or not is_plain(indicator.formula):
            continue
        (one,) = indicator.inputs.values()
        for classes in class_keys(context.dataset, one.classes):
            low, high = found.get((one.content, classes), (indicator.valid_min, indicator.valid_max))
            found[one.content, classes] = (
                None if low is None or indicator.valid_min is None else min(low, indicator.valid_min),
                None if high is None or indicator.valid_max is None else max(high, indicator.valid_max),
            )
    return found


def _checksum(parts: Sequence[tuple[Document, bytes]]) -> str:
    """The checksum of the content that matters of all data documents, in whatever order and how often they came."""
    sums = {
        canonical_checksum(body, document.content_type)
        for document, body in parts
        if document.kind == "data" and document.status == 200
    }
    return hashlib.sha256(" ".join(sorted(sums)).encode()).hexdigest()


def _missing(reading: Reading) -> list[Missing]:
    return [one for one in reading.resolution.missing if one.what != "area"]


def _read(
    context: Context, parts: Sequence[tuple[Document, bytes]], overrides: Overrides, state: DatasetState
) -> Reading:
    connector = SOURCES[context.dataset.source]
    areas = context.pipeline.catalogue.areas_for(context.dataset)
    known = recode.known_from_json(state.known_codes)
    return connector.read(context.dataset, areas, parts, overrides, known)


def _without_cells(reading: Reading) -> Reading:
    """What the source says of itself, once its cells are observations: both are as large as the dataset."""
    return replace(reading, table=replace(reading.table, frame=reading.table.frame.iloc[:0].copy()))


def _is_current(context: Context, state: DatasetState) -> bool:
    """Whether what is stored was read under the present entry, and nothing is held back."""
    return state.entry_fingerprint == context.fingerprint and state.state == "fetched"


def _hold_back(
    connection: Connection,
    context: Context,
    gates: Sequence[GateReport],
    checksum: str,
    recorded_at: datetime,
    finding: recode.RecodeFinding | None = None,
    swaps: Sequence[Swap] = (),
) -> Ingested:
    reasons = [gate.reason for gate in gates if gate.held_back]
    if finding is not None and finding.state == "unproven":
        reasons.insert(0, f"codes changed and the figures do not prove the new ones: {finding.reason}")
    reasons.extend(f"the figures of {one.content} are those stored for {one.other}" for one in swaps)
    reason = "; ".join(reasons)
    number = open_quarantine(
        connection,
        dataset_id=context.dataset.id,
        run_id=context.run_id,
        collection_id=context.collection_id,
        reason=reason,
        reports=gates,
        recode="" if finding is None or finding.state == "none" else finding.to_json(),
        checksum=checksum,
        opened_at=recorded_at,
    )
    set_state(connection, context.dataset.id, state="quarantined")
    message = f"quarantine {number}: {reason}; the last good figures are still served"
    return Ingested("quarantined", message, gates=tuple(gates))


def _lost(context: Context, missing: Sequence[Missing]) -> tuple[str, ...]:
    """The indicators that read something the table no longer has."""
    dataset_id = context.dataset.id
    gone = [
        {"content": one.key} if one.what == "content" else {"class_value": _class_value(one.key)}
        for one in missing
    ]
    return tuple(
        indicator.id
        for indicator in context.pipeline.catalogue.indicators_of(dataset_id)
        if any(reads(one, dataset_id, **what) for what in gone for one in indicator.inputs.values())
    )


def _class_value(key: str) -> tuple[str, str]:
    name, _, value = key.partition("=")
    return name, value


def _remember(
    connection: Connection,
    context: Context,
    reading: Reading,
    checksum: str,
    recorded_at: datetime,
    overrides: Overrides,
    codes: recode.KnownCodes,
) -> None:
    dataset, resolution = context.dataset, reading.resolution
    newest = max(resolution.periods)
    note_release(connection, dataset.id, newest, released_at=reading.table.updated, seen_at=recorded_at)
    next_one, late_after_day = expected(dataset, newest, releases(connection, dataset.id))
    set_state(
        connection,
        dataset.id,
        state="fetched",
        release_query=SOURCES[dataset.source].release_query(reading) or None,
        last_release=reading.table.updated,
        last_fetch=recorded_at,
        next_expected=next_one,
        late_after=late_after_day,
        judged_on=context.scope.today.get(dataset.id),
        # with something missing there is no fingerprint, so that every run looks again
        entry_fingerprint="" if _missing(reading) else context.fingerprint,
        canonical_sha256=checksum,
        collection_id=context.collection_id,
        known_codes=recode.known_to_json(codes),
        overrides=recode.overrides_to_json(overrides),
        division=division(reading.meta, resolution),
    )


def _ingested(
    reading: Reading,
    counts: Counts,
    lost: tuple[str, ...],
    notes: list[str],
    gates: Sequence[GateReport],
    asked: int,
) -> Ingested:
    missing = _missing(reading)
    lacking = [one.key for one in reading.resolution.missing if one.what == "area"]
    if lacking:
        shown = ", ".join(lacking[:5]) + (" ..." if len(lacking) > 5 else "")
        notes.append(f"the table has no figures for {len(lacking)} of the {asked} areas asked ({shown})")
    notes.extend(
        f"warning: {check.rule}: saw {check.saw}, expected {check.expected}"
        for gate in gates
        for check in gate.warnings
        if check.rule != AREAS_RULE  # said above
    )
    if missing:
        notes.insert(0, "; ".join(f"{one.what} {one.key}: {one.reason}" for one in missing))
        notes.insert(1, f"no new figures for {', '.join(lost) or 'no indicator'}; all else was stored")
    state: LedgerState = "failed" if missing else "fetched"
    return Ingested(state, "; ".join(notes), counts, reading.table.updated, lost, tuple(gates))
