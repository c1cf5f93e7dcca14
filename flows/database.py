"""What `mittaristo db` does beside the upgrade: roles, backup and restore, the move to PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.engine import URL

from flows.commands import out
from flows.pipeline import VERSION, utc_now
from flows.settings import Settings, read_settings
from models.errors import ConfigurationError
from warehouse.access import grant_reader, grant_writer
from warehouse.backup import back_up
from warehouse.engine import open_engine, open_existing
from warehouse.home import check_home, open_home
from warehouse.move import move
from warehouse.restore import restore
from warehouse.views import DASHBOARDS

_NAMED = 3  # missing documents that are named; of more only the number is said


def give_access(environ: Mapping[str, str], role: str, *, writes: bool, password_file: str) -> None:
    """`mittaristo db grant-reader` and `grant-writer`: the role made where it is missing, and what it may do set."""
    password = _password(password_file) if password_file else None
    with _disposed(open_existing(read_settings(environ).warehouse_url)) as engine:
        granted = (grant_writer if writes else grant_reader)(engine, role, password)
        may = (
            "adds and changes rows, and no tables"
            if writes
            else f"reads the {len(DASHBOARDS)} views dashboard_* and nothing else"
        )
        out(f"role {role}: {'made' if granted.made else 'was there'}; it {may}")
        for statement in granted.statements:
            out(f"  {statement}")
        if password is None:
            out(
                f"no password was given, and it has the one it had or none: set one in psql with \\password {role}, or "
                "run this again with --password-file"
            )
        at = engine.url
        address = URL.create("postgresql", role, None, at.host, at.port, at.database, at.query)
        out(f"connect with {address.render_as_string()}")


def make_backup(environ: Mapping[str, str], file: str, *, with_raw: bool, overwrite: bool) -> int:
    """`mittaristo db backup`: warehouse and raw store in one file; 1 where the raw store is not whole, else 0."""
    settings = read_settings(environ)
    path = Path(file)
    check_home(settings.home)
    done = back_up(
        settings.warehouse_url,
        path,
        raw=_raw(settings) if with_raw else None,
        program=VERSION,
        made_at=utc_now(),
        overwrite=overwrite,
    )
    kept = f"{done.documents} documents of the raw store" if with_raw else "without the raw store"
    out(f"backup: {path}, {path.stat().st_size / 1e6:.1f} MB: {done.tables} tables, {done.rows} rows; {kept}")
    if not done.missing:
        return 0
    named = ", ".join(done.missing[:_NAMED]) + (", ..." if len(done.missing) > _NAMED else "")
    out(
        f"the raw store is not whole: the bytes of {len(done.missing)} documents are damaged or missing, and not in "
        f"the backup ({named}); take them from an earlier backup"
    )
    return 1


def restore_backup(environ: Mapping[str, str], file: str, *, with_raw: bool) -> None:
    """`mittaristo db restore`: a backup into an empty database and an empty raw store."""
    settings = read_settings(environ)
    open_home(settings.home)
    done = restore(settings.warehouse_url, Path(file), raw=_raw(settings) if with_raw else None)
    kept = f"{done.documents} documents of the raw store" if with_raw else "the raw store left as it is"
    out(
        f"restored the backup of {done.made_at:%Y-%m-%d %H:%M} UTC: {done.tables} tables, {done.rows} rows, "
        f"identical by checksum; {kept}"
    )
    if not settings.warehouse_url.startswith("sqlite"):
        out("a backup holds no roles: run mittaristo db grant-reader and grant-writer for those there are")


def move_warehouse(environ: Mapping[str, str], url: str) -> None:
    """`mittaristo db move`: the SQLite warehouse of the settings into the empty PostgreSQL database at `url`."""
    with _disposed(open_existing(read_settings(environ).warehouse_url)) as source:
        try:
            opened = open_engine(url)
        except ConfigurationError as error:
            raise ConfigurationError(str(error).replace("MITTARISTO_DATABASE_URL", "the address")) from error
        with _disposed(opened) as target:
            moved = move(source, target)
            out(f"moved {len(moved.rows)} tables, {sum(moved.rows.values())} rows, identical by checksum")
            if moved.left:
                out(f"not moved, since they are not the warehouse's: {', '.join(moved.left)}")
            address = target.url.set(drivername="postgresql").render_as_string(hide_password=True)
            out(
                f"now set MITTARISTO_DATABASE_URL={address} (the password may be in .pgpass), then start again"
            )
            out(f"{source.url.database} is as it was; the home folder and its raw store stay where they are")


@contextmanager
def _disposed(engine: Engine) -> Iterator[Engine]:
    try:
        yield engine
    finally:
        engine.dispose()


def _raw(settings: Settings) -> Path:
    return settings.home / "raw"


def _password(file: str) -> str:
    """The one line of a file. Raises ConfigurationError, which does not show it."""
    try:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no text in UTF-8"
        raise ConfigurationError(f"--password-file {file} cannot be read: {reason}") from error
    if len(lines) != 1 or not lines[0]:
        raise ConfigurationError(
            f"--password-file {file} must hold the password in one line, and nothing else"
        )
    return lines[0]
