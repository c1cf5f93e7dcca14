"""A year and a day of collections under a clock that is moved: every state and every alarm right, each once.

Through the real connector and pipeline, against the stand-in, with a webhook's receiver and a mail server on loopback.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path

import pytest

import flows.collect
from connectors.http import Http
from demo import changes
from demo.sample import sample_scope
from demo.stand_in import StandIn
from demo.table import SampleTable
from flows.alarms import announce
from flows.collect import Collection, collect, read_limits
from flows.pipeline import Pipeline, open_pipeline
from flows.settings import Settings
from models.ledger import GREEN, Counts, LedgerRow, Scope
from models.period import shift
from models.release_rhythm import expected
from warehouse.engine import reading, writing
from warehouse.ledger import close_run, open_run, state_of
from warehouse.problems import situation
from warehouse.releases import releases

MONTHLY, MONTHLY_TABLE = "statfin/tyonv/12tf", "tyonv/12tf"
YEARLY, YEARLY_TABLE = "statfin/vkour/12bs", "vkour/12bs"
FAILING, FAILING_TABLE = "statfin/tjt/14ww", "tjt/14ww"
GONE, GONE_TABLE = "statfin/ssaaty/121w", "ssaaty/121w"


class World:
    """A source, a warehouse, the receivers of alarms, and the time. `states` is each dataset's state as it changed."""

    def __init__(
        self, pipeline: Pipeline, source: StandIn, scope: Scope, now: datetime, patch: pytest.MonkeyPatch
    ) -> None:
        self.pipeline = pipeline
        self.source = source
        self.scope = scope
        self.now = now
        self.ledger: list[tuple[datetime, dict[str, LedgerRow]]] = []
        self.states: dict[str, list[tuple[date, str]]] = {}

        def sleep(seconds: float) -> None:
            self.now += timedelta(seconds=seconds)

        patch.setattr(flows.collect, "utc_now", lambda: self.now)
        patch.setattr(flows.collect, "Http", partial(Http, clock=lambda: self.now.timestamp(), sleep=sleep))

    def run(self, *dataset_ids: str) -> dict[str, LedgerRow]:
        """One run at this moment, as the flow makes it, and what is told after it."""
        run_id = f"r{len(self.ledger):04d}"
        with writing(self.pipeline.engine) as connection:
            open_run(
                connection,
                run_id=run_id,
                source="statfin",
                started_at=self.now,
                program_version="1",
                catalogue_fingerprint="f",
            )
        limits, _ = read_limits(self.pipeline, "statfin", run_id)
        collection = Collection(self.pipeline, run_id, "statfin", limits, self.scope)
        rows = {dataset_id: collect(collection, dataset_id) for dataset_id in dataset_ids}
        verdict = "green" if all(one.state in GREEN for one in rows.values()) else "red"
        with writing(self.pipeline.engine) as connection:
            close_run(connection, run_id, ended_at=self.now, state=verdict)
        announce(self.pipeline, clock=lambda: self.now)
        self.ledger.append((self.now, rows))
        with reading(self.pipeline.engine) as connection:
            for one in situation(connection, self.now).datasets:
                if one.dataset_id in dataset_ids:
                    known = self.states.setdefault(one.dataset_id, [])
                    if not known or known[-1][1] != one.freshness:
                        known.append((self.now.date(), one.freshness))
        return rows

    def publish(self, table: str, change: Callable[[SampleTable], SampleTable]) -> None:
        """The source releases `change` of the table now."""
        released = self.now.replace(second=0, microsecond=0)
        self.source.tables[table] = changes.set_updated(change(self.source.tables[table]), released)

    def next_period(self, table: str) -> None:
        """The source releases the period after the newest."""
        known = self.source.tables[table]
        newest = known.variable(known.time_variable).values[-1]
        self.publish(table, lambda one: changes.add_period(one, shift(newest, 1), factor=1.01))


@pytest.fixture
def make_world(
    sample: Mapping[str, SampleTable], tmp_path: Path, webhook, mail_sink, monkeypatch
) -> Iterator[Callable[[str, datetime], World]]:
    with ExitStack() as opened:

        def make(database_url: str, now: datetime) -> World:
            source = opened.enter_context(StandIn(sample, calls=10_000, window=1.0))
            settings = Settings(
                home=tmp_path / "home",
                database_url=database_url,
                urls={"statfin": source.url},
                notify_url=webhook.url,
                smtp_host="127.0.0.1",
                smtp_port=mail_sink.port,
                smtp_from="data@example.org",
                smtp_to=("engineer@example.org",),
            )
            pipeline = opened.enter_context(open_pipeline(settings))
            scope = replace(sample_scope(pipeline.catalogue, sample), today={})
            return World(pipeline, source, scope, now, monkeypatch)

        yield make


def told(webhook) -> list[tuple[str, str, str]]:
    """Day or moment, what happened, key of the problem: of every message, in order."""
    return [
        (body["made_at"][:16], one["event"], one["key"])
        for body in webhook.bodies
        for one in body["problems"]
    ]


def test_a_year(sqlite_url, make_world, webhook, mail_sink) -> None:
    """The monthly one is late once and revised once, a yearly one keeps its day, one fails for three days, one ends.

    Runs are daily where something happens, else every second week, to save the test's time.
    """
    world = make_world(sqlite_url, datetime(2026, 9, 22, 5, 30, tzinfo=UTC))
    monthly = [date(2026, 9, 22)]
    while monthly[-1] < date(2027, 9, 22):
        monthly.append((monthly[-1].replace(day=1) + timedelta(days=32)).replace(day=22))
    monthly[4] = date(2027, 2, 10)  # the figures of December: expected 22 January, late after 1 February
    revised, failing, gone = date(2027, 4, 7), date(2027, 3, 10), date(2027, 2, 1)
    busy = {day + timedelta(days=more) for day in (*monthly, revised) for more in (-1, 0, 1)}
    busy |= {failing + timedelta(days=more) for more in range(-1, 5)}
    busy |= {date(2027, 1, 20) + timedelta(days=more) for more in range(25)}
    busy |= {date(2026, 12, 16), date(2027, 6, 18)}
    written: dict[date, Counts] = {}
    for number in range((date(2027, 10, 1) - monthly[0]).days):
        today = monthly[0] + timedelta(days=number)
        if today not in busy and number % 14:
            continue
        world.now = datetime.combine(today, time(5, 0), UTC)
        if today in monthly[1:]:
            world.next_period(MONTHLY_TABLE)
        if today == revised:
            world.publish(MONTHLY_TABLE, revise_newest)
        if today == date(2026, 12, 16):
            world.next_period(FAILING_TABLE)
        if today == date(2027, 6, 18):
            world.next_period(YEARLY_TABLE)
        if today == failing:
            world.source.misbehave("403_page", table=FAILING_TABLE, times=None)
        if today == failing + timedelta(days=3):
            world.source.behave()
        if today == gone:
            del world.source.tables[GONE_TABLE]
        world.now = datetime.combine(today, time(5, 30), UTC)
        rows = world.run(MONTHLY, YEARLY, FAILING, GONE)
        if rows[MONTHLY].counts.written:
            written[today] = rows[MONTHLY].counts

    assert world.states == {
        MONTHLY: [
            (date(2026, 9, 22), "current"),
            (date(2027, 1, 22), "due"),
            (date(2027, 2, 2), "late"),
            (date(2027, 2, 10), "current"),
        ],
        YEARLY: [(date(2026, 9, 22), "current")],
        FAILING: [(date(2026, 9, 22), "current")],
        GONE: [(date(2026, 9, 22), "current"), (gone, "discontinued")],
    }
    expected_alarms = [
        ("2027-02-01T05:30", "begun", f"discontinued:{GONE}"),
        ("2027-02-02T05:30", "begun", f"late:{MONTHLY}"),
        ("2027-02-09T05:30", "reminder", f"late:{MONTHLY}"),
        ("2027-02-10T05:30", "ended", f"late:{MONTHLY}"),
        ("2027-03-10T05:30", "begun", f"failed:{FAILING}"),
        ("2027-03-13T05:30", "ended", f"failed:{FAILING}"),
    ]
    assert told(webhook) == expected_alarms
    assert len(mail_sink.mails) == len(expected_alarms)
    assert set(written) == {*monthly, revised}
    assert (written[revised].new, written[revised].revised) == (0, 1)
    for dataset_id, state, since, until in (
        (FAILING, "failed", failing, failing + timedelta(days=3)),
        (GONE, "discontinued", gone, date(2027, 10, 1)),
        (MONTHLY, "late", date(2027, 2, 2), monthly[4]),
    ):
        days = {moment.date() for moment, rows in world.ledger if rows[dataset_id].state == state}
        assert days == {moment.date() for moment, _ in world.ledger if since <= moment.date() < until}


def revise_newest(table: SampleTable) -> SampleTable:
    time_variable = table.variable(table.time_variable)
    return changes.revise(table, {time_variable.code: time_variable.values[-1]}, factor=1.02)


def test_the_rhythm_is_learnt_from_what_was_collected(sqlite_url, make_world) -> None:
    """The catalogue says 22 days after the month's end; this source comes after 15."""
    world = make_world(sqlite_url, datetime(2026, 9, 22, 5, 30, tzinfo=UTC))
    world.run(MONTHLY)
    dataset = world.pipeline.catalogue.datasets[MONTHLY]
    days = []
    for month in (10, 11, 12):
        world.now = datetime(2026, month, 15, 5, 0, tzinfo=UTC)
        world.next_period(MONTHLY_TABLE)
        world.run(MONTHLY)
        with reading(world.pipeline.engine) as connection:
            days.append(state_of(connection, MONTHLY).next_expected)
    world.now = datetime(2027, 1, 15, 5, 0, tzinfo=UTC)
    world.next_period(MONTHLY_TABLE)
    world.run(MONTHLY)
    with reading(world.pipeline.engine) as connection:
        seen, state = releases(connection, MONTHLY), state_of(connection, MONTHLY)
    assert days == [date(2026, 11, 22), date(2026, 12, 22), date(2027, 1, 22)]
    assert [one.period for one in seen] == ["2026M09", "2026M10", "2026M11", "2026M12"]
    assert (state.next_expected, state.late_after) == (date(2027, 2, 15), date(2027, 2, 20))
    assert (state.next_expected, state.late_after) == expected(dataset, "2026M12", seen)


def test_a_day_of_hourly_runs(database_url, make_world, webhook, mail_sink) -> None:
    """A source that is late, publishes, revises, fails, comes back, publishes nonsense and mends it, all in a day."""
    first = datetime(2026, 11, 1, 16, 0, tzinfo=UTC)  # September's figures were due on 22 October
    world = make_world(database_url, first)
    seen: list[tuple[int, str, str]] = []
    for hour in range(24):
        world.now = first + timedelta(hours=hour)
        match hour:
            case 13:
                world.next_period(MONTHLY_TABLE)
            case 15:
                world.publish(MONTHLY_TABLE, revise_newest)
            case 17:
                world.source.misbehave("html_200", table=MONTHLY_TABLE, times=None)
            case 19:
                world.source.behave()
            case 21:
                world.publish(MONTHLY_TABLE, lambda one: changes.revise(one, {}, factor=100.0))
            case 22:
                world.publish(MONTHLY_TABLE, lambda one: changes.revise(one, {}, factor=0.01))
        rows = world.run(MONTHLY, YEARLY)
        counts = rows[MONTHLY].counts
        seen.append((hour, rows[MONTHLY].state, f"{counts.new}/{counts.revised}"))
        assert rows[YEARLY].state == ("fetched" if hour == 0 else "unchanged")
        assert rows[YEARLY].calls == 1 or hour == 0

    states = [state for _, state, _ in seen]
    assert states == [
        *["fetched", *["unchanged"] * 7],
        *["late"] * 5,
        *["fetched", "unchanged", "fetched", "unchanged"],
        *["failed"] * 2,
        *["unchanged"] * 2,
        "quarantined",
        *["fetched", "unchanged"],
    ]
    assert [said for _, _, said in seen if said != "0/0"] == ["120/0", "1/0", "0/1"]
    assert told(webhook) == [
        ("2026-11-02T00:00", "begun", f"late:{MONTHLY}"),
        ("2026-11-02T05:00", "ended", f"late:{MONTHLY}"),
        ("2026-11-02T09:00", "begun", f"failed:{MONTHLY}"),
        ("2026-11-02T11:00", "ended", f"failed:{MONTHLY}"),
        ("2026-11-02T13:00", "begun", f"quarantined:{MONTHLY}"),
        ("2026-11-02T14:00", "ended", f"quarantined:{MONTHLY}"),
    ]
    assert [mail["Subject"] for mail in mail_sink.mails] == [body["title"] for body in webhook.bodies]
    late = webhook.bodies[0]["problems"][0]
    assert late["measures"], "it says which measures are touched"
    assert late["answers_fi"] == [party for one in late["measures"] for party in one["parties"]]
