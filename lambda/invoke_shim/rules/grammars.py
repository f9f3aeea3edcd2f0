"""The bounds of a grammar, in the two notations that engines take: GBNF with `::=`, and Lark's with `:`.

Counts are found anywhere in the text, as notations differ in what is a comment or a string. Their product bounds how
often anything is repeated, however they are nested.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from invoke_shim.rules import regexes
from invoke_shim.rules.checks import text
from invoke_shim.rules.regexes import COUNT, MAX_REPEATS, FormError, number
from invoke_shim.rules.schemas import MAX_FORM, check_size

MAX_PRODUCT = 50_000
"""Product of a grammar's counts. One of JSON with bounds on its numbers and spaces has 18,000."""

MAX_ROUNDS = 16
"""Rounds in which rules that match an empty text are found, each from those of the round before."""

_TIMES = r"~\s*\d+(?:\s*\.\.\s*\d+)?"
_DIRECTIVE = r"^[^\S\n]*%(?!\s*ignore\b)|%\s*(?:json|lark|regex|import|declare|override|extend|llguidance)\b"
_TEMPLATE = r"\w\{\s*[^\W\d]"

_LEXEME = (
    r"(?P<comment>#[^\n]*|//[^\n]*)"
    r'|(?P<string>"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\')'
    r"|(?P<regex>/(?:\\.|[^/\\\n])+/[a-z]*)"
    r"|(?P<define>[?!]{0,2}[^\W\d][\w-]*(?:\.-?\d+)?\s*(?:::=|:))"
    r"|(?P<name>[^\W\d][\w-]*)"
    r"|(?P<count>\{[\s\d,]*\}|~\s*\d+(?:\s*\.\.\s*\d+)?)"
    r"|(?P<mark>[*+?|()\[\]])"
)
_CLASS = r"|(?P<klass>\[(?:\\.|[^\]\\]){0,256}\])"

_Lexeme = tuple[str, str]


def check(value: Any) -> None:
    """Check a grammar.

    Raises:
        FormError: It is no text, or out of bounds.
    """
    if text(value) is not None or len(value) > MAX_FORM:
        raise FormError(f"a grammar of at most {MAX_FORM} characters")
    product = 1
    for found in re.finditer(f"{COUNT}|{_TIMES}", value):
        most = max([1, *map(number, re.findall(r"\d+", found[0]))])
        product *= most
        if most > MAX_REPEATS or product > MAX_PRODUCT:
            raise FormError(f"a grammar whose counts make at most {MAX_REPEATS}, multiplied {MAX_PRODUCT}")
    if re.search(_DIRECTIVE, value, re.MULTILINE):
        raise FormError("a grammar without directives, such as %json or %import, other than %ignore")
    if re.search(_TEMPLATE, value):
        raise FormError("a grammar without templates of rules, such as list{item}")
    is_lark = "::=" not in value
    rules = _rules(value, is_lark=is_lark)
    if is_lark:
        _check_terminals(rules)
    if _order(_firsts(rules)) is None:
        raise FormError("a grammar without a rule that begins with itself, also by way of others")


def _rules(value: str, *, is_lark: bool) -> dict[str, list[_Lexeme]]:
    """Read the rules of a grammar, by name, and check the regular expressions in them."""
    rules: dict[str, list[_Lexeme]] = {}
    body: list[_Lexeme] = []
    # In Lark brackets hold what may be missing, in GBNF characters.
    for found in re.finditer(_LEXEME if is_lark else _CLASS[1:] + "|" + _LEXEME, value):
        kind, word = str(found.lastgroup), found[0]
        if kind == "define":
            name = re.sub(r"^[?!]+|(\.-?\d+)?\s*:.*$", "", word)
            # A rule defined twice has all its bodies.
            body = rules.setdefault(name, [])
            body.append(("mark", "|"))
        elif kind == "regex" and is_lark:
            pattern, _, flags = word[1:].rpartition("/")
            if "x" in flags:
                raise FormError("a grammar whose regular expressions are without the flag x")
            try:
                regexes.measure(pattern)
            except FormError as error:
                raise FormError(f"a grammar whose regular expressions are each {error}") from None
            body.append((kind, pattern))
        elif kind != "comment":
            body.append((kind, word))
    return rules


def _check_terminals(rules: Mapping[str, list[_Lexeme]]) -> None:
    """Check the size of Lark's terminals, whose names are in capitals and which are written out in each other."""
    uses = {
        name: Counter(word for kind, word in body if kind == "name" and word in rules and word.isupper())
        for name, body in rules.items()
        if name.isupper()
    }
    order = _order(uses)
    if order is None:
        raise FormError("a grammar without a terminal that is part of itself")
    sizes: dict[str, int] = {}
    for name in order:
        own = sum(regexes.measure(word) for kind, word in rules[name] if kind == "regex")
        sizes[name] = 1 + own + sum(sizes[used] * times for used, times in uses[name].items())
        check_size(sizes[name])


def _firsts(rules: Mapping[str, list[_Lexeme]]) -> dict[str, set[str]]:
    """Return the rules with which each rule may begin.

    Raises:
        FormError: Rules that match an empty text build on each other too deeply.
    """
    empty: set[str] = set()
    for _ in range(MAX_ROUNDS):
        found = {name: _beginning(body, rules.keys(), empty) for name, body in rules.items()}
        now = {name for name, (is_empty, _firsts_of) in found.items() if is_empty}
        if now == empty:
            return {name: firsts for name, (_is_empty, firsts) in found.items()}
        empty = now
    raise FormError(f"a grammar whose rules for an empty text build on each other at most {MAX_ROUNDS} deep")


def _beginning(body: list[_Lexeme], names: Iterable[str], empty: set[str]) -> tuple[bool, set[str]]:
    """Return whether a body may match an empty text, and the rules with which it may begin."""
    # Of each group: whether a branch before may be empty, whether this one may so far, and the beginnings.
    frames: list[tuple[bool, bool, set[str]]] = [(False, False, set())]
    for index, (kind, word) in enumerate(body):
        if kind == "count" or (word in ("*", "+", "?") and kind == "mark"):
            continue
        before, now, firsts = frames[-1]
        if kind == "mark" and word in "([":
            frames.append((False, True, set()))
            continue
        if kind == "mark" and word == "|":
            # The first one stands before the body.
            frames[-1] = (before or (now and index > 0), True, firsts)
            continue
        if kind == "mark":
            may_be_empty, inner = before or now or word == "]", firsts
            if len(frames) > 1:
                frames.pop()
            before, now, firsts = frames[-1]
        elif kind == "name":
            may_be_empty, inner = word in empty, {word} if word in names else set()
        else:
            may_be_empty, inner = len(word) == 2 and kind == "string", set()
        if kind == "regex":
            may_be_empty = re.search(r"[*?{]", word) is not None
        follows = body[index + 1] if index + 1 < len(body) else ("", "")
        may_be_empty |= follows[1] in ("*", "?") or re.match(r"[{~]\s*[0,]", follows[1]) is not None
        frames[-1] = (before, now and may_be_empty, firsts | inner if now else firsts)
    before, now, firsts = frames[0]
    return before or now, firsts


def _order(graph: Mapping[str, Iterable[str]]) -> list[str] | None:
    """Return the names so that each stands after those that it uses, or None where some use each other."""
    users: dict[str, list[str]] = {name: [] for name in graph}
    waiting: dict[str, int] = {}
    for name, used in graph.items():
        waiting[name] = 0
        for other in used:
            users[other].append(name)
            waiting[name] += 1
    order = [name for name, count in waiting.items() if not count]
    for name in order:
        for user in users[name]:
            waiting[user] -= 1
            if not waiting[user]:
                order.append(user)
    return order if len(order) == len(graph) else None
