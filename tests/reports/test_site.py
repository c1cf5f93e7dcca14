"""The site as files: whole, linked, valid, escaped, the same each time, and never half built."""

import csv
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice, pairwise
from pathlib import Path
from urllib.parse import unquote, urldefrag

import html5lib
import pytest

from models.borders import packaged_borders
from reports import site as module
from reports.facts import gather
from reports.pages import Words, csv_of, measure_page
from warehouse.engine import reading

HTML = "{http://www.w3.org/1999/xhtml}"
RENDER = module.render
LATER = datetime(2099, 1, 1, tzinfo=UTC)


def pages_of(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.html"))


@pytest.fixture(params=["real_site", "long_site"])
def folder(request: pytest.FixtureRequest) -> Path:
    found: Path = request.getfixturevalue(request.param).folder
    return found


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Builds only the first pages, in Finnish: enough to see how the folder comes to be."""
    monkeypatch.setattr(module, "LANGUAGES", ("fi",))
    monkeypatch.setattr(module, "render", lambda *given: islice(RENDER(*given), 45))


def test_there_is_a_page_for_every_part_of_the_programme_in_three_languages(real_site) -> None:
    catalogue = real_site.pipeline.catalogue
    wanted = {
        *("index", "indicators", "due", "freshness", "changes", "method", "accessibility"),
        *(f"areas/{one.id}" for one in catalogue.programme.areas),
        *(f"goals/{one.id}" for one in (*catalogue.programme.goals, *catalogue.programme.clusters)),
        *(f"measures/{one.id}" for one in catalogue.programme.measures),
        *(f"indicators/{one}" for one in catalogue.indicators),
    }
    for language in ("", "sv", "en"):
        root = real_site.folder / language
        there = {str(one.relative_to(root))[: -len(".html")] for one in pages_of(root)}
        assert wanted <= there


def test_every_link_leads_to_a_page_that_is_there(folder: Path) -> None:
    ids = {
        one: set(re.findall(r'\sid="([^"]+)"', one.read_text(encoding="utf-8"))) for one in pages_of(folder)
    }
    broken = []
    for page in ids:
        for href in re.findall(r'href="([^"]+)"', page.read_text(encoding="utf-8")):
            target, fragment = urldefrag(href)
            if target.startswith(("https://", "http://", "data:")):
                continue
            found = Path(os.path.normpath(page.parent / unquote(target))) if target else page
            if not found.is_file() or (fragment and fragment not in ids[found]):
                broken.append((str(page.relative_to(folder)), href))
    assert broken == []


def test_nothing_is_asked_from_outside_and_no_script_or_style_attribute_is_in_a_page(folder: Path) -> None:
    for page in pages_of(folder):
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"<script|\sstyle=|\son[a-z]+=|\ssrc=|url\(|@import", text), page
        assert "default-src 'none'" in text


def test_every_page_is_valid_html_with_one_h1_and_no_id_twice(folder: Path) -> None:
    parser = html5lib.HTMLParser(strict=True)
    kinds: Counter[tuple[Path, str]] = Counter()
    for page in pages_of(folder):
        kind = (page.parent, "" if page.parent.name in ("measures", "indicators") else page.name)
        kinds[kind] += 1
        if kinds[kind] % 12 != 1:  # the parser is slow
            continue
        tree = parser.parse(page.read_text(encoding="utf-8"))
        ids = [one.get("id") for one in tree.iter() if one.get("id")]
        assert len(ids) == len(set(ids)), page
        headings = [
            int(one.tag[-1]) for one in tree.iter() if re.fullmatch(rf"{re.escape(HTML)}h[1-6]", str(one.tag))
        ]
        assert headings.count(1) == 1, page
        assert headings[0] == 1
        assert all(after - before <= 1 for before, after in pairwise(headings)), page


def test_every_page_says_its_language_and_leads_to_the_others(folder: Path) -> None:
    for language, path in (("fi", "measures/1.1.01.html"), ("sv", "sv/due.html"), ("en", "en/areas/3.html")):
        text = (folder / path).read_text(encoding="utf-8")
        assert f'<html lang="{language}">' in text
        for other in ("fi", "sv", "en"):
            assert f'<a lang="{other}" hreflang="{other}"' in text


def test_what_is_not_translated_is_marked_as_finnish(real_site) -> None:
    measure = real_site.pipeline.catalogue.programme.measures[0]
    text = (real_site.folder / "sv" / "measures" / f"{measure.id}.html").read_text(encoding="utf-8")
    assert f'<span lang="fi">{measure.short_fi}</span>' in text
    assert '<span lang="fi">' not in (real_site.folder / "index.html").read_text(encoding="utf-8")


def test_every_page_is_small(folder: Path) -> None:
    assert max(one.stat().st_size for one in pages_of(folder)) < 300_000


def test_the_same_warehouse_and_time_give_the_same_bytes(long_site, tmp_path: Path) -> None:
    long_site.build(tmp_path / "again")
    assert files_of(long_site.folder) == files_of(tmp_path / "again")


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def test_made_up_figures_are_watermarked_on_every_page_and_real_ones_on_none(real_site, long_site) -> None:
    assert all('class="watermark"' in one.read_text(encoding="utf-8") for one in pages_of(long_site.folder))
    assert not any(
        'class="watermark"' in one.read_text(encoding="utf-8") for one in pages_of(real_site.folder)
    )


def test_the_figures_stand_as_each_language_writes_them(real_site) -> None:
    path = "indicators/tertiary_share.html"
    assert "31,3" in (real_site.folder / path).read_text(encoding="utf-8")
    assert "31.3" in (real_site.folder / "en" / path).read_text(encoding="utf-8")


def test_a_series_of_one_figure_is_shown_beside_other_areas_and_not_as_a_line(real_site) -> None:
    text = (real_site.folder / "indicators/tertiary_share.html").read_text(encoding="utf-8")
    assert 'class="chart"' not in text
    assert "Vertailu muihin alueisiin" in text
    assert "Mikkeli" in text


def test_a_long_series_has_a_chart_its_words_and_the_same_numbers_in_a_table(long_site) -> None:
    text = (long_site.folder / "indicators/tertiary_share.html").read_text(encoding="utf-8")
    said = re.search(r'role="img" aria-label="([^"]+)"', text)
    assert said is not None
    assert "Kajaani: " in said[1]
    last = re.search(r"Kajaani: .*?viimeisin ([0-9,]+)\.", said[1])
    assert last is not None
    table = text[text.index('class="figures"') :]
    first_row = table[table.index("<tbody>") : table.index("</tr>", table.index("<tbody>"))]
    assert f">{last[1]}<" in first_row


def test_a_verdict_stands_with_its_sentence_in_the_page_s_language(long_site) -> None:
    fi, sv, en = (
        (long_site.folder / language / "indicators/tertiary_share.html").read_text(encoding="utf-8")
        for language in ("", "sv", "en")
    )
    assert "Tavoitetta ei ole asetettu." in fi
    assert "Inget mål har ställts." in sv
    assert "No target has been set." in en


def test_the_map_has_the_borders_it_is_given_and_names_their_year(
    long_site, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(module, "LANGUAGES", ("fi",))
    page = "indicators/tertiary_share.html"
    assert "2031" not in (long_site.folder / page).read_text(encoding="utf-8")
    long_site.build(tmp_path / "report", borders=replace(packaged_borders(), year=2031))
    assert "2031" in (tmp_path / "report" / page).read_text(encoding="utf-8")


def test_a_build_that_dies_leaves_the_old_site(long_site, tmp_path: Path, monkeypatch, short) -> None:
    folder = tmp_path / "report"
    long_site.build(folder)
    before = {one: one.read_bytes() for one in pages_of(folder)}
    pages = iter(range(40))

    def dying(*given: object) -> Iterator[tuple[str, str]]:
        for path, html in RENDER(*given):
            if next(pages, None) is None:
                raise OSError("the disk is full")
            yield path, html

    whole = module.render
    monkeypatch.setattr(module, "render", dying)
    with pytest.raises(OSError, match="disk is full"):
        long_site.build(folder, LATER)
    assert {one: one.read_bytes() for one in pages_of(folder)} == before
    monkeypatch.setattr(module, "render", whole)
    long_site.build(folder, LATER)
    assert "2099" in (folder / "index.html").read_text(encoding="utf-8")
    assert [one.name for one in tmp_path.iterdir()] == ["report"]


@pytest.mark.parametrize("can_exchange", [True, False])
def test_what_others_wrote_into_the_folder_stays(
    long_site, tmp_path: Path, monkeypatch, short, can_exchange
) -> None:
    if not can_exchange:
        monkeypatch.setattr("warehouse.folder_swap.exchange", lambda one, other: False)
    folder = tmp_path / "report"
    (folder / "validation").mkdir(parents=True)
    (folder / "validation" / "index.html").write_text("results")
    (folder / "measures").mkdir()
    (folder / "measures" / "gone.html").write_text("a measure that is no more")
    long_site.build(folder)
    long_site.build(folder)
    assert (folder / "validation" / "index.html").read_text() == "results"
    assert not (folder / "measures" / "gone.html").exists()


def test_a_death_between_two_renames_is_made_good(long_site, tmp_path: Path, short) -> None:
    folder = tmp_path / "report"
    (tmp_path / ".report.old" / "validation").mkdir(parents=True)
    (tmp_path / ".report.old" / "validation" / "index.html").write_text("results")
    long_site.build(folder)
    assert (folder / "validation" / "index.html").read_text() == "results"


def test_texts_from_outside_are_escaped(long_site) -> None:
    catalogue = long_site.pipeline.catalogue
    with reading(long_site.pipeline.engine) as connection:
        facts = gather(connection, catalogue, LATER)
    measure = catalogue.programme.measures[0]
    meter = facts.meters[measure.id][0]["meter_id"]
    answer = {
        "period": "2026",
        "period_end": None,
        "status": "done",
        "value": None,
        "unit_fi": "",
        "text": "<script>alert(1)</script>",
        "party_name_fi": "<b>",
        "recorded_at": LATER,
    }
    words = Words("sv", replace(facts, reports={meter: [answer]}))
    said = measure_page(words, measure)["answers"][0]["answer"]
    assert said == 'klar: <span lang="fi">&lt;script&gt;alert(1)&lt;/script&gt;</span>'


def test_no_cell_of_a_downloaded_file_can_act_as_a_formula(long_site) -> None:
    with reading(long_site.pipeline.engine) as connection:
        facts = gather(connection, long_site.pipeline.catalogue, LATER)
    one = facts.indicators["tertiary_share"]
    risky = replace(one, indicator=replace(one.indicator, name_fi='=HYPERLINK("x")', unit_fi="@SUM"))
    rows = list(csv.reader(csv_of(facts, risky).decode("utf-8-sig").splitlines()))
    assert rows[1][1].startswith("'=") and rows[1][2].startswith("'@")
    assert len(rows) - 1 == sum(len(points) for points in one.series.values())
    assert {len(row) for row in rows} == {len(rows[0])}


def test_as_of_a_time_before_the_first_figure_there_is_none(long_site, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(module, "LANGUAGES", ("fi",))
    first = datetime(2000, 1, 1, tzinfo=UTC)
    long_site.build(tmp_path / "then", as_of=first)
    text = (tmp_path / "then" / "indicators/tertiary_share.html").read_text(encoding="utf-8")
    assert "ei ole vielä lukuja" in text
    assert "1.1.2000" in text
    assert list((tmp_path / "then" / "data").iterdir()) == []


def test_as_of_a_time_after_the_last_figure_the_verdicts_are_those_of_now(
    long_site, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(module, "LANGUAGES", ("fi",))
    long_site.build(tmp_path / "then", as_of=LATER)
    pattern = r'<section aria-labelledby="verdict">.*?</section>'
    for key in ("tertiary_share", "unemployment_rate"):
        now, then = (
            re.search(pattern, (folder / f"indicators/{key}.html").read_text(encoding="utf-8"), re.DOTALL)
            for folder in (long_site.folder, tmp_path / "then")
        )
        assert now is not None and then is not None
        assert now[0] == then[0]
