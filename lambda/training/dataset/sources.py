"""Sources of data, which are read in chunks: the interface, and a local folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from training.dataset.faults import ascii_text

CHUNK_BYTES: Final = 2**20
"""Bytes that are read at once."""


class SourceError(Exception):
    """The data cannot be read. The message has names of files, escaped, which whoever uploads them chooses."""

    def __init__(self, message: str) -> None:
        super().__init__(ascii_text(message))


class File(NamedTuple):
    """One file of a source.

    Attributes:
        name: Path below the source, with `/` between folders.
        size: Bytes.
        tag: An ETag or the like that changes with the content, where the source has one.
    """

    name: str
    size: int
    tag: str = ""


class Source(Protocol):
    """A folder of training data."""

    @property
    def uri(self) -> str:
        """Path or URI of the folder."""

    def files(self) -> Sequence[File]:
        """List all files in it and in its folders, sorted by the UTF-8 bytes of their names.

        Raises:
            SourceError: The folder cannot be listed.
        """

    def chunks(self, file: File) -> Iterator[bytes]:
        """Yield the file from its first byte to its last, in chunks of any length.

        Raises:
            SourceError: The file cannot be read, or it changed meanwhile.
        """


class LocalFolder:
    """A local folder, as it would be uploaded: with everything below it."""

    def __init__(self, path: Path | str) -> None:
        """Set the folder; nothing is read yet."""
        self._path = Path(path)

    @property
    def uri(self) -> str:
        """The folder's path."""
        return str(self._path)

    def files(self) -> Sequence[File]:
        """List all files; see `Source.files`."""
        if not self._path.is_dir():
            missing = "is no folder" if self._path.exists() else "does not exist"
            raise SourceError(f"{self._path} {missing}; name the folder that holds the data files")
        try:
            found = [
                File(path.relative_to(self._path).as_posix(), path.stat().st_size)
                for path in self._path.rglob("*")
                if path.is_file()
            ]
        except OSError as error:
            raise SourceError(f"{self._path} cannot be listed: {error.strerror}") from error
        return sorted(found, key=by_name)

    def chunks(self, file: File) -> Iterator[bytes]:
        """Yield the file's content; see `Source.chunks`."""
        try:
            with (self._path / file.name).open("rb", buffering=0) as opened:
                while chunk := opened.read(CHUNK_BYTES):
                    yield chunk
        except OSError as error:
            raise SourceError(f"{self._path / file.name} cannot be read: {error.strerror}") from error


def by_name(file: File) -> bytes:
    """Return the sort key of files in a source and in the hash of the data: the order of S3's listings."""
    return file.name.encode("utf-8", "surrogateescape")
