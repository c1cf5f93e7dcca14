"""Messages to a webhook and by mail, to receivers that take them, refuse them, hang up or are not there."""

import datetime
import ipaddress
import logging
import socket
import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from connectors import notify
from connectors.http import Timeouts
from connectors.notify import Mail, MailServer, NotifyError, post, send_mail

AT = datetime.datetime(2026, 7, 21, 5, 1, tzinfo=datetime.UTC)
MAIL = Mail("Mittaristo: luvut myöhässä", "Lukuja ei ole tullut: työllisyys\n.piste alussa\n", "abc123", AT)


def unused_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def one_line(error: pytest.ExceptionInfo[NotifyError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


# --- webhook ------------------------------------------------------------------------------------------------


def posted(url: str, folder: Path, **more: object) -> None:
    wanted = {
        "contact": "me@example.org",
        "version": "1",
        "limits_folder": folder,
        "sleep": lambda _seconds: None,
    } | more
    post(url, {"text": "Ääkkösiä", "problems": [1]}, **wanted)  # type: ignore[arg-type]


def test_a_webhook_gets_json_at_its_own_address(webhook, tmp_path) -> None:
    posted(webhook.url, tmp_path)
    assert webhook.bodies == [{"text": "Ääkkösiä", "problems": [1]}]
    assert webhook.paths == ["/hook/s3cret?token=t0ken"]


def test_a_webhook_in_short_trouble_is_asked_again(webhook, tmp_path) -> None:
    webhook.statuses = [503]
    posted(webhook.url, tmp_path)
    assert len(webhook.bodies) == 1
    assert len(webhook.paths) == 2


@pytest.mark.parametrize("status", [301, 400, 401, 404, 410])
def test_a_webhook_that_refuses_is_asked_once_and_its_secret_is_not_told(
    webhook, tmp_path, caplog, status
) -> None:
    caplog.set_level(logging.INFO)
    webhook.statuses = [status] * 9
    with pytest.raises(NotifyError, match=str(status)) as error:
        posted(webhook.url, tmp_path)
    text = one_line(error)
    assert "127.0.0.1" in text
    assert "MITTARISTO_NOTIFY_URL" in text
    assert len(webhook.paths) == 1
    assert "s3cret" not in text + caplog.text
    assert "t0ken" not in text + caplog.text


def test_a_webhook_that_is_not_there_is_one_line(tmp_path) -> None:
    with pytest.raises(NotifyError, match="did not take the message") as error:
        posted(f"http://127.0.0.1:{unused_port()}/hook/s3cret", tmp_path)
    assert "s3cret" not in one_line(error)


def test_a_webhook_that_hangs_is_given_up(tmp_path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/hook/s3cret"
        with pytest.raises(NotifyError) as error:
            posted(url, tmp_path, timeouts=Timeouts(connect=0.2, read=0.2, total=0.4))
    assert "s3cret" not in one_line(error)


# --- mail ---------------------------------------------------------------------------------------------------


@pytest.fixture
def server(mail_sink) -> MailServer:
    return MailServer("127.0.0.1", mail_sink.port, "data@example.org", ("a@example.org", "b@example.org"))


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 with its key, signed by itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sink")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "sink.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return path


def with_tls(mail_sink, certificate: Path) -> ssl.SSLContext:
    """Lets the sink offer TLS; a context that trusts it."""
    mail_sink.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    mail_sink.tls.load_cert_chain(certificate)
    return ssl.create_default_context(cafile=str(certificate))


def test_a_mail_comes_as_it_was_written_to_everybody(mail_sink, server) -> None:
    send_mail(server, MAIL)
    (mail,) = mail_sink.mails
    assert mail["Subject"] == MAIL.subject
    assert mail["From"] == "data@example.org"
    assert mail["Message-ID"] == "<abc123@example.org>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime == AT
    assert mail.get_content().replace("\r\n", "\n") == MAIL.text
    assert mail_sink.envelopes == [("data@example.org", ["a@example.org", "b@example.org"])]
    assert mail_sink.secret == [False]


def test_a_long_subject_in_finnish_comes_whole(mail_sink, server) -> None:
    subject = (
        "Mittaristo: UUSI, luvut pidätetty: Työttömien työnhakijoiden osuus työvoimasta kuukauden lopussa"
    )
    send_mail(server, replace(MAIL, subject=subject))
    assert mail_sink.mails[0]["Subject"] == subject


def test_tls_is_used_where_the_server_offers_it(mail_sink, server, certificate) -> None:
    send_mail(
        replace(server, user="me", password="pw-s3cret"), MAIL, context=with_tls(mail_sink, certificate)
    )
    assert mail_sink.secret == [True]
    assert mail_sink.logins == [("\0me\0pw-s3cret", True)]


def test_a_server_whose_certificate_is_not_trusted_gets_nothing(mail_sink, server, certificate) -> None:
    with_tls(mail_sink, certificate)
    with pytest.raises(NotifyError, match="certificate is not trusted") as error:
        send_mail(replace(server, user="me", password="pw-s3cret"), MAIL)
    one_line(error)
    assert mail_sink.mails == []
    assert mail_sink.logins == []


def test_without_tls_a_password_goes_to_this_machine_only(mail_sink, server, monkeypatch) -> None:
    secret = replace(server, user="me", password="pw-s3cret")
    send_mail(secret, MAIL)
    assert mail_sink.logins == [("\0me\0pw-s3cret", False)]
    monkeypatch.setattr(notify, "_is_this_machine", lambda _client: False)
    with pytest.raises(NotifyError, match="no TLS, and a password is not sent in the clear"):
        send_mail(secret, MAIL)
    assert len(mail_sink.logins) == 1
    assert len(mail_sink.mails) == 1


@pytest.mark.parametrize(
    ("command", "reply", "says"),
    [
        ("AUTH", "535 5.7.8 no, not pw-s3cret", "user or password refused (535)"),
        ("MAIL", "451 4.3.0 try later", "451 4.3.0 try later"),
        ("RCPT", "550 5.1.1 nobody here", "all recipients refused"),
        ("DATA", "452 4.3.1 disk full", "452 4.3.1 disk full"),
        ("taken", "554 5.7.1 looks like spam", "554 5.7.1 looks like spam"),
    ],
)
def test_a_refused_mail_is_one_line_without_the_password(
    mail_sink, server, caplog, command, reply, says
) -> None:
    caplog.set_level(logging.DEBUG)
    mail_sink.answers[command] = reply
    with pytest.raises(NotifyError) as error:
        send_mail(replace(server, user="me", password="pw-s3cret"), MAIL)
    text = one_line(error)
    assert says in text
    assert "MITTARISTO_SMTP_" in text
    assert "pw-s3cret" not in text + caplog.text + repr(replace(server, password="pw-s3cret"))


def test_what_goes_wrong_after_the_mail_was_taken_does_not_matter(mail_sink, server) -> None:
    mail_sink.answers["QUIT"] = "421 4.4.2 gone"
    send_mail(server, MAIL)
    assert len(mail_sink.mails) == 1


def test_a_mail_server_that_is_not_there_is_one_line(server) -> None:
    with pytest.raises(NotifyError, match="did not take the message") as error:
        send_mail(replace(server, port=unused_port()), MAIL)
    one_line(error)
