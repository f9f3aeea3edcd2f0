"""Read files of a folder for the check: an unreadable file becomes a finding."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from model_import.artifacts.findings import Findings, shown
from model_import.artifacts.folder import File, Folder, ReadError

DOCUMENT_LIMIT = 16 * 1024 * 1024
"""Bytes of a JSON document that the check reads."""
_LFS_POINTER = b"version https://git-lfs"


class Contents:
    """A folder's files while it is checked.

    Attributes:
        folder: The folder.
        files: The folder's files, by name.
        found: Collects the findings.
        digests: SHA-256 of the bytes that were read, by file.
    """

    def __init__(self, folder: Folder, files: Mapping[str, File], found: Findings) -> None:
        self.folder = folder
        self.files = files
        self.found = found
        self.digests: dict[str, str] = {}

    def document(self, name: str, *, limit: int = DOCUMENT_LIMIT) -> dict[str, Any] | None:
        """Read a JSON object.

        Args:
            name: The file's name.
            limit: Most bytes that are read.

        Returns:
            The object, or None where there is no such file, or it cannot be read; only the latter is a finding.
        """
        if name not in self.files:
            return None
        body = self._whole(name, limit)
        if body is None:
            return None
        self.digests[name] = hashlib.sha256(body).hexdigest()
        if body.startswith(_LFS_POINTER):
            self.found.error(
                "lfs-pointer", name, "it is a pointer of Git LFS, not the file", "run `git lfs pull` first"
            )
            return None
        try:
            text = body.decode("utf-8")
            # A large tokenizer's bytes and text together would be too much.
            del body
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            self.found.error("not-json", name, f"it is not JSON: {shown(str(error))}", "a JSON object")
            return None
        if not isinstance(document, dict):
            self.found.error("not-json", name, f"it is {shown(document)}", "a JSON object")
            return None
        return document

    def text(self, name: str, *, limit: int) -> str | None:
        """Read a text in UTF-8; other bytes become replacement characters.

        Args:
            name: Name of a file that there is.
            limit: Most bytes that are read.

        Returns:
            The text, or None where it cannot be read, which is a finding.
        """
        body = self._whole(name, limit)
        return None if body is None else body.decode("utf-8", "replace")

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


def integer(document: Mapping[str, Any], *fields: str) -> int | None:
    """Return the first of some fields that is an integer (true and false are none)."""
    values = (document.get(field) for field in fields)
    return next((value for value in values if isinstance(value, int) and not isinstance(value, bool)), None)
