"""Eurostat's part of the stand-in: one JSON-stat dataset a path, narrowed by the query as the real service does."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from demo.service import Asked, Told, told
from models.catalogue import Catalogue
from models.period import parse_period, shift

_OWN = frozenset({"format", "lang", "lastTimePeriod", "sinceTimePeriod", "untilTimePeriod"})


@dataclass
class EurostatTable:
    """One dataset: `dimensions` code → values in order, `time` the last; `figures` combination → value.

    A combination that is not there has no figure. `flags` are marks beside a figure (p) or instead of one (:, c).
    """

    label: str
    dimensions: dict[str, list[str]]
    figures: dict[tuple[str, ...], float]
    flags: dict[tuple[str, ...], str] = field(default_factory=dict)
    updated: datetime = datetime(2026, 2, 20, 22, tzinfo=UTC)


@dataclass
class Eurostat:
    """The service; `tables` may be changed while it runs."""

    tables: dict[str, EurostatTable]
    path: str = "eurostat/api/dissemination/statistics/1.0"

    def answer(self, asked: Asked) -> Told:
        """The JSON-stat answer to /data/<dataset>?format=JSON&...; an unknown name or value is a JSON error."""
        if asked.method != "GET" or len(asked.path) != 2 or asked.path[0] != "data":
            return _error(404, "Not found")
        table = self.tables.get(asked.path[1])
        if table is None:
            return _error(404, f"Dataset not found: {asked.path[1]}")
        if asked.one("format").upper() != "JSON":
            return _error(400, "Invalid format")
        chosen = {}
        for code, values in table.dimensions.items():
            wanted = asked.query.get(code)
            chosen[code] = [value for value in values if wanted is None or value in wanted]
            if wanted is not None and not chosen[code]:
                return _error(400, f"No results for dimension {code}")
        unknown = sorted(set(asked.query) - set(table.dimensions) - _OWN)
        if unknown:
            return _error(400, f"Dimension not found: {unknown[0]}")
        if asked.one("lastTimePeriod"):
            chosen["time"] = chosen["time"][-int(asked.one("lastTimePeriod")) :]
        return told(_document(table, chosen))


def _error(status: int, label: str) -> Told:
    return told({"error": [{"status": status, "id": 100, "label": label}]}, status)


def _document(table: EurostatTable, chosen: Mapping[str, Sequence[str]]) -> dict[str, object]:
    sizes = [len(values) for values in chosen.values()]
    value: dict[str, float] = {}
    status: dict[str, str] = {}
    for cell in range(math.prod(sizes)):
        rest, key = cell, []
        for values in reversed(list(chosen.values())):
            key.append(values[rest % len(values)])
            rest //= len(values)
        combination = tuple(reversed(key))
        if combination in table.figures:
            value[str(cell)] = table.figures[combination]
        if combination in table.flags:
            status[str(cell)] = table.flags[combination]
    return {
        "version": "2.0",
        "class": "dataset",
        "label": table.label,
        "source": "ESTAT",
        "updated": table.updated.strftime("%Y-%m-%dT%H:%M:%S+0000"),
        "value": value,
        **({"status": status} if status else {}),
        "id": list(chosen),
        "size": sizes,
        "dimension": {
            code: {
                "label": code,
                "category": {
                    "index": {one: place for place, one in enumerate(values)},
                    "label": {one: f"{code} {one}" for one in values},
                },
            }
            for code, values in chosen.items()
        },
    }


def synthetic(catalogue: Catalogue) -> Eurostat:
    """Every dataset that the catalogue asks of Eurostat, with seeded figures from its first period to 2024."""
    tables = {}
    for dataset in catalogue.datasets_of("eurostat"):
        request = dataset.request
        contents = [choice.code[0] for choice in dataset.content_choices]
        periods = [dataset.first_period]
        while parse_period(periods[-1]).start.year < 2024:
            periods.append(shift(periods[-1], 1))
        dimensions = {
            **{name: [value] for name, value in request.get("fixed", {}).items()},
            request["content_dimension"]: [*contents, "OTHER"],
            "geo": [*request["geo"].values(), "SE"],
            "time": periods,
        }
        fixed = tuple(request.get("fixed", {}).values())
        seeded = random.Random(dataset.id)  # noqa: S311 - figures for tests
        figures = {}
        for content in dimensions[request["content_dimension"]]:
            for region in dimensions["geo"]:
                level = seeded.uniform(20_000, 60_000)
                for period in periods:
                    level *= seeded.uniform(0.98, 1.04)
                    figures[*fixed, content, region, period] = float(round(level))
        flags = {combination: "p" for combination in figures if combination[-1] == periods[-1]}
        tables[request["dataset"]] = EurostatTable(dataset.title_en, dimensions, figures, flags)
    return Eurostat(tables)
