"""Settings: the environment (and a `.env` file), read once at the top and handed down as arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dotenv import dotenv_values

from models.errors import ConfigurationError

PREFIX = "MITTARISTO_"
_SMTP = ("SMTP_HOST", "SMTP_PORT", "SMTP_USER", "SMTP_PASSWORD", "SMTP_FROM", "SMTP_TO")
_KNOWN = ("HOME", "DATABASE_URL", "PROGRAMME", "CONTACT", "DOTENV", "NOTIFY_URL", *_SMTP, "METRICS_FILE")
_URL = re.compile(r"^URL_([A-Z0-9_]+)$")
_MAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+")


@dataclass(frozen=True)
class Settings:
    """What the environment says. `urls` maps source id → base address that replaces the catalogue's.

    Alarms go to the webhook `notify_url` and by mail through `smtp_host`, each where it is not ''.
    """

    home: Path = Path("var")
    database_url: str = field(default="", repr=False)  # may hold a password
    programme: Path | None = None
    contact: str = ""
    urls: Mapping[str, str] = field(default_factory=dict)
    notify_url: str = field(default="", repr=False)
    smtp_host: str = ""
    smtp_port: int = 25
    smtp_user: str = ""
    smtp_password: str = field(default="", repr=False)
    smtp_from: str = ""
    smtp_to: tuple[str, ...] = ()
    metrics_file: Path | None = None

    @property
    def warehouse_url(self) -> str:
        """The database's URL: as set, else SQLite `mittaristo.db` under the home folder."""
        return self.database_url or f"sqlite:///{self.home / 'mittaristo.db'}"


def read_settings(environ: Mapping[str, str], dotenv: Path | None = Path(".env")) -> Settings:
    """The settings of `environ`, which goes before the file `dotenv` (or the one MITTARISTO_DOTENV names).

    Raises ConfigurationError in one line.
    """
    values: dict[str, str] = {}
    if dotenv is not None and PREFIX + "DOTENV" in environ:
        dotenv = Path(environ[PREFIX + "DOTENV"])
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
        notify_url=_notify_url(ours["NOTIFY_URL"].strip()) if "NOTIFY_URL" in ours else "",
        metrics_file=Path(ours["METRICS_FILE"]).absolute() if "METRICS_FILE" in ours else None,
        **_smtp(ours),
    )


def _smtp(ours: Mapping[str, str]) -> dict[str, Any]:
    """The settings of mail, checked together; {} where there are none."""
    given = [name for name in _SMTP if name in ours]
    if not given:
        return {}
    for name in ("SMTP_HOST", "SMTP_FROM", "SMTP_TO"):
        if name not in ours:
            raise ConfigurationError(
                f"{PREFIX}{name} is missing; mail needs it beside {PREFIX}{given[0]}, or leave both out"
            )
    for one, other in (("SMTP_USER", "SMTP_PASSWORD"), ("SMTP_PASSWORD", "SMTP_USER")):
        if one in ours and other not in ours:
            raise ConfigurationError(f"{PREFIX}{other} is missing; {PREFIX}{one} needs it, or leave both out")
    port = ours.get("SMTP_PORT", "25").strip()
    if not (port.isascii() and port.isdecimal() and 1 <= int(port) <= 65535):
        raise ConfigurationError(f"{PREFIX}SMTP_PORT: '{port}' is no port; give a number from 1 to 65535")
    recipients = tuple(one.strip() for one in ours["SMTP_TO"].split(","))
    for name, address in (
        ("SMTP_FROM", ours["SMTP_FROM"].strip()),
        *(("SMTP_TO", one) for one in recipients),
    ):
        if not _MAIL.fullmatch(address):
            raise ConfigurationError(
                f"{PREFIX}{name}: {address!r} is no mail address; give e.g. data@example.org"
            )
    return {
        "smtp_host": ours["SMTP_HOST"].strip(),
        "smtp_port": int(port),
        "smtp_user": ours.get("SMTP_USER", ""),
        "smtp_password": ours.get("SMTP_PASSWORD", ""),
        "smtp_from": ours["SMTP_FROM"].strip(),
        "smtp_to": recipients,
    }


def _notify_url(text: str) -> str:
    """`text`, a webhook's address: its path may be a secret, so that errors do not show it."""
    if not _is_address(text):
        raise ConfigurationError(
            f"{PREFIX}NOTIFY_URL is no http(s) address; give e.g. https://host/path/of/the/webhook"
        )
    return _without_user("NOTIFY_URL", text)


def _checked_url(name: str, text: str) -> str:
    if not _is_address(text):
        raise ConfigurationError(
            f"{PREFIX}{name}: '{text}' is no http(s) address; give e.g. https://host/PXWeb/api/v1"
        )
    return _without_user(name, text).rstrip("/")


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not close, a port that is no number
        return False


def _without_user(name: str, text: str) -> str:
    parts = urlsplit(text)
    if parts.username or parts.password:
        raise ConfigurationError(f"{PREFIX}{name}: leave user name and password out of the address")
    return text
