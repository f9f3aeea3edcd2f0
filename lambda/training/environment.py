"""Read environment variables, and collect all that is wrong with them."""

import json
from collections.abc import Mapping


class SettingsError(ValueError):
    """The environment is not usable; the message lists every problem, one a line."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        super().__init__("\n".join(self.problems))


class EnvironmentReader:
    """Reads variables and collects what is wrong with them, so that one error can report it all.

    A variable that is empty counts as not set.

    Args:
        environment: Usually `os.environ`.

    Attributes:
        problems: What is wrong, one text a variable.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.problems: list[str] = []

    def optional(self, name: str) -> str | None:
        """Read a variable that may be left out."""
        return self._environment.get(name, "").strip() or None

    def required(self, name: str) -> str:
        """Read a variable that must be set."""
        value = self.optional(name)
        if value is None:
            self.problems.append(f"{name} is not set")
        return value or ""

    def choice(self, name: str, allowed: tuple[str, ...], default: str = "") -> str:
        """Read one of a few values; without a default it must be set."""
        value = self.optional(name) or default
        if not value:
            self.problems.append(f"{name} is not set, must be one of {', '.join(allowed)}")
        elif value not in allowed:
            self.problems.append(f"{name} is {value!r}, must be one of {', '.join(allowed)}")
        return value

    def flag(self, name: str) -> bool:
        """Read `true` or `false`, which it is if not set."""
        return self.choice(name, ("true", "false"), default="false") == "true"

    def optional_integer(self, name: str, *, lowest: int = 1) -> int | None:
        """Read an integer that may be left out."""
        text = self.optional(name)
        if text is None:
            return None
        # isdecimal() accepts digits of other scripts, and int() digits beyond any sensible length.
        if not (text.isascii() and text.isdecimal() and len(text) <= 9 and int(text) >= lowest):
            self.problems.append(f"{name} is {text!r}, must be an integer of at least {lowest}")
            return None
        return int(text)

    def optional_prefix(self, name: str) -> str | None:
        """Read an `s3://` prefix that may be left out."""
        value = self.optional(name)
        if value is not None and not value.startswith("s3://"):
            self.problems.append(f"{name} is {value!r}, must be an s3:// prefix")
        return value

    def prefix(self, name: str) -> str:
        """Read an `s3://` prefix that must be set; return it with a slash at its end."""
        self.required(name)
        return f"{(self.optional_prefix(name) or '').rstrip('/')}/"

    def texts(self, name: str) -> tuple[str, ...]:
        """Read texts that are joined by commas."""
        return tuple(part.strip() for part in (self.optional(name) or "").split(",") if part.strip())

    def mapping(self, name: str) -> dict[str, str]:
        """Read a JSON object of strings that may be left out."""
        value = self.optional(name)
        if value is None:
            return {}
        try:
            parsed = json.loads(value)
        except ValueError as error:
            self.problems.append(f"{name} is not JSON: {error}")
            return {}
        if not isinstance(parsed, dict) or not all(isinstance(one, str) for one in parsed.values()):
            self.problems.append(f"{name} is {value!r}, must be a JSON object of strings")
            return {}
        return parsed
