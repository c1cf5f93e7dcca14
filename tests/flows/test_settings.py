from pathlib import Path

import pytest

from flows.prefect_home import apply_prefect_settings
from flows.settings import read_settings
from models.errors import ConfigurationError


def test_without_any_setting_the_warehouse_is_sqlite_under_var(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = read_settings({})
    assert settings.home == tmp_path / "var"
    assert settings.warehouse_url == f"sqlite:///{tmp_path / 'var' / 'mittaristo.db'}"
    assert settings.urls == {}


def test_a_source_address_is_read_under_the_source_s_short_name() -> None:
    settings = read_settings({"MITTARISTO_URL_STATFIN": "http://127.0.0.1:8801/PXWeb/api/v1/"}, dotenv=None)
    assert settings.urls == {"statfin": "http://127.0.0.1:8801/PXWeb/api/v1"}


def test_the_environment_goes_before_the_env_file(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("MITTARISTO_CONTACT=file@example.org\nMITTARISTO_HOME=/srv/file\nOTHER=1\n")
    settings = read_settings({"MITTARISTO_CONTACT": "shell@example.org"}, dotenv)
    assert settings.contact == "shell@example.org"
    assert settings.home == Path("/srv/file")


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("MITTARISTO_DATABSE_URL", "sqlite:///x.db", "unknown setting"),
        ("MITTARISTO_HOME", " ", "is empty"),
        ("MITTARISTO_URL_STATFIN", "pxdata.stat.fi", "no http(s) address"),
        ("MITTARISTO_URL_STATFIN", "ftp://pxdata.stat.fi/x", "no http(s) address"),
        ("MITTARISTO_URL_STATFIN", "https://me:pw@host/x", "leave user name and password out"),
        ("MITTARISTO_URL_STATFIN", "http://[broken/x", "no http(s) address"),
        ("MITTARISTO_NOTIFY_URL", "hooks.example.org/s3cret", "no http(s) address"),
        ("MITTARISTO_NOTIFY_URL", "https://me:pw@host/x", "leave user name and password out"),
        ("MITTARISTO_METRICS_FILE", "", "is empty"),
        ("MITTARISTO_METRICS_FILE", "/srv/mittaristo.txt", "ends in .prom"),
        ("MITTARISTO_HOME", "~/mittaristo", "begins with ~"),
        ("MITTARISTO_PROGRAMME", "~anna/programme", "begins with ~"),
        ("MITTARISTO_SYNTHETIC", "1", "neither yes nor no"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(name: str, text: str, says: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        read_settings({name: text}, dotenv=None)
    assert says in str(error.value)
    assert name in str(error.value)
    assert "\n" not in str(error.value)


def test_another_env_file_can_be_named_and_the_null_device_is_none(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("MITTARISTO_CONTACT=near@example.org\n")
    (tmp_path / "other").write_text("MITTARISTO_CONTACT=other@example.org\n")
    assert read_settings({}).contact == "near@example.org"
    assert read_settings({"MITTARISTO_DOTENV": str(tmp_path / "other")}).contact == "other@example.org"
    assert read_settings({"MITTARISTO_DOTENV": "/dev/null"}).contact == ""


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"MITTARISTO_CONTACT=p\xe4iv\xe4@example.org\n", "no text in UTF-8"),
        (b"MITTARISTO_CONTACT=a\nMITTARISTO_HOME: /srv/secret\n", "line 2: this is not NAME=value"),
        (b"MITTARISTO_NOTIFY_URL\n", "MITTARISTO_NOTIFY_URL is empty|MITTARISTO_NOTIFY_URL: ''"),
        (b"MITTARISTO_NOTIFY\n", "MITTARISTO_NOTIFY: unknown setting"),
    ],
)
def test_what_an_env_file_does_not_say_clearly_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    dotenv = tmp_path / "named.env"
    dotenv.write_bytes(content)
    for read in (
        lambda: read_settings({}, dotenv),
        lambda: read_settings({"MITTARISTO_DOTENV": str(dotenv)}),
    ):
        with pytest.raises(ConfigurationError, match=says) as error:
            read()
        assert "\n" not in str(error.value)
        assert "secret" not in str(error.value)


def test_an_env_file_that_is_named_must_be_there_and_the_default_need_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_settings({}).contact == ""
    for place in (tmp_path / "misspelt.env", tmp_path):
        with pytest.raises(ConfigurationError, match=f"{place} cannot be read.*check MITTARISTO_DOTENV"):
            read_settings({"MITTARISTO_DOTENV": str(place)})


def test_prefect_s_settings_are_read_from_the_same_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "named.env").write_text("PREFECT_SERVER_API_AUTH_STRING=user:password\n")
    environ = {"MITTARISTO_DOTENV": "named.env"}
    apply_prefect_settings(environ, tmp_path)
    assert environ["PREFECT_SERVER_API_AUTH_STRING"] == "user:password"


def test_an_unknown_setting_in_the_env_file_is_refused_too(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("MITTARISTO_HOEM=/srv\n")
    with pytest.raises(ConfigurationError, match="MITTARISTO_HOEM"):
        read_settings({}, dotenv)


MAIL = {
    "MITTARISTO_SMTP_HOST": "mail.example.org",
    "MITTARISTO_SMTP_FROM": "data@example.org",
    "MITTARISTO_SMTP_TO": "engineer@example.org, coordinator@example.org",
}


def test_where_alarms_go_is_read_as_it_is_said() -> None:
    settings = read_settings(
        MAIL
        | {
            "MITTARISTO_NOTIFY_URL": "https://hooks.example.org/s3cret/",
            "MITTARISTO_SMTP_PORT": "587",
            "MITTARISTO_SMTP_USER": "me",
            "MITTARISTO_SMTP_PASSWORD": "pw-s3cret",
            "MITTARISTO_METRICS_FILE": "/srv/metrics/mittaristo.prom",
        },
        dotenv=None,
    )
    assert settings.notify_url == "https://hooks.example.org/s3cret/", "the slash belongs to it"
    assert (settings.smtp_host, settings.smtp_port) == ("mail.example.org", 587)
    assert (settings.smtp_user, settings.smtp_password) == ("me", "pw-s3cret")
    assert settings.smtp_from == "data@example.org"
    assert settings.smtp_to == ("engineer@example.org", "coordinator@example.org")
    assert settings.metrics_file == Path("/srv/metrics/mittaristo.prom")
    assert "s3cret" not in repr(settings)


def test_without_these_settings_nobody_is_told_and_no_file_is_written() -> None:
    settings = read_settings({}, dotenv=None)
    assert (settings.notify_url, settings.smtp_host, settings.metrics_file) == ("", "", None)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"MITTARISTO_SMTP_HOST": None}, "MITTARISTO_SMTP_HOST is missing"),
        ({"MITTARISTO_SMTP_FROM": None}, "MITTARISTO_SMTP_FROM is missing"),
        ({"MITTARISTO_SMTP_TO": None}, "MITTARISTO_SMTP_TO is missing"),
        ({"MITTARISTO_SMTP_USER": "me"}, "MITTARISTO_SMTP_PASSWORD is missing"),
        ({"MITTARISTO_SMTP_PASSWORD": "pw-s3cret"}, "MITTARISTO_SMTP_USER is missing"),
        ({"MITTARISTO_SMTP_PORT": "smtp"}, "MITTARISTO_SMTP_PORT: 'smtp' is no port"),
        ({"MITTARISTO_SMTP_PORT": "65536"}, "MITTARISTO_SMTP_PORT: '65536' is no port"),
        ({"MITTARISTO_SMTP_TO": "engineer"}, "MITTARISTO_SMTP_TO: 'engineer' is no mail address"),
        ({"MITTARISTO_SMTP_TO": "a@example.org,,b@example.org"}, "'' is no mail address"),
        ({"MITTARISTO_SMTP_FROM": "a@example.org\nBcc: x@example.org"}, "is no mail address"),
    ],
)
def test_mail_that_is_set_in_part_or_wrong_is_one_line(changed: dict[str, str | None], says: str) -> None:
    environ = {name: text for name, text in (MAIL | changed).items() if text is not None}
    with pytest.raises(ConfigurationError) as error:
        read_settings(environ, dotenv=None)
    assert says in str(error.value)
    assert "pw-s3cret" not in str(error.value)
    assert "\n" not in str(error.value)


def test_a_webhook_that_is_no_address_is_not_repeated() -> None:
    with pytest.raises(ConfigurationError) as error:
        read_settings({"MITTARISTO_NOTIFY_URL": "hooks.example.org/s3cret"}, dotenv=None)
    assert "s3cret" not in str(error.value)
