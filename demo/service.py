"""What a service other than StatFin is to the stand-in: where it stands, and what it answers to a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import orjson

JSON = "application/json; charset=utf-8"


@dataclass(frozen=True)
class Asked:
    """One call. `path` has the unquoted names that follow the service's own path, `query` what stands after `?`.

    `headers` have their names in small letters. `url` is the base address of the service, without a slash at its end.
    """

    method: str
    path: tuple[str, ...]
    query: Mapping[str, Sequence[str]]
    body: bytes
    headers: Mapping[str, str]
    url: str

    def one(self, name: str) -> str:
        """The first value of the parameter `name`, '' where it is not given."""
        return self.query.get(name, [""])[0]


@dataclass(frozen=True)
class Told:
    """One answer."""

    status: int
    content_type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Service(Protocol):
    """A service of the stand-in. What it answers from may be changed while it runs."""

    @property
    def path(self) -> str:
        """Where it stands on the stand-in, and where its base address ends: rest/1.1, without slashes at the ends."""

    def answer(self, asked: Asked) -> Told:
        """What the real service would answer in good health. Called by several threads."""


def told(document: object, status: int = 200) -> Told:
    """`document` as JSON."""
    return Told(status, JSON, orjson.dumps(document))
