"""Settings: the environment (and a `.env` file), read once at the top and handed down as arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flows.env_file import env_file
from models.errors import ConfigurationError, printable

PREFIX = "MITTARISTO_"
_SMTP = ("SMTP_HOST", "SMTP_PORT", "SMTP_USER", "SMTP_PASSWORD", "SMTP_FROM", "SMTP_TO")
_KNOWN = (
    "HOME",
    "DATABASE_URL",
    "PROGRAMME",
    "CONTACT",
    "DOTENV",
    "NOTIFY_URL",
    *_SMTP,
    "METRICS_FILE",
    "SYNTHETIC",
)
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
    synthetic: bool = False  # whether the figures asked for are made up

    @property
    def warehouse_url(self) -> str:
        """The database's URL: as set, else SQLite `mittaristo.db` under the home folder."""
        return self.database_url or f"sqlite:///{self.home / 'mittaristo.db'}"


def read_settings(environ: Mapping[str, str], dotenv: Path | None = Path(".env")) -> Settings:
    """The settings of `environ`, which goes before the file `dotenv` (or the one MITTARISTO_DOTENV names).

    Raises ConfigurationError in one line.
    """
    values: dict[str, str] = {}
    if dotenv is not None:
        values.update({name: text or "" for name, text in env_file(environ, dotenv).items()})
    values.update(environ)
    ours = {name.removeprefix(PREFIX): text for name, text in values.items() if name.startswith(PREFIX)}
    urls: dict[str, str] = {}
    for name, text in ours.items():
        if name not in ("SMTP_FROM", "SMTP_TO") and any(ord(one) < 32 for one in name + text.strip()):
            raise ConfigurationError(
                f"{PREFIX}{printable(name[:80])} has a control character in its name or value; write it in one line"
            )
        found = _URL.match(name)
        if found is not None:
            urls[found[1].lower()] = _checked_url(name, text)
        elif name not in _KNOWN:
            known = ", ".join(PREFIX + one for one in (*_KNOWN, "URL_<SOURCE>"))
            raise ConfigurationError(f"{PREFIX}{printable(name[:80])}: unknown setting; known are {known}")
        elif not text.strip():
            raise ConfigurationError(f"{PREFIX}{name} is empty; give it a value or leave it out")
    return Settings(
        home=(_path(ours, "HOME") or Path("var")).absolute(),
        database_url=ours.get("DATABASE_URL", ""),
        programme=_path(ours, "PROGRAMME"),
        contact=ours.get("CONTACT", ""),
        urls=urls,
        notify_url=_notify_url(ours["NOTIFY_URL"].strip()) if "NOTIFY_URL" in ours else "",
        metrics_file=_metrics_file(ours),
        synthetic=_is_yes(ours, "SYNTHETIC"),
        **_smtp(ours),
    )


def _path(ours: Mapping[str, str], name: str) -> Path | None:
    if name not in ours:
        return None
    if ours[name].startswith("~"):
        raise ConfigurationError(
            f"{PREFIX}{name} begins with ~, which only a shell replaces; write the whole path"
        )
    return Path(ours[name])


def _is_yes(ours: Mapping[str, str], name: str) -> bool:
    if (said := ours.get(name, "no").strip()) not in ("yes", "no"):
        raise ConfigurationError(f"{PREFIX}{name}: '{printable(said[:80])}' is neither yes nor no")
    return said == "yes"


def _metrics_file(ours: Mapping[str, str]) -> Path | None:
    path = _path(ours, "METRICS_FILE")
    if path is None:
        return None
    if path.suffix != ".prom":
        raise ConfigurationError(
            f"{PREFIX}METRICS_FILE: '{printable(path.name[:80])}' would not be read; node_exporter's textfile "
            "collector reads files whose name ends in .prom"
        )
    return path.absolute()


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
    if not (re.fullmatch(r"[0-9]{1,5}", port) and 1 <= int(port) <= 65535):
        raise ConfigurationError(
            f"{PREFIX}SMTP_PORT: '{printable(port[:20])}' is no port; give a number from 1 to 65535"
        )
    recipients = tuple(one.strip() for one in ours["SMTP_TO"].split(","))
    for name, address in (
        ("SMTP_FROM", ours["SMTP_FROM"].strip()),
        *(("SMTP_TO", one) for one in recipients),
    ):
        if not _MAIL.fullmatch(address):
            raise ConfigurationError(
                f"{PREFIX}{name}: {address[:80]!r} is no mail address; give e.g. data@example.org"
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
            f"{PREFIX}{printable(name[:80])}: '{printable(text[:200])}' is no http(s) address; give e.g. "
            "https://host/PXWeb/api/v1"
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
