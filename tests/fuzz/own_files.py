"""Readers of what we or a person wrote ourselves: settings, divisions, the home folder, the database, backups, exports.

Each takes bytes; where a reader takes a path, they stand at it in a folder of its own.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from connectors.limiter import Limiter, RateLimits
from connectors.pxweb import newest_query, read_metadata
from flows.settings import PREFIX, read_settings
from models.catalogue.files import catalogue_files, kept_state
from models.divisions import layout_from_json, layout_to_json, load_divisions
from models.document import Answer
from models.errors import MittaristoError
from models.ledger import Scope, scope_from_json, scope_to_json
from models.problems import Problem, TouchedMeasure, problem_from_json, problem_to_json
from models.proposal import TableLook, propose
from models.table import SourceTable
from warehouse.archive import Manifest, reading_archive, writing_archive
from warehouse.export_package import MADE_BY
from warehouse.exports import refuse_what_is_not_ours
from warehouse.raw import RawStore

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
SMALL_CATALOGUE = Path(__file__).resolve().parents[1] / "data" / "sotkamo"


@cache
def _folder(name: str) -> Path:
    return Path(tempfile.mkdtemp(prefix="mittaristo-fuzz-")) / name


def _document(body: bytes) -> object:
    """The JSON document in `body`; what is none does not come to the reader, which is given a document."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


# --- what the database holds ----------------------------------------------------------------------------------------

SCOPE = json.dumps(
    scope_to_json(Scope({"a/b": frozenset({"x", "y"})}, {"a/b": date(2026, 1, 1)}, False, frozenset({"a/b"})))
).encode()
LAYOUT = layout_to_json((("", "alue_1_20260101"), ("2024", "alue_1_20240101"))).encode()
PROBLEM = json.dumps(
    problem_to_json(
        Problem(
            "failed", "statfin/x", "fi", "en", "tee", "do", "a", "b", (TouchedMeasure("1.1", "x", ("p",)),)
        )
    )
).encode()


def run_scope(body: bytes) -> None:
    scope = scope_from_json(_document(body))  # type: ignore[arg-type]
    assert scope_from_json(scope_to_json(scope)) == scope


def run_layout(body: bytes) -> None:
    layout = layout_from_json(body.decode("utf-8", "surrogateescape"))
    assert layout_from_json(layout_to_json(layout)) == layout


def run_problem(body: bytes) -> None:
    problem = problem_from_json(_document(body))  # type: ignore[arg-type]
    assert problem_from_json(problem_to_json(problem)) == problem
    assert problem.key and problem.severity and problem.answers_en


@cache
def state_seed() -> bytes:
    state = {"version": "1", "scope": scope_to_json(Scope()), "files": catalogue_files(SMALL_CATALOGUE)}
    return json.dumps(state | {"files": {name: text[:300] for name, text in state["files"].items()}}).encode()


def run_state(body: bytes) -> None:
    state = kept_state(body.decode("utf-8", "surrogateescape"))
    folder = _folder("state")
    for name, _ in state.files:
        assert (folder / name).resolve().is_relative_to(folder.resolve())


# --- what a person writes -------------------------------------------------------------------------------------------

DOTENV = (
    b"# settings\nMITTARISTO_HOME=var\nexport MITTARISTO_CONTACT='data@example.org'\n"
    b'MITTARISTO_URL_STATFIN="http://127.0.0.1:8801/PXWeb/api/v1"\nMITTARISTO_SMTP_HOST=mail.example.org\n'
    b"MITTARISTO_SMTP_PORT=587\nMITTARISTO_SMTP_FROM=a@example.org\nMITTARISTO_SMTP_TO=b@example.org, c@example.org\n"
    b"MITTARISTO_NOTIFY_URL=https://example.org/hook\nOTHER=${MITTARISTO_HOME:-x}\n"
)
DOTENV_WORDS = (
    *(
        "MITTARISTO_",
        "URL_",
        "STATFIN",
        "SMTP_PORT",
        "DATABASE_URL",
        "=",
        "export ",
        "#",
        "'",
        '"',
        "\\",
        "\\x",
        "\n",
    ),
    *(
        "${",
        "}",
        "${HOME}",
        ":-",
        "http://",
        "https://[",
        "]",
        ":99999",
        ":٣",
        "user:secret@",
        "\0",
        "\x1b[2J",
        "\x85",
    ),
    *("\u2028", "ı", "9" * 5000, "a" * 300),
)


def run_settings(body: bytes) -> None:
    path = _folder("settings")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    settings = read_settings({PREFIX + "DOTENV": str(path)})
    assert "\0" not in str(settings.home) and settings.warehouse_url
    assert all(urlsplit(url).password is None for url in (*settings.urls.values(), settings.notify_url))


DIVISION_WORDS = (
    *(
        "KU205",
        "KU999",
        "MK18",
        "SK181",
        ",",
        ",,",
        '"',
        '""',
        "#",
        "\n",
        "\r",
        "\0",
        "2025",
        "0000",
        "9999",
        "10000",
    ),
    *("# whole_since: 0001", "# whole_since MK18: 2024", "\ufeff", "x" * 140_000, "٢٠٢٥", "\u2028", "\x85"),
)


@cache
def _divisions() -> Path:
    folder = _folder("divisions")
    shutil.copytree(Path(str(_packaged())), folder)
    return folder


def _packaged() -> Path:
    from models.catalogue.load import PACKAGED

    return PACKAGED / "divisions"


def division_seed(name: str) -> bytes:
    return (_packaged() / name).read_bytes()


def run_division(name: str, body: bytes) -> None:
    path = _divisions() / name
    path.write_bytes(body)
    try:
        load_divisions(_divisions())
    finally:
        path.write_bytes(division_seed(name))


EXCEPTIONS = b"""exceptions:
- dataset: statfin/vaerak/11ra
  rule: revision size
  reason_fi: Vanha virhe korjattiin.
  reason_en: An old mistake was mended.
  role: data engineer
  expires: 2027-01-31
  areas: [KU765]
  periods: ["2024"]
"""


def propose_seeds() -> Iterator[bytes]:
    for title in ("12bs -- Tutkinnot muuttujina Vuosi, Alue ja Tiedot", "Väestö"):
        yield orjson.dumps(
            {
                "title": title,
                "variables": [
                    {
                        "code": "Vuosi",
                        "text": "Vuosi",
                        "values": ["2024", "2025"],
                        "valueTexts": ["2024", "2025*"],
                        "time": True,
                    },
                    {
                        "code": "Alue",
                        "text": "Alue",
                        "values": ["SSS", "KU765"],
                        "valueTexts": ["KOKO MAA", "Sotkamo"],
                    },
                    {
                        "code": "Sukupuoli",
                        "text": "Sukupuoli",
                        "values": ["SSS", "1"],
                        "valueTexts": ["Yhteensä", "Miehet"],
                        "elimination": True,
                    },
                    {"code": "Ikä", "text": "Ikä", "values": ["0", "1"], "valueTexts": ["alle 15", "15-64"]},
                    {
                        "code": "Tiedot",
                        "text": "Tiedot",
                        "values": ["a", "b"],
                        "valueTexts": ["Väestö, lkm", "Osuus, %"],
                    },
                ],
            }
        )


def run_propose(body: bytes) -> None:
    """A table's own words into a catalogue's YAML: what is proposed must be readable, and hold what was said."""
    meta = read_metadata(body, "vkour/12bs")
    newest_query(meta, 50)
    dimensions = {one.code: dict(zip(one.values, one.texts, strict=True)) for one in meta.variables}
    figures = _no_figures(dimensions)
    made = propose(
        TableLook("statfin", meta, None, meta, figures, figures),
        dataset_ids=(),
        indicator_ids=(),
        programme_area="1",
    )
    from ruamel.yaml import YAML

    for text in (made.dataset_yaml, made.indicators_yaml):
        assert YAML(typ="safe", pure=True).load(text)


def _no_figures(dimensions: dict[str, dict[str, str]]) -> SourceTable:
    import pandas as pd

    columns = dict.fromkeys([*dimensions, "value", "symbol"], pd.Series([], dtype="object"))
    return SourceTable(
        frame=pd.DataFrame({**columns, "value": pd.Series([], dtype="float64")}),
        labels=dimensions,
        dimension_texts={code: code for code in dimensions},
        updated=None,
    )


# --- what the home folder holds -------------------------------------------------------------------------------------


@cache
def _kept() -> tuple[Path, Path, str]:
    """A raw store with one document: its root, the sidecar's path, the checksum."""
    store = RawStore(_folder("raw"))
    answer = Answer(
        "statfin", "statfin/x", "data", "GET", "http://x/y", b"", 200, "text/plain", b"z", NOW, NOW
    )
    document = store.keep(answer, run_id="r", collection_id="c")
    (path,) = store.root.rglob("*.json")
    return store.root, path, document.sha256


def sidecar_seed() -> bytes:
    return _kept()[1].read_bytes()


def run_sidecar(body: bytes) -> None:
    root, path, _ = _kept()
    before = path.read_bytes()
    path.write_bytes(body)
    try:
        for document in RawStore(root).documents():
            assert document.fetched_at.tzinfo is not None
            with suppress(MittaristoError):
                RawStore(root).read(document.sha256)
    finally:
        path.write_bytes(before)


def object_seed() -> bytes:
    root, _, sha256 = _kept()
    return (root / "objects" / sha256[:2] / f"{sha256}.gz").read_bytes()


def run_object(body: bytes) -> None:
    root, _, sha256 = _kept()
    path = root / "objects" / sha256[:2] / f"{sha256}.gz"
    before = path.read_bytes()
    path.write_bytes(body)
    try:
        assert RawStore(root).read(sha256) == b"z"
    finally:
        path.write_bytes(before)


PACE = b'{"calls": [[1.0, 2.0, "a"]], "paused_until": 5.0, "limits": [40, 60.0]}'


def run_pace(body: bytes) -> None:
    """The file of the pace of calls heals itself: whatever is in it, a call is soon allowed again."""
    folder = _folder("limits")
    folder.mkdir(parents=True, exist_ok=True)
    now = [1_800_000_000.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    limiter = Limiter(folder, "http://x.test/", clock=lambda: now[0], sleep=sleep)
    limits = RateLimits(40, 60.0)
    with limiter.slot(limits):
        pass
    (path,) = folder.glob("*.json")
    path.write_bytes(body)
    began = now[0]
    with limiter.slot(limits):
        pass
    assert now[0] - began < 7 * 86_400
    path.unlink()


# --- what is carried elsewhere --------------------------------------------------------------------------------------


@cache
def backup_seed() -> bytes:
    path = _folder("backup")
    path.parent.mkdir(parents=True, exist_ok=True)
    with writing_archive(path, overwrite=True) as archive:
        archive.add("mittaristo.db", [b"SQLite"], packed=False)
        name = f"raw/objects/00/{'0' * 64}.gz"
        archive.add(name, [b"x"], packed=True)
        archive.finish(Manifest(NOW.isoformat(), "1", "sqlite", "", "1", True, {}))
    return path.read_bytes()


def run_backup(body: bytes) -> None:
    path = _folder("backup")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    with reading_archive(path) as archive:
        assert sum(map(len, archive.pieces("mittaristo.db"))) >= 0
        assert not any(name.startswith("/") or ".." in name for name in archive.raw_files())


EXPORTED = json.dumps({"made_by": MADE_BY, "resources": [{"path": "a.csv"}]}).encode()


def run_exported(body: bytes) -> None:
    folder = _folder("export")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "datapackage.json").write_bytes(body)
    refuse_what_is_not_ours(folder)
