"""What the data engineer sees, in a real browser with the network cut: nothing asks anybody outside, all can be read.

A real Prefect server as `mittaristo up` starts it, real runs over the sample, real pages.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from flows.prefect_home import apply_up_settings, server_to_use
from flows.settings import Settings
from flows.up import answers, children
from tests.security.test_hostile_texts import MARKUP, spoilt_programme

pytestmark = [pytest.mark.chromium, pytest.mark.long]
CHROMIUM = shutil.which("chromium")
RATE, POPULATION, INCOME = "statfin/tyonv/12tf", "statfin/vaerak/11ra", "statfin/tjt/14ww"

# Three runs: all is well; nothing is new; one dataset is revised, one is held back, one is refused.
RUNS = """
import os
from demo import changes
from demo.sample import load_sample, sample_scope
from demo.stand_in import StandIn
from flows.commands import collect_through_prefect
from flows.pipeline import open_pipeline
from flows.settings import read_settings
with open_pipeline(read_settings(os.environ)) as pipeline:
    scope = sample_scope(pipeline.catalogue, load_sample())
with StandIn(load_sample(), calls=10_000, window=1.0) as source:
    os.environ["MITTARISTO_URL_STATFIN"] = source.url
    def run():
        collect_through_prefect(os.environ, {"statfin": ()}, force=False, scope=scope)
    run()
    run()
    for name, chosen, factor in (
        ("tjt/14ww", {"contentscode": ["tjt-ekvikturaha_med"]}, 1.002),
        ("tyonv/12tf", {}, 1000),
    ):
        table = source.tables[name]
        revised = changes.revise(table, chosen, factor=factor)
        source.tables[name] = changes.set_updated(revised, table.updated.replace(year=2026, month=11))
    source.misbehave("403_page", table="vaerak/11ra", times=None)
    run()
"""


class Outside:
    """A proxy that lets nothing through and keeps the first line of everything it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                call, _ = self._socket.accept()
                with call, suppress(OSError):
                    call.settimeout(5)
                    self.asked.append(call.recv(400).partition(b"\r\n")[0].decode("ascii", "replace"))

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


class Interface:
    """A Prefect server with three runs in it; `outside` heard what the server and its client asked of others."""

    def __init__(self, home: Path, address: str, outside: Outside) -> None:
        self.home = home
        self.address = address
        self.outside = outside

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(
            f"{self.address}/api{path}",
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def latest(self) -> dict[str, dict[str, Any]]:
        """The newest artifact by key."""
        return {one["key"]: one for one in self.ask("/artifacts/latest/filter", {"limit": 200})}

    def artifact(self, key: str) -> dict[str, Any]:
        found: dict[str, Any] = self.ask(f"/artifacts/{self.latest()[key]['latest_id']}")
        return found

    def runs(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("/flow_runs/filter", {"sort": "START_TIME_DESC"})
        return found


@contextmanager
def serving(folder: Path, runs: str, **settings: str) -> Iterator[Interface]:
    """A Prefect server as `mittaristo up` starts it, after the script `runs`, which had `settings` as well."""
    home = folder / "home"
    home.mkdir()
    outside = Outside()
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MITTARISTO_", "PREFECT_"))}
    environ = kept | {
        "PREFECT_SERVER_API_PORT": str(port),
        "MITTARISTO_HOME": str(home),
        "MITTARISTO_DOTENV": os.devnull,
        "XDG_STATE_HOME": str(folder / "state"),
        "HTTP_PROXY": outside.url,
        "HTTPS_PROXY": outside.url,
        "NO_PROXY": "127.0.0.1,localhost",
    }
    apply_up_settings(environ, home)
    at = server_to_use(environ)
    server = children(environ, Settings(home=home), at)[0]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            list(server.command), env=dict(server.environ), stdin=subprocess.PIPE, stdout=log, stderr=log
        )
    try:
        until = time.monotonic() + 120
        while not answers(f"{at.api}/health"):
            assert time.monotonic() < until, (folder / "server.log").read_text()
            assert process.poll() is None, (folder / "server.log").read_text()
            time.sleep(0.3)
        ran = subprocess.run(
            [sys.executable, "-c", runs],
            env=environ | {"PREFECT_API_URL": at.api} | settings,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert ran.returncode == 0, ran.stderr
        yield Interface(home, at.ui, outside)
    finally:
        process.terminate()
        process.wait(30)
        assert process.stdin is not None
        process.stdin.close()
        outside.close()


@pytest.fixture(scope="module")
def interface(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Interface]:
    with serving(tmp_path_factory.mktemp("interface"), RUNS) as served:
        yield served


@pytest.fixture(scope="module")
def cut_off() -> Iterator[Outside]:
    """What the browser asks of hosts other than this machine goes to here."""
    outside = Outside()
    yield outside
    outside.close()


@pytest.fixture(scope="module")
def browser(cut_off: Outside) -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed here; .ci/run installs it")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                f"--proxy-server={cut_off.url}",
                "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
            ],
        )
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    opened = browser.new_page(viewport={"width": 1440, "height": 1000})
    yield opened
    opened.close()


def asked_by_pages(cut_off: Outside) -> list[str]:
    """What came but for what Chromium asks of its own maker by itself."""
    own = re.compile(r"(google|googleapis|gstatic|gvt1)\.com")
    return [one for one in cut_off.asked if not own.search(one)]


def test_a_page_that_may_load_from_outside_is_heard(page: Page, cut_off: Outside) -> None:
    """Without this the silence of the other pages would prove nothing."""
    page.set_content('<img src="http://outside.example/logo.png">')
    until = time.monotonic() + 20
    while not any("outside.example" in one for one in cut_off.asked):
        assert time.monotonic() < until
        page.wait_for_timeout(100)
    cut_off.asked.clear()


@pytest.mark.parametrize(
    ("path", "shows"),
    [
        ("/dashboard", "Flow Runs"),
        ("/runs", "statfin-"),
        ("/runs/flow-run/{run}", "statfin/tyonv/12tf"),
        ("/flows", "collect"),
        ("/deployments", "Deployments"),
        ("/artifacts", "dataset-statfin-tyonv-12tf"),
        ("/artifacts/key/dataset-statfin-tyonv-12tf", "held back"),
        ("/artifacts/artifact/{dataset}", "mittaristo quarantine release"),
        ("/artifacts/artifact/{summary}", "quarantined"),
        ("/artifacts/artifact/{quarantine}", "mittaristo quarantine reject"),
        ("/blocks/catalog", "Blocks"),
        ("/work-pools/create", "Infrastructure Type"),
        ("/automations", "Automations"),
        ("/concurrency-limits", "Concurrency"),
        ("/settings", "Settings"),
        ("/docs", ""),
    ],
)
def test_a_page_opens_with_the_network_cut_and_asks_nobody_outside(
    interface: Interface, page: Page, cut_off: Outside, path: str, shows: str
) -> None:
    latest = interface.latest()
    where = path.format(
        run=interface.runs()[0]["id"],
        dataset=latest["dataset-statfin-tyonv-12tf"]["latest_id"],
        summary=latest["summary-statfin"]["latest_id"],
        quarantine=latest["quarantine"]["latest_id"],
    )
    cut_off.asked.clear()
    page.goto(f"{interface.address}{where}")
    if shows:
        page.get_by_text(shows).first.wait_for(timeout=20_000)
    page.wait_for_timeout(1_000)
    assert asked_by_pages(cut_off) == []


def test_version_2_of_the_pages_is_not_offered(interface: Interface, page: Page) -> None:
    assert interface_settings(interface)["available_uis"] == ["v1"]
    page.goto(f"{interface.address}/dashboard")
    page.get_by_text("Flow Runs").first.wait_for(timeout=20_000)
    assert page.get_by_text("V2 UI").count() == 0
    assert sorted(one.name for one in (interface.home / "prefect" / "ui").iterdir() if one.is_dir()) == ["v1"]


def interface_settings(interface: Interface) -> dict[str, Any]:
    with urllib.request.urlopen(f"{interface.address}/ui-settings", timeout=10) as answer:
        found: dict[str, Any] = json.loads(answer.read())
    return found


def test_server_and_client_ask_nobody_outside_not_even_for_work_pools(interface: Interface) -> None:
    found = interface.ask("/collections/views/aggregate-worker-metadata")
    assert "process" in found["prefect"]
    with pytest.raises(urllib.error.HTTPError, match="404"):
        interface.ask("/collections/views/aggregate-flow-metadata")
    assert interface.outside.asked == []


def test_a_run_leaves_its_summary_a_page_a_dataset_and_the_quarantine_list(interface: Interface) -> None:
    assert set(interface.latest()) == {
        "summary-statfin",
        "progress-statfin",
        "quarantine",
        *(f"dataset-statfin-{one}" for one in ("ssaaty-121w", "tyonv-12r5", "vkour-12bs")),
        *(f"dataset-statfin-{one}" for one in ("tjt-14ww", "tyonv-12tf", "vaerak-11ra")),
    }
    rows = interface.artifact("summary-statfin")["data"]
    rows = json.loads(rows) if isinstance(rows, str) else rows
    assert [(one["dataset"], one["state"]) for one in rows[:3]] == [
        (POPULATION, "failed"),
        (RATE, "quarantined"),
        (INCOME, "fetched"),
    ]
    assert str(interface.home / "report" / "validation" / "index.html") in str(
        interface.artifact("summary-statfin")["description"]
    )
    assert interface.artifact("progress-statfin")["data"] == 100
    assert "mittaristo quarantine show 1" in interface.artifact("quarantine")["data"]


def test_a_dataset_s_page_is_written_when_something_happened_and_keeps_its_line_of_time(
    interface: Interface,
) -> None:
    def times(key: str) -> int:
        found = interface.ask("/artifacts/filter", {"artifacts": {"key": {"any_": [key]}}})
        return len(found)

    assert times("dataset-statfin-vkour-12bs") == 1, "fetched once, then unchanged twice"
    assert times("dataset-statfin-tjt-14ww") == 2
    revised = interface.artifact("dataset-statfin-tjt-14ww")["data"]
    assert re.search(r"median_income \| KU205 \| 2024 \| revised \| 29128 \| 29186", revised)
    refused = interface.artifact("dataset-statfin-vaerak-11ra")["data"]
    assert "answered 403" in refused


def test_the_run_is_red_and_names_the_datasets_that_are_and_no_task_is_green_that_is_not(
    interface: Interface,
) -> None:
    newest, nothing_new, first = interface.runs()
    assert [one["state_type"] for one in (newest, nothing_new, first)] == [
        "FAILED",
        "COMPLETED",
        "COMPLETED",
    ]
    assert newest["state"]["message"] == f"{POPULATION} failed; {RATE} quarantined"
    assert "6 unchanged" in nothing_new["state"]["message"]
    tasks = interface.ask("/task_runs/filter", {"flow_runs": {"id": {"any_": [newest["id"]]}}})
    assert {one["name"] for one in tasks if one["state_type"] == "FAILED"} == {POPULATION, RATE}
    assert all(not one["state"]["message"].count(one["name"]) for one in tasks), "no id said twice"


@pytest.mark.parametrize("name", ["index", "statfin-tyonv-12tf"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_validation_pages_open_from_the_disk_without_a_call_an_error_or_a_wide_page(
    interface: Interface, page: Page, cut_off: Outside, name: str, width: int
) -> None:
    file = interface.home / "report" / "validation" / f"{name}.html"
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    cut_off.asked.clear()
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(file.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("h1").count() == 1
    assert asked == [file.as_uri()]
    assert (said, asked_by_pages(cut_off)) == ([], [])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_validation_pages_can_be_read_by_day_and_by_night(
    interface: Interface, browser: Browser, scheme: Any
) -> None:
    opened = browser.new_page(color_scheme=scheme)
    opened.goto((interface.home / "report" / "validation" / "statfin-tyonv-12tf.html").as_uri())
    contrasts = opened.evaluate(
        """() => {
          const light = text => {
            const parts = text.match(/[0-9.]+/g).slice(0, 3).map(x => x / 255)
              .map(x => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
            return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
          };
          const paper = node => {
            for (let one = node; one; one = one.parentElement) {
              const colour = getComputedStyle(one).backgroundColor;
              if (colour !== 'rgba(0, 0, 0, 0)') return colour;
            }
            return 'rgb(255, 255, 255)';
          };
          return [...document.querySelectorAll('p, td, th, dt, dd, a, code, caption, span')]
            .filter(one => one.textContent.trim()).map(one => {
              const two = [light(getComputedStyle(one).color), light(paper(one))].sort((a, b) => b - a);
              return (two[0] + 0.05) / (two[1] + 0.05);
            });
        }"""
    )
    opened.close()
    assert len(contrasts) > 50
    assert min(contrasts) >= 4.5


# --- texts that are meant to run --------------------------------------------------------------------------

ATTACK = f"{MARKUP}<svg onload=alert(1)>[x](javascript:alert(1))![y](x)"
# One run in which a dataset is held back and one in which the source answers with an attack.
HOSTILE_RUNS = """
import html, os, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from demo import changes
from demo.sample import load_sample, sample_scope
from demo.stand_in import StandIn
from flows.commands import collect_through_prefect
from flows.pipeline import open_pipeline
from flows.settings import read_settings
with open_pipeline(read_settings(os.environ)) as pipeline:
    scope = sample_scope(pipeline.catalogue, load_sample())
def run():
    rows = collect_through_prefect(os.environ, {"statfin": ()}, force=True, scope=scope)
    print(sorted({row.state for row in rows} - {"not_in_sample"}))
with StandIn(load_sample(), calls=10_000, window=1.0) as source:
    os.environ["MITTARISTO_URL_STATFIN"] = source.url
    run()
    table = source.tables["vaerak/11ra"]
    revised = changes.revise(table, {}, factor=1000)
    source.tables["vaerak/11ra"] = changes.set_updated(revised, table.updated.replace(year=2027))
    run()
class Attack(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(403)
        self.end_headers()
        self.wfile.write(html.escape(sys.argv[1]).encode())
    do_POST = do_GET
    def log_message(self, *said):
        pass
with ThreadingHTTPServer(("127.0.0.1", 0), Attack) as attack:
    threading.Thread(target=attack.serve_forever, daemon=True).start()
    os.environ["MITTARISTO_URL_STATFIN"] = f"http://127.0.0.1:{attack.server_port}"
    run()
    attack.shutdown()
"""


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Interface]:
    folder = tmp_path_factory.mktemp("attacked")
    programme = spoilt_programme(folder / "programme", MARKUP)
    runs = HOSTILE_RUNS.replace("sys.argv[1]", repr(ATTACK))
    with serving(folder, runs, MITTARISTO_PROGRAMME=str(programme)) as served:
        yield served


@pytest.fixture
def alerts(page: Page) -> list[str]:
    """What scripts on the page said; an attack says 1."""
    found: list[str] = []

    def hear(dialog: Any) -> None:
        found.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", hear)
    return found


def armed(page: Page) -> list[str]:
    """What of the page's elements came from an attack: would run, or load something."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('*')].filter(one =>
             [...one.attributes].some(a => a.name.startsWith('on') || /^\\s*javascript:/i.test(a.value)
               || (one.tagName === 'IMG' && a.name === 'src' && /(^|\\/)x$/.test(a.value)))
             || (one.tagName === 'SCRIPT' && one.textContent.includes('alert(1)'))
           ).map(one => one.outerHTML.slice(0, 200))"""
    )
    return found


def test_an_attack_that_gets_onto_a_page_is_seen(page: Page, alerts: list[str]) -> None:
    """Without this the silence of the other pages would prove nothing."""
    page.set_content(f"<p>{ATTACK}</p>")
    page.wait_for_timeout(1_000)
    assert "1" in alerts
    assert len(armed(page)) >= 4


def test_no_page_of_the_interface_runs_what_a_label_or_a_source_says(
    attacked: Interface, page: Page, alerts: list[str]
) -> None:
    latest = attacked.latest()
    assert {"summary-statfin", "quarantine", "dataset-statfin-vaerak-11ra"} <= set(latest)
    texts = {key: str(attacked.artifact(key)["data"]) for key in latest}
    assert any("alert(1)" in one for one in texts.values()), "the attack is in what is shown"
    newest = attacked.runs()[0]
    failed = attacked.ask("/task_runs/filter", {"flow_runs": {"id": {"any_": [newest["id"]]}}})
    paths = [
        *(f"/artifacts/artifact/{one['latest_id']}#{key}" for key, one in latest.items()),
        *(f"/artifacts/key/{key}" for key in latest),
        *(f"/runs/flow-run/{one['id']}" for one in attacked.runs()),
        *(f"/runs/task-run/{one['id']}" for one in failed[:1]),
        "/artifacts",
        "/runs",
        "/dashboard",
    ]
    shown = 0
    for path in paths:
        page.goto(f"{attacked.address}{path}")
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(500)
        shown += page.locator("body").inner_text().count("alert(1)")
        assert (alerts, armed(page)) == ([], []), path
    assert shown > 0, "as a text it is there to read"


def test_even_an_artifact_that_nobody_made_plain_does_not_run(
    attacked: Interface, page: Page, alerts: list[str]
) -> None:
    made = attacked.ask(
        "/artifacts/", {"key": "not-ours", "type": "markdown", "data": f"# here it is\n\n{ATTACK}"}
    )
    page.goto(f"{attacked.address}/artifacts/artifact/{made['id']}")
    page.get_by_text("here it is").first.wait_for(timeout=20_000)
    page.wait_for_timeout(1_000)
    assert alerts == []
