"""The catalogue's files as texts, so that a state of the catalogue can be kept whole; and where its divisions are."""

from __future__ import annotations

from pathlib import Path

from models.catalogue.load import PACKAGED

DIVISIONS = "divisions"


def catalogue_files(folder: Path | None = None) -> dict[str, str]:
    """Path within the folder → text, of every YAML and CSV file of a catalogue (None: the packaged one).

    The packaged divisions are among them where the catalogue has none of its own.
    """
    home = PACKAGED if folder is None else Path(folder)
    paths = {path.relative_to(home).as_posix(): path for path in home.rglob("*")}
    divisions = divisions_folder(folder)
    paths |= {f"{DIVISIONS}/{path.name}": path for path in divisions.glob("*.csv")}
    return {
        name: path.read_text(encoding="utf-8")
        for name, path in sorted(paths.items())
        if path.suffix in (".yaml", ".csv")
    }


def divisions_folder(folder: Path | None = None) -> Path:
    """The folder of the divisions of a catalogue (None: the packaged one): its own, else the packaged ones."""
    own = None if folder is None else Path(folder) / DIVISIONS
    return own if own is not None and own.is_dir() else PACKAGED / DIVISIONS
