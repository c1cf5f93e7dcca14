"""The board's report as one page to read or print: A4, no script, nothing from outside."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Any

from reports import charts, pages, texts
from reports.facts import IndicatorFacts
from reports.pages import Words
from reports.site import environment_of

if TYPE_CHECKING:
    from reports.board import Difference
    from reports.board_book import Sheet

_PAGE_MARK = '@page{@top-center{content:"{said}";font:700 11pt sans-serif;color:#9a4a00}}'


def report_page(words: Words, year: int) -> str:
    """The report as HTML."""
    programme = words.facts.catalogue.programme
    areas = [pages.area_page(words, one.id) for one in programme.areas]
    listed = {row["id"] for area in areas for row in area["indicators"]}
    rest = [
        pages.indicator_row(words, one) for key, one in words.facts.indicators.items() if key not in listed
    ]
    return _rendered(
        words,
        "board_report",
        year=year,
        again=again(words, year),
        front=pages.front_page(words),
        areas=areas,
        rest=[row for row in rest if row["has_figures"]],
        answers=_answers(words),
        headlines=[
            _headline(words, one) for one in words.facts.indicators.values() if one.indicator.headline
        ],
        due=pages.due_page(words)["parties"],
        sources=[one for one in pages.freshness_page(words)["sources"] if one["id"] in _used(words)],
        licences={
            key: (words.of(one, "attribution"), one.licence)
            for key, one in words.facts.catalogue.sources.items()
        },
    )


def compared_page(then: Words, now: Words, year: int, counts: Sheet, found: Sequence[Difference]) -> str:
    """What differs between the report of then and the same report now, as HTML."""
    return _rendered(
        now,
        "board_compared",
        year=year,
        then=then,
        counts=counts.rows,
        found=[
            {
                "kind": now.pick(texts.DIFFERENCES, one.kind),
                "id": one.id,
                "name": one.name,
                "about": one.about,
                "then": one.then,
                "now": one.now,
            }
            for one in found
        ],
    )


def _rendered(words: Words, template: str, **context: Any) -> str:
    environment = environment_of(words)
    loader = environment.loader
    assert loader is not None  # noqa: S101
    style = str(environment.globals["style"]) + loader.get_source(environment, "board.css")[0]
    if (
        words.facts.is_synthetic
    ):  # on every printed page, where what is fixed on the screen would stand on one
        style += _PAGE_MARK.replace("{said}", words("watermark"))
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    page = environment.get_template(f"{template}.html.j2")
    return page.render(context, style=style, style_hash=digest).lstrip()


def again(words: Words, year: int) -> str:
    """The command that makes this very report again: its time to the microsecond."""
    as_of = words.facts.as_of
    assert as_of is not None  # noqa: S101
    instant = as_of.astimezone(UTC).isoformat()
    return f"mittaristo report board --year {year} --as-of {instant} --language {words.language}"


def _used(words: Words) -> set[str]:
    return {one.indicator.source for one in words.facts.indicators.values()}


def _answers(words: Words) -> dict[str, list[tuple[str, Any]]]:
    """By measure the newest answer of each meter, with its period."""
    return {
        measure_id: [
            (words.period(one["period"]), pages.answer(words, one))
            for meter in meters
            for one in words.facts.reports.get(meter["meter_id"], ())[:1]
        ]
        for measure_id, meters in words.facts.meters.items()
    }


def _headline(words: Words, one: IndicatorFacts) -> dict[str, Any]:
    lines, band = pages.chart_lines(words.facts, one)
    drawn = ""
    if lines:
        key = f"board-{one.indicator.id}"
        drawn = charts.series_chart(key, lines, band, pages.baseline_of(one, lines), one.decimals)
    judged = one.verdict()
    return {
        **pages.indicator_row(words, one),
        "chart": charts.localised(drawn, words.language),
        "chart_alt": pages.chart_alt(words, one, lines, band),
        "legend": pages.legend(words, one, lines, band),
        "reason": judged.reason.get(words.language, ""),
        "beside": judged.beside.get(words.language, ""),
    }
