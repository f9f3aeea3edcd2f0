"""Check the tokenizer's files: the class, the chat template, and the largest token id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any, NamedTuple

from model_import.artifacts.contents import LFS_POINTER, Contents
from model_import.artifacts.findings import shown
from model_import.artifacts.folder import ReadError
from model_import.artifacts.limits import SENTENCEPIECE_TOKENIZERS, TOKENIZERS
from model_import.artifacts.vocabulary import PIECE, Ids, NotJsonError, read_ids

TOKENIZER = "tokenizer.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
TOKENIZER_LIMIT = 64_000_000
"""Most bytes of `tokenizer.json` that are read: Llama 3's has 17 million, GPT-OSS's 28, Gemma 3's 33."""
_JINJA = "chat_template.jinja"
_TEMPLATE_JSON = "chat_template.json"
_FIELD = f"{TOKENIZER_CONFIG}, chat_template"
# Stands for a template that cannot be read, which is a finding of its own.
_UNREAD = "unread"
_ONE = f"one of {_JINJA}, {_TEMPLATE_JSON}, and the field chat_template of {TOKENIZER_CONFIG} is best"
TEMPLATE_LIMIT = 1_000_000
"""Most bytes of `chat_template.jinja` that are read; published ones have up to some 20,000."""
_NEWER_CLASS = "TokenizersBackend"


class Tokenizer(NamedTuple):
    """The largest token ids of the tokenizer.

    Attributes:
        largest_id: Largest id of the vocabulary itself; None where `tokenizer.json` lacks it.
        largest_added_id: Largest id of the tokens added to it; None where there are none.
    """

    largest_id: int | None
    largest_added_id: int | None


def check_tokenizer(contents: Contents) -> bool:
    """Check `tokenizer_config.json` and the chat template.

    Args:
        contents: The folder; collects the findings.

    Returns:
        True if there is a chat template.
    """
    document = contents.document(TOKENIZER_CONFIG)
    if document is not None:
        _class(contents, document.get("tokenizer_class"))
    return _templates(contents, document or {})


def read_vocabulary(contents: Contents) -> Tokenizer:
    """Read the token ids of `tokenizer.json`, piece by piece.

    Args:
        contents: The folder; collects the findings.

    Returns:
        The largest ids.
    """
    nothing = Tokenizer(None, None)
    if TOKENIZER not in contents.files:
        return nothing
    size = contents.files[TOKENIZER].size
    if size > TOKENIZER_LIMIT:
        problem = f"it has {size} bytes, so its ids are not compared with the weights"
        contents.found.warning("file-too-large", TOKENIZER, problem, f"at most {TOKENIZER_LIMIT} bytes are read")
        return nothing
    try:
        ids = _ids(contents)
    except ReadError as error:
        contents.found.error(error.rule, TOKENIZER, error.problem, error.allowed)
        return nothing
    except NotJsonError as error:
        contents.found.error("not-json", TOKENIZER, f"it is not JSON: {shown(str(error))}", "a JSON object")
        return nothing
    if not ids.has_vocabulary:
        allowed = "what the tokenizers library saves"
        contents.found.error("tokenizer", f"{TOKENIZER}, model.vocab", "there is no vocabulary", allowed)
    return Tokenizer(ids.largest, ids.largest_added)


def _ids(contents: Contents) -> Ids:
    pieces = contents.pieces(TOKENIZER, PIECE)
    first = next(pieces, b"")
    try:
        if first.startswith(LFS_POINTER):
            raise ReadError("lfs-pointer", "it is a pointer of Git LFS, not the file", "run `git lfs pull` first")
        return read_ids(chain([first], pieces))
    finally:
        # What no finding needs is still part of the content's version.
        for _ in pieces:
            pass


def _class(contents: Contents, name: object) -> None:
    if name not in TOKENIZERS:
        hint = "set PreTrainedTokenizerFast, its name in transformers 4; " if name == _NEWER_CLASS else ""
        allowed = f"{hint}{', '.join(TOKENIZERS)}"
        contents.found.error("tokenizer-class", f"{TOKENIZER_CONFIG}, tokenizer_class", f"it is {shown(name)}", allowed)
    elif name in SENTENCEPIECE_TOKENIZERS and "tokenizer.model" not in contents.files:
        allowed = f"add tokenizer.model, or set tokenizer_class to {name}Fast, which needs {TOKENIZER} alone"
        contents.found.error("missing-file", "tokenizer.model", f"{name} needs the file, which is missing", allowed)


def _templates(contents: Contents, document: Mapping[str, Any]) -> bool:
    """Check the templates that Bedrock may use, and report which one it uses where there are more."""
    files: dict[str, object] = {}
    if _JINJA in contents.files:
        text = contents.text(_JINJA, limit=TEMPLATE_LIMIT)
        files[_JINJA] = _UNREAD if text is None else text
    if _TEMPLATE_JSON in contents.files:
        holder = contents.document(_TEMPLATE_JSON)
        files[f"{_TEMPLATE_JSON}, chat_template"] = _UNREAD if holder is None else holder.get("chat_template")
    embedded = document.get("chat_template")
    # An embedded template beside a file of its own is not used, so that its form does not matter.
    used = files or ({} if embedded is None else {_FIELD: embedded})
    for place, template in used.items():
        _check_text(contents, place, template)
    if not used and TOKENIZER_CONFIG in contents.files:
        problem = "there is no chat template: Converse and chat completions will not work, plain prompts will"
        contents.found.warning("chat-template", "", problem, _ONE)
    _check_precedence(contents, files, embedded)
    return bool(used)


def _check_precedence(contents: Contents, files: Mapping[str, object], embedded: object) -> None:
    """Warn of more than one template: Bedrock takes them, and uses one.

    Source: Bedrock User Guide, "Handling Custom Chat Templates and Tokenizers", "Chat Template Precedence".
    """
    names = " and ".join(files)
    if len(files) > 1:
        problem = f"there are {_alike(files.values())}: {names}; AWS does not document which of them is used"
        contents.found.warning("chat-template", "", problem, _ONE)
    if files and embedded is not None:
        problem = f"there are {_alike((*files.values(), embedded))}: {names} is used, and {_FIELD} is ignored"
        contents.found.warning("chat-template", "", problem, _ONE)


def _alike(templates: Iterable[object]) -> str:
    texts = [_default(template) for template in templates]
    if all(text == texts[0] for text in texts):
        return f"{len(texts)} equal chat templates"
    return f"{len(texts)} chat templates that DIFFER, so that the model may be prompted by the wrong one"


def _default(template: object) -> object:
    if isinstance(template, list):
        # Several by name; the one named default is used for chats.
        named = (each.get("template") for each in template if isinstance(each, dict) and each.get("name") == "default")
        return next(named, None)
    return template


def _check_text(contents: Contents, place: str, template: object) -> None:
    text = _default(template)
    if not isinstance(text, str) or not text.strip():
        contents.found.error("chat-template", place, f"the template is {shown(text)}", "a jinja template")
