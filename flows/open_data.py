"""`mittaristo export`: the warehouse as a folder of open data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from flows.commands import out
from flows.pipeline import open_pipeline
from flows.settings import read_settings
from models.errors import ConfigurationError, MittaristoError
from warehouse.engine import reading
from warehouse.export_dcat import contact_node
from warehouse.exports import FORMATS, Exported, Format, build_export, refuse_what_is_not_ours
from warehouse.lock import hold

LOCK_WAIT_SECONDS = 60.0
LOCK_LEASE_SECONDS = 3600.0


def export_open_data(environ: Mapping[str, str], folder: str, formats: Sequence[str], base_url: str) -> None:
    """Writes the export and says what is in it, and what a person should know before publishing it.

    `folder` is export under the home folder where it is ''; no `formats` means all of them.
    """
    settings = read_settings(environ)
    wanted = _formats(formats)
    base_url = _base_url(base_url)
    target = Path(folder).absolute() if folder else settings.home / "export"
    refuse_what_is_not_ours(target)
    contact = settings.contact if contact_node(settings.contact) else ""
    with (
        open_pipeline(settings) as pipeline,
        hold(
            pipeline.engine,
            "export",
            f"an export to {target}",
            wait_seconds=LOCK_WAIT_SECONDS,
            lease_seconds=LOCK_LEASE_SECONDS,
        ),
        reading(pipeline.engine) as connection,
    ):
        try:
            made = build_export(
                connection, pipeline.catalogue, target, formats=wanted, base_url=base_url, contact=contact
            )
        except OSError as error:
            where = f" ({error.filename})" if error.filename else ""
            raise MittaristoError(
                f"the export to {target} cannot be written{where}: {error.strerror or error}; "
                "what was exported before is as it was; make room or choose a folder that may be written"
            ) from error
    _say(made, target, contact)


def _formats(names: Sequence[str]) -> tuple[Format, ...]:
    for name in names:
        if name not in FORMATS:
            raise ConfigurationError(
                f"--format '{name}' is not known; give {', '.join(FORMATS)}, or leave it out for all of them"
            )
    return tuple(one for one in FORMATS if one in names or not names)


def _base_url(address: str) -> str:
    if not address:
        return ""
    try:
        parts = urlsplit(address)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None
    except ValueError:
        good = False
    if not good or parts.query or parts.fragment or set(address) & set(' "<>\\^`{|}'):
        raise ConfigurationError(
            "--base-url is no http(s) address of a folder; give where the export will be found, "
            "e.g. https://data.example.org/mittaristo/"
        )
    return address.rstrip("/") + "/"


def _say(made: Exported, target: Path, contact: str) -> None:
    for name, rows in made.rows.items():
        out(f"  {name}: {rows} rows")
    out(f"  indicators with figures: {made.indicators}")
    if made.is_synthetic:
        out("made-up figures: the export says so, and is not for publication")
    if made.withheld:
        out(
            f"not exported, for want of a licence in the catalogue: figures and answers of {', '.join(made.withheld)}"
        )
    if made.unconfirmed:
        out(
            f"licence still to be checked by the catalogue's own word: {', '.join(made.unconfirmed)}; "
            "check it before publishing"
        )
    if contact:
        out(f"contact point in dcat.jsonld: {contact} (MITTARISTO_CONTACT)")
    else:
        out("no contact point in dcat.jsonld: MITTARISTO_CONTACT is no mail address and no page")
    out(f"export: {target} ({made.files} files, {made.bytes / 1e6:.1f} MB)")
