"""`python -m flows.offline prefect server start`: Prefect's server, without a call to the outside by it or its pages.

Three things of Prefect's own cannot be switched off by settings: the pages load logos of blocks from two hosts; version
2 of the pages, to which the first invites, asks a third one on every page; and the server asks for a list of
collections when somebody opens the page of work pools. So the browser is forbidden all other hosts by a header,
version 2 is left out unless PREFECT_SERVER_UI_V2_ENABLED asks for it, and the list is the copy that lies in the
package. All three hang on names inside Prefect: its version is pinned, and a test opens the pages with the network cut.
"""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send


def policy(api_url: str) -> str:
    """The Content-Security-Policy of the interface: everything from its own host, `api_url` may be elsewhere.

    The pages need inline styles and scripts that are made while they run; neither is what this guards against.
    """
    parts = urlsplit(api_url)
    elsewhere = (
        f" {parts.scheme}://{parts.netloc} ws{parts.scheme[4:]}://{parts.netloc}" if parts.netloc else ""
    )
    return "; ".join(
        (
            "default-src 'self'",
            "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "worker-src 'self' blob:",
            f"connect-src 'self'{elsewhere}",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'self'",
        )
    )


class Header:
    """Adds the policy to every answer of an ASGI application, and that links tell nobody where they stand."""

    def __init__(self, app: ASGIApp, said: str) -> None:
        self._app = app
        self._headers = [
            (b"content-security-policy", said.encode()),
            (b"referrer-policy", b"same-origin"),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on; the header is added where an answer begins."""

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *self._headers]
            await send(message)

        await self._app(scope, receive, sent if scope["type"] == "http" else send)


async def packaged_view(view: str) -> dict[str, Any]:
    """One of the lists of collections as Prefect's package holds it. Raises KeyError for one it does not hold."""
    from prefect.server.api import collections

    names = {name: f"{name}.json" for name in collections.KNOWN_VIEWS}
    path = Path(str(collections.__file__)).parent / "collections_data" / "views" / names[view]
    if not path.is_file():
        raise KeyError(view)
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def stay_inside() -> None:
    """Makes the server that this process starts answer from itself alone."""
    import prefect
    from prefect.server.api import collections, server
    from prefect.settings import PREFECT_UI_API_URL, get_current_settings

    made: Callable[..., Any] = server.create_app

    def create_app(*args: Any, **kwargs: Any) -> Any:
        app = made(*args, **kwargs)
        if all(one.cls is not Header for one in app.user_middleware):
            app.add_middleware(Header, said=policy(PREFECT_UI_API_URL.value() or ""))
        return app

    server.create_app = create_app
    collections.get_collection_view = packaged_view
    if not get_current_settings().server.ui.v2_enabled:
        prefect.__ui_v2_static_path__ = Path(prefect.__file__).parent / "left out"


def main() -> None:
    """Runs the module named first on the command line as the main program, with the other arguments."""
    stay_inside()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
