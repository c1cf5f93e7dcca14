"""Traficom's broadband file: the link, the date of the edition, and figures found by texts; asked over HTTP."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import traficom_broadband as traficom
from connectors.http import AnswerError
from connectors.pxweb import Limits
from demo.ods import write_ods
from demo.stand_in import StandIn
from demo.traficom_broadband import FILE, PAGE, TraficomBroadband, named, synthetic
from models.catalogue import load_catalogue
from models.dataset import Dataset
from models.document import Answer, Document, as_documents
from models.errors import SourceError
from models.reading import Reading

QUICK = Limits(100_000, 1000, 1.0)
AT = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
CATALOGUE = load_catalogue()
DATASET = CATALOGUE.datasets["traficom_broadband/availability"]
AREAS = CATALOGUE.areas_for(DATASET)


def kept(body: bytes, **changes: Any) -> list[tuple[Document, bytes]]:
    url = f"https://tieto.traficom.fi{FILE}"
    answer = Answer(traficom.SOURCE, DATASET.id, "data", "GET", url, b"", 200, "x/ods", body, AT, AT)
    return as_documents([replace(answer, **changes)])


def read(body: bytes, dataset: Dataset = DATASET) -> Reading:
    return traficom.read(dataset, AREAS, kept(body))


def figures(reading: Reading) -> dict[tuple[str, str], float]:
    frame = reading.table.frame
    return {
        (area, period): value
        for area, period, value in frame[["area", "period", "value"]].itertuples(index=False)
    }


@pytest.fixture
def service() -> TraficomBroadband:
    made = synthetic(CATALOGUE)
    made.municipalities[named(made, "Kajaani")] = (0.9, 0.815, 0.7, 0.6)
    made.regions[named(made, "Kainuu")] = (0.8, 0.62, 0.5, 0.35)
    made.country = (0.9, 0.73, 0.6, 0.5)
    return made


@pytest.fixture
def stand_in(service: TraficomBroadband) -> Iterator[StandIn]:
    with StandIn({}, services={traficom.SOURCE: service}, calls=1000) as running:
        yield running
    assert running.errors == []


@pytest.fixture
def fetch(stand_in: StandIn, open_session: Callable[..., Any]) -> Callable[[], list[Answer]]:
    url = stand_in.urls[traficom.SOURCE]

    def fetched() -> list[Answer]:
        session = open_session(url)
        try:
            traficom.fetch(DATASET, AREAS, url, session.http, QUICK)
        finally:
            kept_now: list[Answer] = session.kept
        return kept_now

    return fetched


# --- the page and its link --------------------------------------------------------------------------------


def test_the_page_is_asked_first_and_the_file_where_its_link_leads(fetch: Any, stand_in: StandIn) -> None:
    page, file = fetch()
    base = stand_in.urls[traficom.SOURCE]
    assert (page.kind, page.url) == ("listing", base + PAGE)
    assert (file.kind, file.url) == ("data", base + FILE)
    assert figures(traficom.read(DATASET, AREAS, as_documents([page, file])))["KU205", "2025"] == 0.815


def test_a_page_without_a_link_is_said_in_the_log_and_the_catalogues_address_is_asked(
    fetch: Any, service: TraficomBroadband, caplog: pytest.LogCaptureFixture
) -> None:
    service.link = None
    assert fetch()[-1].url.endswith(FILE)
    assert "links to no .ods file; the catalogue's address" in caplog.text


def test_of_several_files_the_one_of_the_known_name_is_taken_whatever_number_was_put_behind_it() -> None:
    page = b'<a href="/a/Muu.ods">x</a><a HREF="/b/Kiintean-x_3.ods?itok=9">y</a><a href="/c.pdf">z</a>'
    link = traficom.file_link(page, "https://t.fi/fi/sivu", "https://t.fi", "/files/Kiintean-x.ods")
    assert link == "https://t.fi/b/Kiintean-x_3.ods?itok=9"


def test_links_are_found_however_they_are_written() -> None:
    for written in ("https://t.fi/a/x.ODS", "/a/x.ODS", "../a/x.ODS", "//t.fi/a/x.ODS", " /a/x.ODS "):
        page = f"<p><a class=x href='{written}'>t</a>".encode()
        assert (
            traficom.file_link(page, "https://t.fi/fi/sivu", "https://t.fi", "/x.ods")
            == "https://t.fi/a/x.ODS"
        )


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (b'<a href="/a.ods"></a><a href="/b.ods"></a>', "links to 2 .ods files"),
        (b'<a href="https://evil.example/x.ods"></a>', "another host than t.fi"),
        (b'<a href="http://t.fi/x.ods"></a>', "another host"),
        (b'<a href="https://t.fi@evil.example/x.ods"></a>', "another host"),
    ],
)
def test_a_link_that_is_not_sure_or_leads_elsewhere_is_refused(page: bytes, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        traficom.file_link(page, "https://t.fi/fi/sivu", "https://t.fi", "/x.ods")


@given(st.binary(max_size=200) | st.text("<a href='\"/.ods:[]@&;#x>", max_size=60).map(str.encode))
def test_any_page_gives_a_link_on_the_same_host_or_none_or_one_line(page: bytes) -> None:
    try:
        link = traficom.file_link(page, "https://t.fi/fi/sivu", "https://t.fi", "/x.ods")
    except SourceError as error:
        assert "\n" not in str(error)
    else:
        assert link is None or link.startswith("https://t.fi/")


@pytest.mark.parametrize(
    ("where", "kind"),
    [
        *itertools.product(
            ["laajakaistasaatavuus", ".ods"],
            ["403_page", "500", "redirect", "wrong_content_type", "gzip_bomb", "cut_body"],
        ),
        (".ods", "html_200"),
    ],
)
def test_a_bad_answer_of_either_ends_in_one_line(
    fetch: Any, stand_in: StandIn, kind: str, where: str
) -> None:
    stand_in.misbehave(kind, path=where, times=None)
    with pytest.raises(AnswerError) as error:
        fetch()
    assert "\n" not in str(error.value)


# --- the figures ------------------------------------------------------------------------------------------


def test_country_region_and_municipalities_are_found_by_their_finnish_names(
    service: TraficomBroadband,
) -> None:
    reading = read(service.ods())
    found = figures(reading)
    assert {area: found[area, "2025"] for area in ("KU205", "MK18", "SSS")} == {
        "KU205": 0.815,
        "MK18": 0.62,
        "SSS": 0.73,
    }
    assert len(found) == len(AREAS)
    assert reading.resolution.missing == ()
    assert reading.resolution.labels == {"share_100m": ">=100"}
    assert reading.resolution.preliminary == frozenset()


def test_columns_are_found_by_the_text_of_their_header_wherever_they_stand(
    service: TraficomBroadband,
) -> None:
    service.speeds = (">=1000", "≥ 100 Mbit/s", ">=30", ">=300")
    assert figures(read(service.ods()))["KU205", "2025"] == 0.815


def test_a_region_with_the_name_of_a_municipality_is_not_mixed_up_with_it(service: TraficomBroadband) -> None:
    service.regions["Kajaani", "x", "x"] = (0.1, 0.1, 0.1, 0.1)
    assert figures(read(service.ods()))["KU205", "2025"] == 0.815


def test_marks_stay_marks_and_an_empty_cell_is_no_zero(service: TraficomBroadband) -> None:
    service.municipalities[named(service, "Kuhmo")] = (0.9, "..", 0.7, 0.6)
    service.municipalities[named(service, "Oulu")] = (0.9, None, 0.7, 0.6)
    frame = traficom.read(DATASET, AREAS, kept(service.ods())).table.frame
    symbols = dict(zip(frame["area"].astype("str"), frame["symbol"].astype("str"), strict=True))
    values = dict(zip(frame["area"].astype("str"), frame["value"], strict=True))
    assert (symbols["KU290"], np.isnan(values["KU290"])) == ("..", True)
    assert (symbols["KU564"], np.isnan(values["KU564"])) == ("", True)


def test_an_area_without_a_row_is_told_and_the_others_are_read(service: TraficomBroadband) -> None:
    del service.municipalities[named(service, "Kuhmo")]
    reading = read(service.ods())
    assert [(one.what, one.key) for one in reading.resolution.missing] == [("area", "KU290")]
    assert "KU205" in reading.resolution.areas


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda one: setattr(one, "speeds", (">=30", ">=30", ">=300", ">=1000")),
            "'>=100' or '100 Mbit/s' is there 0 times",
        ),
        (lambda one: setattr(one, "speeds", (">=100", ">=100", ">=300", ">=1000")), "is there 2 times"),
        (
            lambda one: setattr(one, "header", ("Kunta", "Kommun", "X")),
            "is there 0 times .sheets: none of 'Saatavuus'",
        ),
        (
            lambda one: one.municipalities.update({("Kajaani", "x", "y"): (0.1,) * 4}),
            "'Kajaani' has two rows",
        ),
        (
            lambda one: one.municipalities.update({("Uusi", "x", "y"): (81.5,) * 4}),
            "'Uusi' has '81.5', not a fraction",
        ),
        (lambda one: one.municipalities.update({("Uusi", "x", "y"): ("0,8",) * 4}), "'0,8', not a fraction"),
    ],
)
def test_what_was_rebuilt_is_said_in_one_line(service: TraficomBroadband, change: Any, said: str) -> None:
    change(service)
    with pytest.raises(SourceError, match=said) as error:
        read(service.ods())
    assert str(error.value).startswith(DATASET.id)


def test_two_sheets_with_the_header_need_a_word_in_the_catalogue(service: TraficomBroadband) -> None:
    rows = service._rows()
    other = [[0.5 if cell == 0.815 else cell for cell in row] for row in rows]
    both = write_ods({"Kaikki": rows, "Valokuitu": other})
    with pytest.raises(SourceError, match=r"is there 2 times .sheets: 'Kaikki', 'Valokuitu'"):
        read(both)
    told = replace(DATASET, request={**DATASET.request, "sheet": "Valokuitu"})
    assert figures(read(both, told))["KU205", "2025"] == 0.5


# --- the edition ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "period", "whole"),
    [
        ("Kiinteän verkon laajakaistasaatavuus 31.12.2025", "2025", True),
        ("Saatavuus 30.6.2026 / Tillgång 30.6.2026", "2026", False),
        ("Saatavuus vuoden 2025 lopussa", "2025", True),
        ("Saatavuus kesäkuun lopussa 2026", "2026", False),
        ("Saatavuus joulukuussa 12/2025", "2025", True),
        ("Tillgång i slutet av 2024", "2024", True),
        ("Availability at the end of 2024", "2024", True),
        ("Saatavuus 2025", "2025", True),
        ("Laajakaista 2025-12-31", "2025", True),
        ("Saatavuus 2024, joulukuu 2024", "2024", True),
    ],
)  # fmt: skip
def test_the_date_in_the_title_is_the_edition(title: str, period: str, whole: bool) -> None:
    assert traficom.edition_of([(title,)], 2016, date(2026, 11, 24)) == traficom.Edition(period, whole)


def test_a_day_in_a_cell_of_its_own_is_read_and_rows_below_the_first_date_are_not() -> None:
    titles = [("Kiinteän verkon laajakaistasaatavuus", None, date(2025, 12, 31)), ("Päivitetty 5.6.2026",)]
    assert traficom.edition_of(titles, 2016, date(2026, 11, 24)) == traficom.Edition("2025", True)


@pytest.mark.parametrize(
    ("titles", "said"),
    [
        ([("Kiinteän verkon laajakaistasaatavuus",), (">=100", 2025.0)], "no date in the title"),
        ([], "no date in the title"),
        ([("31.12.2025, päivitetty 5.6.2026",)], "names several dates"),
        ([("31.12.2025 ja 30.6.2025",)], "names several dates"),
        ([("31.12.2015",)], "not between 2016 and 2026-11-24"),
        ([("31.12.2026",)], "not between"),
        ([("2027",)], "not between"),
    ],
)
def test_an_edition_that_is_not_sure_is_refused(titles: Any, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        traficom.edition_of(titles, 2016, date(2026, 11, 24))


@given(st.text("0123456789./- vuodenlopsajk", max_size=40))
def test_any_title_is_an_edition_or_one_line(title: str) -> None:
    try:
        found = traficom.edition_of([(title,)], 2016, date(2026, 11, 24))
    except SourceError as error:
        assert "\n" not in str(error)
    else:
        assert 2016 <= int(found.period) <= 2026


# --- what was kept ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes", [{"status": 500}, {"error": "cut"}, {"kind": "listing"}, {"dataset_id": "x/y"}]
)
def test_only_a_good_file_of_this_dataset_is_read(
    service: TraficomBroadband, changes: dict[str, Any]
) -> None:
    with pytest.raises(SourceError, match="no good file among the kept answers"):
        traficom.read(DATASET, AREAS, kept(service.ods(), **changes))


@given(st.binary(max_size=400))
@settings(max_examples=100)
def test_any_bytes_are_refused_in_one_line(body: bytes) -> None:
    with pytest.raises(SourceError) as error:
        read(body)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"page": "/x"}, "'file' is missing"),
        ({**DATASET.request, "pages": 1}, "unknown key 'pages'; known keys are page, file"),
        ({**DATASET.request, "earliest": "2016"}, "'earliest' must be a whole number, not '2016'"),
        ({**DATASET.request, "area_column": ""}, "'area_column' is empty"),
    ],
)
def test_a_wrong_entry_is_one_line_with_dataset_and_key(request_: dict[str, Any], said: str) -> None:
    with pytest.raises(SourceError, match=f"dataset '{DATASET.id}': request: {said}"):
        traficom.read(replace(DATASET, request=request_), AREAS, [])
