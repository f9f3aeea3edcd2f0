"""Count a text's tokens by the model's own `tokenizer.json`, in functions that it is packed into (TOKENIZER).

Library and file are loaded by the first count, not at the function's start: most answers come with their counts.
"""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

FILE = Path(__file__).resolve().parents[2] / "tokenizer.json"
"""The file beside the package."""


class TokenizerError(Exception):
    """The tokenizer cannot be loaded; the message says why."""


def count(text: str, *, as_prompt: bool = False) -> int:
    """Count a text's tokens.

    Args:
        text: The text; half a character counts as a question mark.
        as_prompt: Count the tokens that the tokenizer adds to a prompt, too, such as one at its beginning.

    Raises:
        TokenizerError: The library or the file is missing or broken.
    """
    whole = text.encode("utf-8", errors="replace").decode("utf-8")
    return len(_load().encode(whole, add_special_tokens=as_prompt).ids)


@cache
def _load() -> "Tokenizer":
    try:
        from tokenizers import Tokenizer  # noqa: PLC0415 - see above

        tokenizer = Tokenizer.from_file(str(FILE))
    # The library raises nothing narrower.
    except Exception as error:
        raise TokenizerError(f"{FILE.name} cannot be loaded: {error}") from error
    # Tokenizers of embedding models cut a text, or fill it up.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
