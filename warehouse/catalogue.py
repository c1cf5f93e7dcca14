"""The catalogue's mirror in the database, for the views; and every state the catalogue has been in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, text, update

from models.catalogue.catalogue import Catalogue
from models.indicator import Indicator
from warehouse import forms, tables
from warehouse.times import as_utc

Row = dict[str, Any]
_MIRROR_KEY = 7_203_214_413  # of the PostgreSQL advisory lock of whoever writes the mirror


def sync(connection: Connection, catalogue: Catalogue) -> None:
    """Makes the mirror say what `catalogue` says.

    Only rows that differ are written. What left the catalogue is marked as retired and never deleted.
    """
    programme = catalogue.programme
    _mirror(connection, tables.Source, _sources(catalogue))
    _mirror(connection, tables.Dataset, _datasets(catalogue))
    _mirror(connection, tables.Indicator, _indicators(catalogue))
    _mirror(connection, tables.Area, _areas(catalogue))
    _mirror(
        connection,
        tables.Programme,
        [
            {
                "programme_id": programme.id,
                "title_fi": programme.title_fi,
                "title_sv": programme.title_sv,
                "title_en": programme.title_en,
                "municipality": programme.municipality,
                "first_year": programme.first_year,
                "last_year": programme.last_year,
            }
        ],
    )
    _mirror(connection, tables.Party, _parties(catalogue))
    _mirror(
        connection,
        tables.ProgrammeArea,
        [
            _renamed(one, "area_id", tables.ProgrammeArea) | {"position": place}
            for place, one in enumerate(programme.areas)
        ],
    )
    _mirror(
        connection,
        tables.Goal,
        [
            _renamed(one, "goal_id", tables.Goal) | {"position": place}
            for place, one in enumerate(programme.goals)
        ],
    )
    _mirror(
        connection,
        tables.Cluster,
        [
            _renamed(one, "cluster_id", tables.Cluster) | {"position": place}
            for place, one in enumerate(programme.clusters)
        ],
    )
    _mirror(connection, tables.Measure, _measures(catalogue))
    _mirror(connection, tables.Meter, _meters(catalogue))
    _mirror_links(connection, tables.IndicatorDataset, _indicator_datasets(catalogue))
    _mirror_links(connection, tables.MeasureParty, _measure_parties(catalogue))
    _mirror_links(connection, tables.MeterIndicator, _meter_indicators(catalogue))
    _mirror(connection, tables.Question, forms.question_rows(catalogue))
    _mirror_links(connection, tables.QuestionMeter, forms.question_meter_rows(catalogue))
    _mirror_links(connection, tables.QuestionDue, forms.question_due_rows(catalogue))


# --- rows
# ----------------------------------------------------------------------------------------------------


def _renamed(one: Any, key: str, model: type[tables.Table]) -> Row:
    """The fields of a plain dataclass that `model` mirrors, its `id` named `key`."""
    named = {key if field.name == "id" else field.name: getattr(one, field.name) for field in fields(one)}
    return {
        name: value
        for name, value in named.items()
        if name in model.model_fields or name in ("automatic", "inferred")
    }


def _sources(catalogue: Catalogue) -> list[Row]:
    rows = [_renamed(one, "source_id", tables.Source) for one in catalogue.sources.values()]
    for row in rows:
        row["is_automatic"] = row.pop("automatic")
    return rows


def _datasets(catalogue: Catalogue) -> list[Row]:
    return [
        {
            "dataset_id": one.id,
            "source": one.source,
            "source_table": one.table,
            "title_fi": one.title_fi,
            "title_en": one.title_en,
            "frequency": one.frequency,
            "first_period": one.first_period,
            "lag_days": one.lag_days,
            "grace_days": one.grace_days,
            "labels": one.labels,
            "is_preliminary": one.preliminary,
            "is_rolling": one.rolling,
            "note_fi": one.note_fi,
            "note_en": one.note_en,
            "web_url": one.web_url,
        }
        for one in catalogue.datasets.values()
    ]


def _indicators(catalogue: Catalogue) -> list[Row]:
    return [
        {
            "indicator_id": one.id,
            "position": place,
            "name_fi": one.name_fi,
            "name_sv": one.name_sv,
            "name_en": one.name_en,
            "kind": one.kind,
            "role": one.role,
            "unit": one.unit,
            "unit_fi": one.unit_fi,
            "frequency": one.frequency,
            "direction": one.direction,
            "region": one.region,
            "is_municipal": "municipality" in one.area_levels,
            "labels": one.labels,
            "source": one.source,
            "dataset_id": one.datasets[0] if one.datasets else None,
            "definition": _definition(one),
            "transform": one.transform,
            "is_headline": one.headline,
            "reporter": one.reporter,
            "lag_fi": one.lag_fi,
            "lag_en": one.lag_en,
            "first_period": one.first_period,
            "note_fi": one.note_fi,
            "note_en": one.note_en,
            "decimals": one.decimals,
            "baseline": one.baseline,
        }
        for place, one in enumerate(catalogue.indicators.values())
    ]


def _definition(indicator: Indicator) -> str:
    """How the indicator is computed, in one line: its formula and what each name in it reads."""
    if indicator.formula is None:
        return ""
    reads = []
    for name, one in indicator.inputs.items():
        classes = "; ".join(f"{variable} = {' + '.join(keys)}" for variable, keys in one.classes.items())
        reads.append(f"{name}: {one.dataset} {one.content}" + (f" ({classes})" if classes else ""))
    return " | ".join([indicator.formula.text, *reads])


def _areas(catalogue: Catalogue) -> list[Row]:
    areas = catalogue.areas
    roles = {one.code: "other" for one in areas.others}
    # Of places such as airports the city's own bears its name; those of other cities are for comparison.
    named_levels = {one.level for one in areas.others if one.name_fi == areas.focus.name_fi}
    for one in areas.others:
        if one.level in named_levels:
            roles[one.code] = "focus" if one.name_fi == areas.focus.name_fi else "peer"
    roles |= {one.code: "member" for one in areas.region_municipalities}
    roles |= {one.area.code: "peer" for one in areas.peers}
    roles |= {areas.country.code: "country", areas.region.code: "region", areas.focus.code: "focus"}
    if areas.subregion is not None:
        roles[areas.subregion.code] = "subregion"
    return [
        {
            "area_code": one.code,
            "level": one.level,
            "role": roles.get(one.code, "other"),  # a municipality that the catalogue does not name
            "name_fi": one.name_fi,
            "name_sv": one.name_sv,
            "name_en": one.name_en,
        }
        for one in catalogue.all_areas()
    ]


def _parties(catalogue: Catalogue) -> list[Row]:
    rows = [_renamed(one, "party_id", tables.Party) for one in catalogue.programme.parties]
    for row in rows:
        row["is_inferred"] = row.pop("inferred")
    return rows


def _measures(catalogue: Catalogue) -> list[Row]:
    return [
        {
            "measure_id": one.id,
            "position": one.order,
            "area_id": one.area_id,
            "goal_id": one.goal_id or None,
            "cluster_id": one.cluster_id or None,
            "text_fi": one.text_fi,
            "short_fi": one.short_fi,
            "responsible_fi": one.responsible_fi,
        }
        for one in catalogue.programme.measures
    ]


def _meters(catalogue: Catalogue) -> list[Row]:
    meters = [meter for measure in catalogue.programme.measures for meter in measure.meters]
    return [
        {
            "meter_id": one.id,
            "position": place,
            "measure_id": one.measure_id,
            "text_fi": one.text_fi,
            "kind": one.kind,
            "reporter": one.reporter,
            "note_fi": one.note_fi,
            "note_en": one.note_en,
        }
        for place, one in enumerate(meters)
    ]


def _indicator_datasets(catalogue: Catalogue) -> list[Row]:
    return [
        {"indicator_id": one.id, "dataset_id": dataset_id, "position": place}
        for one in catalogue.indicators.values()
        for place, dataset_id in enumerate(one.datasets)
    ]


def _measure_parties(catalogue: Catalogue) -> list[Row]:
    return [
        {"measure_id": one.id, "party_id": party_id, "position": place}
        for one in catalogue.programme.measures
        for place, party_id in enumerate(dict.fromkeys(one.responsible))
    ]


def _meter_indicators(catalogue: Catalogue) -> list[Row]:
    return [
        {"meter_id": meter.id, "indicator_id": indicator_id, "position": place}
        for measure in catalogue.programme.measures
        for meter in measure.meters
        for place, indicator_id in enumerate(dict.fromkeys(meter.indicator_ids))
    ]


# --- writing what differs
# ------------------------------------------------------------------------------------


def _mirror(connection: Connection, model: type[tables.Table], rows: Iterable[Row]) -> None:
    """Adds and changes rows until the table says what `rows` say; its other rows retire."""
    table = tables.table_of(model)
    (key,) = table.primary_key.columns
    wanted = {row[key.name]: row | {"is_retired": False} for row in rows}
    for is_alone in (False, True):
        stored = {row[key.name]: dict(row) for row in connection.execute(select(table)).mappings()}
        retired = [name for name, row in stored.items() if name not in wanted and not row["is_retired"]]
        if not retired and all(stored.get(name) == row for name, row in wanted.items()):
            return
        if not is_alone:
            _be_alone(connection)
    added = [row for name, row in wanted.items() if name not in stored]
    if added:
        connection.execute(insert(table), added)
    for name, row in wanted.items():
        if name in stored and stored[name] != row:
            connection.execute(update(table).where(key == name).values(row))
    for name in retired:
        connection.execute(update(table).where(key == name).values(is_retired=True))


def _mirror_links(connection: Connection, model: type[tables.Table], rows: list[Row]) -> None:
    """Makes a table of links have exactly `rows`."""
    table = tables.table_of(model)
    query = select(table).order_by(*table.primary_key.columns)
    names = [column.name for column in table.primary_key.columns]
    wanted = sorted(rows, key=lambda row: [row[name] for name in names])
    for is_alone in (False, True):
        if [dict(row) for row in connection.execute(query).mappings()] == wanted:
            return
        if not is_alone:
            _be_alone(connection)
    connection.execute(delete(table))
    if rows:
        connection.execute(insert(table), rows)


def _be_alone(connection: Connection) -> None:
    """Waits until nobody else writes the mirror, and keeps others from it until the transaction ends.

    Several processes may begin at once on a new database. What they saw before may have been written since.
    """
    if connection.dialect.name == "postgresql":  # SQLite has one writer anyway
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIRROR_KEY})


@dataclass(frozen=True)
class Version:
    """One state of the catalogue: its fingerprint and everything that was taken into use with it (JSON)."""

    recorded_at: datetime
    fingerprint: str
    content: str


def newest_version(connection: Connection, *, as_of: datetime | None = None) -> Version | None:
    """The state of the catalogue in use, now or at a time; None where none was taken into use yet."""
    table = tables.table_of(tables.CatalogueVersion)
    query = select(table).order_by(table.c.recorded_at.desc()).limit(1)
    if as_of is not None:
        query = query.where(table.c.recorded_at <= as_utc(as_of))
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else Version(**row)


def keep_version(connection: Connection, fingerprint: str, content: str, *, recorded_at: datetime) -> None:
    """Writes that a state of the catalogue was taken into use."""
    row = {"recorded_at": as_utc(recorded_at), "fingerprint": fingerprint, "content": content}
    connection.execute(insert(tables.table_of(tables.CatalogueVersion)), row)
