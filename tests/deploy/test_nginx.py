"""nginx.conf: what it promises, and with a real nginx, where there is one: headers, hidden files, Prefect."""

import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

NGINX = shutil.which("nginx")
needs_nginx = pytest.mark.skipif(NGINX is None, reason="nginx is not here")


@pytest.fixture(scope="module")
def text(deploy: Path) -> str:
    return (deploy / "nginx.conf").read_text(encoding="utf-8")


def policy(text: str, server: int) -> dict[str, str]:
    """Directive → sources, of the content-security policy of one of the two servers."""
    found = re.findall(r'Content-Security-Policy "([^"]+)"', text)
    assert len(found) == 2
    return dict(one.strip().split(" ", 1) for one in found[server].split(";"))


def test_braces_and_semicolons_are_in_order(text: str) -> None:
    bare = re.sub(r'"[^"]*"', '""', text)
    lines = [line.split("#")[0].strip() for line in bare.splitlines()]
    assert bare.count("{") == bare.count("}")
    assert all(line[-1] in "{};" for line in lines if line)


def test_the_report_may_run_no_script_and_reach_nothing(text: str) -> None:
    found = policy(text, 0)
    assert found["default-src"] == "'none'"
    assert found["frame-ancestors"] == "'none'"
    assert "script-src" not in found
    assert "connect-src" not in found


def test_prefects_pages_may_reach_their_own_host_alone(text: str) -> None:
    found = policy(text, 1)
    allowed = {source for sources in found.values() for source in sources.split()}
    assert allowed == {"'self'", "'none'", "'unsafe-inline'", "'unsafe-eval'", "data:", "blob:"}
    assert found["script-src"] == "'self' 'unsafe-eval'"
    assert found["connect-src"] == "'self'"


def test_no_visitors_are_logged(text: str) -> None:
    assert re.findall(r"^\s*access_log (\w+)", text, re.MULTILINE) == ["off"]


def test_everything_that_is_written_goes_to_the_one_folder_that_can_be(text: str) -> None:
    folders = re.findall(r"^\s*(?:\w+_temp_path|pid) (\S+);", text, re.MULTILINE)
    assert len(folders) == 6
    assert all(one.startswith("/tmp/") for one in folders)  # noqa: S108


# --- with a real nginx --------------------------------------------------------------------------------------


class Prefect(BaseHTTPRequestHandler):
    """Says what it was asked, in the place of a Prefect server."""

    def do_GET(self) -> None:
        said = f"{self.path} {self.headers['Host']} {self.headers.get('Upgrade', '-')}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_arguments: object) -> None: ...


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture(scope="module")
def ports(text: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """The ports of the report and of Prefect, of an nginx that runs the file with other addresses and folders."""
    folder = tmp_path_factory.mktemp("nginx")
    report = folder / "report"
    (report / ".hidden").mkdir(parents=True)
    (report / "index.html").write_text("<!doctype html><title>ä</title>", encoding="utf-8")
    (report / "index.html.new").write_text("half", encoding="utf-8")
    (report / ".hidden" / "a.txt").write_text("x", encoding="utf-8")
    upstream = ThreadingHTTPServer(("127.0.0.1", 0), Prefect)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    found = free_port(), free_port()
    changed = text.replace("/tmp/", f"{folder}/").replace("/srv/report", str(report))  # noqa: S108
    changed = changed.replace("listen 8080", f"listen 127.0.0.1:{found[0]}")
    changed = changed.replace("listen 4200", f"listen 127.0.0.1:{found[1]}")
    changed = changed.replace("http://prefect:4200", f"http://127.0.0.1:{upstream.server_port}")
    (folder / "nginx.conf").write_text(changed, encoding="utf-8")
    user = " user root;" if os.geteuid() == 0 else ""  # the folders of tests are closed to anybody else
    process = subprocess.Popen(
        [str(NGINX), "-c", str(folder / "nginx.conf"), "-g", f"daemon off;{user}"], stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", found[0])) == 0:
                break
        time.sleep(0.05)
    yield found
    process.terminate()
    process.wait(10)
    upstream.shutdown()
    upstream.server_close()


def ask(port: int, path: str, method: str = "GET", **headers: str) -> tuple[HTTPResponse, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer, body


@needs_nginx
def test_nginx_takes_the_file_as_it_is(deploy: Path) -> None:
    told = subprocess.run(
        [str(NGINX), "-t", "-c", str(deploy / "nginx.conf")], capture_output=True, text=True
    )
    assert told.returncode == 0, told.stderr


@needs_nginx
@pytest.mark.parametrize(("path", "status"), [("/", 200), ("/nothing-here", 404)])
def test_every_answer_of_the_report_carries_the_headers(
    ports: tuple[int, int], path: str, status: int
) -> None:
    answer, _ = ask(ports[0], path)
    assert answer.status == status
    assert (answer.getheader("Content-Security-Policy") or "").startswith("default-src 'none'")
    assert answer.getheader("X-Content-Type-Options") == "nosniff"
    assert answer.getheader("X-Frame-Options") == "DENY"
    assert answer.getheader("Referrer-Policy") == "no-referrer"
    assert answer.getheader("Server") == "nginx"  # and no version


@needs_nginx
@pytest.mark.parametrize("path", ["/index.html.new", "/.hidden/a.txt", "/../nginx.conf", "/.hidden/"])
def test_half_written_and_hidden_files_are_not_served(ports: tuple[int, int], path: str) -> None:
    answer, _ = ask(ports[0], path)
    assert answer.status in (400, 404)


@needs_nginx
def test_the_report_is_read_only(ports: tuple[int, int]) -> None:
    for method in ("POST", "PUT", "DELETE"):
        assert ask(ports[0], "/", method)[0].status == 405


@needs_nginx
def test_prefect_is_reached_with_path_and_host_and_web_sockets(ports: tuple[int, int]) -> None:
    answer, body = ask(ports[1], "/api/health?x=%20", Connection="Upgrade", Upgrade="websocket")
    assert body == f"/api/health?x=%20 127.0.0.1:{ports[1]} websocket"
    assert "connect-src 'self'" in (answer.getheader("Content-Security-Policy") or "")
