"""The site: static pages in three languages, made from the warehouse, that open from a folder without a server."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from sqlalchemy import Connection

from models.borders import Borders, packaged_borders
from models.catalogue import Catalogue
from models.judge import BASELINE_YEAR
from models.numbers import LANGUAGES, Language, number_text
from reports import charts, pages, texts
from reports.compiled import Compiled
from reports.facts import Facts, gather
from reports.pages import Words
from warehouse.folder_swap import new_draft, take_place

MENU = (
    ("home", "index.html"),
    ("menu_indicators", "indicators.html"),
    ("menu_due", "due.html"),
    ("menu_changes", "changes.html"),
    ("menu_freshness", "freshness.html"),
    ("menu_method", "method.html"),
)
# What is the site's own at the top of its folder; whatever else lies there stays.
_OWN = frozenset(
    {
        *(href for _, href in MENU),
        *("accessibility.html", "areas", "goals", "measures", "indicators", "data", "sv", "en"),
        "index.html.new",
    }
)
_COMPILED = Compiled()


@dataclass(frozen=True)
class Drawings:
    """What is drawn once for all languages: by indicator, and the map of all municipalities ('' for none)."""

    charts: Mapping[str, str]
    sparks: Mapping[str, str]
    map: str
    map_source: Mapping[str, Any]
    csv_sizes: Mapping[str, int]


def build_site(
    connection: Connection,
    catalogue: Catalogue,
    folder: Path,
    built: datetime,
    *,
    as_of: datetime | None = None,
    borders: Borders | None = None,
) -> Path:
    """Writes the site to `folder` and returns its front page (Finnish; sv/ and en/ lie beside it).

    It is built in a new folder, which then takes the old one's place in one step; what others wrote into the old one
    is kept. With `as_of` it says what was known then. The map has `borders`, else those the project comes with. The
    same warehouse, borders and times give the same bytes. Raises OSError.
    """
    facts = gather(connection, catalogue, built, as_of)
    draft = new_draft(folder)
    data = draft / "data"
    data.mkdir()
    sizes = {}
    for key, one in facts.indicators.items():
        if one.has_figures:
            content = pages.csv_of(facts, one)
            (data / f"{key}.csv").write_bytes(content)
            sizes[key] = len(content)
    drawings = _draw(facts, sizes, borders or packaged_borders())
    for language in LANGUAGES:
        for path, html in render(facts, drawings, language):
            target = draft / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(html, encoding="utf-8")
    take_place(folder, draft, lambda name: name in _OWN)
    return folder / "index.html"


def render(facts: Facts, drawings: Drawings, language: Language) -> Iterator[tuple[str, str]]:
    """All pages of one language: path within the site, and HTML."""
    words = Words(language, facts)
    programme = facts.catalogue.programme
    page = partial(_page, environment_of(words), words)
    home = pages.front_page(words)
    own = {row["id"] for row in home["headlines"]}
    sparks = {key: drawings.sparks.get(key, "") for key in own}
    yield page("index.html", "site_index", home | {"sparks": sparks})
    for area in programme.areas:
        yield page(f"areas/{area.id}.html", "site_area", pages.area_page(words, area.id))
    for goal_id in (*(one.id for one in programme.goals), *(one.id for one in programme.clusters)):
        yield page(f"goals/{goal_id}.html", "site_goal", pages.goal_page(words, goal_id))
    for measure in programme.measures:
        yield page(f"measures/{measure.id}.html", "site_measure", pages.measure_page(words, measure))
    for key in facts.indicators:
        yield page(f"indicators/{key}.html", "site_indicator", _indicator(words, drawings, key))
    yield page("indicators.html", "site_indicators", pages.indicators_page(words))
    yield page("due.html", "site_due", pages.due_page(words))
    yield page("freshness.html", "site_freshness", pages.freshness_page(words))
    yield page("changes.html", "site_changes", pages.changes_page(words))
    for name in ("method", "accessibility"):
        text = {"heading": f"menu_{name}", "text_file": f"site_{name}_{language}.html.j2"}
        yield page(f"{name}.html", "site_text", text)


def _indicator(words: Words, drawings: Drawings, key: str) -> dict[str, Any]:
    one = words.facts.indicators[key]
    context = pages.indicator_page(words, one)
    figures = pages.map_figures(words.facts, one) if drawings.map else {}
    size = drawings.csv_sizes.get(key, 0)
    context |= {
        "chart": charts.localised(drawings.charts.get(key, ""), words.language),
        "csv_size": f"{number_text(max(1.0, size / 1000), words.language, 0)} kB",
        "map": "",
    }
    if figures:
        steps = pages.map_steps(figures)
        names = pages.map_names(words, one, figures)
        focus = words.facts.catalogue.areas.focus.code
        context |= {
            "map": charts.coloured_map(drawings.map, steps, names, focus),
            "map_legend": pages.map_legend(words, one, figures),
            "map_count": len(figures),
            "map_source": words("map_borders", **drawings.map_source),
        }
    return context


def _page(
    environment: Environment, words: Words, path: str, template: str, context: Mapping[str, Any]
) -> tuple[str, str]:
    language = words.language
    depth = path.count("/")
    base = "../" * depth
    root = base if language == "fi" else f"../{base}"
    hrefs: dict[Language, str] = {
        other: (f"{root}{path}" if other == "fi" else f"{root}{other}/{path}") for other in LANGUAGES
    }
    html = environment.get_template(f"{template}.html.j2").render(
        context,
        path=path,
        base=base,
        root=root,
        languages=[
            (other, texts.say("language_name", other), hrefs[other], other == language) for other in LANGUAGES
        ],
        other_languages=[(other, hrefs[other]) for other in LANGUAGES if other != language],
    )
    return path if language == "fi" else f"{language}/{path}", html.lstrip()


def environment_of(words: Words) -> Environment:
    """The templates with what all pages of a language share."""
    environment = Environment(
        loader=PackageLoader("reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=_COMPILED,
    )
    loader = environment.loader
    assert loader is not None  # noqa: S101
    style = loader.get_source(environment, "site.css")[0]
    facts = words.facts
    focus = facts.catalogue.areas.focus
    shown = {one.indicator.source for one in facts.indicators.values() if one.series}
    environment.globals |= {
        "w": words,
        "lang": words.language,
        "facts": facts,
        "style": style,
        "style_hash": base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        "menu": MENU,
        "programme": words.of(facts.catalogue.programme, "title"),
        "programme_title": words.plain(facts.catalogue.programme, "title"),
        "city": words.plain(focus),
        "city_owner": words.plain(focus),
        "baseline_year": BASELINE_YEAR,
        "attributions": [
            words.of(one, "attribution") for id, one in facts.catalogue.sources.items() if id in shown
        ],
        "dashes": {kind: " ".join(f"{one:g}" for one in form[0]) for kind, form in charts.LINE_FORMS.items()},
    }
    return environment


def _draw(facts: Facts, csv_sizes: Mapping[str, int], borders: Borders) -> Drawings:
    drawn, sparks = {}, {}
    for key, one in facts.indicators.items():
        lines, band = pages.chart_lines(facts, one)
        if lines:
            drawn[key] = charts.series_chart(key, lines, band, pages.baseline_of(one, lines), one.decimals)
            if one.indicator.headline:
                sparks[key] = charts.spark(f"spark-{key}", lines[0].points)
    wants_map = any(pages.map_figures(facts, one) for one in facts.indicators.values())
    return Drawings(
        charts=drawn,
        sparks=sparks,
        map=charts.map_of(borders) if wants_map else "",
        map_source={"year": borders.year, "source": borders.source, "licence": borders.licence},
        csv_sizes=csv_sizes,
    )
