from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from demo.sample import load_sample, sample_scope
from demo.stand_in import StandIn
from demo.synthetic import synthetic_tables
from demo.table import SampleTable
from flows.adopt import adopt
from flows.collect import Collection, collect, read_limits
from flows.pipeline import VERSION, Pipeline, new_run_id, open_pipeline, utc_now
from flows.settings import Settings
from models.catalogue import load_catalogue
from models.ledger import LedgerRow, Scope
from warehouse.engine import writing
from warehouse.ledger import close_run, open_run


@pytest.fixture(autouse=True)
def _nobody_owes_answers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What people owe depends on the day a test runs on; test_forms and test_board are about it."""
    if request.path.name not in ("test_forms.py", "test_board.py"):
        monkeypatch.setattr("warehouse.forms.question_due_rows", lambda _: [])


@pytest.fixture(scope="session")
def sample() -> Mapping[str, SampleTable]:
    return load_sample()


@pytest.fixture(scope="session")
def synthetic() -> Mapping[str, SampleTable]:
    """Made-up tables with a long history; of them only a few, to keep tests quick."""
    wanted = ("ssaaty/121w", "vaerak/11ra", "tyonv/12tf", "tyonv/12r5", "vkour/12bs")
    return {name: table for name, table in synthetic_tables(load_catalogue()).items() if name in wanted}


class Bench:
    """A warehouse, a stand-in, and the collecting of single datasets without Prefect."""

    def __init__(self, pipeline: Pipeline, stand_in: StandIn, scope: Scope) -> None:
        self.pipeline = pipeline
        self.stand_in = stand_in
        self.scope = scope
        adopt(pipeline, scope)

    def collect(self, *dataset_ids: str, force: bool = False) -> dict[str, LedgerRow]:
        run_id = new_run_id()
        (source,) = {dataset_id.partition("/")[0] for dataset_id in dataset_ids}
        limits, _ = read_limits(self.pipeline, source, run_id)
        with writing(self.pipeline.engine) as connection:
            open_run(
                connection,
                run_id=run_id,
                source=source,
                started_at=utc_now(),
                program_version=VERSION,
                catalogue_fingerprint=self.pipeline.catalogue.fingerprint,
            )
        collection = Collection(self.pipeline, run_id, source, limits, self.scope, force)
        rows = {dataset_id: collect(collection, dataset_id) for dataset_id in dataset_ids}
        with writing(self.pipeline.engine) as connection:
            close_run(connection, run_id, ended_at=utc_now(), state="green")
        return rows

    def ask(self, stand_in: StandIn) -> None:
        """Asks another stand-in from now on."""
        settings = replace(self.pipeline.settings, urls=stand_in.urls)
        self.pipeline = replace(self.pipeline, settings=settings)


def opened(database_url: str, tables: Mapping[str, SampleTable], home: Path) -> Iterator[Bench]:
    with StandIn(tables, calls=10_000, window=1.0) as stand_in:
        settings = Settings(home=home, database_url=database_url, urls={"statfin": stand_in.url})
        with open_pipeline(settings) as pipeline:
            yield Bench(pipeline, stand_in, sample_scope(pipeline.catalogue, tables))


@pytest.fixture
def bench_of() -> type[Bench]:
    """How to make a bench over another pipeline and stand-in."""
    return Bench


@pytest.fixture
def stand_in(sample: Mapping[str, SampleTable]) -> Iterator[StandIn]:
    with StandIn(sample, calls=10_000, window=1.0) as running:
        yield running


@pytest.fixture
def bench(database_url: str, sample: Mapping[str, SampleTable], tmp_path: Path) -> Iterator[Bench]:
    """On the sample's real figures."""
    yield from opened(database_url, sample, tmp_path / "home")


@pytest.fixture
def long_bench(database_url: str, synthetic: Mapping[str, SampleTable], tmp_path: Path) -> Iterator[Bench]:
    """On made-up figures with a history."""
    yield from opened(database_url, synthetic, tmp_path / "home")


@pytest.fixture
def ages_bench(database_url: str, tmp_path: Path) -> Iterator[Bench]:
    """On made-up monthly population by single ages."""
    tables = {
        name: table for name, table in synthetic_tables(load_catalogue()).items() if name == "vamuu/11lj"
    }
    yield from opened(database_url, tables, tmp_path / "home")
