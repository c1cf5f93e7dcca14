from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from demo.sample import load_sample, sample_scope
from demo.stand_in import StandIn
from demo.table import SampleTable
from flows.collect import Collection, collect, read_limits
from flows.pipeline import Pipeline, new_run_id, open_pipeline
from flows.settings import Settings
from models.ledger import LedgerRow, Scope
from warehouse.engine import writing
from warehouse.ledger import open_run


@pytest.fixture(scope="session")
def sample() -> Mapping[str, SampleTable]:
    return load_sample()


class Bench:
    """A warehouse, a stand-in, and the collecting of single datasets without Prefect."""

    def __init__(self, pipeline: Pipeline, stand_in: StandIn, scope: Scope) -> None:
        self.pipeline = pipeline
        self.stand_in = stand_in
        self.scope = scope

    def collect(self, *dataset_ids: str, force: bool = False) -> dict[str, LedgerRow]:
        run_id = new_run_id()
        limits, _ = read_limits(self.pipeline, "statfin", run_id)
        with writing(self.pipeline.engine) as connection:
            from flows.pipeline import VERSION, utc_now

            open_run(
                connection,
                run_id=run_id,
                source="statfin",
                started_at=utc_now(),
                program_version=VERSION,
                catalogue_fingerprint=self.pipeline.catalogue.fingerprint,
            )
        collection = Collection(self.pipeline, run_id, "statfin", limits, self.scope, force)
        return {dataset_id: collect(collection, dataset_id) for dataset_id in dataset_ids}


@pytest.fixture
def stand_in(sample: Mapping[str, SampleTable]) -> Iterator[StandIn]:
    with StandIn(sample, calls=10_000, window=1.0) as running:
        yield running


@pytest.fixture
def bench(
    database_url: str, stand_in: StandIn, tmp_path: Path, sample: Mapping[str, SampleTable]
) -> Iterator[Bench]:
    settings = Settings(home=tmp_path / "home", database_url=database_url, urls={"statfin": stand_in.url})
    with open_pipeline(settings) as pipeline:
        yield Bench(pipeline, stand_in, sample_scope(pipeline.catalogue, sample))
