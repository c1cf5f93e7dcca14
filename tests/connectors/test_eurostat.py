"""Eurostat: what is asked, how its answers are read, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import eurostat
from connectors.http import AnswerError, Http
from demo.eurostat import Eurostat, EurostatTable, synthetic
from demo.stand_in import StandIn
from models.area import Area
from models.catalogue import load_catalogue
from models.document import Answer, Document, as_documents, document_of
from models.errors import SourceError
from models.observation import observations

CATALOGUE = load_catalogue()
GDP = CATALOGUE.datasets["eurostat/nama_10r_3gdp"]
AREAS = CATALOGUE.areas_for(GDP)
LIMITS = eurostat.config("", None)  # type: ignore[arg-type]


class Talk:
    def __init__(self, service: Eurostat, folder: Path) -> None:
        self.service = service
        self.kept: list[Answer] = []
        self.stand_in = StandIn({}, services={"eurostat": service}, calls=1000, window=1.0)
        self.base = self.stand_in.urls["eurostat"]
        self.http = Http(
            contact="test",
            version="1",
            keep=self.kept.append,
            limits_folder=folder,
            allowed=[self.base],
            inside=[self.base],
        )

    def fetch(self, dataset: Any = GDP) -> list[tuple[Document, bytes]]:
        self.kept.clear()
        eurostat.fetch(dataset, AREAS, self.base, self.http, LIMITS)
        return as_documents(self.kept)

    def close(self) -> None:
        self.http.close()
        self.stand_in.close()


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Talk]:
    opened = Talk(synthetic(CATALOGUE), tmp_path)
    yield opened
    opened.close()


def table(talk: Talk) -> EurostatTable:
    return talk.service.tables["nama_10r_3gdp"]


def test_one_call_brings_all_periods_of_the_regions_named(talk: Talk) -> None:
    documents = talk.fetch()
    assert len(documents) == 1 and talk.http.calls == 1
    frame = observations(*_parts(eurostat.read(GDP, AREAS, documents)))
    assert set(frame["area_code"]) == {"MK18", "SSS"}
    assert set(frame["content"]) == {"gdp", "gdp_per_inhabitant"}
    found = frame[(frame["area_code"] == "MK18") & (frame["content"] == "gdp") & (frame["period"] == "2020")]
    assert found["value"].tolist() == [table(talk).figures["A", "MIO_EUR", "FI1D8", "2020"]]


def _parts(reading: Any) -> tuple[Any, Any]:
    return reading.table, reading.resolution


def test_the_release_check_is_one_small_call_and_gives_the_fetchs_own_time(talk: Talk) -> None:
    reading = eurostat.read(GDP, AREAS, talk.fetch())
    query = eurostat.release_query(reading)
    assert eurostat.release(GDP, talk.base, talk.http, LIMITS, query) == reading.table.updated
    assert len(talk.kept[-1].body) < len(talk.kept[0].body)
    table(talk).updated = datetime(2026, 11, 3, 22, tzinfo=UTC)
    later = eurostat.release(GDP, talk.base, talk.http, LIMITS, query)
    assert later == datetime(2026, 11, 3, 22, tzinfo=UTC)


def test_a_preliminary_period_is_one_and_a_mark_instead_of_a_figure_says_what_it_says(talk: Talk) -> None:
    key = ("A", "MIO_EUR", "FI1D8")
    del (
        table(talk).figures[*key, "2010"],
        table(talk).figures[*key, "2011"],
        table(talk).figures[*key, "2012"],
    )
    table(talk).flags |= {(*key, "2011"): ":", (*key, "2012"): "c", (*key, "2013"): "b"}
    frame = observations(*_parts(eurostat.read(GDP, AREAS, talk.fetch())))
    mine = frame[(frame["area_code"] == "MK18") & (frame["content"] == "gdp")].set_index("period")
    assert mine.loc[["2010", "2011", "2012"], "value"].isna().all()
    assert mine.loc[["2010", "2011", "2012", "2013"], "symbol"].tolist() == ["", "", "...", ""]
    assert mine.loc["2013", "value"] == table(talk).figures[*key, "2013"]
    assert set(frame.loc[frame["status"] == "preliminary", "period"]) == {"2024"}


def test_a_dataset_that_is_not_there_is_one_line_with_the_sources_words(talk: Talk) -> None:
    del talk.service.tables["nama_10r_3gdp"]
    with pytest.raises(AnswerError) as caught:
        talk.fetch()
    assert "404" in str(caught.value) and "\n" not in str(caught.value)


def test_an_unknown_dimension_value_is_refused_by_the_source_and_said(talk: Talk) -> None:
    asked = replace(GDP, request={**GDP.request, "fixed": {"freq": "Q"}})
    with pytest.raises(AnswerError, match="400"):
        talk.fetch(asked)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda one: one["id"].__setitem__(0, "frequency"), "no"),
        (lambda one: one["dimension"]["geo"]["category"].update(index={"FI1D8": 0, "XX": 1}), "XX"),
        (lambda one: one.update(value={"0": "many"}), ""),
        (lambda one: one["dimension"]["time"]["category"]["index"].update({"soon": 0}), ""),
    ],
)
def test_an_answer_to_another_question_is_refused_in_one_line(talk: Talk, change: Any, said: str) -> None:
    ((document, body),) = talk.fetch()
    answer = orjson.loads(body)
    change(answer)
    with pytest.raises(SourceError) as caught:
        eurostat.read(GDP, AREAS, [(document, orjson.dumps(answer))])
    text = str(caught.value)
    assert text.startswith("eurostat/nama_10r_3gdp: ") and said in text and "\n" not in text


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"dataset": "x", "content_dimension": "unit"}, "'geo'"),
        ({**GDP.request, "colour": "red"}, "colour"),
        ({**GDP.request, "geo": {"KU205": "FI1D8205"}}, "none of the areas"),
    ],
)
def test_a_wrong_request_of_the_catalogue_is_named(talk: Talk, request_: Any, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        talk.fetch(replace(GDP, request=request_))


def test_an_area_without_a_nuts_code_is_said_to_be_missing(talk: Talk) -> None:
    more = [*AREAS, Area("MK17", "region", "Pohjois-Pohjanmaa")]
    reading = eurostat.read(GDP, more, talk.fetch())
    assert [(one.key, one.reason) for one in reading.resolution.missing] == [
        ("MK17", "no NUTS code under request.geo")
    ]


@given(
    st.binary(max_size=200)
    | st.dictionaries(st.text("abcdeiuvs"), st.integers(-9, 9) | st.text("abc")).map(orjson.dumps)
)
def test_no_bytes_bring_it_out_of_its_way(body: bytes) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    answer = Answer("eurostat", GDP.id, "data", "GET", "http://x/?geo=FI", b"", 200, "", body, now, now)
    with pytest.raises(SourceError):
        eurostat.read(GDP, AREAS, [(document_of(answer), body)])
