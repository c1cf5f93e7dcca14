"""A ready catalogue entry for a table, made from what the table says of itself and a few of its figures.

Everything that a person should look at stands in a comment beside it. What is proposed loads as it is: variables and
contents are found by the table's own Finnish texts, totals are taken where the table has them, and bounds are wide.
"""

from __future__ import annotations

import io
import math
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from models.area import AreaLevel, level_of_code
from models.errors import SourceError
from models.period import Frequency, PeriodError, from_source, parse_period
from models.resolution import total_of
from models.table import SourceTable, TableMeta, Variable

MOST_CLASS_VALUES = 40  # of a variable without a total: more must be chosen by a person
_COUNTED = re.compile(r"lukumäär|henkilö|kpl|\blkm\b|number|persons?|count|asunto|rakennus", re.IGNORECASE)
_GRACE_DAYS: Mapping[Frequency, int] = {
    "annual": 60,
    "school_year": 60,
    "quarterly": 30,
    "monthly": 14,
    "weekly": 7,
}
_LEVELS: tuple[AreaLevel, ...] = ("municipality", "subregion", "region", "country")


@dataclass(frozen=True)
class TableLook:
    """What was seen of a table: its description and its newest period's figures, each in Finnish and English.

    `swedish` is None where the source has no Swedish description.
    """

    source: str
    finnish: TableMeta
    swedish: TableMeta | None
    english: TableMeta
    figures: SourceTable
    figures_english: SourceTable
    web_url: str = ""


@dataclass(frozen=True)
class Proposal:
    """Two catalogue files as YAML text, the id of the dataset, those of the indicators, and sample rows in words."""

    dataset_id: str
    indicator_ids: tuple[str, ...]
    dataset_yaml: str
    indicators_yaml: str
    sample: tuple[str, ...]


def propose(
    look: TableLook, *, dataset_ids: Collection[str], indicator_ids: Collection[str], programme_area: str
) -> Proposal:
    """A dataset with all contents of the table and an indicator for each, which `programme_area` is to show.

    Ids that are taken (`dataset_ids`, `indicator_ids`) are not given again. Raises SourceError where the table has
    no time, or a variable has neither a total nor few enough values to take them all.
    """
    meta = look.finnish
    time = _one(meta, "time", [one for one in meta.variables if one.time] or _by_periods(meta))
    contents = _one(meta, "contents", [one for one in meta.variables if one.code in _contents_codes(look)])
    others = [one for one in meta.variables if one not in (time, contents)]
    area = next((one for one in others if _levels(one)), None)
    free = [one for one in others if one is not area]
    periods = [from_source(code) for code in time.values]
    frequency = parse_period(periods[-1]).frequency
    levels: list[AreaLevel] = _levels(area) if area is not None else ["country"]
    words = _english(look, contents)
    keys = _keys(contents)
    dataset_id = _free(f"{look.source}/{meta.table}", dataset_ids, "#2")

    query = CommentedMap()
    if area is not None:
        query["area"] = _flow([area.text])
        query["levels"] = _flow(levels)
    query["time"] = _flow([time.text])
    query["contents_variable"] = _flow([contents.text])
    query["contents"] = CommentedMap()
    rates = {code: _is_rate(look, code, text) for code, text in _texts(contents).items()}
    for code, text in _texts(contents).items():
        choice = CommentedMap(label=_flow([text]), unit=_unit(look.figures_english, code, "number"))
        if not rates[code] and "region" not in levels and "municipality" in levels:
            choice["summable"] = True
        choice.fa.set_flow_style()
        query["contents"][keys[code]] = choice
        if choice.get("summable"):
            query["contents"].yaml_add_eol_comment("a count? else take summable away", keys[code])
    totals, classes = _classes(look, free)
    if totals:
        query["totals"] = totals
    if classes:
        query["classes"] = classes

    first_free = {name: next(iter(one["take"])) for name, one in classes.items()}
    entry = CommentedMap()
    entry["title_fi"] = _title(meta)
    entry["title_en"] = _title(look.english)
    entry["frequency"] = _dataset_frequency(frequency, periods)
    entry["first_period"] = periods[0]
    lag = _lag_days(look, periods[-1])
    entry["lag_days"] = lag
    entry["grace_days"] = _GRACE_DAYS[frequency]
    entry["lag_fi"], entry["lag_en"] = f"noin {lag} päivää", f"about {lag} days"
    entry["labels"] = "verified"
    entry["query"] = query
    if look.web_url:
        entry["web_url"] = look.web_url
    entry.yaml_add_eol_comment("from the newest release; correct it if that was unusual", "lag_days")
    dataset = CommentedMap({dataset_id: entry})

    indicators = CommentedMap()
    made: list[str] = []
    swedish = _swedish(look, contents)
    for code, text in _texts(contents).items():
        indicator_id = _free(keys[code], {*indicator_ids, *made}, f"_{meta.table.rpartition('/')[2].lower()}")
        made.append(indicator_id)
        one = CommentedMap()
        one["name_fi"], one["name_sv"], one["name_en"] = text, swedish.get(code, words[code]), words[code]
        one["kind"], one["role"] = "open_data", "context"
        one["programme_areas"] = _flow([programme_area])
        read = CommentedMap(dataset=dataset_id, content=keys[code])
        if first_free:
            chosen = CommentedMap(first_free)
            chosen.fa.set_flow_style()
            read["classes"] = chosen
        read.fa.set_flow_style()
        one["input"] = read
        one["labels"] = "verified"
        one["region"] = _region_rule(levels, summable=not rates[code])
        one["unit"] = _unit(look.figures_english, code, "number")
        one["unit_fi"] = _unit(look.figures, code, "lukumäärä")
        one["direction"] = "neutral"
        one["valid_range"] = _flow(list(_bounds(look, contents.code, code, rates[code])))
        one.yaml_add_eol_comment("the area of the programme that shows it", "programme_areas")
        one.yaml_add_eol_comment("up, down or neutral", "direction")
        one.yaml_add_eol_comment("wide bounds from the newest figures", "valid_range")
        indicators[indicator_id] = one
    return Proposal(
        dataset_id,
        tuple(made),
        f"# Ehdotus taulukosta {meta.table}; tarkista kommentoidut kohdat.\n{_yaml(dataset)}",
        f"# Ehdotus taulukosta {meta.table}; tarkista kommentoidut kohdat.\n{_yaml(indicators)}",
        tuple(_sample_rows(look)),
    )


def _one(meta: TableMeta, what: str, found: list[Variable]) -> Variable:
    if len(found) != 1:
        raise SourceError(
            f"{meta.table}: {len(found)} variables may be its {what}; write the entry by hand, from a neighbour's"
        )
    return found[0]


def _by_periods(meta: TableMeta) -> list[Variable]:
    """Variables all of whose values are periods, where none is marked as time."""
    found = []
    for variable in meta.variables:
        try:
            for code in variable.values:
                from_source(code)
        except PeriodError:
            continue
        found.append(variable)
    return found


def _contents_codes(look: TableLook) -> set[str]:
    named = set(look.figures.roles.get("metric", ()))
    return named or {one.code for one in look.finnish.variables if one.text.casefold() == "tiedot"}


def _levels(variable: Variable) -> list[AreaLevel]:
    found = {level_of_code(code) for code in variable.values}
    bare = sum(re.fullmatch(r"[0-9]{3}", code) is not None for code in variable.values)
    if (
        not found & {"municipality", "region"}
        and bare > len(variable.values) / 2
        and "kun" in variable.text.lower()
    ):
        found.add("municipality")  # Kunta, with codes that have no letters
    return [level for level in _LEVELS if level in found]


def _texts(variable: Variable) -> dict[str, str]:
    return dict(zip(variable.values, variable.texts, strict=True))


def _english(look: TableLook, variable: Variable) -> dict[str, str]:
    """The English texts of a variable's values, Finnish ones where there are none."""
    other = next((one for one in look.english.variables if one.code == variable.code), variable)
    return {**_texts(variable), **_texts(other)}


def _swedish(look: TableLook, variable: Variable) -> dict[str, str]:
    found = look.swedish.variables if look.swedish is not None else ()
    other = next((one for one in found if one.code == variable.code), None)
    return _texts(other) if other is not None else {}


def _keys(variable: Variable) -> dict[str, str]:
    """Source code → a key of ours, from the Finnish text, by which the table is read, too; each once."""
    found: dict[str, str] = {}
    for code, text in _texts(variable).items():
        found[code] = _free(_slug(text) or _slug(code) or "value", set(found.values()), "_2")
    return found


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", plain)
    key = "_".join(words)[:48].rstrip("_")
    return f"n{key}" if key[:1].isdigit() else key


def _free(wanted: str, taken: Collection[str], suffix: str) -> str:
    found, number = wanted, 2
    while found in taken:
        found = f"{wanted}{suffix}" if number == 2 else f"{wanted}{suffix}{number}"
        number += 1
    return found


def _classes(look: TableLook, free: list[Variable]) -> tuple[CommentedMap, CommentedMap]:
    totals, classes = CommentedMap(), CommentedMap()
    for variable in free:
        name = _free(_slug(variable.text) or _slug(variable.code), {*totals, *classes}, "_2")
        if total_of(variable) is not None or variable.elimination:
            totals[name] = _flow([variable.text])
            continue
        if len(variable.values) > MOST_CLASS_VALUES:
            raise SourceError(
                f"{look.finnish.table}: the variable '{variable.text}' has {len(variable.values)} values and no total; "
                "write the entry by hand and choose the values that are wanted under classes"
            )
        take = CommentedMap()
        keys = _keys(variable)
        for code, text in _texts(variable).items():
            choice = CommentedMap(label=_flow([text]))
            choice.fa.set_flow_style()
            take[keys[code]] = choice
        classes[name] = CommentedMap(variable=_flow([variable.text]), take=take)
    return totals, classes


def _is_rate(look: TableLook, code: str, text: str) -> bool:
    unit = look.figures.units.get(code, "")
    if "%" in text or "%" in unit:
        return True
    return not _COUNTED.search(f"{unit} {look.figures_english.units.get(code, '')} {text}")


def _unit(figures: SourceTable, code: str, otherwise: str) -> str:
    return " ".join(figures.units.get(code, "").split()) or otherwise


def _region_rule(levels: list[AreaLevel], *, summable: bool) -> str:
    if "region" in levels:
        return "direct" if "municipality" in levels else "region_only"
    return "sum" if summable and "municipality" in levels else "none"


def _dataset_frequency(frequency: Frequency, periods: list[str]) -> str:
    if frequency != "annual" or len(periods) < 2:
        return "annual" if frequency == "school_year" else frequency
    steps = {int(later) - int(earlier) for earlier, later in zip(periods[-4:], periods[-3:], strict=False)}
    return {frozenset({2}): "every_2_years", frozenset({4}): "every_4_years"}.get(frozenset(steps), "annual")


def _lag_days(look: TableLook, newest: str) -> int:
    end = parse_period(newest).end
    released = look.figures.updated.date() if look.figures.updated else end + timedelta(days=90)
    return min(max((released - end).days, 0), 2000)


def _bounds(look: TableLook, dimension: str, code: str, is_rate: bool) -> tuple[float | int, float | int]:
    """Wide bounds: 0-100 for a percentage, else ten times what was seen, in round numbers."""
    frame = look.figures.frame
    values = frame.loc[frame[dimension] == code, "value"].to_numpy(dtype=np.float64)
    values = values[~np.isnan(values)]
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    text = f"{look.figures.units.get(code, '')} {look.figures.labels[dimension].get(code, '')}"
    if is_rate and "%" in text and low >= 0 and high <= 100:
        return 0, 100
    return (0 if low >= 0 else -_round_up(-low * 10)), _round_up(max(abs(high), abs(low), 1.0) * 10)


def _round_up(value: float) -> int:
    """The next of 1, 2, 5, 10, 20, 50 ..."""
    power = 10 ** math.floor(math.log10(value))
    return int(next(step * power for step in (1, 2, 5, 10) if step * power >= value))


def _title(meta: TableMeta) -> str:
    """The table's title without its id and without the list of its variables."""
    text = re.sub(r"^\w+ -- ", "", meta.title)
    return " ".join(re.sub(r"\s(muuttujina|by)\s.*", "", text, flags=re.DOTALL).split()) or meta.table


def _sample_rows(look: TableLook, most: int = 6) -> list[str]:
    table = look.figures
    found = []
    for row in table.frame.head(most).to_dict("records"):
        texts = (table.labels[code].get(str(row[code]), str(row[code])) for code in table.dimensions)
        value = row["symbol"] or ("" if row["value"] != row["value"] else f"{row['value']:.10g}")
        found.append(f"{' · '.join(texts)}: {value or '(no figure)'}")
    return found


def _flow(values: Sequence[object]) -> CommentedSeq:
    listed = CommentedSeq(list(values))
    listed.fa.set_flow_style()
    return listed


def _yaml(document: CommentedMap) -> str:
    writer = YAML()
    writer.width = 110
    writer.indent(mapping=2, sequence=2, offset=0)
    written = io.StringIO()
    writer.dump(document, written)
    return written.getvalue()
