"""Cloud assemblies of released versions, which the tests of upgrades start from."""

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.upgrade.record import FOLDER, SUFFIX, archive


@dataclass(frozen=True, slots=True)
class Assembly:
    """A cloud assembly in a folder.

    Attributes:
        folder: Where its `manifest.json` is.
    """

    folder: Path

    def templates(self) -> dict[str, dict[str, Any]]:
        """Read the templates of all stacks, by path, such as `dev/mistral-7b-instruct`."""
        return {path: json.loads(file.read_text(encoding="utf-8")) for path, file in _stacks(self.folder)}


def _stacks(folder: Path) -> Iterator[tuple[str, Path]]:
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    for artifact in manifest["artifacts"].values():
        properties = artifact.get("properties", {})
        if artifact["type"] == "cdk:cloud-assembly":
            yield from _stacks(folder / properties["directoryName"])
        elif artifact["type"] == "aws:cloudformation:stack":
            yield artifact["displayName"], folder / properties["templateFile"]


def versions() -> list[str]:
    """List the recorded versions, the oldest first."""
    found = (file.name.removesuffix(SUFFIX) for file in FOLDER.glob(f"*{SUFFIX}"))
    return sorted(found, key=lambda version: [int(part) for part in version.split(".")])


def unpack(version: str, folder: Path) -> Assembly:
    """Unpack a recorded assembly.

    Args:
        version: Such as `0.1.0`.
        folder: An empty folder.

    Raises:
        FileNotFoundError: If no assembly of that version is recorded.
    """
    with tarfile.open(archive(version)) as packed:
        packed.extractall(folder, filter="data")
    return Assembly(folder)
