"""Statistics Finland's classification service: the division of a year, with names in three languages.

What public clients report of it (2026; no answer was recorded): the ids are yearly (kunta_1_20260101), and a
new year's may not be there yet early in January, which is answered 404 or 400. Items come in one language a
request. A correspondence table asked with any parameter is answered 500 since October 2026; asked bare, it is
a list of addresses that end in the two codes (.../maps/205/18). The pairs as objects, which it gave before,
are read, too. `level` came as "1" and as "3.00" and is not looked at.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from connectors.asked import json_of
from connectors.cells import quoted
from connectors.http import AnswerError, Http
from connectors.limiter import RateLimits
from connectors.pxweb import OWN_MAX_CELLS, Limits
from models.area import Area, AreaLevel, level_of_code
from models.divisions import Division, DivisionError, Municipality
from models.document import Document
from models.errors import SourceError

SOURCE = "classifications"
DATASET = "classifications/kunta"
LANGUAGES = ("fi", "sv", "en")
LIMITS = RateLimits(calls=40, window_seconds=60.0)  # the service states none; these are StatFin's

# the service's word → level, prefix and digits of our codes
_KINDS: Mapping[str, tuple[AreaLevel, str, int]] = {
    "kunta": ("municipality", "KU", 3),
    "seutukunta": ("subregion", "SK", 3),
    "maakunta": ("region", "MK", 2),
}
_TARGETS = ("seutukunta", "maakunta")
_ITEMS_URL = re.compile(
    r"/classifications/(kunta|seutukunta|maakunta)_1_([0-9]{4})0101/classificationItems\?(?:.*&)?lang=(fi|sv|en)\b"
)
_MAPS_URL = re.compile(
    r"/correspondenceTables/kunta_1_([0-9]{4})0101%23(seutukunta|maakunta)_1_(?:\1)0101/maps(?:\?|$)"
)
_PAIR = re.compile(r"/maps/([^/?#]+)/([^/?#]+)$")

_Part = tuple[str, str]  # the service's word and the language, or ('kunta', the word of the target)

log = logging.getLogger("mittaristo.classifications")


def urls(base_url: str, year: int) -> tuple[str, ...]:
    """The addresses of everything that makes up the division of `year`, in the order in which it is asked."""
    maps = (
        f"{base_url}/correspondenceTables/kunta_1_{year}0101%23{target}_1_{year}0101/maps"
        for target in _TARGETS
    )
    items = (
        f"{base_url}/classifications/{kind}_1_{year}0101/classificationItems"
        f"?content=data&meta=min&lang={language}&format=json"
        for kind in _KINDS
        for language in LANGUAGES
    )
    return (*maps, *items)


def config(base_url: str, http: Http) -> Limits:
    """The pace to keep; nothing is asked, as the service states no limits."""
    return Limits(OWN_MAX_CELLS, LIMITS.calls, LIMITS.window_seconds)


def fetch(year: int, base_url: str, http: Http, limits: RateLimits = LIMITS) -> int:
    """Ask for the division of `year`, or of the year before where it is not there yet; which of them it was.

    All answers go to the session's `keep`. Raises AnswerError where the year before is not there either, or
    for any other bad answer.
    """
    for asked in (year, year - 1):
        try:
            for url in urls(base_url, asked):
                http.send(
                    source=SOURCE, dataset_id=DATASET, kind="data", method="GET", url=url, limits=limits
                )
        except AnswerError as error:
            if asked < year or error.status not in (400, 404):
                raise
            log.info("%s: the division of %d is not there yet; asking for %d", SOURCE, asked, asked - 1)
        else:
            return asked
    raise AssertionError("unreachable: the year before returns or raises")


def read(documents: Sequence[tuple[Document, bytes]]) -> dict[int, Division]:
    """Year → division, for every year of which the kept documents have all parts; pure.

    Of each part the newest good document is read; documents of other sources are passed over, and so are
    years that lack a part (not there yet when asked). Raises SourceError, one line, where no year is whole
    or an answer is not of the known shape.
    """
    newest: dict[int, dict[_Part, tuple[Document, bytes]]] = {}
    for document, body in sorted(documents, key=lambda one: one[0].fetched_at):
        found = _part_of(document.url)
        if document.source == SOURCE and document.status == 200 and not document.error and found:
            newest.setdefault(found[0], {})[found[1]] = (document, body)
    whole = {year: parts for year, parts in newest.items() if not _lacking(parts)}
    if not whole:
        seen = "; ".join(
            f"of {year} they lack {', '.join(' '.join(part) for part in _lacking(parts))}"
            for year, parts in sorted(newest.items())
        )
        raise SourceError(
            f"{SOURCE}: no division is whole among the kept answers ({seen or 'there are none'}); fetch it again"
        )
    return {year: _division(year, parts) for year, parts in sorted(whole.items())}


def _part_of(url: str) -> tuple[int, _Part] | None:
    """The year and the part that a call asked for; None for any other."""
    if items := _ITEMS_URL.search(url):
        return int(items[2]), (items[1], items[3])
    if maps := _MAPS_URL.search(url):
        return int(maps[1]), ("kunta", maps[2])
    return None


def _lacking(parts: Iterable[_Part]) -> list[_Part]:
    wanted = [(kind, language) for kind in _KINDS for language in LANGUAGES]
    held = set(parts)
    return [part for part in [*wanted, *(("kunta", target) for target in _TARGETS)] if part not in held]


def _division(year: int, parts: Mapping[_Part, tuple[Document, bytes]]) -> Division:
    names = {kind: _names_by_code(year, kind, parts) for kind in _KINDS}
    within = {}
    for target in _TARGETS:
        where = f"{SOURCE}: kunta to {target} of {year}"
        within[target] = _pairs(parts["kunta", target][1], target, where)
        _same_codes(where, within[target].keys(), "the names of kunta", names["kunta"].keys())
        unnamed = sorted(set(within[target].values()) - names[target].keys())
        if unnamed:
            raise SourceError(f"{where}: {_some(unnamed)} has no name; fetch it again")

    def areas(target: str) -> dict[str, Area]:
        level = _KINDS[target][0]
        used = set(within[target].values())
        return {code: Area(code, level, *its) for code, its in names[target].items() if code in used}

    try:
        return Division(
            year=year,
            municipalities={code: Municipality(code, *its) for code, its in names["kunta"].items()},
            region_of=within["maakunta"],
            regions=areas("maakunta"),
            subregion_of=within["seutukunta"],
            subregions=areas("seutukunta"),
        )
    except DivisionError as error:
        raise SourceError(f"{SOURCE}: {error}; compare with the service's own pages") from error


def _names_by_code(
    year: int, kind: str, parts: Mapping[_Part, tuple[Document, bytes]]
) -> dict[str, tuple[str, str, str]]:
    """Our code → Finnish, Swedish and English name; a name the service lacks is the Finnish one."""
    by_language = {}
    for language in LANGUAGES:
        where = f"{SOURCE}: {kind} of {year} in {language}"
        by_language[language] = _items(parts[kind, language][1], kind, language, where)
        finnish = by_language["fi"]
        _same_codes(where, by_language[language].keys(), "those in fi", finnish.keys())
    unnamed = sorted(code for code, name in by_language["fi"].items() if not name)
    if unnamed:
        raise SourceError(f"{SOURCE}: {kind} of {year}: {_some(unnamed)} has no Finnish name; fetch it again")
    return {
        code: (name, by_language["sv"][code] or name, by_language["en"][code] or name)
        for code, name in sorted(by_language["fi"].items())
    }


def _items(body: bytes, kind: str, language: str, where: str) -> dict[str, str]:
    """Our code → name in `language`, '' where the item has none in it."""
    found: dict[str, str] = {}
    for item in _list(body, where):
        names = item.get("classificationItemNames") if isinstance(item, dict) else None
        if not isinstance(names, list) or not all(
            isinstance(one, dict) and isinstance(one.get("name"), str) for one in names
        ):
            raise _unknown_shape(where, item, "an item with code and classificationItemNames")
        code = _our_code(item.get("code"), kind, where)
        if level_of_code(code) is None:  # "elsewhere or unknown"
            continue
        if code in found:
            raise SourceError(f"{where}: {code} is there twice; fetch it again")
        own = [one["name"].strip() for one in names if one.get("lang", language) == language]
        found[code] = own[0] if own else ""
    return found


def _pairs(body: bytes, target: str, where: str) -> dict[str, str]:
    """Our code of each municipality → of the area it is in."""
    found: dict[str, str] = {}
    for item in _list(body, where):
        if isinstance(item, str) and (codes := _PAIR.search(item)):
            source, goal = codes[1], codes[2]
        elif isinstance(item, dict):
            source, goal = (_code_in(item, side) for side in ("source", "target"))
        else:
            raise _unknown_shape(where, item, "an address that ends in /maps/<code>/<code>")
        ours = _our_code(source, "kunta", where)
        its = _our_code(goal, target, where)
        if level_of_code(ours) is None:
            continue
        if found.setdefault(ours, its) != its:
            raise SourceError(f"{where}: {ours} is in {found[ours]} and in {its}; fetch it again")
    return found


def _code_in(pair: Mapping[str, Any], side: str) -> object:
    """The code of one side of a pair: in its item, else at the end of its local id (kunta_1_20260101/205)."""
    item = pair.get(f"{side}Item")
    if isinstance(item, dict) and "code" in item:
        return item["code"]
    local_id = pair.get(f"{side}LocalId")
    return local_id.rpartition("/")[2] if isinstance(local_id, str) else None


def _our_code(code: object, kind: str, where: str) -> str:
    """KU205 of 205, MK18 of 18."""
    _, prefix, digits = _KINDS[kind]
    if not isinstance(code, str) or not re.fullmatch(rf"[0-9]{{1,{digits}}}", code):
        raise SourceError(f"{where}: {quoted(code)} is no code of {kind}; the service has changed")
    return f"{prefix}{code.zfill(digits)}"


def _list(body: bytes, where: str) -> list[Any]:
    document = json_of(body, f"{where}: the answer")
    if not isinstance(document, list) or not document:
        raise SourceError(
            f"{where}: the answer is {quoted(body[:60].decode('utf-8', 'replace'))} instead of a list with "
            "something in it; the service has changed"
        )
    return document


def _unknown_shape(where: str, item: object, expected: str) -> SourceError:
    return SourceError(f"{where}: {quoted(item, 80)} instead of {expected}; the service has changed")


def _same_codes(where: str, codes: Iterable[str], others: str, other_codes: Iterable[str]) -> None:
    here, there = set(codes), set(other_codes)
    if here == there:
        return
    lacking, beyond = sorted(there - here), sorted(here - there)
    what = " and ".join(
        f"{how} {_some(some)}" for how, some in (("lacks", lacking), ("has besides", beyond)) if some
    )
    raise SourceError(f"{where}: compared with {others} it {what}; fetch it again")


def _some(codes: Sequence[str]) -> str:
    return ", ".join(codes[:3]) + (f" and {len(codes) - 3} more" if len(codes) > 3 else "")
