"""Vipunen, asked over HTTP and read from what was kept: sums of our areas and classes, or one line why not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import vipunen
from demo import vipunen as service_of
from demo.stand_in import StandIn
from demo.vipunen import Resource, Vipunen
from models.area import Area
from models.catalogue import load_catalogue
from models.dataset import Dataset
from models.document import Answer, as_documents
from models.errors import SourceError
from models.reading import Reading

CATALOGUE = load_catalogue()
NAME = "korkeakoulutus_hakeneet_ja_paikan_vastaanottaneet"
APPLICANTS = CATALOGUE.datasets[f"vipunen/{NAME}"]
AREAS = CATALOGUE.areas_for(APPLICANTS)
KAMK = "Kajaanin ammattikorkeakoulu"
FIQL = f'korkeakoulu=="{KAMK}"'
BASE = "https://api.vipunen.fi/api"
NOW = datetime(2026, 9, 1, 6, tzinfo=UTC)
FIELDS = (
    "koulutuksenAlkamisvuosi",
    "hakukohde",
    "valintatapajononTyyppi",
    "kuntaHakukohde",
    "korkeakoulu",
    "aloituspaikatLkm",
    "kaikkiHakijatLkm",
    "ensisijaisetHakijatLkm",
    "tietojoukkoPaivitettyPvm",
)


def a_row(year: Any, place: Any, **measures: Any) -> dict[str, Any]:
    empty = dict.fromkeys(FIELDS)
    known = {
        "koulutuksenAlkamisvuosi": year,
        "kuntaHakukohde": place,
        "korkeakoulu": KAMK,
        "tietojoukkoPaivitettyPvm": "2026-03-04",
    }
    return empty | known | measures


# one target over three rows, as the service gives it: each measure on another row
ROWS = [
    a_row(2025, "Kajaani", aloituspaikatLkm=40),
    a_row(
        2025, "Kajaani", valintatapajononTyyppi="Ei valittu", kaikkiHakijatLkm=300, ensisijaisetHakijatLkm=90
    ),
    a_row(2025, "Kajaani", valintatapajononTyyppi="Todistusvalinta", kaikkiHakijatLkm=12),
    a_row(2025, "Raahe", aloituspaikatLkm=20),
    a_row(2025, "Kuusamo", aloituspaikatLkm=5, kaikkiHakijatLkm=7),
    a_row(2025, None, kaikkiHakijatLkm=3),
    a_row(2024, "Kajaani", aloituspaikatLkm=35, kaikkiHakijatLkm=250, ensisijaisetHakijatLkm=80),
]


def an_answer(kind: str, path: str, told: object, at: datetime = NOW) -> Answer:
    body = told if isinstance(told, bytes) else orjson.dumps(told)
    url = f"{BASE}/resources/{NAME}{path}"
    return Answer("vipunen", APPLICANTS.id, kind, "GET", url, b"", 200, "application/json", body, at, at)


def the_answers(
    rows: Any = ROWS, names: Sequence[str] = FIELDS, count: Any = ..., fiql: str = FIQL, pages: int = 1
) -> list[Answer]:
    told = [{"name": one, "type": "string"} for one in names] if isinstance(names, tuple) else names
    counted = (len(rows) if isinstance(rows, list) else 1) if count is ... else count
    asked = f"filter={quote(fiql, safe='')}"
    answers = [
        an_answer("metadata", "", told),
        an_answer("listing", f"/data/count?{asked}", counted, NOW + timedelta(seconds=1)),
    ]
    size = -(-len(rows) // pages) if isinstance(rows, list) and rows else 1
    for page in range(pages):
        part = rows[page * size : (page + 1) * size] if isinstance(rows, list) else rows
        at = NOW + timedelta(seconds=2 + page)
        answers.append(an_answer("data", f"/data?{asked}&limit={size}&offset={page * size}", part, at))
    return answers


def read_one(
    answers: Sequence[Answer], dataset: Dataset = APPLICANTS, areas: Sequence[Area] = AREAS
) -> Reading:
    return vipunen.read(dataset, areas, as_documents(answers))


def why_not(answers: Sequence[Answer], dataset: Dataset = APPLICANTS) -> str:
    with pytest.raises(SourceError) as caught:
        read_one(answers, dataset)
    text = str(caught.value)
    assert "\n" not in text and text.startswith(f"{APPLICANTS.id}: ")
    return text


def cells(reading: Reading) -> dict[tuple[str, str, str], float | str]:
    """(content, place, period) → figure, or its symbol where it is missing."""
    frame = reading.table.frame
    return {
        (str(row.content), str(row.place), str(row.period)): row.value
        if row.value == row.value
        else row.symbol
        for row in frame.itertuples()
    }


def requested(**changes: Any) -> Dataset:
    request = {**APPLICANTS.request, **changes}
    return replace(APPLICANTS, request={key: one for key, one in request.items() if one is not ...})


class TestReading:
    def test_a_measure_is_the_sum_over_all_rows_of_its_year_and_place(self):
        found = cells(read_one(the_answers()))
        assert found["study_places", "kajaani", "2025"] == 40
        assert found["applicants", "kajaani", "2025"] == 312
        assert found["primary_applicants", "kajaani", "2025"] == 90
        assert found["applicants", "kajaani", "2024"] == 250

    def test_other_places_and_none_are_one_class(self):
        found = cells(read_one(the_answers()))
        assert found["study_places", "other", "2025"] == 25
        assert found["applicants", "other", "2025"] == 10

    def test_a_measure_that_is_empty_on_every_row_is_not_known(self):
        assert cells(read_one(the_answers()))["primary_applicants", "other", "2025"] == ""

    def test_a_class_without_a_row_in_a_year_that_has_rows_is_none_at_all(self):
        assert cells(read_one(the_answers()))["study_places", "other", "2024"] == 0
        unknown = read_one(the_answers(), requested(absent=...))
        assert cells(unknown)["study_places", "other", "2024"] == ""

    @pytest.mark.parametrize("hidden", ["1-4", "1–4", " 1 - 4 "])
    def test_a_sum_with_a_hidden_part_is_not_known_and_the_others_are(self, hidden):
        rows = [*ROWS, a_row(2025, "Kajaani", kaikkiHakijatLkm=hidden)]
        found = cells(read_one(the_answers(rows)))
        assert found["applicants", "kajaani", "2025"] == "..."
        assert found["applicants", "kajaani", "2024"] == 250
        assert found["study_places", "kajaani", "2025"] == 40

    def test_the_source_may_write_numbers_as_texts(self):
        rows = [a_row("2025", "Kajaani", kaikkiHakijatLkm="300", ensisijaisetHakijatLkm=""), *ROWS[:1]]
        found = cells(read_one(the_answers(rows)))
        assert found["applicants", "kajaani", "2025"] == 300
        assert found["primary_applicants", "kajaani", "2025"] == ""

    def test_several_pages_are_one_answer_in_whatever_order_they_were_kept(self):
        whole = cells(read_one(the_answers()))
        for pages in (2, 3, 7):
            assert cells(read_one(the_answers(pages=pages)[::-1])) == whole

    def test_years_before_the_catalogues_first_are_left_out(self):
        rows = [*ROWS, a_row(2014, "Kajaani", kaikkiHakijatLkm=1)]
        assert read_one(the_answers(rows)).resolution.periods == ("2024", "2025")

    def test_a_year_that_was_not_over_when_the_data_were_renewed_is_no_year_yet(self):
        rows = [*ROWS, a_row(2026, "Kajaani", kaikkiHakijatLkm=30)]
        assert cells(read_one(the_answers(rows))) == cells(read_one(the_answers()))
        over = [one | {"tietojoukkoPaivitettyPvm": "2027-01-01"} for one in rows]
        assert cells(read_one(the_answers(over)))["applicants", "kajaani", "2026"] == 30
        assert "of a year that is asked and over" in why_not(the_answers(rows[-1:]))

    def test_school_years_are_periods_too(self):
        rows = [one | {"koulutuksenAlkamisvuosi": "2024/2025"} for one in ROWS[:6]]
        school = replace(APPLICANTS, first_period="2010/2011")
        assert read_one(the_answers(rows), school).resolution.periods == ("2024/2025",)

    def test_the_release_is_the_day_the_rows_name(self):
        reading = read_one(the_answers())
        assert reading.table.updated == datetime(2026, 3, 4, tzinfo=UTC)
        assert reading.settled and vipunen.release_query(reading)
        today = [one | {"tietojoukkoPaivitettyPvm": "2026-09-01"} for one in ROWS]
        assert vipunen.release_query(read_one(the_answers(today))) == b""

    def test_a_class_that_takes_nothing_keeps_the_sources_texts_apart(self):
        (place,) = APPLICANTS.classes
        apart = replace(requested(rest=..., absent=...), classes=(replace(place, take=()),))
        found = cells(read_one(the_answers(), apart))
        assert found["study_places", "Raahe", "2025"] == 20
        assert {place for _, place, _ in found} == {"Kajaani", "Raahe", "Kuusamo", ""}

    def test_of_classes_without_a_rest_only_the_named_are_taken(self):
        (place,) = APPLICANTS.classes
        named = tuple(one for one in place.take if one.key == "kajaani")
        only = replace(requested(rest=...), classes=(replace(place, take=named),))
        assert {place for _, place, _ in cells(read_one(the_answers(), only))} == {"kajaani"}

    def test_older_and_bad_answers_are_passed_over(self):
        good = the_answers()
        older = [
            replace(
                one, asked_at=one.asked_at - timedelta(days=1), fetched_at=one.fetched_at - timedelta(days=1)
            )
            for one in the_answers(ROWS[:2])
        ]
        bad = [replace(one, status=500) for one in good]
        assert cells(read_one([*good, *older, *bad])) == cells(read_one(good))


class TestRefusing:
    def test_fields_that_are_gone_are_named_with_those_that_look_like_them(self):
        renamed = tuple(
            {"kaikkiHakijatLkm": "kaikkiHakijatLkm2", "kuntaHakukohde": "hakukohdeKunta"}.get(one, one)
            for one in FIELDS
        )
        text = why_not(the_answers(names=renamed))
        assert "lacks the field 'kaikkiHakijatLkm' (it has 'kaikkiHakijatLkm2'" in text
        assert "'kuntaHakukohde'" in text and "'aloituspaikatLkm'" not in text

    @pytest.mark.parametrize("names", [[], {}, [1], [{"nimi": "x"}], b"{", "text"])
    def test_a_description_of_another_shape_is_refused(self, names):
        why_not(the_answers(names=names))

    @pytest.mark.parametrize(
        ("count", "word"),
        [
            (8, "7 rows came and 8 were counted: the data changed meanwhile"),
            (6, "7 rows came and 6 were counted"),
            (0, 'no rows with korkeakoulu=="Kajaanin ammattikorkeakoulu"'),
            (9_000_000, "more than the 200000"),
            ("7", "is no number"),
            (True, "is no number"),
            (-1, "is no number"),
            ([], "is no number"),
        ],
    )
    def test_a_count_that_is_not_that_of_the_rows_is_refused(self, count, word):
        assert word in why_not(the_answers(count=count))

    def test_a_page_that_is_lacking_is_found_out(self):
        answers = the_answers(pages=3)
        assert "do not join" in why_not([*answers[:3], answers[4]])
        assert "were counted" in why_not(answers[:4])
        assert "no good page" in why_not(answers[:2])

    def test_rows_of_two_releases_are_not_mixed(self):
        rows = [*ROWS, a_row(2023, "Kajaani", tietojoukkoPaivitettyPvm="2026-09-01")]
        assert "a release came while the pages were fetched" in why_not(the_answers(rows))

    @pytest.mark.parametrize(
        ("change", "word"),
        [
            ({"korkeakoulu": "Oulun ammattikorkeakoulu"}, "the filter was not heeded"),
            ({"koulutuksenAlkamisvuosi": None}, "koulutuksenAlkamisvuosi: 'None' is no period"),
            ({"koulutuksenAlkamisvuosi": "kevät"}, "is no period"),
            ({"kaikkiHakijatLkm": "noin 5"}, "'noin 5' stands for a count in kaikkiHakijatLkm"),
            ({"kaikkiHakijatLkm": True}, "'True' stands for a count"),
            ({"kaikkiHakijatLkm": [1]}, "stands for a count"),
        ],
    )
    def test_a_row_that_was_not_asked_or_cannot_be_read_is_refused(self, change, word):
        assert word in why_not(the_answers([ROWS[0] | change, *ROWS]))

    @pytest.mark.parametrize("stamp", [None, "eilen", 5])
    def test_rows_without_a_time_that_is_known_are_refused(self, stamp):
        rows = [one | {"tietojoukkoPaivitettyPvm": stamp} for one in ROWS]
        assert "no time that is known" in why_not(the_answers(rows))

    @pytest.mark.parametrize("field", FIELDS[3:])
    def test_a_row_that_lacks_a_field_is_refused(self, field):
        short = {key: one for key, one in ROWS[0].items() if key != field}
        assert f"lacks the field '{field}'" in why_not(the_answers([short, *ROWS]))

    def test_a_class_that_no_row_has_was_renamed_and_is_not_nought(self):
        rows = [one | {"kuntaHakukohde": one["kuntaHakukohde"] and "Kajaani kunta"} for one in ROWS]
        text = why_not(the_answers(rows))
        assert "no row has 'Kajaani' for the class place=kajaani; it has 'Kajaani kunta'" in text

    def test_rows_asked_with_another_filter_are_to_be_fetched_again(self):
        assert "another filter; fetch them again" in why_not(the_answers(fiql='korkeakoulu=="Muu"'))

    @pytest.mark.parametrize(
        ("changes", "word"),
        [
            ({"aggregate": "sum"}, "'aggregate' under request is not read; known are resource"),
            ({"resource": ...}, "needs 'resource'"),
            ({"resource": "a/../b"}, "needs 'resource'"),
            ({"areas": ...}, "needs 'areas'"),
            ({"areas": {"02473": 'KAMK" or "'}}, "needs 'areas'"),
            ({"filter": {"sektori": []}}, "no usable values for 'sektori'"),
            ({"filter": {"korkeakoulu": "x"}}, "no usable values for 'korkeakoulu'"),
            ({"filter": "sektori"}, "'filter' under request must be a set of keys"),
            ({"rest": {"place": "elsewhere"}}, "place=elsewhere, which is no class"),
            ({"absent": "nought"}, "'absent' under request is null or zero"),
        ],
    )
    def test_a_wrong_request_is_one_line_with_the_key(self, changes, word):
        assert word in why_not(the_answers(), requested(**changes))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.one_of(
        st.tuples(st.just("names"), st.one_of(st.binary(max_size=40), json_values)),
        st.tuples(st.just("count"), st.one_of(st.binary(max_size=40), json_values)),
        st.tuples(st.just("body"), st.one_of(st.binary(max_size=40), json_values)),
        st.tuples(st.sampled_from(FIELDS), json_values),
    )
)
def test_whatever_comes_is_read_or_refused_in_one_line(change):
    what, told = change
    if what == "body":
        answers = [
            *the_answers()[:2],
            replace(the_answers()[2], body=told if isinstance(told, bytes) else orjson.dumps(told)),
        ]
    elif what in FIELDS:
        answers = the_answers([ROWS[0] | {what: told}, *ROWS])
    else:
        answers = the_answers(**{what: told})
    try:
        reading = read_one(answers)
    except SourceError as error:
        assert "\n" not in str(error)
    else:
        assert np.isfinite(reading.table.frame["value"].dropna()).all()


class TestAsking:
    @pytest.fixture
    def service(self) -> Vipunen:
        others = [one | {"korkeakoulu": "Oulun ammattikorkeakoulu"} for one in ROWS]
        fields = dict.fromkeys(FIELDS, "string")
        return Vipunen({NAME: Resource(fields, [*others, *ROWS]), "opinnaytetyot": Resource({}, [])})

    @pytest.fixture
    def stand_in(self, service: Vipunen) -> Iterator[StandIn]:
        with StandIn({}, services={"vipunen": service}, calls=10_000, window=1.0) as running:
            yield running
        assert running.errors == []

    @pytest.fixture
    def asking(self, stand_in: StandIn, open_session: Callable[..., Any]) -> Any:
        return open_session(stand_in.urls["vipunen"])

    def fetch(self, stand_in: StandIn, asking: Any, dataset: Dataset = APPLICANTS) -> Reading:
        url = stand_in.urls["vipunen"]
        limits = replace(vipunen.config(url, asking.http), calls=10_000, window_seconds=1.0)
        vipunen.fetch(dataset, AREAS, url, asking.http, limits)
        return vipunen.read(dataset, AREAS, as_documents(asking.kept))

    def release(self, stand_in: StandIn, asking: Any) -> datetime | None:
        url = stand_in.urls["vipunen"]
        limits = replace(vipunen.config(url, asking.http), calls=10_000, window_seconds=1.0)
        return vipunen.release(APPLICANTS, url, asking.http, limits, b"limit=1")

    def asked(self, stand_in: StandIn) -> list[tuple[str, Mapping[str, list[str]]]]:
        parts = [urlsplit(one.path) for one in stand_in.requests]
        return [(one.path.partition("/resources")[2], parse_qs(one.query)) for one in parts]

    def test_the_fields_the_count_and_the_filtered_rows_are_asked(self, stand_in, asking):
        assert cells(self.fetch(stand_in, asking)) == cells(read_one(the_answers()))
        assert self.asked(stand_in) == [
            (f"/{NAME}", {}),
            (f"/{NAME}/data/count", {"filter": [FIQL]}),
            (f"/{NAME}/data", {"filter": [FIQL], "limit": ["10000"], "offset": ["0"]}),
        ]
        assert [one.kind for one in asking.kept] == ["metadata", "listing", "data"]

    def test_the_filter_is_percent_encoded_and_the_caller_says_who_it_is(self, stand_in, asking):
        self.fetch(stand_in, asking)
        assert "filter=korkeakoulu%3D%3D%22Kajaanin%20ammattikorkeakoulu%22&" in stand_in.requests[2].path
        assert {one.headers["Caller-Id"] for one in stand_in.requests} == {"mittaristo"}

    def test_further_filters_are_joined_and_lists_are_one_condition(self, stand_in, asking, service):
        service.resources[NAME].rows += [
            a_row(2024, "Raahe", hakukohde="Insinööri (AMK)", aloituspaikatLkm=9)
        ]
        service.resources[NAME].rows[7]["hakukohde"] = "Sairaanhoitaja"
        dataset = requested(
            filter={
                "hakukohde": ["Sairaanhoitaja", "Insinööri (AMK)"],
                "koulutuksenAlkamisvuosi": [2024, 2025],
            }
        )
        found = cells(self.fetch(stand_in, asking, dataset))
        assert found["study_places", "kajaani", "2025"] == 40 and found["study_places", "other", "2024"] == 9
        assert self.asked(stand_in)[1][1]["filter"] == [
            f'{FIQL};hakukohde=in=("Sairaanhoitaja","Insinööri (AMK)");koulutuksenAlkamisvuosi=in=(2024,2025)'
        ]

    def test_a_server_that_gives_smaller_pages_is_asked_for_the_rest(self, stand_in, asking, service):
        service.resources[NAME].largest_page = 3
        assert cells(self.fetch(stand_in, asking)) == cells(read_one(the_answers()))
        assert [query["offset"] for path, query in self.asked(stand_in) if path.endswith("/data")] == [
            ["0"],
            ["3"],
            ["6"],
        ]

    @pytest.mark.parametrize(("off", "calls"), [(1, 4), (-1, 3)])
    def test_a_count_that_differs_from_the_rows_fails(self, stand_in, asking, service, off, calls):
        service.counts_off = off
        with pytest.raises(SourceError, match="the data changed meanwhile"):
            self.fetch(stand_in, asking)
        assert len(stand_in.requests) == calls

    def test_no_row_is_asked_for_where_a_field_was_renamed(self, stand_in, asking, service):
        fields = service.resources[NAME].fields
        fields["aloituspaikat"] = fields.pop("aloituspaikatLkm")
        with pytest.raises(SourceError, match=r"lacks the field 'aloituspaikatLkm' \(it has 'aloituspaikat'"):
            self.fetch(stand_in, asking)
        assert len(stand_in.requests) == 1

    def test_a_resource_that_is_gone_is_told_with_those_like_it(self, stand_in, asking):
        with pytest.raises(SourceError, match="no resource 'opinnaytetyo'; it has 'opinnaytetyot'"):
            self.fetch(stand_in, asking, requested(resource="opinnaytetyo"))
        assert self.asked(stand_in)[-1] == ("", {})

    def test_a_resource_that_is_not_open_says_so(self, stand_in, asking, service):
        service.resources[NAME].restricted = True
        with pytest.raises(SourceError, match="401: the resource is not open to everybody"):
            self.fetch(stand_in, asking)
        with pytest.raises(SourceError, match="not open"):
            self.release(stand_in, asking)

    def test_the_release_check_is_one_row_and_gives_the_readings_own_time(self, stand_in, asking):
        reading = self.fetch(stand_in, asking)
        before = len(stand_in.requests)
        assert self.release(stand_in, asking) == reading.table.updated
        assert len(stand_in.requests) == before + 1
        assert self.asked(stand_in)[-1][1]["limit"] == ["1"] and len(orjson.loads(asking.kept[-1].body)) == 1

    def test_without_a_row_of_ours_the_release_is_not_known(self, stand_in, asking, service):
        service.resources[NAME].rows = []
        assert self.release(stand_in, asking) is None

    @pytest.mark.parametrize("place", [f"/{NAME}", "/data/count", "/data?"])
    @pytest.mark.parametrize(
        "kind",
        [
            "403_page",
            "500",
            "cut_body",
            "html_200",
            "wrong_content_type",
            "invalid_utf8",
            "redirect",
            "no_answer",
        ],
    )
    def test_every_bad_answer_ends_in_one_clear_line(self, stand_in, asking, place, kind):
        stand_in.misbehave(kind, path=place, times=None)
        with pytest.raises(SourceError) as caught:
            self.fetch(stand_in, asking)
        text = str(caught.value)
        assert "\n" not in text and text.startswith(f"{APPLICANTS.id}: ") and len(text) > 40

    def test_made_up_rows_of_the_stand_in_are_read_whole(self, open_session):
        service = service_of.synthetic(CATALOGUE)
        with StandIn({}, services={"vipunen": service}, calls=10_000, window=1.0) as stand_in:
            reading = self.fetch(stand_in, open_session(stand_in.urls["vipunen"]))
        found = cells(reading)
        assert len(found) == 3 * 2 * len(reading.resolution.periods)
        hidden = [key for key, value in found.items() if value == "..."]
        assert 0 < len(hidden) < len(found) / 3
        assert all(isinstance(value, float) and value > 0 for value in found.values() if value != "...")


class TestRecordings:
    def test_a_recorded_list_of_fields_is_read(self, recordings: Path):
        folder = recordings / "vipunen"
        body = (folder / "resource_julkaisut_fields_2019.json").read_bytes()
        names = {one["name"] for one in json.loads(body)}
        assert {"tilastovuosi", "ammattikorkeakoulu"} <= names
        dataset = requested(area_field="ammattikorkeakoulu", time_field="tilastovuosi")
        text = why_not([replace(the_answers()[0], body=body), *the_answers()[1:]], dataset)
        assert "lacks the field" in text and "'tilastovuosi'" not in text

    def test_a_recorded_count_is_a_bare_integer(self, recordings: Path):
        body = (recordings / "vipunen" / "avoin_yliopisto_count_2019.json").read_bytes()
        assert "7 rows came and 342 were counted" in why_not(the_answers(count=body))

    def test_the_recorded_resources_are_a_list_of_names(
        self, recordings: Path, stand_in_names=("julkaisut",)
    ):
        names = json.loads((recordings / "vipunen" / "resources_2019.json").read_bytes())
        assert set(stand_in_names) <= set(names) and all(isinstance(one, str) for one in names)
