"""Datasette on a collected warehouse: its dashboard and ready queries answer, and nothing else is to be had."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import urlopen

import pytest
import yaml
from playwright.sync_api import sync_playwright

from demo.changes import revise, set_updated
from demo.sample import sample_scope
from demo.stand_in import StandIn
from demo.table import SampleTable
from flows.adopt import adopt
from flows.pipeline import VERSION, Pipeline, open_pipeline, utc_now
from flows.settings import Settings
from models.catalogue import load_catalogue
from models.forms import questions
from models.forms_answers import Answer, Change
from models.ledger import Scope
from tests.collecting import run
from warehouse.engine import writing
from warehouse.forms import store_answers
from warehouse.ledger import open_run
from warehouse.tables import METADATA
from warehouse.views import DASHBOARDS, VIEWS

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "datasette"
CONFIGURATION = yaml.safe_load((FOLDER / "metadata.yaml").read_text(encoding="utf-8"))
QUERIES = CONFIGURATION["databases"]["mittaristo"]["queries"]
CHARTS = CONFIGURATION["plugins"]["datasette-dashboards"]["programme"]["charts"]
KEPT = {
    path.stem: path.read_text(encoding="utf-8").rstrip()
    for path in sorted((ROOT / "tests" / "data").glob("dashboard-v*/queries/*.sql"))
}
TABLES = ("statfin/vkour/12bs", "statfin/tyonv/12tf")
# The only ready query that asks something of its reader.
ASKED = {"one_series": {"indicator_id": "tertiary_share", "area_code": "KU205"}}
CHROMIUM = shutil.which("chromium")


def test_its_queries_are_those_that_are_tried_on_every_version_of_the_warehouse() -> None:
    assert {name: one["sql"] for name, one in QUERIES.items() if name not in ASKED} == KEPT
    shown = [one["query"] for one in CHARTS.values() if "query" in one]
    assert len(shown) >= 5
    assert set(shown) <= set(KEPT.values())


def test_each_query_says_what_it_is_and_the_whole_names_licence_and_source() -> None:
    assert all(one["title"] and one["description"] for one in QUERIES.values())
    assert CONFIGURATION["license"]
    assert CONFIGURATION["source"]


@dataclass(frozen=True)
class Served:
    """A running Datasette."""

    url: str
    file: Path

    def get(self, path: str) -> tuple[int, bytes]:
        try:
            with urlopen(self.url + path, timeout=30) as answer:
                return answer.status, answer.read()
        except HTTPError as error:
            return error.code, error.read()

    def rows(self, path: str) -> list[dict[str, object]]:
        status, body = self.get(path)
        assert status == 200, path
        found: list[dict[str, object]] = json.loads(body)
        return found


def _collect(pipeline: Pipeline, scope: Scope, force: bool = False) -> None:
    found = run(pipeline, scope, *TABLES, force=force)
    assert {one.state for one in found.values()} <= {"fetched", "unchanged"}


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, all_synthetic: Mapping[str, SampleTable]
) -> Iterator[Served]:
    """A warehouse after two collections, of which the second brought revisions, and an answer by a person."""
    home = tmp_path_factory.mktemp("datasette")
    file = home / "mittaristo.db"
    catalogue = load_catalogue()
    tables = {name: one for name, one in all_synthetic.items() if f"statfin/{name}" in TABLES}
    settings = Settings(home=home, database_url=f"sqlite:///{file}")
    scope = sample_scope(catalogue, tables)
    with (
        StandIn(tables, calls=10_000, window=1.0) as stand_in,
        open_pipeline(replace(settings, urls={"statfin": stand_in.url})) as pipeline,
    ):
        adopt(pipeline, scope)
        _collect(pipeline, scope)
    old = tables["vkour/12bs"]
    newest = old.variable("timeperiod_y").values[-1]
    tables["vkour/12bs"] = set_updated(
        revise(old, {str(old.area_variable): "KU205", "timeperiod_y": newest}, factor=1.01),
        old.updated + timedelta(days=20),
    )
    with (
        StandIn(tables, calls=10_000, window=1.0) as stand_in,
        open_pipeline(replace(settings, urls={"statfin": stand_in.url})) as pipeline,
    ):
        _collect(pipeline, scope, force=True)
        asked = {one.id: one for one in questions(catalogue)}
        worded = next(one for one in asked.values() if one.asks == "status")
        with writing(pipeline.engine) as connection:
            store_answers(
                connection,
                [
                    Change(
                        Answer(worded.id, worded.periods[0], status="done", text="<b>Tehty</b>"),
                        "new",
                        "",
                    )
                ],
                asked,
                recorded_at=utc_now(),
                role="päällikkö",
                collection_id="form",
            )
    yield from _serve(file)


def _serve(file: Path) -> Iterator[Served]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = Path(sys.executable).with_name("datasette")
    assert program.is_file(), "the development dependencies have datasette and datasette-dashboards"
    with (file.parent / "log").open("wb") as log:
        process = subprocess.Popen(
            [FOLDER / "serve.sh", file, str(port)],
            env={**os.environ, "DATASETTE": str(program)},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    one = Served(f"http://127.0.0.1:{port}", file)
    try:
        for _ in range(300):
            try:
                one.get("/-/versions.json")
                break
            except URLError:
                assert process.poll() is None, (file.parent / "log").read_text()
                time.sleep(0.1)
        yield one
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


long = pytest.mark.long  # a server is started and a warehouse collected


@long
@pytest.mark.parametrize("name", sorted(QUERIES))
def test_every_ready_query_answers_with_rows(served: Served, name: str) -> None:
    asked = {**ASKED.get(name, {}), "_shape": "array"}
    assert served.rows(f"/mittaristo/{name}.json?{urlencode(asked)}")
    assert served.get(f"/mittaristo/{name}?{urlencode(ASKED.get(name, {}))}")[0] == 200


@long
@pytest.mark.parametrize("name", DASHBOARDS)
def test_every_view_of_dashboards_can_be_looked_at(served: Served, name: str) -> None:
    assert served.rows(f"/mittaristo/{name}.json?_shape=array&_size=1")


@long
@pytest.mark.parametrize(
    "name", sorted({*METADATA.tables, "alembic_version", "sqlite_master"} | set(VIEWS) - set(DASHBOARDS))
)
def test_no_table_and_no_other_view_can_be_looked_at(served: Served, name: str) -> None:
    for path in (
        f"/mittaristo/{name}",
        f"/mittaristo/{name}.json",
        f"/mittaristo/{name.upper()}.csv?_stream=1",
    ):
        assert served.get(path)[0] in (403, 404), path


SECRET = "SELECT * FROM quarantine"
CHART = next(one["query"] for one in CHARTS.values() if "query" in one)


@long
@pytest.mark.parametrize(
    "path",
    [
        f"/mittaristo?sql={quote('SELECT 1')}",
        f"/mittaristo.json?sql={quote(SECRET)}",
        f"/mittaristo.csv?sql={quote(SECRET)}",
        f"/mittaristo.json?sql={quote('WITH dashboard_runs AS (' + SECRET + ') SELECT * FROM dashboard_runs')}",
        f"/mittaristo.json?sql={quote(CHART + ' ')}&_shape=objects",
        f"/mittaristo.json?sql={quote(CHART)}&sql={quote(SECRET)}",
        f"/mittaristo.json?sql={quote(CHART)}&_where=1",
        f"/mittaristo/dashboard_runs.json?_where={quote('1 IN (' + SECRET + ')')}",
        f"/mittaristo/dashboard_runs.json?_where=1&sql={quote(CHART)}",
        f"/-/dashboards%2F..%2F..%2Fmittaristo?sql={quote(SECRET)}",
        "/mittaristo.db",
        "/_internal",
        "/_memory?sql=select+1",
    ],
)
def test_nobody_can_run_sql_of_his_own_or_take_the_file(served: Served, path: str) -> None:
    assert served.get(path)[0] in (400, 403, 404)


@long
@pytest.mark.parametrize("name", sorted(name for name, one in CHARTS.items() if "query" in one))
def test_every_chart_gets_its_figures(served: Served, name: str) -> None:
    # as the charts' own script asks, with its two ampersands
    path = f"/{CHARTS[name]['db']}.json?sql={quote(CHARTS[name]['query'])}&&_shape=objects"
    status, body = served.get(path)
    assert status == 200
    assert json.loads(body)["rows"]


@long
def test_the_page_of_a_chart_leads_to_its_sql(served: Served) -> None:
    for kind in ("", ".json", ".csv"):
        assert served.get(f"/mittaristo{kind}?sql={quote(CHART)}")[0] == 200


@long
def test_the_lists_name_the_views_and_no_table(served: Served) -> None:
    database = json.loads(served.get("/mittaristo.json")[1])
    assert database["tables"] == []
    assert {one["name"] for one in database["views"]} == set(DASHBOARDS)
    for path in ("/", "/mittaristo"):
        body = served.get(path)[1].decode()
        assert "/mittaristo/dashboard_series" in body
        assert not [one for one in METADATA.tables if f'"/mittaristo/{one}"' in body], path


@long
def test_it_writes_nothing_and_a_run_can_write_meanwhile(served: Served) -> None:
    before = served.rows("/mittaristo/runs.json?_shape=array")
    settings = Settings(home=served.file.parent, database_url=f"sqlite:///{served.file}")
    with open_pipeline(settings) as pipeline, writing(pipeline.engine) as connection:
        open_run(
            connection,
            run_id="another",
            source="statfin",
            started_at=utc_now(),
            program_version=VERSION,
            catalogue_fingerprint="",
        )
        assert served.rows("/mittaristo/runs.json?_shape=array") == before


def test_a_file_of_another_name_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "other.db").write_bytes(b"")
    for file, told in (
        (tmp_path / "other.db", "belong to a file named mittaristo.db"),
        (tmp_path / "mittaristo.db", "no warehouse at"),
    ):
        done = subprocess.run([FOLDER / "serve.sh", file], capture_output=True, text=True)
        assert done.returncode == 2
        assert told in done.stderr
        assert done.stderr.count("\n") == 1


@long
@pytest.mark.chromium
def test_the_dashboard_draws_every_chart_and_asks_no_other_host(served: Served) -> None:
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed here; .ci/run installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        asked: list[str] = []
        said: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("console", lambda one: said.append(one.text) if one.type == "error" else None)
        page.goto(f"{served.url}/-/dashboards/programme")
        for name, one in CHARTS.items():
            if "query" in one:
                marks = page.locator(f"#chart-{name} canvas, #chart-{name} svg")
                marks.first.wait_for(timeout=20_000)
        assert said == []
        assert [one for one in asked if not one.startswith(served.url)] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 1280
        browser.close()
