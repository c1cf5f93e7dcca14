"""Sites to look at: one of a few real figures, one of long made-up series with verdicts."""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from demo.sample import load_sample, sample_scope
from demo.stand_in import StandIn
from demo.table import SampleTable
from flows.adopt import adopt
from flows.pipeline import Pipeline, open_pipeline
from flows.settings import Settings
from models.borders import Borders
from models.catalogue import load_catalogue
from reports.site import build_site
from tests.collecting import run
from warehouse.engine import reading

BUILT = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
DATASETS = ("statfin/vkour/12bs", "statfin/tyonv/12tf", "statfin/tyonv/12r5")


@dataclass(frozen=True)
class Site:
    """A built site and the pipeline whose warehouse it was made from."""

    folder: Path
    pipeline: Pipeline

    def build(
        self,
        folder: Path,
        built: datetime = BUILT,
        as_of: datetime | None = None,
        borders: Borders | None = None,
    ) -> Path:
        with reading(self.pipeline.engine) as connection:
            return build_site(
                connection, self.pipeline.catalogue, folder, built, as_of=as_of, borders=borders
            )


@pytest.fixture(scope="session")
def real_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Real figures of the sample: most series have one figure."""
    yield from _site(tmp_path_factory.mktemp("real"), load_sample())


@pytest.fixture(scope="session")
def long_site(
    tmp_path_factory: pytest.TempPathFactory, all_synthetic: Mapping[str, SampleTable]
) -> Iterator[Site]:
    """Made-up series of many years."""
    catalogue = load_catalogue()
    names = {catalogue.datasets[one].table for one in DATASETS}
    tables = {name: table for name, table in all_synthetic.items() if name in names}
    yield from _site(tmp_path_factory.mktemp("long"), tables)


def _site(home: Path, tables: Mapping[str, SampleTable]) -> Iterator[Site]:
    with StandIn(tables, calls=10_000, window=1.0) as stand_in:
        settings = Settings(
            home=home, database_url=f"sqlite:///{home / 'x.db'}", urls={"statfin": stand_in.url}
        )
        with open_pipeline(settings) as pipeline:
            scope = sample_scope(pipeline.catalogue, tables)
            adopt(pipeline, scope)
            assert {one.state for one in run(pipeline, scope, *DATASETS).values()} == {"fetched"}
            site = Site(home / "report", pipeline)
            site.build(site.folder)
            yield site
    shutil.rmtree(home, ignore_errors=True)
