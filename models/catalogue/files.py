"""The catalogue's files as texts, so that a state of the catalogue can be kept whole."""

from __future__ import annotations

from pathlib import Path

from models.catalogue.load import PACKAGED


def catalogue_files(folder: Path | None = None) -> dict[str, str]:
    """Path within the folder → text, of every YAML and CSV file of a catalogue (None: the packaged one)."""
    home = PACKAGED if folder is None else Path(folder)
    return {
        path.relative_to(home).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(home.rglob("*"))
        if path.suffix in (".yaml", ".csv")
    }
