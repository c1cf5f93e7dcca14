"""The pages of the Prefect interface: what they say of a dataset and of a run, and that nothing breaks their layout."""

import dataclasses
import json
import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from demo import changes
from flows.artifacts import artifact_key, quarantine_list, said_counts, summary
from flows.dataset_page import dataset_page, plain, table
from flows.ingest import ingest
from models.document import Document
from models.ledger import CheckResult, Counts, GateReport, LedgerRow
from reports.validation import DatasetPage, gather
from warehouse.engine import reading
from warehouse.quarantine import Quarantine
from warehouse.recent import LastLook, RecentChange, recent_changes

AT = datetime(2026, 7, 21, 5, 0, tzinfo=UTC)
INCOME, RATE = "statfin/tjt/14ww", "statfin/tyonv/12tf"
CHECKS = (
    CheckResult("values", "rows", "critical", True, "60 rows", "at least 1 row"),
    CheckResult("values", "upper bounds", "critical", False, "1 of 60 | <b>", "at most 40", "another unit"),
    CheckResult("history", "jumps", "warning", False, "1 jump", "none", "a real change"),
)
DOCUMENT = Document(
    "d",
    "r:x",
    "r",
    "statfin",
    RATE,
    "data",
    "POST",
    "https://s/x",
    "",
    200,
    "json",
    AT,
    AT,
    "",
    "ab" + "0" * 62,
    9,
)
PAGE = DatasetPage(
    dataset_id=RATE,
    title="Unemployment rate",
    source="statfin",
    source_table="tyonv/12tf",
    web_url="https://stat.example/12tf",
    state="current",
    last_release=AT,
    last_fetch=AT,
    last_checked=AT,
    next_expected=date(2026, 8, 20),
    late_after=date(2026, 8, 30),
    look=LastLook("r1", RATE, "fetched", "said", Counts(1, 2, 0, 57), 2, 0.5, AT),
    run_id="r1",
    checked_at=AT,
    reports=(GateReport("values", CHECKS[:2]), GateReport("history", CHECKS[2:])),
    quarantine=None,
    changes=(
        RecentChange(AT, "unemployment_rate", "KU205", "", "2026M06", 12.0, 12.2, "", "final", "revised"),
        RecentChange(AT, "unemployment_rate", "KU205", "", "2026M07", None, None, "..", "final", "new"),
    ),
    documents=(DOCUMENT,),
)


def held(state: str = "open", recode: str = "") -> Quarantine:
    report = [dataclasses.asdict(one) for one in PAGE.reports]
    return Quarantine(
        7,
        RATE,
        "r1",
        f"r1:{RATE}",
        "why",
        json.dumps(report),
        AT,
        state,
        AT,
        "tietoasiantuntija",
        "known",
        recode,
    )


def test_a_dataset_s_page_has_state_dates_gates_vintages_answers_and_the_source_s_page() -> None:
    said = dataset_page(PAGE, Path("/srv/mittaristo"))
    for part in (
        "- State: current",
        "- Last run: fetched, 2026-07-21 08:00, run r1",
        "- Next expected: 2026-08-20 (late after 2026-08-30)",
        "[statfin tyonv/12tf](https://stat.example/12tf)",
        "- **critical** — upper bounds (gate 2)",
        "likely cause: another unit",
        "- **warning** — jumps (gate 3)",
        "- ok — rows (gate 2): saw 60 rows; expected at least 1 row",
        "| 2026-07-21 08:00 | unemployment_rate | KU205 | 2026M06 | revised | 12 | 12.2 |",
        "| 2026-07-21 08:00 | unemployment_rate | KU205 | 2026M07 | new | – | .. |",
        f"gzip -dc /srv/mittaristo/raw/objects/ab/{DOCUMENT.sha256}.gz | less",
        "/srv/mittaristo/report/validation/statfin-tyonv-12tf.html",
    ):
        assert part in said
    assert said.index("upper bounds") < said.index("- ok — rows"), "what failed comes first"
    assert "file://" not in said, "a browser does not open such links"


def test_what_is_held_back_says_why_and_the_exact_commands_once() -> None:
    said = dataset_page(dataclasses.replace(PAGE, quarantine=held()), Path("/srv"))
    assert "mittaristo quarantine release 7 --role ROLE" in said
    assert "mittaristo quarantine reject 7 --role ROLE" in said
    assert said.count("upper bounds") == 1
    assert "recode" not in said
    proposal = dataset_page(dataclasses.replace(PAGE, quarantine=held(recode="{}")), Path("/srv"))
    assert f"mittaristo recode show --dataset {RATE}" in proposal
    decided = dataset_page(dataclasses.replace(PAGE, quarantine=held("released")), Path("/srv"))
    assert "Quarantine 7 was released 2026-07-21 08:00 by tietoasiantuntija: known" in decided
    assert "mittaristo quarantine release" not in decided


@pytest.mark.parametrize(
    "text", ["a|b", "x <b> y", "`code`", "*bold*", "[a](http://x)", "line\nline", "a\\|b", "&lt;"]
)
def test_no_text_from_outside_breaks_a_table_or_becomes_markup(text: str) -> None:
    cell = plain(text)
    assert "\n" not in cell
    assert not re.search(r"(?<!\\)(?:\\\\)*[|`*\[\]]", cell)
    assert "<" not in cell
    rows = table(("A", "B"), [(text, "end")]).splitlines()
    assert len(rows) == 3
    assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", rows[2])) == 3


def test_a_page_without_anything_says_so() -> None:
    empty = dataclasses.replace(
        PAGE,
        look=None,
        reports=(),
        changes=(),
        documents=(),
        last_release=None,
        next_expected=None,
        web_url="",
    )
    said = dataset_page(empty, Path("/srv"))
    for part in ("No collection has reached the gates yet.", "None are kept.", "- Last release: –"):
        assert part in said


def test_the_summary_puts_what_needs_attention_first_and_says_no_id_twice() -> None:
    rows = [
        LedgerRow("r", "s/a/1", "unchanged", "s/a/1: no release"),
        LedgerRow("r", "s/b/1", "fetched", "", Counts(1, 2, 0, 9), calls=2, seconds=1.26),
        LedgerRow("r", "s/c/1", "failed", "s/c/1: the source is away " + "x" * 300),
        LedgerRow("r", "s/d/1", "late", ""),
        LedgerRow("r", "s/e/1", "quarantined", "quarantine 1: s/e/1: codes"),
    ]
    expected = [*(row.dataset_id for row in rows), "s/f/1"]
    table = summary(rows, expected)
    assert [one["dataset"] for one in table] == ["s/f/1", "s/c/1", "s/e/1", "s/d/1", "s/b/1", "s/a/1"]
    assert all(str(one["dataset"]) not in str(one["message"]) for one in table)
    assert all(len(str(one["message"])) <= 90 for one in table)
    assert (table[0]["state"], table[4]["figures"], table[4]["seconds"]) == (
        "no ledger row",
        "1 new, 2 revised",
        1.3,
    )
    assert said_counts(rows, expected) == (
        "1 without a ledger row, 1 failed, 1 quarantined, 1 late, 1 fetched, 1 unchanged"
    )


def test_the_last_vintages_are_told_old_to_new_the_programme_s_own_area_first(bench) -> None:
    bench.begin(INCOME)
    table = bench.stand_in.tables["tjt/14ww"]
    revised = changes.revise(table, {"contentscode": ["tjt-ekvikturaha_med"]}, factor=1.001)
    bench.stand_in.tables["tjt/14ww"] = changes.set_updated(revised, table.updated.replace(year=2026))
    assert bench.collect(INCOME)[INCOME].counts.revised == 20
    with reading(bench.pipeline.engine) as connection:
        found = recent_changes(connection, INCOME, most=5)
        nothing = recent_changes(connection, RATE)
    assert nothing == ()
    first = found[0]
    assert (first.indicator_id, first.area, first.period, first.change_class) == (
        "median_income",
        "KU205",
        "2024",
        "revised",
    )
    assert (first.old, first.new) == (29128, pytest.approx(29157, abs=1))
    assert len(found) == 5
    assert found[0].recorded_at == found[4].recorded_at


def test_the_list_of_quarantines_has_each_with_its_page_and_says_when_there_is_none(bench) -> None:
    assert quarantine_list(bench.pipeline) == "Nothing is in quarantine."
    bench.begin(RATE)
    table = bench.stand_in.tables["tyonv/12tf"]
    wrong = changes.revise(table, {}, factor=1000)
    bench.stand_in.tables["tyonv/12tf"] = changes.set_updated(wrong, table.updated.replace(month=11))
    assert bench.collect(RATE)[RATE].state == "quarantined"
    said = quarantine_list(bench.pipeline)
    number = re.search(r"mittaristo quarantine show (\d+)", said)
    assert number
    assert f"mittaristo quarantine release {number[1]} --role ROLE" in said
    assert f"`{artifact_key(RATE)}`" in said
    assert "[the source's own page](https://" in said
    assert "upper bounds" in said


def test_ingest_hands_on_what_every_gate_found_whether_it_passed_or_not(bench, monkeypatch) -> None:
    seen = []

    def spied(*arguments, **more):
        seen.append(ingest(*arguments, **more))
        return seen[-1]

    monkeypatch.setattr("flows.collect.ingest", spied)
    bench.collect(RATE)
    table = bench.stand_in.tables["tyonv/12tf"]
    wrong = changes.revise(table, {}, factor=1000)
    bench.stand_in.tables["tyonv/12tf"] = changes.set_updated(wrong, table.updated.replace(month=11))
    bench.collect(RATE)
    good, bad = seen
    assert [one.gate for one in good.gates] == ["shape", "values", "history"]
    assert all(check.passed or check.severity == "warning" for one in good.gates for check in one.checks)
    assert bad.state == "quarantined"
    assert any(one.held_back for one in bad.gates)


def test_what_the_gates_found_in_a_run_is_kept_with_its_ledger_row(bench) -> None:
    bench.begin(RATE)
    with reading(bench.pipeline.engine) as connection:
        (page,) = gather(connection, [RATE])
    assert page.verdict == "warnings", "the table lacks areas that the catalogue asks for"
    assert [one.gate for one in page.reports] == ["shape", "values", "history"]
    assert page.checked_at is not None
    assert {one.kind for one in page.documents} >= {"metadata", "data"}
    run_id = page.run_id
    bench.collect(RATE)  # nothing new: the gates are not asked, and what they found last stays
    with reading(bench.pipeline.engine) as connection:
        (page,) = gather(connection, [RATE])
    assert page.look is not None
    assert page.look.state == "unchanged"
    assert page.run_id == run_id != page.look.run_id
