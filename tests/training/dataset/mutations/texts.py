"""Faults in the bytes of data files: encodings, line ends, JSON and CSV that other people write."""

from __future__ import annotations

import random
from collections.abc import Callable

Change = Callable[[random.Random, bytes], bytes | None]


def _line(chance: random.Random, body: bytes, replace: Callable[[bytes], bytes]) -> bytes:
    lines = body.split(b"\n")
    at = chance.randrange(max(1, len(lines) - 1))
    lines[at] = replace(lines[at])
    return b"\n".join(lines)


def blank(chance: random.Random, body: bytes) -> bytes:
    """Add a blank line: first, last, or between."""
    empty = chance.choice((b"\n", b"  \n", b"\t\n", b"\r\n", b"\n\n"))
    lines = body.splitlines(keepends=True)
    at = chance.choice((0, len(lines), chance.randrange(len(lines) + 1)))
    return b"".join([*lines[:at], empty, *lines[at:]])


def line_ends(chance: random.Random, body: bytes) -> bytes:
    """Write other line ends, or none at the end."""
    return chance.choice((body.replace(b"\n", b"\r\n"), body.rstrip(b"\n"), body.replace(b"\n", b"\r")))


def encoding(chance: random.Random, body: bytes) -> bytes | None:
    """Write another encoding, or a mark of one."""
    text = body.decode("utf-8", "replace")
    way = chance.randrange(6)
    if way == 0:
        return b"\xef\xbb\xbf" + body
    if way == 1:
        return text.encode("latin-1", "replace")
    if way == 2:
        return text.encode("utf-16")
    if way == 3:
        return _line(chance, body, lambda line: line[:10] + b"\xff" + line[10:])
    if way == 4:
        return body.replace(b"question", b"que\x00stion", 1) if b"question" in body else None
    return _line(chance, body, lambda line: line + b"\x0c")


def json_syntax(chance: random.Random, body: bytes) -> bytes | None:
    """Write a line that is no JSON, or is JSON to some readers alone."""
    if not body.startswith((b"{", b"[")):
        return None
    ways: tuple[Callable[[bytes], bytes], ...] = (
        lambda line: line[:-1],
        lambda line: line[:-1] + b",}",
        lambda line: line + b",",
        lambda line: line + line,
        lambda line: line + b" " + line,
        lambda line: b"// x\n" + line,
        lambda line: line.replace(b'"', b"'"),
        lambda line: line[:-1] + b', "x": NaN}',
        lambda line: line[:-1] + b', "x": -Infinity}',
        lambda line: line[:-1] + b', "x": 1e999}',
        lambda line: line[:-1] + b', "x": -0}',
        lambda line: line[:-1] + b', "x": 01}',
        lambda line: line[:-1] + b', "x": 1, "x": 2}',
        lambda line: line[:-1] + b', "x": "\\ud800"}',
        lambda line: line[:-1] + b', "x": "tab\there"}',
        lambda line: line[:-1] + b', "x": "\\x41"}',
        lambda line: b"null",
        lambda line: b"[]",
        lambda line: b"{}",
        lambda line: b"7",
        lambda line: b'"text"',
        lambda line: b"   " + line + b"   ",
        lambda line: line.replace(b", ", b",\n  "),
        lambda line: line[:-1] + b', "x": ' + b"[" * 80 + b"]" * 80 + b"}",
    )
    way = chance.choice(ways)
    if chance.random() < 0.1:
        return b"[" + body.rstrip(b"\n").replace(b"\n", b",\n") + b"]\n"
    return _line(chance, body, way)


def csv_syntax(chance: random.Random, body: bytes) -> bytes | None:
    """Write rows that readers of CSV differ about."""
    if b"," not in body.partition(b"\n")[0] and not body.startswith(b"text"):
        return None
    ways: tuple[Callable[[bytes], bytes], ...] = (
        lambda line: line + b",more",
        lambda line: line.partition(b",")[0],
        lambda line: b'an "inner" quote,x',
        lambda line: b'"never closed,x',
        lambda line: b'"two\nlines",x',
        lambda line: b'"closed"too early,x',
        lambda line: b"NA,x",
        lambda line: b",",
        lambda line: b"null,x",
        lambda line: b"7,x",
        lambda line: b"true,x",
        lambda line: b"2024-01-31,x",
        lambda line: b'"with ""quotes""",x',
        lambda line: b" padded ,x",
        lambda line: line.replace(b",", b";"),
        lambda line: line.replace(b",", b"\t"),
        lambda line: b"# comment,x",
        lambda line: b"nul\x00byte,x",
    )
    if chance.random() < 0.15:
        head, _, rest = body.partition(b"\n")
        name = chance.choice((b"Text", b"text,text", b"", b",text", b"text,", b'"text"', b" text", b"other"))
        return name + b"\n" + rest
    if chance.random() < 0.15:
        head, _, rest = body.partition(b"\n")
        value = chance.choice((b"7", b"7.5", b"2024-01-31", b"True", b"NA", b"1e5", b"007"))
        return head + b"\n" + b"".join(value + b",x\n" for _ in rest.splitlines())
    return _line(chance, body, chance.choice(ways))


def lines_of_text(chance: random.Random, body: bytes) -> bytes | None:
    """Write characters that some readers take for line ends, or a long line."""
    odd = chance.choice(("\u2028", "\x85", "\x0b", "\x0c", "\x1c", "\r", "\t", "\ufeff", "\x00", "word " * 1000))
    return _line(chance, body, lambda line: line[:5] + odd.encode() + line[5:])


CHANGES: dict[str, tuple[int, Change]] = {
    "blank line": (2, blank),
    "line ends": (1, line_ends),
    "encoding": (3, encoding),
    "JSON": (4, json_syntax),
    "CSV": (4, csv_syntax),
    "characters": (1, lines_of_text),
}
"""By name: how often, and what; the first two and the third, of any text."""
