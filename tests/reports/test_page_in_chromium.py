"""The report's page in a real browser: it stands alone, speaks Finnish and works with a keyboard."""

import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from demo.sample import load_sample, sample_scope
from demo.stand_in import StandIn
from demo.table import SampleTable
from flows.adopt import adopt
from flows.collect import Collection, collect, read_limits
from flows.pipeline import VERSION, new_run_id, open_pipeline, utc_now
from flows.settings import Settings
from reports.site import build_site
from warehouse.engine import reading, writing
from warehouse.ledger import open_run

pytestmark = [pytest.mark.chromium, pytest.mark.long]
CHROMIUM = shutil.which("chromium")


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("site")
    tables: Mapping[str, SampleTable] = load_sample()
    with StandIn(tables, calls=10_000, window=1.0) as stand_in:
        settings = Settings(
            home=home, database_url=f"sqlite:///{home / 'x.db'}", urls={"statfin": stand_in.url}
        )
        with open_pipeline(settings) as pipeline:
            scope = sample_scope(pipeline.catalogue, tables)
            adopt(pipeline, scope)
            run_id = new_run_id()
            with writing(pipeline.engine) as connection:
                open_run(
                    connection,
                    run_id=run_id,
                    source="statfin",
                    started_at=utc_now(),
                    program_version=VERSION,
                    catalogue_fingerprint="",
                )
            limits, _ = read_limits(pipeline, "statfin", run_id)
            collection = Collection(pipeline, run_id, "statfin", limits, scope)
            for dataset_id in ("statfin/vkour/12bs", "statfin/tyonv/12tf", "statfin/tyonv/12r5"):
                assert collect(collection, dataset_id).state == "fetched"
            with reading(pipeline.engine) as connection:
                return build_site(connection, pipeline.catalogue, home / "report", datetime.now(UTC))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed here; .ci/run installs it")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield running
        running.close()


def test_the_page_asks_for_nothing_outside_its_file_and_logs_no_error(
    browser: Browser, page_file: Path
) -> None:
    page = browser.new_page()
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(page_file.as_uri())
    assert asked == [page_file.as_uri()]
    assert said == []
    assert page.locator("html").get_attribute("lang") == "fi"
    assert page.locator("h1").count() == 1
    page.close()


def test_the_figures_stand_in_the_page_as_finnish_writes_them(browser: Browser, page_file: Path) -> None:
    page = browser.new_page()
    page.goto(page_file.as_uri())
    row = page.locator("tr", has_text="Korkea-asteen tutkinnon suorittaneiden osuus").first
    assert "31,3" in row.inner_text()
    assert page.locator("section[aria-labelledby=measures] tbody tr").count() == 79
    page.close()


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_but_the_tables_scrolls_sideways(browser: Browser, page_file: Path, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(page_file.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


def test_wide_tables_can_be_reached_with_the_keyboard(browser: Browser, page_file: Path) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 800})
    page.goto(page_file.as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "region"
    page.close()
