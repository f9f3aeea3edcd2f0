"""Read a prompt as its model does: tokenized, then turn by turn. Independent of the formats, which write it.

The tokenizers have bytes for a vocabulary and each family's control tokens, as the models' `tokenizer.json` has them:
where a control token is found depends on nothing else of a tokenizer. Falcon's and Granite's turns, and those of
Mistral before v0.3, are plain text, read by their markers.
"""

import re
from collections.abc import Sequence
from functools import cache

from tokenizers import AddedToken, Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel

LLAMA_3 = (
    *("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|eom_id|>"),
    *("<|python_tag|>", "<|finetune_right_pad_id|>", "<|step_id|>", "<|image|>"),
    *(f"<|reserved_special_token_{number}|>" for number in range(250)),
)
ARCTIC_AND_QWEN = (
    *("<unk>", "<s>", "</s>", "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>"),
    *("<tool_response>", "</tool_response>"),
)
FALCON = (
    *("<|endoftext|>", ">>TITLE<<", ">>ABSTRACT<<", ">>INTRODUCTION<<", ">>SUMMARY<<", ">>COMMENT<<", ">>ANSWER<<"),
    *(">>QUESTION<<", ">>DOMAIN<<", ">>PREFIX<<", ">>SUFFIX<<", ">>MIDDLE<<"),
)
MISTRAL = ("<unk>", "<s>", "</s>", "[INST]", "[/INST]")
"""The last two are plain text, which the model reads as a border: here they are found as a token would be."""
MISTRAL_V0_3 = (
    *MISTRAL,
    *("[TOOL_CALLS]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]"),
    *(f"[control_{number}]" for number in range(8, 769)),
)
STARCODER = (
    *("<|endoftext|>", "<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<fim_pad>", "<filename>", "<gh_stars>"),
    *("<issue_start>", "<issue_comment>", "<issue_closed>", "<jupyter_start>", "<jupyter_text>", "<jupyter_code>"),
    *("<jupyter_output>", "<empty_output>", "<commit_before>", "<commit_msg>", "<commit_after>", "<reponame>"),
)

TOKENS = {
    "chatml": ARCTIC_AND_QWEN,
    "chatml-announced": ARCTIC_AND_QWEN,
    "falcon-chat": FALCON,
    "falcon-chat-announced": FALCON,
    "falcon-instruct": FALCON,
    "mistral-instruct": MISTRAL,
    "mistral-instruct-announced": MISTRAL,
    "mixtral-instruct": MISTRAL,
    "mistral-instruct-v0.3": MISTRAL_V0_3,
    "llama-3-instruct": LLAMA_3,
    "llama-3.1-instruct": LLAMA_3,
    "granite-code": STARCODER,
}
"""The control tokens of each format's models."""

NAMES = {
    "falcon-chat": ("System", "User", "Falcon"),
    "falcon-chat-announced": ("System", "User", "Falcon"),
    "falcon-instruct": ("User", "Assistant"),
    "granite-code": ("System", "Question", "Answer"),
}
"""The names with which a line opens a turn, in the formats of plain lines."""

_ROLES = {"System": "system", "User": "user", "Question": "user", "Falcon": "assistant", "Assistant": "assistant"}
_ROLES["Answer"] = "assistant"

Turn = tuple[str, str]
"""A role and a text; a control token in a text shows as a character of Unicode's private use."""


class ForgedError(Exception):
    """The prompt is not made of the format's turns."""


@cache
def _tokenizer(name: str) -> tuple[Tokenizer, dict[int, str]]:
    alphabet = sorted(ByteLevel.alphabet())
    tokenizer = Tokenizer(BPE(vocab={sign: number for number, sign in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in TOKENS[name]])
    numbers = tokenizer.get_vocab()
    return tokenizer, {numbers[token]: _sign(name, token) for token in TOKENS[name]}


def _sign(name: str, token: str) -> str:
    """The character of private use that stands for a control token."""
    return chr(0xE000 + TOKENS[name].index(token))


def tokenized(name: str, text: str) -> str:
    """A text with a character of private use in place of every control token that the tokenizer finds in it."""
    tokenizer, signs = _tokenizer(name)
    encoding = tokenizer.encode(text, add_special_tokens=False)
    parts = []
    end = 0
    for number, (start, stop) in zip(encoding.ids, encoding.offsets, strict=True):
        if number in signs:
            parts += [text[end:start], signs[number]]
            end = stop
    return "".join([*parts, text[end:]])


def has_control(name: str, text: str, *, own_line: bool) -> bool:
    """Return whether a text by itself has a control token or a line that opens a turn."""
    if tokenized(name, text) != text:
        return True
    if name not in NAMES:
        return False
    begin = r"(?:^|[\n\r])" if own_line else r"[\n\r]"
    end = r"(?:$|[\n\r])" if name == "granite-code" else ""
    return re.search(f"{begin}(?:{'|'.join(NAMES[name])}):{end}", text) is not None


def read(name: str, prompt: str) -> list[Turn]:
    """The turns of a prompt.

    Raises:
        ForgedError: It has control tokens where none belong, or does not end where the model has to answer.
    """
    text = tokenized(name, prompt)
    if name in NAMES:
        if text != prompt:
            raise ForgedError(text)
        return _read_lines(name, text)
    turn, whole = _patterns(name)
    found = whole.fullmatch(text)
    if found is None:
        raise ForgedError(text)
    return [_turn_of(match) for match in turn.finditer(found["turns"])]


@cache
def _patterns(name: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """A turn of a format, and a whole prompt of them."""
    signs = {f"{{{token}}}": _sign(name, token) for token in TOKENS[name]}
    turn, frame = (_with_signs(part, signs) for part in _GRAMMARS[name])
    turns = re.sub("[?]P<[a-z]+>", "?:", turn)
    return re.compile(turn), re.compile(frame.replace("TURNS", f"(?P<turns>(?:{turns})*)"))


def _with_signs(pattern: str, signs: dict[str, str]) -> str:
    for token, sign in signs.items():
        pattern = pattern.replace(token, sign)
    return pattern.replace("TEXT", "[^\ue000-\uf8ff]*")


def _turn_of(match: re.Match[str]) -> Turn:
    found = {group: text for group, text in match.groupdict().items() if text is not None}
    if "role" in found:
        return found["role"], found["text"]
    [(role, text)] = found.items()
    return role, text


_CHATML = (
    r"{<|im_start|>}(?P<role>[a-z]+)(?P<text>TEXT(?:(?:{<tool_call>}TEXT{</tool_call>}|{<tool_response>}TEXT"
    r"{</tool_response>})TEXT)*){<|im_end|>}\n",
    r"TURNS{<|im_start|>}assistant\n",
)
_LLAMA = (
    r"{<|start_header_id|>}(?P<role>[a-z]+){<|end_header_id|>}\n\n(?P<text>TEXT){<|eot_id|>}",
    r"{<|begin_of_text|>}TURNS{<|start_header_id|>}assistant{<|end_header_id|>}\n\n",
)
_GRAMMARS = {
    "chatml": _CHATML,
    "chatml-announced": _CHATML,
    "llama-3-instruct": _LLAMA,
    "llama-3.1-instruct": _LLAMA,
    "mistral-instruct": (r"{[INST]} (?P<user>TEXT) {[/INST]}|(?P<assistant>TEXT){</s>} ", r"{<s>}TURNS"),
    "mistral-instruct-announced": (r"{<s>}{[INST]} (?P<user>TEXT) {[/INST]}| (?P<assistant>TEXT) {</s>}", r"TURNS"),
    "mixtral-instruct": (r"{[INST]} (?P<user>TEXT) {[/INST]}|(?P<assistant>TEXT){</s>}", r"{<s>}TURNS"),
    "mistral-instruct-v0.3": (
        r"{[INST]} (?P<user>TEXT){[/INST]}|(?P<assistant>TEXT(?:{[TOOL_CALLS]}TEXT)?){</s>}"
        r"|{[TOOL_RESULTS]} (?P<tool>TEXT){[/TOOL_RESULTS]}",
        r"{<s>}TURNS",
    ),
}
"""For each format a turn, and the prompt around all of them; `{token}` is a token, TEXT text without any."""


def _read_lines(name: str, prompt: str) -> list[Turn]:
    end = r"(?=\n|$)" if name == "granite-code" else ""
    before, *parts = re.split(f"(?:^|\n)({'|'.join(NAMES[name])}):{end}", prompt)
    turns = [("system", before)] if before else []
    turns += [(_ROLES[speaker], text) for speaker, text in zip(parts[::2], parts[1::2], strict=True)]
    if not turns or turns.pop()[0] != "assistant":
        raise ForgedError(prompt)
    return turns


def roles(turns: Sequence[Turn]) -> list[str]:
    """The turns' roles."""
    return [role for role, _ in turns]
