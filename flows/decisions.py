"""Decisions of people on quarantines and recodes: kept as documents first, then applied."""

from __future__ import annotations

from sqlalchemy import Connection

from flows.adopt import in_use
from flows.ingest import Context, Ingested, in_scope, ingest
from flows.pipeline import Pipeline, kept_scope, widened
from flows.turn import next_moment, settle
from models.decision import ACCEPTS, Decision, DecisionKind, decision_from_json
from models.document import Answer, Document
from models.errors import ConfigurationError, SourceError
from warehouse import raw as raw_index
from warehouse.engine import reading, writing
from warehouse.ledger import set_state, state_of
from warehouse.quarantine import Quarantine, decide_quarantine, quarantined

SOURCE = "decisions"  # the folder of the raw store in which they are kept


def decide(
    pipeline: Pipeline, quarantine_id: int, kind: DecisionKind, *, role: str, reason: str, overrides: str = ""
) -> Ingested | None:
    """Keeps and applies a decision on an open quarantine; what came of the collection where it was let in."""
    for name, text in (("--role", role), ("--reason", reason)):
        if not text.strip():
            raise ConfigurationError(f"{name} is empty; say it, it is kept with the decision")
    document = None
    try:
        with writing(pipeline.engine) as connection:
            now = next_moment(connection)
            pipeline = in_use(connection, pipeline)
            held = find(connection, quarantine_id)
            if held.dataset_id not in pipeline.catalogue.datasets:
                raise ConfigurationError(
                    f"quarantine {quarantine_id} is of {held.dataset_id}, which the catalogue no longer has; "
                    "there is nothing to decide"
                )
            if kind in ACCEPTS:
                for kept in raw_index.indexed(connection, collection_id=held.collection_id):
                    pipeline.raw.read(kept.sha256)  # a decision that cannot be carried out is not kept
            decision = Decision(kind, held.dataset_id, held.collection_id, role, reason, now, overrides)
            document = pipeline.raw.keep(
                _answer(decision), run_id="", collection_id=f"decision:{now.isoformat()}"
            )
            raw_index.index(connection, document)
            return apply_decision(connection, pipeline, decision)
    except SourceError:
        _index(pipeline, document)
        raise


def finish_decisions(pipeline: Pipeline) -> None:
    """Carries out those decisions that were kept when the program was cut off."""
    with reading(pipeline.engine) as connection:
        waiting = raw_index.not_indexed(connection, pipeline.raw.documents(source=SOURCE))
        if waiting:
            pipeline = in_use(connection, pipeline)
    for document in waiting:
        try:
            with writing(pipeline.engine) as connection:
                if settle(connection, pipeline, document):
                    apply_decision(connection, pipeline, read_decision(pipeline, document))
        except SourceError:
            _index(pipeline, document)


def _index(pipeline: Pipeline, document: Document | None) -> None:
    """A decision that was refused is in the index all the same: it is settled."""
    if document is not None:
        with writing(pipeline.engine) as connection:
            raw_index.index(connection, document)


def apply_decision(connection: Connection, pipeline: Pipeline, decision: Decision) -> Ingested | None:
    """Applies a kept decision: lets the collection in, or only writes that it stays out."""
    held = [
        one
        for one in quarantined(connection, dataset_id=decision.dataset_id)
        if one.collection_id == decision.collection_id
    ]
    if not held:
        return None  # a later fetch has cleared it
    accepted = decision.kind in ACCEPTS
    outcome = None
    if accepted:
        outcome = ingest(
            connection,
            context_of(connection, pipeline, decision.dataset_id, decision.collection_id),
            raw_index.indexed(connection, collection_id=decision.collection_id),
            decision=decision,
        )
    decide_quarantine(
        connection,
        held[-1].quarantine_id,
        state="released" if accepted else "rejected",
        decided_at=decision.decided_at,
        role=decision.role,
        reason=decision.reason,
    )
    if not accepted:
        set_state(
            connection,
            decision.dataset_id,
            state="fetched" if _has_figures(connection, decision) else "never_fetched",
        )
    return outcome


def read_decision(pipeline: Pipeline, document: Document) -> Decision:
    """The decision that a kept document holds."""
    return decision_from_json(pipeline.raw.read(document.sha256))


def find(connection: Connection, quarantine_id: int) -> Quarantine:
    """The open quarantine of that number. Raises ConfigurationError where there is none."""
    for one in quarantined(connection):
        if one.quarantine_id == quarantine_id:
            return one
    raise ConfigurationError(
        f"no open quarantine has the number {quarantine_id}; see mittaristo quarantine list"
    )


def context_of(connection: Connection, pipeline: Pipeline, dataset_id: str, collection_id: str) -> Context:
    """The context of a kept collection, under the scope the warehouse was last collected with."""
    scope = kept_scope(connection)
    pipeline = widened(connection, pipeline, scope)
    dataset = in_scope(pipeline.catalogue.datasets[dataset_id], scope)
    return Context(pipeline, dataset, scope, collection_id.partition(":")[0], collection_id)


def _has_figures(connection: Connection, decision: Decision) -> bool:
    return bool(state_of(connection, decision.dataset_id).collection_id)


def _answer(decision: Decision) -> Answer:
    return Answer(
        source=SOURCE,
        dataset_id=decision.dataset_id,
        kind="decision",
        method="",
        url="",
        request_body=b"",
        status=200,
        content_type="application/json",
        body=decision.to_json(),
        asked_at=decision.decided_at,
        fetched_at=decision.decided_at,
    )
