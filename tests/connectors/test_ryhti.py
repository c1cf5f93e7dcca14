"""Ryhti's permits and buildings: nothing is used of an answer whose filter was not heeded, and pages add up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import features, ryhti
from connectors.http import AnswerError
from connectors.pxweb import Limits
from demo.ryhti import BUILDINGS, PERMITS, Ryhti, building, permit
from demo.stand_in import StandIn
from models.catalogue import load_catalogue
from models.dataset import Dataset
from models.document import Answer, as_documents
from models.errors import SourceError
from models.reading import Reading

QUICK = Limits(100_000, 100_000, 1.0)
CATALOGUE = load_catalogue()
GRANTED = CATALOGUE.datasets["ryhti/avoimet_lupa_rakennukset"]
COMPLETED = CATALOGUE.datasets["ryhti/avoimet_rakennukset"]
AREAS = tuple(area for area in CATALOGUE.areas_for(GRANTED) if area.code in ("KU205", "KU290"))
NEW, WORK = "Uusi rakennus", "Muu muutostyö"


@pytest.fixture
def service() -> Ryhti:
    """The session's clock stands at 15 January 2027."""
    return Ryhti(
        {
            PERMITS: [
                permit("205", "2026-12-01", NEW, "LP-1"),
                permit("205", "2026-12-01", NEW, "LP-1"),  # a second building of the same permit
                permit("205", "2026-12-01", WORK, "LP-1"),
                permit("205", "2026-12-31", NEW, "LP-2"),
                permit("205", "2022-01-01", NEW, None),
                permit("205", "2022-01-31", NEW, None),
                permit("205", "2021-12-31", NEW, "LP-0"),  # before all that is asked
                permit("205", "2027-01-10", NEW, "LP-3"),  # of a month that is not over
                permit("205", "2025-05-05", None, "LP-4"),
                permit("290", "2026-12-24", NEW, "LP-5"),
                permit("091", "2026-12-24", NEW, "LP-6"),
            ],
            BUILDINGS: [
                building("205", "2025-06-01", "Puu", "Julkinen rakennus"),
                building("205", "2025-07-01", "Puu", "Pientalo"),
                building("205", "2025-07-01", "Puu", None),
                building("205", "2025-07-01", "Betoni", "Kerrostalo"),
                building("205", "2024-01-01", "Puu", "Kerrostalo"),
                building("205", "2027-01-02", "Puu", "Kerrostalo"),
                building("290", "2025-07-01", None, "Kerrostalo"),
                building("091", "2025-07-01", "Puu", "Kerrostalo"),
            ],
        }
    )


@pytest.fixture
def stand_in(service: Ryhti) -> Iterator[StandIn]:
    with StandIn({}, services={ryhti.SOURCE: service}, calls=100_000) as running:
        yield running
    assert running.errors == []


@pytest.fixture
def fetch(stand_in: StandIn, open_session: Callable[..., Any]) -> Callable[[Dataset], list[Answer]]:
    url = stand_in.urls[ryhti.SOURCE]

    def fetched(dataset: Dataset) -> list[Answer]:
        session = open_session(url)
        try:
            ryhti.fetch(dataset, AREAS, url, session.http, QUICK)
        finally:
            kept: list[Answer] = session.kept
        return kept

    return fetched


def read(dataset: Dataset, answers: Sequence[Answer]) -> Reading:
    return ryhti.read(dataset, AREAS, as_documents(answers))


def figures(dataset: Dataset, answers: Sequence[Answer]) -> dict[tuple[str, ...], float]:
    """(area, period, work) → value, those that are not zero."""
    frame = read(dataset, answers).table.frame
    names = [name for name in ("area", "period", "work") if name in frame]
    return {
        tuple(str(one[name]) for name in names): one["value"]
        for one in frame.to_dict("records")
        if one["value"] != 0
    }


def said(call: Callable[[], object]) -> str:
    with pytest.raises(SourceError) as error:
        call()
    assert "\n" not in str(error.value)
    return str(error.value)


# --- asking -----------------------------------------------------------------------------------------------


def test_the_collections_are_asked_first_then_each_municipality_by_a_filter_in_cql(fetch: Any) -> None:
    listed, kajaani, kuhmo = fetch(GRANTED)
    assert listed.url.endswith("/collections?f=application%2Fjson")
    asked = parse_qs(urlsplit(kajaani.url).query)
    assert asked["filter"] == ["kuntanumero='205' AND paatospaivamaara>='2022-01-01'"]
    assert asked["filter-lang"] == ["cql-text"]
    assert "kuntanumero%3D%27290%27" in kuhmo.url


def test_only_the_fields_that_are_counted_by_are_kept_and_not_where_the_building_is(fetch: Any) -> None:
    kept = orjson.loads(fetch(GRANTED)[1].body)
    assert {name for one in kept["features"] for name in one["properties"]} == set(
        GRANTED.request["fields"].values()
    )
    assert set(kept) == {"type", "numberMatched", "numberReturned", "features"}


def test_pages_follow_one_another_until_all_is_there(fetch: Any, service: Ryhti) -> None:
    service.most = 3
    answers = fetch(GRANTED)
    starts = [parse_qs(urlsplit(one.url).query).get("startIndex") for one in answers[1:]]
    assert starts == [None, ["3"], ["6"], None]
    assert figures(GRANTED, answers)["KU205", "2026M12", NEW] == 2


def test_pages_are_asked_for_up_to_a_number_of_them(
    fetch: Any, service: Ryhti, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.most = 2  # of the eight buildings of permits in KU205
    monkeypatch.setattr(features, "MOST_PAGES", 4)
    assert len(fetch(GRANTED)) == 6, "the collections, four pages, and the other municipality's one"
    monkeypatch.setattr(features, "MOST_PAGES", 3)
    stand_in.requests.clear()
    line = said(lambda: fetch(GRANTED))
    assert f"{GRANTED.id}: 6 of the 8 features of {PERMITS} of KU205 came in 3 pages" in line
    assert len(stand_in.requests) == 4


# --- counting ---------------------------------------------------------------------------------------------


def test_permits_count_once_by_month_and_work_in_months_that_are_over(fetch: Any) -> None:
    answers = fetch(GRANTED)
    assert figures(GRANTED, answers) == {
        ("KU205", "2026M12", NEW): 2,
        ("KU205", "2026M12", WORK): 1,
        ("KU205", "2022M01", NEW): 2,
        ("KU205", "2025M05", "ei tietoa"): 1,
        ("KU290", "2026M12", NEW): 1,
    }
    reading = read(GRANTED, answers)
    assert (reading.resolution.periods[0], reading.resolution.periods[-1]) == ("2022M01", "2026M12")
    assert reading.resolution.preliminary == {"2026M10", "2026M11", "2026M12"}


def test_wooden_buildings_count_by_year_where_their_use_counts(fetch: Any) -> None:
    answers = fetch(COMPLETED)
    assert figures(COMPLETED, answers) == {("KU205", "2025"): 1, ("KU205", "2024"): 1}
    reading = read(COMPLETED, answers)
    assert reading.resolution.periods == ("2022", "2023", "2024", "2025", "2026")
    assert reading.resolution.preliminary == {"2026"}
    assert reading.resolution.missing == (), "Kuhmo has rows, so its zero is known"


def test_a_municipality_without_any_row_is_not_known_and_not_zero(fetch: Any, service: Ryhti) -> None:
    service.collections[PERMITS] = [
        one for one in service.collections[PERMITS] if one["kuntanumero"] != "290"
    ]
    reading = read(GRANTED, fetch(GRANTED))
    assert [(one.what, one.key) for one in reading.resolution.missing] == [("area", "KU290")]
    assert "may not report to Ryhti" in reading.resolution.missing[0].reason


# --- what is not as expected ------------------------------------------------------------------------------


def test_a_filter_that_was_not_heeded_is_found_out_at_the_first_page(
    fetch: Any, service: Ryhti, stand_in: StandIn
) -> None:
    service.heeds_filter = False
    assert "has a row of the municipality '290': the filter was not heeded" in said(lambda: fetch(GRANTED))
    assert len(stand_in.requests) == 2


def test_a_filter_of_which_only_the_day_was_not_heeded_is_found_out(fetch: Any, service: Ryhti) -> None:
    service.heeds_filter = False
    service.collections[PERMITS] = [
        one for one in service.collections[PERMITS] if one["kuntanumero"] == "205"
    ]
    assert "has a row of 2021-12-31Z, before 2022-01-01: the filter was not heeded" in said(
        lambda: fetch(GRANTED)
    )


def test_a_whole_country_is_not_downloaded(fetch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ryhti, "MOST_FEATURES", 5)
    assert "more than the 5 it can have: the filter was not heeded" in said(lambda: fetch(GRANTED))


def test_a_server_that_does_not_turn_the_page_is_found_out(fetch: Any, service: Ryhti) -> None:
    service.most, service.heeds_start = 4, False
    assert "have features twice, so others are missing" in said(lambda: fetch(GRANTED))


def test_a_collection_that_is_not_there_is_said_with_those_that_are(fetch: Any, service: Ryhti) -> None:
    del service.collections[PERMITS]
    assert "has no collection 'avoimet_lupa_rakennukset', it has avoimet_rakennukset, open_address" in said(
        lambda: fetch(GRANTED)
    )


@pytest.mark.parametrize("name", ["toimenpiteen_laji", "kuntanumero", "pysyva_lupatunnus"])
def test_a_field_that_is_gone_is_said(fetch: Any, service: Ryhti, name: str) -> None:
    service.heeds_filter = False
    rows = [one for one in service.collections[PERMITS] if one["paatospaivamaara"] > "2022"]
    service.collections[PERMITS] = [{key: value for key, value in one.items() if key != name} for one in rows]
    for one in service.collections[PERMITS]:
        if "kuntanumero" in one:
            one["kuntanumero"] = "205"
    assert f"no field '{name}'" in said(lambda: fetch(GRANTED))


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (
            building("205", "2025-01-01", "Puu", "Katos"),
            "use 'Katos', which the catalogue names neither under 'uses' nor",
        ),
        (building("205", "2025-02-30", "Puu", "Kerrostalo"), "'2025-02-30Z', which is no day"),
        (building("205", "5.6.2025", "Puu", "Kerrostalo"), "'5.6.2025Z', which is no day"),
    ],
)
def test_what_nobody_named_is_said(fetch: Any, service: Ryhti, row: dict[str, Any], words: str) -> None:
    service.collections[BUILDINGS].append(row)
    assert words in said(lambda: read(COMPLETED, fetch(COMPLETED)))


def test_materials_written_otherwise_are_said_and_not_counted_as_none(fetch: Any, service: Ryhti) -> None:
    for one in service.collections[BUILDINGS]:
        one["kantavien_rakenteiden_rakennusaine"] = "01"
    assert "no building is of 'Puu', their materials are '01'" in said(
        lambda: read(COMPLETED, fetch(COMPLETED))
    )


def test_nothing_anywhere_is_not_believed(fetch: Any, service: Ryhti) -> None:
    service.collections[PERMITS] = []
    assert "none of the 2 municipalities has a row" in said(lambda: read(GRANTED, fetch(GRANTED)))


@pytest.mark.parametrize(
    "kind", ["403_page", "500", "html_200", "redirect", "wrong_content_type", "cut_body", "gzip_bomb"]
)
@pytest.mark.parametrize("where", ["collections?", "kuntanumero='290'"])
def test_a_bad_answer_ends_in_one_line(fetch: Any, stand_in: StandIn, kind: str, where: str) -> None:
    stand_in.misbehave(kind, path=where, times=None)
    with pytest.raises(AnswerError) as error:
        fetch(GRANTED)
    assert "\n" not in str(error.value)


def test_a_collection_that_was_cut_off_is_not_read_as_whole(fetch: Any, service: Ryhti) -> None:
    service.most = 3
    answers = fetch(GRANTED)
    assert "1 of 2 municipalities have no good answer, KU290 first" in said(
        lambda: read(GRANTED, answers[:-1])
    )
    del answers[2]
    assert "was given; a part is missing" in said(lambda: read(GRANTED, answers)).replace("were", "was")
    assert "no good list of collections" in said(lambda: read(GRANTED, answers[1:]))


@given(
    st.binary(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["205", "2025-01-01Z", "Puu", "x"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from([*GRANTED.request["fields"].values(), "properties", "id"]), inner
            )
        ),
        max_leaves=15,
    ).map(
        lambda one: orjson.dumps(
            {
                "type": "FeatureCollection",
                "numberMatched": len(one) if isinstance(one, list) else 1,
                "features": [{"properties": each} for each in one] if isinstance(one, list) else one,
            }
        )
    )
)
def test_any_answer_is_read_or_refused_in_one_line(body: bytes) -> None:
    at = datetime(2027, 1, 15, tzinfo=UTC)
    listed = orjson.dumps({"collections": [{"id": PERMITS}]})
    answers = [
        Answer(ryhti.SOURCE, GRANTED.id, kind, "GET", url, b"", 200, "application/json", content, at, at)
        for kind, url, content in (
            ("metadata", "https://x/collections", listed),
            ("data", "https://x/items?filter=kuntanumero%3D%27205%27&startIndex=0", body),
        )
    ]
    try:
        ryhti.read(GRANTED, AREAS[:1], as_documents(answers))
    except SourceError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("dataset", "change", "words"),
    [
        (GRANTED, {"fields": {"day": "x"}}, "'fields' must name day, municipality, permit, work"),
        (COMPLETED, {"materials": []}, "'materials' is empty"),
        (COMPLETED, {"uses": [["Kerrostalo"]]}, "'uses' must be a list of texts"),
        (GRANTED, {"page_size": 20_000}, "'page_size' must be between 1 and 10000"),
        (GRANTED, {"preliminary": -1}, "'preliminary' is a number of periods"),
        (GRANTED, {"area_field": "kuntanumero"}, "unknown key 'area_field'"),
    ],
)
def test_a_wrong_entry_is_one_line_with_dataset_and_key(
    dataset: Dataset, change: dict[str, Any], words: str
) -> None:
    text = said(lambda: read(replace(dataset, request={**dataset.request, **change}), []))
    assert words in text
    assert dataset.id in text
