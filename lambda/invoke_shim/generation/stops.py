"""Find stop strings in a text that comes in parts, split anywhere."""

from collections.abc import Sequence


class StopFinder:
    """Passes a text on up to the first stop string in it, and holds back text that might begin one.

    Of several stop strings the one that is complete first ends the text, of those that are complete at the same
    character the longest; so the result is the same however the text is split. Knuth, Morris and Pratt's
    algorithm: each character is looked at once for each stop string.

    Args:
        stop: The strings, none of them empty.
    """

    def __init__(self, stop: Sequence[str]) -> None:
        self._patterns = [_Pattern(string) for string in stop]
        self._first_characters = {string[0] for string in stop}
        self._held = ""

    def feed(self, text: str) -> tuple[str, bool]:
        """Take the next part.

        Returns:
            The text that is now known to stand before any stop string, and whether a stop string ended it.
        """
        if not self._held and not any(character in text for character in self._first_characters):
            return text, False
        whole = self._held + text
        for position, character in enumerate(text, start=len(self._held) + 1):
            ended = [pattern.length for pattern in self._patterns if pattern.step(character)]
            if ended:
                self._held = ""
                return whole[: position - max(ended)], True
        passed = len(whole) - max(pattern.matched for pattern in self._patterns)
        self._held = whole[passed:]
        return whole[:passed], False

    def rest(self) -> str:
        """Return the text held back: a part of the answer after all, when nothing follows it."""
        held, self._held = self._held, ""
        return held


class _Pattern:
    """A stop string, and the length of its prefix at the end of the text so far."""

    def __init__(self, text: str) -> None:
        self.length = len(text)
        self.matched = 0
        self._text = text
        # The longest proper prefix of each prefix that also ends it; made only as far as it is needed, since a
        # client's stop string can have a million characters.
        self._borders = [0]

    def step(self, character: str) -> bool:
        """Take a character; return whether it completes the string."""
        text = self._text
        while self.matched and text[self.matched] != character:
            self.matched = self._border(self.matched)
        if text[self.matched] == character:
            self.matched += 1
        return self.matched == self.length

    def _border(self, length: int) -> int:
        text, borders = self._text, self._borders
        while len(borders) < length:
            border = borders[-1]
            character = text[len(borders)]
            while border and text[border] != character:
                border = borders[border - 1]
            borders.append(border + (text[border] == character))
        return borders[length - 1]
