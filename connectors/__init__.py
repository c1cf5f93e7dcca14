"""Bytes in, source frame out. One polite session, the protocols and formats, and a module a provider.

`http` and `limiter` ask, `pxweb` speaks the protocol, `jsonstat` and `pxjson` read the formats, and
`statfin` is the first provider. Nothing here renames, merges or rounds; nothing here knows the warehouse or
the gates. A provider's module has `config`, `release`, `fetch` and `read`; SOURCES finds it by the source's
short name.
"""

from collections.abc import Mapping
from types import ModuleType

from connectors import statfin

SOURCES: Mapping[str, ModuleType] = {"statfin": statfin}

__all__ = ["SOURCES"]
