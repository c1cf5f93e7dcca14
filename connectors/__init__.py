"""Bytes in, source frame out. One polite session, the protocols and formats, and a module a provider.

`http` and `limiter` ask, `pxweb` speaks the protocol, `jsonstat` and `pxjson` read the formats, and
`statfin` is the first provider. Nothing here renames, merges or rounds; nothing here knows the warehouse or
the gates. A provider's module has `config`, `release`, `fetch` and `read`; SOURCES finds it by the source's
short name. `classifications` is the one source whose dataset is no figures but the division of areas: it has no
`release`, and its `fetch` and `read` are of their own kind.
"""

from collections.abc import Mapping
from types import ModuleType

from connectors import classifications, statfin

SOURCES: Mapping[str, ModuleType] = {"statfin": statfin, "classifications": classifications}

__all__ = ["SOURCES"]
