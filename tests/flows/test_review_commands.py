"""What people look at and decide, as they type it: quarantine, recode, gates, changes, replay, backfill.

Through the program's own entry, in process, against a warehouse that was collected from the stand-in.
"""

import functools
import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from demo import changes
from demo.table import SampleTable
from flows import cli
from tests import collecting
from warehouse.engine import open_engine, reading, upgrade, writing
from warehouse.lock import hold
from warehouse.quarantine import quarantined
from warehouse.recodes import recodes

MIGRATION, MIGRATION_TABLE = "statfin/ssaaty/121w", "ssaaty/121w"
RATE, RATE_TABLE = "statfin/tyonv/12tf", "tyonv/12tf"
ROLE = ("--role", "tietoasiantuntija")
IMMIGRATION, TOTAL = "ssaaty-vm4142", "ssaaty-koknetmuutto"

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """The commands are the same on both databases; what they call is tested on both elsewhere."""
    return sqlite_url


@pytest.fixture
def call(bench, monkeypatch, capsys) -> Call:
    """Calls the program with arguments: exit code, standard output, standard error."""
    for name in list(os.environ):
        if name.startswith(("MITTARISTO_", "PREFECT_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(bench.pipeline.settings.home)
    monkeypatch.setenv("MITTARISTO_HOME", str(bench.pipeline.settings.home))
    monkeypatch.setenv("MITTARISTO_DATABASE_URL", bench.pipeline.settings.database_url)
    monkeypatch.setenv("MITTARISTO_URL_STATFIN", bench.stand_in.url)
    # the packaged catalogue is read once for all commands of a test
    monkeypatch.setattr("flows.pipeline.load_catalogue", lambda folder: bench.pipeline.catalogue)

    def called(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mittaristo", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        return int(end.value.code or 0), printed.out, printed.err

    return called


def publish(bench, table: str, change: Callable[[SampleTable], SampleTable]) -> None:
    """The source publishes `change` of a table, a day after its last release."""
    old = bench.stand_in.tables[table]
    bench.stand_in.tables[table] = changes.set_updated(change(old), old.updated + timedelta(days=1))


def rows(bench, query: str, **values: object) -> list[tuple[object, ...]]:
    return collecting.rows(bench.pipeline, query, **values)


def series(bench, indicator: str, area: str = "KU205") -> dict[str, float | None]:
    return collecting.series(bench.pipeline, indicator, area)


def periods_of(table: SampleTable) -> tuple[str, ...]:
    return next(one.values for one in table.variables if one.time)


def hold_back_a_lost_period(bench) -> str:
    """The rate's dataset in quarantine since a month is gone from its midst; that month."""
    bench.begin(RATE)
    gone = periods_of(bench.stand_in.tables[RATE_TABLE])[-3]
    publish(bench, RATE_TABLE, lambda table: changes.drop_periods(table, [gone]))
    assert bench.collect(RATE)[RATE].state == "quarantined"
    return gone


def hold_back_swapped_columns(bench) -> None:
    """The migration's dataset in quarantine since two of its contents have new codes and each other's figures."""
    bench.begin(MIGRATION)

    def swap(table: SampleTable) -> SampleTable:
        swapped = changes.swap_contents(table, IMMIGRATION, TOTAL)
        return changes.rename_contents(swapped, {IMMIGRATION: "x-vm4142n", TOTAL: "x-koknetmuuttox"})

    publish(bench, MIGRATION_TABLE, swap)
    assert bench.collect(MIGRATION)[MIGRATION].state == "quarantined"


def the_held(bench) -> str:
    with reading(bench.pipeline.engine) as connection:
        (one,) = quarantined(connection)
    return str(one.quarantine_id)


# --- quarantine


def test_an_empty_quarantine_says_so_and_is_an_empty_list_in_json(bench, call) -> None:
    assert call("quarantine", "list") == (0, "nothing is in quarantine\n", "")
    assert call("quarantine", "list", "--json") == (0, "[]\n", "")


def test_the_list_names_what_is_held_back_why_and_what_to_do(bench, call) -> None:
    gone = hold_back_a_lost_period(bench)
    code, printed, _ = call("quarantine", "list")
    assert code == 0
    assert RATE in printed
    assert gone in printed
    for word in ("show", "release", "reject"):
        assert f"mittaristo quarantine {word} ID" in printed
    code, printed, _ = call("quarantine", "list", "--json")
    (row,) = json.loads(printed)
    assert (row["dataset"], row["state"]) == (RATE, "open")
    assert gone in row["reason"]
    assert row["since"].endswith("+00:00")


def test_showing_one_gives_rule_rows_and_the_old_figures_against_the_new(bench, call) -> None:
    gone = hold_back_a_lost_period(bench)
    before = series(bench, "unemployment_rate")
    code, printed, error = call("quarantine", "show", the_held(bench))
    assert (code, error) == (0, "")
    lines = printed.splitlines()
    assert any(line.startswith("why: ") and gone in line for line in lines)
    assert any("critical: " in line and "expected" in line for line in lines)
    assert any("likely cause: " in line for line in lines)
    assert "kept answers: " in printed
    at = next(number for number, line in enumerate(lines) if line.split()[:2] == [gone, "old"])
    assert lines[at].endswith(f" {before[gone]:.10g}")
    assert lines[at + 1].split() == ["new", "-"], "the source has it no more"
    kept = next(number for number, line in enumerate(lines) if line.split()[:1] == [periods_of_last(bench)])
    assert lines[kept].split()[2:] == lines[kept + 1].split()[1:], "the others are as they were"


def periods_of_last(bench) -> str:
    return periods_of(bench.stand_in.tables[RATE_TABLE])[-1]


def test_a_slip_is_seen_in_the_bars(bench, call) -> None:
    bench.begin(RATE)
    publish(bench, RATE_TABLE, lambda table: changes.revise(table, {}, factor=10.0))
    assert bench.collect(RATE)[RATE].state == "quarantined"
    code, printed, _ = call("quarantine", "show", the_held(bench))
    assert code == 0
    bars = {
        which: [line.count("#") for line in printed.splitlines() if f" {which} #" in line]
        for which in ("old", "new")
    }
    assert len(bars["old"]) == len(bars["new"]) == 12
    assert max(bars["new"]) == 40
    assert all(abs(new - 10 * old) <= 5 for old, new in zip(bars["old"], bars["new"], strict=True))


@pytest.mark.parametrize(
    "arguments",
    [
        ("quarantine", "show", "77"),
        ("quarantine", "release", "77", *ROLE, "--reason", "x"),
        ("quarantine", "reject", "77", *ROLE, "--reason", "x"),
        ("recode", "accept", "77", *ROLE, "--reason", "x"),
        ("recode", "reject", "77", *ROLE, "--reason", "x"),
    ],
)
def test_an_unknown_number_is_one_line_and_exit_code_2(bench, call, arguments) -> None:
    code, printed, error = call(*arguments)
    assert (code, printed) == (2, "")
    assert "77" in error
    assert "mittaristo quarantine list" in error
    assert error.count("\n") == 1


def test_a_decision_needs_a_role_and_a_reason(bench, call) -> None:
    hold_back_a_lost_period(bench)
    number = the_held(bench)
    for arguments, says in (
        ((*ROLE,), "--reason"),
        (("--reason", "x"), "--role"),
        ((*ROLE, "--reason", " "), "--reason"),
        (("--role", "", "--reason", "x"), "--role"),
    ):
        code, _, error = call("quarantine", "release", number, *arguments)
        assert code == 2
        assert says in error
        assert error.count("\n") == 1
    assert the_held(bench) == number, "nothing was decided"


def test_a_released_one_is_let_in_and_stays_in_the_list_of_all(bench, call) -> None:
    gone = hold_back_a_lost_period(bench)
    number = the_held(bench)
    code, printed, _ = call("quarantine", "release", number, *ROLE, "--reason", "lähde vahvisti poiston")
    assert code == 0
    assert "let in" in printed
    assert "1 withdrawn" in printed
    assert series(bench, "unemployment_rate")[gone] is None
    assert call("quarantine", "list")[1] == "nothing is in quarantine\n"
    (row,) = json.loads(call("quarantine", "list", "--all", "--json")[1])
    assert (row["id"], row["state"]) == (int(number), "released")
    _, printed, _ = call("quarantine", "show", number)
    assert "released" in printed
    assert "by tietoasiantuntija: lähde vahvisti poiston" in printed


@pytest.mark.parametrize("first", ["release", "reject"])
@pytest.mark.parametrize("second", ["release", "reject"])
def test_what_is_decided_cannot_be_decided_again(bench, call, first: str, second: str) -> None:
    hold_back_a_lost_period(bench)
    number = the_held(bench)
    assert call("quarantine", first, number, *ROLE, "--reason", "kerran")[0] == 0
    before = rows(bench, "SELECT count(*) FROM vintage")
    code, printed, error = call("quarantine", second, number, *ROLE, "--reason", "toisen kerran")
    assert (code, printed) == (2, "")
    assert f"no open quarantine has the number {number}" in error
    assert rows(bench, "SELECT count(*) FROM vintage") == before
    assert rows(bench, "SELECT decision_reason FROM quarantine") == [("kerran",)]


def test_a_rejected_one_is_kept_out_and_nobody_is_asked_again(bench, call) -> None:
    gone = hold_back_a_lost_period(bench)
    before = series(bench, "unemployment_rate")
    code, printed, _ = call("quarantine", "reject", the_held(bench), *ROLE, "--reason", "lähteen virhe")
    assert code == 0
    assert "kept out" in printed
    assert bench.collect(RATE)[RATE].state == "quarantined", "the source still says it"
    assert call("quarantine", "list")[1] == "nothing is in quarantine\n"
    assert series(bench, "unemployment_rate") == before
    assert before[gone] is not None


def test_what_is_not_whole_cannot_be_released_and_the_refusal_leaves_no_trace_in_a_replay(
    bench, call
) -> None:
    bench.begin(RATE)
    publish(bench, RATE_TABLE, lambda table: changes.revise(table, {}, symbol="..."))
    assert bench.collect(RATE)[RATE].state == "quarantined"
    code, printed, error = call("quarantine", "release", the_held(bench), *ROLE, "--reason", "kokeilu")
    assert (code, printed) == (1, "")
    assert "cannot be released" in error
    assert error.count("\n") == 1
    the_held(bench)
    assert call("replay")[0] == 0


def test_a_release_whose_kept_answer_is_damaged_is_refused_and_can_be_made_once_it_is_restored(
    bench, call
) -> None:
    gone = hold_back_a_lost_period(bench)
    number = the_held(bench)
    raw = bench.pipeline.raw
    last = [one for one in raw.documents(dataset_id=RATE) if one.kind == "data"][-1]
    path = raw.root / "objects" / last.sha256[:2] / f"{last.sha256}.gz"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    code, printed, error = call("quarantine", "release", number, *ROLE, "--reason", "lähde vahvisti")
    assert (code, printed) == (1, "")
    assert "damaged" in error
    assert str(path) in error
    assert error.count("\n") == 1
    assert the_held(bench) == number
    assert series(bench, "unemployment_rate")[gone] is not None
    code, printed, _ = call("quarantine", "show", number)
    assert code == 0
    assert "no picture of old against new" in printed

    path.write_bytes(whole)
    assert call("replay")[0] == 0, "what was refused is not done by a replay either"
    assert call("quarantine", "release", number, *ROLE, "--reason", "nyt se on ehjä")[0] == 0
    assert series(bench, "unemployment_rate")[gone] is None
    assert call("replay")[0] == 0


def test_a_decision_waits_for_a_run_and_says_who_is_at_it_where_it_lasts(bench, call, monkeypatch) -> None:
    hold_back_a_lost_period(bench)
    number = the_held(bench)
    arguments = ("quarantine", "reject", number, *ROLE, "--reason", "lähteen virhe")
    monkeypatch.setattr("flows.review.hold", functools.partial(_impatient, hold))
    with hold(bench.pipeline.engine, "collect statfin", "run 7", wait_seconds=0, lease_seconds=60):
        code, printed, error = call(*arguments)
    assert (code, printed) == (1, "")
    assert "run 7" in error
    assert error.count("\n") == 1
    assert the_held(bench) == number
    assert call(*arguments)[0] == 0


def _impatient(real, *arguments, wait_seconds: float, **more):
    return real(*arguments, wait_seconds=0.2, **more)


# --- recodes


def test_no_recode_says_so(bench, call) -> None:
    assert call("recode", "show") == (0, "no source has renamed its codes\n", "")
    assert call("recode", "show", "--json") == (0, "[]\n", "")


def test_a_proven_recode_is_shown_with_its_proof(bench, call) -> None:
    bench.begin(MIGRATION)
    publish(bench, MIGRATION_TABLE, lambda table: changes.rename_contents(table, {TOTAL: "q-nettoq"}))
    assert "recoded" in bench.collect(MIGRATION)[MIGRATION].message
    code, printed, _ = call("recode", "show", "--dataset", MIGRATION)
    assert code == 0
    assert "proven by the figures" in printed
    assert "q-nettoq" in printed
    assert "equal" in printed
    (row,) = json.loads(call("recode", "show", "--json")[1])
    assert (row["dataset_id"], row["decided_by"], row["finding"]["state"]) == (MIGRATION, "", "proven")
    assert call("recode", "show", "--dataset", RATE)[1] == "no source has renamed its codes\n"


def test_a_swapped_pair_is_shown_with_the_evidence_against_it(bench, call) -> None:
    hold_back_swapped_columns(bench)
    number = the_held(bench)
    _, printed, _ = call("quarantine", "show", number)
    assert "its figures are those stored for 'net_migration_total'" in printed
    assert "its figures are those stored for 'net_immigration'" in printed
    assert "x-vm4142n" in printed
    _, printed, _ = call("recode", "show")
    assert f"not proven, in quarantine {number}" in printed
    assert f"mittaristo recode accept {number}" in printed


def test_an_accepted_recode_is_stored_and_logged_with_the_role_and_not_asked_again(bench, call) -> None:
    hold_back_swapped_columns(bench)
    before = {one: series(bench, one) for one in ("net_immigration", "net_migration_total")}
    reason = "lähde oli vaihtanut sarakkeet keskenään"
    code, printed, _ = call("recode", "accept", the_held(bench), *ROLE, "--reason", reason)
    assert code == 0
    assert "let in" in printed
    assert series(bench, "net_immigration") == before["net_migration_total"]
    assert series(bench, "net_migration_total") == before["net_immigration"]
    _, printed, _ = call("recode", "show")
    assert "accepted by tietoasiantuntija" in printed
    assert "x-vm4142n" in printed
    assert rows(bench, "SELECT decided_by, decision_reason FROM quarantine") == [
        ("tietoasiantuntija", reason)
    ]
    assert bench.collect(MIGRATION)[MIGRATION].state == "unchanged"

    area = next(one.code for one in bench.stand_in.tables[MIGRATION_TABLE].variables if "KU205" in one.values)
    now = before["net_migration_total"]["2025"]
    publish(
        bench,
        MIGRATION_TABLE,
        lambda table: changes.revise(table, {area: ["KU205"], "contentscode": ["x-vm4142n"]}, value=now + 1),
    )
    row = bench.collect(MIGRATION)[MIGRATION]
    assert row.state == "fetched", row.message
    assert "recoded" not in row.message
    assert series(bench, "net_immigration") == {"2025": now + 1}
    assert call("quarantine", "list")[1] == "nothing is in quarantine\n"
    assert call("replay")[0] == 0


def test_a_rejected_recode_stays_out_and_nobody_is_asked_again(bench, call) -> None:
    hold_back_swapped_columns(bench)
    before = series(bench, "net_immigration")
    code, printed, _ = call("recode", "reject", the_held(bench), *ROLE, "--reason", "sarakkeet vaihtuneet")
    assert code == 0
    assert "kept out" in printed
    assert bench.collect(MIGRATION)[MIGRATION].state == "quarantined"
    assert call("quarantine", "list")[1] == "nothing is in quarantine\n"
    assert series(bench, "net_immigration") == before


def test_what_is_about_no_recode_is_not_accepted_as_one(bench, call) -> None:
    hold_back_a_lost_period(bench)
    number = the_held(bench)
    for word in ("accept", "reject"):
        code, _, error = call("recode", word, number, *ROLE, "--reason", "x")
        assert code == 2
        assert "is about no recode" in error
    assert the_held(bench) == number


def relabelled(table: SampleTable, code: str, new: str, label: str) -> SampleTable:
    """A content under another code and a label that no longer tells what it is."""
    renamed = changes.rename_contents(table, {code: new})
    contents = renamed.variable(renamed.contents_variable)
    texts = tuple(
        label if value == new else shown for value, shown in zip(contents.values, contents.texts, strict=True)
    )
    variables = tuple(
        replace(one, texts=texts) if one.code == contents.code else one for one in renamed.variables
    )
    return replace(renamed, variables=variables)


def hold_back_an_unproven_code(bench, code: str, new: str) -> None:
    """The migration's dataset in quarantine: a content has a code and label nobody knows, and other figures."""

    def change(table: SampleTable) -> SampleTable:
        moved = changes.revise(table, {"contentscode": [code]}, factor=1.5)
        return relabelled(moved, code, new, f"Luku {new}")

    publish(bench, MIGRATION_TABLE, change)
    row = bench.collect(MIGRATION)[MIGRATION]
    assert row.state == "quarantined", row.message


@pytest.mark.parametrize("decision", [("quarantine", "release"), ("recode", "accept")])
def test_codes_on_trial_are_never_stored_whatever_is_decided(bench, call, decision) -> None:
    bench.begin(MIGRATION)
    before = series(bench, "net_immigration")
    hold_back_an_unproven_code(bench, IMMIGRATION, "x-arvoitus")
    assert call(*decision, the_held(bench), *ROLE, "--reason", "sama tieto, korjattu")[0] == 0
    assert rows(bench, "SELECT count(*) FROM series WHERE content LIKE '?%' OR classes LIKE '%?%'") == [(0,)]
    accepted = decision == ("recode", "accept")
    assert (series(bench, "net_immigration") != before) == accepted, "only accepting takes the proposed code"
    assert call("replay")[0] == 0


def test_codes_accepted_one_after_another_all_stay_accepted(bench, call) -> None:
    bench.begin(MIGRATION)
    for code, new in ((IMMIGRATION, "x-ensin"), (TOTAL, "x-sitten")):
        hold_back_an_unproven_code(bench, code, new)
        accepted = call("recode", "accept", the_held(bench), *ROLE, "--reason", "sama tieto, korjattu")
        assert accepted[0] == 0, accepted
    row = bench.collect(MIGRATION, force=True)[MIGRATION]
    assert row.state == "unchanged", row.message
    publish(bench, MIGRATION_TABLE, lambda table: table)
    row = bench.collect(MIGRATION)[MIGRATION]
    assert row.state == "unchanged", row.message
    with reading(bench.pipeline.engine) as connection:
        assert [one.decided_by for one in recodes(connection)] == ["tietoasiantuntija"] * 2
    assert call("replay")[0] == 0


# --- gates backtest


def test_a_backtest_says_what_each_rule_would_have_held_back(bench, call) -> None:
    gone = hold_back_a_lost_period(bench)
    code, printed, _ = call("gates", "backtest", "--dataset", RATE)
    assert code == 0
    assert f"{RATE}: 2 snapshots" in printed
    assert any("(critical)" in line and gone in line for line in printed.splitlines())
    assert "0 findings" not in printed
    code, _, error = call("gates", "backtest", "--dataset", "statfin/x/1")
    assert code == 2
    assert "see mittaristo status" in error


def test_a_backtest_of_a_restated_table_objects_to_nothing(bench, call) -> None:
    bench.begin(MIGRATION)

    def restate(table: SampleTable) -> SampleTable:
        return changes.rename_variable(table, "alue_23_20260101", "alue_23_20270101")

    publish(bench, MIGRATION_TABLE, restate)
    assert bench.collect(MIGRATION)[MIGRATION].state == "fetched"
    _, printed, _ = call("gates", "backtest", "--dataset", MIGRATION)
    assert printed.splitlines() == [f"{MIGRATION}: 2 snapshots", "0 findings"]


def test_a_backtest_reads_what_was_kept_before_and_after_accepted_codes(bench, call) -> None:
    bench.begin(MIGRATION)
    hold_back_an_unproven_code(bench, IMMIGRATION, "x-ensin")
    assert call("recode", "accept", the_held(bench), *ROLE, "--reason", "sama tieto, korjattu")[0] == 0
    _, printed, _ = call("gates", "backtest", "--dataset", MIGRATION)
    assert f"{MIGRATION}: 2 snapshots" in printed
    assert "lost" not in printed, "the content is there, under its accepted code"


# --- changes


def test_changes_since_a_date_or_an_instant(bench, call) -> None:
    bench.begin(RATE)
    first = rows(bench, "SELECT max(recorded_at) FROM load")[0][0]
    last = periods_of(bench.stand_in.tables[RATE_TABLE])[-1]
    publish(
        bench,
        RATE_TABLE,
        lambda table: changes.revise(
            table, {next(one.code for one in table.variables if one.time): [last]}, factor=1.05
        ),
    )
    before = series(bench, "unemployment_rate")[last]
    assert bench.collect(RATE)[RATE].counts.revised == 1
    second = rows(bench, "SELECT max(recorded_at) FROM load")[0][0]

    _, printed, _ = call("changes", "--since", str(first), "--json")
    assert len(json.loads(printed)) == 121
    _, printed, _ = call("changes", "--since", str(second), "--json")
    (row,) = json.loads(printed)
    assert (row["indicator_id"], row["area"], row["period"]) == ("unemployment_rate", "KU205", last)
    assert (row["old"], row["new"], row["change_class"]) == (before, round(before * 1.05, 1), "revised")
    _, printed, _ = call("changes", "--since", str(second))
    assert printed.rstrip().endswith("1 changes: 1 revised")
    day = str(second)[:10]
    assert len(json.loads(call("changes", "--since", day, "--json")[1])) == 121
    later = call("changes", "--since", "2099-01-01")
    assert later == (0, "nothing has changed since 2099-01-01 00:00 UTC\n", "")
    assert call("changes", "--since", "2099-01-01", "--json")[1] == "[]\n"
    code, _, error = call("changes", "--since", "last week")
    assert code == 2
    assert "--since 'last week'" in error
    assert error.count("\n") == 1


# --- replay and backfill


def test_a_replay_that_is_identical_says_so_and_ends_with_0(bench, call) -> None:
    hold_back_a_lost_period(bench)
    code, printed, _ = call("replay")
    assert code == 0
    assert "the replayed warehouse is identical to the one in use" in printed
    assert "DIFFERENT" not in printed
    assert " s into " in printed
    assert call("replay")[0] == 0, "a replay may be repeated"


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        (
            "UPDATE vintage SET value = value + 1 WHERE period_no = (SELECT max(period_no) FROM vintage)",
            "vintages",
        ),
        ("UPDATE observation SET symbol = '.' WHERE value IS NULL OR value > 12", "observations"),
        ("UPDATE latest SET value = 0", "latest"),
        ("DELETE FROM document WHERE kind = 'config'", "documents"),
        ("UPDATE quarantine SET reason = 'x'", "quarantine"),
        ("UPDATE dataset_state SET known_codes = ''", "datasets"),
        ("UPDATE catalogue_version SET recorded_at = replace(recorded_at, '20', '19')", "catalogue"),
    ],
)
def test_a_warehouse_that_was_tampered_with_is_found_out_and_the_table_is_named(
    bench, call, statement: str, table: str
) -> None:
    hold_back_a_lost_period(bench)
    with writing(bench.pipeline.engine) as connection:
        assert connection.execute(text(statement)).rowcount > 0
    code, printed, _ = call("replay")
    assert code == 1
    assert f"differs in {table}\n" in printed
    (line,) = [line for line in printed.splitlines() if line.endswith("DIFFERENT")]
    assert line.split()[0] == table


def test_a_replay_goes_only_into_an_empty_database(bench, call, tmp_path: Path) -> None:
    bench.begin(RATE)
    code, _, error = call("replay", "--into", bench.pipeline.settings.database_url)
    assert code == 2
    assert "give an empty one" in error
    assert error.count("\n") == 1
    other = f"sqlite:///{tmp_path / 'other.db'}"
    assert call("replay", "--into", other)[0] == 0
    assert call("replay", "--into", other)[0] == 2
    engine = open_engine(other)
    upgrade(engine)
    with reading(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM vintage")).scalar_one() == 240
    engine.dispose()


def test_a_replay_never_replaces_the_warehouse_in_use(bench, call, monkeypatch) -> None:
    bench.begin(RATE)
    home = bench.pipeline.settings.home
    assert call("replay")[0] == 0
    in_use = f"sqlite:///{home / 'replayed.db'}"
    monkeypatch.setenv("MITTARISTO_DATABASE_URL", in_use)
    code, _, error = call("replay")
    assert code == 2
    assert "in use" in error
    engine = open_engine(in_use)
    with reading(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM vintage")).scalar_one() == 240
    engine.dispose()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--source", "statfi"), "source 'statfi' has no connector"),
        (("--source", "statfin", "--from", "2020"), "leave --from out"),
        (("--source", "statfin", "--from", "kevät"), "kevät"),
        ((), "--source"),
    ],
)
def test_a_wrong_backfill_is_one_line_and_exit_code_2(bench, call, arguments, says) -> None:
    code, printed, error = call("backfill", *arguments)
    assert (code, printed) == (2, "")
    assert says in error
    assert error.count("\n") == 1
