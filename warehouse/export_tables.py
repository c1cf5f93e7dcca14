"""The views that go out as open data, read in pieces: in a fixed order, typed, each row with the terms of its source.

What stays inside: who owes which answer and what people answered in which role (dashboard_due, dashboard_reports), how
runs went (dashboard_runs, last_error), and every figure and answer whose source has no licence in the catalogue.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import compress
from typing import Any

from sqlalchemy import Connection, text

from warehouse.contract import VIEW_COLUMNS, Column
from warehouse.export_terms import Terms
from warehouse.times import Timestamp

PIECE_ROWS = 10_000  # read and written at a time; what the memory of an export goes by
Texts = Mapping[str, str]  # by language
Values = list[Any]

TERM_COLUMNS = (
    Column("licence", "text", "Licence of the row's source, such as CC BY 4.0."),
    Column("attribution_fi", "text", "How the row's source must be named, in Finnish."),
    Column("attribution_en", "text", "How the row's source must be named, in English."),
)
_INSIDE = frozenset({"last_error"})  # columns that stay inside


@dataclass(frozen=True)
class ExportTable:
    """One view that goes out. `key` names the columns that tell its rows apart, in the order they are sorted by.

    `source` is the column with the id of a row's source; '' where a row is the city's own.
    `by` is the indicator's column in views that hold figures: they are read an indicator at a time.
    """

    name: str
    title: Texts
    about_fi: str  # what a row is; in English it stands in warehouse.contract
    about_sv: str
    key: tuple[str, ...]
    source: str = ""
    by: str = ""
    refers: tuple[tuple[str, str], ...] = ()  # column, and the table whose first key column it is

    @property
    def view_columns(self) -> tuple[Column, ...]:
        """The view's columns that go out."""
        return tuple(one for one in VIEW_COLUMNS[self.name] if one.name not in _INSIDE)

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns that go out: the view's, and after them the terms where the view does not say them itself."""
        own = {one.name for one in self.view_columns}
        return (*self.view_columns, *(one for one in TERM_COLUMNS if one.name not in own))


def _texts(fi: str, sv: str, en: str) -> Texts:
    return {"fi": fi, "sv": sv, "en": en}


_FIGURE = ("indicator_id", "area_code", "class_code", "period")
_OF_INDICATOR = (("indicator_id", "dashboard_indicators"),)

TABLES: tuple[ExportTable, ...] = (
    ExportTable(
        "dashboard_indicators",
        _texts("Tunnusluvut", "Indikatorer", "Indicators"),
        "Rivi on tunnusluku: mitä se mittaa, miten se lasketaan, mistä se tulee ja millä lisenssillä.",
        "En rad är en indikator: vad den mäter, hur den räknas, varifrån den kommer och under vilken licens.",
        ("indicator_id",),
    ),
    ExportTable(
        "dashboard_series",
        _texts("Tunnuslukujen aikasarjat", "Indikatorernas tidsserier", "Time series of the indicators"),
        "Rivi on luvun uusin versio: tunnusluku, alue, luokka ja kausi.",
        "En rad är den senaste versionen av en siffra: indikator, område, klass och period.",
        _FIGURE,
        source="source",
        by="indicator_id",
        refers=_OF_INDICATOR,
    ),
    ExportTable(
        "dashboard_vintages",
        _texts(
            "Tunnuslukujen aikasarjat tietoversioittain",
            "Indikatorernas tidsserier, alla versioner",
            "Time series of the indicators, every version",
        ),
        "Rivi on yksi luvun versio: milloin se tiedettiin ja milloin uudempi korvasi sen.",
        "En rad är en version av en siffra: när den var känd och när en nyare ersatte den.",
        (*_FIGURE, "recorded_at"),
        source="source",
        by="indicator_id",
        refers=_OF_INDICATOR,
    ),
    ExportTable(
        "dashboard_latest",
        _texts(
            "Uusimmat luvut ja arviot",
            "De senaste siffrorna och bedömningarna",
            "Newest figures and verdicts",
        ),
        "Rivi on tunnusluvun, alueen ja luokan uusin luku, mihin sitä verrataan, ja arvio perusteluineen.",
        "En rad är den senaste siffran för indikator, område och klass, vad den jämförs med, och bedömningen.",
        _FIGURE[:3],
        source="source",
        by="indicator_id",
        refers=_OF_INDICATOR,
    ),
    ExportTable(
        "dashboard_changes",
        _texts("Lukujen muutokset", "Ändringar av siffrorna", "Changes of the figures"),
        "Rivi on muutos: uusi, tarkentunut, poistettu tai muuten muuttunut luku.",
        "En rad är en ändring: en siffra som är ny, reviderad, borttagen eller annars ändrad.",
        ("indicator_id", "recorded_at", "area", "class_code", "period"),
        by="indicator_id",
        refers=_OF_INDICATOR,
    ),
    ExportTable(
        "dashboard_measures",
        _texts("Ohjelman toimenpiteet", "Programmets åtgärder", "Measures of the programme"),
        "Rivi on ohjelman toimenpide ja se, kuinka monesta sen mittarista on tietoa.",
        "En rad är en åtgärd i programmet och hur många av dess mätare det finns uppgifter om.",
        ("measure_id",),
    ),
    ExportTable(
        "dashboard_meters",
        _texts("Toimenpiteiden mittarit", "Åtgärdernas mätare", "Meters of the measures"),
        "Rivi on toimenpiteen mittari: sen tila ja uusin luku.",
        "En rad är en mätare för en åtgärd: dess läge och senaste siffra.",
        ("meter_id",),
        source="latest_source",
        refers=(("measure_id", "dashboard_measures"),),
    ),
    ExportTable(
        "dashboard_meter_indicators",
        _texts("Mittarien tunnusluvut", "Mätarnas indikatorer", "Indicators of the meters"),
        "Rivi on tunnusluku, jota mittari käyttää.",
        "En rad är en indikator som en mätare använder.",
        ("meter_id", "indicator_id"),
        refers=(("meter_id", "dashboard_meters"), *_OF_INDICATOR),
    ),
    ExportTable(
        "dashboard_freshness",
        _texts("Aineistojen ajantasaisuus", "Datamängdernas aktualitet", "Freshness of the datasets"),
        "Rivi on aineisto: milloin se on haettu ja milloin seuraavaa odotetaan.",
        "En rad är en datamängd: när den hämtades och när nästa väntas.",
        ("dataset_id",),
        source="source",
    ),
)

# Of a meter: what stands for a figure of its source, and what stands for people's answers in words.
_METER_FIGURE = (
    *("latest_value", "latest_unit", "latest_period", "latest_source"),
    *("latest_indicator_id", "latest_area_code", "latest_class_code"),
)
_METER_ANSWER = ("latest_text", "latest_status", "latest_sample_size", "latest_text_period")
ANSWERS = "manual"  # the source of what people report


@dataclass(frozen=True)
class OpenIndicator:
    """An indicator whose figures go out: `rows` figures, from `first` to `last` day; 0 and None for none."""

    id: str
    source: str
    rows: int
    first: date | None
    last: date | None
    recorded_at: datetime | None


def open_indicators(connection: Connection, terms: Mapping[str, Terms]) -> tuple[OpenIndicator, ...]:
    """The indicators whose source has a licence, by id."""
    found = connection.execute(text(_INDICATORS).columns(recorded_at=Timestamp()))
    return tuple(
        OpenIndicator(
            row.indicator_id, row.source, row.figures, _day(row.first), _day(row.last), row.recorded_at
        )
        for row in sorted(found, key=lambda row: str(row.indicator_id))
        if row.source in terms and terms[row.source].licence
    )


def has_made_up_figures(connection: Connection) -> bool:
    """Whether any figure in the warehouse is made up."""
    return bool(connection.execute(text("SELECT count(*) FROM load WHERE is_synthetic")).scalar())


_INDICATORS = """
SELECT i.indicator_id, i.source, count(v.period_no) AS figures, min(p.period_start) AS first,
       max(p.period_end) AS last, max(o.last_recorded_at) AS recorded_at
FROM indicator i
LEFT JOIN owner o ON o.indicator_id = i.indicator_id
LEFT JOIN observation v ON v.owner_no = o.owner_no
LEFT JOIN period p ON p.period_no = v.period_no
GROUP BY i.indicator_id, i.source"""


def pieces(
    connection: Connection,
    table: ExportTable,
    indicators: Sequence[OpenIndicator],
    terms: Mapping[str, Terms],
    city: Terms,
) -> Generator[list[Values], None, None]:
    """The table's rows in its order, at most PIECE_ROWS at a time: a list of values for each of its columns.

    Values are str, int, float, bool, date or aware datetime in UTC, by the column's type; None for none.
    """
    with closing(_found(connection, table, indicators)) as found:
        for indicator, rows in found:
            yield _piece(table, rows, terms[indicator.source] if indicator else city, terms, city)


def _piece(
    table: ExportTable, rows: Sequence[Any], own: Terms, terms: Mapping[str, Terms], city: Terms
) -> list[Values]:
    """Rows as typed columns, with the terms of each row's source; `own` are theirs where the view names no source."""
    names = [one.name for one in table.columns]
    columns = [
        _typed(one.type, values)
        for one, values in zip(table.view_columns, zip(*rows, strict=True), strict=True)
    ]
    if table.name == "dashboard_meters":
        _withhold(dict(zip(names, columns, strict=False)), terms)
    if len(columns) < len(names):
        of_rows = (
            [terms.get(one, city) for one in columns[names.index(table.source)]]
            if table.source
            else [own] * len(rows)
        )
        columns += [
            [one.licence for one in of_rows],
            [one.attribution_fi for one in of_rows],
            [one.attribution_en for one in of_rows],
        ]
    return columns


def _found(
    connection: Connection, table: ExportTable, indicators: Sequence[OpenIndicator]
) -> Generator[tuple[OpenIndicator | None, Sequence[Any]], None, None]:
    """The rows of the view as the database gives them; what belongs to no open indicator is never read."""
    columns = ", ".join(f'v."{one.name}"' for one in table.view_columns)
    order = ", ".join(_sorted_by(connection, table))
    where = f' WHERE v."{table.by}" = :indicator' if table.by else ""
    query = text(f"SELECT {columns} FROM {table.name} v{where} ORDER BY {order}")  # noqa: S608 (names of ours)
    for indicator in indicators if table.by else (None,):
        with connection.execute(
            query,
            {"indicator": indicator.id} if indicator else {},
            execution_options={"stream_results": True, "max_row_buffer": PIECE_ROWS},
        ) as result:
            while rows := result.fetchmany(PIECE_ROWS):
                yield indicator, rows


def _sorted_by(connection: Connection, table: ExportTable) -> Iterator[str]:
    """What a query is ordered by, the same on both databases: texts by their characters' numbers."""
    types = {one.name: one.type for one in table.view_columns}
    plain = ' COLLATE "C"' if connection.dialect.name == "postgresql" else ""
    for name in table.key:
        if name == "period" and "period_start" in types:
            yield "v.period_start"
        yield f'v."{name}"{plain if types[name] == "text" else ""}'


def _withhold(columns: Mapping[str, Values], terms: Mapping[str, Terms]) -> None:
    """Empties what may not go out: figures and answers whose source has no licence."""
    closed = [bool(one) and not (one in terms and terms[one].licence) for one in columns["latest_source"]]
    for name in _METER_FIGURE:
        for place in compress(range(len(closed)), closed):
            columns[name][place] = None
    if not (ANSWERS in terms and terms[ANSWERS].licence):
        for name in _METER_ANSWER:
            columns[name][:] = [None] * len(closed)


def _typed(kind: str, values: Sequence[Any]) -> Values:
    """The values of a column as the database gives them (SQLite has no days, times and flags), in its type."""
    if kind in ("date", "timestamp"):  # a piece has few of them, and each is read once
        read = _day if kind == "date" else _moment
        known = {one: read(one) for one in set(values)}
        return [known[one] for one in values]
    if kind in ("text", "json"):
        return list(values)
    as_type = {"integer": int, "number": float, "boolean": bool}[kind]
    return [None if one is None else as_type(one) for one in values]


def _day(value: Any) -> date | None:
    return date.fromisoformat(value) if isinstance(value, str) else value


def _moment(value: Any) -> datetime | None:
    if value is None:
        return None
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.astimezone(UTC)
