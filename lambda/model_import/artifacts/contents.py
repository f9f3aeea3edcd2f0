"""Read files of a folder for the check: an unreadable file becomes a finding."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from model_import.artifacts.findings import Findings, shown
from model_import.artifacts.folder import File, Folder, ReadError

DOCUMENT_LIMIT = 4 * 1024 * 1024
"""Most bytes of a JSON document that is read whole. Gemma 3's `tokenizer_config.json` has 1.2 million, and the index of
18,867 tensors (Qwen3 30B) 1.7 million."""
MOST_MEMBERS = 100_000
"""Most members of all objects and lists of such a document: json makes up to 300 bytes of one of 3. That tokenizer has
some 50,000."""
LFS_POINTER = b"version https://git-lfs"
_POINTER = ("it is a pointer of Git LFS, not the file", "run `git lfs pull` first")


class Contents:
    """A folder's files while it is checked.

    Attributes:
        folder: The folder.
        files: The folder's files, by name.
        unreadable: Those that are listed and lead nowhere, such as links, with the reason.
        found: Collects the findings.
        digests: SHA-256 of the bytes that were read, by file.
    """

    def __init__(self, folder: Folder, files: Mapping[str, File], found: Findings) -> None:
        self.folder = folder
        self.files = {name: file for name, file in files.items() if not file.fault}
        self.unreadable = {name: file.fault for name, file in files.items() if file.fault}
        self.found = found
        self.digests: dict[str, str] = {}

    def document(self, name: str, *, limit: int = DOCUMENT_LIMIT, versioned: bool = True) -> dict[str, Any] | None:
        """Read a JSON object.

        Args:
            name: The file's name.
            limit: Most bytes that are read.
            versioned: False for a file whose bytes are no part of the content's version, where it would change with
                them what is imported already.

        Returns:
            The object, or None where there is no such file, or it cannot be read; only the latter is a finding.
        """
        if name not in self.files:
            return None
        body = self._whole(name, limit)
        if body is None:
            return None
        if versioned:
            self.digests[name] = hashlib.sha256(body).hexdigest()
        problem = _problem(body)
        if problem:
            self.found.error(problem[0], name, *problem[1:])
            return None
        try:
            document = json.loads(body.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            self.found.error("not-json", name, f"it is not JSON: {shown(str(error))}", "a JSON object")
            return None
        if not isinstance(document, dict):
            self.found.error("not-json", name, f"it is {shown(document)}", "a JSON object")
            return None
        return document

    def text(self, name: str, *, limit: int) -> str | None:
        """Read a text in UTF-8.

        Args:
            name: Name of a file that there is.
            limit: Most bytes that are read.

        Returns:
            The text, or None where it cannot be read, which is a finding.
        """
        body = self._whole(name, limit)
        if body is None:
            return None
        if body.startswith(LFS_POINTER):
            self.found.error("lfs-pointer", name, *_POINTER)
            return None
        try:
            return body.decode("utf-8")
        except UnicodeDecodeError as error:
            problem = f"it is not UTF-8: {error.reason} at byte {error.start}"
            self.found.error("not-utf8", name, problem, "save it in UTF-8")
            return None

    def pieces(self, name: str, size: int) -> Iterator[bytes]:
        """Yield a file's bytes, so many at a time, and record their digest at the end.

        Args:
            name: Name of a file that there is.
            size: Bytes of a piece.

        Raises:
            ReadError: The file cannot be read.
        """
        digest = hashlib.sha256()
        for start in range(0, self.files[name].size, size):
            piece = self.folder.read(name, start, min(size, self.files[name].size - start))
            digest.update(piece)
            yield piece
        self.digests[name] = digest.hexdigest()

    def _whole(self, name: str, limit: int) -> bytes | None:
        size = self.files[name].size
        if size > limit:
            self.found.error("file-too-large", name, f"it has {size} bytes", f"at most {limit} bytes are read")
            return None
        try:
            return self.folder.read(name, 0, size)
        except ReadError as error:
            self.found.error(error.rule, name, error.problem, error.allowed)
            return None


def _problem(body: bytes) -> tuple[str, str, str] | None:
    """Return the rule, the problem and what is allowed of a text that is not to be parsed; None for one that is."""
    if body.startswith(LFS_POINTER):
        return "lfs-pointer", *_POINTER
    members = most_members(body)
    if members > MOST_MEMBERS:
        return "file-too-large", f"it has up to {members} members", f"at most {MOST_MEMBERS} are read"
    return None


def most_members(body: bytes) -> int:
    """Return the most members that a JSON text can have: each has a comma before it, or is its container's first."""
    return body.count(b",") + body.count(b"{") + body.count(b"[")


def integer(document: Mapping[str, Any], *fields: str) -> int | None:
    """Return the first of some fields that is an integer (true and false are none)."""
    values = (document.get(field) for field in fields)
    return next((value for value in values if isinstance(value, int) and not isinstance(value, bool)), None)
