"""`programme.yaml` and `measures/*.yaml` as the programme's tree."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import get_args

from models.catalogue.fields import Draft, Fields
from models.catalogue.items import Item, Place
from models.catalogue.reporting_fields import Asked, read_asked, read_reporting
from models.programme import (
    Cluster,
    Goal,
    Measure,
    Meter,
    MeterKind,
    NarrativeAsks,
    Party,
    Programme,
    ProgrammeArea,
)

METER_KINDS: tuple[MeterKind, ...] = get_args(MeterKind)
BY_HAND: tuple[MeterKind, ...] = ("survey", "administrative", "narrative")
NARRATIVE_ASKS: tuple[NarrativeAsks, ...] = get_args(NarrativeAsks)
_UNASKED = Asked(
    "annual", rhythm_assumed=True, due_days=None, grace_days=None, first_period="", last_period=""
)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def read_programme(draft: Draft, item: Item, files: Sequence[Item]) -> Programme | None:
    """The programme of `programme.yaml` (`item`) and of `measures/`; None where something is wrong."""
    f = Fields(draft, item, "programme")
    first_year = f.integer("first_year", 1900, 2200)
    last_year = f.integer("last_year", 1900, 2200)
    if last_year < first_year:
        f.wrong(item.place, f"'last_year' {last_year} is before 'first_year' {first_year}")
    approved = f.text("approved", required=False)
    if approved and not _DAY.fullmatch(approved):
        f.wrong(item.place, f"'approved' is '{approved}', which is no day such as 2022-04-26")
    parties = tuple(_party(draft, id, one) for id, one in f.entries("parties", required=True))
    areas: list[ProgrammeArea] = []
    goals: list[Goal] = []
    clusters: list[Cluster] = []
    measures: list[Measure] = []
    for one in files:
        _area(draft, one, areas, goals, clusters, measures)
    measures.sort(key=lambda measure: measure.order)
    for position, measure in enumerate(measures, start=1):
        if measure.order != position:
            place = draft.place("measure", measure.id)
            draft.wrong(place, f"measure '{measure.id}': 'order' is {measure.order}, {position} was expected")
            break
    programme = Programme(
        id=f.text("id"),
        title_fi=f.text("title_fi"),
        title_sv=f.text("title_sv"),
        title_en=f.text("title_en"),
        municipality=f.refers("municipality", "area"),
        first_year=first_year,
        last_year=last_year,
        parties=tuple(party for party in parties if party is not None),
        areas=tuple(areas),
        goals=tuple(goals),
        clusters=tuple(clusters),
        measures=tuple(measures),
        approved=approved,
        approved_by_fi=f.text("approved_by_fi", required=False),
        reporting=read_reporting(draft, f, first_year, last_year),
    )
    return programme if f.done() else None


def _party(draft: Draft, id: str, item: Item) -> Party | None:
    draft.declare("party", id, item.place)
    f = Fields(draft, item, f"party '{id}'")
    note_fi, note_en = f.both("note", required=False)
    party = Party(
        id=id,
        name_fi=f.text("name_fi"),
        type=f.text("type"),
        note_fi=note_fi,
        note_en=note_en,
        inferred=f.flag("inferred"),
    )
    return party if f.done() else None


def _area(
    draft: Draft,
    item: Item,
    areas: list[ProgrammeArea],
    goals: list[Goal],
    clusters: list[Cluster],
    measures: list[Measure],
) -> None:
    f = Fields(draft, item, "programme area")
    id = f.text("id")
    f.what = f"programme area '{id}'"
    if id:
        draft.declare("programme area", id, item.place)
    note_fi, note_en = f.both("note", required=False)
    area = ProgrammeArea(
        id=id,
        name_fi=f.text("name_fi"),
        name_sv=f.text("name_sv"),
        name_en=f.text("name_en"),
        theme_fi=f.text("theme_fi", required=False),
        theme_sv=f.text("theme_sv", required=False),
        theme_en=f.text("theme_en", required=False),
        note_fi=note_fi,
        note_en=note_en,
    )
    for goal_id, one in f.entries("goals", required=True):
        draft.declare("goal", goal_id, one.place)
        g = Fields(draft, one, f"goal '{goal_id}'")
        _starts(g, one.place, "goal", goal_id, id + ".")
        goal = Goal(
            id=goal_id,
            area_id=id,
            text_fi=g.text("text_fi"),
            text_sv=g.text("text_sv", required=False),
            text_en=g.text("text_en", required=False),
            list_text_fi=g.text("list_text_fi", required=False),
        )
        measures.extend(_measures(draft, g, id, goal_id, ""))
        if g.done():
            goals.append(goal)
    for cluster_id, one in f.entries("clusters"):
        draft.declare("cluster", cluster_id, one.place)
        c = Fields(draft, one, f"cluster '{cluster_id}'")
        _starts(c, one.place, "cluster", cluster_id, id + ".")
        cluster = Cluster(
            id=cluster_id,
            area_id=id,
            name_fi=c.text("name_fi"),
            name_sv=c.text("name_sv", required=False),
            name_en=c.text("name_en", required=False),
            industries_fi=c.texts("industries_fi"),
        )
        measures.extend(_measures(draft, c, id, "", cluster_id))
        if c.done():
            clusters.append(cluster)
    if f.done():
        areas.append(area)


def _starts(f: Fields, place: Place, kind: str, id: str, beginning: str) -> None:
    if not id.startswith(beginning) or id == beginning:
        f.wrong(place, f"the id of a {kind} here must begin with '{beginning}'")


def _measures(draft: Draft, parent: Fields, area_id: str, goal_id: str, cluster_id: str) -> list[Measure]:
    found = []
    for id, item in parent.entries("measures"):
        draft.declare("measure", id, item.place)
        f = Fields(draft, item, f"measure '{id}'")
        _starts(f, item.place, "measure", id, (goal_id or cluster_id) + ".")
        texts: list[str] = []
        parties: list[str] = []
        for element in f.elements("responsible", required=True):
            r = f.inner(element, "responsible")
            texts.append(r.text("text_fi"))
            parties.extend(r.refers_to_all("parties", "party", required=True))
            r.done()
        meters = [
            _meter(draft, meter_id, id, one, set(parties))
            for meter_id, one in f.entries("meters", required=True)
        ]
        measure = Measure(
            id=id,
            order=f.integer("order", 1, 9999),
            area_id=area_id,
            goal_id=goal_id,
            cluster_id=cluster_id,
            text_fi=f.text("text_fi"),
            short_fi=f.text("short_fi"),
            responsible=tuple(dict.fromkeys(parties)),
            responsible_fi=", ".join(texts),
            meters=tuple(meter for meter in meters if meter is not None),
        )
        if f.done():
            found.append(measure)
    return found


def _meter(draft: Draft, id: str, measure_id: str, item: Item, responsible: set[str]) -> Meter | None:
    draft.declare("meter", id, item.place)
    f = Fields(draft, item, f"meter '{id}'")
    _starts(f, item.place, "meter", id, measure_id + "-m")
    kind = f.choice("kind", METER_KINDS)
    note_fi, note_en = f.both("note", required=False)
    is_asked = kind == "narrative"  # the figures of others are asked as their indicators say
    asked = read_asked(f, None, "annual") if is_asked else _UNASKED
    by_hand = kind in BY_HAND
    several = f.flag("reporter_assumed") if by_hand and f.has("reporter_assumed") else len(responsible) > 1
    meter = Meter(
        id=id,
        measure_id=measure_id,
        text_fi=f.text("text_fi", required=kind != "none"),
        kind=kind,
        indicator_ids=f.refers_to_all("indicators", "indicator"),
        reporter=f.refers("reporter", "party", required=kind in BY_HAND),
        note_fi=note_fi,
        note_en=note_en,
        asks=f.choice("asks", NARRATIVE_ASKS, default="status") if is_asked else "status",
        rhythm=asked.rhythm,
        rhythm_assumed=asked.rhythm_assumed,
        reporter_assumed=by_hand and several,
        due_days=asked.due_days,
        grace_days=asked.grace_days,
        first_period=asked.first_period,
        last_period=asked.last_period,
    )
    if f.ok and kind == "none" and meter.text_fi:
        f.wrong(item.place, "a meter of kind 'none' has no 'text_fi'")
    if f.ok and bool(meter.indicator_ids) is (kind in ("narrative", "none")):
        wanted = "no 'indicators'" if meter.indicator_ids else "at least one indicator under 'indicators'"
        f.wrong(item.place, f"a meter of kind '{kind}' has {wanted}")
    return meter if f.done() else None
