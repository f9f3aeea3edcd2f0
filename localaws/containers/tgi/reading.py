"""JSON as Rust's serde reads it: each field has one type, null is one of its own, and unknown fields are ignored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeGuard

from localaws.containers.messages import is_integer, is_number

Check = Callable[[Any], bool]


def is_text(value: Any) -> TypeGuard[str]:
    """Return whether `value` is a string."""
    return isinstance(value, str)


def is_flag(value: Any) -> TypeGuard[bool]:
    """Return whether `value` is a boolean."""
    return isinstance(value, bool)


def is_float(value: Any) -> bool:
    """Return whether `value` is an `f32`."""
    return is_number(value)


def is_unsigned(value: Any) -> bool:
    """Return whether `value` is a `u32` or `u64`."""
    return is_integer(value) and value >= 0


def optional(check: Check) -> Check:
    """Return the check of an `Option`, which takes null too."""
    return lambda value: value is None or check(value)


def list_of(check: Check) -> Check:
    """Return the check of a `Vec`."""
    return lambda value: isinstance(value, list) and all(map(check, value))


def struct(required: Mapping[str, Check], optional_fields: Mapping[str, Check] | None = None) -> Check:
    """Return the check of a struct: fields that must be there, and fields that may be left out."""

    def check(value: Any) -> bool:
        if not isinstance(value, dict):
            return False
        if not all(name in value and holds(value[name]) for name, holds in required.items()):
            return False
        return all(holds(value[name]) for name, holds in (optional_fields or {}).items() if name in value)

    return check
