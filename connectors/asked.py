"""What connectors of single providers share: the catalogue's `request` checked, kept answers picked, Finnish days."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import orjson

from connectors.cells import quoted
from connectors.http import AnswerError
from models.dataset import Dataset
from models.document import Document, DocumentKind
from models.errors import SourceError, printable
from models.schedule import ZONE

LONGEST_ERROR = 2000  # characters
_FINLAND = ZoneInfo(ZONE)
_WORDS: Mapping[type, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a set of keys",
}

Kinds = tuple[type, ...]


def request_of(
    dataset: Dataset, required: Mapping[str, Kinds], optional: Mapping[str, Kinds] | None = None
) -> Mapping[str, Any]:
    """The dataset's `request` with exactly these keys, each of one of its kinds.

    Raises SourceError, one line that names the dataset and the key, for a key that is missing, unknown or
    of another kind.
    """
    kinds = {**required, **(optional or {})}
    for key in required:
        if key not in dataset.request:
            raise SourceError(f"dataset '{dataset.id}': request: '{key}' is missing in the catalogue")
    for key, value in dataset.request.items():
        if key not in kinds:
            raise SourceError(
                f"dataset '{dataset.id}': request: unknown key '{key}'; known keys are {', '.join(kinds)}"
            )
        if not isinstance(value, kinds[key]) or (isinstance(value, bool) and bool not in kinds[key]):
            words = " or ".join(_WORDS.get(one, one.__name__) for one in kinds[key])
            raise SourceError(
                f"dataset '{dataset.id}': request: '{key}' must be {words}, not {quoted(value)}"
            )
        if value in ("", [], {}):
            raise SourceError(f"dataset '{dataset.id}': request: '{key}' is empty")
    return dataset.request


def good_documents(
    dataset: Dataset, documents: Sequence[tuple[Document, bytes]], kind: DocumentKind = "data"
) -> list[tuple[Document, bytes]]:
    """The good answers of this kind that were kept for the dataset, oldest first."""
    good = [
        (document, body)
        for document, body in documents
        if document.dataset_id == dataset.id
        and document.kind == kind
        and document.status == 200
        and not document.error
    ]
    return sorted(good, key=lambda one: one[0].fetched_at)


def newest_document(
    dataset: Dataset, documents: Sequence[tuple[Document, bytes]], kind: DocumentKind, path_end: str
) -> tuple[Document, bytes]:
    """The newest good answer of this kind whose address has a path that ends so. Raises SourceError for none."""
    found = [
        one
        for one in good_documents(dataset, documents, kind)
        if urlsplit(one[0].url).path.endswith(path_end)
    ]
    if not found:
        raise SourceError(f"no good answer of {path_end} among those kept; fetch it again")
    return found[-1]


@contextmanager
def named(dataset: Dataset) -> Iterator[None]:
    """A context whose SourceErrors begin with the dataset they are about; an AnswerError stays one.

    They may quote what a source sent: here nothing that is not printable gets on, nor more than LONGEST_ERROR.
    """
    try:
        yield
    except SourceError as error:
        said = str(error)
        text = printable(said if len(said) <= LONGEST_ERROR else f"{said[:LONGEST_ERROR]}…")
        if not text.startswith(dataset.id) and f"'{dataset.id}'" not in text:
            text = f"{dataset.id}: {text}"
        if text == said:
            raise
        if isinstance(error, AnswerError):
            raise AnswerError(text, error.answer) from error
        raise SourceError(text) from error


def json_of(body: bytes, what: str) -> Any:
    """The JSON document in `body`; `what` names it in the SourceError raised where it is none, or nested too deep."""
    try:
        document = orjson.loads(body)
        orjson.dumps(document)  # refuses what is nested deeper than 254, at which Python itself is in trouble
    except orjson.JSONDecodeError as error:
        raise SourceError(f"{what} is no JSON ({error}); fetch it again") from error
    except orjson.JSONEncodeError as error:
        raise SourceError(f"{what} is nested deeper than any answer is; look at it") from error
    return document


def finnish_day(moment: datetime) -> date:
    """The day in Finland at `moment` (aware)."""
    return moment.astimezone(_FINLAND).date()
