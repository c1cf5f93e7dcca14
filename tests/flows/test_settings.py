from pathlib import Path

import pytest

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
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(name: str, text: str, says: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        read_settings({name: text}, dotenv=None)
    assert says in str(error.value)
    assert name in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unknown_setting_in_the_env_file_is_refused_too(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("MITTARISTO_HOEM=/srv\n")
    with pytest.raises(ConfigurationError, match="MITTARISTO_HOEM"):
        read_settings({}, dotenv)
