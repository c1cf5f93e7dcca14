"""pg_dump and pg_restore: finding those that fit the server, and running them without showing a password."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

import psycopg
from psycopg.conninfo import make_conninfo
from sqlalchemy import Connection

from models.errors import ConfigurationError
from warehouse.errors import WarehouseError

# Where Debian and Red Hat put the programs of each version beside those on the PATH.
_ELSEWHERE = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin")
_PIECE = 1 << 20
# pg_restore of this version and later sets transaction_timeout, which servers before it refuse; and older programs
# cannot read what later ones dumped. So a dump by one of these, of an older server, could not be restored to it.
_TIMEOUT_SINCE = 17


def dump(connection: Connection, tables: Iterable[str]) -> Iterator[bytes]:
    """What pg_dump writes of the tables, in its custom form, as they are in the connection's transaction.

    The transaction must be one of warehouse.engine.reading. Owners and rights are left out: they belong to a server.
    Raises ConfigurationError where no pg_dump fits the server, WarehouseError where it fails.
    """
    program = _program("pg_dump", connection)
    snapshot = connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one()
    schema = connection.exec_driver_sql("SELECT current_schema()").scalar_one()
    chosen = [f'--table="{schema}"."{name}"' for name in tables]
    options = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}", *chosen]
    with (
        tempfile.TemporaryFile() as told,
        _started(program, options, connection, stdout=subprocess.PIPE, stderr=told) as process,
    ):
        assert process.stdout is not None  # noqa: S101
        try:
            while piece := process.stdout.read(_PIECE):
                yield piece
        except BaseException:
            process.kill()
            raise
        _check_end(process, program, told)


def restore_dump(connection: Connection, pieces: Iterable[bytes]) -> None:
    """Gives pg_restore what pg_dump wrote; it is done in one transaction of its own. Raises as `dump` does."""
    program = _program("pg_restore", connection)
    options = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"]
    with (
        tempfile.TemporaryFile() as told,
        _started(program, options, connection, stdin=subprocess.PIPE, stderr=told) as process,
    ):
        assert process.stdin is not None  # noqa: S101
        try:
            with suppress(BrokenPipeError), process.stdin as stdin:  # it has ended, and says why
                for piece in pieces:
                    stdin.write(piece)
        except BaseException:
            process.kill()
            raise
        _check_end(process, program, told)


def _started(
    program: str,
    options: list[str],
    connection: Connection,
    *,
    stderr: IO[bytes],
    stdin: int | None = None,
    stdout: int | None = None,
) -> subprocess.Popen[bytes]:
    url = connection.engine.url
    # Only what was given: what the driver's own library adds, an older program may not know.
    given = {name: ",".join(one) if isinstance(one, tuple) else one for name, one in url.query.items()}
    given |= url.translate_connect_args(username="user", database="dbname")
    password = str(given.pop("password", ""))
    environ = {**os.environ, "LC_ALL": "C", **({"PGPASSWORD": password} if password else {})}
    command = [program, *options, "--no-password", f"--dbname={make_conninfo(**given)}"]
    return subprocess.Popen(command, env=environ, stdin=stdin, stdout=stdout, stderr=stderr)  # noqa: S603


def _check_end(process: subprocess.Popen[bytes], program: str, told: IO[bytes]) -> None:
    if process.wait() == 0:
        return
    told.seek(0)
    lines = [line for line in told.read().decode(errors="replace").splitlines() if line.strip()]
    reason = next(
        (line for line in lines if "error:" in line), lines[0] if lines else f"exit code {process.returncode}"
    )
    raise WarehouseError(f"{Path(program).name} failed: {reason.strip()}; nothing was made")


def _program(name: str, connection: Connection) -> str:
    """The program of the server's own version, else the oldest newer one that works with it; older ones never do."""
    server = _driver(connection).info.server_version // 10_000
    places = [path for pattern in _ELSEWHERE for path in Path("/").glob(pattern[1:])]
    tried = [shutil.which(name), *(shutil.which(name, path=str(one)) for one in places)]
    versions = {_version(one): one for one in reversed(tried) if one is not None}
    fitting = [one for one in versions if server <= one and not server < _TIMEOUT_SINCE <= one]
    if fitting:
        return versions[min(fitting)]
    if versions:
        raise ConfigurationError(
            f"{name} is of PostgreSQL {max(versions)} and the server is of {server}; install PostgreSQL's client "
            f"programs of version {server} (Debian: postgresql-client-{server}) or put them first on the PATH"
        )
    raise ConfigurationError(
        f"there is no {name} on this machine; install PostgreSQL's client programs (Debian: "
        f"postgresql-client-{server}) or put them on the PATH"
    )


def _version(program: str) -> int:
    """The major version of a program; 0 where it does not say."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    found = re.search(r"\(PostgreSQL\) (\d+)", said.stdout)
    return int(found[1]) if found else 0


def _driver(connection: Connection) -> psycopg.Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101
    return driver
