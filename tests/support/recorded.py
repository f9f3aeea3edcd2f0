"""Record which members of an event or an environment a handler reads."""

from typing import Any


class Recorded(dict[str, Any]):
    """A dictionary that records the names that are looked up in it.

    Attributes:
        read: The names.
    """

    def __init__(self, *args: Any, **members: Any) -> None:
        super().__init__(*args, **members)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        """Return a member, and record its name."""
        self.read.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a member or a default, and record its name."""
        self.read.add(name)
        return super().get(name, default)
