"""Settings: the environment (and a `.env` file), read once at the top and handed down as arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values

from models.errors import ConfigurationError

PREFIX = "MITTARISTO_"
_KNOWN = ("HOME", "DATABASE_URL", "PROGRAMME", "CONTACT")
_URL = re.compile(r"^URL_([A-Z0-9_]+)$")


@dataclass(frozen=True)
class Settings:
    """What the environment says. `urls` maps source id → base address that replaces the catalogue's."""

    home: Path = Path("var")
    database_url: str = ""
    programme: Path | None = None
    contact: str = ""
    urls: Mapping[str, str] = field(default_factory=dict)

    @property
    def warehouse_url(self) -> str:
        """The database's URL: as set, else SQLite `mittaristo.db` under the home folder."""
        return self.database_url or f"sqlite:///{self.home / 'mittaristo.db'}"


def read_settings(environ: Mapping[str, str], dotenv: Path | None = Path(".env")) -> Settings:
    """The settings of `environ`, which goes before the file `dotenv`. Raises ConfigurationError in one line."""
    values: dict[str, str] = {}
    if dotenv is not None and dotenv.is_file():
        values.update({k: v for k, v in dotenv_values(dotenv).items() if v is not None})
    values.update(environ)
    ours = {name.removeprefix(PREFIX): text for name, text in values.items() if name.startswith(PREFIX)}
    urls: dict[str, str] = {}
    for name, text in ours.items():
        found = _URL.match(name)
        if found is not None:
            urls[found[1].lower()] = _checked_url(name, text)
        elif name not in _KNOWN:
            known = ", ".join(PREFIX + one for one in (*_KNOWN, "URL_<SOURCE>"))
            raise ConfigurationError(f"{PREFIX}{name}: unknown setting; known are {known}")
        elif not text.strip():
            raise ConfigurationError(f"{PREFIX}{name} is empty; give it a value or leave it out")
    programme = Path(ours["PROGRAMME"]) if "PROGRAMME" in ours else None
    return Settings(
        home=Path(ours.get("HOME", "var")).absolute(),
        database_url=ours.get("DATABASE_URL", ""),
        programme=programme,
        contact=ours.get("CONTACT", ""),
        urls=urls,
    )


def _checked_url(name: str, text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(
            f"{PREFIX}{name}: '{text}' is no http(s) address; give e.g. https://host/PXWeb/api/v1"
        )
    if parts.username or parts.password:
        raise ConfigurationError(f"{PREFIX}{name}: leave user name and password out of the address")
    return text.rstrip("/")
