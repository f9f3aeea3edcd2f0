"""Reading environment variables, and gathering all that is wrong with them."""

from collections.abc import Mapping


class SettingsError(ValueError):
    """The environment is not usable; the message lists every problem, one per line."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


class EnvironmentReader:
    """Reads variables and gathers what is wrong with them, so that one error can name it all.

    A variable that is empty counts as not set. A number that is missing or wrong is read as 0.

    Args:
        environment: usually `os.environ`.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.problems: list[str] = []

    def optional(self, name: str) -> str | None:
        """A variable that may be left out."""
        return self._environment.get(name, "").strip() or None

    def required(self, name: str) -> str:
        """A variable that must be set."""
        value = self.optional(name)
        if value is None:
            self.problems.append(f"{name} is not set")
        return value or ""

    def refuse(self, name: str, reason: str) -> None:
        """Take down a variable that is set and has no meaning."""
        if self.optional(name) is not None:
            self.problems.append(f"{name} is set, but {reason}: it must be left out")

    def choice(self, name: str, allowed: tuple[str, ...], default: str = "") -> str:
        """One of a few values; without a default it must be set."""
        value = self.optional(name) or default
        if not value:
            self.problems.append(f"{name} is not set, must be one of {', '.join(allowed)}")
        elif value not in allowed:
            self.problems.append(f"{name} is {value!r}, must be one of {', '.join(allowed)}")
        return value

    def flag(self, name: str) -> bool:
        """`true` or `false`, which it is if not set."""
        return self.choice(name, ("true", "false"), default="false") == "true"

    def integer(self, name: str, *, lowest: int, highest: int | None = None) -> int:
        """A number that must be set, in a range with its ends."""
        text = self.required(name)
        return self._parse(name, text, lowest, highest) if text else 0

    def optional_integer(self, name: str, *, lowest: int) -> int | None:
        """A number that may be left out."""
        text = self.optional(name)
        return self._parse(name, text, lowest, None) if text else None

    def _parse(self, name: str, text: str, lowest: int, highest: int | None) -> int:
        allowed = f"an integer of at least {lowest}" if highest is None else f"an integer from {lowest} to {highest}"
        # isdecimal() accepts digits of other scripts, and int() digits beyond any sensible length.
        if not (text.isascii() and text.isdecimal() and len(text) <= 9):
            self.problems.append(f"{name} is {text!r}, must be {allowed}")
            return 0
        number = int(text)
        if number < lowest or (highest is not None and number > highest):
            self.problems.append(f"{name} is {number}, must be {allowed}")
            return 0
        return number
