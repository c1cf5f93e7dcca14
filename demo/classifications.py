"""The classification service's part of the stand-in: items of a year's division, and what lies in what.

It answers as the real service is reported to since October 2026: a correspondence table asked bare is a list of
addresses, asked with a parameter it is a 500.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from http import HTTPStatus

from models.area import Area, AreaLevel
from models.divisions import Division, load_division

PATH = ("api", "classifications", "v2")
LANGUAGES: Mapping[str, str] = {"fi": "suomi", "sv": "ruotsi", "en": "englanti"}
_LEVELS: Mapping[str, AreaLevel] = {
    "kunta": "municipality",
    "seutukunta": "subregion",
    "maakunta": "region",
}
_ID = re.compile(rf"({'|'.join(_LEVELS)})_1_([0-9]{{4}})0101")


@lru_cache(maxsize=1)
def packaged() -> Mapping[int, Division]:
    """The division the project comes with, by its year."""
    return {2026: load_division(2026)}


def answer(
    divisions: Mapping[int, Division], rest: Sequence[str], asked: Mapping[str, Sequence[str]], base_url: str
) -> tuple[HTTPStatus, object]:
    """The status and the JSON document for what stands after PATH in a path (unquoted) and its query.

    Only the years of `divisions` are there. Texts are in the language asked, Finnish where none is.
    """
    match list(rest):
        case ["classifications", name, "classificationItems"]:
            found = _ID.fullmatch(name)
            language = asked.get("lang", ["fi"])[0]
            if found and int(found[2]) in divisions and language in LANGUAGES:
                return HTTPStatus.OK, _items(divisions[int(found[2])], name, _LEVELS[found[1]], language)
        case ["correspondenceTables", name, "maps"]:
            sides = [_ID.fullmatch(side) for side in name.split("#")]
            match sides:
                case [re.Match() as source, re.Match() as target] if (
                    source[1] == "kunta"
                    and target[1] != "kunta"
                    and source[2] == target[2]
                    and int(source[2]) in divisions
                ):
                    if asked:
                        return HTTPStatus.INTERNAL_SERVER_ERROR, {"error": "Internal Server Error"}
                    division = divisions[int(source[2])]
                    within = division.region_of if target[1] == "maakunta" else division.subregion_of
                    table = f"{base_url}/correspondenceTables/{name.replace('#', '%23')}/maps"
                    return HTTPStatus.OK, [f"{table}/{code[2:]}/{its[2:]}" for code, its in within.items()]
    return HTTPStatus.NOT_FOUND, {"error": "Not Found"}


def _items(division: Division, name: str, level: AreaLevel, language: str) -> list[object]:
    return [
        {
            "localId": f"{name}/{area.code[2:]}",
            "level": "1",
            "code": area.code[2:],
            "order": order,
            "parentCode": None,
            "parentItemLocalId": None,
            "classificationItemNames": [
                {"lang": language, "langName": LANGUAGES[language], "name": _name(area, language)}
            ],
            "explanatoryNotes": [],
            "classification": {},
        }
        for order, area in enumerate(division.areas(level), start=1)
    ]


def _name(area: Area, language: str) -> str:
    return {"fi": area.name_fi, "sv": area.name_sv, "en": area.name_en}[language]
