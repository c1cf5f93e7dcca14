"""New companies, searched over HTTP and counted from what was kept: right counts, no names, or one line why not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import prh_ytj
from connectors.http import AnswerError, Http
from connectors.pxweb import Limits
from demo.prh_ytj import Companies, Company
from demo.service import Asked, Told, told
from demo.stand_in import StandIn
from models.catalogue import load_catalogue
from models.dataset import Dataset
from models.document import Answer, as_documents
from models.errors import SourceError
from models.observation import observations
from models.reading import Reading

CATALOGUE = load_catalogue()
WHOLE = CATALOGUE.datasets["prh_ytj/companies"]
TOWNS = {"KU205": ["Kajaani", "Otanmäki"], "KU765": ["Sotkamo", "Vuokatti"]}
AREAS = [area for area in CATALOGUE.areas_for(WHOLE) if area.code in TOWNS]
DATASET = replace(WHOLE, request={**WHOLE.request, "post_towns": TOWNS, "window_months": 3})
OCTOBER = datetime(2026, 10, 5, 5, tzinfo=UTC)
NAME = "Toiminimi Maija Meikäläinen"


def company(number: int, day: str = "2026-09-10", *towns: tuple[str, str], **more: Any) -> Company:
    places = towns or (("Kajaani", "205"),)
    return Company(f"{number:07d}-{number % 10}", date.fromisoformat(day), places, name=NAME, **more)


class Register:
    """A stand-in of the service and a session to it that keeps what it gets, on a day of our choice."""

    def __init__(
        self, stand_in: StandIn, http: Http, kept: list[Answer], service: Companies, time: Any
    ) -> None:
        self.stand_in, self.http, self.kept, self.service, self.time = stand_in, http, kept, service, time
        self.url = stand_in.urls["prh_ytj"]

    def limits(self) -> Limits:
        return replace(prh_ytj.config(self.url, self.http), calls=10_000, window_seconds=1.0)

    def fetch(self, dataset: Dataset = DATASET) -> None:
        prh_ytj.fetch(dataset, AREAS, self.url, self.http, self.limits())

    def read(self, dataset: Dataset = DATASET) -> Reading:
        return prh_ytj.read(dataset, AREAS, as_documents(self.kept))

    def queries(self) -> list[dict[str, str]]:
        return [
            {name: value for name, (value,) in parse_qs(urlsplit(one.path).query).items()}
            for one in self.stand_in.requests
        ]


@pytest.fixture
def open_register(tmp_path: Path, fake_time: Any) -> Iterator[Callable[..., Register]]:
    opened: list[tuple[StandIn, Http]] = []

    def open_one(*companies: Company, now: datetime = OCTOBER) -> Register:
        service = Companies(list(companies))
        stand_in = StandIn({}, services={"prh_ytj": service}, calls=10_000, window=1.0)
        kept: list[Answer] = []
        fake_time.now = now.timestamp()
        http = Http(
            contact="test",
            version="0",
            keep=kept.append,
            limits_folder=tmp_path,
            allowed=(stand_in.urls["prh_ytj"],),
            inside=(stand_in.urls["prh_ytj"],),
            clock=fake_time.clock,
            sleep=fake_time.sleep,
        )
        opened.append((stand_in, http))
        return Register(stand_in, http, kept, service, fake_time)

    yield open_one
    for stand_in, http in opened:
        http.close()
        stand_in.close()
        assert stand_in.errors == []


def counts(reading: Reading) -> dict[tuple[str, str], float]:
    """(area, month) → count, of those that are not zero."""
    frame = observations(reading.table, reading.resolution)
    assert not frame["value"].isna().any()
    return {
        (area, month): count
        for area, month, count in zip(frame["area_code"], frame["period"], frame["value"], strict=True)
        if count
    }


def why_not(act: Callable[[], object]) -> str:
    with pytest.raises(SourceError) as caught:
        act()
    text = str(caught.value)
    assert "\n" not in text and len(text) < 900 and "Maija" not in text
    return text


class TestAsking:
    def test_one_search_a_post_town_over_the_whole_window(self, open_register):
        register = open_register(company(1))
        register.fetch()
        window = {"registrationDateStart": "2026-07-01", "registrationDateEnd": "2026-09-30", "page": "1"}
        assert register.queries() == [
            {"location": town, **window} for town in ("Kajaani", "Otanmäki", "Sotkamo", "Vuokatti")
        ]

    @pytest.mark.parametrize(
        ("now", "newest"),
        [
            ("2026-10-01T05:00", "2026-08-31"),  # a day is left to what was registered on the last one
            ("2026-10-01T20:59", "2026-08-31"),
            ("2026-10-01T21:00", "2026-09-30"),  # midnight in Finland
            ("2026-10-31T12:00", "2026-09-30"),
            ("2027-01-02T05:00", "2026-12-31"),
        ],
    )
    def test_the_present_month_is_not_asked_for(self, open_register, now, newest):
        register = open_register(company(1), now=datetime.fromisoformat(now).replace(tzinfo=UTC))
        register.service.companies[0].registered = date.fromisoformat(newest)
        register.fetch()
        assert {one["registrationDateEnd"] for one in register.queries()} == {newest}
        month = f"{newest[:4]}M{newest[5:7]}"
        assert counts(register.read()) == {("KU205", month): 1.0}

    def test_a_search_with_many_results_is_read_page_by_page(self, open_register):
        register = open_register(*(company(number) for number in range(250)))
        register.fetch()
        assert [one["page"] for one in register.queries()] == ["1", "2", "3", "1", "1", "1"]
        assert counts(register.read()) == {("KU205", "2026M09"): 250.0}

    def test_just_a_hundred_are_one_page(self, open_register):
        register = open_register(*(company(number) for number in range(100)))
        register.fetch()
        assert len(register.queries()) == 4

    def test_the_release_check_asks_nothing_and_agrees_with_what_was_read(self, open_register):
        register = open_register(company(1))
        told = prh_ytj.release(DATASET, register.url, register.http, register.limits(), b"months")
        assert register.queries() == [] and told == datetime(2026, 10, 1, 21, tzinfo=UTC)
        register.fetch()
        assert register.read().table.updated == told
        assert prh_ytj.release_query(register.read())
        register.time.now = datetime(2026, 11, 5, tzinfo=UTC).timestamp()
        later = prh_ytj.release(DATASET, register.url, register.http, register.limits(), b"months")
        assert later == datetime(2026, 11, 1, 22, tzinfo=UTC)  # the clocks were put back meanwhile

    def test_the_pace_is_far_below_what_all_users_share(self, open_register):
        limits = prh_ytj.config("", open_register().http)
        assert 60 * limits.calls / limits.window_seconds <= 60

    def test_a_refusal_for_too_many_calls_is_waited_out(self, open_register):
        register = open_register(company(1))
        register.stand_in.misbehave("429", times=1)
        register.fetch()
        assert sum(register.time.naps) >= 1
        assert counts(register.read()) == {("KU205", "2026M09"): 1.0}


class TestCounting:
    def test_a_company_counts_in_the_month_of_its_registration(self, open_register):
        register = open_register(
            company(1, "2026-07-01"),
            company(2, "2026-07-31"),
            company(3, "2026-09-30"),
            company(4, "2026-10-01"),
        )
        register.fetch()
        assert counts(register.read()) == {("KU205", "2026M07"): 2.0, ("KU205", "2026M09"): 1.0}

    def test_a_month_without_a_company_is_zero(self, open_register):
        register = open_register(company(1))
        register.fetch()
        reading = register.read()
        frame = observations(reading.table, reading.resolution)
        assert len(frame) == 2 * 3 and set(frame["symbol"]) == {""}
        assert frame["value"].sum() == 1.0

    def test_a_company_whose_post_town_is_ours_and_whose_municipality_is_not_is_left_out(self, open_register):
        register = open_register(company(1), company(2, "2026-09-10", ("Kajaani", "620")))
        register.fetch()
        assert counts(register.read()) == {("KU205", "2026M09"): 1.0}

    def test_the_visiting_address_goes_before_the_postal_one(self, open_register):
        there = (("Vuokatti", "765"), ("Kajaani", "205"))
        register = open_register(company(1), company(2, "2026-09-10", *there))
        register.fetch()
        assert counts(register.read()) == {("KU205", "2026M09"): 1.0, ("KU765", "2026M09"): 1.0}

    def test_a_company_found_by_two_searches_counts_once(self, open_register):
        both = (("Kajaani", "205"), ("Otanmäki", "205"))
        register = open_register(company(1, "2026-09-10", *both), company(2))
        register.fetch()
        assert counts(register.read()) == {("KU205", "2026M09"): 2.0}

    def test_one_that_has_ended_since_was_new_all_the_same(self, open_register):
        register = open_register(company(1, ended=date(2026, 9, 20)))
        register.fetch()
        assert counts(register.read()) == {("KU205", "2026M09"): 1.0}

    def test_a_collection_that_was_begun_again_counts_its_newest_searches(self, open_register):
        register = open_register(*(company(number) for number in range(150)))
        register.fetch()
        del register.service.companies[50:]
        register.fetch()
        assert counts(register.read()) == {("KU205", "2026M09"): 50.0}


class TestWhatIsKept:
    def test_of_a_company_five_things_are_kept_and_none_tells_who_it_is(self, open_register):
        register = open_register(company(1, form="26", ended=date(2026, 9, 30)))
        register.fetch()
        assert orjson.loads(register.kept[0].body) == {
            "location": "Kajaani",
            "registrationDateStart": "2026-07-01",
            "registrationDateEnd": "2026-09-30",
            "page": "1",
            "totalResults": 1,
            "companies": [
                {
                    "registered": "2026-09-10",
                    "municipality": "205",
                    "form": "26",
                    "ended": "2026-09-30",
                    "industry_codes": "TOIMI4",
                    "again": False,
                }
            ],
        }

    def test_the_recorded_page_is_read_and_its_names_are_gone(self, recordings):
        body = (recordings / "prh-ytj" / "companies_page_shape.json").read_bytes()
        search = prh_ytj._Search("Helsinki", date(1973, 1, 1), date(1973, 12, 31))
        kept = prh_ytj._reduced(body, search, {"page": "1"}, frozenset(), set())
        assert orjson.loads(kept) == {
            "page": "1",
            "totalResults": 3,
            "companies": [
                {
                    "registered": "1973-08-10",
                    "municipality": "091",
                    "form": "16",
                    "ended": None,
                    "industry_codes": "TOIMI4",
                    "again": False,
                }
            ],
        }

    @pytest.mark.parametrize("field", ["form", "ended", "municipality", "industry_codes"])
    def test_a_name_where_a_code_is_expected_is_dropped(self, open_register, field):
        register = open_register(company(1))
        spoil = {
            "form": lambda one: one["companyForms"][0].update(type=NAME),
            "ended": lambda one: one.update(endDate=NAME),
            "municipality": lambda one: [
                office.update(municipalityCode=NAME) for office in one["addresses"][0]["postOffices"]
            ],
            "industry_codes": lambda one: one["mainBusinessLine"].update(typeCodeSet=NAME),
        }
        change(register, spoil[field])
        register.fetch()
        kept = orjson.loads(register.kept[0].body)["companies"][0]
        assert kept[field] in ("", None)

    @pytest.mark.parametrize("kind", ["wrong_content_type", "html_200", "cut_body", "500", "invalid_utf8"])
    def test_nothing_is_kept_of_a_bad_answer(self, open_register, kind):
        register = open_register(company(1))
        register.stand_in.misbehave(kind, times=None)
        with pytest.raises(AnswerError) as caught:
            register.fetch()
        assert "Maija" not in str(caught.value)
        assert {answer.body for answer in register.kept} == {b""}
        assert all("Maija" not in answer.error for answer in register.kept)


class TestWhatDoesNotAddUp:
    def test_a_total_that_changes_between_pages_fails(self, open_register):
        register = open_register(*(company(number) for number in range(150)))
        on_page(register, 2, lambda page: page.update(totalResults=151))
        assert "found 150 companies, and 151 on a later page: it changed meanwhile; run again" in why_not(
            register.fetch
        )

    def test_pages_that_have_fewer_than_was_found_fail(self, open_register):
        register = open_register(*(company(number) for number in range(150)))
        on_page(register, 2, lambda page: page.update(companies=[]))
        assert "found 150 companies and its pages have 100" in why_not(register.fetch)
        assert "found 150 companies and its pages have 100" in why_not(register.read)

    def test_pages_that_have_more_than_was_found_fail(self, open_register):
        register = open_register(company(1), company(2))
        on_page(register, 1, lambda page: page.update(totalResults=1))
        assert "found 1 companies and its pages have 2" in why_not(register.fetch)

    def test_the_same_company_on_two_pages_fails(self, open_register):
        register = open_register(*(company(number) for number in range(150)))
        twice = company(0).document()
        on_page(register, 2, lambda page: page["companies"].__setitem__(0, twice))
        assert "a company comes twice in one search, it changed meanwhile: run again" in why_not(
            register.fetch
        )
        assert "its pages have 100" in why_not(register.read)

    def test_a_search_that_ignores_the_town_is_noticed_on_its_first_page(self, open_register):
        register = open_register(company(1))
        on_page(register, 1, lambda page: page.update(totalResults=44_000))
        assert "found 44000 companies, more than the 10000 of any post town" in why_not(register.fetch)
        assert len(register.queries()) == 1

    def test_a_search_that_ignores_the_days_is_noticed(self, open_register):
        register = open_register(company(1))
        change(register, lambda one: one.update(registrationDate="2019-05-05"))
        text = why_not(register.fetch)
        assert "registered on 2019-05-05, not between 2026-07-01 and 2026-09-30: the search ignored" in text

    def test_no_company_in_any_municipality_is_no_reason_for_zeros(self, open_register):
        register = open_register(company(1, "2026-09-10", ("Kajaani", "091")))
        register.fetch()
        assert "none of the 1 companies found is in any of the 2 municipalities" in why_not(register.read)

    @pytest.mark.parametrize(
        ("spoil", "said"),
        [
            (lambda page: page.pop("totalResults"), "has no 'totalResults' and 'companies'"),
            (lambda page: page.update(totalResults="1"), "has no 'totalResults' and 'companies'"),
            (lambda page: page.pop("companies"), "has no 'totalResults' and 'companies'"),
            (lambda page: page.update(companies=[NAME]), "something that is no company"),
            (lambda page: page["companies"][0].pop("registrationDate"), "has no 'registrationDate'"),
            (
                lambda page: page["companies"][0].update(registrationDate="9.9.2026"),
                "'registrationDate' such as",
            ),
            (
                lambda page: page["companies"][0].update(registrationDate="2026-09-31"),
                "'registrationDate' such as",
            ),
            (lambda page: page["companies"][0].update(businessId="1234567-8"), "'businessId' with a 'value'"),
        ],
    )
    def test_another_form_is_one_line_that_says_what_is_lacking(self, open_register, spoil, said):
        register = open_register(company(1))
        on_page(register, 1, spoil)
        assert said in why_not(register.fetch)

    def test_a_post_town_that_was_not_searched_is_fetched_again(self, open_register):
        register = open_register(company(1))
        register.fetch()
        towns = {**TOWNS, "KU765": [*TOWNS["KU765"], "Paakki"]}
        wider = replace(DATASET, request={**DATASET.request, "post_towns": towns})
        assert "the search for 'Paakki'" in why_not(lambda: register.read(wider))
        register.kept.clear()
        assert "no search is among the kept answers" in why_not(register.read)

    def test_pages_out_of_order_are_refused(self, open_register):
        register = open_register(*(company(number) for number in range(250)))
        register.fetch()
        del register.kept[1]
        assert "is not the one that follows" in why_not(register.read)


class TestTheCatalogueEntry:
    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"path": None}, "'path' is missing"),
            ({"path": "../x"}, "'path' must be one word"),
            ({"towns": {}}, "unknown key 'towns'"),
            ({"post_towns": {"KU205": "Kajaani"}}, "'post_towns' of KU205 must be a list of names"),
            ({"post_towns": {"KU205": [""]}}, "'post_towns' of KU205 must be a list of names"),
            ({"window_months": 0}, "'window_months' is 0, not between 1 and 120"),
            ({"settle_days": 40}, "'settle_days' is 40, not between 0 and 27"),
            ({"window_months": "13"}, "'window_months' must be a whole number"),
        ],
    )
    def test_what_is_wrong_with_it_is_one_line_before_any_call(self, open_register, changes, said):
        register = open_register(company(1))
        request = {**DATASET.request, **changes}
        wrong = replace(DATASET, request={key: value for key, value in request.items() if value is not None})
        text = why_not(lambda: register.fetch(wrong))
        assert "prh_ytj/companies" in text and said in text
        assert register.queries() == []

    def test_a_municipality_that_is_not_listed_is_searched_by_its_name(self, open_register):
        register = open_register(company(1))
        request = {**DATASET.request, "post_towns": {"KU205": ["Kajaani"]}}
        register.fetch(replace(DATASET, request=request))
        assert [one["location"] for one in register.queries()] == ["Kajaani", "Sotkamo"]

    def test_every_municipality_of_kainuu_and_every_peer_has_its_post_towns(self):
        assert set(WHOLE.request["post_towns"]) == {area.code for area in CATALOGUE.areas_for(WHOLE)}
        assert WHOLE.rolling and WHOLE.contents[0].summable


def change(register: Register, spoil: Callable[[dict[str, Any]], object]) -> None:
    """Let every company of the service be told otherwise."""
    on_page(register, 0, lambda page: [spoil(one) for one in page["companies"]])


def on_page(register: Register, number: int, spoil: Callable[[dict[str, Any]], object]) -> None:
    """Let the pages of that number (0: all) be told otherwise where they hold a company or more were found."""
    right = Companies.answer

    def answer(asked: Asked) -> Told:
        page = orjson.loads(right(register.service, asked).body)
        if page["totalResults"] and number in (0, int(asked.one("page"))):
            spoil(page)
        return told(page)

    register.service.answer = answer  # type: ignore[method-assign]


_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_NAMES = (
    "businessId",
    "registrationDate",
    "addresses",
    "companyForms",
    "endDate",
    "mainBusinessLine",
    "names",
)
_SEARCH = prh_ytj._Search("Kajaani", date(2026, 9, 1), date(2026, 9, 30))
_REDUCE = partial(prh_ytj._reduced, search=_SEARCH, asked={"page": "1"}, before=frozenset())


def _json(document: object) -> bytes:
    try:
        return orjson.dumps(document)
    except orjson.JSONEncodeError:
        return repr(document).encode("utf-8", "replace")


@given(st.one_of(st.binary(max_size=60), _PLAIN.map(_json)))
def test_whatever_comes_it_is_reduced_or_refused_in_one_line(body: bytes) -> None:
    try:
        _REDUCE(body, here=set())
    except SourceError as error:
        assert "\n" not in str(error)


@given(st.dictionaries(st.sampled_from(_NAMES), _PLAIN, max_size=4))
def test_whatever_stands_in_a_company_nothing_of_it_is_kept_but_the_five(changes: dict[str, Any]) -> None:
    page = {"totalResults": 1, "companies": [company(1).document() | changes]}
    try:
        kept = orjson.loads(_REDUCE(_json(page), here=set()))
    except SourceError as error:
        assert "\n" not in str(error) and "Maija" not in str(error)
    else:
        assert set(kept["companies"][0]) == {
            "registered",
            "municipality",
            "form",
            "ended",
            "industry_codes",
            "again",
        }
        assert "Maija" not in str(kept)


@given(st.one_of(st.binary(max_size=60), _PLAIN.map(_json)), st.text(max_size=10), st.text(max_size=4))
def test_whatever_was_kept_it_is_counted_or_refused_in_one_line(body: bytes, day: str, page: str) -> None:
    asked = {
        "location": "Kajaani",
        "registrationDateStart": day or "2026-07-01",
        "registrationDateEnd": "2026-09-30",
        "page": page or "1",
    }
    at = datetime(2026, 10, 5, tzinfo=UTC)
    answer = Answer(
        "prh_ytj",
        DATASET.id,
        "data",
        "GET",
        f"http://h/companies?{urlencode(asked)}",
        b"",
        200,
        "application/json",
        body,
        at,
        at,
    )
    with pytest.raises(SourceError) as caught:  # one post town of four is never enough
        prh_ytj.read(DATASET, AREAS, as_documents([answer]))
    assert "\n" not in str(caught.value)
