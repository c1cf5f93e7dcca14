"""StatFin, asked over HTTP and read from what was kept: all that is asked comes once, or is missed."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from connectors import pxweb, pxweb_source, statfin
from connectors.http import AnswerError
from connectors.limiter import RateLimits
from connectors.pxweb import Limits
from models.area import Area
from models.dataset import ClassVariable, ContentChoice, Dataset, TableQuery, ValueChoice
from models.document import Answer, Document
from models.errors import ResolutionError, SourceError
from models.recode import known_codes
from models.resolution import Overrides, resolve

Raw = Callable[..., bytes]

AREAS = (
    Area("KU205", "municipality", "Kajaani"),
    Area("KU290", "municipality", "Kuhmo"),
    Area("MK18", "region", "Kainuu"),
    Area("SSS", "country", "Koko maa"),
)
DATASET = Dataset(
    id="statfin/vkour/12bs",
    source="statfin",
    table="vkour/12bs",
    title_fi="",
    title_en="",
    frequency="annual",
    first_period="2000",
    lag_days=200,
    grace_days=30,
    labels="verified",
    query=TableQuery(
        area=("Alue", "Alue 2026"),
        levels=("municipality", "region", "country"),
        time=("Vuosi",),
        contents_variable=("Tiedot",),
        contents=(
            ContentChoice("people", label=("Väestö",), unit="number"),
            ContentChoice("share", label=("Osuus",), unit="%"),
        ),
        classes=(
            ClassVariable(
                "age", ("Ikä",), (ValueChoice("total", total=True), ValueChoice("young", label=("Nuoret",)))
            ),
        ),
    ),
)
LIMITS = Limits(100_000, 1000, 1.0)


class Table:
    """A table that answers as PxWeb does: in its own order, with a symbol where there is no figure."""

    def __init__(self) -> None:
        self.id = "12bs"
        self.updated = "2026-06-18T05:00:00Z"
        self.variables: dict[str, tuple[str, dict[str, str]]] = {
            "timeperiod_y": ("Vuosi", {str(year): str(year) for year in range(2016, 2026)}),
            "alue_23_20260101": (
                "Alue 2026",
                {
                    "SSS": "KOKO MAA",
                    "KU290": "Kuhmo",
                    "KU205": "Kajaani",
                    "MK18": "Kainuu",
                    "KU091": "Helsinki",
                },
            ),
            "ikaryhma_10": ("Ikä", {"SSS": "Yhteensä", "1": "Nuoret", "2": "Muut"}),
            "contentscode": ("Tiedot", {"vkour-vaesto": "Väestö", "vkour-osuus": "Osuus"}),
        }

    def metadata(self) -> bytes:
        described = [
            {"code": code, "text": text, "values": list(values), "valueTexts": list(values.values())}
            | ({"time": True} if code.startswith("timeperiod") else {})
            for code, (text, values) in self.variables.items()
        ]
        return orjson.dumps({"title": "Väestö, 2016-2025", "variables": described})

    def figure(self, key: Sequence[str]) -> float | None:
        if tuple(key[:2]) == ("2016", "KU290"):
            return None
        return float(sum(map(ord, "".join(key))))

    def data(self, body: bytes) -> bytes:
        wanted: dict[str, list[str]] = {}
        for one in orjson.loads(body)["query"]:
            values = list(self.variables[one["code"]][1])
            chosen = one["selection"]["values"]
            wanted[one["code"]] = (
                values[-int(chosen[0]) :]
                if one["selection"]["filter"] == "top"
                else [value for value in values if value in chosen]
            )
        ids = [code for code in self.variables if code in wanted]
        keys: list[tuple[str, ...]] = [()]
        for code in ids:
            keys = [(*key, value) for key in keys for value in wanted[code]]
        figures = [self.figure(key) for key in keys]
        return orjson.dumps(
            {
                "class": "dataset",
                "label": "Väestö",
                "source": "Tilastokeskus, väestön koulutusrakenne",
                "updated": self.updated,
                "id": ids,
                "size": [len(wanted[code]) for code in ids],
                "dimension": {
                    code: {
                        "label": self.variables[code][0],
                        "category": {
                            "index": {value: i for i, value in enumerate(wanted[code])},
                            "label": {value: self.variables[code][1][value] for value in wanted[code]},
                        },
                    }
                    for code in ids
                },
                "value": figures,
                "extension": {"px": {"tableid": self.id}},
            }
            | (
                {"status": {str(i): "..." for i, one in enumerate(figures) if one is None}}
                if None in figures
                else {}
            )
        )


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture
def pxserver(server: Any, table: Table, raw: Raw) -> Any:
    """The server with the table on it."""

    def answer(request: Any) -> bytes:
        if request.method == "GET":
            return raw(table.metadata())
        return raw(table.data(request.body))

    server.answer = answer
    return server


def documents(kept: Sequence[Answer]) -> list[tuple[Document, bytes]]:
    """The answers as the raw store gives them back."""
    return [
        (
            Document(
                document_id=str(number),
                collection_id="c",
                run_id="r",
                source=one.source,
                dataset_id=one.dataset_id,
                kind=one.kind,
                method=one.method,
                url=one.url,
                request_body=one.request_body.decode(),
                status=one.status,
                content_type=one.content_type,
                asked_at=one.asked_at,
                fetched_at=one.fetched_at,
                error=one.error,
                sha256="",
                size=len(one.body),
            ),
            one.body,
        )
        for number, one in enumerate(kept)
    ]


def fetch(session: Any, server: Any, limits: Limits = LIMITS, dataset: Dataset = DATASET) -> Any:
    return statfin.fetch(dataset, AREAS, server.base_url, session.http, limits)


def cells_of(reading: Any) -> dict[tuple[str, ...], tuple[float | None, str]]:
    frame = reading.table.frame
    columns = ["timeperiod_y", "alue_23_20260101", "ikaryhma_10", "contentscode"]
    found = {
        tuple(row[:4]): (None if math.isnan(row[4]) else row[4], row[5])
        for row in frame[[*columns, "value", "symbol"]].itertuples(index=False, name=None)
    }
    assert len(found) == len(frame)
    return found


# Limits and release


def test_the_limits_are_asked_in_one_call(session: Any, server: Any, raw: Raw) -> None:
    server.script = [raw(b'{"maxValues":9,"maxCells":2000,"maxCalls":5,"timeWindow":2,"CORS":true}')]
    assert statfin.config(server.base_url, session.http) == Limits(2000, 5, 2.0)
    assert server.requests[0].path == "/PXWeb/api/v1/fi/?config"
    (kept,) = session.kept
    assert (kept.kind, kept.dataset_id, kept.source) == ("config", "", "statfin")


def test_asking_the_limits_again_waits_by_those_last_used(session: Any, server: Any, raw: Raw) -> None:
    server.script = [raw(b'{"maxCells":2000,"maxCalls":5,"timeWindow":2}')]
    for _ in range(60):
        session.get(server.url, limits=RateLimits(5, 2.0))
    begun = session.time.now
    statfin.config(server.base_url, session.http)
    assert session.time.now - begun < 2.5


def test_the_default_limits_are_those_of_the_reference() -> None:
    assert Limits(100_000, 40, 60.0) == statfin.DEFAULT_LIMITS


def release(session: Any, server: Any, table: Table) -> datetime | None:
    resolution = resolve(DATASET, pxweb.read_metadata(table.metadata(), DATASET.table), AREAS)
    return statfin.release(DATASET, server.base_url, session.http, LIMITS, pxweb.release_query(resolution))


def test_the_release_time_is_one_small_call(session: Any, pxserver: Any, table: Table) -> None:
    assert release(session, pxserver, table) == datetime(2026, 6, 18, 5, tzinfo=UTC)
    (kept,) = session.kept
    assert kept.kind == "release" and kept.dataset_id == DATASET.id
    assert len(orjson.loads(kept.body)["value"]) == 2


def test_a_release_check_whose_codes_are_gone_says_that_it_must_be_fetched(
    session: Any, server: Any, table: Table, raw: Raw
) -> None:
    server.script = [raw(b"Bad Request", "400 Bad Request", "text/plain")]
    assert release(session, server, table) is None


def test_a_release_check_without_a_date_says_so(session: Any, pxserver: Any, table: Table) -> None:
    table.updated = ""
    assert release(session, pxserver, table) is None


def test_a_release_check_of_another_table_is_refused(session: Any, pxserver: Any, table: Table) -> None:
    table.id = "11re"
    with pytest.raises(SourceError, match="statfin/vkour/12bs: the answer is of table '11re', not '12bs'"):
        release(session, pxserver, table)


def test_a_release_check_that_is_refused_otherwise_fails(
    session: Any, server: Any, table: Table, raw: Raw
) -> None:
    server.script = [raw(b"<html>no</html>", "403 Forbidden", "text/html")]
    with pytest.raises(AnswerError, match="403"):
        release(session, server, table)


# Fetching


def test_metadata_come_first_and_then_the_data_in_one_call(session: Any, pxserver: Any) -> None:
    resolution = fetch(session, pxserver)
    assert [(one.method, one.path) for one in pxserver.requests] == [
        ("GET", "/PXWeb/api/v1/fi/StatFin/vkour/12bs.px"),
        ("POST", "/PXWeb/api/v1/fi/StatFin/vkour/12bs.px"),
    ]
    assert [one.kind for one in session.kept] == ["metadata", "data"]
    assert resolution.contents == {"people": "vkour-vaesto", "share": "vkour-osuus"}


def test_what_was_fetched_reads_as_the_table_has_it(session: Any, pxserver: Any, table: Table) -> None:
    fetch(session, pxserver)
    reading = statfin.read(DATASET, AREAS, documents(session.kept))
    assert reading.meta.table == "vkour/12bs" and reading.resolution.time_variable == "timeperiod_y"
    found = cells_of(reading)
    assert len(found) == 10 * 4 * 2 * 2
    assert found["2025", "KU205", "1", "vkour-osuus"] == (
        table.figure(("2025", "KU205", "1", "vkour-osuus")),
        "",
    )
    assert found["2016", "KU290", "SSS", "vkour-vaesto"] == (None, "...")
    read = reading.table
    assert read.updated == datetime(2026, 6, 18, 5, tzinfo=UTC)
    assert read.source == "Tilastokeskus, väestön koulutusrakenne" and read.table_id == "12bs"
    assert read.labels["alue_23_20260101"]["KU205"] == "Kajaani"
    assert read.dimension_texts["alue_23_20260101"] == "Alue 2026"


@pytest.mark.parametrize("max_cells", [1, 7, 16, 50, 159])
def test_a_table_in_parts_reads_the_same_as_in_one(
    open_session: Callable[..., Any], pxserver: Any, max_cells: int
) -> None:
    whole, parts = open_session(pxserver.base_url), open_session(pxserver.base_url)
    fetch(whole, pxserver)
    fetch(parts, pxserver, Limits(max_cells, 100_000, 1.0))
    assert len(parts.kept) > 2
    one = statfin.read(DATASET, AREAS, documents(whole.kept))
    other = statfin.read(DATASET, AREAS, documents(parts.kept))
    assert cells_of(one) == cells_of(other)
    for code in one.table.dimensions:
        categories = list(one.table.frame[code].cat.categories)
        assert list(other.table.frame[code].cat.categories) == categories
        assert categories == [value for value in Table().variables[code][1] if value in categories]
    assert one.table.labels == other.table.labels
    assert set(other.table.frame["symbol"].cat.categories) == {"", "..."}


def test_a_part_refused_as_too_large_is_split_and_so_are_those_after_it(
    session: Any, server: Any, table: Table, raw: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pxweb_source, "SMALLEST_SPLIT_CELLS", 4)
    sizes = []

    def answer(request: Any) -> bytes:
        if request.method == "GET":
            return raw(table.metadata())
        asked, _ = pxweb.read_query(request.body)
        sizes.append(math.prod(map(len, asked.values())))
        if sizes[-1] > 30:
            return raw(b"<html>403 - Forbidden</html>", "403 Forbidden", "text/html")
        return raw(table.data(request.body))

    server.answer = answer
    fetch(session, server, Limits(80, 1000, 1.0))
    assert [size for size in sizes if size > 30] == [80, 32]
    assert sum(size for size in sizes if size <= 30) == 160
    assert len(cells_of(statfin.read(DATASET, AREAS, documents(session.kept)))) == 160


def test_a_403_of_a_small_query_is_no_matter_of_size(
    session: Any, server: Any, table: Table, raw: Raw
) -> None:
    server.script = [raw(table.metadata()), raw(b"<html>403</html>", "403 Forbidden", "text/html")]
    with pytest.raises(AnswerError, match=r"403 .* the source refuses"):
        fetch(session, server)
    assert len(server.requests) == 2


def test_a_400_is_not_split(session: Any, server: Any, table: Table, raw: Raw, monkeypatch: Any) -> None:
    monkeypatch.setattr(pxweb_source, "SMALLEST_SPLIT_CELLS", 1)
    server.script = [raw(table.metadata()), raw(b"Bad Request", "400 Bad Request", "text/plain")]
    with pytest.raises(AnswerError, match="400"):
        fetch(session, server)
    assert len(server.requests) == 2


def test_metadata_that_cannot_be_had_end_the_fetch(session: Any, server: Any, raw: Raw) -> None:
    server.script = [raw(b"<html>Huolto</html>", content_type="text/html")]
    with pytest.raises(AnswerError, match="content type 'text/html'"):
        fetch(session, server)
    server.script = [raw(b'{"title":"x","variables":[{"code":"a","values":null,"valueTexts":null}]}')]
    with pytest.raises(SourceError, match="statfin/vkour/12bs: the metadata of vkour/12bs do not list"):
        fetch(session, server)


def test_a_table_that_lacks_what_is_asked_is_not_asked_for_data(
    session: Any, pxserver: Any, table: Table
) -> None:
    table.variables["timeperiod_y"] = ("Vuosi", {"one": "one"})
    with pytest.raises(ResolutionError):
        fetch(session, pxserver)
    assert len(pxserver.requests) == 1


def test_a_server_with_narrow_limits_is_never_called_too_often(
    open_session: Callable[..., Any], pxserver: Any
) -> None:
    session = open_session(pxserver.base_url, clock=time.time, sleep=time.sleep)
    limits = Limits(16, 5, 0.5)
    threads = [threading.Thread(target=fetch, args=(session, pxserver, limits))]
    other = open_session(pxserver.base_url, clock=time.time, sleep=time.sleep)
    threads.append(threading.Thread(target=fetch, args=(other, pxserver, limits)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    at = sorted(request.at for request in pxserver.requests)
    assert len(at) == session.http.calls + other.http.calls == 22
    assert all(later - earlier > 0.5 for earlier, later in zip(at, at[5:], strict=False))
    assert len(cells_of(statfin.read(DATASET, AREAS, documents(session.kept)))) == 160


# Reading what was kept


@pytest.fixture
def kept(session: Any, pxserver: Any) -> list[tuple[Document, bytes]]:
    """Metadata and five parts of 32 cells."""
    fetch(session, pxserver, Limits(40, 1000, 1.0))
    found = documents(session.kept)
    assert [one.kind for one, _ in found] == ["metadata"] + ["data"] * 5
    return found


def changed(
    document: Document, body: bytes, change: Callable[[dict[str, Any]], None]
) -> tuple[Document, bytes]:
    content = orjson.loads(body)
    change(content)
    return document, orjson.dumps(content)


def refusal(found: Sequence[tuple[Document, bytes]], dataset: Dataset = DATASET) -> str:
    with pytest.raises(SourceError) as caught:
        statfin.read(dataset, AREAS, found)
    text = str(caught.value)
    assert text.startswith("statfin/vkour/12bs: ") and text.isprintable() and len(text) < 400
    return text


def test_the_order_of_the_documents_does_not_matter(kept: list[tuple[Document, bytes]]) -> None:
    assert cells_of(statfin.read(DATASET, AREAS, kept)) == cells_of(statfin.read(DATASET, AREAS, kept[::-1]))


def test_bad_answers_and_those_of_others_are_passed_over(kept: list[tuple[Document, bytes]]) -> None:
    document, _ = kept[1]
    others = [
        (replace(document, status=403, error="403"), b"<html>"),
        (replace(document, error="a cut body"), b'{"class":'),
        (replace(document, status=0, error="gone"), b""),
        (replace(document, dataset_id="statfin/vaerak/11re"), b"nothing"),
        (replace(document, kind="release", request_body="{}"), b"nothing"),
        (replace(kept[0][0], kind="config", dataset_id=""), b"{}"),
        (replace(kept[0][0], error="html", content_type="text/html"), b"<html>"),
    ]
    assert cells_of(statfin.read(DATASET, AREAS, [*others, *kept, *others])) == cells_of(
        statfin.read(DATASET, AREAS, kept)
    )


def test_of_two_answers_to_the_same_part_the_newer_counts(kept: list[tuple[Document, bytes]]) -> None:
    document, body = kept[1]
    newer = changed(
        replace(document, fetched_at=document.fetched_at + timedelta(hours=1)),
        body,
        lambda content: content["value"].__setitem__(-1, 12345),
    )
    for found in ([*kept, newer], [newer, *kept]):
        values = [value for value, _ in cells_of(statfin.read(DATASET, AREAS, found)).values()]
        assert values.count(12345) == 1 and len(values) == 160


def test_the_newest_metadata_count_and_older_data_do_not(
    kept: list[tuple[Document, bytes]], table: Table
) -> None:
    meta, body = kept[0]
    late = replace(meta, asked_at=meta.asked_at + timedelta(days=1))
    assert "the kept answers have 0 of the 160 cells wanted (0 good data answers)" in refusal(
        [*kept, (late, body)]
    )
    early = replace(meta, asked_at=meta.asked_at - timedelta(days=1))
    table.variables["timeperiod_y"] = ("Vuosi", {"2000": "2000"})
    assert len(cells_of(statfin.read(DATASET, AREAS, [(early, table.metadata()), *kept]))) == 160


def test_without_metadata_or_with_a_part_missing_it_is_said_what_lacks(
    kept: list[tuple[Document, bytes]],
) -> None:
    assert "no good metadata" in refusal(kept[1:])
    assert "the kept answers have 128 of the 160 cells wanted (4 good data answers)" in refusal(kept[:-1])


def test_answers_beyond_what_the_catalogue_now_asks_are_no_harm(kept: list[tuple[Document, bytes]]) -> None:
    assert DATASET.query is not None
    less = replace(DATASET, query=replace(DATASET.query, contents=DATASET.query.contents[:1]))
    reading = statfin.read(less, AREAS, kept)
    assert reading.resolution.contents == {"people": "vkour-vaesto"}
    assert len(reading.table.frame) == 160


def test_a_catalogue_that_now_asks_more_must_fetch_again(kept: list[tuple[Document, bytes]]) -> None:
    assert DATASET.query is not None
    (age,) = DATASET.query.classes
    more = replace(age, take=(*age.take, ValueChoice("rest", label=("Muut",))))
    text = refusal(kept, replace(DATASET, query=replace(DATASET.query, classes=(more,))))
    assert "the kept answers have 160 of the 240 cells wanted" in text and "fetch it again" in text


def test_answers_to_other_variables_are_not_taken(kept: list[tuple[Document, bytes]]) -> None:
    document, body = kept[1]
    query = orjson.loads(document.request_body)
    query["query"].pop()
    other = replace(document, request_body=orjson.dumps(query).decode())
    text = refusal([kept[0], (other, body), *kept[2:]])
    assert "128 of the 160" in text and "1 asked other variables than the catalogue does now" in text


def test_another_tables_answer_is_refused(kept: list[tuple[Document, bytes]]) -> None:
    def other_table(content: dict[str, Any]) -> None:
        content["extension"]["px"]["tableid"] = "11re"

    assert "the answer is of table '11re', not '12bs'" in refusal(
        [*kept[:-1], changed(*kept[-1], other_table)]
    )


def test_an_answer_that_bears_no_id_is_judged_by_its_codes(kept: list[tuple[Document, bytes]]) -> None:
    def anonymous(content: dict[str, Any]) -> None:
        del content["extension"]

    found = [kept[0], *(changed(*one, anonymous) for one in kept[1:])]
    assert len(cells_of(statfin.read(DATASET, AREAS, found))) == 160


def test_other_codes_than_asked_are_refused(kept: list[tuple[Document, bytes]]) -> None:
    def other_code(content: dict[str, Any]) -> None:
        category = content["dimension"]["alue_23_20260101"]["category"]
        category["index"]["KU091"] = category["index"].pop("KU205")

    text = refusal([*kept[:-1], changed(*kept[-1], other_code)])
    assert "variable 'alue_23_20260101' lacks 'KU205' and has unasked 'KU091'" in text


def test_other_dimensions_than_asked_are_refused(kept: list[tuple[Document, bytes]]) -> None:
    def other_dimension(content: dict[str, Any]) -> None:
        content["dimension"]["Alue"] = content["dimension"].pop("alue_23_20260101")
        content["id"] = [code.replace("alue_23_20260101", "Alue") for code in content["id"]]

    assert "it has the variables timeperiod_y, Alue" in refusal(
        [*kept[:-1], changed(*kept[-1], other_dimension)]
    )


def test_another_order_of_dimensions_and_categories_is_fine(kept: list[tuple[Document, bytes]]) -> None:
    expected = cells_of(statfin.read(DATASET, AREAS, kept))

    def turned(content: dict[str, Any]) -> None:
        # Every dimension and every index the other way round: the values are just the other way round too.
        content["id"].reverse()
        content["size"].reverse()
        old = dict(zip(content["id"][::-1], content["size"][::-1], strict=True))
        order = list(old)
        values, status = content["value"], content.get("status", {})
        strides = {code: math.prod(old[one] for one in order[i + 1 :]) for i, code in enumerate(order)}
        positions = [0]
        for code in content["id"]:
            positions = [p + strides[code] * n for p in positions for n in range(old[code])]
        content["value"] = [values[p] for p in positions]
        content["status"] = [status.get(str(p)) for p in positions]

    found = [kept[0], changed(*kept[1], turned), *kept[2:]]
    assert cells_of(statfin.read(DATASET, AREAS, found)) == expected
    assert cells_of(statfin.read(DATASET, AREAS, [*found[:1], *found[:0:-1]])) == expected


def test_a_release_in_the_midst_of_fetching_is_said_so(kept: list[tuple[Document, bytes]]) -> None:
    def later(content: dict[str, Any]) -> None:
        content["updated"] = "2026-06-19T05:00:00Z"

    text = refusal([*kept[:-1], changed(*kept[-1], later)])
    assert "a release came while the parts were fetched" in text and "run again" in text


def test_an_empty_or_broken_answer_is_refused(kept: list[tuple[Document, bytes]]) -> None:
    document, body = kept[-1]
    assert "0 values for 32 cells" in refusal(
        [*kept[:-1], changed(document, body, lambda content: content.update(value=[]))]
    )
    assert "the answer is no JSON" in refusal([*kept[:-1], (document, body[:-10])])
    assert "it begins '<html>" in refusal([*kept[:-1], (document, b"<html>\n<p>Huolto")])


def test_a_kept_answer_in_px_json_reads_too(recordings: Path) -> None:
    body = (recordings / "statfin" / "12bs-all-areas-2025.json").read_bytes()
    document = orjson.loads(body)
    contents = [(one["code"], one["text"]) for one in document["columns"] if one["type"] == "c"]
    codes = [row["key"][1] for row in document["data"]]
    described = {
        "title": "15 vuotta täyttänyt väestö, 1970-2025",
        "variables": [
            {
                "code": "timeperiod_y",
                "text": "Vuosi",
                "values": ["2025"],
                "valueTexts": ["2025"],
                "time": True,
            },
            {"code": "alue_23_20260101", "text": "Alue 2026", "values": codes, "valueTexts": codes},
            {
                "code": "contentscode",
                "text": "Tiedot",
                "values": [code for code, _ in contents],
                "valueTexts": [text for _, text in contents],
            },
        ],
    }
    query = {
        "query": [
            {"code": one["code"], "selection": {"filter": "item", "values": one["values"]}}
            for one in described["variables"]
        ],
        "response": {"format": "json"},
    }
    assert DATASET.query is not None
    dataset = replace(
        DATASET,
        query=replace(
            DATASET.query, contents=(ContentChoice("share", code=("kaste5T8osuus",), unit="%"),), classes=()
        ),
    )
    moment = datetime(2026, 6, 18, 6, tzinfo=UTC)
    answer = Answer(
        "statfin",
        DATASET.id,
        "data",
        "POST",
        "http://127.0.0.1/PXWeb/api/v1/fi/StatFin/vkour/12bs.px",
        orjson.dumps(query),
        200,
        "application/json",
        body,
        moment,
        moment,
    )
    meta = replace(answer, kind="metadata", request_body=b"", body=orjson.dumps(described))
    frame = statfin.read(dataset, AREAS, documents([meta, answer])).table.frame
    assert len(frame) == 330 * 15
    chosen = (frame["alue_23_20260101"] == "KU205") & (frame["contentscode"] == "kaste5T8osuus")
    assert frame.loc[chosen, "value"].item() == 31.3


def test_a_px_json_answer_that_lacks_a_row_is_refused() -> None:
    variables = {
        "timeperiod_y": ("Vuosi", ["2024", "2025"], ["2024", "2025"]),
        "alue": ("Alue", ["SSS", "KU205"], ["KOKO MAA", "Kajaani"]),
        "contentscode": ("Tiedot", ["vkour-vaesto"], ["Väestö"]),
    }
    described = [
        {"code": code, "text": text, "values": values, "valueTexts": texts}
        | ({"time": True} if code == "timeperiod_y" else {})
        for code, (text, values, texts) in variables.items()
    ]
    query = {
        "query": [
            {"code": code, "selection": {"filter": "item", "values": values}}
            for code, (_, values, _) in variables.items()
        ],
        "response": {"format": "json"},
    }
    rows = [{"key": [year, area], "values": ["1"]} for year in ("2024", "2025") for area in ("SSS", "KU205")]
    columns = [{"code": "timeperiod_y", "type": "t"}, {"code": "alue", "type": "d"}]
    columns.append({"code": "vkour-vaesto", "type": "c"})
    assert DATASET.query is not None
    dataset = replace(DATASET, query=replace(DATASET.query, contents=DATASET.query.contents[:1], classes=()))
    moment = datetime(2026, 6, 18, 6, tzinfo=UTC)
    data = Answer(
        "statfin",
        DATASET.id,
        "data",
        "POST",
        "http://127.0.0.1/PXWeb/api/v1/fi/StatFin/vkour/12bs.px",
        orjson.dumps(query),
        200,
        "application/json",
        orjson.dumps({"columns": columns, "data": rows}),
        moment,
        moment,
    )
    body = orjson.dumps({"title": "t", "variables": described})
    meta = replace(data, kind="metadata", request_body=b"", body=body)
    assert len(statfin.read(dataset, AREAS, documents([meta, data])).table.frame) == 4
    short = replace(data, body=orjson.dumps({"columns": columns, "data": rows[:3]}))
    assert "3 cells instead of 4" in refusal(documents([meta, short]), dataset)


# A table under another id


class Moved:
    """A server that knows the table under one id, and has a list of its subject's tables."""

    def __init__(
        self, server: Any, table: Table, raw: Raw, id_: str, listed: list[tuple[str, str]] | None
    ) -> None:
        self.id, self.listed = id_, listed
        table.id = id_

        def answer(request: Any) -> bytes:
            name = request.path.rpartition("/")[2]
            if name == "vkour" and self.listed is not None:
                rows = [{"id": file, "type": "t", "text": text, "updated": "x"} for file, text in self.listed]
                return raw(orjson.dumps(rows))
            if name != f"{self.id}.px":
                return raw(b"Bad Request", "400 Bad Request", "text/plain")
            return raw(table.metadata() if request.method == "GET" else table.data(request.body))

        server.answer = answer


LONG = "statfin_vkour_pxt_12bs"
LISTED = [("statfin_vkour_pxt_12bq.px", "12bq -- Toinen"), (f"{LONG}.px", "12bs -- Koulutus, 1970-2025")]


def test_a_table_under_another_id_is_found_by_one_look_at_the_list(
    session: Any, server: Any, table: Table, raw: Raw, caplog: pytest.LogCaptureFixture
) -> None:
    Moved(server, table, raw, LONG, LISTED)
    with caplog.at_level("INFO", "mittaristo.pxweb"):
        resolution = fetch(session, server)
    assert (
        "the source does not know vkour/12bs; it answers as vkour/statfin_vkour_pxt_12bs now" in caplog.text
    )
    assert [(one.kind, one.status, one.dataset_id) for one in session.kept] == [
        ("metadata", 400, DATASET.id),
        ("listing", 200, DATASET.id),
        ("metadata", 200, DATASET.id),
        ("data", 200, DATASET.id),
    ]
    assert resolution.table == f"vkour/{LONG}"
    reading = statfin.read(DATASET, AREAS, documents(session.kept))
    assert reading.resolution.table == reading.meta.table == f"vkour/{LONG}"
    assert len(cells_of(reading)) == 160


def test_an_answer_under_the_long_name_may_bear_the_short_id(
    session: Any, server: Any, table: Table, raw: Raw
) -> None:
    Moved(server, table, raw, LONG, LISTED)
    table.id = "12BS"
    fetch(session, server)
    assert statfin.read(DATASET, AREAS, documents(session.kept)).table.table_id == "12BS"
    table.id = "statfin_vkour_pxt_12bq"
    fetch(session, server)
    with pytest.raises(SourceError, match="the answer is of table 'statfin_vkour_pxt_12bq'"):
        statfin.read(DATASET, AREAS, documents(session.kept))


def test_the_id_that_answered_last_is_asked_first(session: Any, server: Any, table: Table, raw: Raw) -> None:
    moved = Moved(server, table, raw, LONG, LISTED)
    resolution = fetch(session, server)
    known = known_codes(resolution, pxweb.read_metadata(table.metadata(), resolution.table))
    before = len(session.kept)
    statfin.fetch(DATASET, AREAS, server.base_url, session.http, LIMITS, known=known)
    assert [one.kind for one in session.kept[before:]] == ["metadata", "data"]
    # and when it moves back, the list is looked at again
    moved.id, moved.listed, table.id = "12bs", [("12bs.px", "12bs -- Koulutus")], "12bs"
    before = len(session.kept)
    back = statfin.fetch(DATASET, AREAS, server.base_url, session.http, LIMITS, known=known)
    assert [one.kind for one in session.kept[before:]] == ["metadata", "listing", "metadata", "data"]
    assert back.table == "vkour/12bs"
    assert statfin.read(DATASET, AREAS, documents(session.kept), known=known).meta.table == "vkour/12bs"


def test_the_release_check_goes_to_the_id_that_answered_last(
    session: Any, server: Any, table: Table, raw: Raw
) -> None:
    Moved(server, table, raw, LONG, LISTED)
    query = pxweb.release_query(fetch(session, server))
    found = statfin.release(DATASET, server.base_url, session.http, LIMITS, query, f"vkour/{LONG}")
    assert found == datetime(2026, 6, 18, 5, tzinfo=UTC)
    assert statfin.release(DATASET, server.base_url, session.http, LIMITS, query) is None


def test_a_table_of_another_entry_is_never_asked(session: Any, server: Any, table: Table, raw: Raw) -> None:
    # the catalogue was corrected since: what answered then is not what is wanted now
    Moved(server, table, raw, "12bs", None)
    resolution = resolve(DATASET, pxweb.read_metadata(table.metadata(), "vkour/12bq"), AREAS)
    known = known_codes(resolution, pxweb.read_metadata(table.metadata(), "vkour/12bq"))
    assert known.table == "vkour/12bq"
    assert (
        statfin.fetch(DATASET, AREAS, server.base_url, session.http, LIMITS, known=known).table
        == "vkour/12bs"
    )


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ([("12bs.px", "12bs -- Koulutus")], "though the list of vkour still has it"),
        (
            [(f"{LONG}.px", "Koulutus"), ("uusi_12bs.px", "Koulutus, uusi")],
            "several tables of vkour may be it: vkour/statfin_vkour_pxt_12bs ('Koulutus'), vkour/uusi_12bs",
        ),
    ],
)
def test_a_table_that_does_not_answer_and_is_not_plainly_gone_is_no_discontinued_one(
    session: Any, server: Any, table: Table, raw: Raw, listed: list[tuple[str, str]], said: str
) -> None:
    Moved(server, table, raw, "nowhere", listed)
    with pytest.raises(SourceError) as caught:
        fetch(session, server)
    assert not isinstance(caught.value, statfin.TableGoneError)
    text = str(caught.value)
    assert text.startswith("statfin/vkour/12bs: the source does not know") and said in text
    assert text.isprintable()


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ([("12bq.px", "12bq -- Toinen")], "none of the 1 tables of vkour bears its id"),
        ([], "none of the 0 tables of vkour bears its id"),
        (None, "the source knows neither the table vkour/12bs nor its subject vkour"),
    ],
)
def test_a_table_that_is_gone_is_said_so_in_one_line(
    session: Any, server: Any, table: Table, raw: Raw, listed: list[tuple[str, str]] | None, said: str
) -> None:
    Moved(server, table, raw, "nowhere", listed)
    with pytest.raises(statfin.TableGoneError) as caught:
        fetch(session, server)
    text = str(caught.value)
    assert text.startswith("statfin/vkour/12bs: ") and said in text and "discontinued" in text
    assert text.isprintable()
    assert [one.kind for one in session.kept] == ["metadata", "listing"]


def test_other_refusals_of_the_metadata_look_at_no_list(session: Any, server: Any, raw: Raw) -> None:
    server.script = [raw(b"<html>no</html>", "403 Forbidden", "text/html")]
    with pytest.raises(AnswerError, match="403"):
        fetch(session, server)
    assert len(server.requests) == 1


def test_parts_of_one_id_are_not_mixed_with_those_of_another(
    session: Any, server: Any, table: Table, raw: Raw
) -> None:
    Moved(server, table, raw, "12bs", LISTED)
    fetch(session, server)
    Moved(server, table, raw, LONG, LISTED)
    fetch(session, server)
    kept = documents(session.kept)
    assert statfin.read(DATASET, AREAS, kept).table.table_id == LONG
    with pytest.raises(SourceError, match="the kept answers have 0 of the 160 cells"):
        statfin.read(DATASET, AREAS, [one for one in kept if one[0].kind != "data" or LONG not in one[0].url])


# Codes that were accepted, or are on trial


def test_accepted_codes_are_asked_and_read(session: Any, pxserver: Any, table: Table) -> None:
    table.variables["contentscode"] = ("Tiedot", {"vkour-vaesto": "Väestö", "uusi": "Jotain muuta"})
    overrides = Overrides(contents={"share": "uusi"})
    statfin.fetch(DATASET, AREAS, pxserver.base_url, session.http, LIMITS, overrides)
    reading = statfin.read(DATASET, AREAS, documents(session.kept), overrides)
    assert reading.resolution.contents == {"people": "vkour-vaesto", "share": "uusi"}
    assert len(cells_of(reading)) == 160
    without = statfin.read(DATASET, AREAS, documents(session.kept))
    assert without.resolution.contents == {"people": "vkour-vaesto"}


def test_proposed_codes_are_asked_in_the_same_calls(session: Any, pxserver: Any, table: Table) -> None:
    first = fetch(session, pxserver)
    known = known_codes(first, pxweb.read_metadata(table.metadata(), DATASET.table))
    table.variables["contentscode"] = ("Tiedot", {"vkour-vaesto": "Väestö", "uusi": "Osuus väestöstä"})
    before = len(session.kept)
    statfin.fetch(DATASET, AREAS, pxserver.base_url, session.http, LIMITS, known=known)
    assert [one.kind for one in session.kept[before:]] == ["metadata", "data"]
    reading = statfin.read(DATASET, AREAS, documents(session.kept), known=known)
    (proposal,) = reading.resolution.proposals
    assert (proposal.key, proposal.code) == ("share", "uusi")
    assert reading.resolution.contents == {"people": "vkour-vaesto", proposal.trial: "uusi"}
    assert [one.key for one in reading.resolution.missing] == ["share"]
    assert len(cells_of(reading)) == 160
