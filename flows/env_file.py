"""The file of settings: .env, or the one that MITTARISTO_DOTENV names."""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from models.errors import ConfigurationError

DOTENV = "MITTARISTO_DOTENV"


def env_file(environ: Mapping[str, str], default: Path | None = Path(".env")) -> dict[str, str | None]:
    """What the file of settings sets, None for a name without a value. `default` is read where none is named.

    The default alone may be missing. Raises ConfigurationError, one line, for a file or line that cannot be read.
    """
    named = environ.get(DOTENV)
    if named is None and (default is None or not default.is_file()):
        return {}
    path = Path(named) if named is not None else default
    assert path is not None  # noqa: S101
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no text in UTF-8"
        raise ConfigurationError(
            f"the settings in {path} cannot be read: {reason}; "
            + (f"check {DOTENV}" if named is not None else "save it as UTF-8, or make it readable")
        ) from error
    for line in parse_stream(StringIO(text)):
        if line.error:  # its text is not shown: it may hold a password
            raise ConfigurationError(
                f"{path}, line {line.original.line}: this is not NAME=value; mend it, or put # before it"
            )
    return dict(dotenv_values(stream=StringIO(text)))
