"""Datasette shows the views dashboard_* and runs the queries of metadata.yaml, and nothing else of the warehouse.

A visitor cannot write SQL of his own: SQL reads every table, whatever the permissions of tables say. The charts of
datasette-dashboards send theirs from the browser; it runs only when it is, to the letter, one of the file's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from contextvars import ContextVar
from typing import Any
from urllib.parse import parse_qs

from datasette import hookimpl
from datasette.app import Datasette

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# Scripts and styles stand in Datasette's pages themselves, and the charts make code as they run. No other host is
# asked for anything, and answers by people, whatever they hold, cannot send anything anywhere.
HEADERS = {
    b"content-security-policy": (
        b"default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        b"img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
    ),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"same-origin",
}

_runs_known_sql: ContextVar[bool] = ContextVar("runs_known_sql", default=False)


@hookimpl
def permission_allowed(datasette: Datasette, action: str, resource: Any) -> bool | None:
    """Tables are closed, views of dashboards open; SQL runs for a request that brings none but known one."""
    if action == "view-table":
        return str(resource[1]).startswith("dashboard_")
    if action == "execute-sql":
        return _runs_known_sql.get()
    return None


@hookimpl
def asgi_wrapper(datasette: Datasette) -> Callable[[App], App]:
    """Looks at each request before Datasette does, and adds the headers to each answer."""

    def wrap(app: App) -> App:
        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            _runs_known_sql.set(scope["type"] == "http" and _brings_known_sql(datasette, scope))

            async def with_headers(message: MutableMapping[str, Any]) -> None:
                if message["type"] == "http.response.start":
                    message["headers"] = [*message.get("headers", ()), *HEADERS.items()]
                await send(message)

            await app(scope, receive, with_headers)

        return guarded

    return wrap


def _brings_known_sql(datasette: Datasette, scope: Scope) -> bool:
    """Whether the request is for a page of dashboards, or for the figures of one chart of theirs and no more."""
    path = scope["raw_path"].decode("latin-1").partition("?")[0]  # Datasette finds its pages by it
    if path == "/-/dashboards" or path.startswith("/-/dashboards/"):
        return True
    dashboards = datasette.plugin_config("datasette-dashboards") or {}
    known = {
        (f"/{chart['db']}{kind}", chart["query"])
        for dashboard in dashboards.values()
        for chart in dashboard["charts"].values()
        if "query" in chart
        for kind in ("", ".json", ".csv")
    }
    asked = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    if set(asked) - {"sql", "_shape", "_size"} or len(asked.get("sql", ())) != 1:
        return False
    return (path, asked["sql"][0]) in known
