"""PxWeb's protocol, version 1: limits, metadata, table lists, queries, addresses. Sends nothing."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import orjson

from connectors.cells import quoted
from connectors.limiter import RateLimits
from models.errors import SourceError
from models.resolution import Resolution
from models.table import TableMeta, Variable

MAX_VALUES = 200_000  # of all variables of a table; the widest tables have some thousands
OWN_MAX_CELLS = (
    100_000  # StatFin reports more and refuses it now and then (reference: 117,000 accepted, 124,800 not)
)
_LONGEST_WINDOW_SECONDS = 3600
# Less would make a table last for days: somebody answers for the server, or its settings are a mistake.
_FEWEST_CELLS, _LONGEST_SPACING_SECONDS = 50, 60
_TABLE = re.compile(r"[A-Za-z0-9_]+(?:/[A-Za-z0-9_]+)*")
_FILE = re.compile(r"([A-Za-z0-9_]+)\.px")


@dataclass(frozen=True)
class Limits:
    """What a server accepts: cells in one answer, and calls in any window."""

    max_cells: int
    calls: int
    window_seconds: float

    @property
    def rate(self) -> RateLimits:
        """The limits of the pace alone."""
        return RateLimits(self.calls, self.window_seconds)


@dataclass(frozen=True)
class Query:
    """One data query: the values asked of every variable, in a fixed order."""

    selections: tuple[tuple[str, tuple[str, ...]], ...]  # variable code, value codes

    @property
    def body(self) -> bytes:
        """The JSON to send: item filters only, JSON-stat 2 as format, UTF-8."""
        return _body({code: ("item", values) for code, values in self.selections})


def read_config(body: bytes) -> Limits:
    """The limits of a `?config` answer, the cells never above OWN_MAX_CELLS.

    Raises SourceError where a limit is missing or makes no sense.
    """
    document = _load(body, "the answer to ?config")
    cells, calls = (int(_positive(document, key, int)) for key in ("maxCells", "maxCalls"))
    window = float(_positive(document, "timeWindow", int, float))
    if window > _LONGEST_WINDOW_SECONDS:
        raise SourceError(
            f"the answer to ?config says timeWindow {window:g} s, more than the {_LONGEST_WINDOW_SECONDS} s"
            " that are believed"
        )
    if cells < _FEWEST_CELLS:
        raise SourceError(
            f"the answer to ?config says maxCells {cells}, fewer than the {_FEWEST_CELLS} that are believed"
        )
    if window / calls > _LONGEST_SPACING_SECONDS:
        raise SourceError(
            f"the answer to ?config says {calls} calls in {window:g} s, a slower pace than a call in"
            f" {_LONGEST_SPACING_SECONDS} s is not believed"
        )
    return Limits(min(cells, OWN_MAX_CELLS), calls, window)


def read_metadata(body: bytes, table: str) -> TableMeta:
    """What the table says of itself; `table` is the table that was asked (vkour/12bs).

    Raises SourceError, one line, for anything that is not one whole and consistent description.
    """
    document = _load(body, f"the metadata of {table}")
    variables = document.get("variables")
    if not isinstance(variables, list) or not variables:
        raise SourceError(f"the metadata of {table} list no variables; is it a table?")
    read = tuple(_variable(one, table) for one in variables)
    if len({one.code for one in read}) != len(read):
        raise SourceError(f"the metadata of {table} have two variables with the same code")
    if (values := sum(len(one.values) for one in read)) > MAX_VALUES:
        raise SourceError(
            f"the metadata of {table} list {values} values; more than {MAX_VALUES} are not read"
        )
    return TableMeta(table=table, title=_text(document.get("title")), variables=read)


def selections(resolution: Resolution) -> dict[str, tuple[str, ...]]:
    """The values to ask of every variable: time, areas, contents, classes and totals, in this order.

    Variables that the source sums itself (`resolution.eliminated`) are left out. Raises SourceError where
    there is nothing to ask of a variable.
    """
    asked: dict[str, tuple[str, ...]] = {resolution.time_variable: resolution.periods}
    if resolution.area_variable is not None:
        asked[resolution.area_variable] = tuple(resolution.areas)
    if resolution.contents_variable is not None:
        asked[resolution.contents_variable] = tuple(dict.fromkeys(resolution.contents.values()))
    for variable, values in resolution.classes.values():
        if variable is not None:
            asked[variable] = tuple(dict.fromkeys((*asked.get(variable, ()), *values.values())))
    for variable, total in resolution.totals.items():
        asked.setdefault(variable, (total,))
    for variable in resolution.eliminated:
        asked.pop(variable, None)
    for variable, wanted in asked.items():
        if not wanted:
            raise SourceError(
                f"nothing to ask of variable {quoted(variable)} of {resolution.table};"
                " compare the catalogue with the table's metadata"
            )
    return asked


def plan(resolution: Resolution, limits: Limits) -> list[Query]:
    """The queries that together ask every cell of `resolution` once, each within `limits.max_cells`.

    Split along the largest variable; of equals, time before areas before contents before classes. The same
    resolution and limits always give the same queries.
    """
    return split(Query(tuple(selections(resolution).items())), limits.max_cells)


def cells(query: Query) -> int:
    """The number of cells `query` asks."""
    return math.prod(len(values) for _, values in query.selections)


def split(query: Query, max_cells: int) -> list[Query]:
    """`query` in parts of at most `max_cells` cells (at least 1), in the order of the values."""
    total = cells(query)
    if total <= max_cells:
        return [query]
    largest = max(range(len(query.selections)), key=lambda one: len(query.selections[one][1]))
    values = query.selections[largest][1]
    each = total // len(values)
    # Where single values fit, as few parts as the limit allows; else halves, which are split along others.
    parts = math.ceil(len(values) / (max_cells // each)) if each <= max_cells else 2
    bounds = [len(values) * part // parts for part in range(parts + 1)]
    return [
        smaller
        for begin, end in pairwise(bounds)
        for smaller in split(_with(query, largest, values[begin:end]), max_cells)
    ]


def release_query(resolution: Resolution) -> bytes:
    """The body of the cheapest query that tells the release time: newest period, one area, one class.

    All contents are asked: an answer's `updated` is the latest of the contents selected, and each may have
    its own.
    """
    asked = selections(resolution)
    wanted = {
        code: ("item", values if code == resolution.contents_variable else values[:1])
        for code, values in asked.items()
    }
    wanted[resolution.time_variable] = ("top", ("1",))
    return _body(wanted)


def newest_query(meta: TableMeta, max_cells: int) -> bytes:
    """The body of a query for the newest period: all values of every variable, of the largest the first ones only.

    Variables are cut from the largest on until at most `max_cells` are asked; contents are never cut.
    """
    asked = {one.code: list(one.values) for one in meta.variables}
    time = next((one for one in meta.variables if one.time), None)
    if time is not None:
        asked[time.code] = asked[time.code][-1:]
    by_size = sorted(meta.variables, key=lambda one: len(one.values), reverse=True)
    for one in by_size:
        size = math.prod(len(values) for values in asked.values())
        if size > max_cells and one is not time and one.text.casefold() != "tiedot":
            asked[one.code] = asked[one.code][: max(1, max_cells * len(asked[one.code]) // size)]
    return _body({code: ("item", values) for code, values in asked.items()})


def read_query(body: str | bytes) -> tuple[dict[str, tuple[str, ...]], str]:
    """The values a data query asked of each variable, and the format.

    Raises SourceError for what is no query, and for filters other than item.
    """
    try:
        document = orjson.loads(body)
        asked: dict[str, tuple[str, ...]] = {}
        for one in document["query"]:
            if one["selection"]["filter"] != "item":
                raise SourceError(f"a query asks {quoted(one['code'])} by other means than by its values")
            asked[str(one["code"])] = tuple(map(str, one["selection"]["values"]))
        return asked, str(document["response"]["format"])
    except (orjson.JSONDecodeError, KeyError, TypeError, IndexError) as error:
        raise SourceError(f"a kept request is no PxWeb query; it begins {quoted(body, 60)}") from error


def table_url(base_url: str, language: str, database: str, table: str) -> str:
    """The address of a table for metadata (GET) and data (POST). `base_url` ends before the language."""
    if _TABLE.fullmatch(table) is None:
        raise SourceError(
            f"{quoted(table)} is no table: expected a name such as vkour/12bs; correct the catalogue"
        )
    return f"{_root(base_url, language)}/{quote(database, safe='')}/{table}.px"


def table_of(url: str) -> str:
    """The table that an address of `table_url` is of: vkour/12bs. Raises SourceError for any other address."""
    parts = unquote(urlsplit(url).path).split("/")
    file = _FILE.fullmatch(parts[-1])
    if file is None or len(parts) < 2 or _TABLE.fullmatch(parts[-2]) is None:
        raise SourceError(f"{quoted(url)} is no address of a table; a kept answer cannot be told whose it is")
    return f"{parts[-2]}/{file[1]}"


def listing_url(base_url: str, language: str, database: str, subject: str) -> str:
    """The address of the list of a subject's tables."""
    if _TABLE.fullmatch(subject) is None:
        raise SourceError(
            f"{quoted(subject)} is no subject: expected a name such as vkour; correct the catalogue"
        )
    return f"{_root(base_url, language)}/{quote(database, safe='')}/{subject}"


def read_listing(body: bytes, subject: str) -> dict[str, str]:
    """The tables of a subject's list: table as the catalogue would name it (vkour/12bs) → its text.

    What is no table, or has no file name as tables have, is left out. Raises SourceError for what is no list.
    """
    try:
        listed = orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise SourceError(f"the list of the tables of {subject} is no JSON ({error})") from error
    if not isinstance(listed, list):
        raise SourceError(f"the list of the tables of {subject} is no JSON list")
    tables = {}
    for one in listed:
        if not isinstance(one, dict) or one.get("type", "t") != "t":
            continue
        file = _FILE.fullmatch(_text(one.get("id")))
        if file is not None:
            tables[f"{subject}/{file[1]}"] = " ".join(_text(one.get("text")).split())
    return tables


def is_table(listed: str, text: str, table: str) -> bool:
    """Whether a table of a list is the one that the catalogue calls `table`, whatever its file's name now.

    Its file's name has the id as a part (statfin_vaerak_pxt_11ra of vaerak/11ra), or its text begins with it.
    """
    id_ = short_id(table)
    words = re.split(r"[^0-9a-zåäö]+", text.casefold(), maxsplit=1)
    return id_ in listed.rpartition("/")[2].split("_") or words[0] == id_


def short_id(table: str) -> str:
    """The table's own id, without the long form's beginning: 11ra of vaerak/11ra."""
    return table.rpartition("/")[2].rpartition("_")[2]


def config_url(base_url: str, language: str) -> str:
    """The address of the server's limits."""
    return f"{_root(base_url, language)}/?config"


def _root(base_url: str, language: str) -> str:
    return f"{base_url.rstrip('/')}/{language}"


def _with(query: Query, position: int, values: tuple[str, ...]) -> Query:
    changed = list(query.selections)
    changed[position] = (changed[position][0], values)
    return Query(tuple(changed))


def _body(wanted: Mapping[str, tuple[str, Sequence[str]]]) -> bytes:
    return orjson.dumps(
        {
            "query": [
                {"code": code, "selection": {"filter": how, "values": list(values)}}
                for code, (how, values) in wanted.items()
            ],
            "response": {"format": "json-stat2"},
        }
    )


def _load(body: bytes, what: str) -> dict[str, Any]:
    try:
        document = orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        start = quoted(body[:200].decode("utf-8", "replace"))
        raise SourceError(f"{what} is no JSON ({error}); it begins {start}") from error
    if not isinstance(document, dict):
        raise SourceError(f"{what} is no JSON object")
    return document


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _positive(document: dict[str, Any], key: str, *kinds: type) -> float:
    value: Any = document.get(key)
    if type(value) not in kinds or value <= 0:
        raise SourceError(f"the answer to ?config says {key} {quoted(value)}, not a positive number")
    return float(value)


def _variable(described: Any, table: str) -> Variable:
    if not isinstance(described, dict) or not isinstance(code := described.get("code"), str) or not code:
        raise SourceError(f"the metadata of {table} have a variable without a code")
    values, texts = described.get("values"), described.get("valueTexts")
    if values is None or texts is None:
        raise SourceError(
            f"the metadata of {table} do not list the values of {quoted(code)}: more than the server shows"
        )
    if (
        not isinstance(values, list)
        or not isinstance(texts, list)
        or not set(map(type, [*values, *texts])) <= {str}
    ):
        raise SourceError(f"the metadata of {table} have values of {quoted(code)} that are no texts")
    if len(values) != len(texts):
        raise SourceError(
            f"the metadata of {table} have {len(values)} values of {quoted(code)} but {len(texts)} texts"
        )
    if not values:
        raise SourceError(f"the metadata of {table} have an empty list of values of {quoted(code)}")
    if len(set(values)) != len(values):
        raise SourceError(f"the metadata of {table} have the same value of {quoted(code)} twice")
    return Variable(
        code=code,
        text=_text(described.get("text")) or code.strip(),
        values=tuple(values),
        texts=tuple(text.strip() for text in texts),
        elimination=described.get("elimination") is True,
        time=described.get("time") is True,
        map=_text(described.get("map")),
    )
