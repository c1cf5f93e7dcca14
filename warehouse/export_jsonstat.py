"""One indicator as JSON-stat 2: a cube of area, class and period, with why a value is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from warehouse.export_terms import Terms

NO_CLASS = "all"  # the one category of the dimension class where the indicator has no classes

# What stands in `status`: words for the symbols of sources, and for what else is to be known of a value.
_OF_SYMBOL: Mapping[str, str] = {
    "": "missing",
    ".": "not_applicable",
    "..": "not_available",
    "...": "suppressed",
    "-": "nil",
}
STATUS_LABELS: Mapping[str, str] = {
    "missing": "puuttuu, syytä ei ole kerrottu / missing, no reason given",
    "not_applicable": "ei sovellu (.) / not applicable (.)",
    "not_available": "ei saatavilla (..) / not available (..)",
    "suppressed": "salattu (...) / confidential (...)",
    "nil": "ei yhtään (-) / nil (-)",
    "withdrawn": "lähde on poistanut luvun / withdrawn by the source",
    "preliminary": "ennakkotieto / preliminary",
}


def status_of(value: float | None, symbol: str, status: str, change_class: str) -> str:
    """The words of `status` for one value, '' for a final figure; two words where it is missing and preliminary.

    A symbol that no source of ours is known to use stands as it is.
    """
    words = []
    if value is None:
        words.append("withdrawn" if change_class == "withdrawn" else _OF_SYMBOL.get(symbol, symbol))
    if status == "preliminary":
        words.append(status)
    return " ".join(words)


def cube(
    indicator: Mapping[str, Any],
    names: Sequence[str],
    pieces: Iterable[list[list[Any]]],
    terms: Terms,
    href: str,
) -> bytes:
    """The indicator's figures as JSON-stat 2.

    `indicator` is its row of dashboard_indicators, `pieces` its rows of dashboard_series in columns called `names`.
    A cell without a row has neither value nor status. `href` is the file's own address, '' where it is not known.
    """
    columns: dict[str, list[Any]] = {name: [] for name in names}
    for piece in pieces:
        for name, values in zip(names, piece, strict=True):
            columns[name] += values
    classes = [one or NO_CLASS for one in columns["class_code"]]
    starts = dict(zip(columns["period"], columns["period_start"], strict=True))
    axes = (
        sorted(set(columns["area_code"])),
        sorted(set(classes)),
        sorted(starts, key=lambda code: (starts[code], code)),
    )
    places = [{code: place for place, code in enumerate(axis)} for axis in axes]
    size = [len(axis) for axis in axes]
    cells: list[float | None] = [None] * (size[0] * size[1] * size[2])
    status: dict[str, str] = {}
    for area, class_, period, value, symbol, state, change in zip(
        columns["area_code"],
        classes,
        columns["period"],
        columns["value"],
        columns["symbol"],
        columns["status"],
        columns["change_class"],
        strict=True,
    ):
        at = (places[0][area] * size[1] + places[1][class_]) * size[2] + places[2][period]
        cells[at] = value
        said = status_of(value, symbol, state, change)
        if said:
            status[str(at)] = said
    areas = dict(zip(columns["area_code"], columns["area_name_fi"], strict=True))
    levels = dict(zip(columns["area_code"], columns["area_level"], strict=True))
    content: dict[str, Any] = {
        "version": "2.0",
        "class": "dataset",
        **({"href": href} if href else {}),
        "label": indicator["name_fi"],
        "source": terms.attribution_fi,
        "updated": _stamp(max(columns["recorded_at"])),
        "note": _notes(indicator, terms),
        "id": ["area", "class", "period"],
        "size": size,
        "role": {"geo": ["area"], "time": ["period"]},
        "dimension": {
            "area": {
                "label": "alue / area",
                "category": _category({code: areas[code] or code for code in axes[0]}),
                "extension": {"level": {code: levels[code] for code in axes[0]}},
            },
            "class": {
                "label": "luokka / class",
                "category": _category(
                    {code: "ei luokkia / no classes" if code == NO_CLASS else code for code in axes[1]}
                ),
            },
            "period": {"label": "kausi / period", "category": _category({code: code for code in axes[2]})},
        },
        "value": cells,
        "status": status,
        "extension": {
            **{name: indicator[name] for name in _SAID},
            "is_synthetic": any(columns["is_synthetic"]),
            "licence": terms.licence,
            **({"licence_url": terms.licence_url} if terms.licence_url else {}),
            "attribution_fi": terms.attribution_fi,
            "attribution_en": terms.attribution_en,
            "status": {"label": dict(STATUS_LABELS)},
        },
    }
    return orjson.dumps(content)


_SAID = (
    *("indicator_id", "name_fi", "name_sv", "name_en", "unit", "unit_fi", "direction", "kind", "definition"),
    *("frequency", "is_proxy", "proxy_note_fi", "labels", "dataset_id"),
)


def _category(labels: Mapping[str, str]) -> dict[str, Any]:
    return {"index": list(labels), "label": dict(labels)}


def _notes(indicator: Mapping[str, Any], terms: Terms) -> list[str]:
    texts = (indicator["note_fi"], indicator["note_en"], f"{terms.attribution_fi}. {terms.licence}.")
    return [one for one in texts if one]


def _stamp(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
