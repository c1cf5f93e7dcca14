"""Alarms: what has become a problem and what no longer is one, told once each over every channel that is set.

It is called at the end of every run and by `mittaristo health --notify`. What could not be told is told the next time;
nothing that goes wrong here reaches the run.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from connectors.notify import Mail, MailServer, post, send_mail
from flows.pipeline import VERSION, Pipeline, utc_now
from models.alarm import Message, compose, due, message_to_json
from models.errors import MittaristoError
from models.problems import Difference, open_problems
from warehouse.engine import reading, writing
from warehouse.lock import hold
from warehouse.problems import keep, kept_problems, note_told, situation

LOCK_WAIT_SECONDS = 60.0
LOCK_LEASE_SECONDS = 600.0

log = logging.getLogger("mittaristo.alarms")


@dataclass(frozen=True)
class Channel:
    """A way to tell people; `send` raises MittaristoError where the message did not get through."""

    name: str
    send: Callable[[Message], None]


def announce(pipeline: Pipeline, *, clock: Callable[[], datetime] = utc_now) -> None:
    """Writes which problems began and ended, and tells what was not told yet. Never raises; it logs what went wrong."""
    try:
        with hold(
            pipeline.engine,
            "alarms",
            "telling of problems",
            wait_seconds=LOCK_WAIT_SECONDS,
            lease_seconds=LOCK_LEASE_SECONDS,
        ):
            look(pipeline, clock())
            for channel in channels(pipeline):
                tell(pipeline, channel, clock())
    except MittaristoError as error:
        log.warning("alarms: %s", error)
    except Exception:  # a run that collected well must not end red because of its alarms
        log.exception("alarms: unexpected error; what was not told is told after the next run")


def look(pipeline: Pipeline, now: datetime) -> Difference:
    """Writes which problems began and which ended; the caller holds the lock `alarms`."""
    with writing(pipeline.engine) as connection:
        found = keep(connection, open_problems(situation(connection, now)), now)
    for problem in found.begun:
        log.warning("problem: %s %s", problem.kind, problem.text_en)
    for key in found.ended:
        log.info("problem over: %s", key)
    return found


def channels(pipeline: Pipeline) -> list[Channel]:
    """The channels that are set."""
    settings = pipeline.settings
    found = []
    if settings.notify_url:
        found.append(Channel("webhook", lambda message: _to_webhook(pipeline, message)))
    if settings.smtp_host:
        found.append(Channel("mail", lambda message: _to_mail(pipeline, message)))
    return found


def tell(pipeline: Pipeline, channel: Channel, now: datetime) -> None:
    """Sends over `channel` what it was not told yet, in one message; the caller holds the lock `alarms`.

    What was told is written after it was sent: of a crash between the two comes one message twice, under the same
    idempotency key unless something else has happened meanwhile.
    """
    with reading(pipeline.engine) as connection:
        notices = due(kept_problems(connection, channel.name), now)
    if not notices:
        return
    try:
        channel.send(compose(notices, now))
    except MittaristoError as error:
        log.warning("alarms: %s", error)
        return
    with writing(pipeline.engine) as connection:
        note_told(connection, channel.name, notices, now)


def _to_webhook(pipeline: Pipeline, message: Message) -> None:
    post(
        pipeline.settings.notify_url,
        message_to_json(message),
        contact=pipeline.settings.contact,
        version=VERSION,
        limits_folder=pipeline.limits_folder,
    )


def _to_mail(pipeline: Pipeline, message: Message) -> None:
    settings = pipeline.settings
    server = MailServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        sender=settings.smtp_from,
        recipients=settings.smtp_to,
        user=settings.smtp_user,
        password=settings.smtp_password,
    )
    text = f"{message.text_fi}\n\n-- \nIn English\n\n{message.text_en}\n"
    send_mail(server, Mail(message.title_fi, text, message.idempotency_key, message.made_at))
