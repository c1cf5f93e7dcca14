"""What a collection works with, opened once: settings, catalogue, warehouse, raw store; and the run it belongs to."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from platformdirs import user_state_path
from sqlalchemy import Connection, Engine

from flows.settings import Settings
from models.area import Area
from models.catalogue import Catalogue, load_catalogue
from models.catalogue.files import kept_state
from models.divisions import Divisions
from models.errors import ConfigurationError
from models.ledger import Scope
from warehouse.catalogue import newest_version, sync
from warehouse.divisions import stored_divisions
from warehouse.engine import open_engine, upgrade, writing
from warehouse.home import open_home
from warehouse.raw import RawStore

VERSION = version("mittaristo")


@dataclass(frozen=True)
class Pipeline:
    """The open parts of the system; `limits_folder` holds the pace of calls, shared by all processes of this user."""

    settings: Settings
    catalogue: Catalogue
    engine: Engine
    raw: RawStore
    limits_folder: Path
    version: str = VERSION  # of the program; in a replay the one of then

    def base_url(self, source: str) -> str:
        """The base address of `source`: as set in the environment, else the catalogue's."""
        return self.settings.urls.get(source, self.catalogue.sources[source].base_url)


@contextmanager
def open_pipeline(settings: Settings) -> Iterator[Pipeline]:
    """A Pipeline with the warehouse upgraded and the catalogue in it. Raises ConfigurationError in one line."""
    catalogue = load_catalogue(settings.programme)
    for source in settings.urls:
        if source not in catalogue.sources:
            known = ", ".join(sorted(catalogue.sources))
            raise ConfigurationError(
                f"MITTARISTO_URL_{source.upper()}: no such source; the catalogue has {known}"
            )
    open_home(settings.home)
    engine = open_engine(settings.warehouse_url)
    try:
        upgrade(engine)
        pipeline = Pipeline(
            settings=settings,
            catalogue=catalogue,
            engine=engine,
            raw=RawStore(settings.home / "raw"),
            limits_folder=user_state_path("mittaristo", appauthor=False) / "limits",
        )
        with writing(engine) as connection:
            pipeline = widened(connection, pipeline, kept_scope(connection))
            sync(connection, pipeline.catalogue)
        yield pipeline
    finally:
        engine.dispose()


def utc_now() -> datetime:
    """The time, aware, in UTC."""
    return datetime.now(UTC)


def new_run_id() -> str:
    """A run's id: its start to the second and a few letters, so that ids sort by time."""
    return f"{utc_now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def kept_scope(connection: Connection) -> Scope:
    """The scope under which the warehouse was last collected; everything where it never was."""
    newest = newest_version(connection)
    return Scope() if newest is None else kept_state(newest.content).scope


def standing_scope(connection: Connection, settings: Settings) -> Scope:
    """The scope of a run that is told none: everything, for as many municipalities as were asked for last."""
    return Scope(all_municipalities=kept_scope(connection).all_municipalities, synthetic=settings.synthetic)


def widened(
    connection: Connection, pipeline: Pipeline, scope: Scope, divisions: Divisions | None = None
) -> Pipeline:
    """The pipeline whose catalogue asks every municipality of the newest division for `scope.all_municipalities`.

    For all other datasets it asks what its files say, also where it was widened before. The divisions are those in use
    where none are given.
    """
    municipalities: tuple[Area, ...] = ()
    if scope.all_municipalities:
        known = divisions or stored_divisions(connection)
        municipalities = known.division(known.newest).areas("municipality")
    catalogue = replace(pipeline.catalogue, municipalities=municipalities, widened=scope.all_municipalities)
    return replace(pipeline, catalogue=catalogue)
