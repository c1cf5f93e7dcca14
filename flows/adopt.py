"""Taking a state of the catalogue (and of the program) into use: kept as a document, mirrored, and what is already
stored read and computed anew under it, without a network."""

from __future__ import annotations

import json
import tempfile
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from sqlalchemy import Connection

from flows import areas
from flows.derive import derive
from flows.ingest import Context, in_scope, ingest
from flows.judge import judge
from flows.pipeline import VERSION, Pipeline, widened
from flows.turn import next_moment, settle
from models.catalogue import Catalogue, load_catalogue
from models.catalogue.files import KeptState, catalogue_files, divisions_folder, kept_state
from models.divisions import Divisions, load_divisions
from models.document import Answer, Document
from models.errors import ConfigurationError, MittaristoError, SourceError
from models.ledger import Scope, scope_to_json
from warehouse import raw as raw_index
from warehouse import read
from warehouse.catalogue import keep_version, newest_version, sync
from warehouse.engine import reading, writing
from warehouse.ledger import set_state, states

SOURCE = "catalogue"  # the folder of the raw store in which its states are kept


def adopt(pipeline: Pipeline, scope: Scope) -> None:
    """Takes the pipeline's catalogue into use under `scope`, where it is not the one in use already."""
    content = _content(pipeline, scope)
    with writing(pipeline.engine) as connection:
        now = next_moment(connection)
        held = read.is_synthetic(connection)
        if held is not None and held != scope.synthetic:
            kinds = ("real", "made-up")
            raise ConfigurationError(
                f"this warehouse holds {kinds[held]} figures and is not for {kinds[scope.synthetic]} ones; "
                "choose another MITTARISTO_HOME or MITTARISTO_DATABASE_URL"
            )
        newest = newest_version(connection)
        if newest is not None and newest.content == content:
            return
        divisions = areas.with_loaded(
            connection, pipeline.raw, load_divisions(divisions_folder(pipeline.settings.programme))
        )
        document = pipeline.raw.keep(
            _answer(content, now), run_id="", collection_id=f"catalogue:{now.isoformat()}"
        )
        raw_index.index(connection, document)
        _use(connection, pipeline, document, content, scope, divisions)


def adopt_kept(connection: Connection, pipeline: Pipeline, document: Document) -> Pipeline:
    """Takes a kept state of the catalogue into use, as it was taken then; the pipeline with that catalogue."""
    content = pipeline.raw.read(document.sha256).decode()
    state = kept_state(content)
    pipeline, divisions = _kept(pipeline, state)
    divisions = areas.with_loaded(connection, pipeline.raw, divisions)
    _use(connection, pipeline, document, content, state.scope, divisions)
    return pipeline


def rehearse(connection: Connection, pipeline: Pipeline, scope: Scope) -> bool:
    """Does what `adopt` would do, and keeps no document of it: for a transaction that is rolled back afterwards.

    False, and nothing is done, where the pipeline's catalogue and program are the ones in use already.
    """
    content = _content(pipeline, scope)
    newest = newest_version(connection)
    if newest is not None and newest.content == content:
        return False
    divisions = areas.with_loaded(
        connection, pipeline.raw, load_divisions(divisions_folder(pipeline.settings.programme))
    )
    with tempfile.TemporaryDirectory() as folder:
        document = raw_index.RawStore(Path(folder)).keep(
            _answer(content, next_moment(connection)), run_id="", collection_id="catalogue:rehearsal"
        )
    _use(connection, pipeline, document, content, scope, divisions)
    return True


def finish_adoption(pipeline: Pipeline) -> None:
    """Takes those states of the catalogue into use that were kept when the program was cut off."""
    with reading(pipeline.engine) as connection:
        waiting = raw_index.not_indexed(connection, pipeline.raw.documents(source=SOURCE))
    for document in waiting:
        with writing(pipeline.engine) as connection:
            if settle(connection, pipeline, document):
                adopt_kept(connection, pipeline, document)


def in_use(connection: Connection, pipeline: Pipeline) -> Pipeline:
    """The pipeline with the catalogue and the program's version that are in use, whatever the settings name now."""
    newest = newest_version(connection)
    if newest is None:
        return pipeline
    same = newest.fingerprint == pipeline.catalogue.fingerprint
    state = kept_state(newest.content)
    if same and state.version == pipeline.version:
        return pipeline
    return _kept(pipeline, state)[0]


def at_time(connection: Connection, pipeline: Pipeline, moment: datetime) -> Catalogue:
    """The catalogue that was in use at `moment`; the pipeline's where none was taken into use by then."""
    version = newest_version(connection, as_of=moment)
    if version is None or version.fingerprint == pipeline.catalogue.fingerprint:
        return pipeline.catalogue
    return _kept(pipeline, kept_state(version.content))[0].catalogue


def _kept(pipeline: Pipeline, state: KeptState) -> tuple[Pipeline, Divisions]:
    """The pipeline with a kept catalogue and the program's version of then, and the divisions kept with it."""
    catalogue, divisions = _unpacked(state.files)
    return replace(pipeline, catalogue=catalogue, version=state.version), divisions


# a replay meets the same files again under another scope or version, and reading them is slow
@lru_cache(maxsize=2)
def _unpacked(files: tuple[tuple[str, str], ...]) -> tuple[Catalogue, Divisions]:
    """The catalogue and the divisions of kept files (name, text)."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files:
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return load_catalogue(Path(folder)), load_divisions(divisions_folder(Path(folder)))


def _use(
    connection: Connection,
    pipeline: Pipeline,
    document: Document,
    content: str,
    scope: Scope,
    divisions: Divisions,
) -> None:
    at = document.fetched_at
    areas.use_divisions(connection, divisions, recorded_at=at)
    pipeline = widened(connection, pipeline, scope)
    sync(connection, pipeline.catalogue)
    keep_version(connection, pipeline.catalogue.fingerprint, content, recorded_at=at)
    for dataset_id, state in states(connection).items():
        dataset = pipeline.catalogue.datasets.get(dataset_id)
        if dataset is None or not state.collection_id:
            continue
        if not scope.expects(dataset_id):
            set_state(connection, dataset_id, state="not_in_sample")
            continue
        context = Context(
            pipeline,
            in_scope(dataset, scope),
            scope,
            state.collection_id.partition(":")[0],
            state.collection_id,
        )
        if context.fingerprint != state.entry_fingerprint:
            with (
                suppress(MittaristoError),
                connection.begin_nested(),
            ):  # what was kept does not suffice: the next run fetches
                outcome = ingest(
                    connection,
                    context,
                    raw_index.indexed(connection, collection_id=state.collection_id),
                    recorded_at=at,
                )
                if outcome.state != "quarantined":  # it was not fetched now, and what is held back stays so
                    set_state(connection, dataset_id, state=state.state, last_fetch=state.last_fetch)
                elif state.state == "quarantined":
                    raise SourceError(f"{dataset_id}: a newer answer is held back already")
    if not any(state.collection_id for state in states(connection).values()):
        return  # nothing is stored yet that could be computed from
    automatic = [one for one in pipeline.catalogue.indicators.values() if one.formula is not None]
    derive(
        connection,
        pipeline.catalogue,
        automatic,
        run_id="",
        collection_id=document.collection_id,
        recorded_at=at,
        source_updated_at=None,
        synthetic=scope.synthetic,
    )
    by_hand = [one.id for one in pipeline.catalogue.indicators.values() if one.formula is None]
    judge(connection, pipeline.catalogue, by_hand)


def _content(pipeline: Pipeline, scope: Scope) -> str:
    return json.dumps(
        {
            "version": VERSION,
            "scope": scope_to_json(scope),
            "files": catalogue_files(pipeline.settings.programme),
        },
        ensure_ascii=False,
        sort_keys=True,
    )


def _answer(content: str, at: datetime) -> Answer:
    return Answer(
        source=SOURCE,
        dataset_id="",
        kind="catalogue",
        method="",
        url="",
        request_body=b"",
        status=200,
        content_type="application/json",
        body=content.encode(),
        asked_at=at,
        fetched_at=at,
    )
