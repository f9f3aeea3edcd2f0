"""Reading a container's environment, with everything that is wrong in it."""

from __future__ import annotations

from collections.abc import Collection, Mapping


class EnvironmentReader:
    """Reads variables and keeps what is wrong with them, so that all of it is reported at once.

    Attributes:
        environment: The variables.
        problems: The problems that were found, one text each.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Read from `environment`."""
        self.environment = environment
        self.problems: list[str] = []

    def positive(self, *names: str, default: int) -> int:
        """Return the first of the variables `names` that is set, as an integer of at least 1."""
        for name in names:
            value = self.environment.get(name)
            if value is None:
                continue
            if value.isdecimal() and int(value) > 0:
                return int(value)
            self.problems.append(f"{name}={value!r} is not a positive integer")
            return default
        return default

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return whether the variable `name` is `true`."""
        value = self.environment.get(name)
        return default if value is None else value.lower() == "true"

    def switch(self, name: str) -> bool:
        """Return whether the variable `name` is a switch that is on: `true`, or set and empty.

        AWS's vLLM image makes an argument of each variable (its entry point): of an empty one, and of `true`, without a
        value; of `false` none.
        """
        value = self.environment[name].lower()
        if value not in ("", "true", "false"):
            self.problems.append(f"{name}={value!r} is neither empty nor true or false: it takes no value")
        return value in ("", "true")

    def choice(self, name: str, allowed: Collection[str]) -> str | None:
        """Return the variable `name`, which has to be one of `allowed`, or None where it is not set."""
        value = self.environment.get(name)
        if value is not None and value not in allowed:
            self.problems.append(f"{name}={value!r} is none of {', '.join(allowed)}")
            return None
        return value
