"""Check the types of `tokenizer_config.json`'s fields, most of which transformers 4.51.3 passes on unseen.

Source: transformers 4.51.3, `tokenization_utils_base.py`, each form tried with a tiny tokenizer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from model_import.artifacts.contents import Contents
from model_import.artifacts.findings import shown
from model_import.artifacts.forms import Form
from model_import.artifacts.limits import LOADER

TOKENIZER_CONFIG: Final = "tokenizer_config.json"
_MAP: Final = "special_tokens_map.json"
_EXTRA, _ADDITIONAL = "extra_special_tokens", "additional_special_tokens"
_SIDES: Final = ("left", "right")
_ENDED: Final = ("LlamaTokenizer", "CodeLlamaTokenizer")
_SENTINEL: Final = "<extra_id_"


def _is_token(value: object) -> bool:
    """Return whether a value is a special token: a text, or an object that says so."""
    if isinstance(value, dict):
        return value.get("__type") == "AddedToken" and isinstance(value.get("content"), str)
    return isinstance(value, str)


def _is_tokens(value: object) -> bool:
    return value is None or (isinstance(value, list) and all(map(_is_token, value)))


def _is_decoder(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(token, dict)
        and isinstance(token.get("content", ""), str)
        and key.isascii()
        and key.isdigit()
        and len(key) < 10
        for key, token in value.items()
    )


_TOKEN: Final = Form(lambda value: value is None or _is_token(value), "a text, or an object with __type AddedToken")
_SIDE: Final = Form(lambda value: isinstance(value, str) and value in _SIDES, " or ".join(_SIDES))
_TOKENS: Final = tuple(f"{name}_token" for name in ("bos", "eos", "unk", "sep", "pad", "cls", "mask"))
_FORMS: Final = {
    **dict.fromkeys(_TOKENS, _TOKEN),
    _ADDITIONAL: Form(_is_tokens, "a list of texts"),
    "added_tokens_decoder": Form(_is_decoder, "an object of tokens by their ids"),
    "model_max_length": Form(lambda value: value is None or isinstance(value, int | float), "a number"),
    "padding_side": _SIDE,
    "truncation_side": _SIDE,
    "model_input_names": Form(lambda value: isinstance(value, list | str), "a list of texts, or no such field"),
    "split_special_tokens": Form(lambda value: isinstance(value, bool), "true or false, or no such field"),
    "init_inputs": Form(lambda value: isinstance(value, list), "[], or no such field"),
    "auto_map": Form(lambda value: isinstance(value, list | dict), "no such field"),
}


def check_fields(contents: Contents, document: Mapping[str, Any]) -> None:
    """Check the fields' types.

    Args:
        contents: The folder; collects the findings.
        document: `tokenizer_config.json`.
    """
    for field, form in _FORMS.items():
        if field in document and not form.fits(document[field]):
            _error(contents, field, f"it is {shown(document[field])}", form.allowed)
    if _EXTRA in document:
        _extra(contents, document[_EXTRA], document.get(_ADDITIONAL))
    if str(document.get("tokenizer_class")).startswith("T5Tokenizer"):
        _sentinels(contents, document)
    if str(document.get("tokenizer_class")).startswith(_ENDED):
        _ends(contents, document)
    if "added_tokens_decoder" not in document:
        _map(contents)


def _map(contents: Contents) -> None:
    """Check the file in which older versions keep the special tokens, and which counts where the ids are not listed."""
    for field, value in (contents.document(_MAP, versioned=False) or {}).items():
        content = value.get("content") if isinstance(value, dict) else value
        if field in _TOKENS and content is not None and not isinstance(content, str):
            allowed = "a text, or an object with content"
            contents.found.error("tokenizer-field", f"{_MAP}, {field}", f"it is {shown(value)}", allowed)


def _ends(contents: Contents, document: Mapping[str, Any]) -> None:
    """Check that the tokens which the class adds at the ends of a text are there."""
    for token, default in (("bos", True), ("eos", False)):
        field = f"{token}_token"
        if field in document and document[field] is None and document.get(f"add_{field}", default):
            problem = f"it is None, and add_{field} is {'true' if f'add_{field}' in document else 'so by default'}"
            _error(contents, field, problem, f"set add_{field} to false, or name the token")


def _extra(contents: Contents, value: object, additional: object) -> None:
    if isinstance(value, dict) and all(map(_is_token, value.values())):
        return
    problem = f"it is {shown(value)}, and transformers {LOADER} takes an object alone"
    allowed = "remove the field"
    if isinstance(value, list):
        problem = f"it is a list, as transformers 5 writes it; {LOADER} takes an object alone"
        allowed = f"rename it {_ADDITIONAL}"
        if additional:
            allowed = f"add its tokens to {_ADDITIONAL} and remove it"
        elif not value:
            allowed = "remove the field"
    _error(contents, _EXTRA, problem, allowed)


def _sentinels(contents: Contents, document: Mapping[str, Any]) -> None:
    """Compare the number of T5's sentinels with their list: where there is none of them, the class adds them."""
    count = document.get("extra_ids", 100)
    if isinstance(count, bool) or not isinstance(count, int):
        _error(contents, "extra_ids", f"it is {shown(count)}", "a whole number: 100 for Flan-T5")
        return
    tokens = document.get(_ADDITIONAL)
    tokens = tokens if isinstance(tokens, list) else []
    listed = sum(_SENTINEL in str(token) for token in tokens)
    if listed and count > 0 and listed != count:
        problem = f"{_ADDITIONAL} lists {listed} sentinels, and extra_ids is {count}"
        _error(contents, "extra_ids", problem, f"set extra_ids to {listed}")


def _error(contents: Contents, field: str, problem: str, allowed: str) -> None:
    contents.found.error("tokenizer-field", f"{TOKENIZER_CONFIG}, {field}", problem, allowed)
