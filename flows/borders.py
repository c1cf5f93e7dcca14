"""The borders of municipalities for the map: asked once a year, kept as a document, simplified into the home folder."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from connectors import borders
from flows.collect import open_http
from flows.pipeline import Pipeline, new_run_id
from models.borders import Borders, borders_from_json, borders_to_json, packaged_borders
from models.document import Document
from models.errors import MittaristoError
from warehouse.raw import RawStore
from warehouse.whole_file import EVERYBODY, write_whole


def collect_borders(pipeline: Pipeline, year: int) -> Path:
    """Asks for the borders of `year` (or of the year before), and writes them; the file they are in.

    Raises SourceError, one line; what was there before stays then.
    """
    run_id = new_run_id()
    collection_id = f"{run_id}:{borders.SOURCE}"
    with open_http(pipeline, borders.SOURCE, run_id, collection_id) as http:
        borders.fetch(year, pipeline.base_url(borders.SOURCE), http)
    found = borders.read(_kept(pipeline.raw, collection_id))
    folder = pipeline.settings.home / "borders"
    folder.mkdir(parents=True, exist_ok=True)
    return write_whole(folder / f"{found.year}.json", borders_to_json(found).encode(), mode=EVERYBODY)


def refresh_borders(pipeline: Pipeline, today: date) -> str:
    """Asks for this year's borders where they are not there yet; what came of it, in one line.

    '' where nothing was asked. Borders are for the map alone: that they are not to be had is said and hinders nothing.
    """
    try:
        if newest_borders(pipeline.settings.home, today.year).year >= today.year:
            return ""
        return f"borders of municipalities: {collect_borders(pipeline, today.year).name}"
    except (MittaristoError, OSError) as error:
        return f"the borders of municipalities stay as they are: {error}"


def newest_borders(home: Path, year: int) -> Borders:
    """The newest borders up to `year` in the home folder, else those that the project comes with. Raises SourceError.

    A map of a past time then has the borders of that time.
    """
    files = sorted((home / "borders").glob("[0-9][0-9][0-9][0-9].json"))
    found = [one for one in files if int(one.stem) <= year]
    if not found:
        return packaged_borders()
    return borders_from_json(found[-1].read_text(encoding="utf-8"), found[-1].name)


def _kept(raw: RawStore, collection_id: str) -> list[tuple[Document, bytes]]:
    return [
        (document, raw.read(document.sha256))
        for document in raw.documents(source=borders.SOURCE, collection_id=collection_id)
    ]
