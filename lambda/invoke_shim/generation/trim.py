"""Trim white space and the end-of-turn token off a chat's answer: the same text whole and in pieces.

A chat's answer has no white space at its ends (prompts end before the blank that models begin with), and no
end-of-turn token, which some containers leave in the text.
"""

from collections.abc import Iterator

from invoke_shim.generation.types import Piece, TokenLogprob


def trim(text: str, end_of_turn: str) -> str:
    """Trim a whole answer.

    Args:
        text: The answer.
        end_of_turn: The token at which the model ends its answer; "" where the container never shows it.
    """
    return text.rstrip().removesuffix(end_of_turn).strip()


def trim_stream(pieces: Iterator[Piece], end_of_turn: str) -> Iterator[Piece]:
    """Trim an answer in pieces, which together make the text that `trim` returns for the whole.

    Text that may turn out to be the answer's end is held back until more follows, and with it its tokens' log
    probabilities.
    """
    ends: dict[int, _AnswerEnd] = {}
    for piece in pieces:
        end = ends.get(piece.index)
        if end is None:
            end = ends[piece.index] = _AnswerEnd(end_of_turn)
        text, logprobs = end.take(piece)
        found = piece._replace(text=text, logprobs=logprobs)
        if any((text, logprobs, found.finish_reason, found.usage, found.reasoning, found.tool_calls)):
            yield found


class _AnswerEnd:
    """The end of one answer, as far as it has come."""

    def __init__(self, end_of_turn: str) -> None:
        self._end_of_turn = end_of_turn
        self._held = ""
        self._logprobs: tuple[TokenLogprob, ...] = ()
        self._started = False

    def take(self, piece: Piece) -> tuple[str, tuple[TokenLogprob, ...]]:
        """Take a piece; return the text and the tokens that can be passed on with it."""
        text = self._held + piece.text
        if not self._started:
            text = text.lstrip()
        logprobs = self._logprobs + piece.logprobs
        if piece.finish_reason is not None:
            self._held, self._logprobs = "", ()
            return trim(text, self._end_of_turn) if not self._started else self._last(text), logprobs
        border = self._border(text)
        self._held = text[border:]
        if not border:
            self._logprobs = logprobs
            return "", ()
        self._started = True
        self._logprobs = ()
        return text[:border], logprobs

    def _last(self, text: str) -> str:
        return text.rstrip().removesuffix(self._end_of_turn).rstrip()

    def _border(self, text: str) -> int:
        """Find the start of the end that may still be trimmed: white space, the end-of-turn token, white space."""
        bare = text.rstrip()
        if self._end_of_turn and bare.endswith(self._end_of_turn):
            bare = bare.removesuffix(self._end_of_turn)
        else:
            # The token's beginning can only go on where nothing follows it.
            for length in range(min(len(self._end_of_turn), len(text) + 1) - 1, 0, -1):
                if text.endswith(self._end_of_turn[:length]):
                    bare = text[: len(text) - length]
                    break
        return len(bare.rstrip())
