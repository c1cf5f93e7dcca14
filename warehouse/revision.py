"""Revisions of the schema: those the program knows, the one a database is at, and bringing tables to one of them."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from models.errors import ConfigurationError

_MIGRATIONS = Path(__file__).parent / "migrations"


def known_revisions() -> tuple[str, ...]:
    """The revisions that this program can bring to its own, oldest first; the last one is its own."""
    steps = ScriptDirectory.from_config(_config()).walk_revisions()
    return tuple(reversed([one.revision for one in steps]))


def revision_of(connection: Connection) -> str:
    """The revision the database is at; '' where it holds no warehouse."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")


def check_revision(revision: str, what: str) -> None:
    """Raises ConfigurationError where `what` is at a revision that this program does not know."""
    known = known_revisions()
    if revision not in known:
        raise ConfigurationError(
            f"{what} was made by a newer mittaristo (schema {revision}, this program knows up to {known[-1]}); "
            "update the program"
        )


def migrate(connection: Connection, revision: str) -> None:
    """Brings the tables up to `revision`, without views, in the caller's transaction, which is left open."""
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config
