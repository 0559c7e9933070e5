"""Shows the settings: their values for `config show`, and the reference pages, made from the model."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from config.loading import CONFIG, SECRETS_DIR, allowed, variable
from config.settings import KEPT_APART, Settings
from config.values import without_password

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "settings.md"
SAMPLE = ROOT / "config" / "smartgate.example.toml"


class Described(NamedTuple):
    """One setting as it is shown: texts only, secrets masked. source: "default", "environment NAME" or "file PATH"."""

    name: str
    value: str
    source: str
    default: str
    help: str


def describe(settings: Settings) -> list[Described]:
    """List every setting with its value and where that came from."""
    return [
        Described(
            variable(name),
            _shown(getattr(settings, name)),
            settings._origins.get(name, "default"),
            _default(field),
            field.description or "",
        )
        for name, field in Settings.model_fields.items()
    ]


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return "***"
    if isinstance(value, tuple):
        return ",".join(map(_shown, value))
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else without_password(str(value))


def _default(field: FieldInfo) -> str:
    return "" if field.default_factory is not None else _shown(field.default)


def markdown() -> str:
    """Write the reference page docs/settings.md."""
    lines = [_INTRODUCTION]
    for name, field in Settings.model_fields.items():
        default = f"`{_default(field)}`" if _default(field) else "none"
        lines += [f"### `{variable(name)}`", "", field.description or "", ""]
        lines += [f"- Allowed: {allowed(field)}", f"- Default: {default}"]
        lines += (
            [f"- Secret: may also stand in a file that `{variable(name)}_FILE` names"] if name in KEPT_APART else []
        )
        lines.append("")
    return "\n".join(lines) + "\n"


def sample() -> str:
    """Write the sample file config/smartgate.example.toml: every key with its default, commented out."""
    lines = ["# A sample settings file for smartgate. Name yours in SMARTGATE_CONFIG; the environment wins over it."]
    for name, field in Settings.model_fields.items():
        lines += ["", f"# {field.description}", f"# Allowed: {allowed(field)}"]
        if name in KEPT_APART:
            lines.append(f"# Better kept elsewhere: {variable(name)}_FILE names a file that holds only the secret.")
        lines.append(f"# {name} = {_literal(field)}")
    return "\n".join(lines) + "\n"


def _literal(field: FieldInfo) -> str:
    return _default(field) if isinstance(field.default, int) else f'"{_default(field)}"'


_INTRODUCTION = f"""# Settings

Every setting is a variable of the environment, or a key of a TOML file (`{CONFIG}` names it; a key is the name without
`SMARTGATE_`, in lower case). The environment wins over the file of a secret, that over the TOML file, that over the
default. `smartgate config show` prints what is in force and where it came from.

Lists are separated by commas. An empty value counts as unset. A wrong value or an unknown name stops every command
with one line a problem. A secret may stand in a file of its own: named by the setting's name and `_FILE`, or lying
under the setting's name in the folder `{SECRETS_DIR}` names.

This page is made from the model in `config/settings.py`, `config/mailbox_settings.py` and `config/sign_in_settings.py`
by `make docs`.

## Settings
"""
