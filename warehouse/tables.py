"""The tables, as SQLModel classes. Migrations make them; a test holds that both say the same.

Owners, series and periods have small integer keys, so that an observation is a narrow row. `owner_no` leads
the keys of observations and vintages: PostgreSQL can partition by it (and Citus distribute), as an owner is
one dataset or one indicator and nothing is ever compared across owners.
"""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    CheckConstraint,
    Connection,
    Double,
    ForeignKeyConstraint,
    Index,
    MetaData,
    SmallInteger,
    Text,
    UniqueConstraint,
)
from sqlalchemy import Table as SqlTable
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from warehouse.times import Timestamp

METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)
_REGISTRY = registry(metadata=METADATA)

STATUSES = ("final", "preliminary")
CHANGE_CLASSES = ("new", "revised", "restated", "withdrawn", "returned", "symbol", "status")
STORED_STATES = ("fetched", "quarantined", "discontinued", "not_in_sample", "never_fetched")
RUN_STATES = ("running", "green", "red")
LEDGER_STATES = (
    "fetched",
    "unchanged",
    "not_due",
    "late",
    "discontinued",
    "not_in_sample",
    "failed",
    "quarantined",
)
QUARANTINE_STATES = ("open", "released", "rejected", "cleared")
PROBLEM_EVENTS = ("begun", "reminder", "ended")
GATES = ("shape", "values", "history")
SEVERITIES = ("critical", "warning")
ANSWER_CHANGE_CLASSES = ("new", "revised", "withdrawn", "returned")
AREA_CHANGE_KINDS = ("merged", "split", "renamed", "moved_region", "told")


def _one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    return CheckConstraint(f"{column} IN ({', '.join(repr(one) for one in values)})", name=column)


def _refers(column: str, target: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint([column], [target])


class Table(SQLModel, registry=_REGISTRY):
    """What all table classes share: the metadata with its naming convention."""


def table_of(model: type[Table]) -> SqlTable:
    """The SQLAlchemy table behind a table class."""
    return METADATA.tables[str(model.__tablename__)]


def inserting(connection: Connection, table: SqlTable) -> sqlite.Insert | postgresql.Insert:
    """An INSERT into the table that can say ON CONFLICT, in the connection's dialect."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


# --- the catalogue's mirror, for the views ------------------------------------------------------------------


class Source(Table, table=True):
    """One provider."""

    source_id: str = Field(sa_type=Text, primary_key=True)
    name_fi: str = Field(sa_type=Text)
    name_en: str = Field(sa_type=Text)
    base_url: str = Field(sa_type=Text)
    licence: str = Field(sa_type=Text)
    attribution_fi: str = Field(sa_type=Text)
    attribution_en: str = Field(sa_type=Text)
    is_automatic: bool
    note_fi: str = Field(sa_type=Text)
    note_en: str = Field(sa_type=Text)
    is_retired: bool


class Dataset(Table, table=True):
    """One dataset of the catalogue; retired when the catalogue no longer has it."""

    __table_args__ = (_refers("source", "source.source_id"),)

    dataset_id: str = Field(sa_type=Text, primary_key=True)
    source: str = Field(sa_type=Text)
    source_table: str = Field(sa_type=Text)
    title_fi: str = Field(sa_type=Text)
    title_en: str = Field(sa_type=Text)
    frequency: str = Field(sa_type=Text)
    first_period: str = Field(sa_type=Text)
    lag_days: int
    grace_days: int
    labels: str = Field(sa_type=Text)
    is_preliminary: bool
    is_rolling: bool
    note_fi: str = Field(sa_type=Text)
    note_en: str = Field(sa_type=Text)
    web_url: str = Field(sa_type=Text)
    is_retired: bool


class Indicator(Table, table=True):
    """One indicator of the catalogue. `dataset_id` is the first it reads, NULL for hand-entered figures."""

    __table_args__ = (_refers("source", "source.source_id"), _refers("dataset_id", "dataset.dataset_id"))

    indicator_id: str = Field(sa_type=Text, primary_key=True)
    position: int
    name_fi: str = Field(sa_type=Text)
    name_sv: str = Field(sa_type=Text)
    name_en: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    role: str = Field(sa_type=Text)
    unit: str = Field(sa_type=Text)
    unit_fi: str = Field(sa_type=Text)
    frequency: str = Field(sa_type=Text)
    direction: str = Field(sa_type=Text)
    region: str = Field(sa_type=Text)
    is_municipal: bool  # whether it has figures of municipalities
    labels: str | None = Field(sa_type=Text)
    source: str = Field(sa_type=Text)
    dataset_id: str | None = Field(sa_type=Text)
    definition: str = Field(sa_type=Text)
    transform: str = Field(sa_type=Text)
    is_headline: bool
    reporter: str = Field(sa_type=Text)
    lag_fi: str = Field(sa_type=Text)
    lag_en: str = Field(sa_type=Text)
    first_period: str = Field(sa_type=Text)
    note_fi: str = Field(sa_type=Text)
    note_en: str = Field(sa_type=Text)
    decimals: int | None
    baseline: str = Field(sa_type=Text)
    is_retired: bool


class IndicatorDataset(Table, table=True):
    """Which datasets an indicator reads, in the order of its inputs."""

    __tablename__: ClassVar[Any] = "indicator_dataset"
    __table_args__ = (
        _refers("indicator_id", "indicator.indicator_id"),
        _refers("dataset_id", "dataset.dataset_id"),
        Index(None, "dataset_id"),
    )

    indicator_id: str = Field(sa_type=Text, primary_key=True)
    dataset_id: str = Field(sa_type=Text, primary_key=True)
    position: int


class Area(Table, table=True):
    """One area. Its role to the programme: focus, region, subregion, country, peer, member, other."""

    area_code: str = Field(sa_type=Text, primary_key=True)
    level: str = Field(sa_type=Text)
    role: str = Field(sa_type=Text)
    name_fi: str = Field(sa_type=Text)
    name_sv: str = Field(sa_type=Text)
    name_en: str = Field(sa_type=Text)
    is_retired: bool


class Division(Table, table=True):
    """The division of areas of 1 January of a year.

    `collection_id` is the collection that brought it, '' where it is the catalogue's own. Of a year that is not
    whole only the municipalities of some regions are known. `fingerprint` changes with its areas.
    """

    year: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    is_whole: bool
    collection_id: str = Field(sa_type=Text)
    fingerprint: str = Field(sa_type=Text)
    recorded_at: datetime = Field(sa_type=Timestamp)


class DivisionArea(Table, table=True):
    """One municipality, sub-region or region as it was in the division of a year, and what it was in."""

    __tablename__: ClassVar[Any] = "division_area"
    __table_args__ = (_refers("year", "division.year"),)

    year: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    area_code: str = Field(sa_type=Text, primary_key=True)
    level: str = Field(sa_type=Text)
    name_fi: str = Field(sa_type=Text)
    name_sv: str = Field(sa_type=Text)
    name_en: str = Field(sa_type=Text)
    subregion_code: str | None = Field(sa_type=Text)
    region_code: str | None = Field(sa_type=Text)


class AreaChange(Table, table=True):
    """At the beginning of `year` the area of `predecessor` went, all or a part of it, to `successor`.

    `told`: said in the catalogue of a year whose division is not known.
    """

    __tablename__: ClassVar[Any] = "area_change"
    __table_args__ = (_one_of("kind", AREA_CHANGE_KINDS),)

    year: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    kind: str = Field(sa_type=Text, primary_key=True)
    predecessor: str = Field(sa_type=Text, primary_key=True)
    successor: str = Field(sa_type=Text, primary_key=True)


class Party(Table, table=True):
    """One party named as responsible."""

    party_id: str = Field(sa_type=Text, primary_key=True)
    name_fi: str = Field(sa_type=Text)
    type: str = Field(sa_type=Text)
    note_fi: str = Field(sa_type=Text)
    note_en: str = Field(sa_type=Text)
    is_inferred: bool
    is_retired: bool


class Programme(Table, table=True):
    """The programme itself."""

    programme_id: str = Field(sa_type=Text, primary_key=True)
    title_fi: str = Field(sa_type=Text)
    title_sv: str = Field(sa_type=Text)
    title_en: str = Field(sa_type=Text)
    municipality: str = Field(sa_type=Text)
    first_year: int
    last_year: int
    is_retired: bool


class ProgrammeArea(Table, table=True):
    """One kehittämiskohde."""

    __tablename__: ClassVar[Any] = "programme_area"

    area_id: str = Field(sa_type=Text, primary_key=True)
    position: int
    name_fi: str = Field(sa_type=Text)
    name_sv: str = Field(sa_type=Text)
    name_en: str = Field(sa_type=Text)
    is_retired: bool


class Goal(Table, table=True):
    """One tavoite."""

    __table_args__ = (_refers("area_id", "programme_area.area_id"),)

    goal_id: str = Field(sa_type=Text, primary_key=True)
    position: int
    area_id: str = Field(sa_type=Text)
    text_fi: str = Field(sa_type=Text)
    text_sv: str = Field(sa_type=Text)
    text_en: str = Field(sa_type=Text)
    is_retired: bool


class Cluster(Table, table=True):
    """One industry cluster."""

    __table_args__ = (_refers("area_id", "programme_area.area_id"),)

    cluster_id: str = Field(sa_type=Text, primary_key=True)
    position: int
    area_id: str = Field(sa_type=Text)
    name_fi: str = Field(sa_type=Text)
    name_sv: str = Field(sa_type=Text)
    name_en: str = Field(sa_type=Text)
    is_retired: bool


class Measure(Table, table=True):
    """One toimenpide; it stands under a goal or under a cluster."""

    __table_args__ = (
        _refers("area_id", "programme_area.area_id"),
        _refers("goal_id", "goal.goal_id"),
        _refers("cluster_id", "cluster.cluster_id"),
    )

    measure_id: str = Field(sa_type=Text, primary_key=True)
    position: int
    area_id: str = Field(sa_type=Text)
    goal_id: str | None = Field(sa_type=Text)
    cluster_id: str | None = Field(sa_type=Text)
    text_fi: str = Field(sa_type=Text)
    short_fi: str = Field(sa_type=Text)
    responsible_fi: str = Field(sa_type=Text)
    is_retired: bool


class MeasureParty(Table, table=True):
    """Who answers for a measure, in the programme's order."""

    __tablename__: ClassVar[Any] = "measure_party"
    __table_args__ = (_refers("measure_id", "measure.measure_id"), _refers("party_id", "party.party_id"))

    measure_id: str = Field(sa_type=Text, primary_key=True)
    party_id: str = Field(sa_type=Text, primary_key=True)
    position: int


class Meter(Table, table=True):
    """One mittari of a measure."""

    __table_args__ = (_refers("measure_id", "measure.measure_id"),)

    meter_id: str = Field(sa_type=Text, primary_key=True)
    position: int
    measure_id: str = Field(sa_type=Text)
    text_fi: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    reporter: str = Field(sa_type=Text)
    note_fi: str = Field(sa_type=Text)
    note_en: str = Field(sa_type=Text)
    is_retired: bool


class MeterIndicator(Table, table=True):
    """Which indicators serve a meter, in the catalogue's order."""

    __tablename__: ClassVar[Any] = "meter_indicator"
    __table_args__ = (
        _refers("meter_id", "meter.meter_id"),
        _refers("indicator_id", "indicator.indicator_id"),
        Index(None, "indicator_id"),
    )

    meter_id: str = Field(sa_type=Text, primary_key=True)
    indicator_id: str = Field(sa_type=Text, primary_key=True)
    position: int


class CatalogueVersion(Table, table=True):
    """Every state the catalogue has been in, whole (JSON), so that a past report can be made again."""

    __tablename__: ClassVar[Any] = "catalogue_version"

    recorded_at: datetime = Field(sa_type=Timestamp, primary_key=True)
    fingerprint: str = Field(sa_type=Text)
    content: str = Field(sa_type=Text)


# --- values -------------------------------------------------------------------------------------------------


class Period(Table, table=True):
    """One period; `period_no` is warehouse.keys.period_number of its code."""

    __table_args__ = (UniqueConstraint("code"),)

    period_no: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    code: str = Field(sa_type=Text)
    period_start: date
    period_end: date
    frequency: str = Field(sa_type=Text)
    year_before_no: int


class Owner(Table, table=True):
    """Whose observations they are: one dataset or one indicator. Its row is what writers lock."""

    __table_args__ = (
        UniqueConstraint("owner"),
        UniqueConstraint("indicator_id"),
        UniqueConstraint("dataset_id"),
    )

    owner_no: int | None = Field(default=None, primary_key=True)
    owner: str = Field(sa_type=Text)
    dataset_id: str | None = Field(sa_type=Text)
    indicator_id: str | None = Field(sa_type=Text)
    last_recorded_at: datetime | None = Field(sa_type=Timestamp)  # of its newest vintage


class Series(Table, table=True):
    """One series: what is the same in all its observations. For an indicator `classes` is its class code."""

    __table_args__ = (
        _refers("owner_no", "owner.owner_no"),
        UniqueConstraint("owner_no", "area_code", "content", "classes"),
    )

    series_id: int | None = Field(default=None, primary_key=True)
    owner_no: int
    area_code: str = Field(sa_type=Text)
    content: str = Field(sa_type=Text)
    classes: str = Field(sa_type=Text)


class Load(Table, table=True):
    """One storing that wrote something: when, by which run, from which release."""

    __table_args__ = (
        _refers("owner_no", "owner.owner_no"),
        Index(None, "owner_no", "recorded_at"),
        Index(None, "recorded_at"),
    )

    load_id: int | None = Field(default=None, primary_key=True)
    owner_no: int
    run_id: str = Field(sa_type=Text)
    collection_id: str = Field(sa_type=Text)
    recorded_at: datetime = Field(sa_type=Timestamp)
    source_updated_at: datetime | None = Field(sa_type=Timestamp)
    is_synthetic: bool


# Observations and vintages have no foreign keys: checking them costs time with every row, and series, periods
# and loads are written by the same function in the same transaction and never deleted.


class Observation(Table, table=True):
    """The newest vintage of each observation, kept beside the vintages in the same transaction."""

    __table_args__ = (
        _one_of("status", STATUSES),
        _one_of("change_class", CHANGE_CLASSES),
        {"sqlite_with_rowid": False},
    )

    owner_no: int = Field(primary_key=True)
    series_id: int = Field(primary_key=True)
    period_no: int = Field(primary_key=True)
    load_id: int
    recorded_at: datetime = Field(sa_type=Timestamp)
    value: float | None = Field(sa_type=Double)
    vintages: int = Field(sa_type=SmallInteger)
    symbol: str = Field(sa_type=Text)
    status: str = Field(sa_type=Text)
    change_class: str = Field(sa_type=Text)


class Vintage(Table, table=True):
    """One state of one observation, known from `recorded_at` on. Appended, never updated."""

    __table_args__ = (
        _one_of("status", STATUSES),
        _one_of("change_class", CHANGE_CLASSES),
        {"sqlite_with_rowid": False},
    )

    owner_no: int = Field(primary_key=True)
    series_id: int = Field(primary_key=True)
    period_no: int = Field(primary_key=True)
    recorded_at: datetime = Field(sa_type=Timestamp, primary_key=True)
    load_id: int
    value: float | None = Field(sa_type=Double)
    symbol: str = Field(sa_type=Text)
    status: str = Field(sa_type=Text)
    change_class: str = Field(sa_type=Text)


class Latest(Table, table=True):
    """Per series of an indicator its newest figure and what it is read against.

    Written whenever the series changes, with the verdict's columns empty until it has been judged again.
    """

    __table_args__ = (UniqueConstraint("indicator_id", "area_code", "class_code"),)

    series_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    indicator_id: str = Field(sa_type=Text)
    area_code: str = Field(sa_type=Text)
    class_code: str = Field(sa_type=Text)
    period: str = Field(sa_type=Text)
    value: float | None = Field(sa_type=Double)
    symbol: str = Field(sa_type=Text)
    status: str = Field(sa_type=Text)
    previous_period: str | None = Field(sa_type=Text)
    previous_value: float | None = Field(sa_type=Double)
    year_before_period: str | None = Field(sa_type=Text)
    year_before_value: float | None = Field(sa_type=Double)
    baseline_period: str | None = Field(sa_type=Text)
    baseline_value: float | None = Field(sa_type=Double)
    verdict: str | None = Field(sa_type=Text)
    reason_fi: str | None = Field(sa_type=Text)
    reason_en: str | None = Field(sa_type=Text)
    recorded_at: datetime = Field(sa_type=Timestamp)
    load_id: int
    reason_sv: str | None = Field(sa_type=Text)
    beside_fi: str | None = Field(sa_type=Text)
    beside_sv: str | None = Field(sa_type=Text)
    beside_en: str | None = Field(sa_type=Text)
    verdict_inputs: str | None = Field(sa_type=Text)


# --- runs and what became of each dataset -------------------------------------------------------------------


class Run(Table, table=True):
    """One run over the datasets of a source."""

    __table_args__ = (
        _one_of("state", RUN_STATES),
        Index(None, "started_at"),
        Index(None, "source", "started_at"),
        Index(None, "source", "ended_at"),
    )

    run_id: str = Field(sa_type=Text, primary_key=True)
    source: str = Field(sa_type=Text)
    started_at: datetime = Field(sa_type=Timestamp)
    ended_at: datetime | None = Field(sa_type=Timestamp)
    state: str = Field(sa_type=Text)
    program_version: str = Field(sa_type=Text)
    catalogue_fingerprint: str = Field(sa_type=Text)


class Ledger(Table, table=True):
    """What became of one expected dataset in one run."""

    __table_args__ = (
        _refers("run_id", "run.run_id"),
        _one_of("state", LEDGER_STATES),
        Index(None, "dataset_id", "recorded_at"),
    )

    run_id: str = Field(sa_type=Text, primary_key=True)
    dataset_id: str = Field(sa_type=Text, primary_key=True)
    state: str = Field(sa_type=Text)
    message: str = Field(sa_type=Text)
    new_count: int
    revised_count: int
    withdrawn_count: int
    same_count: int
    calls: int
    seconds: float = Field(sa_type=Double)
    released_at: datetime | None = Field(sa_type=Timestamp)
    missing_indicators: str = Field(sa_type=Text)  # JSON list of ids
    recorded_at: datetime = Field(sa_type=Timestamp)


class SourceTotal(Table, table=True):
    """The calls and the vintages of datasets that all ledger rows of a source's runs say together."""

    __tablename__: ClassVar[Any] = "source_total"

    source: str = Field(sa_type=Text, primary_key=True)
    calls: int
    vintages: int


class DatasetState(Table, table=True):
    """What is known of a dataset between runs. State `fetched` becomes current, due or late by the dates."""

    __tablename__: ClassVar[Any] = "dataset_state"
    __table_args__ = (_one_of("state", STORED_STATES),)

    dataset_id: str = Field(sa_type=Text, primary_key=True)
    state: str = Field(sa_type=Text)
    release_query: str | None = Field(sa_type=Text)
    last_release: datetime | None = Field(sa_type=Timestamp)
    last_fetch: datetime | None = Field(sa_type=Timestamp)
    last_checked: datetime | None = Field(sa_type=Timestamp)
    next_expected: date | None
    late_after: date | None
    judged_on: date | None  # the day lateness is judged at; NULL is today
    last_error: str = Field(sa_type=Text)
    entry_fingerprint: str = Field(sa_type=Text)
    canonical_sha256: str = Field(sa_type=Text)
    collection_id: str = Field(sa_type=Text, sa_column_kwargs={"server_default": ""})  # the last good one
    known_codes: str = Field(
        sa_type=Text, sa_column_kwargs={"server_default": ""}
    )  # JSON: models.recode.KnownCodes
    overrides: str = Field(
        sa_type=Text, sa_column_kwargs={"server_default": ""}
    )  # JSON: codes a person accepted
    division: str = Field(
        sa_type=Text, sa_column_kwargs={"server_default": ""}
    )  # the area division it was in
    layout: str = Field(
        sa_type=Text, sa_column_kwargs={"server_default": ""}
    )  # JSON: models.divisions.Layout, by what division which of the stored periods is laid out


class Document(Table, table=True):
    """The index of the raw store; it can be made again from the sidecars."""

    __table_args__ = (
        Index(None, "collection_id"),
        Index(None, "dataset_id", "fetched_at"),
        Index(None, "run_id"),
    )

    document_id: str = Field(sa_type=Text, primary_key=True)
    collection_id: str = Field(sa_type=Text)
    run_id: str = Field(sa_type=Text)
    source: str = Field(sa_type=Text)
    dataset_id: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    method: str = Field(sa_type=Text)
    url: str = Field(sa_type=Text)
    request_body: str = Field(sa_type=Text)
    status: int
    content_type: str = Field(sa_type=Text)
    asked_at: datetime = Field(sa_type=Timestamp)
    fetched_at: datetime = Field(sa_type=Timestamp)
    error: str = Field(sa_type=Text)
    sha256: str = Field(sa_type=Text)
    size: int


class Quarantine(Table, table=True):
    """One collection that the gates held back, why, and what was decided."""

    __table_args__ = (_one_of("state", QUARANTINE_STATES), Index(None, "dataset_id", "state"))

    quarantine_id: int | None = Field(default=None, primary_key=True)
    dataset_id: str = Field(sa_type=Text)
    run_id: str = Field(sa_type=Text)
    collection_id: str = Field(sa_type=Text)
    reason: str = Field(sa_type=Text)
    report: str = Field(sa_type=Text)  # JSON: a list of gate reports with their checks and rows
    opened_at: datetime = Field(sa_type=Timestamp)
    state: str = Field(sa_type=Text)
    decided_at: datetime | None = Field(sa_type=Timestamp)
    decided_by: str = Field(sa_type=Text)  # a role, not a name
    decision_reason: str = Field(sa_type=Text)
    recode: str = Field(
        sa_type=Text, sa_column_kwargs={"server_default": ""}
    )  # JSON: models.recode.RecodeFinding
    checksum: str = Field(sa_type=Text, sa_column_kwargs={"server_default": ""})  # of the content held back


class GateResult(Table, table=True):
    """One rule that a gate put to what a run fetched of a dataset, passed or not."""

    __tablename__: ClassVar[Any] = "gate_result"
    __table_args__ = (
        _refers("run_id", "run.run_id"),
        _one_of("gate", GATES),
        _one_of("severity", SEVERITIES),
        Index(None, "dataset_id", "recorded_at"),
    )

    run_id: str = Field(sa_type=Text, primary_key=True)
    dataset_id: str = Field(sa_type=Text, primary_key=True)
    position: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    gate: str = Field(sa_type=Text)
    rule: str = Field(sa_type=Text)
    severity: str = Field(sa_type=Text)
    passed: bool
    saw: str = Field(sa_type=Text)
    expected: str = Field(sa_type=Text)
    cause: str = Field(sa_type=Text)
    rows: str = Field(sa_type=Text)  # JSON: the rows it fell on
    recorded_at: datetime = Field(sa_type=Timestamp)


class Recode(Table, table=True):
    """Codes of a dataset that its source renamed, with the proof; no vintage comes of it."""

    dataset_id: str = Field(sa_type=Text, primary_key=True)
    recorded_at: datetime = Field(sa_type=Timestamp, primary_key=True)
    finding: str = Field(sa_type=Text)
    decided_by: str = Field(sa_type=Text)


class Lock(Table, table=True):
    """Who holds what, until when at the latest."""

    name: str = Field(sa_type=Text, primary_key=True)
    token: str = Field(sa_type=Text)
    holder: str = Field(sa_type=Text)
    host: str = Field(sa_type=Text)
    pid_space: str = Field(sa_type=Text)  # process ids mean something only within one of these
    pid: int
    since: datetime = Field(sa_type=Timestamp)
    lease_ends_at: datetime = Field(sa_type=Timestamp)


class Marker(Table, table=True):
    """Small facts about the schema itself: `views` is the checksum of the views as they were created."""

    name: str = Field(sa_type=Text, primary_key=True)
    value: str = Field(sa_type=Text)


# --- what the system says of itself -------------------------------------------------------------------------


class Problem(Table, table=True):
    """One problem from when it began until it ended (NULL: it lasts). `content` is models.problems.Problem as JSON."""

    __table_args__ = (Index(None, "ended_at"),)

    problem_key: str = Field(sa_type=Text, primary_key=True)
    opened_at: datetime = Field(sa_type=Timestamp, primary_key=True)
    ended_at: datetime | None = Field(sa_type=Timestamp)
    kind: str = Field(sa_type=Text)
    subject: str = Field(sa_type=Text)
    severity: str = Field(sa_type=Text)
    text_fi: str = Field(sa_type=Text)
    text_en: str = Field(sa_type=Text)
    content: str = Field(sa_type=Text)


class ProblemNotice(Table, table=True):
    """When a channel was last told that a problem began, that it lasts, that it ended."""

    __tablename__: ClassVar[Any] = "problem_notice"
    __table_args__ = (
        ForeignKeyConstraint(["problem_key", "opened_at"], ["problem.problem_key", "problem.opened_at"]),
        _one_of("event", PROBLEM_EVENTS),
    )

    problem_key: str = Field(sa_type=Text, primary_key=True)
    opened_at: datetime = Field(sa_type=Timestamp, primary_key=True)
    channel: str = Field(sa_type=Text, primary_key=True)
    event: str = Field(sa_type=Text, primary_key=True)
    told_at: datetime = Field(sa_type=Timestamp)


class Heartbeat(Table, table=True):
    """The last sign of life of a part of the system that gives one every `interval_seconds`."""

    name: str = Field(sa_type=Text, primary_key=True)
    beat_at: datetime = Field(sa_type=Timestamp)
    interval_seconds: float = Field(sa_type=Double)


class DatasetRelease(Table, table=True):
    """The release that first brought a period; `released_at` is NULL where it was there at the first fetch."""

    __tablename__: ClassVar[Any] = "dataset_release"

    dataset_id: str = Field(sa_type=Text, primary_key=True)
    period: str = Field(sa_type=Text, primary_key=True)
    released_at: datetime | None = Field(sa_type=Timestamp)
    seen_at: datetime = Field(sa_type=Timestamp)


class PageBuild(Table, table=True):
    """How the last building of some pages went; `error` is '' where it went well."""

    __tablename__: ClassVar[Any] = "page_build"

    name: str = Field(sa_type=Text, primary_key=True)
    tried_at: datetime = Field(sa_type=Timestamp)
    built_at: datetime | None = Field(sa_type=Timestamp)
    error: str = Field(sa_type=Text)


# --- what people are asked, and what they answered ----------------------------------------------------------


class Question(Table, table=True):
    """One thing asked of one party: models.forms.Question. `indicator_id` is NULL where a narrative is asked."""

    question_id: str = Field(sa_type=Text, primary_key=True)
    position: int
    asks: str = Field(sa_type=Text)
    party_id: str = Field(sa_type=Text)
    is_party_assumed: bool
    rhythm: str = Field(sa_type=Text)
    is_rhythm_assumed: bool
    is_optional: bool
    indicator_id: str | None = Field(sa_type=Text)
    text_fi: str = Field(sa_type=Text)
    unit_fi: str = Field(sa_type=Text)
    area_code: str = Field(sa_type=Text)
    is_retired: bool


class QuestionMeter(Table, table=True):
    """Which meters a question serves; `position` is the question's among those of the meter."""

    __tablename__: ClassVar[Any] = "question_meter"
    __table_args__ = (
        _refers("question_id", "question.question_id"),
        _refers("meter_id", "meter.meter_id"),
        Index(None, "meter_id"),
    )

    question_id: str = Field(sa_type=Text, primary_key=True)
    meter_id: str = Field(sa_type=Text, primary_key=True)
    position: int


class QuestionDue(Table, table=True):
    """The periods for which a question must be answered: from `due_at` on it is due, after `late_after` late."""

    __tablename__: ClassVar[Any] = "question_due"
    __table_args__ = (_refers("question_id", "question.question_id"),)

    question_id: str = Field(sa_type=Text, primary_key=True)
    period: str = Field(sa_type=Text, primary_key=True)
    period_end: date
    due_at: date
    late_after: date


class Answer(Table, table=True):
    """The newest vintage of each answer, kept beside the vintages in the same transaction."""

    __table_args__ = (
        _refers("question_id", "question.question_id"),
        _one_of("change_class", ANSWER_CHANGE_CLASSES),
    )

    question_id: str = Field(sa_type=Text, primary_key=True)
    period: str = Field(sa_type=Text, primary_key=True)
    period_end: date
    value: float | None = Field(sa_type=Double)
    sample_size: int | None
    status: str = Field(sa_type=Text)
    text: str = Field(sa_type=Text)
    change_class: str = Field(sa_type=Text)
    recorded_at: datetime = Field(sa_type=Timestamp)


class AnswerVintage(Table, table=True):
    """One state of one answer: what a party said, when, in which role, and why it changed. Never updated."""

    __tablename__: ClassVar[Any] = "answer_vintage"
    __table_args__ = (
        _refers("question_id", "question.question_id"),
        _one_of("change_class", ANSWER_CHANGE_CLASSES),
        Index(None, "recorded_at"),
    )

    question_id: str = Field(sa_type=Text, primary_key=True)
    period: str = Field(sa_type=Text, primary_key=True)
    recorded_at: datetime = Field(sa_type=Timestamp, primary_key=True)
    period_end: date
    area_code: str = Field(sa_type=Text)
    party_id: str = Field(sa_type=Text)
    value: float | None = Field(sa_type=Double)
    sample_size: int | None
    status: str = Field(sa_type=Text)
    text: str = Field(sa_type=Text)
    change_class: str = Field(sa_type=Text)
    role: str = Field(sa_type=Text)
    reason: str = Field(sa_type=Text)
    collection_id: str = Field(sa_type=Text)  # the import that brought it
