"""Prefect's own history of runs under MITTARISTO_HOME: kept for a while, not for ever.

The server of `mittaristo up` clears it by itself (flows.prefect_home). The temporary server of `mittaristo run` never
does, Prefect leaves that out there; a home that cron collects into would grow for ever. So Prefect's own clearing is
done here after a run, once a day. How long runs are kept is Prefect's setting for both,
PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD, 90 days where it is not set. The ledger, the raw store and the
vintages are ours and are kept.
"""

from __future__ import annotations

import asyncio
import logging
import time

from prefect.settings import get_current_settings

EVERY_SECONDS = 24 * 3600.0
MARK = "history-cleared"  # its time is when that was last done

log = logging.getLogger("mittaristo.retention")


def forget_old_runs() -> bool:
    """Clears what is too old from the history of this process's temporary server; whether it was time to.

    Nothing is done where another server keeps the history. Never raises: a run that collected well must not end red
    because of it.
    """
    settings = get_current_settings()
    if settings.api.url is not None:
        return False
    mark = settings.home / MARK
    try:
        if mark.exists() and 0 <= time.time() - mark.stat().st_mtime < EVERY_SECONDS:
            return False
        asyncio.run(_clear())
        mark.touch()
    except Exception as error:
        log.warning("the history of old runs could not be cleared: %s", " ".join(str(error).split())[:300])
        return False
    return True


async def _clear() -> None:
    # Here: the server's parts take most of a second to import, and this happens once a day.
    from prefect.server.database import provide_database_interface
    from prefect.server.services.db_vacuum import (
        vacuum_old_events,
        vacuum_old_flow_runs,
        vacuum_orphaned_artifacts,
        vacuum_orphaned_logs,
        vacuum_stale_artifact_collections,
    )

    db = provide_database_interface()
    await vacuum_old_flow_runs(db=db)
    await vacuum_old_events(db=db)
    await vacuum_orphaned_logs(db=db)
    await vacuum_orphaned_artifacts(db=db)
    await vacuum_stale_artifact_collections(db=db)
    engine = await db.engine()
    await engine.dispose()
