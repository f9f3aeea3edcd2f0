"""Read environment variables, and collect all that is wrong with them."""

from collections.abc import Mapping


class SettingsError(ValueError):
    """The environment is not usable; the message lists every problem, one a line."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


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

    def optional(self, name: str, default: str = "") -> str:
        """Read a variable that may be left out."""
        return self._environment.get(name, "").strip() or default

    def text(self, name: str, default: str = "") -> str:
        """Read a text that may be left out, with the white space around it."""
        return self._environment.get(name, "") or default

    def required(self, name: str) -> str:
        """Read a variable that must be set."""
        value = self.optional(name)
        if not value:
            self.problems.append(f"{name} is not set")
        return value

    def choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        """Read one of a few values."""
        value = self.optional(name, default)
        if value not in allowed:
            self.problems.append(f"{name} is {value!r}, must be one of {', '.join(allowed)}")
        return value

    def optional_integer(self, name: str, default: int, *, lowest: int = 1) -> int:
        """Read an integer that may be left out."""
        text = self.optional(name)
        if not text:
            return default
        # isdecimal() accepts digits of other scripts, and int() digits beyond any sensible length.
        if not (text.isascii() and text.isdecimal() and len(text) <= 9 and int(text) >= lowest):
            self.problems.append(f"{name} is {text!r}, must be an integer of at least {lowest}")
            return default
        return int(text)
