"""List and read a model's files: the interface, and a local folder."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from model_import.artifacts.findings import shown
from model_import.names import VERSION_DIGITS

MAX_FILES = 10_000
"""Most files that are listed below a folder; no model has nearly as many."""


class FolderError(Exception):
    """The folder as a whole cannot be read. The arguments are a finding's `rule`, `problem` and `allowed`."""

    def __init__(self, rule: str, problem: str, allowed: str) -> None:
        super().__init__(f"{problem} ({allowed})")
        self.rule, self.problem, self.allowed = rule, problem, allowed


class ReadError(FolderError):
    """One file cannot be read."""


class File(NamedTuple):
    """A file of a folder.

    Attributes:
        size: Bytes.
        tag: Changes with the content: S3's ETag; empty on a disk.
        fault: Reason for which it cannot be read, such as a link that leads nowhere; empty for a sound file.
    """

    size: int
    tag: str = ""
    fault: str = ""


class Folder(Protocol):
    """A folder with a model; several threads may read at once."""

    @property
    def place(self) -> str:
        """The folder as its owner names it; ends with a slash."""

    def files(self) -> Mapping[str, File]:
        """List all files, including those in subfolders, by their paths below the folder.

        Raises:
            FolderError: The folder cannot be listed.
        """

    def read(self, name: str, start: int, length: int) -> bytes:
        """Read `length` bytes of a file from `start`, fewer at its end.

        Raises:
            ReadError: The file cannot be read.
        """


class LocalFolder:
    """A local folder."""

    def __init__(self, path: Path) -> None:
        """Set the folder; nothing is opened yet."""
        self._path = path

    @property
    def place(self) -> str:
        """The path, with a slash at its end where it is a folder."""
        return f"{str(self._path).rstrip('/')}/" if self._path.is_dir() else str(self._path)

    def files(self) -> Mapping[str, File]:
        """See `Folder.files`.

        Links to files are followed, as Hugging Face's cache consists of them; those to folders, and folders whose names
        begin with a dot, are not.
        """
        if self._path.is_file():
            raise FolderError("not-a-folder", f"{self._path} is a file", "name the folder that holds config.json")
        if not self._path.is_dir():
            raise FolderError("no-folder", f"there is no folder {self._path}", "name the folder that holds config.json")
        found: dict[str, File] = {}
        for folder, below, names in os.walk(self._path, onerror=self._unlisted):
            below[:] = sorted(name for name in below if not name.startswith("."))
            for name in sorted(names):
                path = Path(folder) / name
                file = _file(path)
                if file is not None:
                    found[path.relative_to(self._path).as_posix()] = file
                if len(found) > MAX_FILES:
                    raise too_many(self.place)
        if not found:
            raise FolderError("no-folder", f"{self.place} holds no files", "name the folder that holds config.json")
        return found

    def _unlisted(self, error: OSError) -> None:
        # What cannot be listed below it is no part of the model.
        if error.filename == str(self._path):
            problem = f"{self.place} cannot be listed: {error.strerror}"
            raise FolderError("unreadable", problem, "a folder that you may read") from error

    def read(self, name: str, start: int, length: int) -> bytes:
        """See `Folder.read`."""
        try:
            with (self._path / name).open("rb") as file:
                file.seek(start)
                return file.read(length)
        except OSError as error:
            raise ReadError("unreadable", f"it cannot be read: {error.strerror}", "a file that you may read") from error


def _file(path: Path) -> File | None:
    """Return a file of a folder, or None for what is none, such as a socket."""
    try:
        status = path.stat()
    except OSError as error:
        try:
            target = os.readlink(path)
        except OSError:
            return File(0, fault=f"it cannot be read: {error.strerror}")
        return File(0, fault=f"it is a link to {shown(target)}, and that leads to no file: {error.strerror}")
    return File(status.st_size) if stat.S_ISREG(status.st_mode) else None


def too_many(place: str) -> FolderError:
    """Make the error for a folder with too many files for one model."""
    return FolderError(
        "too-many-files", f"{place} holds more than {MAX_FILES} files", "name the folder that holds one model"
    )


def content_version(files: Mapping[str, File], digests: Mapping[str, str]) -> str:
    """Compute the version of a model, which changes with its content.

    The version is a hash of S3's listing (names, sizes, ETags) and of the bytes that the check reads anyway. Files in
    subfolders and hidden ones are not part of a model. Uploading the same bytes again in other parts changes ETags, and
    so the version: one import too many rather than one too few. A local folder has no ETags, so that only the headers
    and the sizes distinguish two trainings.

    Args:
        files: All files.
        digests: SHA-256 of the bytes that were read of a file (a header, or a small file whole), in hex.

    Returns:
        12 hexadecimal digits, as in names.
    """
    hashed = hashlib.sha256()
    for name in sorted(files):
        if "/" not in name and not name.startswith("."):
            # Names of files cannot contain a zero byte, so that different listings are different texts.
            fields = (name, str(files[name].size), files[name].tag, digests.get(name, ""))
            hashed.update("\0".join(fields).encode("utf-8", "surrogatepass") + b"\0\n")
    return hashed.hexdigest()[:VERSION_DIGITS]
