"""Sotkanet, asked over HTTP and read from what was kept: figures of our areas, or one line why not."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import sotkanet
from demo import sotkanet as service_of
from demo.sotkanet import Region, Sotkanet
from demo.stand_in import StandIn
from models.area import Area
from models.catalogue import load_catalogue
from models.dataset import ClassVariable, Dataset, ValueChoice
from models.document import Answer, as_documents
from models.errors import SourceError
from models.reading import Reading

CATALOGUE = load_catalogue()
POPULATION = CATALOGUE.datasets["sotkanet/127"]
AREAS = CATALOGUE.areas_for(POPULATION)
KAJAANI, KAINUU, COUNTRY = (
    next(one for one in AREAS if one.code == code) for code in ("KU205", "MK18", "SSS")
)
BASE = "https://sotkanet.fi/rest/1.1"
NOW = datetime(2026, 9, 1, 6, tzinfo=UTC)


def an_answer(kind: str, path: str, told: object) -> Answer:
    body = told if isinstance(told, bytes) else orjson.dumps(told)
    return Answer(
        "sotkanet",
        "sotkanet/127",
        kind,
        "GET",
        f"{BASE}/{path}",
        b"",
        200,
        "application/json",
        body,
        NOW,
        NOW,
    )


REGIONS = [
    {"id": 94, "code": "205", "category": "KUNTA", "title": {"fi": "Kajaani"}},
    {"id": 504, "code": "18", "category": "MAAKUNTA", "title": {"fi": "Kainuu"}},
    {"id": 616, "code": "18", "category": "SAIRAANHOITOPIIRI", "title": {"fi": "Pohjois-Pohjanmaan shp"}},
    {"id": 658, "code": "358", "category": "MAA", "title": {"fi": "Koko maa"}},
    {"id": 46, "code": "091", "category": "KUNTA", "title": {"fi": "Helsinki"}},
]
DESCRIPTION = {
    "id": 127,
    "title": {"fi": "Väestö 31.12."},
    "range": {"start": 2000, "end": 2002},
    "data-updated": "2026-06-10",
    "classifications": {
        "sex": {"values": ["male", "female", "total"]},
        "region": {"values": ["Kunta", "Maakunta", "Maa"]},
    },
}
ROWS = [
    {"indicator": 127, "region": region, "year": year, "gender": "total", "value": value, "absValue": value}
    for region, year, value in [
        (94, 2000, 38912),
        (94, 2001, 38739),
        (94, 2002, 38562),
        (504, 2002, 80000),
        (46, 2001, 559718),
    ]
]
ASKED = "json?indicator=127&years=2000&years=2001&years=2002&genders=total"
THREE = (KAJAANI, KAINUU, COUNTRY)


def the_answers(
    regions: object = REGIONS, description: object = DESCRIPTION, rows: object = ROWS, asked: str = ASKED
) -> list[Answer]:
    return [
        an_answer("metadata", "regions", regions),
        an_answer("metadata", "indicators/127", description),
        an_answer("data", asked, rows),
    ]


def read_one(
    answers: Sequence[Answer], areas: Sequence[Area] = THREE, dataset: Dataset = POPULATION
) -> Reading:
    return sotkanet.read(dataset, areas, as_documents(answers))


def why_not(answers: Sequence[Answer], areas: Sequence[Area] = THREE, dataset: Dataset = POPULATION) -> str:
    with pytest.raises(SourceError) as caught:
        read_one(answers, areas, dataset)
    text = str(caught.value)
    assert "\n" not in text and text.startswith("sotkanet/127: ") and text.count("sotkanet/127: ") == 1
    return text


def figures(reading: Reading, area: str = "KU205") -> dict[str, float]:
    frame = reading.table.frame
    rows = frame[(frame["area"] == area) & frame["value"].notna()]
    return dict(sorted(zip(rows["period"].astype(str), rows["value"], strict=True)))


def requested(**changes: Any) -> Dataset:
    request = {**POPULATION.request, **changes}
    return replace(POPULATION, request={key: one for key, one in request.items() if one is not ...})


class TestReading:
    def test_figures_of_our_areas_are_read_and_those_of_others_are_not(self):
        reading = read_one(the_answers())
        assert figures(reading) == {"2000": 38912, "2001": 38739, "2002": 38562}
        assert figures(reading, "MK18") == {"2002": 80000}
        assert set(reading.table.frame["area"].cat.categories) == {"KU205", "MK18", "SSS"}

    def test_what_has_no_row_is_neither_null_with_a_symbol_nor_zero(self):
        frame = read_one(the_answers()).table.frame
        empty = frame[(frame["area"] == "SSS")]
        assert len(empty) == 3 and empty["value"].isna().all() and (empty["symbol"] == "").all()

    def test_the_release_is_the_day_the_indicator_names(self):
        reading = read_one(the_answers())
        assert reading.table.updated == datetime(2026, 6, 10, tzinfo=UTC)
        assert reading.settled and sotkanet.release_query(reading)

    def test_a_day_that_was_not_over_tells_nothing_of_the_next_release(self):
        today = read_one(the_answers(description=DESCRIPTION | {"data-updated": "2026-09-01"}))
        assert today.table.updated == datetime(2026, 9, 1, tzinfo=UTC)
        assert sotkanet.release_query(today) == b""

    def test_an_indicator_without_a_day_is_fetched_anew_each_time(self):
        silent = {key: one for key, one in DESCRIPTION.items() if key != "data-updated"}
        reading = read_one(the_answers(description=silent))
        assert reading.table.updated is None and sotkanet.release_query(reading) == b""

    def test_rows_of_older_answers_are_the_same_figures(self):
        old = [
            {
                "region": str(one["region"]),
                "indicator": "127",
                "primary value": str(one["value"]),
                "gender": "total",
                "year": str(one["year"]),
            }
            for one in ROWS
        ]
        assert figures(read_one(the_answers(rows=old))) == figures(read_one(the_answers()))

    @pytest.mark.parametrize("value", [12.5, "12.5", "12,5", " 12.5 "])
    def test_a_figure_may_be_a_text_with_either_decimal_mark(self, value):
        assert figures(read_one(the_answers(rows=[ROWS[0] | {"value": value}]))) == {"2000": 12.5}

    @pytest.mark.parametrize("value", [None, "", " "])
    def test_an_empty_figure_is_none(self, value):
        reading = read_one(the_answers(rows=[ROWS[0] | {"value": value}, ROWS[1]]))
        assert figures(reading) == {"2001": 38739}

    def test_years_without_a_row_for_any_region_are_not_covered(self):
        wider = DESCRIPTION | {"range": {"start": 1990, "end": 2005}}
        years = "&".join(f"years={year}" for year in range(2000, 2006))
        reading = read_one(the_answers(description=wider, asked=f"json?indicator=127&{years}&genders=total"))
        assert reading.resolution.periods == ("2000", "2001", "2002")

    def test_the_catalogues_first_period_bounds_what_is_taken(self):
        later = replace(POPULATION, first_period="2001")
        assert figures(read_one(the_answers(), dataset=later)) == {"2001": 38739, "2002": 38562}

    def test_genders_may_be_kept_apart_by_a_class(self):
        take = tuple(ValueChoice(key, code=(code,)) for key, code in (("men", "male"), ("women", "female")))
        apart = replace(
            requested(genders=["male", "female"]), classes=(ClassVariable("sex", ("gender",), take),)
        )
        rows = [
            ROWS[0] | {"gender": gender, "value": value} for gender, value in (("male", 1), ("female", 2))
        ]
        asked = ASKED.replace("genders=total", "genders=male&genders=female")
        reading = read_one(the_answers(rows=rows, asked=asked), dataset=apart)
        frame = reading.table.frame.dropna(subset="value")
        assert dict(zip(frame["sex"].astype(str), frame["value"], strict=True)) == {"men": 1, "women": 2}

    def test_of_answers_that_came_twice_the_newest_is_read(self):
        older = [replace(one, fetched_at=NOW.replace(hour=1)) for one in the_answers(rows=ROWS[:1])]
        assert figures(read_one([*the_answers(), *older])) == figures(read_one(the_answers()))

    def test_bad_and_foreign_answers_are_passed_over(self):
        good = the_answers()
        bad = [replace(one, status=500) for one in good] + [replace(one, error="cut") for one in good]
        foreign = [replace(one, dataset_id="sotkanet/3219", body=b"no") for one in good]
        assert figures(read_one([*bad, *good, *foreign])) == figures(read_one(good))
        assert "no good answer of /regions" in why_not([*bad, *foreign])

    def test_a_figure_that_comes_twice_is_left_for_the_gate_to_see(self):
        assert len(read_one(the_answers(rows=[*ROWS, ROWS[0]])).table.frame) == 10


class TestRegions:
    def test_an_id_that_is_another_region_now_is_refused_with_the_id_to_write(self):
        moved = [one | {"id": {94: 46, 46: 94}.get(one["id"], one["id"])} for one in REGIONS]
        text = why_not(the_answers(regions=moved))
        assert "94, given for KU205, is KUNTA 091 'Helsinki', and its id is 46 now" in text
        assert "correct request.region_ids" in text

    def test_an_id_that_is_gone_is_refused_with_the_id_to_write(self):
        renumbered = [one | {"id": 1094} if one["id"] == 94 else one for one in REGIONS]
        assert "is no region any more, and its id is 1094 now" in why_not(the_answers(regions=renumbered))

    def test_the_same_code_of_another_category_is_not_the_area(self):
        dataset = requested(region_ids={"MK18": 616})
        assert "616, given for MK18, is SAIRAANHOITOPIIRI 18" in why_not(the_answers(), dataset=dataset)

    def test_an_area_without_an_id_in_the_catalogue_is_found_by_category_and_code(self):
        assert figures(read_one(the_answers(), dataset=requested(region_ids=...)))["2002"] == 38562

    def test_an_area_that_sotkanet_has_not_is_reported_as_missing(self):
        gone = [one for one in REGIONS if one["id"] != 504]
        reading = read_one(the_answers(regions=gone, rows=ROWS[:3]))
        assert [(one.what, one.key) for one in reading.resolution.missing] == [("area", "MK18")]
        assert "Kainuu is no MAAKUNTA" in reading.resolution.missing[0].reason

    def test_two_countries_are_not_guessed_between(self):
        two = [*REGIONS, REGIONS[3] | {"id": 659}]
        assert "say which" in why_not(the_answers(regions=two), dataset=requested(region_ids=...))

    @pytest.mark.parametrize(
        ("regions", "word"),
        [
            ([], "no list, or empty"),
            ({}, "no list, or empty"),
            ([{"id": 94, "code": "205"}], "without id, code and category"),
            ([5], "without id, code and category"),
            ([*REGIONS, REGIONS[0]], "id 94 twice"),
            (b"<html>", "cannot be read as JSON"),
        ],
    )
    def test_a_list_of_another_shape_is_refused(self, regions, word):
        assert word in why_not(the_answers(regions=regions))


class TestDescription:
    @pytest.mark.parametrize(
        ("change", "word"),
        [
            ({"id": 128}, "is of '128'"),
            ({"range": None}, "names no years"),
            ({"range": {"start": 2005, "end": 2001}}, "names no years"),
            ({"range": {"start": 0, "end": 99999999}}, "names no years"),
            ({"data-updated": "soon"}, "data-updated 'soon', which is no time"),
            ({"classifications": {"sex": {"values": ["male"]}}}, "has no gender total"),
            (
                {"classifications": {"region": {"values": ["Maakunta", "Maa"]}}},
                "no figures by KUNTA; it has MAA, MAAKUNTA: take 'municipality' out of 'levels'",
            ),
            ({"range": {"start": 1990, "end": 1999}}, "begins at 2000, but the indicator ends with 1999"),
        ],
    )
    def test_what_does_not_fit_the_catalogue_is_refused(self, change, word):
        assert word in why_not(the_answers(description=DESCRIPTION | change))

    @pytest.mark.parametrize("body", [b"[]", b"null", b"3", b"{"])
    def test_no_object_is_no_description(self, body):
        why_not(the_answers(description=body))


class TestFigures:
    @pytest.mark.parametrize(
        ("change", "word"),
        [
            ({"indicator": 128}, "of indicator '128', not 127"),
            ({"gender": "male"}, "not the region, year and gender"),
            ({"region": "Kajaani"}, "not the region, year and gender"),
            ({"year": 2003}, "is of 2003, which was not asked for"),
            ({"value": "1-4"}, "'1-4' stands for a figure of region '94'"),
            ({"value": ".."}, "'..' stands for a figure"),
            ({"value": True}, "'True' stands for a figure"),
            ({"value": [1]}, "stands for a figure"),
        ],
    )
    def test_a_row_that_was_not_asked_or_cannot_be_read_is_refused(self, change, word):
        assert word in why_not(the_answers(rows=[ROWS[0] | change, *ROWS]))

    def test_a_figure_under_another_key_is_refused_with_the_keys_there_are(self):
        renamed = [{**one, "arvo": one["value"]} for one in ROWS]
        for one in renamed:
            del one["value"]
        assert "no figure: it has 'indicator', 'region'" in why_not(the_answers(rows=renamed))

    @pytest.mark.parametrize("rows", [[], ROWS[-1:]])
    def test_no_figures_of_our_areas_are_no_answer(self, rows):
        assert "rows is of the areas asked" in why_not(the_answers(rows=rows))

    def test_figures_asked_otherwise_than_the_catalogue_does_now_are_to_be_fetched_again(self):
        fewer = ASKED.replace("&years=2001", "")
        assert "not asked for 2001; fetch it again" in why_not(the_answers(asked=fewer))
        others = ASKED.replace("total", "male")
        assert "another indicator or gender; fetch it again" in why_not(the_answers(asked=others))


class TestRequest:
    @pytest.mark.parametrize(
        ("changes", "word"),
        [
            ({"indicators": 127}, "'indicators' under request is not read"),
            ({"indicator": ...}, "needs 'indicator'"),
            ({"indicator": "127a"}, "needs 'indicator'"),
            ({"genders": ...}, "needs 'genders'"),
            ({"genders": ["both"]}, "needs 'genders'"),
            ({"genders": ["male", "female"]}, "kept apart by one class"),
            ({"region_ids": [94]}, "must map our area codes"),
        ],
    )
    def test_a_wrong_request_is_one_line_with_the_key(self, changes, word):
        assert word in why_not(the_answers(), dataset=requested(**changes))

    def test_a_level_that_sotkanet_has_not_is_refused(self):
        assert "level 'station'" in why_not(the_answers(), dataset=replace(POPULATION, levels=("station",)))

    def test_a_content_says_which_figure_of_a_row_it_is(self):
        (content,) = POPULATION.contents
        assert "needs a 'code', one of value, absValue" in why_not(
            the_answers(), dataset=replace(POPULATION, contents=(replace(content, code=("figure",)),))
        )
        absolute = replace(POPULATION, contents=(replace(content, code=("absValue",)),))
        assert figures(read_one(the_answers(), dataset=absolute))["2000"] == 38912


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def mutated(told: Any) -> st.SearchStrategy[Any]:
    """The document with one of its parts replaced by anything."""
    if isinstance(told, dict):
        parts = [mutated(value).map(lambda new, key=key: told | {key: new}) for key, value in told.items()]
        return st.one_of(json_values, *parts)
    if isinstance(told, list) and told:
        return st.one_of(json_values, mutated(told[0]).map(lambda new: [new, *told[1:]]))
    return json_values


@given(
    st.one_of(st.binary(max_size=60), mutated(REGIONS)),
    st.one_of(st.binary(max_size=60), mutated(DESCRIPTION)),
    st.one_of(st.binary(max_size=60), mutated(ROWS)),
    st.sampled_from(["regions", "description", "rows"]),
)
def test_whatever_comes_is_read_or_refused_in_one_line(regions, description, rows, which):
    told = {"regions": regions, "description": description, "rows": rows}
    try:
        reading = read_one(the_answers(**{which: told[which]}))
    except SourceError as error:
        assert "\n" not in str(error)
    else:
        assert np.isfinite(reading.table.frame["value"].dropna()).all()


class TestAsking:
    @pytest.fixture
    def service(self) -> Sotkanet:
        return service_of.sample()

    @pytest.fixture
    def stand_in(self, service: Sotkanet) -> Iterator[StandIn]:
        with StandIn({}, services={"sotkanet": service}, calls=10_000, window=1.0) as running:
            yield running
        assert running.errors == []

    @pytest.fixture
    def asking(self, stand_in: StandIn, open_session: Callable[..., Any]) -> Any:
        return open_session(stand_in.urls["sotkanet"])

    def fetch(self, stand_in: StandIn, asking: Any, dataset: Dataset = POPULATION) -> Reading:
        url = stand_in.urls["sotkanet"]
        limits = replace(sotkanet.config(url, asking.http), calls=10_000, window_seconds=1.0)
        sotkanet.fetch(dataset, AREAS, url, asking.http, limits)
        return sotkanet.read(dataset, AREAS, as_documents(asking.kept))

    def test_the_regions_the_description_and_every_year_are_asked_once(self, stand_in, asking):
        self.fetch(stand_in, asking)
        assert [urlsplit(one.path).path for one in stand_in.requests] == [
            "/rest/1.1/regions",
            "/rest/1.1/indicators/127",
            "/rest/1.1/json",
        ]
        asked = parse_qs(urlsplit(stand_in.requests[-1].path).query)
        assert asked == {
            "indicator": ["127"],
            "years": [str(year) for year in range(2000, 2023)],
            "genders": ["total"],
        }
        assert [one.kind for one in asking.kept] == ["metadata", "metadata", "data"]
        assert {one.dataset_id for one in asking.kept} == {"sotkanet/127"}

    def test_it_says_who_asks(self, stand_in, asking):
        self.fetch(stand_in, asking)
        agents = {one.headers["User-Agent"] for one in stand_in.requests}
        assert agents == {"mittaristo/1.2.3 (+mittaristo@example.org)"}

    def test_the_sample_comes_back_whole(self, stand_in, asking):
        reading = self.fetch(stand_in, asking)
        assert len(figures(reading)) == 23 and figures(reading)["2022"] == 36297
        found = reading.table.frame.dropna(subset="value")["area"].value_counts()
        assert (found[found > 0] == 23).all() and (found > 0).sum() == 17

    def test_the_release_check_is_one_small_call_and_gives_the_readings_own_time(self, stand_in, asking):
        reading = self.fetch(stand_in, asking)
        url = stand_in.urls["sotkanet"]
        limits = replace(sotkanet.config(url, asking.http), calls=10_000, window_seconds=1.0)
        asked = len(stand_in.requests)
        query = sotkanet.release_query(reading)
        found = sotkanet.release(POPULATION, url, asking.http, limits, query)
        assert found == reading.table.updated
        assert [one.path for one in stand_in.requests[asked:]] == ["/rest/1.1/indicators/127"]
        assert len(asking.kept[-1].body) < 2_000

    def test_figures_are_not_asked_for_where_an_id_is_wrong(self, stand_in, asking, service):
        service.regions[94] = replace(service.regions[94], code="091")
        with pytest.raises(SourceError, match=r"correct request\.region_ids"):
            self.fetch(stand_in, asking)
        assert len(stand_in.requests) == 2

    def test_another_regions_id_is_found_out_whatever_its_figures(self, stand_in, asking, service):
        service.regions[94] = Region(94, "KUNTA", "999", "Uusi kunta")
        with pytest.raises(SourceError, match="94, given for KU205, is KUNTA 999 'Uusi kunta'"):
            self.fetch(stand_in, asking)

    def test_the_old_form_of_rows_is_read_the_same(self, stand_in, asking, service):
        service.old_form = True
        assert figures(self.fetch(stand_in, asking))["2000"] == 38912

    def test_an_indicator_that_is_not_there_is_one_line(self, stand_in, asking):
        with pytest.raises(SourceError, match=r"^sotkanet/127: GET .*/indicators/999 answered 404"):
            self.fetch(stand_in, asking, requested(indicator=999))

    @pytest.mark.parametrize("place", ["/regions", "/indicators/", "/json"])
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
        assert "\n" not in str(caught.value) and len(str(caught.value)) > 40
        stand_in.behave()


class TestRecordings:
    def test_the_ids_of_the_catalogue_are_the_areas_in_the_recorded_list(self, recordings: Path):
        regions = json.loads((recordings / "sotkanet" / "regions.json").read_bytes())
        for dataset in CATALOGUE.datasets_of("sotkanet"):
            areas = CATALOGUE.areas_for(dataset)
            description = DESCRIPTION | {"range": {"start": 2009, "end": 2009}}
            answers = the_answers(regions=regions, description=description, rows=[ROWS[0] | {"year": 2009}])
            answers[2] = an_answer(
                "data", "json?indicator=127&years=2009&genders=total", [ROWS[0] | {"year": 2009}]
            )
            request = {**dataset.request, "indicator": 127}
            reading = read_one(answers, areas, replace(POPULATION, request=request))
            assert reading.resolution.missing == ()
            assert set(dataset.request["region_ids"]) == {area.code for area in areas}

    def test_the_recorded_figures_are_read(self, recordings: Path):
        folder = recordings / "sotkanet"
        described = next(
            one for one in json.loads((folder / "indicators_subset.json").read_bytes()) if one["id"] == 127
        )
        answers = the_answers(
            regions=(folder / "regions.json").read_bytes(),
            description=described | {"range": {"start": 1990, "end": 2009}},
            rows=(folder / "data_127_2009.json").read_bytes(),
        )
        years = "&".join(f"years={year}" for year in range(2000, 2010))
        answers[2] = replace(answers[2], url=f"{BASE}/json?indicator=127&{years}&genders=total")
        reading = read_one(answers, AREAS)
        assert reading.resolution.missing == () and reading.resolution.periods == ("2009",)
        assert figures(reading) == {"2009": 38211}
        assert figures(reading, "MK18") == {"2009": 82634}
        assert figures(reading, "SSS") == {"2009": 5351427}

    def test_the_sample_has_the_recorded_figures(self, recordings: Path):
        sample = service_of.sample()
        path = recordings / "sotkanet" / "population_127_by_municipality_2000_2022.csv"
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        published = {
            (int(row["municipality_code"]), int(row["year"])): float(row["primary_value"]) for row in rows
        }
        figures = sample.indicators[127].figures
        assert len(figures) == 18 * 23
        for (region, year, _), figure in figures.items():
            assert published[int(sample.regions[region].code), year] == figure

    def test_the_catalogues_indicators_are_those_that_were_recorded(self, recordings: Path):
        told = json.loads((recordings / "sotkanet" / "indicators_subset.json").read_bytes())
        titles = {one["id"]: one["title"]["fi"] for one in told}
        assert titles[127] == POPULATION.title_fi
        assert titles[3219].startswith("Koulutuksen ulkopuolelle jääneet 17")
