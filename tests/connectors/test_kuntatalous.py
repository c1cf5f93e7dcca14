"""Municipal finances, asked over HTTP and read from what was kept: right amounts, or one line why not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import kuntatalous
from connectors.http import AnswerError, Http
from connectors.pxweb import Limits
from demo.kuntatalous import Kuntatalous, Report
from demo.stand_in import StandIn
from models.area import Area
from models.catalogue import load_catalogue
from models.dataset import Dataset
from models.document import Answer, Document, as_documents
from models.errors import SourceError
from models.observation import observations
from models.reading import Reading

CATALOGUE = load_catalogue()
KKNR, KTAS = CATALOGUE.datasets["kuntatalous/kknr"], CATALOGUE.datasets["kuntatalous/ktas"]
AREAS = CATALOGUE.areas_for(KKNR)
KAJAANI, JOENSUU = "0214958-9", "0242746-2"
TAXONOMY = "jhs-2018-01/2024-03-26"
INVESTMENTS, MARGIN = ("k-t13", "1374"), ("k-t07", "1400")


def report(
    period: str = "2024C12", stage: str = "Lopullinen", business_id: str = KAJAANI, **changes: Any
) -> Report:
    given = {
        "business_id": business_id,
        "package": "KKNR",
        "period": period,
        "stage": stage,
        "approved": "2025-05-10T09:00:00.003Z",
        "published": "2025-05-10T10:00:00.13Z",
        "taxonomy": TAXONOMY,
        "amounts": {INVESTMENTS: "20000000.25", MARGIN: "-1500000.00", ("k-t07", "1562"): "7.00"},
    }
    return Report(**(given | changes))


class Treasury:
    """A stand-in of the service and a session to it that keeps what it gets."""

    def __init__(self, stand_in: StandIn, http: Http, kept: list[Answer], service: Kuntatalous) -> None:
        self.stand_in, self.http, self.kept, self.service = stand_in, http, kept, service
        self.url = stand_in.urls["kuntatalous"]

    def limits(self) -> Limits:
        return replace(kuntatalous.config(self.url, self.http), calls=10_000, window_seconds=1.0)

    def fetch(self, dataset: Dataset = KKNR, limits: Limits | None = None) -> None:
        kuntatalous.fetch(dataset, AREAS, self.url, self.http, limits or self.limits())

    def read(self, dataset: Dataset = KKNR, areas: Sequence[Area] = AREAS) -> Reading:
        return kuntatalous.read(dataset, areas, as_documents(self.kept))

    def asked(self, name: str) -> list[str]:
        return [one.path for one in self.stand_in.requests if name in one.path]


@pytest.fixture
def open_treasury(tmp_path: Path, fake_time: Any) -> Iterator[Callable[..., Treasury]]:
    opened: list[tuple[StandIn, Http]] = []

    def open_one(*reports: Report) -> Treasury:
        service = Kuntatalous(list(reports))
        stand_in = StandIn({}, services={"kuntatalous": service}, calls=10_000, window=1.0)
        kept: list[Answer] = []
        http = Http(
            contact="test",
            version="0",
            keep=kept.append,
            limits_folder=tmp_path,
            allowed=(stand_in.urls["kuntatalous"],),
            inside=(stand_in.urls["kuntatalous"],),
            clock=fake_time.clock,
            sleep=fake_time.sleep,
        )
        opened.append((stand_in, http))
        return Treasury(stand_in, http, kept, service)

    yield open_one
    for stand_in, http in opened:
        http.close()
        stand_in.close()
        assert stand_in.errors == []


def figures(reading: Reading) -> dict[tuple[str, str, str], float]:
    """(content, area, period) → value, of those there are."""
    frame = observations(reading.table, reading.resolution).dropna(subset=["value"])
    return {
        (content, area, period): value
        for content, area, period, value in zip(
            frame["content"], frame["area_code"], frame["period"], frame["value"], strict=True
        )
    }


def statuses(reading: Reading) -> dict[tuple[str, str], str]:
    frame = observations(reading.table, reading.resolution)
    return dict(zip(zip(frame["area_code"], frame["period"], strict=True), frame["status"], strict=True))


def why_not(act: Callable[[], object]) -> str:
    with pytest.raises(SourceError) as caught:
        act()
    text = str(caught.value)
    assert "\n" not in text and len(text) < 900
    return text


class TestAsking:
    def test_the_listing_then_one_document_a_municipality_and_year(self, open_treasury):
        treasury = open_treasury(report("2023C12"), report(), report(business_id=JOENSUU))
        treasury.fetch()
        base = "/rest/v1/json"
        assert [one.path for one in treasury.stand_in.requests] == [
            f"{base}/aineistot",
            f"{base}/dokumentti/lopullinen/KKNR/{KAJAANI}/2023C12",
            f"{base}/dokumentti/lopullinen/KKNR/{KAJAANI}/2024C12",
            f"{base}/dokumentti/lopullinen/KKNR/{JOENSUU}/2024C12",
        ]

    def test_of_the_listing_only_the_rows_of_our_municipalities_are_kept(self, open_treasury):
        treasury = open_treasury(report(), *(report(business_id=f"900000{n}-0") for n in range(10)))
        treasury.fetch()
        assert all(b"900000" not in answer.body for answer in treasury.kept)

    def test_quarters_other_packages_and_years_before_the_first_are_not_asked_for(self, open_treasury):
        others = [
            report("2024C09"),
            report("2024C03"),
            report("2020C12"),
            report(package="KKOTR"),
            report("2024", package="KTPE"),
        ]
        treasury = open_treasury(report(), *others)
        treasury.fetch()
        assert len(treasury.asked("dokumentti")) == 1
        assert figures(treasury.read()) == {
            ("gross_investments", "KU205", "2024"): 20_000_000.25,
            ("annual_margin", "KU205", "2024"): -1_500_000.0,
        }

    @pytest.mark.parametrize(
        ("there", "asked"),
        [
            (("Alustava",), "alustava"),
            (("Alustava", "Hyväksytty"), "hyvaksytty"),
            (("Lopullinen", "Hyväksytty", "Alustava"), "lopullinen"),
            (("Lopullinen", "Jälkikorjattu", "Alustava"), "jalkikorjattu"),
        ],
    )
    def test_the_best_stage_of_approval_is_asked_for(self, open_treasury, there, asked):
        treasury = open_treasury(*(report(stage=stage) for stage in there))
        treasury.fetch()
        (path,) = treasury.asked("dokumentti")
        assert f"/dokumentti/{asked}/" in path

    def test_two_datasets_of_one_run_share_one_listing_and_each_keeps_its_part(self, open_treasury):
        budget = report("2026", package="KTAS", taxonomy="jhs-2019-03/2019-08-31")
        budget.amounts = {("k-t05", choice.code[0].split(" / ")[1]): "5.00" for choice in KTAS.contents}
        treasury = open_treasury(report(), budget)
        limits = treasury.limits()
        treasury.fetch(KKNR, limits)
        treasury.fetch(KTAS, limits)
        assert len(treasury.asked("aineistot")) == 1
        assert set(figures(treasury.read(KTAS)).values()) == {5.0}
        assert {area for _, area, _ in figures(treasury.read(KKNR))} == {"KU205"}

    def test_the_listing_of_another_run_is_asked_anew(self, open_treasury):
        treasury = open_treasury(report())
        treasury.fetch()
        treasury.fetch()
        assert len(treasury.asked("aineistot")) == 2

    def test_the_release_check_is_the_listing_alone_and_agrees_with_what_was_read(self, open_treasury):
        treasury = open_treasury(report("2023C12"), report(published="2025-06-01T07:00:00Z"))
        limits = treasury.limits()
        told = kuntatalous.release(KKNR, treasury.url, treasury.http, limits, b"aineistot")
        assert len(treasury.stand_in.requests) == 1
        treasury.fetch(limits=limits)
        assert len(treasury.asked("aineistot")) == 1  # a fetch after the check does not ask it again
        assert told == treasury.read().table.updated == datetime(2025, 6, 1, 7, tzinfo=UTC)
        assert kuntatalous.release_query(treasury.read())

    def test_a_report_of_another_package_is_no_release_of_ours(self, open_treasury):
        treasury = open_treasury(report(), report("2024C06", published="2026-01-01T00:00:00Z"))
        told = kuntatalous.release(KKNR, treasury.url, treasury.http, treasury.limits(), b"aineistot")
        assert told == datetime(2025, 5, 10, 10, 0, 0, tzinfo=UTC)

    def test_the_pace_is_below_one_call_a_second(self, open_treasury):
        limits = kuntatalous.config("", open_treasury(report()).http)
        assert limits.calls / limits.window_seconds < 1


class TestReading:
    def test_amounts_are_taken_as_given_with_cents_and_sign(self, open_treasury):
        treasury = open_treasury(report(amounts={INVESTMENTS: "0.01", MARGIN: "-9999999.99"}))
        treasury.fetch()
        assert list(figures(treasury.read()).values()) == [0.01, -9999999.99]

    def test_null_is_no_figure_zero_is_one(self, open_treasury):
        treasury = open_treasury(report(amounts={INVESTMENTS: None, MARGIN: "0.00"}))
        treasury.fetch()
        reading = treasury.read()
        assert figures(reading) == {("annual_margin", "KU205", "2024"): 0.0}
        frame = observations(reading.table, reading.resolution)
        assert set(frame["symbol"]) == {""}

    def test_a_code_under_another_part_of_the_package_is_another_figure(self, open_treasury):
        treasury = open_treasury(
            report(amounts={("k-t99", "1374"): "1.00", INVESTMENTS: "2.00", MARGIN: "3.00"})
        )
        treasury.fetch()
        assert figures(treasury.read())["gross_investments", "KU205", "2024"] == 2.0

    def test_a_draft_is_preliminary_for_its_municipality_alone(self, open_treasury):
        treasury = open_treasury(report(), report(stage="Alustava", business_id=JOENSUU))
        treasury.fetch()
        assert statuses(treasury.read()) == {("KU205", "2024"): "final", ("KU167", "2024"): "preliminary"}

    def test_municipalities_without_a_report_or_a_known_business_id_are_named_as_lacking(self, open_treasury):
        treasury = open_treasury(report())
        treasury.fetch()
        why = {one.key: one.reason for one in treasury.read().resolution.missing}
        assert "KU205" not in why and len(why) == len(AREAS) - 1
        assert why["KU167"] == f"the listing has no KKNR report of {JOENSUU}"
        assert why["KU290"] == "its business id is not in the catalogue"

    def test_a_later_year_of_an_unknown_taxonomy_is_missing_with_the_reason(self, open_treasury):
        treasury = open_treasury(report(), report("2025C12", taxonomy="jhs-2018-01/2030-01-01"))
        treasury.fetch()
        reading = treasury.read()
        (missing,) = [one for one in reading.resolution.missing if one.what == "period"]
        assert missing.key == "2025"
        assert missing.reason.startswith(
            "unsupported taxonomy: 0214958-9 2025C12 (lopullinen) in 'jhs-2018-01/2030-01-01'; supported are"
        )
        assert {period for _, _, period in figures(reading)} == {"2024"}

    def test_an_older_year_of_an_unknown_taxonomy_is_passed_over(self, open_treasury):
        treasury = open_treasury(report("2023C12", taxonomy="jhs-2018-01/2020-01-01"), report())
        treasury.fetch()
        assert not [one for one in treasury.read().resolution.missing if one.what == "period"]

    def test_nothing_in_a_known_taxonomy_is_one_clear_line(self, open_treasury):
        treasury = open_treasury(report(taxonomy="jhs-2030-01/x"))
        treasury.fetch()
        text = why_not(treasury.read)
        assert text.startswith("kuntatalous/kknr: unsupported taxonomy: 0214958-9 2024C12 (lopullinen)")
        assert "add it to 'taxonomies' of the catalogue" in text

    def test_a_document_of_two_taxonomies_is_refused(self, open_treasury):
        treasury = open_treasury(report())
        treasury.fetch()
        text = why_not(lambda: self._changed(treasury, lambda rows: rows[0].update(taksonomia="other")))
        assert "mixes the taxonomies" in text

    @pytest.mark.parametrize("name", ["ytunnus", "raportointikausi", "raportointikokonaisuus"])
    def test_a_document_of_something_else_is_refused(self, open_treasury, name):
        treasury = open_treasury(report())
        treasury.fetch()
        text = why_not(lambda: self._changed(treasury, lambda rows: rows[1].update({name: "2024C09"})))
        assert f"is not the one asked: '{name}' of a row is '2024C09'" in text

    @pytest.mark.parametrize("amount", ["12,50", "1e9", "nan", "1 000", "- 5", "", [], {}, True, 1e300])
    def test_what_is_no_amount_is_refused_and_what_is_empty_is_missing(self, open_treasury, amount):
        treasury = open_treasury(report())
        treasury.fetch()

        def spoil(rows: list[dict[str, Any]]) -> None:
            rows[0]["arvo"] = amount

        if amount == "":
            assert ("gross_investments", "KU205", "2024") not in figures(self._changed(treasury, spoil))
        else:
            assert "k-t13 / 1374" in why_not(lambda: self._changed(treasury, spoil))

    def test_a_code_with_two_amounts_is_refused_and_the_same_twice_is_not(self, open_treasury):
        treasury = open_treasury(report())
        treasury.fetch()
        assert figures(self._changed(treasury, lambda rows: rows.append(dict(rows[0]))))
        text = why_not(lambda: self._changed(treasury, lambda rows: rows.append({**rows[0], "arvo": "1.00"})))
        assert "has two amounts, 20000000.25 and 1.00" in text

    def test_a_code_that_no_document_has_is_missing_and_the_other_content_is_there(self, open_treasury):
        treasury = open_treasury(report(amounts={MARGIN: "1.00"}))
        treasury.fetch()
        reading = treasury.read()
        (missing,) = [one for one in reading.resolution.missing if one.what == "content"]
        assert missing.key == "gross_investments" and "has no k-t13 / 1374" in missing.reason
        assert list(figures(reading)) == [("annual_margin", "KU205", "2024")]

    def test_documents_that_know_none_of_the_codes_are_one_clear_line(self, open_treasury):
        treasury = open_treasury(report(amounts={("k-t07", "1"): "1.00"}))
        treasury.fetch()
        assert "has no k-t13 / 1374" in why_not(treasury.read)

    def test_a_kept_listing_that_was_not_asked_for_a_municipality_of_today_is_fetched_again(
        self, open_treasury
    ):
        treasury = open_treasury(report())
        treasury.fetch()
        ids = {**KKNR.request["business_ids"], "KU290": "0186204-0"}
        wider = replace(KKNR, request={**KKNR.request, "business_ids": ids})
        text = why_not(lambda: treasury.read(wider))
        assert "was not asked for 0186204-0 (KU290); fetch it again" in text

    def test_a_document_that_is_not_there_yet_is_said_and_nothing_is_read(self, open_treasury):
        treasury = open_treasury(report(), report("2023C12"))
        treasury.fetch()
        treasury.kept.pop()
        assert "is not among the kept answers" in why_not(treasury.read)
        treasury.kept.clear()
        assert "no listing among the kept answers" in why_not(treasury.read)

    def _changed(self, treasury: Treasury, change: Callable[[list[dict[str, Any]]], object]) -> Reading:
        """The reading after `change` was made to the rows of the last document."""
        rows = orjson.loads(treasury.kept[-1].body)
        change(rows)
        treasury.kept[-1] = replace(treasury.kept[-1], body=orjson.dumps(rows))
        return treasury.read()


class TestTheListing:
    @pytest.mark.parametrize(
        ("document", "said"),
        [
            ([], "the listing is no object with a list 'aineistot'"),
            ({"aineistot": []}, "the listing is no object with a list 'aineistot'"),
            ({"aineistot": ["x"]}, "the listing is no object with a list 'aineistot'"),
            ({"aineistot": [{"ytunnus": "1"}]}, "the listing has 1 reports, none of"),
        ],
    )
    def test_another_form_is_refused_with_what_was_found(self, open_treasury, monkeypatch, document, said):
        treasury = open_treasury(report())
        monkeypatch.setattr(treasury.service, "answer", lambda asked: _told(document))
        assert said in why_not(treasury.fetch)

    def test_no_report_of_the_dataset_is_said(self, open_treasury):
        treasury = open_treasury(report("2024C09"), report("2020C12"))
        assert "the listing has no KKNR report from 2023 on" in why_not(treasury.fetch)
        text = why_not(lambda: treasury.fetch(KTAS))
        assert "has no KTAS report of a period such as 2025" in text

    def test_an_unknown_stage_is_not_ranked_by_guess(self, open_treasury):
        treasury = open_treasury(report(), report("2023C12", stage="Luonnos"))
        text = why_not(treasury.fetch)
        assert "0214958-9 2023C12 is in the stage 'Luonnos'; known are jalkikorjattu" in text
        assert len(treasury.stand_in.requests) == 1

    @pytest.mark.parametrize("when", ["", "yesterday", "31.13.2025"])
    def test_a_time_of_approval_that_is_none_is_refused(self, open_treasury, when):
        treasury = open_treasury(report(approved=when))
        assert "expected times such as 2025-12-31T08:27:05Z" in why_not(treasury.fetch)

    def test_times_with_a_blank_are_read_too(self, open_treasury):
        treasury = open_treasury(report(published="2025-05-12 07:00:00.5"))
        treasury.fetch()
        assert treasury.read().table.updated == datetime(2025, 5, 12, 7, tzinfo=UTC)

    @pytest.mark.parametrize(
        "kind", ["500", "503", "html_200", "cut_body", "wrong_content_type", "redirect", "403_page"]
    )
    @pytest.mark.parametrize("where", ["aineistot", "dokumentti"])
    def test_every_bad_answer_is_one_line(self, open_treasury, kind, where):
        treasury = open_treasury(report())
        treasury.stand_in.misbehave(kind, path=where, times=None)
        with pytest.raises(AnswerError) as caught:
            treasury.fetch()
        assert "\n" not in str(caught.value) and where in str(caught.value)

    def test_an_answer_with_broken_text_is_refused(self, open_treasury):
        treasury = open_treasury(report())
        treasury.stand_in.misbehave("invalid_utf8", path="aineistot")
        assert "is no JSON" in why_not(treasury.fetch)


class TestTheCatalogueEntry:
    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"package": None}, "'package' is missing"),
            ({"package": "kknr"}, "'package' must be capitals"),
            ({"pacage": "KKNR"}, "unknown key 'pacage'"),
            ({"period": "2025C12"}, "'period' must have {year} once"),
            ({"period": "{year}.*"}, "'period' must have {year} once"),
            ({"business_ids": {"KU205": "214958-9"}}, "is no business id"),
            ({"business_ids": {"KU205": KAJAANI, "KU290": KAJAANI}}, "has a business id twice"),
            ({"stages": ["valmis"]}, "'stages' must be of"),
            ({"taxonomies": "jhs"}, "'taxonomies' must be a list"),
        ],
    )
    def test_what_is_wrong_with_it_is_one_line_before_any_call(self, open_treasury, changes, said):
        treasury = open_treasury(report())
        request = {**KKNR.request, **changes}
        wrong = replace(KKNR, request={key: value for key, value in request.items() if value is not None})
        text = why_not(lambda: treasury.fetch(wrong))
        assert "kuntatalous/kknr" in text and said in text
        assert treasury.stand_in.requests == []

    def test_a_content_needs_a_part_and_a_code_of_its_own(self, open_treasury):
        treasury = open_treasury(report())
        first, second = KKNR.contents
        bad = replace(KKNR, contents=(replace(first, code=("1374",)), second))
        assert "'code' must be as 'k-t13 / 1374'" in why_not(lambda: treasury.fetch(bad))
        same = replace(KKNR, contents=(first, replace(second, code=first.code)))
        assert "bear one code" in why_not(lambda: treasury.fetch(same))

    def test_accounts_and_budgets_share_no_code_and_no_package(self):
        assert KKNR.request["package"] != KTAS.request["package"]
        assert not {one for choice in KKNR.contents for one in choice.code} & {
            one for choice in KTAS.contents for one in choice.code
        }


def _told(document: object) -> Any:
    from demo.service import told

    return told(document)


_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_NAMES = (
    "ytunnus",
    "raportointikokonaisuus",
    "raportointikausi",
    "hyvaksymisvaihe",
    "hyvaksymispvm",
    "julkaisupvm",
    "osakokonaisuus",
    "taksonomia",
    "tunnusluku",
    "arvo",
)


def _document(url: str, body: bytes) -> tuple[Document, bytes]:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    answer = Answer(
        "kuntatalous", KKNR.id, "data", "GET", f"http://h/{url}", b"", 200, "application/json", body, at, at
    )
    return as_documents([answer])[0]


@given(
    st.one_of(
        st.binary(max_size=40),
        _PLAIN.map(lambda one: _json(one)),
        st.lists(st.dictionaries(st.sampled_from(_NAMES), _PLAIN, max_size=6), max_size=3).map(
            lambda rows: _json({"aineistot": rows, "ytunnukset": [KAJAANI]})
        ),
    ),
    st.one_of(
        st.binary(max_size=40),
        _PLAIN.map(lambda one: _json(one)),
        st.lists(st.dictionaries(st.sampled_from(_NAMES), _PLAIN, max_size=6), max_size=3).map(
            lambda rows: _json(rows)
        ),
    ),
    st.booleans(),
)
def test_whatever_was_kept_it_is_read_or_refused_in_one_line(
    listing: bytes, document: bytes, good: bool
) -> None:
    if good:
        listing = _json({"aineistot": [_listed(report())], "ytunnukset": list(_ids())})
    documents = [
        _document("aineistot", listing),
        _document(f"dokumentti/lopullinen/KKNR/{KAJAANI}/2024C12", document),
    ]
    try:
        kuntatalous.read(KKNR, AREAS, documents)
    except SourceError as error:
        assert "\n" not in str(error)


@given(st.dictionaries(st.sampled_from(_NAMES), _PLAIN, max_size=10))
def test_whatever_stands_in_one_row_of_a_document_it_is_read_or_refused(changes: Mapping[str, Any]) -> None:
    rows = [{**row, **(changes if at == 0 else {})} for at, row in enumerate(report().rows())]
    documents = [
        _document("aineistot", _json({"aineistot": [_listed(report())], "ytunnukset": list(_ids())})),
        _document(f"dokumentti/lopullinen/KKNR/{KAJAANI}/2024C12", _json(rows)),
    ]
    try:
        reading = kuntatalous.read(KKNR, AREAS, documents)
    except SourceError as error:
        assert "\n" not in str(error)
    else:
        assert reading.table.updated == datetime(2025, 5, 10, 10, tzinfo=UTC)


def _ids() -> tuple[str, ...]:
    return tuple(KKNR.request["business_ids"].values())


def _listed(one: Report) -> dict[str, Any]:
    return orjson.loads(Kuntatalous([one]).answer(_asked()).body)["aineistot"][0]


def _asked() -> Any:
    from demo.service import Asked

    return Asked("GET", ("aineistot",), {}, b"", {}, "http://h")


def _json(document: object) -> bytes:
    try:
        return orjson.dumps(document)
    except orjson.JSONEncodeError:
        return repr(document).encode("utf-8", "replace")
