"""Valid input changed in ways that know its structure: JSON, XML in a zip, lines of text, and bytes at last.

All choices come from one function, `below(n)` → 0..n-1, so that hypothesis and a coverage-guided fuzzer can both make
them. What comes out is bytes as a source, an office program or a person could send them, or hardly could.
"""

from __future__ import annotations

import io
import json
import re
import struct
import warnings
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import orjson

Below = Callable[[int], int]


def nested(depth: int, one: object = 1) -> Any:
    """`one` in lists and objects, `depth` of them."""
    for level in range(depth):
        one = [one] if level % 2 else {"value": one}
    return one


ODD: Sequence[object] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    2**53 + 1,
    2**63,
    2**64 - 1,
    2**64,
    10**400,
    0.5,
    -0.0,
    1e308,
    -1e308,
    5e-324,
    float("nan"),
    float("inf"),
    "",
    " ",
    "0",
    "-1",
    "00",
    "1e999",
    "99999999999999999999",
    "٣",
    "²",
    "..",
    ":",
    "-",
    "\0",
    "\n",
    "a\u2028b",
    "\ud800",
    "\U0001f600",
    "ı",
    "x" * 5000,
    "9" * 5000,
    f"1{' ' * 5000}x",
    f"5/2-{'9' * 5000}/1/2",
    "alue" * 5000,
    "a-" * 5000,
    "2025*" * 2000,
    "<" * 5000,
    "\ufeff",
    "1,5",
    "NaN",
    "\u202e25",
    "value",
    "symbol",
    "content",
    "area",
    "period",
    "2025",
    "2025Q5",
    "2025W53",
    "9999",
    "0000-00-00",
    "2026-02-30",
    "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00+23:59",
    "=1+1",
    list,  # what can be changed is made anew each time
    dict,
    lambda: [None],
    lambda: [[]],
    lambda: {"": {}},
    lambda: [1, "1", None, {}],
    lambda: nested(40),
    lambda: nested(300),
    lambda: nested(1000),
)

PIECES: Sequence[bytes] = (
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"\xe2\x80\xa8",
    b"\r",
    b"\n",
    b'"',
    b"'",
    b"[" * 400,
    b"{",
    b"}",
    b"<",
    b"&",
    b"&x;",
    b"99999999999999999999",
    b"-1",
    b"NaN",
    b"1e999",
    b"\\u0000",
    b"\\ud800",
    b";",
    b"=",
    b"PK\x05\x06",
)


def some(below: Below, of: Sequence[Any]) -> Any:
    """One of them."""
    return of[below(len(of))]


def odd(below: Below) -> Any:
    """Something that is seldom expected."""
    one = some(below, ODD)
    return one() if callable(one) else one


def changed_json(body: bytes, below: Below) -> bytes:
    """The JSON document in `body` with some of its parts dropped, doubled, swapped, retyped or blown up."""
    document = orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    for _ in range(1 + below(3)):
        document = _with_a_change(document, below)
    try:
        written = json.dumps(document, ensure_ascii=below(4) > 0, separators=(",", ":"))
    except (RecursionError, ValueError):  # Python's writer has limits of its own
        written = "[" * 1200 + "]" * 1200
    encoded = written.encode("utf-8", "surrogatepass")
    return changed_bytes(encoded, below) if below(12) == 0 else encoded


def _with_a_change(document: Any, below: Below) -> Any:
    """`document` with one place of it changed; where, is decided at every level anew."""
    path: list[tuple[Any, Any]] = []
    here = document
    while isinstance(here, dict | list) and here and (not path or below(4)) and len(path) < 12:
        at = some(below, list(here)) if isinstance(here, dict) else below(len(here))
        path.append((here, at))
        here = here[at]
    if not path:
        return odd(below)
    holder, at = path[-1]
    match below(11):
        case 0 | 1 | 2:
            holder[at] = odd(below)
        case 3:
            del holder[at]
        case 4 if isinstance(holder, list):
            holder[at:at] = [here] * some(below, (1, 2, 50))
        case 4:
            holder[some(below, ("", "value", "\0", "x" * 300, "id", "__proto__", "2025"))] = here
        case 5:
            holder[at] = [here] if below(2) else {str(at): here}
        case 6:
            other, there = some(below, path)
            holder[at], other[there] = other[there], here
            if not _is_tree(document):
                return here
        case 7 if isinstance(here, dict):
            holder[at] = list(here.values()) if below(2) else list(here)
        case 7 if isinstance(here, list):
            holder[at] = {str(number): one for number, one in enumerate(here)}
        case 7:
            holder[at] = repr(here)[:4000] if _is_tree(here) else "["
        case 8 if isinstance(here, int | float):
            holder[at] = some(below, (here + 1, -here, here * 1000, repr(here)[:4000], 2**62))
        case 8 if isinstance(here, str):
            other = odd(below)
            holder[at] = here + (other if isinstance(other, str) else "x")
        case 8 if isinstance(here, list):
            holder[at] = here[: below(len(here) + 1)]
        case 9 if isinstance(holder, list) and len(holder) > 1:
            holder[at], holder[at - 1] = holder[at - 1], holder[at]
        case 9 if isinstance(holder, dict):
            renamed = {(f"{key}x" if key == at else key): one for key, one in holder.items()}
            holder.clear()
            holder.update(renamed)
        case _:
            holder[at] = nested(some(below, (30, 260, 700, 1020)), here)
    return document


def _is_tree(document: Any) -> bool:
    try:
        json.dumps(document)
    except (ValueError, RecursionError):
        return False
    return True


def changed_bytes(body: bytes, below: Below) -> bytes:
    """`body` cut, damaged or with foreign pieces in it."""
    changed = bytearray(body)
    for _ in range(1 + below(3)):
        at = below(len(changed) + 1)
        match below(6):
            case 0:
                del changed[at:]
            case 1:
                del changed[at : at + 1 + below(40)]
            case 2:
                changed[at:at] = some(below, PIECES)
            case 3:
                changed[at : at + 1] = bytes([below(256)])
            case 4:
                end = at + 1 + below(60)
                changed[at:at] = changed[at:end] * some(below, (1, 3, 40))
            case _:
                number = some(below, (0, 1, 0x7FFF, 0xFFFF, 0xFFFFFFFF, 2**40))
                form = "<Q" if number > 0xFFFFFFFF else "<I"
                changed[at : at + 4] = struct.pack(form, number)
    return bytes(changed)


# --- text in lines: YAML, CSV, formulas, periods ------------------------------------------------------------


def changed_text(words: Sequence[str]) -> Callable[[bytes, Below], bytes]:
    """A change of text that knows `words`: lines, words and numbers dropped, doubled, moved and exchanged."""

    def change(body: bytes, below: Below) -> bytes:
        text = body.decode("utf-8", "replace")
        for _ in range(1 + below(3)):
            text = _with_another_word(text, words, below)
        encoded = text.encode("utf-8", "surrogatepass")
        return changed_bytes(encoded, below) if below(10) == 0 else encoded

    return change


def _with_another_word(text: str, words: Sequence[str], below: Below) -> str:
    parts = re.findall(r"\w+|\s+|[^\w\s]", text) or [""]
    at = below(len(parts))
    match below(6):
        case 0:
            del parts[at]
        case 1:
            parts[at:at] = parts[at : at + 1 + below(6)] * some(below, (1, 2, 30))
        case 2:
            parts[at] = some(below, words)
        case 3:
            parts.insert(at, some(below, words))
        case 4:
            other = below(len(parts))
            parts[at], parts[other] = parts[other], parts[at]
        case _:
            lines = text.splitlines(keepends=True) or [""]
            line = below(len(lines))
            if below(2):
                del lines[line]
            else:
                lines.insert(below(len(lines) + 1), lines[line])
            return "".join(lines)
    return "".join(parts)


# --- zips of XML --------------------------------------------------------------------------------------------

ATTRIBUTES: Sequence[str] = (
    "",
    "0",
    "-1",
    "1",
    "999999999",
    "99999999999999999999",
    "1048576",
    "XFD1048576",
    "A1:XFD1048576",
    "ZZZZ9",
    "nan",
    "1e999",
    "2026-02-30",
    "float",
    "date",
    "s",
    "b",
    "e",
    "inlineStr",
    "veryHidden",
    "ı",
    "&#0;",
    "&x;",
)
MARKUP: Sequence[str] = (
    '<!DOCTYPE x [<!ENTITY x "y">]>',
    '<!DOCTYPE x SYSTEM "file:///etc/passwd">',
    "<![CDATA[x]]>",
    "<!-- x -->",
    "<?x y?>",
    "&amp;",
    "&x;",
    "\0",
    "<a>",
    "</a>",
    "<a/>" * 300,
    "<a>" * 3000 + "</a>" * 3000,
)
ENCODINGS: Sequence[str] = (
    "UTF-8",
    "UTF-16",
    "ISO-8859-1",
    "shift_jis",
    "utf-7",
    "hex",
    "idna",
    "nothing-such",
    "cp437",
    "big5",
)


def changed_zip(body: bytes, below: Below) -> bytes:
    """The zip in `body` with its parts changed, lied of, dropped or doubled."""
    if below(6) == 0:
        return changed_bytes(body, below)
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        parts = [(one.filename, archive.read(one)) for one in archive.infolist()]
    packing = zipfile.ZIP_DEFLATED
    for _ in range(1 + below(2)):
        at = below(len(parts))
        name, data = parts[at]
        match below(10):
            case 0:
                parts.pop(at)
                parts = parts or [(name, b"")]
            case 1:
                parts.insert(below(len(parts) + 1), (name, data))
            case 2:
                parts[at] = (some(below, ("../x", "/etc/x", name.upper(), "mimetype", "ä.xml")), data)
            case 3:
                packing = some(below, (zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
            case _:
                parts[at] = (name, changed_xml(data, below))
    packed = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(packed, "w", packing) as archive:
        warnings.simplefilter("ignore")  # of names that stand twice
        for name, data in parts:
            archive.writestr(name, data)
    result = bytearray(packed.getvalue())
    if below(4) == 0:  # a header that lies: of an entry's flags, packing, checksum or sizes
        starts = [found.start() for found in re.finditer(rb"PK\x01\x02|PK\x03\x04", bytes(result))]
        begin = some(below, starts) + 4 + 2 * below(16)
        result[begin : begin + 2] = struct.pack("<H", some(below, (0, 1, 8, 12, 14, 99, 0x7FFF, 0xFFFF)))
    return bytes(result)


def changed_xml(data: bytes, below: Below) -> bytes:
    """XML with elements dropped and doubled, other attributes, foreign markup, or another encoding."""
    text = data.decode("utf-8", "replace")
    pieces = re.findall(r"<[^>]*>|[^<]+", text) or [""]
    for _ in range(1 + below(3)):
        at = below(len(pieces))
        match below(7):
            case 0:
                del pieces[at]
                pieces = pieces or [""]
            case 1:
                pieces[at:at] = pieces[at : at + 1 + below(8)] * some(below, (1, 2, 40))
            case 2 | 3:
                values = list(re.finditer(r'="([^"]*)"', pieces[at]))
                if values:
                    begin, end = some(below, values).span(1)
                    pieces[at] = pieces[at][:begin] + some(below, ATTRIBUTES) + pieces[at][end:]
                else:
                    pieces[at] = some(below, ATTRIBUTES)
            case 4:
                pieces.insert(at, some(below, MARKUP))
            case 5:
                other = below(len(pieces))
                pieces[at], pieces[other] = pieces[other], pieces[at]
            case _:
                said = f'<?xml version="1.0" encoding="{some(below, ENCODINGS)}"?>'
                pieces = [said, *(one for one in pieces if not one.startswith("<?xml"))]
    return "".join(pieces).encode(some(below, ("utf-8", "utf-8", "utf-8", "utf-16")), "replace")
