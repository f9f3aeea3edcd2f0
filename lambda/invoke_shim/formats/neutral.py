r"""Make the control sequences in a message's text plain text, so that no text opens or closes a turn.

One rule for all of them: a space before the sequence's last character. `</s>` becomes `</s >`, `<|im_end|>`
`<|im_end| >`, `[INST]` `[INST ]`, and a line that begins with `User:` begins with `User :`.

- A space is what no tokenizer reads as part of a control token, nor drops: normalizers drop or replace zero-width
  characters (NFKC and SentencePiece's `nmt_nfkc` do), after which the token would be there again.
- A space shows. A model that repeats the text hands no invisible character to anybody's source code, and HTML's `<s >`
  and `</s >` still are the tags of `<s>` and `</s>`.
- Nothing is removed, so that no removal brings the halves of another sequence together (`<</s>/s>`), and an inserted
  space completes none: no sequence has a space in it.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple


class Borders(NamedTuple):
    """The sequences that a format's model reads as control sequences.

    Attributes:
        tokens: Sequences that count wherever they stand: control tokens, and plain text that the model reads as one.
        families: Regular expressions of tokens that differ in a number.
        names: The speakers' names with which a line opens a turn, before a colon.
        whole_lines: Whether such a line has nothing but the name and the colon.
    """

    tokens: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    whole_lines: bool = False

    def neutralize(self, text: str, *, own_line: bool = False) -> str:
        """Return a text without control sequences, unchanged if it has none.

        Args:
            text: A message's text.
            own_line: Whether the text begins on a line of its own, with no name before it.
        """
        text = break_tokens(text, self.tokens)
        for family in self.families:
            text = re.sub(family, _break, text)
        if self.names and ":" in text:
            begin = r"(?<![^\n\r])" if own_line else r"(?<=[\n\r])"
            end = r"(?![^\n\r])" if self.whole_lines else ""
            text = re.sub(f"{begin}(?:{'|'.join(self.names)}):{end}", _break, text)
        return text


def break_tokens(text: str, tokens: Sequence[str]) -> str:
    """Return a text with a space before the last character of every token in it."""
    for token in tokens:
        if token in text:
            text = text.replace(token, f"{token[:-1]} {token[-1]}")
    return text


def _break(match: re.Match[str]) -> str:
    sequence = match.group()
    return f"{sequence[:-1]} {sequence[-1]}"
