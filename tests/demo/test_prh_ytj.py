"""PRH's and YTJ's part of the stand-in answers as the service is described."""

import json
from collections.abc import Iterator
from datetime import date
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from demo import prh_ytj
from demo.prh_ytj import Companies, Company
from demo.stand_in import StandIn
from models.catalogue import load_catalogue


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    companies = [
        Company(f"{number:07d}-1", date(2026, 9, 1 + number % 30), (("Otanmäki", "205"),))
        for number in range(205)
    ]
    companies.append(Company("9999999-9", date(2026, 9, 5), (("Kajaani", "205"), ("Vuokatti", "765"))))
    with StandIn({}, services={"prh_ytj": Companies(companies)}, calls=10_000, window=1.0) as running:
        yield running
    assert running.errors == []


def get(stand_in: StandIn, **parameters: object) -> Any:
    with urlopen(f"{stand_in.urls['prh_ytj']}/companies?{urlencode(parameters)}") as answer:
        return json.loads(answer.read())


def test_a_page_has_a_hundred_and_the_total_counts_all(stand_in: StandIn) -> None:
    pages = [get(stand_in, location="Otanmäki", page=number) for number in (1, 2, 3, 4)]
    assert [page["totalResults"] for page in pages] == [205] * 4
    assert [len(page["companies"]) for page in pages] == [100, 100, 5, 0]


def test_the_first_page_is_given_where_none_is_asked_for(stand_in: StandIn) -> None:
    assert get(stand_in, location="Otanmäki") == get(stand_in, location="Otanmäki", page=1)


@pytest.mark.parametrize("town", ["Kajaani", "KAJAANI", "Vuokatti"])
def test_a_town_is_found_whatever_its_case_and_whichever_address_it_is_in(
    stand_in: StandIn, town: str
) -> None:
    (found,) = get(stand_in, location=town)["companies"]
    assert found["businessId"]["value"] == "9999999-9"
    assert [one["type"] for one in found["addresses"]] == [1, 2]
    assert {one["municipalityCode"] for one in found["addresses"][0]["postOffices"]} == {"205"}


def test_days_bound_the_registration_both_included(stand_in: StandIn) -> None:
    found = get(
        stand_in, location="Otanmäki", registrationDateStart="2026-09-02", registrationDateEnd="2026-09-03"
    )
    assert {one["registrationDate"] for one in found["companies"]} == {"2026-09-02", "2026-09-03"}


def test_a_town_nobody_is_in_is_an_empty_list(stand_in: StandIn) -> None:
    assert get(stand_in, location="Atlantis") == {"totalResults": 0, "companies": []}


@pytest.mark.parametrize(
    "parameters",
    [
        {"registrationDateStart": "1.9.2026"},
        {"registrationDateEnd": "2026-09-31"},
        {"page": "0"},
        {"page": "x"},
        {"city": "Kajaani"},
    ],
)
def test_what_is_asked_wrongly_is_a_bad_request(stand_in: StandIn, parameters: dict[str, str]) -> None:
    with pytest.raises(HTTPError, match="400"):
        get(stand_in, **parameters)


def test_another_path_is_not_found(stand_in: StandIn) -> None:
    with pytest.raises(HTTPError, match="404"):
        urlopen(f"{stand_in.urls['prh_ytj']}/all_companies")


def test_made_up_companies_are_the_same_whenever_a_month_is_asked_for() -> None:
    service = prh_ytj.synthetic(load_catalogue())
    assert service.more is not None
    year = service.more("kajaani", date(2025, 10, 1), date(2026, 9, 30))
    month = service.more("kajaani", date(2026, 3, 1), date(2026, 3, 31))
    assert month and month == [one for one in year if one.registered.month == 3]
    assert len({one.business_id for one in year}) == len(year)
    other = prh_ytj.synthetic(load_catalogue(), seed=2).more
    assert other is not None and other("kajaani", date(2025, 10, 1), date(2026, 9, 30)) != year


def test_among_the_made_up_names_is_one_of_a_person() -> None:
    more = prh_ytj.synthetic(load_catalogue()).more
    assert more is not None
    names = {one.name for one in more("oulu", date(2026, 3, 1), date(2026, 3, 31))}
    assert names == set(prh_ytj.NAMES) and "Matti Meikäläinen" in " ".join(names)
