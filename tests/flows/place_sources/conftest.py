"""One source of the stand-in, collected into a real warehouse through the real flows, without Prefect."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from connectors.pxweb import Limits
from demo.service import Service
from demo.stand_in import StandIn
from flows.adopt import adopt
from flows.pipeline import Pipeline
from flows.replay import past_of, replay
from flows.settings import Settings
from models.catalogue import Catalogue, load_catalogue
from models.ledger import LedgerRow, Scope
from tests.collecting import run
from warehouse.catalogue import sync
from warehouse.engine import open_engine, reading, upgrade, writing
from warehouse.raw import RawStore

ALL = Scope(contents=None, today={}, synthetic=True)
QUICK = Limits(100_000, 1000, 1.0)  # the source's own pace would make tests slow


@dataclass
class SourceBench:
    """`source` asked of the stand-in; what it collects stands in the warehouse of `pipeline`."""

    pipeline: Pipeline
    stand_in: StandIn
    source: str

    def collect(self, dataset_id: str, *, force: bool = False) -> LedgerRow:
        """One collection of one dataset, as a run would do it; its ledger row."""
        return run(self.pipeline, ALL, dataset_id, force=force, limits=QUICK)[dataset_id]

    def series(self, indicator: str) -> list[dict[str, Any]]:
        """The rows of dashboard_series of an indicator, by area, class and period."""
        return self._rows(
            "SELECT * FROM dashboard_series WHERE indicator_id = :one ORDER BY area_code, class_code, period",
            indicator,
        )

    def values(self, indicator: str, area: str) -> dict[tuple[str, str], float | None]:
        """(class, period) → value."""
        return {
            (one["class_code"], one["period"]): one["value"]
            for one in self.series(indicator)
            if one["area_code"] == area
        }

    def vintages(self, indicator: str) -> list[dict[str, Any]]:
        """The rows of dashboard_vintages of an indicator."""
        return self._rows(
            "SELECT * FROM dashboard_vintages WHERE indicator_id = :one ORDER BY area_code, class_code, period",
            indicator,
        )

    def state(self, dataset_id: str) -> str:
        """What dashboard_freshness says of the dataset."""
        (row,) = self._rows("SELECT state FROM dashboard_freshness WHERE dataset_id = :one", dataset_id)
        return str(row["state"])

    def replayed(self, folder: Path) -> tuple[str, ...]:
        """The tables that a replay of everything, offline and into an empty warehouse, makes different."""
        past = past_of(self.pipeline)
        engine = open_engine(f"sqlite:///{folder / 'replayed.db'}")
        try:
            upgrade(engine)
            return replay(past, replace(self.pipeline, engine=engine)).different
        finally:
            engine.dispose()

    def _rows(self, query: str, one: str) -> list[dict[str, Any]]:
        with reading(self.pipeline.engine) as connection:
            return [dict(row) for row in connection.execute(text(query), {"one": one}).mappings()]


@contextmanager
def _opened(
    source: str, service: Service, home: Path, catalogue: Catalogue, empty_database: Path
) -> Iterator[SourceBench]:
    home.mkdir()
    engine = open_engine(f"sqlite:///{shutil.copy(empty_database, home / 'mittaristo.db')}")
    with StandIn({}, services={source: service}, calls=100_000, window=1.0) as stand_in:
        pipeline = Pipeline(
            settings=Settings(home=home, urls={source: stand_in.urls[source]}),
            catalogue=catalogue,
            engine=engine,
            raw=RawStore(home / "raw"),
            limits_folder=home / "limits",
        )
        with writing(engine) as connection:
            sync(connection, catalogue)
        adopt(pipeline, ALL)
        yield SourceBench(pipeline, stand_in, source)
        assert stand_in.errors == []
    engine.dispose()


@pytest.fixture
def source_bench(
    tmp_path: Path, catalogue: Catalogue, _sqlite_template: Path
) -> Iterator[Callable[[str, Service], SourceBench]]:
    """Opens a bench for a source and its service; closed after the test."""
    with ExitStack() as stack:
        yield lambda source, service: stack.enter_context(
            _opened(source, service, tmp_path / "home", catalogue, _sqlite_template)
        )


@pytest.fixture(autouse=True)
def quick_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses between tries are tested with the session itself."""
    monkeypatch.setattr("connectors.http.BACKOFF_SECONDS", 0.001)


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """The packaged catalogue."""
    return load_catalogue()
