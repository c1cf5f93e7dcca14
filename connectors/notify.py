"""Telling people: one message to a webhook or by mail.

The path of a webhook's address is often its only secret: it stands in no error and no log line (but at DEBUG, where
the HTTP libraries log each request). A password is never logged.
"""

from __future__ import annotations

import ipaddress
import logging
import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.header import Header
from email.mime.text import MIMEText
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from connectors.http import AnswerError, Http, Timeouts
from connectors.limiter import RateLimits
from models.document import Answer
from models.errors import MittaristoError, SourceError, printable

WEBHOOK_TIMEOUTS = Timeouts(connect=5.0, read=15.0, total=20.0)
WEBHOOK_LIMITS = RateLimits(calls=10, window_seconds=5.0)
WEBHOOK_MAX_BYTES = 64 * 1024
SMTP_TIMEOUT_SECONDS = 30.0
SMTPS_PORT = 465  # there TLS comes first and is not offered

log = logging.getLogger("mittaristo.notify")


class NotifyError(MittaristoError):
    """A message that did not get through; it is to be sent again later."""


@dataclass(frozen=True)
class MailServer:
    """Where mail is handed in, from whom and to whom. Without `user` nobody logs in."""

    host: str
    port: int
    sender: str
    recipients: tuple[str, ...]
    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class Mail:
    """A plain text mail; `message_id` (without brackets) is the same when the same is sent again."""

    subject: str
    text: str
    message_id: str
    date: datetime


def post(
    url: str,
    payload: Mapping[str, Any],
    *,
    contact: str,
    version: str,
    limits_folder: Path,
    timeouts: Timeouts = WEBHOOK_TIMEOUTS,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Posts `payload` as JSON to `url`; any 2xx is a yes. Raises NotifyError, one line without the URL's path."""

    def forget(_answer: Answer) -> None:
        """What a receiver answers is no figure of a source and is not kept."""

    parts = urlsplit(url)
    shown = f"{parts.scheme}://{parts.netloc}/..."
    http = Http(
        contact=contact,
        version=version,
        keep=forget,
        limits_folder=limits_folder,
        allowed=(url,),
        inside=(url,),  # a chat of the city's own is as good; whoever runs the program gave the address
        timeouts=timeouts,
        sleep=sleep,
    )
    with http:
        try:
            http.send(
                source="notify",
                dataset_id="",
                kind="notice",
                method="POST",
                url=url,
                body=orjson.dumps(payload),
                accept=(),
                max_bytes=WEBHOOK_MAX_BYTES,
                limits=WEBHOOK_LIMITS,
            )
        except AnswerError as error:
            said = _without(error.answer.error, parts.path, parts.query)
            raise NotifyError(
                f"the webhook {shown} did not take the message: {said}; check MITTARISTO_NOTIFY_URL, it is sent"
                " again after the next run"
            ) from None
        except SourceError as error:
            said = _without(str(error), parts.path, parts.query)
            raise NotifyError(f"the webhook {shown} was not called: {said}") from None


def _without(text: str, *secrets: str) -> str:
    for secret in secrets:
        if len(secret) > 1:
            text = text.replace(secret, "...")
    return text


def send_mail(server: MailServer, mail: Mail, *, context: ssl.SSLContext | None = None) -> None:
    """Sends `mail` over TLS where the server offers it; a password goes over TLS or stays on this machine.

    `context` says whom to trust, the system's authorities where it is None. Raises NotifyError, one line.
    """
    try:
        _send_mail(server, mail, context or ssl.create_default_context())
    except smtplib.SMTPAuthenticationError as error:
        raise _refused(server, f"user or password refused ({error.smtp_code})") from None
    except smtplib.SMTPResponseException as error:
        raise _refused(server, f"{error.smtp_code} {_words(error.smtp_error)}") from error
    except smtplib.SMTPRecipientsRefused as error:
        said = "; ".join(f"{who}: {code} {_words(text)}" for who, (code, text) in error.recipients.items())
        raise _refused(server, f"all recipients refused ({said})") from error
    except ssl.SSLCertVerificationError as error:
        raise _refused(server, f"its certificate is not trusted ({error.verify_message})") from error
    except (smtplib.SMTPException, OSError, ValueError) as error:  # the last of a challenge that is no base64
        raise _refused(server, _words(str(error)) or type(error).__name__) from error


def _send_mail(server: MailServer, mail: Mail, context: ssl.SSLContext) -> None:
    # Not the newer EmailMessage: it loses spaces where it folds a long subject that is not ASCII.
    message = MIMEText(mail.text, "plain", "utf-8")
    message["Subject"] = Header(mail.subject, "utf-8", header_name="Subject").encode()
    message["From"] = server.sender
    message["To"] = ", ".join(server.recipients)
    message["Date"] = format_datetime(mail.date)
    message["Message-ID"] = f"<{mail.message_id}@{server.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    client = _connect(server, context)
    try:
        client.ehlo()
        is_secret = server.port == SMTPS_PORT
        if client.has_extn("starttls"):
            client.starttls(context=context)
            client.ehlo()
            is_secret = True
        if server.user:
            if not is_secret and not _is_this_machine(client):
                raise smtplib.SMTPException("it offers no TLS, and a password is not sent in the clear")
            client.login(server.user, server.password)
        refused = client.send_message(message, server.sender, server.recipients)
        if refused:
            log.warning(
                "the mail server %s refused %s of the recipients: %s",
                server.host,
                len(refused),
                ", ".join(refused),
            )
        # The message is accepted: what goes wrong in parting must not have it sent again.
        with suppress(smtplib.SMTPException, OSError):
            client.quit()
    finally:
        client.close()


def _connect(server: MailServer, context: ssl.SSLContext) -> smtplib.SMTP:
    name = socket.gethostname()  # the library's own way asks the name service, which may hang
    if server.port == SMTPS_PORT:
        return smtplib.SMTP_SSL(
            server.host, server.port, local_hostname=name, timeout=SMTP_TIMEOUT_SECONDS, context=context
        )
    return smtplib.SMTP(server.host, server.port, local_hostname=name, timeout=SMTP_TIMEOUT_SECONDS)


def _is_this_machine(client: smtplib.SMTP) -> bool:
    return client.sock is not None and ipaddress.ip_address(client.sock.getpeername()[0]).is_loopback


def _refused(server: MailServer, reason: str) -> NotifyError:
    return NotifyError(
        f"the mail server {server.host}:{server.port} did not take the message: {reason}; check the"
        " MITTARISTO_SMTP_ settings, it is sent again after the next run"
    )


def _words(text: str | bytes) -> str:
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return printable(" ".join(said.split())[:200])
