"""A source that speaks PxWeb version 1: what is asked of it, in which order, and how its kept answers are read.

Known quirks, seen in 2026: an error has an HTML page or a plain text; 403 means too many cells; an answer's order
is the table's, not the query's; `updated` is the release time (the table list's stamp is not).
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import prod
from typing import Any

import numpy as np
import pandas as pd

from connectors import pxweb
from connectors.asked import named
from connectors.cells import categorical, code_dtype, quoted
from connectors.http import AnswerError, Http
from connectors.jsonstat import read_jsonstat
from connectors.pxjson import read_pxjson
from models.area import Area
from models.dataset import Dataset
from models.document import Document, DocumentKind
from models.errors import SourceError
from models.proposal import TableLook
from models.reading import Reading
from models.recode import KnownCodes, on_trial
from models.resolution import Overrides, Resolution
from models.table import SourceTable, TableMeta

# The catalogue finds things by their Finnish texts.
LANGUAGE, SWEDISH, ENGLISH = LANGUAGES = ("fi", "sv", "en")
LOOK_CELLS = 5_000  # of the newest figures looked at for a proposal
SMALLEST_SPLIT_CELLS = 500  # a query this small that is refused was not refused for its size

log = logging.getLogger("mittaristo.pxweb")


class TableGoneError(SourceError):
    """The source knows the table no more, and names no one table that took its place."""


@dataclass(frozen=True)
class PxWebSource:
    """One service: the source's short name, the database of its tables, and the limits it has where it tells none."""

    name: str
    database: str
    default_limits: pxweb.Limits

    def config(self, base_url: str, http: Http) -> pxweb.Limits:
        """The server's limits, in one call, itself within those last used with it, else self.default_limits."""
        url = pxweb.config_url(base_url, LANGUAGE)
        answer = http.send(
            source=self.name,
            dataset_id="",
            kind="config",
            method="GET",
            url=url,
            limits=http.known_limits(url) or self.default_limits.rate,
        )
        return pxweb.read_config(answer.body)

    def release(
        self,
        dataset: Dataset,
        base_url: str,
        http: Http,
        limits: pxweb.Limits,
        release_query: bytes,
        table: str | None = None,
    ) -> datetime | None:
        """When the dataset's table was last released (aware UTC), by one small call of `release_query`.

        `table` is the table that answered last (KnownCodes.table), where that may not be the catalogue's. None
        where it must be fetched to know: the answer bears no date, or the table no longer knows the codes of the
        query.
        """
        asked = _address(dataset, table)
        try:
            body = self._send(dataset, "release", asked, base_url, http, limits, release_query)
        except AnswerError as error:
            if error.status != 400:
                raise
            log.info("%s: the codes of the release check are no longer known; it is fetched anew", dataset.id)
            return None
        with named(dataset):
            answered = read_jsonstat(body)
            _check_table(answered, asked)
        return answered.updated

    def fetch(
        self,
        dataset: Dataset,
        areas: Sequence[Area],
        base_url: str,
        http: Http,
        limits: pxweb.Limits,
        overrides: Overrides | None = None,
        known: KnownCodes | None = None,
    ) -> Resolution:
        """Ask for the metadata and every part of the data; all answers go to the session's `keep`.

        `overrides` are the codes accepted for our keys, `known` the codes at the last good collection: with it
        the table that answered then is asked, and where keys are missing the codes proposed for them are asked
        too (see models.recode.on_trial). A table that the source does not know (400) is looked for once in the
        list of its subject. A part that is refused as too large in spite of the limits is split, and so are those
        after it, down to SMALLEST_SPLIT_CELLS. Raises SourceError (AnswerError, ResolutionError, TableGoneError)
        where anything is not to be had.
        """
        resolution, queries = self.plan(dataset, areas, base_url, http, limits, overrides, known)
        table, waiting = resolution.table, deque(queries)
        largest = limits.max_cells
        while waiting:
            query = waiting.popleft()
            if (size := pxweb.cells(query)) > largest:
                waiting.extendleft(reversed(pxweb.split(query, largest)))
                continue
            try:
                self._send(dataset, "data", table, base_url, http, limits, query.body)
            except AnswerError as error:
                if error.status != 403 or size <= SMALLEST_SPLIT_CELLS:
                    raise
                largest = (size + 1) // 2
                log.info("%s: %d cells refused; asking %d at a time", dataset.id, size, largest)
                waiting.appendleft(query)
        return resolution

    def plan(
        self,
        dataset: Dataset,
        areas: Sequence[Area],
        base_url: str,
        http: Http,
        limits: pxweb.Limits,
        overrides: Overrides | None = None,
        known: KnownCodes | None = None,
    ) -> tuple[Resolution, list[pxweb.Query]]:
        """What `fetch` would ask for: asks for the table's description alone. Raises SourceError as `fetch` does."""
        table, body = self._description(dataset, base_url, http, limits, known)
        with named(dataset):
            meta = pxweb.read_metadata(body, table)
        resolution = on_trial(known, dataset, meta, areas, overrides)
        with named(dataset):
            return resolution, pxweb.plan(resolution, limits)

    def table_url(self, base_url: str, table: str) -> str:
        """The address at which `table` is asked."""
        return pxweb.table_url(base_url, LANGUAGE, self.database, table)

    def read(
        self,
        dataset: Dataset,
        areas: Sequence[Area],
        documents: Sequence[tuple[Document, bytes]],
        overrides: Overrides | None = None,
        known: KnownCodes | None = None,
    ) -> Reading:
        """The dataset as its kept documents tell it; pure, used live and in replay.

        Taken are the newest good metadata document and the good data documents asked of the same table after it,
        the newest where they overlap. Each must be for this dataset and have just the codes its request asked;
        together they must have every cell of the resolution (with `overrides` and `known`, as in `fetch`). Cells
        beyond it (kept when the catalogue asked more, or proposed codes when read without `known`) are left in.
        Raises SourceError, one line.
        """
        with named(dataset):
            good = [
                (document, body)
                for document, body in documents
                if document.dataset_id == dataset.id and document.status == 200 and not document.error
            ]
            described = [one for one in good if one[0].kind == "metadata"]
            if not described:
                raise SourceError("no good metadata among the kept answers; fetch it again")
            described_by, meta_body = max(described, key=lambda one: one[0].asked_at)
            table = pxweb.table_of(described_by.url)
            meta = pxweb.read_metadata(meta_body, table)
        resolution = on_trial(known, dataset, meta, areas, overrides)
        with named(dataset):
            parts = _parts(
                [
                    (document, body)
                    for document, body in good
                    if document.kind == "data"
                    and document.asked_at >= described_by.asked_at
                    and pxweb.table_of(document.url) == table
                ],
                pxweb.selections(resolution),
            )
            joined = _joined([_read_part(part, table) for part in parts], meta)
        return Reading(meta=meta, resolution=resolution, table=joined)

    def release_query(self, reading: Reading) -> bytes:
        """The body of the small query that tells of the next release."""
        return pxweb.release_query(reading.resolution)

    def describe(
        self,
        dataset: Dataset,
        base_url: str,
        http: Http,
        limits: pxweb.Limits,
        known: KnownCodes | None = None,
    ) -> TableMeta:
        """The description of the table that answers for the dataset. Raises SourceError."""
        table, body = self._description(dataset, base_url, http, limits, known)
        with named(dataset):
            return pxweb.read_metadata(body, table)

    def look(self, table: str, base_url: str, http: Http, limits: pxweb.Limits) -> TableLook:
        """What a table that is in no catalogue says of itself in three languages, and its newest figures, in 5 calls.

        `table` is <subject>/<table>. Raises SourceError.
        """
        described = {language: self._in(language, table, base_url, http, limits) for language in LANGUAGES}
        metas = {language: pxweb.read_metadata(body, table) for language, body in described.items()}
        query = pxweb.newest_query(metas[LANGUAGE], LOOK_CELLS)
        figures = {
            language: read_jsonstat(self._in(language, table, base_url, http, limits, query))
            for language in (LANGUAGE, ENGLISH)
        }
        return TableLook(
            source=self.name,
            finnish=metas[LANGUAGE],
            swedish=metas[SWEDISH],
            english=metas[ENGLISH],
            figures=figures[LANGUAGE],
            figures_english=figures[ENGLISH],
        )

    def _in(
        self,
        language: str,
        table: str,
        base_url: str,
        http: Http,
        limits: pxweb.Limits,
        body: bytes = b"",
    ) -> bytes:
        return http.send(
            source=self.name,
            dataset_id="",
            kind="data" if body else "metadata",
            method="POST" if body else "GET",
            url=pxweb.table_url(base_url, language, self.database, table),
            body=body,
            limits=limits.rate,
        ).body

    def _description(
        self, dataset: Dataset, base_url: str, http: Http, limits: pxweb.Limits, known: KnownCodes | None
    ) -> tuple[str, bytes]:
        """The table that answers for the dataset, and its metadata."""
        asked = _address(dataset, known.table if known is not None else None)
        try:
            return asked, self._send(dataset, "metadata", asked, base_url, http, limits)
        except AnswerError as error:
            if error.status != 400:
                raise
        moved = self._moved(dataset, asked, base_url, http, limits)
        log.info("%s: the source does not know %s; it answers as %s now", dataset.id, asked, moved)
        return moved, self._send(dataset, "metadata", moved, base_url, http, limits)

    def _moved(self, dataset: Dataset, asked: str, base_url: str, http: Http, limits: pxweb.Limits) -> str:
        """The one table of the subject's list that is the dataset's under another name."""
        subject = dataset.table.rpartition("/")[0]
        with named(dataset):
            url = pxweb.listing_url(base_url, LANGUAGE, self.database, subject)
        try:
            answer = http.send(
                source=self.name,
                dataset_id=dataset.id,
                kind="listing",
                method="GET",
                url=url,
                limits=limits.rate,
            )
        except AnswerError as error:
            if error.status != 400:
                raise
            raise TableGoneError(
                f"{dataset.id}: the source knows neither the table {asked} nor its subject {subject}; it may have "
                "been discontinued: look for it on the source's pages and correct the catalogue"
            ) from error
        with named(dataset):
            listed = pxweb.read_listing(answer.body, subject)
        found = [
            (table, text)
            for table, text in listed.items()
            if table != asked and pxweb.is_table(table, text, dataset.table)
        ]
        if len(found) == 1:
            return found[0][0]
        unknown = f"{dataset.id}: the source does not know the table {asked}"
        if found:
            which = ", ".join(f"{table} ({quoted(text, 60)})" for table, text in found)
            raise SourceError(
                f"{unknown}; several tables of {subject} may be it: {which}; look at them on the source's pages "
                "and write the right one into the catalogue"
            )
        if asked in listed:
            raise SourceError(
                f"{unknown}, though the list of {subject} still has it; run again later, and if it stays so look for "
                "the table on the source's pages"
            )
        raise TableGoneError(
            f"{unknown}; none of the {len(listed)} tables of {subject} bears its id; it may have been discontinued: "
            "look for it on the source's pages and correct the catalogue"
        )

    def _send(
        self,
        dataset: Dataset,
        kind: DocumentKind,
        table: str,
        base_url: str,
        http: Http,
        limits: pxweb.Limits,
        body: bytes = b"",
    ) -> bytes:
        answer = http.send(
            source=self.name,
            dataset_id=dataset.id,
            kind=kind,
            method="POST" if body else "GET",
            url=self.table_url(base_url, table),
            body=body,
            limits=limits.rate,
        )
        return answer.body


def _address(dataset: Dataset, answered: str | None) -> str:
    """The table to ask: the one that answered last, where it is the catalogue's under another name."""
    same = (
        answered is not None
        and answered.rpartition("/")[0] == dataset.table.rpartition("/")[0]
        and pxweb.short_id(answered) == pxweb.short_id(dataset.table)
    )
    return answered if same and answered is not None else dataset.table


@dataclass(frozen=True)
class _Part:
    """A kept data answer and what was asked for it."""

    document: Document
    body: bytes
    asked: Mapping[str, tuple[str, ...]]
    form: str


def _parts(documents: Sequence[tuple[Document, bytes]], wanted: Mapping[str, tuple[str, ...]]) -> list[_Part]:
    """The parts that together have every cell of `wanted`, none twice, oldest first."""
    chosen: list[_Part] = []
    other_variables = 0
    for document, body in sorted(documents, key=lambda one: one[0].fetched_at, reverse=True):
        asked, form = pxweb.read_query(document.request_body)
        if asked.keys() != wanted.keys():
            other_variables += 1
        elif not any(_overlap(asked, part.asked) for part in chosen):
            chosen.append(_Part(document, body, asked, form))
    covered = sum(
        prod(len(set(values) & set(part.asked[code])) for code, values in wanted.items()) for part in chosen
    )
    total = prod(map(len, wanted.values()))
    if covered != total:
        others = (
            f", {other_variables} asked other variables than the catalogue does now"
            if other_variables
            else ""
        )
        raise SourceError(
            f"the kept answers have {covered} of the {total} cells wanted"
            f" ({len(documents)} good data answers{others}); fetch it again"
        )
    return chosen[::-1]


def _overlap(one: Mapping[str, tuple[str, ...]], other: Mapping[str, tuple[str, ...]]) -> bool:
    return all(not set(values).isdisjoint(other[code]) for code, values in one.items())


def _read_part(part: _Part, asked: str) -> SourceTable:
    """The part as a table, checked to be what was asked."""
    readers = {"json-stat2": read_jsonstat, "json": read_pxjson}
    if part.form not in readers:
        raise SourceError(f"a kept answer was asked as {quoted(part.form)}, which is not read")
    table = readers[part.form](part.body)
    _check_table(table, asked)
    if set(table.dimensions) != set(part.asked):
        raise SourceError(
            f"the answer is not what was asked: it has the variables {', '.join(table.dimensions)}"
            f" instead of {', '.join(part.asked)}"
        )
    for code, values in part.asked.items():
        answered = set(table.frame[code].cat.categories)
        if answered != set(values):
            lacking, beyond = set(values) - answered, answered - set(values)
            what = " and ".join(
                f"{how} {', '.join(map(quoted, sorted(some)[:3]))}"
                + (f" and {len(some) - 3} more" if len(some) > 3 else "")
                for how, some in (("lacks", lacking), ("has unasked", beyond))
                if some
            )
            raise SourceError(f"the answer is not what was asked: variable {quoted(code)} {what}")
    if len(table.frame) != (expected := prod(map(len, part.asked.values()))):
        raise SourceError(f"the answer is not what was asked: {len(table.frame)} cells instead of {expected}")
    return table


def _check_table(table: SourceTable, asked: str) -> None:
    """Refuse an answer that bears the id of another table than was asked, long or short."""
    expected = asked.rpartition("/")[2]
    known = {expected.lower(), pxweb.short_id(asked).lower()}
    if table.table_id and table.table_id.lower() not in known:
        raise SourceError(
            f"the answer is of table {quoted(table.table_id)}, not {quoted(expected)}; check the base address"
        )


def _joined(tables: Sequence[SourceTable], meta: TableMeta) -> SourceTable:
    """The parts as one table, their categories in the order of the metadata."""
    stamps = {str(table.updated) for table in tables}
    if len(stamps) > 1:
        raise SourceError(
            f"a release came while the parts were fetched (updated {' and '.join(sorted(stamps))}); run again"
        )
    first = tables[0]
    described = {variable.code: variable for variable in meta.variables}
    columns: dict[str, Any] = {}
    labels: dict[str, Mapping[str, str]] = {}
    for code in first.dimensions:
        texts = (
            dict(zip(described[code].values, described[code].texts, strict=True)) if code in described else {}
        )
        for table in tables:
            texts |= table.labels[code]
        columns[code], labels[code] = _joined_column([table.frame[code] for table in tables], texts)
    columns["value"] = np.concatenate([table.frame["value"].to_numpy() for table in tables])
    symbols = sorted({symbol for table in tables for symbol in table.frame["symbol"].cat.categories})
    columns["symbol"], _ = _joined_column(
        [table.frame["symbol"] for table in tables], dict.fromkeys(symbols, "")
    )
    return replace(
        first,
        frame=pd.DataFrame(columns, copy=False),
        labels=labels,
        dimension_texts={
            code: described[code].text if code in described else text
            for code, text in first.dimension_texts.items()
        },
        units={code: unit for table in tables for code, unit in table.units.items()},
    )


def _joined_column(
    columns: Sequence[pd.Series[Any]], texts: Mapping[str, str]
) -> tuple[pd.Categorical, Mapping[str, str]]:
    """The categorical columns one after the other, categories in the order of `texts`; and their texts."""
    present = {code for column in columns for code in column.cat.categories}
    categories = [*(code for code in texts if code in present), *sorted(present - texts.keys())]
    place = {code: position for position, code in enumerate(categories)}
    dtype = code_dtype(len(categories))
    codes = np.concatenate(
        [
            np.array([place[code] for code in column.cat.categories], dtype=dtype)[
                column.cat.codes.to_numpy()
            ]
            for column in columns
        ]
    )
    return categorical(codes, categories), {code: texts.get(code, code) for code in categories}
