"""How settings are read: environment, secret files, TOML file, defaults, in this order; every problem told at once."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, InitSettingsSource

from config.settings import KEPT_APART, PREFIX, SECRETS, Settings
from config.values import without_password

CONFIG = f"{PREFIX}CONFIG"
SECRETS_DIR = f"{PREFIX}SECRETS_DIR"


class SettingsError(Exception):
    """What is wrong with the settings; str() is one line a problem: the name, the value, what is allowed."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))


def variable(field: str) -> str:
    """Give the name a setting has in the environment."""
    return PREFIX + field.upper()


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings that `environ` and the files it names hold.

    Precedence: SMARTGATE_X, then the file SMARTGATE_X_FILE names or SMARTGATE_X in the folder SMARTGATE_SECRETS_DIR
    names (secrets only), then the TOML file SMARTGATE_CONFIG names, then the default. An empty value counts as unset.

    Raises SettingsError: for wrong values, names that are unknown, and files that can't be read.
    """
    problems: list[str] = []
    secrets, secret_origins = _secret_files(environ, problems)
    file = _toml(environ, problems)
    table = {key: value for key, value in file.items() if key in Settings.model_fields and value != ""}
    environment = _Environment(Settings, environ)
    origins = {
        **dict.fromkeys(table, f"file {environ.get(CONFIG)}"),
        **secret_origins,
        **{field: f"environment {variable(field)}" for field in environment()},
    }
    problems += _unknown_variables(environ) + _unknown_keys(file, environ)
    settings = None
    sources = (environment, InitSettingsSource(Settings, secrets), InitSettingsSource(Settings, table))
    try:
        settings = Settings(_build_sources=(sources, {}))
    except ValidationError as error:
        problems += [_wrong(detail, origins) for detail in error.errors(include_url=False)]
    if settings is None or problems:
        raise SettingsError(problems)
    settings._origins.update(origins)
    return settings


class _Environment(EnvSettingsSource):
    """The environment as a mapping that is handed in, so that reading it needs no global state."""

    def __init__(self, model: type[BaseSettings], environ: Mapping[str, str]) -> None:
        self._environ = environ
        super().__init__(model)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {name.lower(): value for name, value in self._environ.items() if value and name == name.upper()}


def _secret_files(environ: Mapping[str, str], problems: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Read each secret that lies in a file of its own; a line end at its end is none of it."""
    found: dict[str, str] = {}
    origins: dict[str, str] = {}
    folder = environ.get(SECRETS_DIR)
    if folder and not _may_enter(folder):
        problems.append(
            f"{SECRETS_DIR}: {folder!r} is no folder we may enter; allowed: a folder with one file per secret"
        )
        folder = None
    for field in sorted(KEPT_APART):
        name = variable(field)
        named, inside = environ.get(f"{name}_FILE"), Path(folder, name) if folder else None
        if not named and (inside is None or not inside.exists()):
            continue
        path = Path(named) if named else inside
        try:
            found[field] = Path(path or "").read_text("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"{name}_FILE: {str(path)!r} can't be read ({_why(error)}); allowed: a readable text file")
            continue
        origins[field] = f"file {path}"
    return found, origins


def _may_enter(folder: str) -> bool:
    try:
        Path(folder, variable("secret_key")).exists()
    except OSError:
        return False
    return os.path.isdir(folder)


def _toml(environ: Mapping[str, str], problems: list[str]) -> dict[str, Any]:
    """Read the TOML file, if one is named."""
    path = environ.get(CONFIG)
    if not path:
        return {}
    try:
        return tomllib.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError) as error:
        problems.append(f"{CONFIG}: {path!r} can't be read ({_why(error)}); allowed: a readable TOML file")
        return {}


def _why(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)


def _unknown_variables(environ: Mapping[str, str]) -> list[str]:
    known = {variable(field) for field in Settings.model_fields}
    known |= {f"{variable(field)}_FILE" for field in KEPT_APART}
    known |= {CONFIG, SECRETS_DIR}
    return [
        f"{name} is no setting{_nearest(name, known)}"
        for name in sorted(environ)
        if name.startswith(PREFIX) and name not in known
    ]


def _unknown_keys(found: Mapping[str, Any], environ: Mapping[str, str]) -> list[str]:
    known = set(Settings.model_fields)
    return [f"{key!r} in {environ[CONFIG]} is no setting{_nearest(key, known)}" for key in found if key not in known]


def _nearest(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else "; docs/settings.md lists every setting"


def _wrong(detail: Mapping[str, Any], origins: Mapping[str, str]) -> str:
    """Put one wrong value in words: the name, the value (never a secret), what is wrong with it, what is allowed."""
    field = str(detail["loc"][0])
    shown = "***" if field in SECRETS else repr(without_password(str(detail["input"])))
    context = detail.get("ctx", {}).get("error")
    reason = f" {context}" if isinstance(context, ValueError) else " is not allowed"
    origin = origins.get(field, "")
    where = f" (from {origin})" if origin.startswith("file") else ""
    return f"{variable(field)}: {shown}{where}{reason}; allowed: {allowed(Settings.model_fields[field])}"


def allowed(field: FieldInfo) -> str:
    """Give the words for what a setting may hold."""
    extra = field.json_schema_extra
    return str(extra["allowed"]) if isinstance(extra, dict) else ""
