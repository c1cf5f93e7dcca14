"""The site in a real browser: accessible, alone, usable with a keyboard, on narrow and wide screens."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from reports.board import build_board, build_comparison
from warehouse.engine import reading

pytestmark = [pytest.mark.chromium, pytest.mark.long]
CHROMIUM = shutil.which("chromium")
KINDS = (
    "index.html",
    "areas/1.html",
    "areas/3.html",
    "goals/1.2.html",
    "measures/1.1.01.html",
    "measures/1.2.01.html",
    "indicators/tertiary_share.html",
    "indicators/unemployment_rate.html",
    "indicators/airport_passengers.html",
    "indicators.html",
    "due.html",
    "freshness.html",
    "changes.html",
    "method.html",
    "accessibility.html",
)
LANGUAGES = ("", "sv/", "en/")
LATE = datetime(2099, 1, 1, tzinfo=UTC)


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("site", "kind"),
    [
        *(("long_site", kind) for kind in KINDS),
        *(("real_site", kind) for kind in KINDS if kind.startswith(("index", "measures", "due"))),
    ],
)
def test_axe_finds_nothing_wrong(browser: Browser, request, site: str, kind: str, scheme) -> None:
    folder = request.getfixturevalue(site).folder
    # the page's own policy forbids scripts, axe too
    context = browser.new_context(
        color_scheme=scheme, bypass_csp=True, viewport={"width": 1280, "height": 900}
    )
    found = []
    for language in LANGUAGES:
        page = context.new_page()
        page.goto((folder / language / kind).as_uri())
        for one in Axe().run(page).response["violations"]:
            found.append((language, one["id"], one["nodes"][0]["html"]))
        page.close()
    context.close()
    assert found == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_asks_for_nothing_outside_its_file_and_logs_no_error(
    browser: Browser, long_site, kind: str
) -> None:
    page = browser.new_page()
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    address = (long_site.folder / kind).as_uri()
    page.goto(address)
    page.wait_for_load_state()
    assert [one for one in asked if one != "data:,"] == [address]
    assert said == []
    page.close()


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_but_the_tables_scrolls_sideways(
    browser: Browser, long_site, width: int, language: str
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800})
    for kind in KINDS:
        page.goto((long_site.folder / language / kind).as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width, kind
    page.close()


def _tab_to(page: Page, script: str, most: int = 200) -> None:
    """Presses Tab until the script says that what has the focus is what was looked for."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate(script):
            return
    raise AssertionError(f"Tab never came to {script}")


def test_a_keyboard_leads_from_the_front_page_to_a_measure_s_table(browser: Browser, long_site) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 800})
    page.goto((long_site.folder / "index.html").as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    focused = "document.activeElement.getAttribute('href')"
    _tab_to(page, f"{focused} === 'areas/1.html'")
    page.keyboard.press("Enter")
    page.wait_for_url("**/areas/1.html")
    _tab_to(page, f"{focused} === '../measures/1.1.01.html'")
    page.keyboard.press("Enter")
    page.wait_for_url("**/measures/1.1.01.html")
    _tab_to(page, "document.activeElement.getAttribute('role') === 'region'")
    assert (
        page.evaluate("document.activeElement.querySelector('caption').textContent")
        == "Toimenpiteen mittarit"
    )
    page.close()


def test_what_has_the_focus_is_seen(browser: Browser, long_site) -> None:
    page = browser.new_page()
    page.goto((long_site.folder / "index.html").as_uri())
    for _ in range(12):
        page.keyboard.press("Tab")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        assert page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)") >= 2
    page.close()


def test_links_outside_running_text_are_large_enough_to_hit(browser: Browser, long_site) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 800})
    page.goto((long_site.folder / "index.html").as_uri())
    small = page.evaluate(
        "[...document.querySelectorAll('nav a')].filter(a => a.getBoundingClientRect().height < 24)"
        ".map(a => a.textContent)"
    )
    assert small == []
    page.close()


def test_lines_of_a_chart_can_be_told_from_the_page_in_light_and_dark(browser: Browser, long_site) -> None:
    """At least 3 to 1 against the background, as WCAG 1.4.11 asks of graphics."""
    script = """() => {
      const parts = text => text.match(/[0-9.]+/g).map(Number);
      const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
        .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
      const paper = light(parts(getComputedStyle(document.body).backgroundColor));
      return [...document.querySelectorAll('.chart path.s-focus, .chart path.s-region, .chart path.s-country, '
        + '.chart path.s-peers')].map(one => light(parts(getComputedStyle(one).stroke)))
        .map(one => (Math.max(one, paper) + 0.05) / (Math.min(one, paper) + 0.05));
    }"""
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme)
        page = context.new_page()
        page.goto((long_site.folder / "indicators/tertiary_share.html").as_uri())
        contrasts = page.evaluate(script)
        assert len(contrasts) >= 4
        assert min(contrasts) >= 3
        context.close()


@pytest.fixture(scope="module")
def board(long_site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The board's report in three languages, and what differs from another year's view."""
    folder = tmp_path_factory.mktemp("board")
    catalogue = long_site.pipeline.catalogue
    with reading(long_site.pipeline.engine) as connection:
        for language in ("fi", "sv", "en"):
            build_board(connection, catalogue, folder, 2025, LATE, language)
        early = datetime(2025, 1, 1, tzinfo=UTC)
        build_comparison(connection, catalogue, catalogue, folder, 2025, early, LATE)
    return folder


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_wrong_with_the_board_s_report(browser: Browser, board: Path, scheme) -> None:
    context = browser.new_context(color_scheme=scheme, bypass_csp=True)
    pages = sorted(board.glob("*.html"))
    assert len(pages) == 4
    for path in pages:
        page = context.new_page()
        page.goto(path.as_uri())
        found = Axe().run(page).response["violations"]
        assert [(path.name, one["id"], one["nodes"][0]["html"]) for one in found] == []
        page.close()
    context.close()


def test_the_board_s_report_asks_for_nothing_fits_a_phone_and_prints(browser: Browser, board: Path) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 800})
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    address = (board / "board-2025-fi.html").as_uri()
    page.goto(address)
    assert [one for one in asked if one != "data:,"] == [address] and said == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    printed = page.pdf(prefer_css_page_size=True)
    assert printed.startswith(b"%PDF") and printed.count(b"/Type /Page") > 8
    page.close()
