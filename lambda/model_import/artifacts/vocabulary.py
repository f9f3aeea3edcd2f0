"""Read the token ids of `tokenizer.json` piece by piece: it is large, and json would make 25 bytes of each of its own.

The grammar is JSON's. Runs of simple members are matched by one regular expression each, at the speed of C; only the
vocabulary's ids and those of added tokens are kept. Memory is that of a few pieces, whatever the file holds.
"""

from __future__ import annotations

import re
from codecs import getincrementaldecoder
from collections.abc import Iterator
from typing import Final, NamedTuple

PIECE: Final = 2 * 1024 * 1024
"""Bytes of one read. Flan-T5's `precompiled_charsmap`, the longest text of a published file, has 316,720."""
_DEEPEST: Final = 100
_MOST_CONTAINERS: Final = 50_000
"""Objects and lists beside flat lists: Gemma 3's 6,242 added tokens are the most of a published file."""
_SHOWN = 20

_SPACE = rb"[ \t\r\n]*+"
_TEXT = rb'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"'
# A number or a word is complete where something else follows.
_BARE = rb"(?:-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][-+]?+[0-9]++)?+|true|false|null)(?=[ \t\r\n,\]}])"
_SCALAR = rb"(?:" + _TEXT + rb"|" + _BARE + rb")"
_FLAT = rb"\[" + _SPACE + rb"(?:" + _SCALAR + _SPACE + rb"(?:," + _SPACE + _SCALAR + _SPACE + rb")*+)?+\]"
_ELEMENT = rb"(?:" + _SCALAR + rb"|" + _FLAT + rb")" + _SPACE + rb"," + _SPACE
_MEMBER = _TEXT + _SPACE + rb":" + _SPACE + _SCALAR + _SPACE + rb"," + _SPACE
_ELEMENTS = re.compile(rb"(?:" + _ELEMENT + rb")++")
_MEMBERS = re.compile(rb"(?:" + _MEMBER + rb")++")
_EACH_ELEMENT = re.compile(_ELEMENT)
_IDS = re.compile(_TEXT + _SPACE + rb":" + _SPACE + rb"(-?[0-9]++)(?=[ \t\r\n,])")
_NAMED_IDS = re.compile(rb'(?:^|(?<=[, \t\r\n]))"id"' + _SPACE + rb":" + _SPACE + rb"(-?[0-9]++)(?=[ \t\r\n,])")
_TOKEN = re.compile(_SPACE + rb"([{}\[\],:]|" + _SCALAR + rb")" + _SPACE)
_WHOLE = re.compile(rb"-?[0-9]{1,18}")


class NotJsonError(ValueError):
    """The text is no JSON object; the message says at which byte."""


class Ids(NamedTuple):
    """The largest ids.

    Attributes:
        has_vocabulary: True if `model.vocab` is an object or a list.
        largest: Largest id of the vocabulary; None where it is empty.
        largest_added: Largest id of the added tokens; None where there are none.
    """

    has_vocabulary: bool
    largest: int | None
    largest_added: int | None


def read_ids(pieces: Iterator[bytes]) -> Ids:
    """Read the ids.

    Args:
        pieces: The file's bytes, in order.

    Raises:
        NotJsonError: It is no JSON object, a text in it is longer than two pieces, or it has too many objects.
    """
    return _Scanner(pieces).run()


class _Scanner:
    """Walks one document; `_path` has the key of each open object, or None for a list."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._buffer = b""
        self._at = 0
        self._before = 0
        self._closers: list[bytes] = []
        self._path: list[bytes | None] = []
        self._vocabulary = b""
        self._count = 0
        self._containers = 0
        self._decoder = getincrementaldecoder("utf-8")()
        self._largest: int | None = None
        self._added: int | None = None

    def run(self) -> Ids:
        if self._next() != b"{":
            raise self._fault()
        self._open(b"{")
        while self._closers:
            self._value_or_end(self._closers[-1])
        self._more()
        if self._buffer[self._at :].strip(b" \t\r\n") or self._more():
            raise self._fault()
        if self._vocabulary == b"[":
            self._largest = self._count - 1 if self._count else None
        return Ids(bool(self._vocabulary), self._largest, self._added)

    def _value_or_end(self, closer: bytes) -> None:
        """Read the members of the innermost container up to one that is a container itself, or to its end."""
        if self._run_of_members(closer):
            return
        token = self._next()
        if token == closer and self._may_end:
            self._close()
            return
        if closer == b"}":
            if not token.startswith(b'"') or self._next() != b":":
                raise self._fault()
            self._path[-1] = token[1:-1]
            token = self._next()
        if token in (b"{", b"["):
            self._open(token)
            return
        if token in (b"}", b"]", b",", b":"):
            raise self._fault()
        self._scalar(token)
        self._after_value()

    def _run_of_members(self, closer: bytes) -> bool:
        match = (_MEMBERS if closer == b"}" else _ELEMENTS).match(self._buffer, self._at)
        if match is None:
            return False
        run, self._at = match[0], match.end()
        self._may_end = False
        if self._in(b"model", b"vocab"):
            if closer == b"]":
                self._count += sum(1 for _ in _EACH_ELEMENT.finditer(run))
            else:
                self._largest = _larger(self._largest, _IDS.findall(run))
        elif self._in_added():
            self._added = _larger(self._added, _NAMED_IDS.findall(run))
        return True

    def _scalar(self, token: bytes) -> None:
        if self._in(b"model", b"vocab"):
            if self._closers[-1] == b"]":
                self._count += 1
            elif _WHOLE.fullmatch(token):
                self._largest = _larger(self._largest, [token])
        elif self._in_added() and self._path[-1] == b"id" and _WHOLE.fullmatch(token):
            self._added = _larger(self._added, [token])

    def _open(self, token: bytes) -> None:
        self._containers += 1
        if self._containers > _MOST_CONTAINERS:
            raise NotJsonError(f"it has more than {_MOST_CONTAINERS} objects, which no tokenizer has")
        if len(self._closers) >= _DEEPEST:
            raise NotJsonError(f"it is nested deeper than {_DEEPEST} at byte {self._before + self._at}")
        if self._in(b"model", b"vocab") and self._closers[-1] == b"]":
            self._count += 1
        self._closers.append(b"}" if token == b"{" else b"]")
        self._path.append(None)
        self._may_end = True
        if len(self._path) == 3 and self._path[:2] == [b"model", b"vocab"]:
            self._vocabulary, self._count, self._largest = token, 0, None

    def _close(self) -> None:
        self._closers.pop()
        self._path.pop()
        if self._closers:
            self._after_value()

    def _after_value(self) -> None:
        """Read what follows a value: a comma, or the end of its container."""
        token = self._next()
        if token == b",":
            self._may_end = False
        elif token == self._closers[-1]:
            self._close()
        else:
            raise self._fault()

    def _in(self, *keys: bytes) -> bool:
        """Return whether the innermost container is the one at these keys from the top."""
        return len(self._path) == len(keys) + 1 and self._path[:-1] == list(keys)

    def _in_added(self) -> bool:
        return len(self._path) == 3 and self._path[0] == b"added_tokens" and self._path[1] is None

    def _next(self) -> bytes:
        while True:
            match = _TOKEN.match(self._buffer, self._at)
            # At the buffer's end more may belong to it.
            if match is not None and (match.end() < len(self._buffer) or not self._more()):
                self._at = match.end()
                return match[1]
            if match is None and not self._more():
                raise self._fault()

    def _more(self) -> bool:
        """Append the next piece to what is not read yet; return False at the end."""
        piece = next(self._pieces, b"")
        try:
            self._decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            raise NotJsonError(f"it is not UTF-8: {error.reason}") from error
        if not piece:
            return False
        rest = self._buffer[self._at :]
        if len(rest) > 2 * PIECE:
            raise NotJsonError(f"a text is longer than {2 * PIECE} bytes at byte {self._before + self._at}")
        self._before += self._at
        self._buffer, self._at = rest + piece, 0
        return True

    def _fault(self) -> NotJsonError:
        found = self._buffer[self._at : self._at + _SHOWN]
        return NotJsonError(f"unexpected {found!r} at byte {self._before + self._at}")


def _larger(largest: int | None, written: list[bytes]) -> int | None:
    found = max((int(text) for text in written if _WHOLE.fullmatch(text)), default=None)
    return max((one for one in (largest, found) if one is not None), default=None)
