"""The file that a backup is: a zip whose last member says what the others are, so that a cut one is never taken.

manifest.json                     what it is, when and by which program made, size and SHA-256 of every other member
mittaristo.db or database.dump    the database: a copy of an SQLite file, or what pg_dump wrote
raw/...                           the raw store, file by file, where it is in the backup
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from models.errors import ConfigurationError, printable
from warehouse.checksum import TableSum
from warehouse.errors import WarehouseError
from warehouse.whole_file import sync_folder, unfinished

MANIFEST = "manifest.json"
SQLITE_COPY, DUMP = "mittaristo.db", "database.dump"
RAW = "raw/"
_PRODUCT, _FORMAT = "mittaristo backup", 1
_PIECE = 1 << 20
_LARGEST_MANIFEST = 1 << 29  # bytes; two million documents in the raw store
_RAW_MEMBER = re.compile(
    r"raw/(?:objects/[0-9a-f]{2}/[0-9a-f]{64}\.gz|documents/[a-z0-9_]+(?:/[0-9]+){2}/[\w.-]+\.json)"
)
# What a damaged zip makes its reader raise.
_DAMAGE = (
    BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    OSError,
    OverflowError,
    NotImplementedError,
    RuntimeError,
)


@dataclass(frozen=True)
class Manifest:
    """What a backup says of itself. `database` is the kind, `sqlite` or `postgresql`; `revision` that of the schema."""

    made_at: str
    program: str
    database: str
    schema: str  # that of PostgreSQL the tables are in
    revision: str
    with_raw: bool
    tables: Mapping[str, TableSum]
    files: Mapping[str, tuple[int, str]] = field(default_factory=dict)  # size, SHA-256


class Writing:
    """The members of a backup that is being made."""

    def __init__(self, zipped: ZipFile) -> None:
        self._zipped = zipped
        self._files: dict[str, tuple[int, str]] = {}

    def add(self, name: str, pieces: Iterable[bytes], *, packed: bool) -> None:
        """A member from its bytes; `packed`: they are compressed already."""
        info = ZipInfo(name)
        info.compress_type = ZIP_STORED if packed else ZIP_DEFLATED
        size, digest = 0, hashlib.sha256()
        with self._zipped.open(info, "w", force_zip64=True) as member:
            for piece in pieces:
                member.write(piece)
                digest.update(piece)
                size += len(piece)
        self._files[name] = (size, digest.hexdigest())

    def finish(self, manifest: Manifest) -> None:
        """The manifest, last of all."""
        said = {"product": _PRODUCT, "format": _FORMAT} | asdict(manifest) | {"files": self._files}
        self._zipped.writestr(MANIFEST, json.dumps(said, indent=1), ZIP_DEFLATED)


@contextmanager
def writing_archive(path: Path, *, overwrite: bool) -> Iterator[Writing]:
    """A new backup, which stands at `path` once all of it is safely on disk; before that there is nothing.

    Raises ConfigurationError where a file is there already, unless `overwrite`; WarehouseError when the disk refuses.
    """
    _check_free(path, overwrite)
    temporary = unfinished(path)
    try:
        with os.fdopen(os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
            with ZipFile(file, "w", compresslevel=1) as zipped:
                yield Writing(zipped)
            file.flush()
            os.fsync(file.fileno())
        _check_free(path, overwrite)
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise WarehouseError(
            f"the backup {path} cannot be written: {error.strerror or error}; make room or give write access"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _check_free(path: Path, overwrite: bool) -> None:
    if not path.parent.is_dir():
        raise ConfigurationError(
            f"there is no folder {path.parent} for the backup; make it, or name another file"
        )
    if path.is_dir():
        raise ConfigurationError(
            f"{path} is a folder; name a file for the backup, e.g. {path / 'mittaristo.zip'}"
        )
    if path.exists() and not overwrite:
        raise ConfigurationError(
            f"{path} is there already; name another file, or replace it with --overwrite"
        )


class Reading:
    """A backup that was read from end to end and is whole."""

    def __init__(self, zipped: ZipFile, manifest: Manifest) -> None:
        self._zipped = zipped
        self.manifest = manifest

    def pieces(self, name: str) -> Iterator[bytes]:
        """A member's bytes, some at a time."""
        with self._zipped.open(name) as member:
            while piece := member.read(_PIECE):
                yield piece

    def raw_files(self) -> list[str]:
        """The names of the members that are the raw store's."""
        return [name for name in self.manifest.files if name.startswith(RAW)]


@contextmanager
def reading_archive(path: Path) -> Iterator[Reading]:
    """The backup at `path`, every byte of it compared with the manifest first.

    Raises ConfigurationError, one line, for what is no backup, is of a newer form, is cut or damaged.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise ConfigurationError(
            f"the backup {path} cannot be read: {error.strerror}; name another file"
        ) from error
    with file:
        try:
            zipped = ZipFile(file)
        except _DAMAGE as error:
            raise ConfigurationError(
                f"{path} is no backup of mittaristo, or it is cut off or damaged ({error}); take another one"
            ) from error
        with zipped:
            yield Reading(zipped, _checked(zipped, path))


def _checked(zipped: ZipFile, path: Path) -> Manifest:
    if MANIFEST not in zipped.namelist():
        raise ConfigurationError(f"{path} is a zip, but no backup of mittaristo; take another file")
    try:
        if zipped.getinfo(MANIFEST).file_size > _LARGEST_MANIFEST:
            raise ValueError("its manifest is larger than any")
        with zipped.open(
            MANIFEST
        ) as member:  # in pieces: at once it would make room for whatever size is claimed
            said: dict[str, Any] = json.loads(b"".join(iter(lambda: member.read(_PIECE), b"")))
        if said.pop("product") != _PRODUCT:
            raise ConfigurationError(f"{path} is a zip, but no backup of mittaristo; take another file")
        if (version := said.pop("format")) != _FORMAT:
            raise ConfigurationError(
                f"the backup {path} was made by a newer mittaristo (form {printable(str(version)[:40])}, this program "
                f"reads {_FORMAT}); update the program"
            )
        said["tables"] = {name: TableSum(**one) for name, one in said["tables"].items()}
        said["files"] = {name: (int(size), str(sha256)) for name, (size, sha256) in said["files"].items()}
        manifest = Manifest(**said)
        problem = _problem(zipped, manifest)
    except _DAMAGE as error:
        problem = printable(str(error)[:500]) or type(error).__name__
    if problem:
        raise ConfigurationError(
            f"the backup {path} is damaged: {problem}; nothing was restored, take another one"
        )
    return manifest


def _problem(zipped: ZipFile, manifest: Manifest) -> str:
    """What is not as the manifest says; '' where all is."""
    names = [one for one in zipped.namelist() if one != MANIFEST]
    if sorted(names) != sorted(manifest.files):
        return "it holds other files than it says"
    database = SQLITE_COPY if manifest.database == "sqlite" else DUMP
    for name in names:
        # Names become paths: none may lead out of the folder.
        if name != database and not _RAW_MEMBER.fullmatch(name):
            return f"'{printable(name[:200])}' has no place in a backup"
        digest, size = hashlib.sha256(), 0
        with zipped.open(name) as member:
            while piece := member.read(_PIECE):
                digest.update(piece)
                size += len(piece)
        if (size, digest.hexdigest()) != manifest.files[name]:
            return f"'{name}' is not as it was when the backup was made"
    return "" if database in names else "the database is missing"
