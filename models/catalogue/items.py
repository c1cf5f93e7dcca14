"""YAML files as plain items that know their file and line; nothing in a file is ever executed."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from models.errors import printable

Kind = Literal["text", "integer", "number", "flag", "nothing", "date", "list", "mapping"]

# Bounds against files that unfold without end: anchors within anchors, or an anchor that contains itself.
DEEPEST = 30
MOST_ITEMS = 200_000
LARGEST_FILE = 4_000_000  # bytes; the whole catalogue of one city is a tenth of it

_TAG = "tag:yaml.org,2002:"
_KINDS: Mapping[str, Kind] = {
    "str": "text",
    "int": "integer",
    "float": "number",
    "bool": "flag",
    "null": "nothing",
    "timestamp": "date",
}
_INSTEAD = {
    "integer": "a number",
    "number": "a number",
    "flag": "true or false",
    "nothing": "empty",
    "date": "a date",
    "list": "a list",
    "mapping": "a set of keys",
    "text": "text",
}


@dataclass(frozen=True, order=True)
class Place:
    """Where something stands: the file as people know it, and the line."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong, as one line for a person. `loses`: something could not be read and is not known of."""

    place: Place
    text: str
    loses: bool = False

    def __str__(self) -> str:
        return printable(f"{self.place}: {self.text}")


@dataclass(frozen=True)
class Item:
    """One value of a YAML file. An entry of a mapping stands at the line of its key, others at their own."""

    kind: Kind
    place: Place
    raw: str = ""  # a scalar as written
    value: str | int | float | bool | None = None
    entries: Mapping[str, Item] = field(default_factory=dict)
    elements: tuple[Item, ...] = ()

    @property
    def instead(self) -> str:
        """What stands here, for messages that wanted something else."""
        return _INSTEAD[self.kind]

    def plain(self) -> Any:
        """The value with nothing but dict, list, str, int, float, bool and None in it."""
        if self.kind == "mapping":
            return {key: item.plain() for key, item in self.entries.items()}
        if self.kind == "list":
            return [item.plain() for item in self.elements]
        return self.value


def read_items(path: Path, name: str, problems: list[Problem]) -> Item | None:
    """The file at `path`, called `name` in messages; None where it cannot be read (see `problems`)."""

    def wrong(line: int, text: str) -> None:
        problems.append(Problem(Place(name, line), text, loses=True))

    try:
        if path.stat().st_size > LARGEST_FILE:
            wrong(1, f"the file is larger than {LARGEST_FILE} bytes; split it")
            return None
        data = path.read_bytes()
    except OSError as error:
        wrong(1, f"the file cannot be read: {error.strerror}")
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        wrong(line, f"the file is not UTF-8 (byte {error.start}); save it as UTF-8")
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # an anchor given twice is only warned of
            node = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(str(error.problem or error.context).split())
        wrong(mark.line + 1 if mark else 1, f"this is not YAML: {what}")
        return None
    except RecursionError:
        wrong(1, "the file is nested too deeply")
        return None
    except Exception as error:  # ruamel.yaml lets many kinds escape on broken input (seen 2026-11, 0.19.1)
        wrong(1, f"this is not YAML: {' '.join(str(error).split())[:200] or type(error).__name__}")
        return None
    if node is None:
        wrong(1, "the file is empty")
        return None
    conversion = _Conversion(name, problems)
    item = conversion.item(node, 0, None)
    return None if conversion.endless else item


class _Conversion:
    """One file's nodes as items, bounded in depth and number."""

    def __init__(self, name: str, problems: list[Problem]) -> None:
        self.name = name
        self.problems = problems
        self.left = MOST_ITEMS
        self.endless = False

    def wrong(self, place: Place, text: str, *, loses: bool = True) -> None:
        self.problems.append(Problem(place, text, loses))

    def item(self, node: Any, depth: int, place: Place | None) -> Item | None:
        """The item of `node`; None where it is nothing we take."""
        own = Place(self.name, node.start_mark.line + 1)
        place = place or own
        self.left -= 1
        if self.endless:
            return None
        if depth > DEEPEST or self.left < 0:
            self.endless = True
            self.wrong(own, "the file is nested too deeply, or an anchor (&) contains itself")
            return None
        tag = str(node.tag)
        if isinstance(node, ScalarNode):
            return self.scalar(node, tag.removeprefix(_TAG), place)
        if isinstance(node, SequenceNode) and tag == _TAG + "seq":
            found = [self.item(child, depth + 1, None) for child in node.value]
            return Item("list", place, elements=tuple(one for one in found if one is not None))
        if isinstance(node, MappingNode) and tag == _TAG + "map":
            return Item("mapping", place, entries=self.entries(node, depth))
        self.wrong(own, f"the tag '{tag}' is not allowed: plain YAML only")
        return None

    def entries(self, node: MappingNode, depth: int) -> dict[str, Item]:
        found: dict[str, Item] = {}
        first: dict[str, int] = {}
        for key_node, value_node in node.value:
            place = Place(self.name, key_node.start_mark.line + 1)
            key = self.item(key_node, depth + 1, None)
            if key is None:
                continue
            if key.kind != "text":
                hint = f"; write it in quotes: '{key.raw}'" if key.raw else ""
                self.wrong(place, f"a key must be text, not {key.instead}{hint}")
                continue
            name = str(key.value)
            if name in first:
                self.wrong(place, f"the key '{name}' stands twice; first in line {first[name]}", loses=False)
                continue
            first[name] = place.line
            value = self.item(value_node, depth + 1, place)
            if value is not None:
                found[name] = value
        return found

    def scalar(self, node: ScalarNode, tag: str, place: Place) -> Item | None:
        raw = str(node.value)
        kind = _KINDS.get(tag)
        value: str | int | float | bool | None = raw
        try:
            raw.encode()
            match kind:
                case "integer":
                    value = int(raw, 0) if raw.lstrip("+-")[:2].lower() in ("0x", "0o") else int(raw)
                case "number":
                    value = float(raw)
                    if not math.isfinite(value):
                        raise ValueError
                case "flag":
                    value = raw.lower() == "true"
                case "nothing":
                    value = None
                case None:
                    self.wrong(place, f"the tag '{node.tag}' is not allowed: plain YAML only")
                    return None
        except UnicodeEncodeError:
            self.wrong(place, "the text has half a character (a lone surrogate) in it")
            return None
        except ValueError:
            self.wrong(place, f"'{raw[:40]}' is no number that can be used here")
            return None
        return Item(kind, place, raw=raw, value=value)
