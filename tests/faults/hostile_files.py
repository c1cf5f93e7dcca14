"""Hostile files of every kind a source or a person could hand in, made here one by one, and what must come of them.

`python -m tests.faults.hostile_files [figures spreadsheets forms answers archives]` gives them to their readers, with
little more memory than the readers themselves take, and says in a line what was not as promised. They are no changes
of what a fuzzer found: each is written by hand for a weakness that parsers, zips and spreadsheets are known for.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import resource
import struct
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import orjson

from connectors.forms import CSV, XLSX, content_type, read_form
from connectors.ods import MEDIA_TYPE, read_ods
from models.errors import MittaristoError, SourceError, printable
from tests.fuzz.targets import ODS, TARGETS, keep_promise

MORE_BYTES = 700_000_000  # beyond what is in use when all valid input has been read
SECONDS = 20.0  # of processor time over one file
BIG = 3_000_000

Change = Callable[[bytes], bytes]


# --- JSON -----------------------------------------------------------------------------------------------------------


def _mapped(one: Any, leaf: Callable[[Any], Any]) -> Any:
    """`one` with every value in it that is no list and no object exchanged."""
    if isinstance(one, dict):
        return {key: _mapped(value, leaf) for key, value in one.items()}
    return [_mapped(value, leaf) for value in one] if isinstance(one, list) else leaf(one)


def _leaves(leaf: Callable[[Any], Any]) -> Change:
    return lambda body: json.dumps(_mapped(orjson.loads(body), leaf), ensure_ascii=False).encode()


def _texts(change: Callable[[str], str]) -> Change:
    return lambda body: json.dumps(
        _mapped(orjson.loads(body), lambda one: change(one) if isinstance(one, str) else one)
    ).encode()


def _is_number(one: object) -> bool:
    return isinstance(one, int | float) and not isinstance(one, bool)


def _numbers(written: str) -> Change:
    """Every number written so."""
    return lambda body: (
        json.dumps(_mapped(orjson.loads(body), lambda one: "\0#" if _is_number(one) else one))
        .replace('"\\u0000#"', written)
        .encode()
    )


def _parts(kind: type, change: Callable[[Any], Any]) -> Change:
    """Every list, or every object, exchanged; the innermost first."""

    def changed(one: Any) -> Any:
        if isinstance(one, dict):
            one = {key: changed(value) for key, value in one.items()}
        elif isinstance(one, list):
            one = [changed(value) for value in one]
        return change(one) if isinstance(one, kind) else one

    return lambda body: json.dumps(changed(orjson.loads(body))).encode()


def _keys(twice: str, *, first: bool) -> Change:
    """Every key of the outermost object a second time, before or after its own."""

    def change(body: bytes) -> bytes:
        document = orjson.loads(body)
        while isinstance(document, list) and document:
            document = document[0]
        if not isinstance(document, dict):
            return body
        doubled = ",".join(f"{json.dumps(key)}:{twice}" for key in document)
        written = json.dumps(document)
        whole = f"{{{doubled},{written[1:]}" if first else f"{written[:-1]},{doubled}}}"
        return (f"[{whole}]" if body.lstrip().startswith(b"[") else whole).encode()

    return change


JSON: Mapping[str, Change] = {
    "nothing": lambda _: b"",
    "spaces": lambda _: b" " * BIG,
    "null": lambda _: b"null",
    "a number": lambda _: b"-0",
    "a text": lambda _: b'"' + b"x" * BIG + b'"',
    "an empty list": lambda _: b"[]",
    "an empty object": lambda _: b"{}",
    "a million nulls": lambda _: b"[" + b"null," * 1_000_000 + b"null]",
    "half a million empty objects": lambda _: b"[" + b"{}," * 500_000 + b"{}]",
    "half a million keys": lambda _: (
        b"{" + b",".join(b'"%d":%d' % (one, one) for one in range(500_000)) + b"}"
    ),
    "a number of a million digits": lambda _: b'{"value":' + b"9" * 1_000_000 + b"}",
    "lists in lists without end": lambda _: b"[" * BIG,
    "objects in objects without end": lambda _: b'{"value":' * 500_000,
    "half of it": lambda body: body[: len(body) // 2],
    "without its last byte": lambda body: body[:-1],
    "twice": lambda body: body + body,
    "with a NUL behind it": lambda body: body + b"\0",
    "with a comment": lambda body: b"/* x */" + body,
    "packed": lambda body: gzip.compress(body, mtime=0),
    "behind a byte order mark": lambda body: b"\xef\xbb\xbf" + body,
    "behind two byte order marks": lambda body: b"\xef\xbb\xbf" * 2 + body,
    "in UTF-16": lambda body: body.decode().encode("utf-16"),
    "in UTF-16 without a mark": lambda body: body.decode().encode("utf-16-be"),
    "in UTF-32": lambda body: body.decode().encode("utf-32"),
    "in Latin-1": lambda body: body.decode().replace('":', 'ä":', 1).encode("latin-1", "replace"),
    "in UTF-7": lambda body: body.replace(b'"', b"+ACI-"),
    "with half characters": _texts(lambda one: f"{one}\ud83d"),
    "with half characters as bytes": lambda body: body.replace(b'"', b'"\xed\xa0\xbd', 1),
    "with overlong characters": lambda body: body.replace(b'"', b'"\xc0\xaf', 1),
    "with NUL in every text": _texts(lambda one: f"{one}\0"),
    "with control characters in every text": _texts(lambda one: f"\x1b[2J\r\n{one}\x85\u2028"),
    "with texts that turn round": _texts(lambda one: f"\u202e{one}\u2066"),
    "with letters that cannot be seen": _texts(lambda one: f"{one}\u200b\ufeff"),
    "with decomposed letters": _texts(lambda one: f"{one}\u0301"),
    "with long texts": _texts(lambda one: one + "x" * 3000),
    "with texts of spaces": _texts(lambda one: f"{one}{' ' * 3000}x"),
    "with empty texts": _texts(lambda _: ""),
    "with all texts the same": _texts(lambda _: "2025"),
    "with markup in every text": _texts(lambda one: f"<script>alert('{one}')</script>=cmd|' /C calc'!A0"),
    "with every number 1e400": _numbers("1e400"),
    "with every number -1e400": _numbers("-1e400"),
    "with every number 1.8e308": _numbers("1.7976931348623157e308"),
    "with every number -0": _numbers("-0.0"),
    "with every number NaN": _numbers("NaN"),
    "with every number Infinity": _numbers("-Infinity"),
    "with every number 1,5": _numbers('"1,5"'),
    "with every number a text NaN": _numbers('"NaN"'),
    "with every number a text": _leaves(lambda one: str(one) if _is_number(one) else one),
    "with every number negative": _leaves(lambda one: -one if _is_number(one) else one),
    "with every number a tenth more": _leaves(lambda one: one + 0.1 if _is_number(one) else one),
    "with every number true": _leaves(lambda one: True if _is_number(one) else one),
    "with every number 2^63": _numbers(str(2**63)),
    "with every number 2^31": _numbers(str(2**31)),
    "with every number in hexadecimal": _numbers("0x10"),
    "with every number after a nought": _numbers("01"),
    "with every text null": _leaves(lambda one: None if isinstance(one, str) else one),
    "with every text a number": _leaves(lambda one: len(one) if isinstance(one, str) else one),
    "with every list empty": _parts(list, lambda _: []),
    "with every list twice": _parts(list, lambda one: one + one),
    "with every list backwards": _parts(list, lambda one: one[::-1]),
    "with every list an object": _parts(list, lambda one: {str(at): each for at, each in enumerate(one)}),
    "with every list in a list": _parts(list, lambda one: [one]),
    "with every list one shorter": _parts(list, lambda one: one[:-1]),
    "with every object empty": _parts(dict, lambda _: {}),
    "with every object a list": _parts(dict, lambda one: list(one.values())),
    "with every object in a list": _parts(dict, lambda one: [one]),
    "with its keys before them as null": _keys("null", first=True),
    "with its keys behind them as null": _keys("null", first=False),
    "with its keys behind them as lists": _keys("[]", first=False),
    "with its keys behind them as texts": _keys('"x"', first=False),
}

JSON_TARGETS = tuple(
    name
    for name in TARGETS
    if name in ("jsonstat", "pxjson", "metadata", "config", "listing", "borders-file", "decision", "finding")
    or name in ("overrides", "known-codes", "scope", "layout", "problem", "kept-state", "sidecar", "pace")
    or (name.partition("-")[0] in ("statfin", "eurostat", "sotkanet", "vipunen", "kuntatalous", "prh_ytj"))
    or (name.partition("-")[0] in ("digitraffic_rail", "ryhti", "vayla", "classifications", "borders"))
)


# --- JSON-stat ------------------------------------------------------------------------------------------------------


def _cube(**other: Any) -> bytes:
    """A JSON-stat answer of two areas and three years, with parts of it exchanged."""
    document: dict[str, Any] = {
        "class": "dataset",
        "version": "2.0",
        "id": ["alue", "vuosi"],
        "size": [2, 3],
        "dimension": {
            "alue": {"category": {"index": {"KU205": 0, "KU765": 1}}},
            "vuosi": {"category": {"index": ["2023", "2024", "2025"]}},
        },
        "value": [1, 2, 3, 4, 5, 6],
    }
    return json.dumps(document | other).encode()


def _index(index: Any) -> bytes:
    return _cube(
        dimension={
            "alue": {"category": {"index": index}},
            "vuosi": {"category": {"index": ["2023", "2024", "2025"]}},
        }
    )


JSONSTAT: Mapping[str, bytes] = {
    "a negative size": _cube(size=[-2, -3]),
    "a size with decimals": _cube(size=[2.0, 3]),
    "a size that is true": _cube(size=[True, 3], value=[1, 2, 3]),
    "a size of another script": _cube(size=["٢", 3]),
    "a size in nothing": _cube(size=[None, 3]),
    "sizes whose product is beyond 64 bits": _cube(size=[2**32, 2**32], value=[]),
    "sizes whose product comes round to six": _cube(size=[2**63 + 1, 6]),
    "a size of 1e300": _cube().replace(b"[2, 3]", b"[1e300, 3]"),
    "more sizes than dimensions": _cube(size=[2, 3, 1]),
    "a dimension twice": _cube(id=["alue", "alue"]),
    "a dimension called value": _cube(id=["value", "vuosi"]),
    "a dimension of itself": _cube(id=["alue", ["vuosi"]]),
    "an index with a gap": _index({"KU205": 0, "KU765": 2}),
    "an index with a place twice": _index({"KU205": 0, "KU765": 0}),
    "an index that begins with 1": _index({"KU205": 1, "KU765": 2}),
    "an index with a negative place": _index({"KU205": -1, "KU765": 0}),
    "an index with places with decimals": _index({"KU205": 0.0, "KU765": 1.0}),
    "an index with places that are true": _index({"KU205": False, "KU765": True}),
    "an index with a code twice": _index(["KU205", "KU205"]),
    "an index of numbers": _index([205, 765]),
    "an index too long": _index(["KU205", "KU765", "KU010"]),
    "an index that is a text": _index("KU205"),
    "a figure too many": _cube(value=[1, 2, 3, 4, 5, 6, 7]),
    "a figure too few": _cube(value=[1, 2, 3, 4, 5]),
    "figures in lists": _cube(value=[[1, 2, 3], [4, 5, 6]]),
    "a figure that is true": _cube(value=[True, 2, 3, 4, 5, 6]),
    "a figure that is a word": _cube(value=["x", 2, 3, 4, 5, 6]),
    "a figure with a decimal comma": _cube(value=["1,5", 2, 3, 4, 5, 6]),
    "a figure that is a text NaN": _cube(value=["NaN", 2, 3, 4, 5, 6]),
    "a figure that is a text inf": _cube(value=["-inf", 2, 3, 4, 5, 6]),
    "a figure that is a text 1e400": _cube(value=["1e400", 2, 3, 4, 5, 6]),
    "a figure of another script": _cube(value=["٣", 2, 3, 4, 5, 6]),
    "a figure with spaces between": _cube(value=["1 000", 2, 3, 4, 5, 6]),
    "a figure with an underscore": _cube(value=["1_000", 2, 3, 4, 5, 6]),
    "a cell out of range": _cube(value={"6": 1}),
    "a cell of -1": _cube(value={"-1": 1}),
    "a cell of 2^63": _cube(value={str(2**63): 1}),
    "a cell of 1e3": _cube(value={"1e3": 1}),
    "a cell written in two ways": _cube(value={"1": 1, "01": 2}),
    "a cell of no number": _cube(value={"": 1}),
    "a status too many": _cube(status=["", "", "", "", "", "", ""]),
    "a status too few": _cube(status=["."]),
    "a status of a cell out of range": _cube(status={"6": "."}),
    "a status that is a number": _cube(status={"0": 1}),
    "a status in lists": _cube(status=[["."]] * 6),
    "dots beside a figure": _cube(status={"0": "..."}),
    "two hundred statuses": _cube(value=[None] * 6, size=[2, 3]).replace(b'"value"', b'"status": 5, "value"'),
}


# --- zips -----------------------------------------------------------------------------------------------------------


def packed(parts: Sequence[tuple[str, bytes]], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of these parts, in this order."""
    import warnings

    held = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(held, "w", packing) as archive:
        warnings.simplefilter("ignore")  # of names that stand twice
        for name, data in parts:
            archive.writestr(name, data)
    return held.getvalue()


def unpacked(body: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return {one.filename: archive.read(one) for one in archive.infolist()}


def _field(body: bytes, mark: bytes, at: int, form: str, value: int) -> bytes:
    """A number in every header that begins with `mark` exchanged."""
    changed = bytearray(body)
    for found in re.finditer(re.escape(mark), body):
        struct.pack_into(form, changed, found.start() + at, value)
    return bytes(changed)


_LOCAL, _CENTRAL, _END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"


def _zips(parts: Mapping[str, bytes], main: str) -> Iterator[tuple[str, bytes]]:
    """Zips that lie or burst, of the parts of a good one; `main` is the part that matters."""
    listed = list(parts.items())
    good = packed(listed)
    yield "cut in the middle", good[: len(good) // 2]
    yield "without its directory", good[: good.index(_CENTRAL)]
    yield "with half its directory", good[: good.index(_CENTRAL) + 60]
    yield "without its end", good[: good.rindex(_END)]
    yield "with a directory elsewhere", _field(good, _END, 16, "<I", 0x7FFFFFFF)
    yield "with a directory before its beginning", _field(good, _END, 12, "<I", 0x7FFFFFFF)
    yield "that says it has 65,535 parts", _field(_field(good, _END, 8, "<H", 65535), _END, 10, "<H", 65535)
    yield "that says its parts are on another disk", _field(good, _END, 4, "<H", 7)
    yield "that says it is encrypted", _field(_field(good, _CENTRAL, 8, "<H", 1), _LOCAL, 6, "<H", 1)
    yield "that says so of its local parts alone", _field(good, _LOCAL, 6, "<H", 1)
    yield "with strong encryption", _field(good, _CENTRAL, 8, "<H", 0x41)
    yield "with a wrong checksum", _field(good, _CENTRAL, 16, "<I", 1)
    yield "with sizes of nought", _field(good, _CENTRAL, 24, "<I", 0)
    yield "with sizes of four gigabytes", _field(good, _CENTRAL, 24, "<I", 0xFFFFFFFE)
    yield "with zip64 sizes that are not there", _field(good, _CENTRAL, 24, "<I", 0xFFFFFFFF)
    yield "with packed sizes of four gigabytes", _field(good, _CENTRAL, 20, "<I", 0xFFFFFFFE)
    yield "with parts that begin beyond its end", _field(good, _CENTRAL, 42, "<I", 0x7FFFFFFF)
    yield "with parts that are all the first", _field(good, _CENTRAL, 42, "<I", 0)
    yield "packed in an unknown way", _field(good, _CENTRAL, 10, "<H", 99)
    yield "packed with bzip2", packed(listed, zipfile.ZIP_BZIP2)
    yield "packed with lzma", packed(listed, zipfile.ZIP_LZMA)
    yield "with names of another length", _field(good, _CENTRAL, 28, "<H", 65535)
    yield "with a name that leads up", packed([*listed, ("../../../../tmp/escaped.xml", b"<x/>")])
    yield "with a name from the root", packed([*listed, ("/etc/cron.d/x", b"<x/>")])
    yield "with a name of another system", packed([*listed, ("C:\\x\\..\\y.xml", b"<x/>")])
    yield "with the main part twice", packed([*listed, (main, b"<x/>")])
    yield "with its parts in other cases", packed([(name.upper(), data) for name, data in listed])
    yield "with 70,000 empty parts", packed([*listed, *((f"x/{one}", b"") for one in range(70_000))])
    yield "in which a part beside bursts", packed([*listed, ("xl/media/x.bin", bytes(300_000_000))])
    yield (
        "in which the main part bursts",
        packed([*((n, d) for n, d in listed if n != main), (main, bytes(300_000_000))]),
    )
    yield "in which the main part is a zip", packed([*((n, d) for n, d in listed if n != main), (main, good)])
    yield "behind something else", b"#!/bin/sh\nexit\n" + good
    yield "before something else", good + b"x" * 70_000
    yield "of nothing", packed([])
    yield "of its main part alone", packed([(main, parts[main])])
    yield "in another zip", packed([("x.zip", good)])
    yield "packed again", gzip.compress(good, mtime=0)
    yield "with a broken stream", good.replace(good[60:70], bytes(10), 1)


_DTD = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">%s]>' % b"".join(
    b'<!ENTITY %c "%s">' % (98 + one, (b"&%c;" % (97 + one)) * 10) for one in range(9)
)
_OUTSIDE = b'<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd"><!ENTITY %% y SYSTEM "http://x.invalid/">]>'


def _declared(data: bytes, doctype: bytes, used: bytes = b"") -> bytes:
    """An XML part with a document type, and an entity in its first text."""
    head, rest = re.match(rb"(\s*<\?xml[^>]*\?>)?(.*)", data, re.DOTALL).groups()  # type: ignore[union-attr]
    return (head or b"") + doctype + rest.replace(b"</", used + b"</", 1)


def _xmls(data: bytes) -> Iterator[tuple[str, bytes]]:
    """One XML part made hostile."""
    text = data.decode()
    yield "with entities that grow", _declared(data, _DTD, b"&j;")
    yield "with an entity from outside", _declared(data, _OUTSIDE, b"&x;")
    yield "with a document type", _declared(data, b"<!DOCTYPE x>")
    yield (
        "with a document type from outside",
        _declared(data, b'<!DOCTYPE x SYSTEM "http://x.invalid/x.dtd">'),
    )
    yield "with an unknown entity", _declared(data, b"", b"&nothing;")
    yield "in UTF-16", text.replace("UTF-8", "UTF-16").encode("utf-16")
    yield "that says UTF-16 and is not", data.replace(b"UTF-8", b"UTF-16")
    yield "in an unknown encoding", data.replace(b"UTF-8", b"x-unknown")
    yield "nested 200,000 deep", re.sub(rb">", b">" + b"<a>" * 200_000 + b"</a>" * 200_000, data, count=2)
    yield "with 300,000 empty parts", re.sub(rb">", b">" + b"<a/>" * 300_000, data, count=2)
    yield "with an attribute of a million letters", data.replace(b">", b' x="' + b"x" * 1_000_000 + b'">', 2)
    yield (
        "with 50,000 attributes",
        re.sub(
            rb"(<\w[^>]*?)(/?>)",
            rb"\1" + b"".join(b' x%d="1"' % one for one in range(50_000)) + rb"\2",
            data,
            count=1,
        ),
    )
    yield "with NUL in it", data.replace(b"</", b"\0</", 1)
    yield "with a character that is none", data.replace(b"</", b"&#0;&#xFFFF;&#x110000;</", 1)
    yield "cut", data[: len(data) // 2]
    yield "of nothing", b""
    yield "behind a byte order mark", b"\xef\xbb\xbf" + data
    yield "that is JSON", b'{"a": 1}'


# --- spreadsheets of sources ----------------------------------------------------------------------------------------


def _content(rows: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?><o:document-content '
        'xmlns:o="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:t="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
        'xmlns:x="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><o:body><o:spreadsheet>'
        f'<t:table t:name="T">{rows}</t:table></o:spreadsheet></o:body></o:document-content>'
    ).encode()


def ods(content: bytes) -> bytes:
    """An ODS file with this content.xml."""
    return packed([("mimetype", MEDIA_TYPE.encode()), ("content.xml", content)])


def _cell(attributes: str, text: str = "x") -> str:
    return f"<t:table-row><t:table-cell {attributes}><x:p>{text}</x:p></t:table-cell></t:table-row>"


def _number(value: str) -> bytes:
    return ods(_content(_cell(f'o:value-type="float" o:value="{value}"')))


REFUSED_ODS: Mapping[str, bytes] = {
    "2^31 columns with something in them": ods(_content(_cell('t:number-columns-repeated="2147483648"'))),
    "a thousand million columns": ods(_content(_cell('t:number-columns-repeated="999999999"'))),
    "2^31 rows with something in them": ods(
        _content(_cell("").replace("<t:table-row>", '<t:table-row t:number-rows-repeated="2147483648">'))
    ),
    "a hundred million rows": ods(
        _content(_cell("").replace("<t:table-row>", '<t:table-row t:number-rows-repeated="100000000">'))
    ),
    "rows of 1,000 cells, a thousand times": ods(
        _content(
            _cell('t:number-columns-repeated="1000"').replace(
                "<t:table-row>", '<t:table-row t:number-rows-repeated="1001">'
            )
        )
    ),
    "minus one column": ods(_content(_cell('t:number-columns-repeated="-1"'))),
    "no column": ods(_content(_cell('t:number-columns-repeated="0"'))),
    "columns of another script": ods(_content(_cell('t:number-columns-repeated="٣"'))),
    "a number NaN": _number("NaN"),
    "a number 1e400": _number("1e400"),
    "a number with a comma": _number("1,5"),
    "no number": _number(""),
    "a day of month 13": ods(_content(_cell('o:value-type="date" o:date-value="2025-13-01"'))),
    "a day of the year nought": ods(_content(_cell('o:value-type="date" o:date-value="0000-01-01"'))),
    "a sheet in a sheet": ods(_content('<t:table t:name="U"/>')),
    "no sheet": ods(_content("").replace(b"t:table", b"t:shape")),
}
TAKEN_ODS: Mapping[str, bytes] = {
    "2^29 empty columns at the end of a row": ods(
        _content('<t:table-row><t:table-cell t:number-columns-repeated="536870911"/></t:table-row>')
    ),
    "2^29 empty rows": ods(
        _content('<t:table-row t:number-rows-repeated="536870911"><t:table-cell/></t:table-row>')
    ),
    "days of 1899 and 9999": ods(
        _content(
            _cell('o:value-type="date" o:date-value="1899-12-30"')
            + _cell('o:value-type="date" o:date-value="9999-12-31T23:59:59"')
        )
    ),
    "formulas": ods(_content(_cell('t:formula="of:=1/0" o:value-type="float" o:value="1"'))),
    "a hidden sheet": ods(_content(_cell("")).replace(b't:name="T"', b't:name="T" t:display="false"')),
    "texts within texts 50,000 deep": ods(
        _content(_cell("", "<x:span>" * 50_000 + "x" + "</x:span>" * 50_000))
    ),
}


# --- workbooks of people --------------------------------------------------------------------------------------------

_SHEET, _BOOK, _SHARED = "xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/sharedStrings.xml"


def form() -> bytes:
    return TARGETS["form-workbook"].seeds()[0]


def _edited(**parts: Callable[[bytes], bytes]) -> bytes:
    """The exported form with parts of its package exchanged."""
    names = {"sheet": _form_sheet(), "book": _BOOK, "shared": _SHARED, "styles": "xl/styles.xml"}
    held = unpacked(form())
    for name, change in parts.items():
        held[names[name]] = change(held[names[name]])
    return packed(list(held.items()))


def _form_sheet() -> str:
    """The part that holds the sheet that is filled: the one with the most cells."""
    held = unpacked(form())
    return max(
        (name for name in held if name.startswith("xl/worksheets/")),
        key=lambda name: held[name].count(b"<c "),
    )


def _row_after(cells: str) -> Callable[[bytes], bytes]:
    return lambda data: data.replace(b"</sheetData>", f"{cells}</sheetData>".encode(), 1)


def _before(mark: bytes, more: bytes) -> Callable[[bytes], bytes]:
    return lambda data: data.replace(mark, more + mark, 1)


def _cells(kind: str, value: str) -> Callable[[bytes], bytes]:
    """Something of this kind in a row of its own."""
    return _row_after(f'<row r="900"><c r="A900" t="{kind}"><v>{value}</v></c></row>')


def workbooks() -> dict[str, bytes]:
    """Filled forms that must be refused, each with a line or several; whoever sent it can do what they say."""
    return {
        "a shared text out of range": _edited(sheet=_cells("s", "99999999")),
        "a shared text of -5": _edited(sheet=_cells("s", "-99999")),
        "a shared text of no number": _edited(sheet=_cells("s", "x")),
        "a style out of range": _edited(
            sheet=_row_after('<row r="900"><c r="A900" s="99999"><v>1</v></c></row>')
        ),
        "a cell of an unknown kind": _edited(sheet=_cells("zz", "1")),
        "a number NaN": _edited(sheet=_cells("n", "NaN")),
        "a number 1e400": _edited(sheet=_cells("n", "1e400")),
        "a number of 5,000 digits": _edited(sheet=_cells("n", "9" * 5000)),
        "a number with a comma": _edited(sheet=_cells("n", "1,5")),
        "a day of 10000": _edited(sheet=_cells("d", "10000-01-01T00:00:00")),
        "a formula": _edited(
            sheet=_row_after(
                '<row r="900"><c r="A900"><f>WEBSERVICE("http://x.invalid/")</f><v>1</v></c></row>'
            )
        ),
        "a formula of many cells": _edited(
            sheet=_row_after(
                '<row r="900"><c r="A900"><f t="array" ref="A1:XFD1048576">1</f><v>1</v></c></row>'
            )
        ),
        "a formula that is shared with nobody": _edited(
            sheet=_row_after('<row r="900"><c r="A900"><f t="shared" si="9"/><v>1</v></c></row>')
        ),
        "a cell at the last place of a sheet": _edited(
            sheet=_row_after('<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')
        ),
        "a cell beyond a sheet": _edited(
            sheet=_row_after('<row r="99999999"><c r="A99999999"><v>1</v></c></row>')
        ),
        "a cell at a wrong place": _edited(sheet=_row_after('<row r="x"><c r="££"><v>1</v></c></row>')),
        "merged cells": _edited(
            sheet=_before(b"</worksheet>", b'<mergeCells><mergeCell ref="J2:J9"/></mergeCells>')
        ),
        "all cells merged": _edited(
            sheet=_before(b"</worksheet>", b'<mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>')
        ),
        "a sheet that nobody can find": _edited(
            book=lambda data: data.replace(b'r:id="rId1"', b'r:id="rId99"', 1)
        ),
        "a sheet with a name of 5,000 letters": _edited(
            book=lambda data: re.sub(rb'name="[^"]*"', b'name="' + b"x" * 5000 + b'"', data)
        ),
    }


def tolerated_workbooks() -> dict[str, bytes]:
    """Filled forms that are odd, and neither lie nor hide anything: read or refused, in bounds."""
    return {
        "a dimension of a whole sheet": _edited(
            sheet=lambda data: re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="A1:XFD1048576"', data)
        ),
        "columns without end": _edited(
            sheet=_before(b"<sheetData>", b'<cols><col min="1" max="999999999" width="9"/></cols>')
        ),
        "a cell at no place": _edited(sheet=_row_after('<row r="0"><c r="A0"><v>1</v></c></row>')),
        "a million filters": _edited(sheet=_before(b"</worksheet>", b'<autoFilter ref="A1:XFD1048576"/>')),
        "days before the first and after the last": _edited(
            sheet=_row_after(
                '<row r="900"><c r="A900" s="1"><v>-700000</v></c><c r="B900" s="1"><v>99999999</v></c></row>'
            )
        ),
        "validation of all cells": _edited(
            sheet=_before(
                b"</worksheet>",
                b'<dataValidations count="1"><dataValidation type="list" sqref="A1:XFD1048576"/></dataValidations>',
            )
        ),
        "conditional formats of all cells": _edited(
            sheet=_before(b"</worksheet>", b'<conditionalFormatting sqref="A1:XFD1048576"/>')
        ),
        "names of everything": _edited(
            book=_before(
                b"</workbook>", b'<definedNames><definedName name="x">#REF!</definedName></definedNames>'
            )
        ),
        "all its sheets very hidden": _edited(
            book=lambda data: data.replace(b"<sheet ", b'<sheet state="veryHidden" ')
        ),
    }


_HEADINGS = TARGETS["form-csv"].seeds()[0].split(b"\n", 1)[0]

CSVS: Mapping[str, bytes] = {
    "UTF-16": TARGETS["form-csv"].seeds()[0].decode("utf-8-sig").encode("utf-16"),
    "UTF-32": TARGETS["form-csv"].seeds()[0].decode("utf-8-sig").encode("utf-32"),
    "bytes that are no text": TARGETS["form-csv"].seeds()[0] + b"\xff\xfe\xfd",
    "NUL among it": TARGETS["form-csv"].seeds()[0] + b"\0;\0\r\n",
    "a quotation without end": _HEADINGS + b'\n"' + b"x;" * 100_000,
    "a million quotation marks": _HEADINGS + b"\n" + b'"' * 1_000_000,
    "a field of a million letters": _HEADINGS + b"\n" + b"x" * 1_000_000,
    "a million empty lines": _HEADINGS + b"\n" * 1_000_000 + b"x",
    "lines of one field": _HEADINGS + b"\nx" * 4000,
    "a heading of a million fields": b";" * 1_000_000,
    "nothing but a mark": b"\xef\xbb\xbf",
    "nothing but a separator": b"sep=;\r\n",
    "two separators": b"sep=;\r\nsep=,\r\n" + _HEADINGS,
    "headings alone, turned round": "\u202e".encode() + _HEADINGS,
    "a number with many marks": TARGETS["form-csv"].seeds()[0]
    + b";" * 9
    + b"1,1" * 40_000
    + b";" * 7
    + b"\r\n",
    "half a character": TARGETS["form-csv"].seeds()[0] + b"\xed\xa0\xbd;\r\n",
    "a page": b"<!DOCTYPE html><html><body>503</body></html>",
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(1000),
    "an old workbook": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(5000),
    "an encrypted workbook": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
}


# --- all of them ----------------------------------------------------------------------------------------------------


def _json_of(name: str, change: Change) -> bytes:
    """One of a target's seeds changed; the first that is JSON."""
    for body in TARGETS[name].seeds():
        try:
            orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
        except orjson.JSONDecodeError:
            continue
        return change(body.removeprefix(b"\xef\xbb\xbf"))
    raise LookupError(f"{name} has no JSON to begin from")


def _kept(name: str, body: bytes) -> None:
    keep_promise(TARGETS[name], body)


def _is_refused(read: Callable[[bytes], object], body: bytes) -> None:
    try:
        read(body)
    except SourceError as error:
        line = str(error)
        assert line.strip() and printable(line) == line and len(line) < 4000, line[:300]
    else:
        raise AssertionError("it was taken")


def _form_is_refused(body: bytes) -> None:
    _kept("form-workbook", body)
    assert content_type(body) in (XLSX, CSV)
    raw = read_form(body)
    assert raw.problems or _judged_wrong(body), "it was taken"
    for one in raw.problems:
        assert one.en and one.fi and len(one.line_en) < 4000, one


def _judged_wrong(body: bytes) -> bool:
    try:
        TARGETS["form-workbook"].run(body)
    except MittaristoError:
        return True
    return False


def _change_kept(name: str, change: Change) -> None:
    _kept(name, _json_of(name, change))


KINDS = ("figures", "spreadsheets", "forms", "answers", "archives")
QUICK = ("figures", "spreadsheets", "forms")  # in less than a minute


def everything(kind: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """Each hostile file of a kind by its name, and what gives it to its reader and looks at what comes of it."""
    match kind:
        case "figures":
            for how, body in JSONSTAT.items():
                yield f"jsonstat: {how}", partial(_is_refused, TARGETS["jsonstat"].run, body)
        case "spreadsheets":
            for how, body in REFUSED_ODS.items():
                yield f"ods: {how}", partial(_is_refused, read_ods, body)
            for how, body in TAKEN_ODS.items():
                yield f"ods: {how}", partial(read_ods, body)
        case "forms":
            for how, body in (workbooks() | dict(CSVS)).items():
                yield f"form: {how}", partial(_form_is_refused, body)
            for how, body in tolerated_workbooks().items():
                yield f"form: {how}", partial(_kept, "form-workbook", body)
        case "answers":
            for name in JSON_TARGETS:
                for how, change in JSON.items():
                    yield f"{name}: {how}", partial(_change_kept, name, change)
        case "archives":
            yield from _archives()


def _archives() -> Iterator[tuple[str, Callable[[], None]]]:
    parts = unpacked(ODS)
    for target in ("ods", "traficom_broadband-file"):
        for how, body in _zips(parts, "content.xml"):
            yield f"{target}: a zip {how}", partial(_kept, target, body)
        for how, data in _xmls(parts["content.xml"]):
            whole = packed(list({**parts, "content.xml": data}.items()))
            yield f"{target}: XML {how}", partial(_kept, target, whole)
    held = unpacked(form())
    for how, body in _zips(held, _form_sheet()):
        yield f"form: a zip {how}", partial(_kept, "form-workbook", body)
    for part in (_form_sheet(), _BOOK, _SHARED, "xl/styles.xml", "[Content_Types].xml"):
        for how, data in _xmls(held[part]) if part in held else ():
            whole = packed(list({**held, part: data}.items()))
            yield f"form: {part} {how}", partial(_kept, "form-workbook", whole)
    for how, body in _zips(unpacked(TARGETS["backup"].seeds()[0]), "mittaristo.db"):
        yield f"backup: a zip {how}", partial(_kept, "backup", body)


def main() -> int:
    """1 where something was not as promised; each is said in a line."""
    kinds = sys.argv[1:] or KINDS
    for name in (*JSON_TARGETS, "ods", "traficom_broadband-file", "form-workbook", "form-csv", "backup"):
        keep_promise(TARGETS[name], TARGETS[name].seeds()[0])
    used = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (used + MORE_BYTES, used + MORE_BYTES))
    count = broken = 0
    for name, run in chain.from_iterable(map(everything, kinds)):
        count += 1
        began = time.process_time()
        try:
            run()
            if (took := time.process_time() - began) > SECONDS:
                raise AssertionError(f"it took {took:.0f} s of processor time")
        except Exception as error:
            broken += 1
            print(f"{name}: {type(error).__name__}: {printable(str(error)[:300])}")
    print(f"{count} hostile files, {broken} not as promised")
    return 1 if broken or not count else 0


if __name__ == "__main__":
    sys.exit(main())
