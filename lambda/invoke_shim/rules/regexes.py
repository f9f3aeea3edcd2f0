"""The size of a regular expression with all its repetitions written out, as engines make an automaton of it.

Dialects differ: what one reads as a comment or a space and another does not is refused.
"""

import re
from typing import Any, NamedTuple

from invoke_shim.rules.checks import text

MAX_REGEX = 1024
"""Characters of a regular expression."""

MAX_REPEATS = 10_000
"""Repetitions that counts in each other make: `(a{1,100}){1,100}`, or an array of `maxItems` arrays of `maxItems`."""

MAX_BESIDE_ENDLESS = 16
"""Repetitions that count after an endless one or within it. An automaton remembers each place where the counting may
have begun: `.*a.{500}` has 2^500 states. What lies between may end all of them: `[a-z]+@[a-z]{2,63}` has few."""

MAX_ENDLESS = 64
"""Counted repetitions of a part that has an endless one."""

# Compiled when first needed, not at import, where it would cost a cold start half a millisecond.
COUNT = r"\{[\s\d,]*\}"
_OTHER_READING = r"\(\?(#|[A-Za-z^-]*x)"

_UNBALANCED = "a regular expression whose brackets close"


class FormError(ValueError):
    """A form that is out of bounds; the message says what is allowed instead."""


class _Part(NamedTuple):
    """A part of a regular expression.

    Attributes:
        size: Its characters with all repetitions written out.
        endless: Whether it has an endless repetition.
        peak: The largest count in it that an endless repetition around it would make large.
        source: The text of a single character, class or escape; "" of a group.
        optional: Whether it may be left out.
        varies: Whether its length does by more than a few, so that what follows may begin at many places.
        tail: Of a group without branches, what stands between its last such part, or all of it, and its end.
    """

    size: int = 0
    endless: bool = False
    peak: int = 0
    source: str = ""
    optional: bool = False
    varies: bool = False
    tail: "tuple[_Part, ...] | None" = None


class _Group:
    """A group of a regular expression, as far as it is read, `last` being its last part.

    Attributes:
        follows: Whether an endless repetition is before what is read, or one of a range of more than a few.
        since: The parts between.
        loops: The sources of such repetitions.
        before: These three where the group begins.
    """

    __slots__ = (
        "any_follows",
        "before",
        "branches",
        "endless",
        "follows",
        "is_ahead",
        "last",
        "loops",
        "parts",
        "since",
        "size",
    )

    follows: bool
    since: list[_Part]
    loops: list[str]

    def __init__(self, around: "_Group | None" = None, *, is_ahead: bool = False) -> None:
        before: tuple[bool, tuple[_Part, ...], tuple[str, ...]] = (False, (), ())
        self.before = before if around is None else (around.follows, tuple(around.since), tuple(around.loops))
        self.is_ahead = is_ahead
        self._restart()
        self.size, self.endless, self.branches, self.any_follows = 0, False, 1, False
        self.parts: list[_Part] = []
        self.last = _Part()

    def add(self, part: _Part) -> None:
        """Take the last part for done, and begin another one."""
        done, self.last = self.last, part
        if not done.size:
            return
        self.size += done.size
        self.endless |= done.endless
        self.follows |= done.varies
        self.parts.append(done)
        if done.varies:
            # What ends a group with a repetition in it may begin the counting.
            self.since = [] if done.source else [done] if done.tail is None else [*done.tail]
            self.loops.append(done.source)
        elif self.follows:
            self.since.append(done)
            # A literal that no repetition before matches ends them all.
            if not done.optional and _is_literal(done.source) and not any(_matches(loop, done) for loop in self.loops):
                self.follows, self.since, self.loops = False, [], []

    def branch(self) -> None:
        """Begin another branch."""
        self.add(_Part(1))
        self.any_follows |= self.follows
        self._restart()
        self.branches += 1

    def _restart(self) -> None:
        self.follows, self.since, self.loops = self.before[0], [*self.before[1]], [*self.before[2]]

    def close(self) -> _Part:
        """Return the group as a part of the one around it. An empty one is repeated as well: it has a size."""
        self.add(_Part())
        peaks = [
            part.peak
            for index, part in enumerate(self.parts)
            if part.peak > MAX_BESIDE_ENDLESS
            and (self.branches > 1 or _is_confused(part.source, self.parts[:index] + self.parts[index + 1 :]))
        ]
        # Looking ahead leaves the place where what follows begins.
        varies = (self.follows or self.any_follows) and not self.is_ahead
        tail = tuple(self.since if self.follows else self.parts) if self.branches == 1 else None
        return _Part(max(self.size, 1), self.endless, max(peaks, default=0), varies=varies, tail=tail)


def _is_confused(source: str, others: list[_Part]) -> bool:
    """Check whether repetitions of a part can be begun again within themselves, with the other parts between."""
    if not source:
        return True
    apart = [_is_literal(part.source) and not _matches(source, part) for part in others]
    return not (all(apart) or any(end and not part.optional for end, part in zip(apart, others, strict=True)))


def _is_literal(source: str) -> bool:
    return (len(source) == 1 and source != ".") or (len(source) == 2 and source[0] == "\\" and not source[1].isalnum())


def _matches(source: str, literal: _Part) -> bool:
    """Check whether a part matches a literal; a group may."""
    try:
        return not source or re.fullmatch(source, literal.source[-1], re.DOTALL) is not None
    except re.error:
        return True


def measure(value: Any) -> int:
    """Return the size of a regular expression, at least 1, in one pass.

    Raises:
        FormError: It is long, unbalanced, or has large or endless repetitions within or after another.
    """
    if text(value) is not None or len(value) > MAX_REGEX:
        raise FormError(f"a regular expression of at most {MAX_REGEX} characters")
    if re.search(_OTHER_READING, value):
        raise FormError("a regular expression without comments '(?#' and without the flag x")
    outer: list[_Group] = []
    group = _Group()
    position = 0
    while position < len(value):
        match value[position]:
            case "\\" | "[" as mark:
                end = position + 1 if mark == "\\" else _end_of_class(value, position)
                group.add(_Part(1, source=value[position : end + 1]))
                position = end
            case "(":
                group.add(_Part())
                outer.append(group)
                group = _Group(group, is_ahead=value[position + 1 : position + 3] in ("?=", "?!"))
                # "(?:", "(?=" and such: the mark repeats nothing.
                position += value.startswith("?", position + 1)
            case ")":
                if not outer:
                    raise FormError(_UNBALANCED)
                closed, group = group.close(), outer.pop()
                group.last = closed
            case "|":
                group.branch()
            case "*" | "+" | "?" | "{":
                position = _repeat(group, value, position)
            case character:
                group.add(_Part(1, source=character))
        if group.size + group.last.size > MAX_REPEATS:
            raise FormError(f"a regular expression whose counts in each other make at most {MAX_REPEATS}")
        position += 1
    if outer or position > len(value):
        raise FormError(_UNBALANCED)
    return group.close().size


def number(digits: str) -> int:
    """Read a count; one of many digits is only known to be too large."""
    return int(digits or 0) if len(digits) <= 9 and "," not in digits else 10**9


def _repeat(group: _Group, pattern: str, position: int) -> int:
    """Repeat the last part of a group, and return the position of the mark's last character."""
    mark = pattern[position]
    low, high, length = _repetition(pattern, position) if mark == "{" else (0, 1, 1)
    if not length:
        # A brace that counts nothing is a character.
        group.add(_Part(1, source=mark))
        return position
    part = group.last
    times = max(low, high or 1, 1)
    becomes_endless = mark in "*+" or high is None
    if becomes_endless and part.endless:
        raise FormError("a regular expression without endless repetitions in each other: count the inner one")
    after = group.follows and times > MAX_BESIDE_ENDLESS and _is_confused(part.source, group.since)
    within = becomes_endless and not part.source and part.peak > MAX_BESIDE_ENDLESS
    if after or within or (part.endless and times > MAX_ENDLESS):
        raise FormError(
            f"a regular expression that counts at most to {MAX_BESIDE_ENDLESS} after or within an endless repetition "
            f"of the same characters, and to {MAX_ENDLESS} around one"
        )
    optional = part.optional or mark in "*?" or (mark == "{" and low == 0)
    peak = max(part.peak, times if times > MAX_BESIDE_ENDLESS else 0)
    varies = part.varies or becomes_endless or times - low > MAX_BESIDE_ENDLESS
    group.last = _Part(
        part.size * times, part.endless or becomes_endless, peak, part.source, optional, varies, part.tail
    )
    position += length - 1
    # A mark behind the repetition makes it lazy or possessive.
    return position + (pattern[position + 1 : position + 2] in ("?", "+"))


def _end_of_class(pattern: str, start: int) -> int:
    """Return the position of the bracket that closes a class of characters; beyond the end if none does.

    Raises:
        FormError: It begins with a closing bracket, which ends an empty class in some dialects.
    """
    position = start + 1
    position += pattern.startswith("^", position)
    if pattern.startswith("]", position) and "]" in pattern[position + 1 :]:
        raise FormError("a regular expression whose classes have a backslash before a first ']'")
    position += pattern.startswith("]", position)
    while position < len(pattern) and pattern[position] != "]":
        position += 2 if pattern[position] == "\\" else 1
    return position


def _repetition(pattern: str, start: int) -> tuple[int, int | None, int]:
    """Return the least and the most of a counted repetition, None for no end, and its length; 0 if it is none."""
    found = re.compile(COUNT).match(pattern, start)
    digits, comma, most = "".join(found[0][1:-1].split()).partition(",") if found else ("", "", "")
    if found is None or not (digits or most):
        return 0, 1, 0
    low = number(digits)
    return low, (number(most) if most else None) if comma else low, len(found[0])
