"""The catalogue's files as texts, so that a state of the catalogue can be kept whole; and where its divisions are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from models.catalogue.load import PACKAGED, with_plain_names
from models.errors import CatalogueError, MittaristoError
from models.ledger import Scope, scope_from_json

DIVISIONS = "divisions"


@dataclass(frozen=True)
class KeptState:
    """A state of the catalogue that was in use: its files (path within the folder, text), program and scope."""

    files: tuple[tuple[str, str], ...]
    version: str
    scope: Scope


def catalogue_files(folder: Path | None = None) -> dict[str, str]:
    """Path within the folder → text, of every YAML and CSV file of a catalogue (None: the packaged one).

    The packaged divisions are among them where the catalogue has none of its own. Raises CatalogueError for a file
    that is no text.
    """
    home = PACKAGED if folder is None else Path(folder)
    paths = {path.relative_to(home).as_posix(): path for path in home.rglob("*")}
    divisions = divisions_folder(folder)
    paths |= {f"{DIVISIONS}/{path.name}": path for path in divisions.glob("*.csv")}
    kept = {
        name: path for name, path in paths.items() if path.suffix in (".yaml", ".csv") and not path.is_dir()
    }
    return {name: _text_of(kept[name], name) for name in with_plain_names(sorted(kept))}


def _text_of(path: Path, name: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8; save it as UTF-8"
        raise CatalogueError([f"{name}: the file cannot be read: {reason}"]) from error


def kept_state(content: str) -> KeptState:
    """A state that was kept as {"version": ..., "scope": ..., "files": {path: text}}, as JSON.

    Raises MittaristoError for anything else, also for a path that leads out of the catalogue's folder.
    """
    try:
        kept = json.loads(content)
        files, version, scope = kept["files"], kept["version"], kept["scope"]
        if not isinstance(version, str) or not all(isinstance(text, str) for text in files.values()):
            raise TypeError("a version or a file that is no text")
        for name in files:
            path = PurePosixPath(name)
            if (
                path.is_absolute()
                or ".." in path.parts
                or path.suffix not in (".yaml", ".csv")
                or "\0" in name
            ):
                raise ValueError("a file that is none of a catalogue")
        return KeptState(tuple(files.items()), version, scope_from_json(scope))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise MittaristoError(
            f"a kept state of the catalogue cannot be read ({type(error).__name__}); restore a backup, or replay"
        ) from error


def divisions_folder(folder: Path | None = None) -> Path:
    """The folder of the divisions of a catalogue (None: the packaged one): its own, else the packaged ones."""
    own = None if folder is None else Path(folder) / DIVISIONS
    return own if own is not None and own.is_dir() else PACKAGED / DIVISIONS
