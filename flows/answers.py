"""Filled forms into the warehouse: kept as documents, then applied; the same way live, after a crash, in a replay."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import pandas as pd
from sqlalchemy import Connection

from connectors.forms import content_type, read_form, without_names
from flows.adopt import adopt, finish_adoption, in_use
from flows.decisions import finish_decisions
from flows.judge import judge as write_verdicts_on
from flows.pipeline import Pipeline, kept_scope, utc_now
from flows.turn import next_moment, settle
from models.catalogue import Catalogue
from models.document import Answer as KeptAnswer
from models.document import Document
from models.errors import ConfigurationError, MittaristoError
from models.forms import Question, questions
from models.forms_answers import Change, Judged, judge
from models.forms_file import FormError
from models.observation import OBSERVATION_COLUMNS
from warehouse import raw as raw_index
from warehouse.engine import reading, writing
from warehouse.forms import current_answers, imported_before, store_answers
from warehouse.load import indicator_owner, store
from warehouse.lock import hold

SOURCE = "forms"  # the folder of the raw store in which they are kept
LOCK = "forms"


@dataclass(frozen=True)
class Imported:
    """What came of an import: what was read, and when the same file was imported before (None: never)."""

    judged: Judged
    before: datetime | None

    def count(self, change_class: str) -> int:
        """How many answers changed so."""
        return sum(one.change_class == change_class for one in self.judged.changes)


def import_form(
    pipeline: Pipeline, body: bytes, *, role: str = "", reason: str = "", party: str = "", period: str = ""
) -> Imported:
    """Takes a filled form in, all of it or, raising FormError with everything wrong in it, nothing.

    The file is kept as it came, but for names in its properties; one that is refused, or changes nothing, is not kept
    at all, because what is kept is kept for ever and a refused file may be about persons.
    """
    raw = read_form(body)
    if raw.rows:
        body = without_names(body)
        raw = read_form(body)

    def judged(connection: Connection, catalogue: Catalogue, on: date) -> Judged:
        return judge(
            raw,
            catalogue,
            current_answers(connection),
            on=on,
            role=role,
            reason=reason,
            party=party,
            period=period,
        )

    with hold(pipeline.engine, LOCK, "import of a form", wait_seconds=60, lease_seconds=300):
        finish_adoption(pipeline)
        finish_decisions(pipeline)
        finish_forms(pipeline)
        with reading(pipeline.engine) as connection:
            scope = kept_scope(connection)
            if scope.synthetic:
                raise ConfigurationError(
                    "this warehouse holds made-up figures, and what people report is real; choose another "
                    "MITTARISTO_HOME"
                )
            before = imported_before(connection, hashlib.sha256(body).hexdigest())
            found = judged(connection, pipeline.catalogue, utc_now().date())
        if not found.changes:
            return Imported(found, before)
        adopt(pipeline, scope)  # so that a replay reads the form under the same catalogue
        with writing(pipeline.engine) as connection:
            now = next_moment(connection)
            pipeline = in_use(connection, pipeline)
            found = judged(connection, pipeline.catalogue, now.date())
            document = pipeline.raw.keep(
                _kept(body, found, reason, now), run_id="", collection_id=f"form:{now.isoformat()}"
            )
            raw_index.index(connection, document)
            apply_form(connection, pipeline, document)
        return Imported(found, before)


def finish_forms(pipeline: Pipeline) -> None:
    """Applies those forms that were kept when the program was cut off."""
    with reading(pipeline.engine) as connection:
        waiting = raw_index.not_indexed(connection, pipeline.raw.documents(source=SOURCE))
        if waiting:
            pipeline = in_use(connection, pipeline)
    for document in waiting:
        try:
            with writing(pipeline.engine) as connection:
                if settle(connection, pipeline, document):
                    apply_form(connection, pipeline, document)
        except FormError:  # an answer of meanwhile stands against it; it is settled all the same
            with writing(pipeline.engine) as connection:
                raw_index.index(connection, document)


def apply_form(connection: Connection, pipeline: Pipeline, document: Document) -> None:
    """Reads a kept form and stores what it changes, as of the time it was kept. Raises FormError."""
    said = _said_with(document)
    catalogue = pipeline.catalogue
    judged = judge(
        read_form(pipeline.raw.read(document.sha256)),
        catalogue,
        current_answers(connection),
        on=document.fetched_at.date(),
        role=said["role"],
        reason=said["reason"],
    )
    asked = {one.id: one for one in questions(catalogue)}
    store_answers(
        connection,
        judged.changes,
        asked,
        recorded_at=document.fetched_at,
        role=judged.role,
        collection_id=document.collection_id,
    )
    for id in dict.fromkeys(one.answer.question_id for one in judged.changes):
        if asked[id].indicator_id:
            of_it = [one for one in judged.changes if one.answer.question_id == id]
            _store_figures(connection, asked[id], of_it, document)
            write_verdicts_on(connection, catalogue, [asked[id].indicator_id])


def _store_figures(
    connection: Connection, question: Question, changes: Sequence[Change], document: Document
) -> None:
    """The figures among the changes as observations of the indicator; one that is no longer said is withdrawn."""
    rows = [("", "", question.area_code, one.answer.period, one.answer.value, "", "final") for one in changes]
    frame = pd.DataFrame(rows, columns=list(OBSERVATION_COLUMNS)).astype(
        {name: "float64" if name == "value" else "str" for name in OBSERVATION_COLUMNS}
    )
    said = frame["value"].notna()
    store(
        connection,
        indicator_owner(question.indicator_id),
        frame[said],
        run_id="",
        collection_id=document.collection_id,
        recorded_at=document.fetched_at,
        source_updated_at=None,
        absent=frame[~said],
    )


def _kept(body: bytes, judged: Judged, reason: str, at: datetime) -> KeptAnswer:
    said = {"role": judged.role, "reason": reason}
    return KeptAnswer(
        source=SOURCE,
        dataset_id="",
        kind="form",
        method="",
        url=f"form:{judged.identity.party or 'kaikki'}/{judged.identity.period}",
        request_body=json.dumps(said, ensure_ascii=False, sort_keys=True).encode(),
        status=200,
        content_type=content_type(body),
        body=body,
        asked_at=at,
        fetched_at=at,
    )


def _said_with(document: Document) -> dict[str, str]:
    """Role and reason that were given with a kept form."""
    try:
        said = json.loads(document.request_body)
        return {"role": str(said["role"]), "reason": str(said["reason"])}
    except (ValueError, KeyError, TypeError) as error:
        raise MittaristoError(f"the kept form {document.document_id} cannot be read ({error!r})") from error
