"""The session: what it sends, what it keeps, when it tries again, and what it says when it gives up."""

from __future__ import annotations

import gzip
import itertools
import pickle
import socket
import struct
import time
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest

from connectors.http import AnswerError, Timeouts, excerpt
from connectors.limiter import RateLimits
from models.document import Answer
from models.errors import SourceError

Raw = Callable[..., bytes]
GOOD = b'{"title":"12bs"}'
FORBIDDEN = (
    b"<!DOCTYPE html><html><head><title>403</title><style>body{color:red}</style></head>\r\n<body>\r\n"
    b"<h2>403 - Forbidden: Access is denied.</h2></body></html>"
)


def failure_of(session: Any, url: str, **more: Any) -> AnswerError:
    with pytest.raises(AnswerError) as caught:
        session.get(url, **more)
    text = str(caught.value)
    assert "\n" not in text and "\r" not in text
    assert len(text) < 600
    assert url.partition("?")[0] in text
    return caught.value


# What is sent and what comes back


def test_a_good_answer_is_kept_and_handed_on(server: Any, session: Any, raw: Raw) -> None:
    server.script = [raw(GOOD, content_type="application/json; charset=utf-8")]
    answer = session.get(server.url)
    assert session.kept == [answer]
    assert (answer.status, answer.body, answer.error) == (200, GOOD, "")
    assert answer.content_type == "application/json; charset=utf-8"
    assert answer.source == "statfin" and answer.kind == "metadata" and answer.url == server.url
    assert answer.asked_at.tzinfo is UTC and answer.fetched_at >= answer.asked_at
    assert session.http.calls == 1


def test_an_answer_marked_as_made_up_is_refused_and_not_kept_where_real_figures_are_asked_for(
    server: Any, open_session: Any, raw: Raw
) -> None:
    server.script = [raw(GOOD, Mittaristo_Made_Up="yes")]
    session = open_session(server.base_url)
    with pytest.raises(SourceError, match=r"answers with made-up figures.*take MITTARISTO_URL_STATFIN away"):
        session.get(server.url)
    assert session.kept == []
    asked = open_session(server.base_url, made_up=True)
    assert asked.kept == [asked.get(server.url)]


def test_the_user_agent_names_the_program_and_its_contact(server: Any, session: Any, raw: Raw) -> None:
    server.script = [raw(GOOD)]
    session.get(server.url)
    sent = server.requests[0].headers
    assert sent["user-agent"] == "mittaristo/1.2.3 (+mittaristo@example.org)"
    assert sent["accept"].startswith("application/json")
    assert "content-type" not in sent


def test_a_body_is_posted_as_it_is_and_as_json(server: Any, session: Any, raw: Raw) -> None:
    server.script = [raw(GOOD)]
    body = '{"query":[{"code":"Ammattiryhmä"}]}'.encode()
    answer = session.get(server.url, method="POST", body=body, kind="data")
    assert server.requests[0].method == "POST"
    assert server.requests[0].body == body == answer.request_body
    assert server.requests[0].headers["content-type"] == "application/json; charset=utf-8"


def test_what_must_not_be_kept_is_gone_before_anything_is_kept(server: Any, session: Any, raw: Raw) -> None:
    server.script = [raw('{"name": "Maija Meikäläinen", "place": "205"}'.encode())]
    answer = session.get(server.url, reduce=lambda body: b'{"place": "205"}')
    assert answer.body == b'{"place": "205"}'
    assert [one.body for one in session.kept] == [answer.body]


def test_an_answer_that_cannot_be_reduced_is_a_bad_one_and_nothing_of_it_is_kept(
    server: Any, session: Any, raw: Raw
) -> None:
    def reduce(body: bytes) -> bytes:
        raise SourceError("no list of companies")

    server.script = [raw('["Maija Meikäläinen"]'.encode())]
    failure = failure_of(session, server.url, reduce=reduce)
    assert "no list of companies" in str(failure) and "Maija" not in str(failure)
    assert [(one.body, bool(one.error)) for one in session.kept] == [(b"", True)]


def test_nor_is_anything_kept_of_an_error_page_in_which_a_name_may_stand(
    server: Any, session: Any, raw: Raw
) -> None:
    server.script = [raw("<p>Maija Meikäläinen</p>".encode(), status="404 Not Found")]
    failure = failure_of(session, server.url, reduce=lambda body: body)
    assert [(one.body, one.status) for one in session.kept] == [(b"", 404)]
    assert "Maija" not in session.kept[0].error and "Maija" not in str(failure)


def test_headers_of_a_source_go_besides_our_own(server: Any, session: Any, raw: Raw) -> None:
    server.script = [raw(GOOD)]
    session.get(server.url, headers={"Caller-Id": "mittaristo"})
    assert server.requests[0].headers["caller-id"] == "mittaristo"
    assert server.requests[0].headers["user-agent"].startswith("mittaristo/1.2.3")


def test_a_query_string_goes_out_as_written(server: Any, session: Any, raw: Raw) -> None:
    server.script = [raw(GOOD)]
    session.get(f"{server.base_url}/fi/?config")
    assert server.requests[0].path == "/PXWeb/api/v1/fi/?config"


def test_a_compressed_answer_is_kept_decompressed(server: Any, session: Any, raw: Raw) -> None:
    server.script = [raw(gzip.compress(GOOD), Content_Encoding="gzip")]
    assert session.get(server.url).body == GOOD
    assert server.requests[0].headers["accept-encoding"] == "gzip"


def test_a_connection_is_used_again(server: Any, session: Any, raw: Raw) -> None:
    server.script = [raw(GOOD, Connection="keep-alive")]
    assert session.get(server.url).body == GOOD
    assert session.get(server.url).body == GOOD
    assert session.http.calls == len(server.requests) == 2


def test_a_chunked_answer_without_a_length_is_read_whole(server: Any, session: Any, raw: Raw) -> None:
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (GOOD[:5], GOOD[5:])) + b"0\r\n\r\n"
    server.script = [raw(chunks, Content_Length="", Transfer_Encoding="chunked")]
    assert session.get(server.url).body == GOOD


def test_cookies_are_not_sent_back(server: Any, session: Any, raw: Raw) -> None:
    server.script = [raw(GOOD, Set_Cookie="visitor=1; Path=/")]
    session.get(server.url)
    session.get(server.url)
    assert "cookie" not in server.requests[1].headers


def test_proxies_of_the_environment_are_not_used(
    server: Any, session: Any, raw: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    server.script = [raw(GOOD)]
    assert session.get(server.url).body == GOOD


def test_nothing_is_made_of_an_answer_that_could_not_be_kept(
    server: Any, open_session: Callable[..., Any], raw: Raw
) -> None:
    def full_disk(answer: Answer) -> None:
        raise OSError("no space left")

    server.script = [raw(b"", "503 Service Unavailable")]
    session = open_session(server.base_url, keep=full_disk)
    with pytest.raises(OSError, match="no space left"):
        session.get(server.url)
    assert len(server.requests) == 1


# Trying again


@pytest.mark.parametrize("status", ["500 Internal Server Error", "502 Bad", "503 Away", "504 Late"])
def test_a_server_in_trouble_is_asked_again(server: Any, session: Any, raw: Raw, status: str) -> None:
    server.script = [raw(b"oops", status, "text/plain"), raw(GOOD)]
    assert session.get(server.url).body == GOOD
    assert [one.status for one in session.kept] == [int(status[:3]), 200]
    assert session.kept[0].body == b"oops" and session.kept[0].error
    assert session.http.calls == 2


def test_the_pause_between_tries_doubles_and_is_jittered(
    server: Any, open_session: Callable[..., Any], raw: Raw
) -> None:
    server.script = [raw(b"", "500 Oops")]
    session = open_session(server.base_url, jitter=lambda: 1.0)
    failure_of(session, server.url)
    assert [round(nap, 2) for nap in session.time.naps if nap > 0.5] == [1.5, 3.0, 6.0]


def test_four_tries_are_the_most_and_all_are_kept(server: Any, session: Any, raw: Raw) -> None:
    server.script = [raw(b"", "503 Service Unavailable")]
    error = failure_of(session, server.url)
    assert error.status == 503
    assert "503 (Service Unavailable) after 4 tries" in str(error)
    assert len(server.requests) == len(session.kept) == session.http.calls == 4


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_refusal_is_not_asked_again(server: Any, session: Any, raw: Raw, status: int) -> None:
    server.script = [raw(b"Bad Request", f"{status} No", "text/plain")]
    assert failure_of(session, server.url).status == status
    assert len(server.requests) == len(session.kept) == 1


def test_retry_after_in_seconds_is_obeyed(server: Any, session: Any, raw: Raw) -> None:
    server.script = [raw(b"", "429 Too Many Requests", Retry_After="37"), raw(GOOD)]
    begun = session.time.now
    assert session.get(server.url).body == GOOD
    assert 37 <= session.time.now - begun < 38
    assert [one.status for one in session.kept] == [429, 200]


def test_retry_after_as_a_date_is_obeyed(server: Any, session: Any, raw: Raw) -> None:
    begun = session.time.now
    moment = format_datetime(datetime.fromtimestamp(begun + 40, UTC), usegmt=True)
    server.script = [raw(b"", "503 Away", Retry_After=moment), raw(GOOD)]
    session.get(server.url)
    assert 40 <= session.time.now - begun < 41


@pytest.mark.parametrize("nonsense", ["soon", "-5", "Tue, 99 Foo 2026 25:61:61 GMT", "²"])
def test_a_retry_after_that_makes_no_sense_is_as_none(
    server: Any, session: Any, raw: Raw, nonsense: str
) -> None:
    server.script = [raw(b"", "429 Too Many", Retry_After=nonsense), raw(GOOD)]
    begun = session.time.now
    session.get(server.url, limits=RateLimits(40, 60.0))
    assert 60 <= session.time.now - begun < 70


def test_a_retry_after_in_the_past_is_no_wait(server: Any, session: Any, raw: Raw) -> None:
    moment = format_datetime(datetime.fromtimestamp(session.time.now - 100, UTC), usegmt=True)
    server.script = [raw(b"", "429 Too Many", Retry_After=moment), raw(GOOD)]
    begun = session.time.now
    session.get(server.url)
    assert session.time.now - begun < 1


def test_a_429_without_retry_after_waits_for_the_window_to_pass(server: Any, session: Any, raw: Raw) -> None:
    server.script = [raw(b'{"error":"429 - Too many requests"}', "429 Too Many"), raw(GOOD)]
    begun = session.time.now
    session.get(server.url, limits=RateLimits(5, 2.0))
    assert 2.0 <= session.time.now - begun < 2.5


def test_a_pause_of_an_hour_ends_the_call_and_holds_the_next_one_too(
    server: Any, session: Any, raw: Raw
) -> None:
    server.script = [raw(b"", "429 Too Many", Retry_After="3600")]
    error = failure_of(session, server.url)
    assert "pause of 3600 s" in str(error)
    with pytest.raises(SourceError, match="asked for a pause until"):
        session.get(server.url)
    assert len(server.requests) == 1
    session.time.now += 3600
    server.script = [raw(GOOD)]
    assert session.get(server.url).body == GOOD


def test_a_pause_holds_every_session_on_the_machine(
    server: Any, open_session: Callable[..., Any], raw: Raw
) -> None:
    one, other = open_session(server.base_url), open_session(server.base_url)
    server.script = [raw(b"", "429 Too Many", Retry_After="3600"), raw(GOOD)]
    failure_of(one, server.url)
    with pytest.raises(SourceError, match="asked for a pause"):
        other.get(server.url)


def test_a_reset_connection_is_tried_again(server: Any, session: Any, raw: Raw) -> None:
    def reset(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    server.script = [reset, raw(GOOD)]
    assert session.get(server.url).body == GOOD
    assert session.kept[0].status == 0 and "connection failed" in session.kept[0].error
    assert session.http.calls == 2


def test_a_source_that_is_gone_is_said_so_and_no_call_is_counted(
    open_session: Callable[..., Any],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    base = f"http://127.0.0.1:{port}/PXWeb/api/v1"
    session = open_session(base)
    error = failure_of(session, f"{base}/fi/?config")
    assert "Connection refused" in str(error) and "check the base address" in str(error)
    assert error.status == 0 and len(session.kept) == 4
    assert session.http.calls == 0


def test_each_try_is_kept_as_it_was_and_not_as_the_one_before(server: Any, session: Any, raw: Raw) -> None:
    server.script = [raw(b"oops", "503 Away", "text/plain"), lambda connection: connection.close()]
    error = failure_of(session, server.url)
    assert [(one.status, one.content_type, one.body) for one in session.kept] == [
        (503, "text/plain", b"oops"),
        *[(0, "", b"")] * 3,
    ]
    assert error.status == 0 and "gave no answer" in str(error)
    assert all(later.asked_at > one.fetched_at for one, later in itertools.pairwise(session.kept))


# Answers that are no good


def test_a_403_page_is_one_line_without_markup(server: Any, session: Any, raw: Raw) -> None:
    server.script = [raw(FORBIDDEN, "403 Forbidden", "text/html")]
    error = failure_of(session, server.url)
    assert "403 ('403 403 - Forbidden: Access is denied.')" in str(error)
    assert "<" not in str(error) and "color" not in str(error)
    assert session.kept[0].body == FORBIDDEN


def test_the_text_of_a_json_error_is_said(server: Any, session: Any, raw: Raw) -> None:
    server.script = [raw(b'{"error":"Parameter error"}', "400 Bad Request")]
    assert "400 ('Parameter error'); the source does not know" in str(failure_of(session, server.url))


def test_html_with_status_200_is_an_error_and_not_asked_again(server: Any, session: Any, raw: Raw) -> None:
    server.script = [raw(b"<html><body>Huoltokatko</body></html>", content_type="text/html; charset=utf-8")]
    error = failure_of(session, server.url)
    assert "200 with content type 'text/html' instead of application/json ('Huoltokatko')" in str(error)
    assert len(server.requests) == 1
    assert session.kept[0].error and session.kept[0].body


def test_text_json_is_json_and_no_type_is_none(server: Any, session: Any, raw: Raw) -> None:
    server.script = [raw(GOOD, content_type="Text/JSON"), raw(GOOD, content_type="")]
    assert session.get(server.url).body == GOOD
    assert "content type ''" in str(failure_of(session, server.url))


def test_any_type_is_taken_where_none_is_asked_for(server: Any, session: Any, raw: Raw) -> None:
    server.script = [raw(b"a;b", content_type="text/csv")]
    assert session.get(server.url, accept=()).body == b"a;b"
    assert server.requests[0].headers["accept"] == "*/*"


def test_a_redirect_is_not_followed_and_says_where_it_led(
    start_server: Callable[[], Any], open_session: Callable[..., Any], raw: Raw
) -> None:
    server, elsewhere = start_server(), start_server()
    elsewhere.script = [raw(GOOD)]
    server.script = [raw(b"", "302 Found", Location=elsewhere.url)]
    session = open_session(server.base_url, elsewhere.base_url)
    error = failure_of(session, server.url)
    assert elsewhere.url in str(error) and "redirect" in str(error)
    assert elsewhere.requests == [] and len(server.requests) == 1


def test_a_redirect_on_the_same_host_is_not_followed_either(server: Any, session: Any, raw: Raw) -> None:
    server.script = [raw(b"", "301 Moved", Location="/PXWeb/api/v1/fi/other.px"), raw(GOOD)]
    assert "'/PXWeb/api/v1/fi/other.px'" in str(failure_of(session, server.url))
    assert len(server.requests) == 1


def test_a_body_shorter_than_promised_is_tried_again_and_its_bytes_are_kept(
    server: Any, session: Any, raw: Raw
) -> None:
    server.script = [raw(GOOD[:7], Content_Length="16"), raw(GOOD)]
    assert session.get(server.url).body == GOOD
    assert session.kept[0].status == 200
    assert session.kept[0].body == GOOD[:7] and "cut body (7 bytes came)" in session.kept[0].error


def test_a_chunked_body_that_breaks_off_is_cut_too(server: Any, session: Any, raw: Raw) -> None:
    server.script = [raw(b"5\r\n" + GOOD[:5] + b"\r\n", Content_Length="", Transfer_Encoding="chunked")]
    error = failure_of(session, server.url)
    assert "cut body" in str(error) and "after 4 tries" in str(error)


def test_a_body_longer_than_promised_ends_where_promised_and_does_not_spoil_the_next(
    server: Any, session: Any, raw: Raw
) -> None:
    server.script = [raw(GOOD + b"HTTP/1.1 200 OK\r\n\r\n", Content_Length="16", Connection="keep-alive")]
    assert session.get(server.url).body == GOOD
    assert session.get(server.url).body == GOOD


def test_a_huge_body_is_left_off_at_the_limit(server: Any, session: Any, raw: Raw) -> None:
    server.script = [raw(b"[" + b" " * 300_000 + b"]")]
    error = failure_of(session, server.url, max_bytes=100_000)
    assert "more than 100000 bytes" in str(error)
    assert len(session.kept[0].body) == 100_000 and len(server.requests) == 1


def test_a_compressed_body_is_measured_after_decompression(server: Any, session: Any, raw: Raw) -> None:
    bomb = zlib.compressobj(9, zlib.DEFLATED, 31)
    body = b"".join(bomb.compress(b" " * 1_000_000) for _ in range(50)) + bomb.flush()
    assert len(body) < 100_000
    server.script = [raw(body, Content_Encoding="gzip")]
    assert "more than 1000000 bytes" in str(failure_of(session, server.url, max_bytes=1_000_000))
    assert len(session.kept[0].body) == 1_000_000


def test_a_body_without_end_is_left_at_the_limit(server: Any, session: Any, raw: Raw) -> None:
    def step(connection: socket.socket) -> None:
        connection.sendall(raw(b"", Content_Length=""))
        while not server.stop.is_set():
            try:
                connection.sendall(b" " * 10_000)
            except OSError:
                return

    server.script = [step]
    assert "more than 50000 bytes" in str(failure_of(session, server.url, max_bytes=50_000))


def test_a_body_of_just_the_limit_is_taken(server: Any, session: Any, raw: Raw) -> None:
    server.script = [raw(GOOD)]
    assert session.get(server.url, max_bytes=len(GOOD)).body == GOOD


def test_a_body_that_does_not_decompress_is_tried_again(server: Any, session: Any, raw: Raw) -> None:
    server.script = [raw(b"\x1f\x8b\x08 no gzip at all", Content_Encoding="gzip"), raw(GOOD)]
    assert session.get(server.url).body == GOOD
    assert "does not decompress" in session.kept[0].error


def test_what_is_no_http_at_all_is_an_error(server: Any, session: Any) -> None:
    def ssh(connection: socket.socket) -> None:
        connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
        connection.close()

    server.script = [ssh]
    assert failure_of(session, server.url).status == 0


@pytest.mark.parametrize("body", [b"\xff\xfe\x00\xc3", b"a\r\nb\x00c\x1b[31m", "ä" * 500])
def test_an_error_page_of_any_bytes_makes_one_short_line(
    server: Any, session: Any, raw: Raw, body: bytes | str
) -> None:
    server.script = [raw(body.encode() if isinstance(body, str) else body, "400 Bad", "text/plain")]
    text = str(failure_of(session, server.url))
    assert text.isprintable()


def test_an_excerpt_is_the_text_of_a_page() -> None:
    assert excerpt(b"<p>a &amp;\n b</p><script>x<y</script><!-- no -->") == "'a & b'"
    assert excerpt(b"") == excerpt(b"<br/>") == ""
    assert len(excerpt(b"x" * 1000)) == 123


def test_what_does_not_speak_tls_is_no_trusted_connection(
    server: Any, open_session: Callable[..., Any], raw: Raw
) -> None:
    server.script = [raw(GOOD)]
    session = open_session(server.base_url.replace("http", "https"))
    error = failure_of(session, server.url.replace("http", "https"))
    assert "no trusted connection" in str(error)
    assert len(session.kept) == 1 and session.http.calls == 0


def test_an_error_survives_pickling_with_its_answer(server: Any, session: Any, raw: Raw) -> None:
    server.script = [raw(b"Bad Request", "400 Bad", "text/plain")]
    error = failure_of(session, server.url)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert (str(again), again.answer, again.status) == (str(error), error.answer, 400)


# Time


def quick(open_session: Callable[..., Any], server: Any) -> Any:
    return open_session(server.base_url, timeouts=Timeouts(connect=1.0, read=0.3, total=0.6))


def test_a_server_that_hangs_is_left_and_tried_once_more_only(
    server: Any, open_session: Callable[..., Any]
) -> None:
    session = quick(open_session, server)
    server.script = [lambda connection: server.stop.wait(20)]
    begun = time.monotonic()
    error = failure_of(session, server.url)
    assert time.monotonic() - begun < 3
    assert "gave no answer: silence after 2 tries" in str(error)
    assert len(session.kept) == session.http.calls == 2


def drip(server: Any, content: bytes) -> Callable[[socket.socket], None]:
    def step(connection: socket.socket) -> None:
        for byte in content:
            if server.stop.wait(0.05):
                return
            try:
                connection.sendall(bytes([byte]))
            except OSError:
                return

    return step


def test_a_body_that_drips_ends_at_the_deadline(
    server: Any, open_session: Callable[..., Any], raw: Raw
) -> None:
    session = quick(open_session, server)
    head, _, _ = raw(b"", Content_Length="1000").partition(b"\r\n\r\n")

    def step(connection: socket.socket) -> None:
        connection.sendall(head + b"\r\n\r\n")
        drip(server, b" " * 1000)(connection)

    server.script = [step]
    begun = time.monotonic()
    error = failure_of(session, server.url)
    assert time.monotonic() - begun < 3
    assert "answered 200, not in full after 0.6 s" in str(error) and "2 tries" in str(error)
    assert session.kept[0].status == 200 and 0 < len(session.kept[0].body) < 100


def test_a_head_that_drips_ends_at_the_deadline(
    server: Any, open_session: Callable[..., Any], raw: Raw
) -> None:
    session = quick(open_session, server)
    server.script = [drip(server, raw(GOOD, X_Padding="x" * 1000))]
    begun = time.monotonic()
    error = failure_of(session, server.url)
    assert time.monotonic() - begun < 3
    assert "not in full after 0.6 s (0 bytes came)" in str(error)


def test_a_compressed_body_that_drips_ends_at_the_deadline(
    server: Any, open_session: Callable[..., Any], raw: Raw
) -> None:
    session = quick(open_session, server)
    head, _, body = raw(gzip.compress(bytes(range(256)) * 4), Content_Encoding="gzip").partition(b"\r\n\r\n")

    def step(connection: socket.socket) -> None:
        connection.sendall(head + b"\r\n\r\n")
        drip(server, body)(connection)

    server.script = [step]
    begun = time.monotonic()
    failure_of(session, server.url)
    assert time.monotonic() - begun < 3


def test_a_body_that_ends_with_the_connection_and_drips_is_not_taken_for_whole(
    server: Any, open_session: Callable[..., Any], raw: Raw
) -> None:
    session = quick(open_session, server)
    head, _, _ = raw(b"", Content_Length="").partition(b"\r\n\r\n")

    def step(connection: socket.socket) -> None:
        connection.sendall(head + b"\r\n\r\n")
        drip(server, b"[1]" + b" " * 1000)(connection)

    server.script = [step]
    assert "200, not in full" in str(failure_of(session, server.url))


# Where it may go


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/PXWeb/api/v1/fi/?config",
        "http://evil.example/PXWeb/api/v1/fi/?config",
        "https://{host}/PXWeb/api/v1/fi/?config",
        "http://{host}/PXWeb/api/v10/fi/?config",
        "http://{host}/other",
        "http://{host}/PXWeb/api/v1/../../admin",
        "http://{host}/PXWeb/api/v1/%2e%2e/%2E%2e/admin",
        "http://user:secret@{host}/PXWeb/api/v1/fi/?config",
        "http://{host}:x/PXWeb/api/v1",
        "file:///etc/passwd",
        "http://{host}@evil.example/PXWeb/api/v1/",
        "",
    ],
)
def test_other_addresses_are_not_called(server: Any, session: Any, raw: Raw, url: str) -> None:
    server.script = [raw(GOOD)]
    with pytest.raises(SourceError, match="is not called: allowed are") as caught:
        session.get(url.format(host=server.address))
    assert "\n" not in str(caught.value)
    assert server.requests == [] and session.kept == [] and session.http.calls == 0


def test_the_base_address_may_end_in_a_slash_and_be_in_capitals(
    server: Any, open_session: Callable[..., Any], raw: Raw
) -> None:
    server.script = [raw(GOOD)]
    session = open_session(server.base_url.replace("http", "HTTP") + "/")
    assert session.get(server.url).body == GOOD


# Pace


def test_calls_keep_within_the_limits_and_refused_ones_count(server: Any, session: Any, raw: Raw) -> None:
    server.script = [raw(b"", "400 Bad")]
    at = []
    for _ in range(12):
        failure_of(session, server.url, limits=RateLimits(5, 2.0))
        at.append(session.time.now)
    assert all(later - earlier >= 2.0 for earlier, later in zip(at, at[5:], strict=False))
    assert all(later - earlier >= 0.4 - 1e-6 for earlier, later in itertools.pairwise(at))


def test_the_limits_last_used_with_a_host_are_known_to_every_session(
    server: Any, open_session: Callable[..., Any], raw: Raw
) -> None:
    server.script = [raw(GOOD)]
    one, other = open_session(server.base_url), open_session(server.base_url)
    assert other.http.known_limits(server.url) is None
    one.get(server.url, limits=RateLimits(5, 2.0))
    assert other.http.known_limits(server.url) == RateLimits(5, 2.0)
