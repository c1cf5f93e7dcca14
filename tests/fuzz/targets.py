"""The readers that are given hostile input, each with valid input to begin from, and what is promised of them all.

The promise: whatever the bytes, a reader gives its result or raises one of our own errors (models.errors), whose text
is printable lines of bounded length; and it does so in bounded time and memory.
"""

from __future__ import annotations

import math
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache, partial
from pathlib import Path
from types import FrameType

import numpy as np
import orjson

from connectors import pxweb
from connectors.forms import content_type, read_form, without_names
from connectors.http import excerpt
from connectors.jsonstat import canonical_checksum, read_jsonstat
from connectors.ods import read_ods
from connectors.pxjson import read_pxjson
from connectors.stamps import read_stamp
from demo.ods import write_ods
from flows.commands import parse_moment
from models import recode
from models.borders import borders_from_json
from models.catalogue import load_catalogue
from models.decision import Decision, decision_from_json
from models.errors import CatalogueError, MittaristoError, printable
from models.forms_answers import judge
from models.forms_file import FormError
from models.formula import evaluate, parse_formula
from models.period import from_source, in_year, parse_period, shift, year_before
from models.recode import CodeChange, KnownCodes, KnownVariable, RecodeFinding
from models.resolution import Overrides
from reports.forms import csv_form, form_rows, workbook_form
from tests.fuzz import own_files, wire
from tests.fuzz.mutate import Below, changed_bytes, changed_json, changed_text, changed_xml, changed_zip
from tests.fuzz.service_answers import Asking, Collection, collection

SECONDS = 30  # no reader may take longer over one input, on the slowest machine
LONGEST_LINE = 4000
CASES = Path(__file__).parent / "cases"
RECORDINGS = Path(__file__).resolve().parents[3] / "shared" / "recordings"
SMALL_CATALOGUE = Path(__file__).resolve().parents[1] / "data" / "sotkamo"

Change = Callable[[bytes, Below], bytes]


@dataclass(frozen=True)
class Target:
    """One reader: valid input, how it is changed, and the reading."""

    name: str
    seeds: Callable[[], Sequence[bytes]]
    change: Change
    run: Callable[[bytes], object]


class BrokenPromiseError(AssertionError):
    """A reader's error is ours, but no text for a person; or it did not come to an end in time."""


def keep_promise(target: Target, body: bytes) -> None:
    """Let the reader have `body`. Raises what the reader should not have raised, or BrokenPromiseError."""
    try:
        with _in_time():
            target.run(body)
    except MittaristoError as error:
        several = isinstance(error, CatalogueError | FormError)
        lines = str(error).split("\n") if several else [str(error)]
        for line in lines:
            if not line.strip() or printable(line) != line or len(line) > LONGEST_LINE:
                raise BrokenPromiseError(f"no line for a person: {line[:500]!r}") from error


@contextmanager
def _in_time() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def too_slow(number: int, frame: FrameType | None) -> None:
        raise BrokenPromiseError(f"not ready after {SECONDS} s")

    before = signal.signal(signal.SIGALRM, too_slow)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# --- answers of sources, read one by one --------------------------------------------------------------------


@cache
def _recorded() -> Sequence[bytes]:
    """Recorded answers, where they are here: they are never part of the project."""
    if not RECORDINGS.is_dir():
        return ()
    found = sorted(RECORDINGS.rglob("*.json"))
    return tuple(path.read_bytes() for path in found if path.stat().st_size < 60_000)


def _documents(collected: Sequence[bytes], *keys: str) -> Sequence[bytes]:
    """The stand-in's answers, and those recorded JSON objects that have `keys`."""
    fitting = []
    for body in _recorded():
        with suppress(orjson.JSONDecodeError):
            document = orjson.loads(body)
            if isinstance(document, dict) and all(key in document for key in keys):
                fitting.append(body)
    return (*collected, *fitting)


def _statfin() -> Collection:
    return collection("statfin", "statfin/vkour/12bs")


SPARSE = orjson.dumps(
    {
        "class": "dataset",
        "version": "2.0",
        "id": ["geo", "time"],
        "size": [2, 3],
        "updated": "2026-04-01T05:00:00Z",
        "source": "x",
        "label": "y",
        "role": {"time": ["time"]},
        "dimension": {
            "geo": {"label": "g", "category": {"index": ["a", "b"], "unit": {"a": {"base": "n"}}}},
            "time": {"category": {"index": {"2023": 0, "2024": 1, "2025": 2}, "label": {"2023": "z"}}},
        },
        "value": {"0": 1, "2": 2.5, "5": "3"},
        "status": {"1": "..", "3": "-"},
        "extension": {"px": {"tableid": "12bs"}},
    }
)
PX_JSON = orjson.dumps(
    {
        "columns": [
            {"code": "time", "text": "Vuosi", "type": "t"},
            {"code": "area", "text": "Alue", "type": "d"},
            {"code": "c1", "text": "Elävänä syntyneet", "type": "c"},
            {"code": "c2", "text": "Kuolleet", "type": "c"},
        ],
        "comments": [],
        "data": [
            {"key": ["2025", "SSS"], "values": ["46000", "..."]},
            {"key": ["2025", "KU205"], "values": ["271", "442.5"]},
        ],
        "metadata": [{"updated": "2026-05-27T05.00.00Z", "label": "Muutokset", "source": "Tilastokeskus"}],
    }
)
CONFIG = b'{"maxValues":120000,"maxCells":120000,"maxCalls":40,"timeWindow":60,"CORS":true}'
LISTING = (
    b'[{"id":"statfin_vkour_pxt_12bs.px","type":"t","text":"12bs -- x","updated":"2026-01-01T08:00:00"},'
    b'{"id":"x","type":"l","text":"y"}]'
)


def _data_answer() -> bytes:
    return next(body for body in _statfin().raw if b'"dataset"' in body[:400])


def _metadata_answer() -> bytes:
    return next(body for body in _statfin().raw if b'"variables"' in body)


def _checksums(body: bytes) -> None:
    canonical_checksum(body, "application/json; charset=utf-8")
    excerpt(body)


ODS = write_ods(
    {
        "Saatavuus": [
            ["Kiinteän verkon laajakaistasaatavuus vuoden 2025 lopussa"],
            ["Kunnat", "Kommuner", "Municipalities", ">=30", ">=100"],
            ["Kajaani", "Kajana", "Kajaani", 0.98, 0.5],
            ["Sotkamo", None, "Sotkamo", ".", date(2025, 12, 31)],
        ],
        "x": [[1.5, "y"]],
    }
)


# --- whole collections --------------------------------------------------------------------------------------

_COLLECTIONS: Sequence[tuple[str, str, tuple[str, ...]]] = (
    ("statfin", "statfin/vkour/12bs", ("metadata", "figures")),
    ("eurostat", "eurostat/nama_10r_3gdp", ("figures",)),
    ("sotkanet", "sotkanet/127", ("regions", "indicator", "figures")),
    (
        "vipunen",
        "vipunen/korkeakoulutus_hakeneet_ja_paikan_vastaanottaneet",
        ("fields", "count", "rows"),
    ),
    ("kuntatalous", "kuntatalous/ktas", ("listing", "extract", "document")),
    ("prh_ytj", "prh_ytj/companies", ("page",)),
    ("traficom_broadband", "traficom_broadband/availability", ("page", "file")),
    ("digitraffic_rail", "digitraffic_rail/departures", ("stations", "trains")),
    ("ryhti", "ryhti/avoimet_lupa_rakennukset", ("collections", "permits")),
    ("ryhti", "ryhti/avoimet_rakennukset", ("", "buildings")),
    ("vayla", "vayla/tiehankkeet", ("fields", "roads")),
    ("vayla", "vayla/ratasuunnitelmat", ("", "rails")),
    ("classifications", "", ("subregions_of", "", "names")),
    ("borders", "", ("shapes",)),
)


def _asking(source: str, dataset_id: str, number: int) -> tuple[Collection, Asking]:
    found = collection(source, dataset_id)
    return found, found.askings[number]


def _seeds_of(source: str, dataset_id: str, number: int) -> Sequence[bytes]:
    found, asking = _asking(source, dataset_id, number)
    return found.seeds(asking)


def _run_collection(source: str, dataset_id: str, number: int, body: bytes) -> None:
    """As a run asks and reads, and as a replay reads what was kept."""
    found, asking = _asking(source, dataset_id, number)
    if asking.call is None:
        found.read_again(asking, body)
        return
    with suppress(MittaristoError):
        found.read_again(asking, body)
    found.collect(asking, body)


def _of_collections() -> Iterator[Target]:
    for source, dataset_id, names in _COLLECTIONS:
        for number, name in enumerate(names):
            if not name:
                continue
            change: Change = changed_json
            if source == "traficom_broadband":
                change = changed_xml if name == "page" else changed_zip
            yield Target(
                f"{source}-{name}",
                partial(_seeds_of, source, dataset_id, number),
                change,
                partial(_run_collection, source, dataset_id, number),
            )


# --- forms --------------------------------------------------------------------------------------------------


@cache
def _forms() -> tuple[bytes, bytes]:
    """An exported form as a workbook and as CSV, filled here and there."""
    catalogue = load_catalogue(SMALL_CATALOGUE)
    identity, rows = form_rows(catalogue, {}, "2025")
    for (_, row), value in zip(rows, (1.5, 20, 0), strict=False):
        row.update(value=value, text="Selvitys", reason="korjaus")
    return workbook_form(catalogue, identity, rows), csv_form(rows)


def _run_form(body: bytes) -> None:
    content_type(body)
    raw = read_form(body)
    if raw.rows:
        raw = read_form(without_names(body))
    judge(raw, load_catalogue(SMALL_CATALOGUE), {}, on=date(2026, 3, 1), role="suunnittelija", reason="x")


# --- the catalogue ------------------------------------------------------------------------------------------

_WORDS = (
    "- ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    "&a ",
    "*a",
    "!!python/object/apply:os.system",
    "!x",
    "|",
    ">",
    "? ",
    "---\n",
    "...\n",
    "%YAML 1.1\n",
    "# ",
    "'",
    '"',
    "<<: *a",
    "null",
    "true",
    "2025",
    "2026-02-30",
    "0x1F",
    "0o9",
    "1_000",
    ".inf",
    ".nan",
    "9" * 5000,
    "1e400",
    "190:20:30",
    "\t",
    "\ud800",
    "\x85",
    "\u2028",
    "ı",
    "sum(net)/0",
    "[" * 200,
    "a: {" * 60,
)


@cache
def _catalogue_copy() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="mittaristo-fuzz-")) / "sotkamo"
    shutil.copytree(SMALL_CATALOGUE, folder)
    return folder


def _run_catalogue(file: str, body: bytes) -> None:
    path = _catalogue_copy() / file
    path.write_bytes(body)
    try:
        load_catalogue(_catalogue_copy())
    finally:
        if (SMALL_CATALOGUE / file).is_file():
            path.write_bytes((SMALL_CATALOGUE / file).read_bytes())
        else:
            path.unlink()


def _of_catalogue() -> Iterator[Target]:
    for path in sorted(SMALL_CATALOGUE.rglob("*.yaml")):
        file = path.relative_to(SMALL_CATALOGUE).as_posix()
        yield Target(
            f"catalogue-{file.partition('/')[0].removesuffix('.yaml')}",
            partial(lambda one: (one.read_bytes(),), path),
            changed_text(_WORDS),
            partial(_run_catalogue, file),
        )


def _of_own_files() -> Iterator[Target]:
    yield Target(
        "catalogue-exceptions",
        lambda: (own_files.EXCEPTIONS,),
        changed_text(_WORDS),
        partial(_run_catalogue, "exceptions.yaml"),
    )
    for name in ("2026.csv", "history.csv", "changes.csv"):
        yield Target(
            f"divisions-{name.removesuffix('.csv')}",
            partial(lambda one: (own_files.division_seed(one),), name),
            changed_text(own_files.DIVISION_WORDS),
            partial(own_files.run_division, name),
        )
    yield Target(
        "settings",
        lambda: (own_files.DOTENV,),
        changed_text(own_files.DOTENV_WORDS),
        own_files.run_settings,
    )
    yield Target("propose", lambda: tuple(own_files.propose_seeds()), changed_json, own_files.run_propose)
    yield Target("scope", lambda: (own_files.SCOPE,), changed_json, own_files.run_scope)
    yield Target("layout", lambda: (own_files.LAYOUT,), changed_json, own_files.run_layout)
    yield Target("problem", lambda: (own_files.PROBLEM,), changed_json, own_files.run_problem)
    yield Target("kept-state", lambda: (own_files.state_seed(),), changed_json, own_files.run_state)
    yield Target("sidecar", lambda: (own_files.sidecar_seed(),), changed_json, own_files.run_sidecar)
    yield Target("raw-object", lambda: (own_files.object_seed(),), changed_bytes, own_files.run_object)
    yield Target("pace", lambda: (own_files.PACE,), changed_json, own_files.run_pace)
    yield Target("backup", lambda: (own_files.backup_seed(),), changed_zip, own_files.run_backup)
    yield Target("exported", lambda: (own_files.EXPORTED,), changed_json, own_files.run_exported)


def _of_the_wire() -> Iterator[Target]:
    yield Target("http", lambda: wire.HTTP_SEEDS, changed_text(wire.HTTP_WORDS), wire.run_http)
    yield Target("webhook", lambda: wire.HTTP_SEEDS, changed_text(wire.HTTP_WORDS), wire.run_webhook)
    yield Target("mail", lambda: wire.MAIL_SEEDS, changed_text(wire.MAIL_WORDS), wire.run_mail)


# --- small texts --------------------------------------------------------------------------------------------

_FORMULA_WORDS = (
    *("a", "b", "t", "sum", "duncan_index", "net", "+", "-", "*", "/", "(", ")", "[", "]", ",", " "),
    *("0", "1", "0.0", "1e308", "1e-308", "1e999", "9" * 400, "0x1F", "1_0", "07", "1j", "...", ".", "_"),
    *("t-1", "t-60", "t-61", "t--1", "[t-1]", "lambda", "import", "__import__", "(" * 60, ")" * 60, "-" * 90),
    *("1/(1-1)", "\n", "ı", "=", "**", "//", "a.b"),
)
_PERIOD_WORDS = (
    *("2025", "2025Q1", "2025M06", "2026W53", "2023/2024", "2023-2024", "–", "Q", "M", "W", "/", "-", "*"),
    *("0000", "9999", "9998", "1000", "0999", "00", "13", "٢٠٢٥", "²", " ", "\n", "\0", "9" * 5000),
)
_MOMENT_WORDS = (
    *("2026-03-31", "T", "12:00", ":00", "+03:00", "-23:59", "+24:00", "Z", ".", "999999999", "W", "-", ":"),
    *("0001-01-01", "9999-12-31", "0000", "10000", "24:00", "23:59:60", "٢٠٢٦", "ı", "\0", " ", "\ud800"),
)


def _run_formula(body: bytes) -> None:
    formula = parse_formula(body.decode("utf-8", "surrogateescape"))
    random = np.random.default_rng(1)
    for classes, periods in ((1, 5), (3, 1)):
        series = {name: random.normal(size=(classes, periods)) for name in formula.names}
        with suppress(MittaristoError):  # a series of several classes that is read as one
            result = evaluate(formula, series)
            assert result.shape == (periods,) and not np.isinf(result).any()


def _run_period(body: bytes) -> None:
    text = body.decode("utf-8", "surrogateescape")
    code = from_source(text)
    period = parse_period(code)
    assert period.start <= period.end and from_source(code) == code
    for move in (
        lambda: shift(code, -1),
        lambda: shift(code, 10**6),
        lambda: shift(code, -(10**40)),
        lambda: in_year(code, 0),
        lambda: in_year(code, 10**6),
        lambda: year_before(code),
    ):
        with suppress(MittaristoError):
            parse_period(move())


def _run_moment(body: bytes) -> None:
    text = body.decode("utf-8", "surrogateescape")
    moment = parse_moment(text)
    assert moment.astimezone(UTC).tzinfo is UTC


def _run_stamp(body: bytes) -> None:
    text = body.decode("utf-8", "surrogateescape")
    stamp = read_stamp(text)
    assert stamp is None or stamp.at.tzinfo is not None
    with suppress(ValueError):
        read_stamp(int(text))


# --- what we wrote ourselves --------------------------------------------------------------------------------

_DECISION = Decision(
    "release", "statfin/x", "c", "päällikkö", "syy", datetime(2026, 1, 1, tzinfo=UTC), "{}"
).to_json()
_BORDERS = (
    b'{"year": 2026, "source": "x", "licence": "y", "step": 0.002, "areas": {\n'
    b'"KU205":[[13000,32000,10,0,0,10,-10,0]]\n}}\n'
)


_OVERRIDES = Overrides(contents={"a": "x"}, classes={("age", "total"): "SSS"}, variables={"area": "alue"})
_FINDING = RecodeFinding(
    "statfin/x", "proven", (CodeChange("content", "a", "x", "y"),), overrides=_OVERRIDES, reason=""
).to_json()
_KNOWN = recode.known_to_json(
    KnownCodes("statfin/x", "x", "alue", "vuosi", KnownVariable("tiedot", (("x", "X"),), {"a": ("x", "X")}))
)


def _read_kept(read: Callable[[str], object], body: bytes) -> None:
    read(body.decode("utf-8", "surrogateescape"))


def _run_borders_file(body: bytes) -> None:
    borders = borders_from_json(body.decode("utf-8", "replace"), "borders.json")
    assert all(math.isfinite(one) for corner in borders.bounds() for one in corner)


def _all() -> Iterator[Target]:
    yield Target(
        "jsonstat", lambda: _documents((_data_answer(), SPARSE), "value"), changed_json, read_jsonstat
    )
    yield Target("pxjson", lambda: _documents((PX_JSON,), "columns", "data"), changed_json, read_pxjson)
    yield Target(
        "metadata",
        lambda: _documents((_metadata_answer(),), "variables"),
        changed_json,
        lambda body: pxweb.read_metadata(body, "vkour/12bs"),
    )
    yield Target("config", lambda: (CONFIG,), changed_json, pxweb.read_config)
    yield Target("listing", lambda: (LISTING,), changed_json, lambda body: pxweb.read_listing(body, "vkour"))
    yield Target("checksum", lambda: (SPARSE, PX_JSON, b"<html><p>x</p></html>"), _json_or_not, _checksums)
    yield Target("ods", lambda: (ODS,), changed_zip, read_ods)
    yield from _of_collections()
    yield Target("form-workbook", lambda: (_forms()[0], ODS), changed_zip, _run_form)
    yield Target(
        "form-csv",
        lambda: (_forms()[1],),
        changed_text((";", "\r\n", '"', "\t", "=1", "sep=;\n", "x" * 40)),
        _run_form,
    )
    yield from _of_catalogue()
    yield from _of_own_files()
    yield from _of_the_wire()
    yield Target(
        "formula",
        lambda: (b"100 * sum(a) / sum(b[t-1])", b"duncan_index(a, b) - 1"),
        changed_text(_FORMULA_WORDS),
        _run_formula,
    )
    yield Target(
        "period",
        lambda: (b"2025", b"2025M06", b"2026W23", b"2023-2024"),
        changed_text(_PERIOD_WORDS),
        _run_period,
    )
    yield Target(
        "moment",
        lambda: (b"2026-03-31", b"2026-03-31T12:00:00+03:00"),
        changed_text(_MOMENT_WORDS),
        _run_moment,
    )
    yield Target(
        "stamp",
        lambda: (b"2026-04-01", b"1.4.2026", b"2026-07-21T05.00.00Z", b"1700000000000"),
        changed_text(_MOMENT_WORDS),
        _run_stamp,
    )
    for name, written, read in (
        ("overrides", recode.overrides_to_json(_OVERRIDES), recode.overrides_from_json),
        ("known-codes", _KNOWN, recode.known_from_json),
        ("finding", _FINDING, recode.finding_from_json),
    ):
        yield Target(
            name, partial(lambda one: (one,), written.encode()), changed_json, partial(_read_kept, read)
        )
    yield Target("decision", lambda: (_DECISION,), changed_json, decision_from_json)
    yield Target("borders-file", lambda: (_BORDERS,), changed_json, _run_borders_file)


def _json_or_not(body: bytes, below: Below) -> bytes:
    return (
        changed_json(body, below) if body.startswith(b"{") else changed_xml(changed_bytes(body, below), below)
    )


TARGETS = {target.name: target for target in _all()}
