"""`mittaristo replay` and `mittaristo backfill`: the warehouse from the raw store, and the source asked again."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Engine

from connectors import CONNECTED
from flows.adopt import rehearse
from flows.answers import LOCK as FORMS_LOCK
from flows.collect import finish_interrupted
from flows.commands import collect_through_prefect, out, print_ledger
from flows.compare import indicator_differences
from flows.pipeline import Pipeline, kept_scope, open_pipeline
from flows.replay import past_of, replay
from flows.settings import read_settings
from models.errors import ConfigurationError
from models.ledger import GREEN
from models.period import PeriodError, parse_period
from warehouse.catalogue import newest_version
from warehouse.engine import open_engine, reading, upgrade, writing
from warehouse.lock import hold

REPLAYED = "replayed.db"


def replay_raw_store(environ: Mapping[str, str], into: str) -> int:
    """Rebuilds a warehouse from the raw store; 0 where it is identical to the one in use, else 1.

    Where the catalogue (or the program) is not the one in use, it also says what the figures will be under it.
    """
    settings = read_settings(environ)
    with open_pipeline(settings) as source:
        url = into or f"sqlite:///{_fresh(settings.home / REPLAYED, source.engine)}"
        engine = _opened(url, into)
        try:
            with reading(engine) as connection:
                if newest_version(connection) is not None:
                    raise ConfigurationError(
                        "--into names a database that holds a warehouse already; give an empty one"
                    )
            with ExitStack() as locks:
                for name in (FORMS_LOCK, *(f"collect {one}" for one in CONNECTED)):
                    lock = hold(source.engine, name, "replay", wait_seconds=60, lease_seconds=900)
                    locks.enter_context(lock)
                for name in CONNECTED:
                    finish_interrupted(source, name)
                past = past_of(source)
            outcome = replay(past, replace(source, engine=engine))
            out(f"{outcome.events} events replayed in {outcome.seconds:.1f} s into {_shown(url)}")
            for table in sorted(outcome.before.keys() | outcome.after.keys()):
                same = outcome.before.get(table) == outcome.after.get(table)
                out(
                    f"  {table:<18} {outcome.after.get(table, '-')[:16]} {'identical' if same else 'DIFFERENT'}"
                )
            if outcome.different:
                with reading(source.engine) as here, reading(engine) as there:
                    for line in indicator_differences(here, there):
                        out(line)
                out(f"the replayed warehouse differs in {', '.join(outcome.different)}")
            else:
                out("the replayed warehouse is identical to the one in use")
            _look_ahead(replace(source, engine=engine))
            return 1 if outcome.different else 0
        finally:
            engine.dispose()


def _opened(url: str, into: str) -> Engine:
    """The database to rebuild into, with its tables. Raises ConfigurationError that names --into where it was given."""
    try:
        engine = open_engine(url)
        try:
            upgrade(engine)
        except BaseException:
            engine.dispose()
            raise
    except ConfigurationError as error:
        text = str(error)
        raise ConfigurationError(
            text.replace("MITTARISTO_DATABASE_URL", "--into") if into else text
        ) from error
    return engine


def _look_ahead(replayed: Pipeline) -> None:
    """Says what changes once the settings' catalogue and this program are taken into use; the warehouse stays."""
    with reading(replayed.engine) as before, writing(replayed.engine) as connection:
        ahead = connection.begin_nested()
        if newest_version(connection) is not None and rehearse(connection, replayed, kept_scope(connection)):
            lines = indicator_differences(before, connection, there="then")
            out("the catalogue or the program has changed; the next run takes it into use")
            for line in lines or ["what is kept gives the same figures under it"]:
                out(f"  {line}")
        ahead.rollback()


def ask_again(environ: MutableMapping[str, str], source: str, from_period: str) -> int:
    """`mittaristo backfill`: asks a source again for everything, on purpose; exit code as of `run`."""
    if source not in CONNECTED:
        raise ConfigurationError(f"source '{source}' has no connector; connected are {', '.join(CONNECTED)}")
    if from_period:
        try:
            parse_period(from_period)
        except PeriodError as error:
            raise ConfigurationError(f"--from '{from_period}': {error}") from error
        raise ConfigurationError(f"source '{source}' always answers with all its periods; leave --from out")
    rows = collect_through_prefect(environ, {source: ()}, force=True, scope=None)
    print_ledger(rows)
    return 0 if rows and all(row.state in GREEN for row in rows) else 1


def _fresh(path: Path, in_use: Engine) -> Path:
    """`path` without the files that an earlier replay left there. Raises ConfigurationError where it is in use."""
    if in_use.url.database and path.exists() and Path(in_use.url.database).resolve() == path.resolve():
        raise ConfigurationError(
            f"{path} is the warehouse in use and is not replaced; name an empty database with --into"
        )
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    return path


def _shown(url: str) -> str:
    head, _, tail = url.rpartition("@")
    return f"{head.split('://')[0]}://...@{tail}" if head else url
