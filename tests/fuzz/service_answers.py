"""What each source's stand-in answers to one whole collection, and the collection again with one answer changed.

No socket is opened: `Answers` stands where the http session does, and asks the stand-in's services directly.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from connectors import SOURCES, borders, classifications
from connectors.http import AnswerError
from connectors.kuntatalous import RunLimits
from demo import answers as pxweb_answers
from demo import borders as borders_service
from demo import classifications as classifications_service
from demo import (
    digitraffic_rail,
    eurostat,
    kuntatalous,
    prh_ytj,
    ryhti,
    sotkanet,
    traficom_broadband,
    vayla,
    vipunen,
)
from demo.sample import load_sample
from demo.service import Asked, Service, Told, told
from models.area import Area
from models.catalogue import load_catalogue
from models.dataset import Dataset
from models.document import Answer, as_documents
from models.errors import SourceError

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
BASE = "http://service.test"
HEADERS = {"user-agent": "mittaristo/test", "accept-encoding": "gzip", "digitraffic-user": "mittaristo"}
MOST_CALLS = 1000  # of one collection; an answer that is believed without end asks for more and more pages

_MADE_UP = {
    "eurostat": eurostat.synthetic,
    "prh_ytj": prh_ytj.synthetic,
    "vipunen": vipunen.synthetic,
    "traficom_broadband": traficom_broadband.synthetic,
    "digitraffic_rail": digitraffic_rail.synthetic,
    "ryhti": ryhti.synthetic,
    "vayla": vayla.synthetic,
}
_REAL: Mapping[str, Callable[[], Service]] = {
    "kuntatalous": kuntatalous.sample,
    "sotkanet": sotkanet.sample,
    "borders": borders_service.sample,
}


class EndlessError(Exception):
    """More calls than any collection has: what was answered made the connector ask without end."""


@dataclass
class PxWeb:
    """StatFin's sample tables."""

    path: str = "PXWeb/api/v1"

    def answer(self, asked: Asked) -> Told:
        """Metadata or figures of a table."""
        names = "/".join(asked.path)
        for table in _tables().values():
            if names.endswith(f"{table.subject}/{table.file_name}"):
                if asked.method == "GET":
                    return told(pxweb_answers.metadata(table))
                try:
                    body = pxweb_answers.data(table, asked.body, max_cells=120_000)
                except (pxweb_answers.BadRequestError, pxweb_answers.TooManyCellsError):
                    return told({"error": "Bad Request"}, 400)
                return Told(200, "application/json", body)
        return told({"error": "Not found"}, 404)


@dataclass
class Classifications:
    """The packaged division."""

    path: str = "api/classifications/v2"

    def answer(self, asked: Asked) -> Told:
        """A part of the division."""
        status, document = classifications_service.answer(
            classifications_service.packaged(), asked.path, asked.query, asked.url
        )
        return told(document, status.value)


@cache
def _tables() -> Mapping[str, Any]:
    return load_sample()


@cache
def service(source: str) -> Service:
    """The stand-in's service of a source."""
    if source == "statfin":
        return PxWeb()
    if source == classifications.SOURCE:
        return Classifications()
    return _REAL[source]() if source in _REAL else _MADE_UP[source](load_catalogue())


@dataclass
class Answers:
    """In the place of the session: the answers of a service, one of them changed; `kept` as a store would have them."""

    source: str
    changed: int | None = None  # which call gets `body`
    body: bytes = b""
    kept: list[Answer] = field(default_factory=list)
    calls: list[int | None] = field(default_factory=list)  # of each that is kept: its call, if it was one
    raw: list[bytes] = field(default_factory=list)  # every body before anything was left out of it
    known: dict[tuple[str, bytes], Told] = field(default_factory=dict)

    @property
    def base_url(self) -> str:
        """Where the service stands."""
        return f"{BASE}/{service(self.source).path}"

    def now(self) -> datetime:
        """A moment that does not move."""
        return NOW

    def keep(self, answer: Answer) -> None:
        """Keep it."""
        self.kept.append(answer)
        self.calls.append(None)

    def send(
        self,
        *,
        source: str,
        dataset_id: str,
        kind: Any,
        method: str,
        url: str,
        body: bytes = b"",
        limits: object,
        accept: object = (),
        max_bytes: int = 0,
        headers: Mapping[str, str] | None = None,
        reduce: Callable[[bytes], bytes] | None = None,
    ) -> Answer:
        """The answer, as the session gives it. Raises AnswerError where it is a bad one."""
        number = len(self.raw)
        if number >= MOST_CALLS:
            raise EndlessError(f"{number} calls; the last one was {url[:200]}")
        given = self._told(method, url, body)
        came = self.body if number == self.changed else given.body
        self.raw.append(came)
        answer = Answer(
            source, dataset_id, kind, method, url, body, given.status, given.content_type, came, NOW, NOW
        )
        if given.status != 200:
            answer = replace(answer, error=f"{given.status}")
        elif reduce is not None:
            try:
                answer = replace(answer, body=reduce(came))
            except SourceError as error:
                answer = replace(answer, body=b"", error=str(error))
        self.kept.append(answer)
        self.calls.append(number)
        if answer.error:
            raise AnswerError(f"{method} {url[:500]} answered {answer.error}", answer)
        return answer

    def _told(self, method: str, url: str, body: bytes) -> Told:
        if (url, body) not in self.known:
            parts = urlsplit(url)
            own = service(self.source).path.split("/")
            names = [unquote(one) for one in parts.path.split("/") if one]
            query = parse_qs(parts.query, keep_blank_values=True)
            given = service(self.source).answer(
                Asked(method, tuple(names[len(own) :]), query, body, HEADERS, self.base_url)
            )
            if given.headers.get("Content-Encoding") == "gzip":
                given = replace(given, body=gzip.decompress(given.body))
            self.known[url, body] = given
        return self.known[url, body]


@dataclass(frozen=True)
class Asking:
    """One kind of call of a collection: its number among the calls, None where it was made of another's answer."""

    name: str
    call: int | None
    kept: int  # its number among what was kept


@dataclass(frozen=True)
class Collection:
    """One collection as it is when all is well, of a dataset, or of divisions or borders (None), which are none."""

    source: str
    dataset: Dataset | None
    known: Mapping[tuple[str, bytes], Told]
    raw: Sequence[bytes]  # every body as the service gave it
    kept: Sequence[Answer]
    askings: Sequence[Asking]  # the first call of every kind

    def seeds(self, asking: Asking) -> tuple[bytes, ...]:
        """The body as it came, and as it was kept."""
        came = () if asking.call is None else (self.raw[asking.call],)
        return tuple(dict.fromkeys((*came, self.kept[asking.kept].body)))

    def collect(self, asking: Asking, body: bytes) -> object:
        """The whole collection with `body` as one answer, as a run does it. Raises SourceError."""
        answers = Answers(self.source, asking.call, body, known=dict(self.known))
        _fetch(self.source, self.dataset, answers)
        return _read(self.source, self.dataset, answers.kept)

    def read_again(self, asking: Asking, body: bytes) -> object:
        """What was kept, `body` in the place of one answer, as a replay reads it. Raises SourceError."""
        kept = list(self.kept)
        kept[asking.kept] = replace(kept[asking.kept], body=body)
        return _read(self.source, self.dataset, kept)


def _fetch(source: str, dataset: Dataset | None, answers: Any) -> None:
    if source == classifications.SOURCE:
        classifications.fetch(2026, answers.base_url, answers)
    elif source == borders.SOURCE:
        borders.fetch(2026, answers.base_url, answers)
    else:
        assert dataset is not None
        limits = RunLimits(100_000, 1000, 1.0)  # of one run, whose listing it remembers
        SOURCES[source].fetch(dataset, _areas(dataset), answers.base_url, answers, limits)


def _read(source: str, dataset: Dataset | None, kept: Sequence[Answer]) -> object:
    documents = as_documents(kept)
    if dataset is None:
        return (
            classifications.read(documents) if source == classifications.SOURCE else borders.read(documents)
        )
    return SOURCES[source].read(dataset, _areas(dataset), documents)


def _areas(dataset: Dataset) -> Sequence[Area]:
    areas = load_catalogue().areas_for(dataset)
    if dataset.source == "prh_ytj":  # as few towns as show that there may be several
        return [area for area in areas if area.code in ("KU205", "KU765")]
    return areas


@cache
def collection(source: str, dataset_id: str = "") -> Collection:
    """The collection of a dataset from the stand-in, all well."""
    dataset = load_catalogue().datasets[dataset_id] if dataset_id else None
    answers = Answers(source)
    _fetch(source, dataset, answers)
    _read(source, dataset, answers.kept)
    askings: dict[str, Asking] = {}
    for place, answer in enumerate(answers.kept):
        name = _short(answer)
        askings.setdefault(name, Asking(name, answers.calls[place], place))
    return Collection(
        source, dataset, answers.known, tuple(answers.raw), tuple(answers.kept), tuple(askings.values())
    )


def _short(answer: Answer) -> str:
    """What a call asks, without what varies from call to call."""
    parts = urlsplit(answer.url)
    asked = parse_qs(parts.query).get("request", [""])[0]
    path = re.sub(r"[0-9]+[-0-9A-Z]*", "0", unquote(parts.path)).rstrip("/")
    words = [one for one in re.split(r"[^a-zA-Z0-9_]+", path) if one][-2:]
    return "-".join([*words, *([asked] if asked else []), answer.kind])
