"""How a field of the settings is written down: its default, one sentence of help, what is allowed."""

from __future__ import annotations

from typing import Any

from pydantic import Field


def setting(default: Any, help: str, allowed: str) -> Any:
    """A setting with what is allowed in words."""
    return Field(default=default, description=help, json_schema_extra={"allowed": allowed}, validate_default=True)


def number(default: int, low: int, high: int, help: str) -> Any:
    """A whole number within bounds."""
    allowed = f"a whole number from {low} to {high}"
    return Field(default=default, ge=low, le=high, description=help, json_schema_extra={"allowed": allowed})
