"""The yearly report for the city board: what a year's report says, as of a time, and how another view differs.

A report holds no moment of its making: the same warehouse gives the same bytes for the same year and time, whatever
was revised since.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from models.catalogue import Catalogue
from models.numbers import Language
from reports import pages, texts
from reports.board_book import Column, Sheet, workbook
from reports.board_page import again, compared_page, report_page
from reports.facts import Facts, IndicatorFacts, gather
from reports.pages import Words
from warehouse.whole_file import EVERYBODY, write_whole

Cells = tuple[Any, ...]


@dataclass(frozen=True)
class Difference:
    """Something that two views of a year say otherwise, already in words."""

    kind: str  # a key of reports.texts.DIFFERENCES
    id: str
    name: str
    about: str  # a period, a class, or what of it changed
    then: str
    now: str


def build_board(
    connection: Connection,
    catalogue: Catalogue,
    folder: Path,
    year: int,
    as_of: datetime,
    language: Language = "fi",
) -> list[Path]:
    """Writes the report on `year` by what was known at `as_of`: a workbook and a page to print. Raises OSError.

    `catalogue` is the one of that time.
    """
    words = Words(language, _view(connection, catalogue, as_of, year))
    name = f"board-{year}-{language}"
    return _write(
        folder, name, workbook(_title(words, year), report_sheets(words, year)), report_page(words, year)
    )


def build_comparison(
    connection: Connection,
    then_catalogue: Catalogue,
    now_catalogue: Catalogue,
    folder: Path,
    year: int,
    as_of: datetime,
    now: datetime,
    language: Language = "fi",
) -> list[Path]:
    """Writes beside the report of then what the same report says at `now`, and every difference. Raises OSError."""
    then = Words(language, _view(connection, then_catalogue, as_of, year))
    same = Words(language, _view(connection, now_catalogue, now, year))
    newest = Words(language, gather(connection, now_catalogue, now, now))
    found = differences(then, same)
    sheets = comparison_sheets(then, same, newest, found)
    name = f"board-{year}-{language}-compared"
    page = compared_page(then, same, year, sheets[0], found)
    return _write(folder, name, workbook(_title(then, year), sheets), page)


def _write(folder: Path, name: str, book: bytes, page: str) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    return [
        write_whole(folder / f"{name}.xlsx", book, mode=EVERYBODY),
        write_whole(folder / f"{name}.html", page.encode(), mode=EVERYBODY),
    ]


def _view(connection: Connection, catalogue: Catalogue, as_of: datetime, year: int) -> Facts:
    return gather(connection, catalogue, as_of, as_of, until=date(year, 12, 31))


def _title(words: Words, year: int) -> str:
    return f"{words.plain(words.facts.catalogue.programme, 'title')}: {words('board_title', year=year)}"


# --- the report's sheets ---------------------------------------------------------------------------------------------


def report_sheets(words: Words, year: int) -> list[Sheet]:
    """Summary, measures, indicators, due, sources."""
    return [
        _summary(words, year),
        _measures(words),
        _indicators(words),
        _due(words),
        _sources(words),
    ]


def _summary(words: Words, year: int) -> Sheet:
    facts, front = words.facts, pages.front_page(words)
    rows: list[Cells] = [
        (words("board_title", year=year), None),
        (words("board_as_of"), words.moment(facts.as_of)),
        (words("board_again"), again(words, year)),
    ]
    for flag, title, said in (
        (facts.is_synthetic, "synthetic_title", "synthetic"),
        (facts.is_sample and not facts.is_synthetic, "sample_title", "sample"),
    ):
        if flag:
            rows.append((words(title), words(said)))
    rows += [
        (words("tile_measured").capitalize(), _of(words, front["measured"], "of_measures", front["count"])),
        (
            words("tile_improved").capitalize(),
            _of(words, front["improved"], "of_indicators", front["with_figures"]),
        ),
        (
            words("tile_declined").capitalize(),
            _of(words, front["declined"], "of_indicators", front["with_figures"]),
        ),
        (words("tile_due").capitalize(), _of(words, front["due"], "of_measures", front["count"])),
        (words("areas_note"), None),
    ]
    table = (
        _headings(
            words,
            *("col_area", "col_measures", "col_measured", "col_due"),
            *("col_improved", "col_declined", "col_no_change"),
        ),
        [
            (
                f"{one['id']} {_text(one['name'])}",
                *(one[name] for name in ("measures", "measured", "due", "improved", "declined", "no_change")),
            )
            for one in front["areas"]
        ],
    )
    return Sheet(words("sheet_summary"), [Column("", 46), *[Column("", 16)] * 6], rows, parts=[table])


def _of(words: Words, count: int, key: str, total: int) -> str:
    return f"{count} ({words(key, count=total)})"


def _measures(words: Words) -> Sheet:
    facts, programme = words.facts, words.facts.catalogue.programme
    parties = {one.id: one.name_fi for one in programme.parties}
    areas = {one.id: words.plain(one) for one in programme.areas}
    goals = {one.id: words.plain(one, "text") for one in programme.goals}
    goals |= {one.id: words.plain(one) for one in programme.clusters}
    rows: list[Cells] = []
    for measure in programme.measures:
        row, counted = pages.measure_row(words, measure), facts.measures[measure.id]
        key = measure.goal_id or measure.cluster_id
        told = [
            f"{words.period(one['period'])}: {_text(pages.answer(words, one))}"
            for meter in facts.meters[measure.id]
            for one in facts.reports.get(meter["meter_id"], ())[:1]
        ]
        rows.append(
            (
                measure.id,
                f"{measure.area_id} {areas[measure.area_id]}",
                f"{key} {goals[key]}",
                measure.short_fi or measure.text_fi,
                "; ".join(parties[one] for one in measure.responsible if one in parties)
                or measure.responsible_fi,
                row["state"]["word"],
                counted["meters"],
                counted["answered"],
                "\n".join(f"{_text(one['name'])}: {_verdict(one)}" for one in row["indicators"]),
                "\n".join(told),
                words("proxy") if row["has_proxy"] else "",
            )
        )
    columns = _columns(
        words,
        ("col_number", 8),
        ("col_area", 24),
        ("col_goal", 34),
        ("measure", 44),
        ("col_responsible", 26),
        ("col_state", 14),
        ("col_meters", 9),
        ("col_answered", 10),
        ("col_indicators", 46),
        ("col_answers", 46),
        ("col_proxy", 12),
    )
    return Sheet(words("sheet_measures"), columns, rows)


def _verdict(row: Mapping[str, Any]) -> str:
    figure = f" ({row['value']}, {row['period']})" if row["value"] else ""
    return f"{row['verdict']['word']}{figure}"


def _indicators(words: Words) -> Sheet:
    rows: list[Cells] = []
    serves = _served(words)
    for one in words.facts.indicators.values():
        source = words.facts.catalogue.sources.get(one.indicator.source)
        for class_ in one.classes or ("",):
            latest, judged = one.latest(one.home, class_), one.verdict(class_)
            has_value = latest is not None and latest.value is not None
            rows.append(
                (
                    one.indicator.id,
                    words.plain(one.indicator),
                    _text(words.class_name(one, class_)) if len(one.classes) > 1 else "",
                    words.area(one.home) if one.home else "",
                    words.period(latest.period) if latest else "",
                    latest.value if latest else None,
                    words.unit(one),
                    ""
                    if latest is None or has_value
                    else words.pick(texts.SYMBOLS, latest.symbol) or words("missing"),
                    words("preliminary") if latest and latest.is_preliminary else "",
                    words.period(judged.baseline_period) if judged.baseline_period else "",
                    judged.baseline_value,
                    words.badge("verdict", judged.verdict if has_value else "none")["word"],
                    judged.reason.get(words.language, ""),
                    judged.beside.get(words.language, ""),
                    ", ".join(serves.get(one.indicator.id, ())),
                    words("proxy") if one.indicator.kind == "proxy" else "",
                    _text(words.of(source)) if source else "",
                )
            )
    columns = _columns(
        words,
        ("col_id", 26),
        ("col_indicator", 40),
        ("col_class", 20),
        ("col_region", 14),
        ("col_period", 16),
        ("col_value", 12),
        ("col_unit", 16),
        ("col_missing", 14),
        ("col_preliminary", 13),
        ("col_baseline", 13),
        ("col_baseline_value", 12),
        ("col_verdict", 20),
        ("col_reason", 56),
        ("col_beside", 56),
        ("measures", 14),
        ("col_proxy", 12),
        ("source", 26),
    )
    decimals = [one.decimals for one in words.facts.indicators.values() for _ in one.classes or ("",)]
    return Sheet(words("sheet_indicators"), columns, rows, decimals=decimals)


def _served(words: Words) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for measure in words.facts.catalogue.programme.measures:
        for one in pages.indicators_of(measure):
            found.setdefault(one, []).append(measure.id)
    return found


def _due(words: Words) -> Sheet:
    rows: list[Cells] = [
        (
            _text(row["party"]),
            _text(row["what"]),
            row["period"],
            row["due_at"],
            row["state"]["word"],
            ", ".join(row["measures"]),
        )
        for row in pages.due_rows(words, words.facts.due)
    ]
    columns = _columns(
        words,
        ("col_party", 36),
        ("col_asked", 64),
        ("col_period", 14),
        ("col_due_at", 14),
        ("col_state", 22),
        ("measures", 16),
    )
    return Sheet(words("sheet_due"), columns, rows, empty=words("nothing_due"))


def _sources(words: Words) -> Sheet:
    facts = words.facts
    used = {one.indicator.source for one in facts.indicators.values()}
    rows: list[Cells] = []
    for row in facts.freshness.values():
        source = facts.catalogue.sources.get(row["source"])
        if source is None or row["source"] not in used:
            continue
        rows.append(
            (
                _text(words.of(source)),
                row["source_table"],
                _text(words.of(row, "title")),
                words.badge("freshness", row["state"])["word"],
                words.day(row["last_release"]),
                words.day(row["last_fetch"]),
                source.licence,
                _text(words.of(source, "attribution")),
                row["web_url"],
            )
        )
    columns = _columns(
        words,
        ("source", 24),
        ("table", 26),
        ("col_dataset", 50),
        ("state_of_data", 18),
        ("col_released", 13),
        ("col_fetched", 13),
        ("licence", 16),
        ("attribution", 34),
        ("col_link", 40),
    )
    return Sheet(words("sheet_sources"), columns, rows)


# --- then and now ----------------------------------------------------------------------------------------------------


def differences(then: Words, now: Words) -> list[Difference]:
    """What two views of the same year say otherwise: catalogue, figures, verdicts, measures, answers."""
    return [
        *_in_catalogue(then, now),
        *_in_figures(then, now),
        *_in_measures(then, now),
        *_in_answers(then, now),
    ]


def _in_catalogue(then: Words, now: Words) -> Iterator[Difference]:
    of_then = {key: then.plain(one.indicator) for key, one in then.facts.indicators.items()}
    of_now = {key: now.plain(one.indicator) for key, one in now.facts.indicators.items()}
    of_then |= {one.id: one.text_fi for one in then.facts.catalogue.programme.measures}
    of_now |= {one.id: one.text_fi for one in now.facts.catalogue.programme.measures}
    for key in dict.fromkeys([*of_then, *of_now]):
        before, after = of_then.get(key, ""), of_now.get(key, "")
        if before != after:
            kind = "renamed" if before and after else "added" if after else "removed"
            yield Difference(kind, key, after or before, "", before or "–", after or "–")


def _in_figures(then: Words, now: Words) -> Iterator[Difference]:
    for key in dict.fromkeys([*then.facts.indicators, *now.facts.indicators]):
        before, after = then.facts.indicators.get(key), now.facts.indicators.get(key)
        if before is None or after is None:
            continue
        name = now.plain(after.indicator)
        for class_ in dict.fromkeys([*before.classes, *after.classes]):
            label = _text(now.class_name(after, class_)) if len(after.classes) > 1 else ""
            old = {one.period: one for one in before.points(before.home, class_)}
            new = {one.period: one for one in after.points(after.home, class_)}
            for period in sorted(old.keys() | new.keys()):
                first, last = old.get(period), new.get(period)
                said = then.point(first, before.decimals), now.point(last, after.decimals)
                values = [
                    (one.value, one.symbol, one.is_preliminary) if one else None for one in (first, last)
                ]
                if values[0] != values[1]:
                    kind = "figure_new" if first is None else "figure_gone" if last is None else "figure"
                    about = ", ".join(part for part in (now.period(period), label) if part)
                    yield Difference(kind, key, name, about, *said)
            verdicts = [_said(then, before, class_), _said(now, after, class_)]
            if verdicts[0] != verdicts[1]:
                yield Difference("verdict", key, name, label, *verdicts)


def _said(words: Words, one: IndicatorFacts, class_: str) -> str:
    latest = one.latest(one.home, class_)
    has_value = latest is not None and latest.value is not None
    return str(words.badge("verdict", one.verdict(class_).verdict if has_value else "none")["word"])


def _in_measures(then: Words, now: Words) -> Iterator[Difference]:
    short = {one.id: one.short_fi or one.text_fi for one in now.facts.catalogue.programme.measures}
    for key, row in now.facts.measures.items():
        before = then.facts.measures.get(key)
        if before and key in short and before["state"] != row["state"]:
            words = [str(now.badge("state", one["state"])["word"]) for one in (before, row)]
            yield Difference("measure_state", key, short[key], "", *words)


def _in_answers(then: Words, now: Words) -> Iterator[Difference]:
    names = {row["meter_id"]: row for rows in now.facts.meters.values() for row in rows}
    for meter_id in dict.fromkeys([*then.facts.reports, *now.facts.reports]):
        if meter_id not in names:
            continue
        old = {one["period"]: one for one in then.facts.reports.get(meter_id, ())}
        new = {one["period"]: one for one in now.facts.reports.get(meter_id, ())}
        for period in sorted(old.keys() | new.keys()):
            said = [
                _text(pages.answer(words, one[period])) if period in one else "–"
                for words, one in ((then, old), (now, new))
            ]
            if said[0] != said[1]:
                row = names[meter_id]
                yield Difference("answer", row["measure_id"], row["text_fi"], now.period(period), *said)


def comparison_sheets(then: Words, same: Words, newest: Words, found: Sequence[Difference]) -> list[Sheet]:
    """The differences, and indicators and measures side by side: then, the same year now, and the newest there is."""
    counts = Counter(one.kind for one in found)
    listed: list[Cells] = [
        (same.pick(texts.DIFFERENCES, one.kind), one.id, one.name, one.about, one.then, one.now)
        for one in found
    ]
    columns = [
        *_columns(same, ("col_kind", 22), ("col_id", 26), ("col_what", 52), ("col_about", 24)),
        Column(_when(then), 36),
        Column(_when(same), 36),
    ]
    said = [(same.pick(texts.DIFFERENCES, kind), counts[kind]) for kind in texts.DIFFERENCES if counts[kind]]
    return [
        Sheet(same("sheet_counts"), _columns(same, ("col_kind", 32), ("col_count", 12)), said,
              empty=same("no_difference")),
        Sheet(same("sheet_differences"), columns, listed, empty=same("no_difference")),
        _side_by_side(then, same, newest),
        _measures_beside(then, same),
    ]  # fmt: skip


def _side_by_side(then: Words, same: Words, newest: Words) -> Sheet:
    rows: list[Cells] = []
    decimals = []
    for key, one in same.facts.indicators.items():
        for class_ in one.classes or ("",):
            cells: list[Any] = [
                key,
                same.plain(one.indicator),
                _text(same.class_name(one, class_)) if len(one.classes) > 1 else "",
                same.unit(one),
            ]
            for words in (then, same, newest):
                other = words.facts.indicators.get(key)
                latest = other.latest(other.home, class_) if other else None
                cells += [
                    words.period(latest.period) if latest else "",
                    latest.value if latest else None,
                    _said(words, other, class_) if other else "",
                ]
            rows.append(tuple(cells))
            decimals.append(one.decimals)
    columns = _columns(same, ("col_id", 26), ("col_indicator", 40), ("col_class", 20), ("col_unit", 16))
    for when in (_when(then), _when(same), same("newest")):
        columns += [
            Column(f"{when}: {same('col_period').lower()}", 16),
            Column(f"{when}: {same('col_value').lower()}", 14),
            Column(f"{when}: {same('col_verdict').lower()}", 20),
        ]
    return Sheet(same("sheet_indicators"), columns, rows, decimals=decimals)


def _measures_beside(then: Words, same: Words) -> Sheet:
    rows: list[Cells] = [
        (
            measure.id,
            measure.short_fi or measure.text_fi,
            *(
                words.badge("state", row["state"])["word"]
                if (row := words.facts.measures.get(measure.id))
                else "–"
                for words in (then, same)
            ),
        )
        for measure in same.facts.catalogue.programme.measures
    ]
    columns = [
        *_columns(same, ("col_number", 8), ("measure", 60)),
        Column(_when(then), 24),
        Column(_when(same), 24),
    ]
    return Sheet(same("sheet_measures"), columns, rows)


def _when(words: Words) -> str:
    return words.moment(words.facts.as_of)


def _columns(words: Words, *columns: tuple[str, float]) -> list[Column]:
    return [Column(words(key), width) for key, width in columns]


def _headings(words: Words, *keys: str) -> Cells:
    return tuple(words(key) for key in keys)


def _text(marked: Any) -> str:
    """A text of a page without its marks of language."""
    return str(marked.striptags()) if hasattr(marked, "striptags") else str(marked)
