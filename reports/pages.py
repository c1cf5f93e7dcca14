"""What stands on each page of the site: facts put into words of one language, for the templates."""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from models.area import Area
from models.judge import COMPARABLE
from models.movement import median
from models.numbers import Language, number_text
from models.programme import Measure
from models.spreadsheet import cell_text as _safe
from models.units import unit_of, with_unit
from reports import texts
from reports.charts import Band, Line, LineKind
from reports.facts import Facts, IndicatorFacts, Point, Row

LEAST_FOR_A_LINE = 3  # fewer figures are shown beside other areas, not as a line
LEAST_FOR_A_MAP = 5
MAP_STEPS = 5
MOST_CHANGES = 200
_CLASS_LINES: tuple[LineKind, ...] = ("c1", "c2", "c3", "c4")

Context = dict[str, Any]


@dataclass(frozen=True)
class Words:
    """One language's way to say things: names, numbers, periods, verdicts."""

    language: Language
    facts: Facts

    def __call__(self, key: str, **values: object) -> str:
        """A text of reports.texts."""
        return texts.say(key, self.language, **values)

    def of(self, thing: Any, field: str = "name") -> Markup:
        """A text the catalogue (or a view's row) has by language; marked as Finnish where it has no other."""
        get = thing.get if isinstance(thing, Mapping) else lambda name: getattr(thing, name, "")
        own = get(f"{field}_{self.language}")
        if own or self.language == "fi":
            return escape(own or "")
        return self.finnish(get(f"{field}_fi"))

    def plain(self, thing: Any, field: str = "name") -> str:
        """The same without marks, for titles."""
        return str(getattr(thing, f"{field}_{self.language}", "") or getattr(thing, f"{field}_fi"))

    def finnish(self, text: str | None) -> Markup:
        """A text that there is in Finnish only."""
        if not text:
            return Markup("")
        return escape(text) if self.language == "fi" else Markup('<span lang="fi">{}</span>').format(text)

    def pick(self, table: Mapping[str, texts.Text], key: str | None) -> str:
        """A word from a table of reports.texts; what is not in it as it is."""
        return texts.pick(table[key], self.language) if key and key in table else str(key or "")

    def period(self, code: str | None) -> str:
        """A period by itself."""
        return texts.period_label(code, self.language) if code else "–"

    def day(self, moment: Any) -> str:
        """A day, '–' for none."""
        return texts.day_text(moment, self.language)

    def moment(self, moment: Any) -> str:
        """A day and time."""
        return texts.moment_text(moment, self.language)

    def number(self, value: float | None, decimals: int) -> str:
        """A number without unit, '–' for none."""
        return "–" if value is None else number_text(value, self.language, decimals)

    def figure(self, facts: IndicatorFacts, value: float | None) -> str:
        """A number with the indicator's unit."""
        if value is None:
            return "–"
        return with_unit(value, unit_of(facts.indicator).value, self.language, facts.decimals)

    def unit(self, facts: IndicatorFacts) -> str:
        """The indicator's unit, as it stands after many."""
        forms = unit_of(facts.indicator).value[self.language]
        return (forms.before + " " + forms.many).strip()

    def point(self, point: Point | None, decimals: int) -> str:
        """A figure in a table: the number with a star where preliminary, or why there is none."""
        if point is None:
            return "–"
        if point.value is None:
            return (
                self.pick(texts.SYMBOLS, point.symbol) if point.symbol in texts.SYMBOLS else self("missing")
            )
        return self.number(point.value, decimals) + ("*" if point.is_preliminary else "")

    def area(self, code: str) -> str:
        """An area's name."""
        area = areas_by_code(self.facts).get(code)
        return self.plain(area) if area else code

    def class_name(self, facts: IndicatorFacts, class_code: str) -> Markup:
        """What a class is called: in Finnish, by the source's own word where the catalogue has it."""
        for one in facts.indicator.inputs.values():
            dataset = self.facts.catalogue.datasets[one.dataset]
            for variable in dataset.class_variables:
                for choice in variable.take:
                    if variable.name == facts.indicator.by and choice.key == class_code and choice.label:
                        return self.finnish(choice.label[0])
        return self.finnish(class_code)

    def badge(self, table: str, key: str) -> Context:
        """A verdict, state or freshness: what it is, its sign and its word."""
        words = {"verdict": texts.VERDICTS, "state": texts.STATES, "freshness": texts.FRESHNESS}[table]
        sign, word = words[key]
        return {"kind": key or "none", "sign": sign, "word": texts.pick(word, self.language)}


def areas_by_code(facts: Facts) -> Mapping[str, Area]:
    """The catalogue's areas."""
    return {one.code: one for one in facts.catalogue.areas.all()}


# --- what is drawn, once for all languages -------------------------------------------------------------------------


def chart_lines(facts: Facts, one: IndicatorFacts) -> tuple[list[Line], Band | None]:
    """The lines of an indicator's chart; none where there are too few figures for a line."""
    if sum(point.value is not None for point in one.points(one.home)) < LEAST_FOR_A_LINE:
        return [], None
    if len(one.classes) > 1:
        shown = one.classes[: len(_CLASS_LINES)]
        return [
            Line(kind, _values(one.points(one.home, class_)))
            for kind, class_ in zip(_CLASS_LINES, shown, strict=False)
        ], None
    lines = [
        Line(kind, _values(one.points(code)))
        for kind, code in _compared(facts, one)
        if any(point.value is not None for point in one.points(code))
    ]
    first = next(point.period for point in one.points(one.home) if point.value is not None)
    peers = {period: found for period, found in peer_figures(facts, one).items() if period >= first}
    band = None
    if peers:
        lines.append(Line("peers", [(period, found[1]) for period, found in peers.items()]))
        band = Band([(period, found[0], found[2]) for period, found in peers.items()])
    return [lines[0], *[_from(line, first) for line in lines[1:]]], band


def _from(line: Line, first: str) -> Line:
    """No longer history of others than of one's own."""
    return Line(line.kind, [(period, value) for period, value in line.points if period >= first])


def _compared(facts: Facts, one: IndicatorFacts) -> list[tuple[LineKind, str]]:
    """The home area, and where sizes do not matter region and country."""
    areas = facts.catalogue.areas
    lines: list[tuple[LineKind, str]] = [("focus", one.home)]
    if unit_of(one.indicator).kind != "count":
        others: list[tuple[LineKind, str]] = [("region", areas.region.code), ("country", areas.country.code)]
        lines += [(kind, code) for kind, code in others if code != one.home]
    return lines


def peer_figures(facts: Facts, one: IndicatorFacts) -> dict[str, tuple[float, float, float]]:
    """By period the lowest, median and highest of the comparable cities, where three of them have figures.

    None for counts, which would only tell of the cities' size, and where the home area is no municipality.
    """
    areas = facts.catalogue.areas
    if unit_of(one.indicator).kind == "count" or one.home != areas.focus.code or len(one.classes) > 1:
        return {}
    values: dict[str, list[float]] = defaultdict(list)
    for area in areas.peers_of(COMPARABLE):
        if area.code != areas.focus.code:
            for point in one.points(area.code):
                if point.value is not None:
                    values[point.period].append(point.value)
    return {
        period: (min(found), median(found), max(found))
        for period, found in sorted(values.items())
        if len(found) >= LEAST_FOR_A_LINE
    }


def _values(points: Iterable[Point]) -> list[tuple[str, float | None]]:
    return [(point.period, point.value) for point in points]


def map_figures(facts: Facts, one: IndicatorFacts) -> dict[str, float]:
    """The municipalities' figures at the city's newest period, for a map; {} where there is none to draw."""
    latest = one.latest(facts.catalogue.areas.focus.code)
    if unit_of(one.indicator).kind == "count" or latest is None or latest.value is None:
        return {}
    levels = areas_by_code(facts)
    found = {
        area: point.value
        for (area, class_), points in one.series.items()
        if class_ == one.lead and area in levels and levels[area].level == "municipality"
        for point in points
        if point.period == latest.period and point.value is not None
    }
    return found if len(found) >= LEAST_FOR_A_MAP else {}


def map_steps(figures: Mapping[str, float]) -> dict[str, int]:
    """The step (0 the lowest) of each municipality: as many in each as can be, equal figures in one."""
    ordered = sorted(figures.values())
    return {
        code: min(MAP_STEPS - 1, ordered.index(value) * MAP_STEPS // len(ordered))
        for code, value in figures.items()
    }


# --- parts that several pages show -----------------------------------------------------------------------------------


def indicator_row(words: Words, one: IndicatorFacts) -> Context:
    """An indicator as a row of a table or a card."""
    latest = one.latest(one.home)
    marks = []
    if one.indicator.kind == "proxy":
        marks.append(words("proxy"))
    if latest and latest.is_preliminary:
        marks.append(words("preliminary"))
    if one.freshness == "quarantined":
        marks.append(words("quarantined"))
    return {
        "id": one.indicator.id,
        "name": words.of(one.indicator),
        "value": words.figure(one, latest.value) if latest and latest.value is not None else "",
        "number": words.number(latest.value, one.decimals) if latest and latest.value is not None else "",
        "unit": words.unit(one),
        "period": words.period(latest.period) if latest else "",
        "verdict": words.badge("verdict", one.verdict().verdict if one.has_figures else "none"),
        "area": "" if one.home in ("", words.facts.catalogue.areas.focus.code) else words.area(one.home),
        "class": words.class_name(one, one.lead) if len(one.classes) > 1 else "",
        "marks": marks,
        "has_figures": one.has_figures,
    }


def measure_row(words: Words, measure: Measure) -> Context:
    """A measure as a row: its state and its indicators' verdicts, listed."""
    row = words.facts.measures.get(measure.id, {})
    return {
        "id": measure.id,
        "name": words.finnish(measure.short_fi or measure.text_fi),
        "state": words.badge("state", row.get("state") or "no_data"),
        "indicators": [
            indicator_row(words, words.facts.indicators[one])
            for one in indicators_of(measure)
            if one in words.facts.indicators
        ],
        "has_proxy": bool(row.get("has_proxy")),
        "has_quarantined": bool(row.get("has_quarantined")),
    }


def indicators_of(measure: Measure) -> list[str]:
    """The indicators of a measure's meters, each once."""
    return list(dict.fromkeys(one for meter in measure.meters for one in meter.indicator_ids))


def _area_indicators(facts: Facts, area_id: str) -> list[IndicatorFacts]:
    listed = {
        one
        for measure in facts.catalogue.programme.measures
        if measure.area_id == area_id
        for one in indicators_of(measure)
    }
    return [
        one
        for key, one in facts.indicators.items()
        if key in listed or area_id in one.indicator.programme_areas
    ]


def _verdict_counts(indicators: Iterable[IndicatorFacts]) -> Counter[str]:
    return Counter(one.verdict().verdict for one in indicators if one.has_figures)


def _state_counts(facts: Facts, measures: Iterable[Measure]) -> Counter[str]:
    return Counter(str(facts.measures.get(one.id, {}).get("state") or "no_data") for one in measures)


def due_rows(words: Words, rows: Iterable[Row]) -> list[Context]:
    """What people owe, an answer once however many meters it serves."""
    found: dict[tuple[str, str], Context] = {}
    for row in rows:
        key = (row["question_id"], row["period"])
        if key not in found:
            found[key] = {
                "what": words.finnish(row["question_fi"]),
                "party": words.finnish(row["party_name_fi"]),
                "period": words.period(row["period"]),
                "due_at": words.day(row["due_at"]),
                "state": words.badge("state", row["state"]),
                "measures": [],
                "assumed": [
                    words(f"assumed_{name}") for name in ("rhythm", "reporter") if row.get(f"{name}_assumed")
                ],
            }
        measures = found[key]["measures"]
        if row["measure_id"] and row["measure_id"] not in measures:
            measures.append(row["measure_id"])
    return list(found.values())


# --- whole pages ----------------------------------------------------------------------------------------------------


def front_page(words: Words) -> Context:
    """The front page: counts, headline indicators, areas."""
    facts = words.facts
    programme = facts.catalogue.programme
    states = _state_counts(facts, programme.measures)
    verdicts = _verdict_counts(facts.indicators.values())
    areas = []
    for area in programme.areas:
        measures = [one for one in programme.measures if one.area_id == area.id]
        of_area, judged = _state_counts(facts, measures), _verdict_counts(_area_indicators(facts, area.id))
        areas.append(
            {
                "id": area.id,
                "name": words.of(area),
                "theme": words.of(area, "theme"),
                "measures": len(measures),
                "measured": of_area["measured"] + of_area["reported"],
                "improved": judged["improved"],
                "declined": judged["declined"],
                "no_change": judged["no_clear_change"],
                "due": of_area["late"] + of_area["due"],
            }
        )
    headlines = [one for one in facts.indicators.values() if one.indicator.headline]
    return {
        "count": len(programme.measures),
        "with_figures": sum(one.has_figures for one in facts.indicators.values()),
        "measured": states["measured"] + states["reported"],
        "due": states["late"] + states["due"],
        "improved": verdicts["improved"],
        "declined": verdicts["declined"],
        "areas": areas,
        "headlines": [indicator_row(words, one) for one in headlines],
    }


def area_page(words: Words, area_id: str) -> Context:
    """One development area: its goals or clusters with their measures, and its indicators."""
    facts = words.facts
    programme = facts.catalogue.programme
    area = next(one for one in programme.areas if one.id == area_id)
    groups = []
    for goal in (one for one in programme.goals if one.area_id == area_id):
        groups.append(
            (goal.id, words.of(goal, "text"), [m for m in programme.measures if m.goal_id == goal.id])
        )
    for cluster in (one for one in programme.clusters if one.area_id == area_id):
        groups.append(
            (cluster.id, words.of(cluster), [m for m in programme.measures if m.cluster_id == cluster.id])
        )
    return {
        "area": area,
        "is_clustered": any(one.area_id == area_id for one in programme.clusters),
        "groups": [
            {"id": key, "name": name, "measures": [measure_row(words, one) for one in measures]}
            for key, name, measures in groups
        ],
        "indicators": [indicator_row(words, one) for one in _area_indicators(facts, area_id)],
    }


def goal_page(words: Words, goal_id: str) -> Context:
    """One goal or cluster with its measures and indicators."""
    facts = words.facts
    programme = facts.catalogue.programme
    goal = next((one for one in programme.goals if one.id == goal_id), None)
    cluster = next((one for one in programme.clusters if one.id == goal_id), None)
    measures = [one for one in programme.measures if goal_id in (one.goal_id, one.cluster_id)]
    listed = {one for measure in measures for one in indicators_of(measure)}
    area_id = goal.area_id if goal else cluster.area_id if cluster else ""
    return {
        "id": goal_id,
        "is_cluster": goal is None,
        "name": words.of(goal, "text") if goal else words.of(cluster),
        "title": words.plain(goal, "text") if goal else words.plain(cluster),
        "industries": cluster.industries_fi if cluster else (),
        "area": next(one for one in programme.areas if one.id == area_id),
        "measures": [measure_row(words, one) for one in measures],
        "indicators": [
            indicator_row(words, one)
            for key, one in facts.indicators.items()
            if key in listed or goal_id in one.indicator.goals
        ],
    }


def measure_page(words: Words, measure: Measure) -> Context:
    """One measure: meters with their state, indicators with verdicts, who answers, what is due."""
    facts = words.facts
    programme = facts.catalogue.programme
    parties = {one.id: one for one in programme.parties}
    indicator_ids = indicators_of(measure)
    context = [
        one
        for key, one in facts.indicators.items()
        if measure.id in one.indicator.context_measures and key not in indicator_ids
    ]
    goal = next((one for one in programme.goals if one.id == measure.goal_id), None)
    cluster = next((one for one in programme.clusters if one.id == measure.cluster_id), None)
    meters, answers = [], []
    for row in facts.meters.get(measure.id, ()):
        if row["kind"] == "none":
            continue
        meter_indicators = [
            one
            for meter in measure.meters
            if meter.id == row["meter_id"]
            for one in meter.indicator_ids
            if one in facts.indicators
        ]
        told = facts.reports.get(row["meter_id"], ())
        meters.append(
            {
                "id": row["meter_id"],
                "name": words.finnish(row["text_fi"]),
                "kind": words.pick(texts.KINDS, row["kind"]),
                "state": words.badge("state", row["state"]),
                "reporter": words.finnish(row.get("reporter_name_fi")),
                "note": words.of(row, "note"),
                "indicators": [indicator_row(words, facts.indicators[one]) for one in meter_indicators],
                "latest": answer(words, told[0]) if told else "",
                "latest_period": words.period(told[0]["period"]) if told else "",
                "has_quarantined": bool(row.get("has_quarantined")),
            }
        )
        answers += [
            {
                "meter": words.finnish(row["text_fi"]),
                "period": words.period(one["period"]),
                "answer": answer(words, one),
                "party": words.finnish(one["party_name_fi"]),
                "recorded": words.day(one["recorded_at"]),
            }
            for one in told
        ]
    return {
        "measure": measure,
        "row": measure_row(words, measure),
        "area": next(one for one in programme.areas if one.id == measure.area_id),
        "goal_id": measure.goal_id or measure.cluster_id,
        "goal_name": words.of(goal, "text") if goal else words.of(cluster) if cluster else "",
        "is_cluster": goal is None,
        "parties": [words.finnish(parties[one].name_fi) for one in measure.responsible if one in parties],
        "meters": meters,
        "answers": answers,
        "indicators": [
            _judged_row(words, facts.indicators[one]) for one in indicator_ids if one in facts.indicators
        ],
        "context": [indicator_row(words, one) for one in context],
        "due": due_rows(words, (row for row in facts.due if row["measure_id"] == measure.id)),
    }


def _judged_row(words: Words, one: IndicatorFacts) -> Context:
    return {**indicator_row(words, one), "reason": one.verdict().reason.get(words.language, "")}


def answer(words: Words, row: Row) -> Markup:
    """What somebody answered: the status in words, the number with its unit, the text."""
    parts: list[str | Markup] = []
    if row["status"]:
        parts.append(words.pick(texts.ANSWERS, row["status"]))
    if row["value"] is not None:
        decimals = 0 if float(row["value"]).is_integer() else 2
        parts.append(escape(words.number(row["value"], decimals) + " ") + words.finnish(row["unit_fi"]))
    if row["text"]:
        parts.append(words.finnish(row["text"]))
    return Markup(": ").join(parts)


def indicator_page(words: Words, one: IndicatorFacts) -> Context:
    """One indicator: verdicts, what the chart says, tables, where the figures come from, what it measures."""
    facts = words.facts
    catalogue = facts.catalogue
    indicator = one.indicator
    source = catalogue.sources.get(indicator.source)
    lines, band = chart_lines(facts, one)
    verdicts = [
        {
            "class": words.class_name(one, class_) if len(one.classes) > 1 else "",
            "verdict": words.badge("verdict", judged.verdict),
            "reason": judged.reason.get(words.language, ""),
            "beside": judged.beside.get(words.language, ""),
            "number": words.number(latest.value, one.decimals),
            "period": words.period(latest.period),
            "is_preliminary": latest.is_preliminary,
        }
        for class_ in one.classes
        if (judged := one.verdict(class_))
        and (latest := one.latest(one.home, class_))
        and latest.value is not None
    ]
    served = [measure for measure in catalogue.programme.measures if indicator.id in indicators_of(measure)]
    context = [
        one
        for one in catalogue.programme.measures
        if one.id in indicator.context_measures and one not in served
    ]
    return {
        "one": one,
        "indicator": indicator,
        "row": indicator_row(words, one),
        "home": words.area(one.home) if one.home else "",
        "unit": words.unit(one),
        "verdicts": verdicts,
        "chart_alt": chart_alt(words, one, lines, band),
        "legend": legend(words, one, lines, band),
        "baseline": words.period(one.verdict().baseline_period) if _marks_baseline(one, lines) else "",
        "count": sum(point.value is not None for point in one.points(one.home)),
        "table": _figure_table(words, one),
        "comparison": _comparison(words, one),
        "vintages": [
            {
                "class": words.class_name(one, v.class_code) if len(one.classes) > 1 else "",
                "period": words.period(v.period),
                "recorded": words.day(v.recorded_at),
                "value": words.number(v.value, one.decimals),
                "change": words.pick(texts.CHANGE_CLASSES, v.change_class),
            }
            for v in one.revised[:MOST_CHANGES]
        ],
        "datasets": [
            {
                "table": catalogue.datasets[key].table,
                "title": words.of(catalogue.datasets[key], "title"),
                "url": catalogue.datasets[key].web_url,
            }
            for key in indicator.datasets
        ],
        "source": source,
        "source_name": words.of(source) if source else "",
        "attribution": words.of(source, "attribution") if source else "",
        "frequency": words.pick(texts.FREQUENCIES, indicator.frequency),
        "direction": words.pick(texts.DIRECTIONS, indicator.direction),
        "labels": words.pick(texts.LABELS, indicator.labels) if indicator.labels else "",
        "freshness": words.badge("freshness", one.freshness) if one.freshness in texts.FRESHNESS else None,
        "note": words.of(indicator, "note"),
        "served": [(measure.id, words.finnish(measure.short_fi or measure.text_fi)) for measure in served],
        "context": [(measure.id, words.finnish(measure.short_fi or measure.text_fi)) for measure in context],
        "map_period": words.period(latest.period) if (latest := one.latest(one.home)) else "",
    }


def _marks_baseline(one: IndicatorFacts, lines: Sequence[Line]) -> bool:
    return bool(lines) and bool(one.verdict().baseline_period) and len(one.classes) <= 1


def baseline_of(one: IndicatorFacts, lines: Sequence[Line]) -> str:
    """The period that the chart marks, '' for none."""
    return one.verdict().baseline_period if _marks_baseline(one, lines) else ""


def _line_name(words: Words, one: IndicatorFacts, line: Line) -> Markup:
    areas = words.facts.catalogue.areas
    if line.kind in _CLASS_LINES:
        return words.class_name(one, one.classes[_CLASS_LINES.index(line.kind)])
    codes = {"focus": one.home, "region": areas.region.code, "country": areas.country.code}
    return escape(words("peers_median") if line.kind == "peers" else words.area(codes[line.kind]))


def chart_alt(words: Words, one: IndicatorFacts, lines: Sequence[Line], band: Band | None) -> str:
    """The chart in words: of each line from when to when, lowest, highest, last; gaps."""
    if not lines:
        return ""
    said = [words("chart_of", name=words.plain(one.indicator)), words("unit_is", unit=words.unit(one))]
    for line in lines:
        known = [(period, value) for period, value in line.points if value is not None]
        if not known:
            continue
        low, high = min(known, key=lambda pair: pair[1]), max(known, key=lambda pair: pair[1])
        said.append(
            words(
                "chart_line",
                area=_line_name(words, one, line).striptags(),
                first_period=words.period(known[0][0]),
                last_period=words.period(known[-1][0]),
                low=words.number(low[1], one.decimals),
                low_period=words.period(low[0]),
                high=words.number(high[1], one.decimals),
                high_period=words.period(high[0]),
                last=words.number(known[-1][1], one.decimals),
            )
        )
        lacking = len(line.points) - len(known)
        if lacking:
            said.append(words("chart_missing", count=lacking))
    return " ".join(said)


def legend(words: Words, one: IndicatorFacts, lines: Sequence[Line], band: Band | None) -> list[Context]:
    """Each line of the chart, and the band, with its newest figure."""
    entries: list[Context] = []
    for line in lines:
        known = [(period, value) for period, value in line.points if value is not None]
        if known:
            last = f"{words.figure(one, known[-1][1])} ({words.period(known[-1][0])})"
            entries.append({"kind": line.kind, "name": _line_name(words, one, line), "last": last})
    if band:
        _, low, high = band.points[-1]
        between = f"{words.number(low, one.decimals)} – {words.number(high, one.decimals)}"
        entries.append({"kind": "band", "name": words("peers_range"), "last": between})
    return entries


def _figure_table(words: Words, one: IndicatorFacts) -> Context:
    """The numbers of the chart: a row per period, newest first."""
    facts = words.facts
    columns: list[tuple[Markup, Mapping[str, str]]] = []
    if len(one.classes) > 1:
        columns = [
            (words.class_name(one, class_), _cells(words, one, one.points(one.home, class_)))
            for class_ in one.classes
        ]
    else:
        areas = facts.catalogue.areas
        codes = dict.fromkeys([one.home, areas.region.code, areas.country.code])
        columns = [
            (escape(words.area(code)), _cells(words, one, one.points(code)))
            for code in codes
            if one.points(code)
        ]
        peers = peer_figures(facts, one)
        for place, key in enumerate(("peers_low", "peers_median", "peers_high")):
            if peers:
                cells = {period: words.number(found[place], one.decimals) for period, found in peers.items()}
                columns.append((escape(words(key)), cells))
    first = [point.period for class_ in one.classes for point in one.points(one.home, class_)]
    periods = sorted(
        {period for _, cells in columns for period in cells if period >= min(first)}, reverse=True
    )
    rows = [
        {"period": words.period(period), "cells": [cells.get(period, "–") for _, cells in columns]}
        for period in periods
    ]
    return {
        "columns": [name for name, _ in columns],
        "rows": rows,
        "has_preliminary": any("*" in cell for row in rows for cell in row["cells"]),
    }


def _cells(words: Words, one: IndicatorFacts, points: Iterable[Point]) -> dict[str, str]:
    return {point.period: words.point(point, one.decimals) for point in points}


def _comparison(words: Words, one: IndicatorFacts) -> Context | None:
    """The areas that have a figure of the home area's newest period, highest first, with bars where sizes compare."""
    latest = one.latest(one.home)
    if latest is None or latest.value is None:
        return None
    known = areas_by_code(words.facts)
    found: list[tuple[str, Point]] = [
        (area, point)
        for (area, class_), points in one.series.items()
        if class_ == one.lead and area in known
        for point in points
        if point.period == latest.period and point.value is not None
    ]
    if len(found) < 2:
        return None
    found.sort(key=lambda pair: (-(pair[1].value or 0.0), pair[0]))
    values = [point.value or 0.0 for _, point in found]
    low, high = min(0.0, *values), max(0.0, *values)
    has_bars = unit_of(one.indicator).kind != "count" and high > low
    scale = 100 / (high - low) if has_bars else 0.0
    rows = []
    for area, point in found:
        value = point.value or 0.0
        rows.append(
            {
                "name": words.area(area),
                "value": words.point(point, one.decimals),
                "is_home": area == one.home,
                "is_wide": known[area].level != "municipality",
                "x": f"{(min(value, 0.0) - low) * scale:.1f}",
                "width": f"{abs(value) * scale:.1f}",
            }
        )
    return {
        "rows": rows,
        "period": words.period(latest.period),
        "has_bars": has_bars,
        "zero": f"{-low * scale:.1f}",
        "has_preliminary": any(point.is_preliminary for _, point in found),
    }


def map_legend(words: Words, one: IndicatorFacts, figures: Mapping[str, float]) -> list[Context]:
    """Each step of the map with the figures it holds."""
    steps = map_steps(figures)
    by_step: dict[int, list[float]] = defaultdict(list)
    for code, step in steps.items():
        by_step[step].append(figures[code])
    return [
        {
            "step": step,
            "text": words.number(min(values), one.decimals)
            if min(values) == max(values)
            else f"{words.number(min(values), one.decimals)} – {words.number(max(values), one.decimals)}",
        }
        for step, values in sorted(by_step.items())
    ]


def map_names(words: Words, one: IndicatorFacts, figures: Mapping[str, float]) -> dict[str, str]:
    """The titles of the municipalities on the map."""
    return {code: f"{words.area(code)}: {words.figure(one, value)}" for code, value in figures.items()}


def indicators_page(words: Words) -> Context:
    """All indicators by development area, and those of none."""
    facts = words.facts
    groups = []
    listed: set[str] = set()
    for area in facts.catalogue.programme.areas:
        found = _area_indicators(facts, area.id)
        listed |= {one.indicator.id for one in found}
        groups.append((f"{area.id} ", words.of(area), [indicator_row(words, one) for one in found]))
    rest = [indicator_row(words, one) for key, one in facts.indicators.items() if key not in listed]
    if rest:
        groups.append(("", escape(words("context_indicators")), rest))
    return {"groups": groups}


def due_page(words: Words) -> Context:
    """What is due, party by party."""
    by_party: dict[str, list[Row]] = defaultdict(list)
    for row in words.facts.due:
        by_party[row["party_name_fi"] or "–"].append(row)
    parties = []
    for name, rows in by_party.items():
        shown = due_rows(words, rows)
        states = Counter(one["state"]["kind"] for one in shown)
        parties.append(
            {
                "name": words.finnish(name),
                "rows": shown,
                "states": {key: states[key] for key in ("late", "due", "coming")},
            }
        )
    return {"parties": parties}


def freshness_page(words: Words) -> Context:
    """The state of every dataset, source by source."""
    by_source: dict[str, list[Context]] = defaultdict(list)
    for row in words.facts.freshness.values():
        by_source[row["source"]].append(
            {
                "title": words.of(row, "title"),
                "table": row["source_table"],
                "url": row["web_url"],
                "state": words.badge("freshness", row["state"]),
                "released": words.day(row["last_release"]),
                "fetched": words.day(row["last_fetch"]),
                "next": words.day(row["next_expected"]),
            }
        )
    sources = words.facts.catalogue.sources
    return {
        "sources": [
            {"name": words.of(sources[key]) if key in sources else key, "rows": rows, "id": key}
            for key, rows in by_source.items()
        ]
    }


def changes_page(words: Words) -> Context:
    """What changed: counts by indicator, and each figure that is not simply new."""
    facts = words.facts
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    newest: dict[str, Any] = {}
    for row in facts.change_counts:
        kind = {"new": "new", "withdrawn": "withdrawn"}.get(row["change_class"], "revised")
        counts[row["indicator_id"]][kind] += int(row["changes"])
        newest[row["indicator_id"]] = max(
            row["recorded_at"], newest.get(row["indicator_id"], row["recorded_at"])
        )
    rows = [
        {
            **indicator_row(words, facts.indicators[key]),
            "new": words.number(found["new"], 0),
            "revised": words.number(found["revised"], 0),
            "withdrawn": words.number(found["withdrawn"], 0),
            "recorded": words.day(newest[key]),
            "is_new": facts.last_build is not None and newest[key] > facts.last_build,
        }
        for key, found in counts.items()
    ]
    changed = [
        {
            "id": row["indicator_id"],
            "name": words.of(facts.indicators[row["indicator_id"]].indicator),
            "area": words.area(row["area"]),
            "period": words.period(row["period"]),
            "old": words.number(row["old"], facts.indicators[row["indicator_id"]].decimals),
            "new": words.number(row["new"], facts.indicators[row["indicator_id"]].decimals),
            "change": words.pick(texts.CHANGE_CLASSES, row["change_class"]),
            "recorded": words.day(row["recorded_at"]),
            "is_new": facts.last_build is not None and row["recorded_at"] > facts.last_build,
        }
        for row in facts.changed[:MOST_CHANGES]
    ]
    return {
        "rows": rows,
        "changed": changed,
        "changed_count": len(facts.changed),
        "turned": turned_rows(words),
    }


def turned_rows(words: Words) -> list[Context]:
    """The verdicts that became others, before and now."""
    rows = []
    for row in words.facts.turned:
        one = words.facts.indicators[row["indicator_id"]]
        rows.append(
            {
                "id": row["indicator_id"],
                "name": words.of(one.indicator),
                "class": words.class_name(one, row["class_code"]) if len(one.classes) > 1 else "",
                "old": words.badge("verdict", row["old"]),
                "new": words.badge("verdict", row["new"]),
            }
        )
    return rows


# --- the figures as a file ------------------------------------------------------------------------------------------


def csv_of(facts: Facts, one: IndicatorFacts) -> bytes:
    """All figures of an indicator as CSV (UTF-8 with its mark); no cell can act as a formula in a spreadsheet."""
    areas = areas_by_code(facts)
    source = facts.catalogue.sources.get(one.indicator.source)
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow(
        [
            *(
                "indicator_id",
                "name_fi",
                "unit_fi",
                "area_code",
                "area_name_fi",
                "class_code",
                "period",
                "value",
            ),
            *("symbol", "status", "recorded_at", "attribution", "licence", "is_synthetic"),
        ]
    )
    head = [_safe(one.indicator.id), _safe(one.indicator.name_fi), _safe(one.indicator.unit_fi)]
    tail = [_safe(source.attribution_fi if source else ""), _safe(source.licence if source else "")]
    for (area, class_), points in sorted(one.series.items()):
        name = areas[area].name_fi if area in areas else ""
        for point in points:
            writer.writerow(
                [
                    *head,
                    *(_safe(area), _safe(name), _safe(class_), _safe(point.period)),
                    "" if point.value is None else repr(point.value).removesuffix(".0"),
                    _safe(point.symbol),
                    "preliminary" if point.is_preliminary else "final",
                    point.recorded_at.isoformat(timespec="seconds"),
                    *tail,
                    "true" if facts.is_synthetic else "false",
                ]
            )
    return target.getvalue().encode("utf-8-sig")
