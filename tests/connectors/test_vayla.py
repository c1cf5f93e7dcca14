"""Väylävirasto's layers: road numbers in known forms only, estimates never guessed, and nothing missing from a page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import features, vayla
from connectors.features import page_of, reducing
from connectors.http import AnswerError
from connectors.pxweb import Limits
from demo.stand_in import StandIn
from demo.vayla import PLANS, ROADS, Vayla
from models.catalogue import load_catalogue
from models.dataset import Dataset
from models.document import Answer, as_documents
from models.errors import SourceError
from models.recode import known_codes

QUICK = Limits(100_000, 100_000, 1.0)
CATALOGUE = load_catalogue()
PROJECTS = CATALOGUE.datasets["vayla/tiehankkeet"]
RAIL = CATALOGUE.datasets["vayla/ratasuunnitelmat"]
OURS = frozenset({5, 6, 22})
DAY = date(2027, 1, 15)  # the session's clock


def project(
    name: str, road: object, cost: object = None, begins: object = "2026", ends: object = "2028"
) -> dict[str, Any]:
    return {
        "id": len(name),
        "nimi": name,
        "tieosoite": road,
        "kustannusarvio": cost,
        "aloitus": begins,
        "lopetus": ends,
    }


@pytest.fixture
def service() -> Vayla:
    return Vayla(
        {
            ROADS: [
                project("Juva", "5/201/0-5/203/1200", 12_000_000),
                project("Juva", "5/203/1200-5/204/0", 12_000_000),  # another part of the same project
                project("Risteys", "Vt 5 ja vt 22", "1,5 milj. €"),
                project("Silta", 6),
                project("Muualla", "4/101/0", 9_000_000),
                project("Epäselvä", "ks. kuvaus", "paljon"),
            ],
            PLANS: [
                {
                    "id": 1,
                    "nimi": "Kouvola-Kuopio, peruskorjaus",
                    "vaihe": "Ratasuunnitelma",
                    "ratanumero": "006",
                },
                {
                    "id": 1,
                    "nimi": "Kouvola-Kuopio, peruskorjaus",
                    "vaihe": "Ratasuunnitelma",
                    "ratanumero": "006",
                },
                {"id": 2, "nimi": "Savon radan nopeuttaminen", "vaihe": "Esiselvitys", "ratanumero": None},
                {"id": 3, "nimi": "Kouvola-Kotka/Hamina", "vaihe": "Ratasuunnitelma", "ratanumero": "007"},
                {"id": 4, "nimi": "Iisalmen kolmioraide", "vaihe": None, "ratanumero": "007"},
            ],
        }
    )


@pytest.fixture
def stand_in(service: Vayla) -> Iterator[StandIn]:
    with StandIn({}, services={vayla.SOURCE: service}, calls=100_000) as running:
        yield running
    assert running.errors == []


@pytest.fixture
def fetch(stand_in: StandIn, open_session: Callable[..., Any]) -> Callable[[Dataset], list[Answer]]:
    url = stand_in.urls[vayla.SOURCE]

    def fetched(dataset: Dataset) -> list[Answer]:
        session = open_session(url)
        try:
            vayla.fetch(dataset, CATALOGUE.areas_for(dataset), url, session.http, QUICK)
        finally:
            kept: list[Answer] = session.kept
        return kept

    return fetched


def figures(dataset: Dataset, answers: Sequence[Answer], **more: Any) -> dict[tuple[str, ...], float]:
    """(content or stage, area) → value."""
    reading = vayla.read(dataset, CATALOGUE.areas_for(dataset), as_documents(answers), **more)
    frame = reading.table.frame.astype(dict.fromkeys(reading.table.dimensions, "str"))
    assert set(frame["period"]) == {"2027Q1"}
    first = "stage" if "stage" in frame else "content"
    return {(one[first], one["area"]): one["value"] for one in frame.to_dict("records")}


def said(call: Callable[[], object]) -> str:
    with pytest.raises(SourceError) as error:
        call()
    assert "\n" not in str(error.value)
    return str(error.value)


# --- asking -----------------------------------------------------------------------------------------------


def test_the_fields_are_asked_first_then_the_features_without_their_shapes(fetch: Any) -> None:
    described, page = fetch(PROJECTS)
    assert (described.kind, "request=DescribeFeatureType" in described.url) == ("metadata", True)
    assert "propertyName=tieosoite%2Cnimi%2Ckustannusarvio%2Caloitus%2Clopetus" in page.url
    kept = orjson.loads(page.body)
    assert (kept["numberMatched"], len(kept["features"])) == (6, 6)
    assert "timeStamp" not in kept
    assert set(kept["features"][0]["properties"]) == {
        "tieosoite",
        "nimi",
        "kustannusarvio",
        "aloitus",
        "lopetus",
    }


def test_the_same_layer_gives_the_same_bytes_though_the_server_tells_the_time(fetch: Any) -> None:
    assert fetch(PROJECTS)[1].body == fetch(PROJECTS)[1].body


def test_pages_follow_one_another_until_all_is_there(fetch: Any, service: Vayla) -> None:
    service.most = 4
    answers = fetch(PROJECTS)
    assert ["startIndex=0" in answers[1].url, "startIndex=4" in answers[2].url] == [True, True]
    assert figures(PROJECTS, answers)["projects", "VT5"] == 2


def test_pages_are_asked_for_up_to_a_number_of_them(
    fetch: Any, service: Vayla, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.most = 1  # of six projects
    monkeypatch.setattr(features, "MOST_PAGES", 6)
    assert len(fetch(PROJECTS)) == 7, "the fields, then a page a project"
    monkeypatch.setattr(features, "MOST_PAGES", 5)
    stand_in.requests.clear()
    line = said(lambda: fetch(PROJECTS))
    assert f"{PROJECTS.id}: 5 of the 6 features of {ROADS} came in 5 pages" in line
    assert len(stand_in.requests) == 6


def test_a_server_that_does_not_turn_the_page_is_found_out(fetch: Any, service: Vayla) -> None:
    service.most, service.paging = 3, False
    assert "have features twice, so others are missing" in said(lambda: fetch(PROJECTS))


def test_a_page_that_is_lost_is_missed_when_read(fetch: Any, service: Vayla) -> None:
    service.most = 4
    answers = fetch(PROJECTS)
    assert "has 6 features and 4 were given; a part is missing" in said(
        lambda: figures(PROJECTS, answers[:2])
    )


@pytest.mark.parametrize(
    "kind", ["403_page", "500", "html_200", "redirect", "wrong_content_type", "cut_body", "gzip_bomb"]
)
@pytest.mark.parametrize("where", ["DescribeFeatureType", "GetFeature"])
def test_a_bad_answer_ends_in_one_line(fetch: Any, stand_in: StandIn, kind: str, where: str) -> None:
    stand_in.misbehave(kind, path=where, times=None)
    with pytest.raises(AnswerError) as error:
        fetch(PROJECTS)
    assert "\n" not in str(error.value)


def test_a_field_or_layer_that_is_gone_is_said_with_what_there_is(fetch: Any, service: Vayla) -> None:
    service.fields[ROADS][5] = "loppu"
    assert "has no field 'lopetus', it has id, nimi, tieosoite" in said(lambda: fetch(PROJECTS))
    del service.layers[PLANS]
    with pytest.raises(AnswerError, match="400"):
        fetch(RAIL)


def test_a_layer_without_features_is_not_believed(fetch: Any, service: Vayla) -> None:
    service.layers[ROADS] = []
    assert "is empty, which it never is" in said(lambda: figures(PROJECTS, fetch(PROJECTS)))


# --- road projects ----------------------------------------------------------------------------------------


def test_projects_are_counted_and_their_estimates_summed_once_on_each_of_their_roads(fetch: Any) -> None:
    found = figures(PROJECTS, fetch(PROJECTS))
    assert {key: value for key, value in found.items() if key != ("cost_estimate", "VT6")} == {
        ("projects", "VT5"): 2,
        ("projects", "VT6"): 1,
        ("projects", "VT22"): 1,
        ("cost_estimate", "VT5"): 13_500_000,
        ("cost_estimate", "VT22"): 1_500_000,
    }
    assert np.isnan(found["cost_estimate", "VT6"]), "none of its projects states an estimate"


def test_a_road_without_projects_costs_nothing(fetch: Any, service: Vayla) -> None:
    service.layers[ROADS] = [project("Muualla", "4/101/0", 9_000_000)]
    found = figures(PROJECTS, fetch(PROJECTS))
    assert (found["projects", "VT5"], found["cost_estimate", "VT5"]) == (0, 0)


@pytest.mark.parametrize(
    ("begins", "ends", "counts"),
    [
        ("2026", "2028", True),
        ("2027", "2027", True),
        ("2025", "2026", False),
        ("2028", "2030", False),
        ("2027-01-15T13:50:38Z", "2027-01-15", True),
        ("2027-01-16", None, False),
        (None, "2027-01-14T00:00:00Z", False),
        (None, None, True),
        ("", " ", True),
        (2026, 2028.0, True),
        ("1.3.2026", "30.11.2027", True),
    ],
)
def test_a_project_is_under_way_from_its_first_to_its_last_day_or_year(
    fetch: Any, service: Vayla, begins: object, ends: object, counts: bool
) -> None:
    service.layers[ROADS] = [project("Juva", 5, 2_000_000, begins, ends), project("Muu", 6)]
    assert figures(PROJECTS, fetch(PROJECTS))["projects", "VT5"] == counts


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([project("Juva", "5, ks. kuvaus")], "tieosoite '5, ks. kuvaus' is in no known form and may name"),
        ([project("Juva", 5, "paljon")], "the estimate of project 'Juva' is 'paljon', which is no amount in EUR"),
        ([project("Juva", 5, 12.5)], "is '12.5', which is no amount in EUR; if it is in another unit"),
        ([project("Juva", 5, 2e6), project("Juva", 5, 3e6)], "have different estimates (2000000 and 3000000)"),
        ([project("Juva", 5, None, "kevät")], "begins or ends 'kevät', neither a year nor a day"),
        ([project("", 5)], "a project on road 5 has no name"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_of_our_roads_is_said_and_of_others_it_does_not_matter(
    fetch: Any, service: Vayla, rows: list[dict[str, Any]], words: str
) -> None:
    service.layers[ROADS] = rows
    assert words in said(lambda: figures(PROJECTS, fetch(PROJECTS)))
    elsewhere = [{**row, "tieosoite": "4/1/0"} for row in rows]
    service.layers[ROADS] = [*elsewhere, project("Silta", 6, 2e6)]
    assert figures(PROJECTS, fetch(PROJECTS))["projects", "VT6"] == 1


@pytest.mark.parametrize(
    ("text", "roads"),
    [
        (5, {5}),
        (5.0, {5}),
        ("5", {5}),
        ("0005", {5}),
        (None, set()),
        ("", set()),
        ("5/201/0", {5}),
        ("5/201/0-203/1200", {5}),
        ("5/201/0 - 6/203/1200", {5, 6}),
        ("5/201/0/203/1200", {5}),
        ("4/5/22", {4}),
        ("5 201 0 203 1200", {5}),
        ("4 5 6", {4}),
        ("5/1/0; 22/3/0-22/4/0", {5, 22}),
        ("5/1/0, 22/3/0", {5, 22}),
        ("Vt 5", {5}),
        ("vt5, kt 78", {5, 78}),
        ("Valtatiet 5 ja 6", {5, 6}),
        ("Vt 5 välillä Mikkeli - Juva", {5}),
        ("Tie 22/101/0", {22}),
        ("Maantie 5800", {5800}),
        ("ks. kuvaus", set()),
        ("kehä III", set()),
        ("E63 Kuopio", set()),
    ],
)
def test_the_known_forms_of_a_road_address_are_read(text: object, roads: set[int]) -> None:
    assert vayla.roads_of(text, OURS) == roads


@pytest.mark.parametrize(
    "text", ["5, 6", "4, 5", "5 (E63)", "tie n:o 5", "noin 22 km", "5-6", "Vt 4 ja 5 km siitä x 6"]
)
def test_any_other_form_that_may_name_one_of_our_roads_is_refused(text: str) -> None:
    assert "is in no known form and may name one of the roads 5, 6, 22" in said(
        lambda: vayla.roads_of(text, OURS)
    )


@given(st.text("0123456789/-,; vtVTjakm.()E\n", max_size=30))
def test_any_address_is_read_or_refused_and_one_of_our_roads_is_never_passed_over_in_silence(
    text: str,
) -> None:
    try:
        found = vayla.roads_of(text, OURS)
    except SourceError as error:
        assert "\n" not in str(error)
    else:
        assert all(0 <= number < 100_000 for number in found)


@pytest.mark.parametrize(
    ("value", "cost"),
    [
        (12_000_000, 12e6),
        (1500.5, 1500.5),
        ("1200000", 1.2e6),
        ("1 200 000 €", 1.2e6),
        ("1.200.000,50 euroa", 1_200_000.5),
        ("12,5 milj. €", 12.5e6),
        ("noin 12 miljoonaa euroa", 12e6),
        ("12 M€", 12e6),
        ("2.5 milj.", 2.5e6),
        (None, None),
        ("", None),
        ("-", None),
        (0, None),
    ],
)
def test_estimates_are_read_in_euros(value: object, cost: float | None) -> None:
    assert vayla.cost_of(value, "x") == cost


@pytest.mark.parametrize(
    "value", [12.5, "12,5", "12-15 milj. €", "tarkentuu", True, float("nan"), -5e6, "1e7", [1]]
)
def test_an_estimate_that_is_not_sure_is_refused(value: object) -> None:
    assert "which is no amount in EUR" in said(lambda: vayla.cost_of(value, "x"))


def test_a_bare_number_counts_in_the_unit_that_the_catalogue_says() -> None:
    assert vayla.cost_of(12.5, "x", 1e6) == 12.5e6
    assert vayla.cost_of("12,5", "x", 1e6) == 12.5e6
    assert vayla.cost_of("12 milj.", "x", 1e3) == 12e6


@given(st.text("0123456789 .,€milj-", max_size=20) | st.floats() | st.integers())
def test_any_estimate_is_an_amount_or_one_line(value: object) -> None:
    try:
        cost = vayla.cost_of(value, "x")
    except SourceError as error:
        assert "\n" not in str(error)
    else:
        assert cost is None or 1000 <= cost < float("inf")


# --- rail plans -------------------------------------------------------------------------------------------


def test_plans_of_the_line_are_counted_by_stage_parts_of_one_once(fetch: Any) -> None:
    assert figures(RAIL, fetch(RAIL)) == {
        ("Ratasuunnitelma", "SAVON_RATA"): 1,
        ("Esiselvitys", "SAVON_RATA"): 1,
    }


def test_a_stage_that_all_plans_have_left_counts_zero_and_is_not_gone(fetch: Any, service: Vayla) -> None:
    reading = vayla.read(RAIL, CATALOGUE.areas_for(RAIL), as_documents(fetch(RAIL)))
    known = known_codes(reading.resolution, reading.meta)
    service.layers[PLANS][2]["vaihe"] = "Yleissuunnitelma"
    assert figures(RAIL, fetch(RAIL), known=known) == {
        ("Ratasuunnitelma", "SAVON_RATA"): 1,
        ("Esiselvitys", "SAVON_RATA"): 0,
        ("Yleissuunnitelma", "SAVON_RATA"): 1,
    }


@pytest.mark.parametrize(
    ("name", "line", "is_it"),
    [
        ("Savon rata", "", True),
        ("Savon radan turvalaitteet", "", True),
        ("Kouvolan ja Mikkelin väli", "", True),
        ("Iisalmi-Kajaani", "", True),
        ("Kajaanin ratapiha", "", False),
        ("Kouvola-Kotka", "", False),
        ("Uusi-Mikkeli Kouvolasta", "", True),
        ("Tampere-Pori", "", False),
        ("Tampere-Pori", "006", True),
        ("Tampere-Pori", "6, 7", True),
        ("Tampere-Pori", "0061", False),
    ],
)
def test_a_plan_is_of_the_line_by_a_word_two_places_or_its_number(name: str, line: str, is_it: bool) -> None:
    words = RAIL.request["lines"]["SAVON_RATA"]
    assert vayla.is_of_line(name, line, words["words"], words["places"], ["6"]) == is_it


def test_a_layer_without_any_plan_of_the_line_is_a_matter_of_words_and_not_zero(
    fetch: Any, service: Vayla
) -> None:
    service.layers[PLANS] = [{"id": 1, "nimi": "Tampere-Pori", "vaihe": "x", "ratanumero": None}]
    assert (
        "none of the 1 plans of hanketiedot:ratasuunnitelmat is of SAVON_RATA; correct its 'lines'"
        in said(lambda: figures(RAIL, fetch(RAIL)))
    )


# --- what was kept, and the entry -------------------------------------------------------------------------


def test_what_a_server_makes_up_for_one_answer_is_not_kept() -> None:
    body = orjson.dumps(
        {
            "type": "FeatureCollection",
            "numberMatched": 1,
            "timeStamp": "2027-01-15T00:00:00Z",
            "features": [
                {"id": "tiehankkeet.fid--5a1b_18f", "properties": {"nimi": "x", "irrotus_pvm": "y"}}
            ],
        }
    )
    assert orjson.loads(reducing(["nimi"], "x")(body))["features"] == [
        {"type": "Feature", "id": "", "properties": {"nimi": "x"}}
    ]


@given(
    st.binary(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["type", "features", "numberMatched", "properties", "id"]), inner
            )
        ),
        max_leaves=12,
    ).map(lambda one: orjson.dumps({"type": "FeatureCollection", **one} if isinstance(one, dict) else one))
)
def test_any_answer_is_a_page_and_a_description_or_one_line(body: bytes) -> None:
    for call in (
        lambda: page_of(body, "x"),
        lambda: reducing(["nimi"], "x")(body),
        lambda: vayla.check_fields(body, "a:b", ["nimi"]),
    ):
        try:
            call()
        except SourceError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("dataset", "change", "words"),
    [
        (PROJECTS, {"fields": {"road": "tieosoite"}}, "'fields' must name begins, cost, ends, project, road"),
        (PROJECTS, {"page_size": 0}, "'page_size' must be between"),
        (PROJECTS, {"area_field": "x"}, "unknown key 'area_field'"),
        (
            RAIL,
            {"lines": {"SAVON_RATA": {"word": ["x"]}}},
            "SAVON_RATA needs lists of words, places or numbers",
        ),
        (RAIL, {"lines": {"SAVON_RATA": {"words": "x"}}}, "SAVON_RATA needs lists"),
    ],
)
def test_a_wrong_entry_is_one_line_with_dataset_and_key(
    dataset: Dataset, change: dict[str, Any], words: str
) -> None:
    wrong = replace(dataset, request={**dataset.request, **change})
    text = said(lambda: vayla.read(wrong, CATALOGUE.areas_for(dataset), []))
    assert words in text
    assert dataset.id in text
