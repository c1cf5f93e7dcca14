"""Prefect's own settings for our runs and our server; to be applied before anything imports Prefect."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from secrets import token_urlsafe
from time import monotonic, sleep

from flows.env_file import env_file
from models.errors import ConfigurationError, printable
from warehouse.home import private_folder
from warehouse.whole_file import write_new

LOCK_FILE = "up.lock"
PASSWORD_FILE = "prefect/server-auth"  # noqa: S105 - where it lies
_AUTH = re.compile(r"[!-9;-~]+:[!-~]+")  # user:password
_LOOPBACK, _PORT = "127.0.0.1", 4200


def apply_prefect_settings(environ: MutableMapping[str, str], home: Path) -> None:
    """Sets, where neither the environment nor `.env` says otherwise, what our runs need of Prefect.

    Its files lie under `home`/prefect; nothing is sent to the outside; a temporary server is quiet when it stops. Where
    `mittaristo up` runs on the same home, its server is used.
    """
    _read_env_file(environ)
    folder = home / "prefect"
    private_folder(folder)
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
    if "PREFECT_SERVER_API_AUTH_STRING" in environ:
        environ.setdefault("PREFECT_API_AUTH_STRING", environ["PREFECT_SERVER_API_AUTH_STRING"])
    running = running_server(home)
    if running:
        environ.setdefault("PREFECT_API_URL", running)
        if environ["PREFECT_API_URL"] == running and (made := kept_password(home)):
            environ.setdefault("PREFECT_API_AUTH_STRING", made)  # for that server alone


def apply_up_settings(environ: MutableMapping[str, str], home: Path) -> None:
    """The same for the server and the runner of `mittaristo up`, which are there to stay.

    Prefect would unpack its pages into its own package, which may be read-only and is shared by all homes.
    """
    _read_env_file(environ)
    private_folder(home / "prefect")
    pages = home / "prefect" / "ui"
    pages.mkdir(exist_ok=True)
    for name, value in {
        "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "INFO",  # goes to the runner's log
        "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",  # a wrong address must not start a hidden server
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(pages),
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
        "PREFECT_RUNNER_POLL_FREQUENCY": "5",
        # In memory (the default) a restart of the server would lose them, and runs of more than four minutes with them.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": '["events","flow_runs"]',
        "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": "7776000",  # 90 days; the ledger keeps runs for ever
    }.items():
        environ.setdefault(name, value)
    apply_prefect_settings(environ, home)


def ask_for_password(environ: MutableMapping[str, str], home: Path) -> Path | None:
    """Has a server of ours that others can reach ask for a password, also where nobody set one.

    It is made once and lies in the home folder, for its owner alone; its file is returned, where that one is used.
    Server and runner get it through their environment, which other users of the machine cannot see. Raises
    ConfigurationError.
    """
    host = environ.get("PREFECT_SERVER_API_HOST") or _LOOPBACK
    ours = not environ.get("PREFECT_API_URL")
    if not ours or _is_loopback(host) or environ.get("PREFECT_SERVER_API_AUTH_STRING"):
        return None
    path = home / PASSWORD_FILE
    private_folder(path.parent)
    try:
        write_new(path, f"mittaristo:{token_urlsafe(24)}\n".encode())
    except OSError as error:
        raise ConfigurationError(
            f"PREFECT_SERVER_API_HOST: a password for {host} cannot be kept in {path} ({error.strerror}); set "
            "PREFECT_SERVER_API_AUTH_STRING=user:password"
        ) from error
    environ["PREFECT_SERVER_API_AUTH_STRING"] = environ["PREFECT_API_AUTH_STRING"] = kept_password(home)
    return path


def kept_password(home: Path) -> str:
    """What ask_for_password made for the server of `home`; '' where it made nothing. Raises ConfigurationError."""
    path = home / PASSWORD_FILE
    try:
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError):
        text = ""
    if not _AUTH.fullmatch(text):
        raise ConfigurationError(
            f"{path} cannot be read, or holds no user:password; remove it, and the next start makes it anew"
        )
    if path.stat().st_mode & 0o077:
        raise ConfigurationError(
            f"{path} holds a password that others can read; remove it, and the next start makes another"
        )
    return text


def _read_env_file(environ: MutableMapping[str, str]) -> None:
    # Prefect would read it by itself, but after what we set in the environment.
    for name, text in env_file(environ).items():
        if name.startswith("PREFECT_") and text is not None:
            environ.setdefault(name, text)


@dataclass(frozen=True)
class Server:
    """Where the Prefect server is. `ours` is whether we are to run it; then `host` and `port` are what it binds."""

    ours: bool
    ui: str
    api: str
    host: str = ""
    port: int = 0


def server_to_use(environ: Mapping[str, str]) -> Server:
    """The server of PREFECT_API_URL, else one of ours as PREFECT_SERVER_API_HOST and _PORT say.

    One of ours that others can reach must ask for a password (see ask_for_password). Raises ConfigurationError.
    """
    given = environ.get("PREFECT_API_URL", "").rstrip("/")
    if given:
        if not given.startswith(("http://", "https://")):
            raise ConfigurationError(
                f"PREFECT_API_URL: '{given}' is no http(s) address; give e.g. http://host:4200/api"
            )
        return Server(ours=False, ui=given.removesuffix("/api"), api=given)
    host = environ.get("PREFECT_SERVER_API_HOST") or _LOOPBACK
    port_text = environ.get("PREFECT_SERVER_API_PORT") or str(_PORT)
    if not re.fullmatch(r"[0-9]{1,5}", port_text) or not 0 < int(port_text) < 65_536:
        raise ConfigurationError(
            f"PREFECT_SERVER_API_PORT: '{printable(port_text[:20])}' is no port; give e.g. {_PORT}"
        )
    auth = environ.get("PREFECT_SERVER_API_AUTH_STRING", "")
    if not auth and not _is_loopback(host):
        raise ConfigurationError(
            f"PREFECT_SERVER_API_HOST: on {host} others can reach the Prefect server; set "
            "PREFECT_SERVER_API_AUTH_STRING=user:password, or leave the host out to keep it on this machine"
        )
    if auth and not _AUTH.fullmatch(auth):
        raise ConfigurationError(
            "PREFECT_SERVER_API_AUTH_STRING is not user:password, both there and in plain ASCII; set it so"
        )
    reached = {"0.0.0.0": _LOOPBACK, "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    ui = f"http://{reached}:{port_text}"
    base = "/" + environ.get("PREFECT_SERVER_API_BASE_PATH", "/api").strip("/")
    return Server(ours=True, ui=ui, api=ui + base, host=host, port=int(port_text))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def only_one_up(home: Path) -> Iterator[Path]:
    """Holds `home` for this process; the file that says so. Raises ConfigurationError where another `up` holds it.

    The hold ends with the process, however it ends.
    """
    path = home / LOCK_FILE
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"MITTARISTO_HOME: {path} cannot be written ({error.strerror}); choose another folder"
        ) from error
    with file:
        until = monotonic() + 1.0  # somebody may just be looking, see running_server
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            if monotonic() > until:
                pid = path.read_text(encoding="utf-8").partition("\n")[0]
                raise ConfigurationError(
                    f"mittaristo up runs on {home} already (process {pid or 'unknown'}); stop it first, "
                    "or choose another MITTARISTO_HOME"
                )
            sleep(0.1)
        note(path, "")
        try:
            yield path
        finally:
            path.write_text("", encoding="utf-8")


def note(path: Path, api: str) -> None:
    """Writes into the file of only_one_up who holds it, and the address of the server that others may use."""
    path.write_text(f"{os.getpid()}\n{api}\n", encoding="utf-8")


def running_server(home: Path) -> str:
    """The API address of the server that `mittaristo up` runs on `home` just now; '' where none does."""
    path = home / LOCK_FILE
    if not path.is_file():
        return ""
    with path.open(encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return ([*file.read().splitlines(), "", ""])[1]
    return ""
