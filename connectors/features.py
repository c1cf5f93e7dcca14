"""Pages of features as GeoServers give them (WFS and OGC API, GeoJSON): reduced to what is read, and put together.

Of a feature only its id and the fields that are asked are kept. Left out are the shapes, which are most of an answer,
and the time of the answer, with which no two answers would ever be the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from connectors.asked import json_of
from connectors.cells import quoted
from models.errors import SourceError

MEDIA_TYPES = ("application/json", "application/geo+json")
MOST_PAGES = 200  # of one list: a server that gives a feature a page would be asked all day

Properties = Mapping[str, Any]


@dataclass(frozen=True)
class Page:
    """One page: how many features there are in all, and those on it, (id, properties). An id may be ''."""

    matched: int
    features: tuple[tuple[str, Properties], ...]


def page_of(body: bytes, what: str) -> Page:
    """The page in `body`, whole or reduced; `what` names it in the SourceError raised where it is none."""
    document = json_of(body, f"the answer of {what}")
    if not isinstance(document, dict) or document.get("type") != "FeatureCollection":
        raise SourceError(f"the answer of {what} is no FeatureCollection; look at it")
    matched, features = document.get("numberMatched"), document.get("features")
    if not isinstance(matched, int) or isinstance(matched, bool) or matched < 0:
        raise SourceError(
            f"the answer of {what} does not say how many features there are ({quoted(matched)}); some could be missing"
        )
    if not isinstance(features, list):
        raise SourceError(f"the answer of {what} has no features; look at it")
    found = []
    for one in features:
        properties = one.get("properties") if isinstance(one, dict) else None
        if not isinstance(properties, dict):
            raise SourceError(f"the answer of {what} has a feature without properties; look at it")
        found.append((_lasting(one.get("id")), properties))
    return Page(matched, tuple(found))


def reducing(fields: Sequence[str], what: str) -> Callable[[bytes], bytes]:
    """What makes of an answer what is kept of it: id and these fields, in an order of their own."""

    def reduced(body: bytes) -> bytes:
        page = page_of(body, what)
        kept = [
            {
                "type": "Feature",
                "id": id,
                "properties": {name: properties[name] for name in fields if name in properties},
            }
            for id, properties in page.features
        ]
        kept.sort(key=lambda one: orjson.dumps(one, option=orjson.OPT_SORT_KEYS))
        return orjson.dumps(
            {
                "type": "FeatureCollection",
                "numberMatched": page.matched,
                "numberReturned": len(kept),
                "features": kept,
            }
        )

    return reduced


def given(pages: Sequence[Page]) -> int:
    """How many features came on these pages: where the next one starts."""
    return sum(len(page.features) for page in pages)


def is_through(pages: Sequence[Page], what: str) -> bool:
    """Whether no page is to be asked for after these: all features came, or the last page had none.

    Raises SourceError where MOST_PAGES were not enough.
    """
    if not pages:
        return False
    if given(pages) >= pages[0].matched or not pages[-1].features:
        return True
    if len(pages) >= MOST_PAGES:
        raise SourceError(
            f"{given(pages)} of the {pages[0].matched} features of {what} came in {len(pages)} pages; the source gives "
            "too few on a page: look at 'page_size' and at the answers"
        )
    return False


def whole(pages: Sequence[Page], fields: Sequence[str], what: str) -> list[Properties]:
    """The properties of all features, each with all of `fields`.

    Raises SourceError where the pages do not add up to what there is, have a feature twice, or lack a field.
    """
    matched = {page.matched for page in pages}
    if len(matched) != 1:
        raise SourceError(
            f"the answers of {what} say {' and '.join(map(str, sorted(matched))) or 'nothing'} of how many features "
            "there are; it changed meanwhile: run again"
        )
    features = [one for page in pages for one in page.features]
    if len(features) != min(matched):
        raise SourceError(
            f"{what} has {min(matched)} features and {len(features)} were given; a part is missing: run again"
        )
    ids = [id for id, _ in features if id]
    if len(set(ids)) < len(ids):
        raise SourceError(f"the answers of {what} have features twice, so others are missing; run again")
    for _, properties in features:
        for name in fields:
            if name not in properties:
                shown = ", ".join(map(quoted, list(properties)[:12])) or "none"
                raise SourceError(
                    f"a feature of {what} has no field {quoted(name)}, it has {shown}; correct the catalogue"
                )
    return [properties for _, properties in features]


def _lasting(id: object) -> str:
    """The id, '' for one that the server made up for this answer alone."""
    text = id if isinstance(id, str) else ""
    return "" if ".fid-" in text or text.startswith("fid-") else text
