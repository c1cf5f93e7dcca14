"""The validation results as pages: whole, safe, without anything from outside."""

import base64
import hashlib
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from models.catalogue import load_catalogue
from models.document import Answer
from models.ledger import CheckResult, GateReport, LedgerRow
from reports import validation
from reports.validation import build_validation, gather, kept_at, page_key, said_figure, said_moment
from warehouse import raw as raw_index
from warehouse.catalogue import sync
from warehouse.engine import reading, writing
from warehouse.ledger import open_run, set_state, write_row
from warehouse.quarantine import decide_quarantine, open_quarantine
from warehouse.raw import RawStore

AT = datetime(2026, 7, 21, 5, 0, tzinfo=UTC)
RATE, POPULATION, EDUCATION, INCOME = (
    "statfin/tyonv/12tf",
    "statfin/vaerak/11ra",
    "statfin/vkour/12bs",
    "statfin/tjt/14ww",
)
EVIL = "<script>alert(1)</script> & \"quoted\" 'too'"


def report(*checks: tuple[str, bool], gate: str = "values") -> GateReport:
    return GateReport(
        gate,
        tuple(
            CheckResult(
                gate,
                f"rule {number}",
                severity,
                passed,
                f"saw {number}",
                f"expected {number}",
                "" if passed else "a likely cause",
                () if passed else ({"area_code": "KU205", "value": 12.5}, {"area_code": "MK18"}),
            )
            for number, (severity, passed) in enumerate(checks)
        ),
    )


@pytest.fixture
def warehouse(engine: Engine) -> Engine:
    with writing(engine) as connection:
        sync(connection, load_catalogue())
    return engine


def ran(engine: Engine, dataset_id: str, state: str, *gates: GateReport, message: str = "", at=AT) -> str:
    run_id = f"{at:%Y%m%dT%H%M%SZ}"
    with writing(engine) as connection:
        open_run(
            connection,
            run_id=run_id,
            source="statfin",
            started_at=at,
            program_version="1",
            catalogue_fingerprint="f",
        )
        write_row(connection, LedgerRow(run_id, dataset_id, state, message, gates=gates), recorded_at=at)
        if state == "fetched":
            set_state(connection, dataset_id, state="fetched", collection_id=f"{run_id}:{dataset_id}")
    return run_id


def held_back(engine: Engine, dataset_id: str, *gates: GateReport, at=AT) -> int:
    run_id = ran(engine, dataset_id, "quarantined", *gates, at=at)
    with writing(engine) as connection:
        set_state(connection, dataset_id, state="quarantined")
        return open_quarantine(
            connection,
            dataset_id=dataset_id,
            run_id=run_id,
            collection_id=f"{run_id}:{dataset_id}",
            reports=gates,
            opened_at=at,
        )


def verdicts(engine: Engine) -> dict[str, str]:
    with reading(engine) as connection:
        return {one.dataset_id: one.verdict for one in gather(connection) if one.verdict != "not checked"}


def built(engine: Engine, folder: Path, at: datetime = AT) -> Path:
    with reading(engine) as connection:
        return build_validation(connection, folder, at)


def test_the_verdict_is_what_a_person_must_know_first_and_the_worst_stands_first(warehouse: Engine) -> None:
    ran(warehouse, EDUCATION, "fetched", report(("critical", True), ("warning", True)))
    ran(warehouse, POPULATION, "fetched", report(("critical", True), ("warning", False)))
    ran(warehouse, INCOME, "failed", message="the source is away")
    held_back(warehouse, RATE, report(("critical", False)))
    assert list(verdicts(warehouse).items()) == [
        (RATE, "held back"),
        (INCOME, "failed"),
        (POPULATION, "warnings"),
        (EDUCATION, "passed"),
    ]


@pytest.mark.parametrize(("state", "verdict"), [("released", "let in"), ("rejected", "kept out")])
def test_a_person_s_decision_is_told_until_the_next_collection(warehouse: Engine, state, verdict) -> None:
    number = held_back(warehouse, RATE, report(("critical", False)))
    with writing(warehouse) as connection:
        decide_quarantine(connection, number, state=state, decided_at=AT, role="analyst", reason="known")
    assert verdicts(warehouse) == {RATE: verdict}
    ran(warehouse, RATE, "fetched", report(("critical", True)), at=AT + timedelta(days=30))
    assert verdicts(warehouse) == {RATE: "passed"}


def test_what_was_held_back_outside_a_run_is_shown_from_its_quarantine(warehouse: Engine) -> None:
    run_id = ran(warehouse, RATE, "fetched", report(("critical", True)))
    with writing(warehouse) as connection:
        open_quarantine(
            connection,
            dataset_id=RATE,
            run_id=run_id,
            collection_id=f"{run_id}:{RATE}",
            reports=[report(("critical", False), ("warning", False))],
            opened_at=AT + timedelta(hours=1),
        )
    with reading(warehouse) as connection:
        (page,) = gather(connection, [RATE])
    assert (page.verdict, page.critical, page.warnings) == ("held back", 1, 1)
    assert page.reports == (report(("critical", False), ("warning", False)),)


def test_the_pages_name_every_rule_with_what_it_saw_expected_and_the_rows_it_fell_on(
    warehouse: Engine, tmp_path: Path
) -> None:
    number = held_back(warehouse, RATE, report(("critical", False), ("warning", True)))
    index = built(warehouse, tmp_path / "validation")
    text = index.read_text(encoding="utf-8").replace("<wbr>", "")
    assert f'href="{page_key(RATE)}.html"' in text
    assert text.index(RATE) < text.index(POPULATION)
    page = (index.parent / f"{page_key(RATE)}.html").read_text(encoding="utf-8")
    for said in ("rule 0", "saw 0", "expected 0", "a likely cause", "KU205", "12.5", "rule 1", "saw 1"):
        assert said in page
    assert f"mittaristo quarantine release {number} --role ROLE" in page
    assert 'href="https://' in page, "the source's own page"


def test_texts_from_outside_cannot_become_markup(warehouse: Engine, tmp_path: Path) -> None:
    check = CheckResult("shape", EVIL, "critical", False, EVIL, EVIL, EVIL, ({EVIL: EVIL},))
    ran(warehouse, RATE, "failed", GateReport("shape", (check,)), message=EVIL)
    folder = built(warehouse, tmp_path / "validation").parent
    for path in folder.glob("*.html"):
        assert "<script" not in path.read_text(encoding="utf-8")
    assert "&lt;script&gt;" in (folder / f"{page_key(RATE)}.html").read_text(encoding="utf-8")


def test_a_page_may_load_nothing_and_its_only_style_is_the_one_it_carries(
    warehouse: Engine, tmp_path: Path
) -> None:
    ran(warehouse, RATE, "fetched", report(("critical", True)))
    for path in built(warehouse, tmp_path / "validation").parent.glob("*.html"):
        page = path.read_text(encoding="utf-8")
        allowed = re.search(r"default-src 'none'; style-src 'sha256-([^']+)'", page)
        style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
        assert allowed and style
        assert allowed[1] == base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
        assert not re.search(r"\b(src|srcset)=|<link|url\(|@import|style=\"|<script|<img", page)
        assert '<html lang="en">' in page
        assert page.count("<h1>") == 1
        assert page.count("<table>") == page.count("<caption")


def test_a_page_of_a_dataset_that_is_gone_is_removed_and_one_that_fails_leaves_the_old_one(
    warehouse: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran(warehouse, RATE, "fetched", report(("critical", True)))
    folder = tmp_path / "validation"
    index = built(warehouse, folder)
    (folder / "statfin-gone-1.html").write_text("old")
    built(warehouse, folder)
    assert sorted(one.name for one in folder.iterdir()) == ["index.html", f"{page_key(RATE)}.html"]
    before = index.read_text(encoding="utf-8")
    monkeypatch.setattr(validation, "VERDICTS", None)
    with pytest.raises(TypeError):
        built(warehouse, folder, AT + timedelta(days=1))
    assert index.read_text(encoding="utf-8") == before


def test_the_kept_answer_lies_where_the_page_says(warehouse: Engine, tmp_path: Path) -> None:
    run_id = ran(warehouse, RATE, "fetched", report(("critical", True)))
    answer = Answer(
        source="statfin",
        dataset_id=RATE,
        kind="data",
        method="POST",
        url="https://example.org/x",
        request_body=b"{}",
        status=200,
        content_type="application/json",
        body=b"[1]",
        asked_at=AT,
        fetched_at=AT,
    )
    document = RawStore(tmp_path / "raw").keep(answer, run_id, f"{run_id}:{RATE}")
    with writing(warehouse) as connection:
        raw_index.index(connection, document)
    with reading(warehouse) as connection:
        (page,) = gather(connection, [RATE])
    assert page.documents == (document,)
    assert (tmp_path / kept_at(document)).is_file()


def test_every_dataset_of_the_catalogue_has_a_key_of_its_own() -> None:
    ids = list(load_catalogue().datasets)
    assert len({page_key(one) for one in ids}) == len(ids)
    assert page_key("statfin/vaerak/11ra") == "statfin-vaerak-11ra"
    assert page_key("statfin/tyokay/115h#industry") == page_key("statfin/tyokay/115h#industry")


@given(st.lists(st.text("abz019/#_-.ä", min_size=1, max_size=12), min_size=2, max_size=2, unique=True))
def test_a_key_is_one_that_prefect_takes_and_two_ids_never_share_it(ids: list[str]) -> None:
    keys = [f"x-{page_key(one)}" for one in ids]
    assert keys[0] != keys[1]
    assert all(re.fullmatch(r"[a-z0-9-]+", one) for one in keys)


def test_times_are_finland_s_and_figures_have_no_false_digits() -> None:
    assert said_moment(datetime(2026, 3, 29, 0, 59, tzinfo=UTC)) == "2026-03-29 02:59"
    assert said_moment(datetime(2026, 3, 29, 1, 1, tzinfo=UTC)) == "2026-03-29 04:01"
    assert said_moment(None) == "–"
    assert [said_figure(one) for one in (0.1 + 0.2, 36370.0, None, "", "KU205", 3)] == [
        "0.3",
        "36370",
        "–",
        "–",
        "KU205",
        "3",
    ]
