import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from demo.sample import load_sample, sample_scope
from demo.stand_in import StandIn
from demo.table import SampleTable
from flows.adopt import adopt
from flows.pipeline import Pipeline, open_pipeline
from flows.prefect_home import apply_up_settings
from flows.settings import Settings
from models.ledger import LedgerRow, Scope
from tests.collecting import rows, run
from tests.databases import Beginnings
from tests.ports import free_port


@pytest.fixture(autouse=True)
def _nobody_owes_answers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What people owe depends on the day a test runs on; test_forms and test_board are about it."""
    if request.path.name not in ("test_forms.py", "test_board.py"):
        monkeypatch.setattr("warehouse.forms.question_due_rows", lambda _: [])


@pytest.fixture(scope="module")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The API address of a Prefect server: commands that are told of none start one each, which takes long.

    It ends with the module, since it is busy with itself all the time.
    """
    home = tmp_path_factory.mktemp("prefect")
    port = str(free_port())
    environ = {
        name: one for name, one in os.environ.items() if not name.startswith(("MITTARISTO_", "PREFECT_"))
    }
    apply_up_settings(environ, home)
    environ |= {"PREFECT_SERVER_API_HOST": "127.0.0.1", "PREFECT_SERVER_API_PORT": port}
    with (home / "server.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "prefect", "server", "start"],
            cwd=home,
            env=environ,
            stdout=log,
            stderr=log,
        )
    try:
        address = f"http://127.0.0.1:{port}/api"
        deadline = time.monotonic() + 240
        while not _answers(f"{address}/health"):
            assert server.poll() is None and time.monotonic() < deadline, (home / "server.log").read_text()
            time.sleep(0.2)
        yield address
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(60)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture(scope="session")
def sample() -> Mapping[str, SampleTable]:
    return load_sample()


@pytest.fixture(scope="session")
def synthetic(all_synthetic: Mapping[str, SampleTable]) -> Mapping[str, SampleTable]:
    """Made-up tables with a long history; of them only a few, to keep tests quick."""
    wanted = ("ssaaty/121w", "vaerak/11ra", "tyonv/12tf", "tyonv/12r5", "vkour/12bs")
    return {name: table for name, table in all_synthetic.items() if name in wanted}


class Bench:
    """A warehouse, a stand-in, and the collecting of single datasets without Prefect."""

    def __init__(
        self,
        pipeline: Pipeline,
        stand_in: StandIn,
        scope: Scope,
        beginnings: Beginnings | None = None,
        of: str = "",
    ) -> None:
        """`of` names the stand-in's tables among the beginnings."""
        self.pipeline = pipeline
        self.stand_in = stand_in
        self.scope = scope
        self._beginnings, self._of = beginnings, of
        self._tables = dict(stand_in.tables)
        adopt(pipeline, scope)

    def begin(self, *dataset_ids: str) -> dict[str, LedgerRow]:
        """The same as the first `collect`, done once for all tests that begin with these datasets of these tables."""
        assert self._beginnings is not None
        assert not rows(self.pipeline, "SELECT 1 FROM run LIMIT 1"), "something was collected already"
        assert self.stand_in.tables == self._tables, "a table was changed already"

        def collected() -> dict[str, LedgerRow]:
            found = self.collect(*dataset_ids)
            self.pipeline.engine.dispose()
            return found

        self.pipeline.engine.dispose()
        settings = self.pipeline.settings
        found: dict[str, LedgerRow] = self._beginnings.begin(
            settings.home, settings.database_url, collected, self._of, *dataset_ids
        )
        return found

    def collect(self, *dataset_ids: str, force: bool = False) -> dict[str, LedgerRow]:
        return run(self.pipeline, self.scope, *dataset_ids, force=force)

    def ask(self, stand_in: StandIn) -> None:
        """Asks another stand-in from now on."""
        settings = replace(self.pipeline.settings, urls=stand_in.urls)
        self.pipeline = replace(self.pipeline, settings=settings)


OpenBench = Callable[[StandIn, str], AbstractContextManager[Bench]]


@pytest.fixture
def open_bench(beginnings: Beginnings, database_url: str, tmp_path: Path) -> OpenBench:
    """How to make a bench on a new warehouse over a stand-in, whose tables are named so among the beginnings."""

    @contextmanager
    def opened(stand_in: StandIn, of: str) -> Iterator[Bench]:
        settings = Settings(home=tmp_path / "home", database_url=database_url, urls=stand_in.urls)

        def adopted() -> None:
            with open_pipeline(settings) as pipeline:
                adopt(pipeline, sample_scope(pipeline.catalogue, stand_in.tables))

        beginnings.begin(settings.home, database_url, adopted, of)
        with open_pipeline(settings) as pipeline:
            scope = sample_scope(pipeline.catalogue, stand_in.tables)
            yield Bench(pipeline, stand_in, scope, beginnings, of)

    return opened


@pytest.fixture
def bench_of() -> type[Bench]:
    """How to make a bench over another pipeline and stand-in."""
    return Bench


@pytest.fixture
def stand_in(sample: Mapping[str, SampleTable]) -> Iterator[StandIn]:
    with StandIn(sample, calls=10_000, window=1.0) as running:
        yield running


@pytest.fixture
def bench(open_bench: OpenBench, stand_in: StandIn) -> Iterator[Bench]:
    """On the sample's real figures."""
    with open_bench(stand_in, "sample") as one:
        yield one


@pytest.fixture
def long_bench(open_bench: OpenBench, synthetic: Mapping[str, SampleTable]) -> Iterator[Bench]:
    """On made-up figures with a history."""
    with StandIn(synthetic, calls=10_000, window=1.0) as running, open_bench(running, "synthetic") as one:
        yield one


@pytest.fixture
def ages_bench(open_bench: OpenBench, all_synthetic: Mapping[str, SampleTable]) -> Iterator[Bench]:
    """On made-up monthly population by single ages."""
    tables = {name: table for name, table in all_synthetic.items() if name == "vamuu/11lj"}
    with StandIn(tables, calls=10_000, window=1.0) as running, open_bench(running, "ages") as one:
        yield one
