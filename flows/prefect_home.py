"""Prefect's own settings for our runs; to be applied before anything imports Prefect."""

from __future__ import annotations

from collections.abc import MutableMapping
from pathlib import Path


def apply_prefect_settings(environ: MutableMapping[str, str], home: Path) -> None:
    """Sets, where the environment does not say otherwise, what our runs need of Prefect.

    Its files lie under `home`/prefect; nothing is sent to the outside; a temporary server is quiet when it stops.
    """
    folder = home / "prefect"
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in {
        "PREFECT_HOME": str(folder),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "PREFECT_SERVER_UI_V2_ENABLED": "false",  # version 2 asks an outside host on every page
        "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",  # a temporary server logs its own cancellation as errors
        "PREFECT_LOGGING_LEVEL": "INFO",  # what the interface shows of a run
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",  # the command line prints the ledger instead
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "90",
        "GX_ANALYTICS_ENABLED": "false",
    }.items():
        environ.setdefault(name, value)
