"""Check the tokenizer's files: the class, the chat template, and the largest token id."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any, NamedTuple

from model_import.artifacts.contents import LFS_POINTER, Contents
from model_import.artifacts.findings import shown
from model_import.artifacts.folder import ReadError
from model_import.artifacts.limits import LOADER, SENTENCEPIECE_TOKENIZERS, TOKENIZERS
from model_import.artifacts.templates import check_templates
from model_import.artifacts.tokenizer_fields import TOKENIZER_CONFIG, check_fields
from model_import.artifacts.vocabulary import PIECE, Ids, NotJsonError, read_ids

TOKENIZER = "tokenizer.json"
TOKENIZER_LIMIT = 64_000_000
"""Most bytes of `tokenizer.json` that are read: Llama 3's has 17 million, GPT-OSS's 28, Gemma 3's 33."""
_NEWER_CLASSES = {
    "TokenizersBackend": "PreTrainedTokenizerFast",
    "SentencePieceBackend": "PreTrainedTokenizerFast",
    "PythonBackend": "PreTrainedTokenizerFast",
}
"""Classes of transformers 5, with what reads the same `tokenizer.json` in transformers 4."""
_MISTRAL_CLASSES = ("MistralCommonTokenizer", "MistralCommonBackend")
# These read their SentencePiece model again where add_prefix_space is set, and have it beside tokenizer.json.
_SENTENCEPIECE_MODELS = {"LlamaTokenizer": "tokenizer.model", "T5Tokenizer": "spiece.model"}
_VOCABULARIES = ("tokenizer.model", "spiece.model", "vocab.json")


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
        check_fields(contents, document)
        _files(contents, document)
    return check_templates(contents, document or {})


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
    place = f"{TOKENIZER_CONFIG}, tokenizer_class"
    if name is None:
        problem = f"it is None, so that transformers {LOADER} takes the class that goes with model_type"
        contents.found.warning("tokenizer-class", place, problem, f"one of {', '.join(TOKENIZERS)}")
    elif name not in TOKENIZERS:
        hint = ""
        if isinstance(name, str) and name in _NEWER_CLASSES:
            hint = f"set {_NEWER_CLASSES[name]}, which reads the same {TOKENIZER} in transformers 4; "
        elif name in _MISTRAL_CLASSES:
            hint = f"save the tokenizer as {TOKENIZER}: AutoTokenizer.from_pretrained(..., use_fast=True); "
        contents.found.error("tokenizer-class", place, f"it is {shown(name)}", f"{hint}{', '.join(TOKENIZERS)}")
    elif name in SENTENCEPIECE_TOKENIZERS and "tokenizer.model" not in contents.files:
        allowed = f"add tokenizer.model, or set tokenizer_class to {name}Fast, which needs {TOKENIZER} alone"
        contents.found.error("missing-file", "tokenizer.model", f"{name} needs the file, which is missing", allowed)


def _files(contents: Contents, document: Mapping[str, Any]) -> None:
    """Check fields that make transformers 4.51.3 read other files than `tokenizer.json`."""
    name = str(document.get("tokenizer_class")).removesuffix("Fast")
    model = _SENTENCEPIECE_MODELS.get(name)
    if model and document.get("add_prefix_space") is not None and model not in contents.files:
        problem = f"it is set, so that transformers {LOADER} reads {model}, which is missing"
        allowed = f"remove the field: {TOKENIZER} says it already"
        contents.found.error("tokenizer-field", f"{TOKENIZER_CONFIG}, add_prefix_space", problem, allowed)
    slow = any(each in contents.files for each in _VOCABULARIES)
    for field, harmful in (
        ("tokenizer_file", "tokenizer_file" in document and (document["tokenizer_file"] is not None or not slow)),
        ("from_slow", bool(document.get("from_slow")) and not slow),
    ):
        if harmful:
            problem = f"it is {shown(document[field])}, so that transformers {LOADER} does not read {TOKENIZER}"
            contents.found.error("tokenizer-field", f"{TOKENIZER_CONFIG}, {field}", problem, "remove the field")
