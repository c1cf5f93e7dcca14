"""Taking typed values out of items, with every problem collected instead of raised."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from models.catalogue.items import Item, Place, Problem

Choice = TypeVar("Choice", bound=str)
_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.#-]|/(?=[A-Za-z0-9]))*")


@dataclass(frozen=True)
class Reference:
    """One mention of something that must be declared elsewhere: `what` names the mentioning entry."""

    place: Place
    what: str
    kind: str
    id: str


@dataclass
class Draft:
    """What is known while the files are read: problems, what was declared where, and what was referred to."""

    problems: list[Problem] = field(default_factory=list)
    declared: dict[str, dict[str, Place]] = field(default_factory=dict)
    references: list[Reference] = field(default_factory=list)

    def wrong(self, place: Place, text: str) -> None:
        """Note a problem."""
        self.problems.append(Problem(place, text))

    def declare(self, kind: str, id: str, place: Place) -> None:
        """Note that the `kind` (meter, dataset) called `id` stands at `place`; a second one is a problem.

        So is an id that could not be a part of a file's name: pages and forms are called after them.
        """
        if not _ID.fullmatch(id) or ("/" in id and kind != "dataset"):
            parts = " with / between its parts" if kind == "dataset" else ""
            self.wrong(place, f"{kind} {id!r}: an id has letters (a-z), digits and . _ - #{parts}")
        known = self.declared.setdefault(kind, {})
        if id in known:
            self.wrong(place, f"duplicate {kind} '{id}'; the first stands at {known[id]}")
        else:
            known[id] = place

    def place(self, kind: str, id: str) -> Place:
        """Where the `kind` called `id` was declared."""
        return self.declared[kind][id]


class Fields:
    """The entries of one mapping, taken one by one; `done` complains of those that nobody took.

    `what` names the entry in messages ("indicator 'population'"). After a problem the taking methods return
    an empty value, and `ok` is False: what was built from it must not be used.
    """

    def __init__(self, draft: Draft, item: Item, what: str, within: Fields | None = None) -> None:
        self.draft = draft
        self.within = within
        self.item = item
        self.what = what
        self.ok = True
        self.known: list[str] = []
        if item.kind != "mapping":
            self.wrong(item.place, f"must be a set of keys, not {item.instead}")

    def wrong(self, place: Place, text: str) -> None:
        """Note a problem of this entry, and of those it stands in."""
        entry: Fields | None = self
        while entry is not None:
            entry.ok = False
            entry = entry.within
        self.draft.wrong(place, f"{self.what}: {text}")

    def has(self, key: str) -> bool:
        """Whether the key is given at all."""
        return key in self.item.entries

    def take(self, key: str, *, required: bool = False) -> Item | None:
        """The item under `key`, whatever it is; None where it is not given or empty."""
        self.known.append(key)
        item = self.item.entries.get(key)
        if item is not None and item.kind == "nothing":
            if required:
                self.wrong(item.place, f"'{key}' is empty")
            return None
        if item is None and required and self.item.kind == "mapping":
            self.wrong(self.item.place, f"'{key}' is missing")
        return item

    def _text_of(self, key: str, item: Item) -> str:
        if item.kind == "text":
            text = str(item.value)
            if text.strip():
                return text
            self.wrong(item.place, f"'{key}' is empty")
        else:
            hint = f"; write it in quotes: '{item.raw}'" if item.raw else ""
            self.wrong(item.place, f"'{key}' must be text, not {item.instead}{hint}")
        return ""

    def text(self, key: str, *, required: bool = True) -> str:
        """Text that is not empty; '' where an optional one is not given."""
        item = self.take(key, required=required)
        return self._text_of(key, item) if item is not None else ""

    def both(self, key: str, *, required: bool = True) -> tuple[str, str]:
        """The texts `<key>_fi` and `<key>_en`: both or, where not required, neither."""
        required = required or self.has(key + "_fi") or self.has(key + "_en")
        return self.text(key + "_fi", required=required), self.text(key + "_en", required=required)

    def texts(self, key: str, *, required: bool = False) -> tuple[str, ...]:
        """A list of texts, none twice; a single text stands for a list of one."""
        return tuple(text for text, _ in self.placed_texts(key, required=required))

    def placed_texts(self, key: str, *, required: bool = False) -> tuple[tuple[str, Place], ...]:
        """The same with the place of each."""
        item = self.take(key, required=required)
        if item is None:
            return ()
        found: dict[str, Place] = {}
        for element in item.elements if item.kind == "list" else (item,):
            text = self._text_of(key, element)
            if text in found and text:
                self.wrong(element.place, f"'{key}' has '{text}' twice")
            found.setdefault(text, element.place)
        if required and not found:
            self.wrong(item.place, f"'{key}' is empty")
        return tuple(found.items())

    def refers(self, key: str, kind: str, *, required: bool = True) -> str:
        """The id of a declared `kind`; that it exists is checked when all files are read."""
        item = self.take(key, required=required)
        if item is None:
            return ""
        text = self._text_of(key, item)
        if text:
            self.draft.references.append(Reference(item.place, self.what, kind, text))
        return text

    def refers_to_all(self, key: str, kind: str, *, required: bool = False) -> tuple[str, ...]:
        """The ids of declared `kind`s."""
        found = self.placed_texts(key, required=required)
        self.draft.references.extend(Reference(place, self.what, kind, text) for text, place in found if text)
        return tuple(text for text, _ in found)

    def choice(self, key: str, among: Sequence[Choice], *, default: Choice | None = None) -> Choice:
        """One of the words `among`."""
        item = self.take(key, required=default is None)
        if item is None:
            return default if default is not None else among[0]
        return self._chosen(key, item, among)

    def choices(self, key: str, among: Sequence[Choice], *, required: bool = True) -> tuple[Choice, ...]:
        """A list of words `among`, none twice."""
        item = self.take(key, required=required)
        if item is None:
            return ()
        elements = item.elements if item.kind == "list" else (item,)
        if not elements:
            self.wrong(item.place, f"'{key}' is empty")
        found = tuple(self._chosen(key, element, among) for element in elements)
        if len(set(found)) < len(found):
            self.wrong(item.place, f"'{key}' has the same word twice")
        return found

    def _chosen(self, key: str, item: Item, among: Sequence[Choice]) -> Choice:
        text = self._text_of(key, item)
        for word in among:
            if word == text:
                return word
        if text:
            self.wrong(item.place, f"'{key}' is '{text}', which is none of {', '.join(among)}")
        return among[0]

    def integer(self, key: str, low: int, high: int) -> int:
        """A whole number from `low` to `high`."""
        item = self.take(key, required=True)
        if item is None:
            return low
        if item.kind != "integer" or not isinstance(item.value, int):
            self.wrong(item.place, f"'{key}' must be a whole number, not {item.instead}")
            return low
        if not low <= item.value <= high:
            self.wrong(item.place, f"'{key}' is {item.raw[:20]}, which is not between {low} and {high}")
            return low
        return item.value

    def number_of(self, key: str, item: Item) -> float | None:
        """The number an item holds; None where it is empty."""
        if item.kind == "nothing":
            return None
        if item.kind in ("integer", "number") and isinstance(item.value, int | float):
            try:
                return float(item.value)
            except OverflowError:
                pass
        self.wrong(item.place, f"'{key}' must be a number, not {item.instead}")
        return None

    def flag(self, key: str, *, required: bool = False) -> bool:
        """true or false; false where it is not given."""
        item = self.take(key, required=required)
        if item is None:
            return False
        if item.kind != "flag":
            self.wrong(item.place, f"'{key}' must be true or false, not {item.instead}")
        return item.value is True

    def entries(self, key: str, *, required: bool = False) -> Iterator[tuple[str, Item]]:
        """The entries of the mapping under `key`: name and item."""
        item = self.take(key, required=required)
        if item is None:
            return
        if item.kind != "mapping":
            self.wrong(item.place, f"'{key}' must be a set of keys, not {item.instead}")
            return
        if required and not item.entries:
            self.wrong(item.place, f"'{key}' is empty")
        yield from item.entries.items()

    def elements(self, key: str, *, required: bool = False) -> Iterator[Item]:
        """The elements of the list under `key`."""
        item = self.take(key, required=required)
        if item is None:
            return
        if item.kind != "list":
            self.wrong(item.place, f"'{key}' must be a list, not {item.instead}")
            return
        if required and not item.elements:
            self.wrong(item.place, f"'{key}' is empty")
        yield from item.elements

    def inner(self, item: Item, what: str) -> Fields:
        """The fields of an item within this entry."""
        return Fields(self.draft, item, f"{self.what}: {what}", self)

    def done(self) -> bool:
        """Complain of every key that was not taken. Whether the whole entry is without problems."""
        for key, item in self.item.entries.items():
            if key not in self.known:
                self.wrong(item.place, f"unknown key '{key}'; known keys are {', '.join(self.known)}")
        return self.ok
