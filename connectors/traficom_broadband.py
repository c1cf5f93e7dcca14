"""Traficom's file of fixed broadband availability: one ODS, replaced at each release under the same name.

What is known of it (one public client, 2026; no file was recorded): a title row, the country, then the regions, then
a header row `Kunnat | Kommuner | Municipalities | >=30 | >=100 | >=300 | >=1000` and a municipality a row, with
fractions 0-1 of households. Rows and columns are found by these texts, never by number. The date in the title says
which period the figures are of; each edition is one period, and the raw store keeps them all.
"""

from __future__ import annotations

import html
import logging
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import pandas as pd

from connectors.asked import finnish_day, good_documents, named, request_of
from connectors.cells import MISSING_SYMBOLS, quoted
from connectors.cube import cube
from connectors.http import Http
from connectors.limiter import RateLimits
from connectors.ods import MEDIA_TYPE, Cell, Row, Sheet, read_ods
from connectors.pxweb import OWN_MAX_CELLS, Limits
from connectors.unchecked import release as release
from connectors.unchecked import release_query as release_query
from models.area import Area
from models.dataset import ContentChoice, Dataset
from models.document import Document
from models.errors import SourceError
from models.reading import Reading
from models.recode import KnownCodes
from models.resolution import Overrides

SOURCE = "traficom_broadband"
LIMITS = RateLimits(calls=10, window_seconds=60.0)  # none stated; two calls a look
FILE_TYPES = (MEDIA_TYPE, "application/octet-stream", "application/zip")
MAX_FILE_BYTES = 16 * 1024 * 1024
MAX_PAGE_BYTES = 4 * 1024 * 1024
TITLE_ROWS = 15  # above the first header; below them no title is looked for

_MONTHS: Mapping[str, int] = {
    word: number
    for number, words in enumerate(
        (
            "tammikuu januari january",
            "helmikuu februari february",
            "maaliskuu mars march",
            "huhtikuu april",
            "toukokuu maj may",
            "kesäkuu juni june",
            "heinäkuu juli july",
            "elokuu augusti august",
            "syyskuu september",
            "lokakuu oktober october",
            "marraskuu november",
            "joulukuu december",
        ),
        start=1,
    )
    for word in words.split()
}
_DAY = re.compile(r"(?<![\d.])(\d{1,2})\.(\d{1,2})\.(20\d\d)(?!\d)", re.ASCII)
_ISO_DAY = re.compile(r"(?<!\d)(20\d\d)-(\d\d)-(\d\d)(?!\d)", re.ASCII)
_MONTH = re.compile(r"(?<![\d./])(\d{1,2})/(20\d\d)(?!\d)", re.ASCII)
_MONTH_NAME = re.compile(rf"\b({'|'.join(_MONTHS)})n?(?:\s+[^\W\d]+)?\s+(20\d\d)(?!\d)", re.IGNORECASE)
_YEAR_END = re.compile(
    r"\b(?:vuoden\s+(20\d\d)\s+lop|end\s+of\s+(20\d\d)|slutet\s+av\s+(?:år(?:et)?\s+)?(20\d\d))",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?<![\d.,/-])(20\d\d)(?![\d/-])", re.ASCII)
_NOTHING = (math.nan, "")
_SPEED_UNIT = re.compile(r"(?:mbit/?s|mbps|mb/s)$")
_COPY = re.compile(r"[_-]\d+$")  # a file put up again under its old name may get a number

log = logging.getLogger("mittaristo.traficom_broadband")


def config(base_url: str, http: Http) -> Limits:
    """The pace to keep; nothing is asked, as the source states no limits."""
    return Limits(OWN_MAX_CELLS, LIMITS.calls, LIMITS.window_seconds)


def fetch(
    dataset: Dataset,
    areas: Sequence[Area],
    base_url: str,
    http: Http,
    limits: Limits,
    overrides: Overrides | None = None,
    known: KnownCodes | None = None,
) -> None:
    """Ask for the page, and for the file that it links to; both answers go to the session's `keep`.

    Where the page links to no file, the address in the catalogue is asked, and the log says so. Raises SourceError
    where a link leads elsewhere than to the source, or several may be it.
    """
    request = _request(dataset)
    page = base_url.rstrip("/") + request["page"]
    with named(dataset):
        answer = http.send(
            source=SOURCE,
            dataset_id=dataset.id,
            kind="listing",
            method="GET",
            url=page,
            accept=("text/html", "application/xhtml+xml"),
            max_bytes=MAX_PAGE_BYTES,
            limits=limits.rate,
        )
        link = file_link(answer.body, page, base_url, request["file"])
        if link is None:
            link = base_url.rstrip("/") + request["file"]
            log.warning(
                "%s: the page %s links to no .ods file; the catalogue's address %s is asked",
                dataset.id,
                page,
                link,
            )
        http.send(
            source=SOURCE,
            dataset_id=dataset.id,
            kind="data",
            method="GET",
            url=link,
            accept=FILE_TYPES,
            max_bytes=MAX_FILE_BYTES,
            limits=limits.rate,
        )


def read(
    dataset: Dataset,
    areas: Sequence[Area],
    documents: Sequence[tuple[Document, bytes]],
    overrides: Overrides | None = None,
    known: KnownCodes | None = None,
) -> Reading:
    """The newest kept edition, as one period; pure.

    Raises SourceError, one line, for a file that is no spreadsheet, has no date in its title, not the texts that the
    catalogue names, or figures that are no fractions.
    """
    request = _request(dataset)
    with named(dataset):
        kept = good_documents(dataset, documents)
        if not kept:
            raise SourceError("no good file among the kept answers; fetch it again")
        document, body = kept[-1]
        if not _path(document.url).endswith(".ods"):
            raise SourceError(f"{document.url} is no .ods file; look at the source's page")
        table = _table(read_ods(body), dataset, request)
        edition = edition_of(table.titles, request["earliest"], finnish_day(document.fetched_at))
        parts, lacking = [], {}
        for area in areas:
            figures = table.of(area, request.get("area_names", {}).get(area.code, ()))
            if figures is None:
                lacking[area.code] = f"no row {quoted(area.name_fi)} with the figures of a {area.level}"
                continue
            parts += [(key, area.code, *figure) for key, figure in figures.items()]
    frame = pd.DataFrame(parts, columns=["content", "area", "value", "symbol"]).assign(period=edition.period)
    return cube(
        dataset,
        areas,
        frame,
        absent="null",
        updated=None,
        preliminary=() if edition.whole_year else (edition.period,),
        labels=table.labels,
        unknown_areas=lacking,
    )


def _request(dataset: Dataset) -> Mapping[str, Any]:
    """The entry's `request`: page and file, the header of the municipalities, names of areas, the earliest year."""
    return request_of(
        dataset,
        {"page": (str,), "file": (str,), "area_column": (str,), "earliest": (int,)},
        {"area_names": (dict,), "sheet": (str,)},
    )


# --- the link ---------------------------------------------------------------------------------------------


_LINK = re.compile(r"<a\s([^<>]*)>", re.IGNORECASE)
_HREF = re.compile(r"""(?:^|\s)href\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)


def _links(page: str) -> Iterator[str]:
    """Where the links of a page lead, but for those in comments and scripts.

    Python's own parser takes hours over some pages of a megabyte (comments that never end); this is one pass.
    """
    shown = _without(page, re.compile("<!--"), re.compile("-->"))
    shown = _without(shown, re.compile(r"<script\b", re.IGNORECASE), re.compile("</script", re.IGNORECASE))
    for link in _LINK.finditer(shown):
        if found := _HREF.search(link[1]):
            yield html.unescape(found[1] or found[2] or found[3] or "").strip()


def _without(text: str, begin: re.Pattern[str], end: re.Pattern[str]) -> str:
    """`text` without what stands from each `begin` to the next `end`."""
    first, *others = begin.split(text)
    return " ".join([first, *(one[found.end() :] for one in others if (found := end.search(one)))])


def file_link(page: bytes, page_url: str, base_url: str, expected: str) -> str | None:
    """The address of the one .ods file that `page` links to; None where it links to none.

    Of several the one that is named as `expected` (a path), whatever number was put behind it. A link from the
    site's root starts at `base_url`. Raises SourceError where none or several of them are, or where it is elsewhere.
    """
    links = _links(page.decode("utf-8", "replace"))
    found = dict.fromkeys(one for one in links if _path(one).endswith(".ods"))
    if len(found) > 1:
        named_so = [one for one in found if _stem(one) == _stem(expected)]
        if len(named_so) != 1:
            shown = ", ".join(quoted(one, 100) for one in list(found)[:4])
            raise SourceError(
                f"the page {page_url} links to {len(found)} .ods files ({shown}), {len(named_so)} of them named as "
                f"{quoted(_stem(expected), 100)}; write the right one into the catalogue as 'file'"
            )
        found = dict.fromkeys(named_so)
    if not found:
        return None
    (link,) = found
    try:
        base = urlsplit(base_url)
        if link.startswith("/") and not link.startswith("//"):
            address = base_url.rstrip("/") + link
        else:
            address = urljoin(page_url, link)
        if urlsplit(address)[:2] != base[:2]:
            raise SourceError(
                f"the page's link leads to {quoted(address, 120)}, another host than {base.netloc}; look at it"
            )
    except ValueError as error:
        raise SourceError(f"the page's link {quoted(link, 120)} is no address ({error})") from error
    return address


def _path(url: str) -> str:
    try:
        return unquote(urlsplit(url).path).lower()
    except ValueError:
        return ""


def _stem(url: str) -> str:
    return _COPY.sub("", _path(url).rpartition("/")[2].removesuffix(".ods"))


# --- the table --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Table:
    """The sheet with its texts found: titles above the first header, figures of each name above and below."""

    titles: tuple[Row, ...]
    municipalities: Mapping[str, Mapping[str, tuple[float, str]]]
    above: Mapping[str, Mapping[str, tuple[float, str]]]  # country and regions
    labels: Mapping[str, str]

    def of(self, area: Area, names: Sequence[str]) -> Mapping[str, tuple[float, str]] | None:
        """Figures of an area, by content; None where it has no row."""
        rows = self.municipalities if area.level == "municipality" else self.above
        found = {_plain(name) for name in (area.name_fi, *names)} & rows.keys()
        if len(found) > 1:
            raise SourceError(
                f"{area.code} is there as {' and as '.join(map(quoted, sorted(found)))}; correct its names"
            )
        return rows[found.pop()] if found else None


def _table(sheets: Sequence[Sheet], dataset: Dataset, request: Mapping[str, Any]) -> _Table:
    words = [one.strip() for one in request["area_column"].split("|")]
    found = [
        (sheet, at)
        for sheet in sheets
        for at in _headers_of(sheet, words)
        if request.get("sheet") in (None, sheet.name)
    ]
    if len(found) != 1:
        where = ", ".join(quoted(sheet.name) for sheet, _ in found) or "none of " + ", ".join(
            quoted(sheet.name) for sheet in sheets[:8]
        )
        raise SourceError(
            f"the header '{request['area_column']}' is there {len(found)} times (sheets: {where}), not once; the file "
            "was rebuilt: correct 'area_column' or 'sheet' in the catalogue"
        )
    sheet, header = found[0]
    rows = sheet.rows
    names_at = [_plain(one) for one in rows[header]].index(_plain(words[0]))
    columns = _columns(rows[header], dataset.content_choices, required=True)
    headers = [at for at in range(header) if _columns(rows[at], dataset.content_choices, required=False)]
    above: dict[str, Mapping[str, tuple[float, str]]] = {}
    for begin, end in pairwise([*headers, header]):
        own = _columns(rows[begin], dataset.content_choices, required=True)
        _take(above, rows[begin + 1 : end], names_at, own)
    municipalities: dict[str, Mapping[str, tuple[float, str]]] = {}
    _take(municipalities, rows[header + 1 :], names_at, columns)
    return _Table(
        titles=rows[: min([*headers, header])][:TITLE_ROWS],
        municipalities=municipalities,
        above=above,
        labels={key: str(rows[header][at]) for key, at in columns.items()},
    )


def _headers_of(sheet: Sheet, words: Sequence[str]) -> Iterator[int]:
    """The rows that have all of these texts, each in a cell."""
    wanted = {_plain(word) for word in words}
    for at, row in enumerate(sheet.rows):
        if wanted <= {_plain(cell) for cell in row}:
            yield at


def _columns(row: Row, contents: Sequence[ContentChoice], *, required: bool) -> dict[str, int]:
    """Content → the column whose header is one of its labels; {} for a row that is no header."""
    texts = [_speed(cell) for cell in row]
    found = {}
    for choice in contents:
        wanted = {_speed(label) for label in choice.label or (choice.key,)}
        at = [column for column, text in enumerate(texts) if text in wanted]
        if len(at) == 1:
            found[choice.key] = at[0]
        elif required:
            shown = " | ".join(str(cell) for cell in row if cell is not None)
            raise SourceError(
                f"the column {' or '.join(map(quoted, choice.label))} is there {len(at)} times in the header "
                f"{quoted(shown, 120)}, not once; correct the label in the catalogue"
            )
    return found


def _take(
    into: dict[str, Mapping[str, tuple[float, str]]],
    rows: Sequence[Row],
    names_at: int,
    columns: Mapping[str, int],
) -> None:
    """Put the figures of each named row under its name."""
    for row in rows:
        name = _cell(row, names_at)
        cells = {key: _cell(row, at) for key, at in columns.items()}
        if not isinstance(name, str):
            continue
        if all(one is None for one in cells.values()):  # a note, or a place without figures
            into.setdefault(_plain(name), dict.fromkeys(cells, _NOTHING))
            continue
        if set(into.get(_plain(name), {}).values()) - {_NOTHING}:
            raise SourceError(f"{quoted(name)} has two rows of figures; look at the file")
        into[_plain(name)] = {key: _fraction(one, name) for key, one in cells.items()}


def _fraction(cell: Cell, name: str) -> tuple[float, str]:
    if cell is None:
        return _NOTHING
    if isinstance(cell, str) and cell in MISSING_SYMBOLS:
        return math.nan, cell
    if isinstance(cell, float) and 0 <= cell <= 1:
        return cell, ""
    raise SourceError(
        f"{quoted(name)} has {quoted(cell)}, not a fraction between 0 and 1; the file may be in other units now: look "
        "at it and correct the catalogue"
    )


def _cell(row: Row, at: int) -> Cell:
    return row[at] if at < len(row) else None


def _plain(cell: Cell) -> str:
    return " ".join(str(cell).split()).casefold() if cell is not None else ""


def _speed(cell: Cell) -> str:
    """A header of a speed without what varies: '≥ 100 Mbit/s' is '>=100'."""
    text = "".join(_plain(cell).replace("≥", ">=").split())
    return _SPEED_UNIT.sub("", text) if isinstance(cell, str) else text.removesuffix(".0")


# --- the edition ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Edition:
    """What an edition is of: a year, and whether at its end (or of it as a whole) rather than within it."""

    period: str
    whole_year: bool


def edition_of(titles: Sequence[Row], earliest: int, today: date) -> Edition:
    """The edition by the first title row that names a date: a day, a month, or a year.

    Raises SourceError where none does, where a row names several, and where the year is before `earliest` (the
    definitions changed) or the date after `today`.
    """
    for row in titles:
        dates = {one for cell in row for one in _dates(cell)}
        if not dates:
            continue
        shown = quoted(" | ".join(str(cell) for cell in row if cell is not None), 160)
        years = {year for year, _ in dates}
        months = {month for _, month in dates if month}
        if len(years) > 1 or len(months) > 1:
            raise SourceError(
                f"the title {shown} names several dates; which one the figures are of is not known"
            )
        (year,), month = years, next(iter(months), 12)
        if not earliest <= year <= today.year or (months and (year, month) > (today.year, today.month)):
            raise SourceError(
                f"the title {shown} names {year}, which is not between {earliest} and {today}; look at the file"
            )
        return Edition(str(year), month == 12)
    shown = quoted(" | ".join(str(cell) for row in titles for cell in row if cell is not None), 160)
    raise SourceError(
        f"no date in the title of the file ({shown}), so the period is not known; look at the file"
    )


def _dates(cell: Cell) -> Iterator[tuple[int, int | None]]:
    """Year and month of every date in a cell; None as month where only a year is said."""
    if isinstance(cell, date):
        yield cell.year, cell.month
    if not isinstance(cell, str):
        return
    text = cell
    for form, year, month in ((_DAY, 3, 2), (_ISO_DAY, 1, 2), (_MONTH, 2, 1)):
        for found in form.finditer(text):
            if 1 <= int(found[month]) <= 12:
                yield int(found[year]), int(found[month])
        text = form.sub(" ", text)
    for found in _MONTH_NAME.finditer(text):
        # Without regard to case the pattern takes a dotless or dotted i, or a long s, for a plain one.
        if found[1].casefold() in _MONTHS:
            yield int(found[2]), _MONTHS[found[1].casefold()]
    text = _MONTH_NAME.sub(" ", text)
    for found in _YEAR_END.finditer(text):
        yield int(found[1] or found[2] or found[3]), 12
    text = _YEAR_END.sub(" ", text)
    for found in _YEAR.finditer(text):
        yield int(found[1]), None
