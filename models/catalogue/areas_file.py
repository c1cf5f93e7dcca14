"""`areas.yaml`: the areas whose figures are asked, and what each is for."""

from __future__ import annotations

from typing import get_args

from models.area import Area, AreaLevel
from models.catalogue.catalogue import Areas, Peer, PeerGroup
from models.catalogue.fields import Draft, Fields
from models.catalogue.items import Item

AREA_LEVELS: tuple[AreaLevel, ...] = get_args(AreaLevel)
STATISTICAL: tuple[AreaLevel, ...] = ("municipality", "subregion", "region", "country")


def read_areas(draft: Draft, item: Item) -> Areas | None:
    """The areas of `areas.yaml`; None where something is wrong."""
    f = Fields(draft, item, "areas")
    known: dict[str, Area] = {}
    for code, one in f.entries("areas", required=True):
        draft.declare("area", code, one.place)
        a = Fields(draft, one, f"area '{code}'")
        known[code] = Area(
            code=code,
            level=a.choice("level", AREA_LEVELS),
            name_fi=a.text("name_fi"),
            name_sv=a.text("name_sv", required=False),
            name_en=a.text("name_en", required=False),
        )
        a.done()
    groups = []
    for id, one in f.entries("groups"):
        draft.declare("peer group", id, one.place)
        g = Fields(draft, one, f"peer group '{id}'")
        groups.append(PeerGroup(id, *g.both("name"), *g.both("note")))
        g.done()

    def area(fields: Fields, key: str, level: AreaLevel, *, required: bool = True) -> Area | None:
        found = _areas(known, fields, key, level, required=required)
        if len(found) > 1:
            fields.wrong(fields.item.place, f"'{key}' must be one area")
        return found[0] if found else None

    focus = area(f, "focus", "municipality")
    region = area(f, "region", "region")
    subregion = area(f, "subregion", "subregion", required=False)
    country = area(f, "country", "country")
    municipalities = _areas(known, f, "region_municipalities", "municipality", required=True)
    if focus is not None and municipalities and focus not in municipalities:
        f.wrong(item.entries["region_municipalities"].place, f"'{focus.code}' (focus) is not among them")
    peers: list[Peer] = []
    for element in f.elements("peers"):
        p = f.inner(element, "peer")
        found = area(p, "area", "municipality")
        group = p.refers("group", "peer group")
        why_fi, why_en = p.both("why")
        if p.done() and found is not None:
            peers.append(Peer(found, group, why_fi, why_en))
            draft.declare("peer", found.code, element.place)
    roles = {one.code for one in (focus, region, subregion, country, *municipalities) if one is not None}
    roles |= {peer.area.code for peer in peers}
    others = [one for one in known.values() if one.code not in roles]
    if not f.done():
        return None
    for unused in others:
        if unused.level in STATISTICAL:
            text = f"area '{unused.code}' has no role; name it in one above, or delete it"
            draft.wrong(draft.place("area", unused.code), text)
    if focus is None or region is None or country is None:
        return None
    return Areas(
        focus, region, subregion, country, municipalities, tuple(peers), tuple(groups), tuple(others)
    )


def _areas(
    known: dict[str, Area], f: Fields, key: str, level: AreaLevel, *, required: bool
) -> tuple[Area, ...]:
    found = []
    for code, place in f.placed_texts(key, required=required):
        one = known.get(code)
        if one is None:
            if code:
                f.wrong(place, f"there is no area '{code}' under 'areas'")
        elif one.level != level:
            f.wrong(place, f"'{key}' must be a {level}, and '{code}' is a {one.level}")
        else:
            found.append(one)
    return tuple(found)
