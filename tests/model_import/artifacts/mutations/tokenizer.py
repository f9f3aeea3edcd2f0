"""Break the tokenizer's files, and the other small ones."""

from __future__ import annotations

import json
import random
from typing import Any

from tests.model_import.artifacts.mutations.model_files import ModelFiles, Mutation

TOKENIZER, SETTINGS = "tokenizer.json", "tokenizer_config.json"
_SMALL = (
    *(TOKENIZER, SETTINGS, "special_tokens_map.json", "added_tokens.json", "generation_config.json"),
    *("vocab.json", "merges.txt", "tokenizer.model", "spiece.model", "chat_template.jinja"),
)
_CLASSES = (
    *("LlamaTokenizer", "LlamaTokenizerFast", "PreTrainedTokenizerFast", "PreTrainedTokenizer", "GPT2Tokenizer"),
    *("GPT2TokenizerFast", "Qwen2Tokenizer", "Qwen2TokenizerFast", "T5Tokenizer", "T5TokenizerFast"),
    *("CodeLlamaTokenizer", "CodeLlamaTokenizerFast", "GPTNeoXTokenizerFast", "GPTNeoXTokenizer"),
    *("TokenizersBackend", "MyTokenizer", "", None, 7, ["LlamaTokenizer"]),
)
_TOKEN = {
    "content": "<x>",
    "lstrip": False,
    "normalized": False,
    "rstrip": False,
    "single_word": False,
    "special": True,
}
_SETTINGS: tuple[dict[str, Any], ...] = (
    {"extra_special_tokens": ["<x>"]},
    {"extra_special_tokens": []},
    {"extra_special_tokens": {}},
    {"extra_special_tokens": {"image_token": "<x>"}},
    {"extra_special_tokens": None},
    {"additional_special_tokens": ["<x>", "<y>"]},
    {"additional_special_tokens": "<x>"},
    {"additional_special_tokens": None},
    {"additional_special_tokens": [1]},
    {"additional_special_tokens": [_TOKEN]},
    {"added_tokens_decoder": {}},
    {"added_tokens_decoder": {"1000": _TOKEN}},
    {"added_tokens_decoder": {"x": _TOKEN}},
    {"added_tokens_decoder": {"3": {**_TOKEN, "content": 7}}},
    {"added_tokens_decoder": {"3": "<x>"}},
    {"added_tokens_decoder": [_TOKEN]},
    {"added_tokens_decoder": None},
    {"bos_token": None},
    {"bos_token": 7},
    {"bos_token": "<new>"},
    {"eos_token": {"content": "<x>", "__type": "AddedToken"}},
    {"eos_token": {"content": "<x>"}},
    {"eos_token": {**_TOKEN, "__type": "AddedToken"}},
    {"eos_token": ["<x>"]},
    {"pad_token": ""},
    {"unk_token": True},
    {"model_max_length": "many"},
    {"model_max_length": None},
    {"model_max_length": 1e30},
    {"padding_side": "middle"},
    {"truncation_side": None},
    {"legacy": "x"},
    {"add_bos_token": None},
    {"add_bos_token": "false"},
    {"add_prefix_space": 3},
    {"clean_up_tokenization_spaces": None},
    {"auto_map": {"AutoTokenizer": ["x.X", None]}},
    {"auto_map": {"AutoTokenizer": [None, None]}},
    {"processor_class": "Processor"},
    {"backend": "tokenizers", "is_local": True},
    {"name_or_path": "x", "special_tokens_map_file": "/x"},
    {"tokenizer_file": "other.json"},
    {"vocab_file": "vocab.json"},
    {"split_special_tokens": True},
    {"use_default_system_prompt": False, "spaces_between_special_tokens": False},
    {"sp_model_kwargs": []},
    {"sp_model_kwargs": {}},
    {"extra_ids": 100},
    {"extra_ids": "4"},
    {"errors": "nothing"},
    {"from_slow": True},
    {"model_input_names": "input_ids"},
)
_TEMPLATES: tuple[Any, ...] = (
    None,
    "",
    "{{ messages[0].content }}",
    "{% for message in messages %}",
    "{{ raise_exception('no') }}",
    "{{ unknown_function(messages) }}",
    "{{ messages[0]['content'] | unknown_filter }}",
    "{% generation %}{{ messages[0]['content'] }}{% endgeneration %}",
    "{% for message in messages %}{% if loop.first %}{% break %}{% endif %}{% endfor %}",
    "{{ strftime_now('%Y') }}",
    [{"name": "default", "template": "{{ messages[0]['content'] }}"}],
    [{"name": "default", "template": "{{ messages[0]['content'] }}"}, {"name": "tool_use", "template": "x"}],
    [{"name": "tool_use", "template": "{{ messages[0]['content'] }}"}],
    [],
    [7],
    {"default": "{{ messages[0]['content'] }}"},
    7,
    True,
)
_FAST: tuple[dict[str, Any], ...] = (
    {"pre_tokenizer": {"type": "Unknown"}},
    {"pre_tokenizer": None},
    {"normalizer": {"type": "NFC"}},
    {"normalizer": {"type": "Unknown"}},
    {"decoder": {"type": "Unknown"}},
    {"decoder": None},
    {"post_processor": {"type": "Unknown"}},
    {"post_processor": None},
    {"version": "2.0"},
    {"version": None},
    {"truncation": {"x": 1}},
    {"padding": None},
    {"added_tokens": {}},
    {"added_tokens": None},
    {"unknown": 1},
    {"model": None},
    {"model": {"type": "Unknown", "vocab": {}}},
)


def settings(chance: random.Random, files: ModelFiles) -> str | None:
    """Add settings of the tokenizer, or remove or change one."""
    document = files.read(SETTINGS)
    way = chance.random()
    if way < 0.6:
        added = chance.choice(_SETTINGS)
        files.write(SETTINGS, {**document, **added})
        return f"{SETTINGS} with {json.dumps(added)}"
    name = chance.choice(sorted(document))
    if way < 0.8:
        del document[name]
        files.write(SETTINGS, document)
        return f"{SETTINGS} without {name}"
    document[name] = chance.choice((None, "text", [], {}, 0, True, 1.5))
    files.write(SETTINGS, document)
    return f"{SETTINGS}, {name} becomes {json.dumps(document[name])}"


def named_class(chance: random.Random, files: ModelFiles) -> str | None:
    """Name another class of tokenizer."""
    document = files.read(SETTINGS)
    document["tokenizer_class"] = chance.choice(_CLASSES)
    if chance.random() < 0.1:
        del document["tokenizer_class"]
    files.write(SETTINGS, document)
    return f"tokenizer_class {document.get('tokenizer_class', 'removed')}"


def template(chance: random.Random, files: ModelFiles) -> str | None:
    """Write another chat template, into one of the three places."""
    chosen = chance.choice(_TEMPLATES)
    place = chance.choice((SETTINGS, SETTINGS, "chat_template.jinja", "chat_template.json"))
    if place == "chat_template.jinja":
        text = chosen if isinstance(chosen, str) else "{{ messages }}"
        (files.folder / place).write_text(text, encoding="utf-8")
    else:
        document = files.read(place) if place == SETTINGS else {}
        files.write(place, {**document, "chat_template": chosen})
    return f"{place}: {json.dumps(chosen)}"


def fast(chance: random.Random, files: ModelFiles) -> str | None:
    """Break the fast tokenizer's parts."""
    if TOKENIZER not in files.names():
        return None
    document = files.read(TOKENIZER)
    model = document["model"]
    way = chance.randrange(10)
    if way < 4:
        changed = chance.choice(_FAST)
        document.update(changed)
        told = json.dumps(changed)
    elif way == 4:
        name = chance.choice(sorted(document))
        del document[name]
        told = f"without {name}"
    elif way == 5:
        name = chance.choice(sorted(model))
        del model[name]
        told = f"model without {name}"
    elif way == 6:
        name = chance.choice(sorted(set(model) - {"vocab"}))
        model[name] = chance.choice((None, "text", 7, [], {}, True))
        told = f"model, {name} becomes {model[name]}"
    elif way == 7:
        told = _vocabulary(chance, model)
    elif way == 8:
        entry = {"id": chance.choice((0, 5, 300, 1000, 5000, -1, "7")), **_TOKEN}
        document["added_tokens"] = [*document["added_tokens"], entry]
        told = f"an added token with the id {entry['id']}"
    else:
        merges = model.get("merges")
        if not merges:
            return None
        merges[0] = chance.choice((["x", "yz"], "a b", "a", 7, ["a"], None))
        told = f"a merge becomes {merges[0]}"
    files.write(TOKENIZER, document)
    return f"{TOKENIZER}: {told}"


def _vocabulary(chance: random.Random, model: dict[str, Any]) -> str:
    vocabulary = model["vocab"]
    if isinstance(vocabulary, list):
        model["vocab"] = chance.choice((vocabulary[:-1], [*vocabulary, ["<new>", 0.0]], [], vocabulary[::-1]))
        return f"{len(model['vocab'])} pieces, before {len(vocabulary)}"
    token = chance.choice(sorted(vocabulary))
    way = chance.randrange(4)
    if way == 0:
        del vocabulary[token]
    else:
        vocabulary[token] = (0, 700, -1, "7")[way]
    return f"{token} has the id {vocabulary.get(token)}"


def gone(chance: random.Random, files: ModelFiles) -> str | None:
    """Delete a small file."""
    there = [name for name in _SMALL if name in files.names()]
    name = chance.choice(there)
    (files.folder / name).unlink()
    return f"without {name}"


def garbage(chance: random.Random, files: ModelFiles) -> str | None:
    """Cut a small file, or fill it with something else, or write one that should not be there."""
    name = chance.choice(_SMALL)
    path = files.folder / name
    before = path.read_bytes() if path.exists() else b"{}"
    body = chance.choice(
        (before[: len(before) // 2], b"", b"[]", b"{}", b"null", b"\xef\xbb\xbf" + before, b"text \xff")
    )
    path.write_bytes(body)
    return f"{name} has {len(body)} bytes, before {len(before)}, and begins {body[:6]!r}"


def special(chance: random.Random, files: ModelFiles) -> str | None:
    """Change the map of special tokens, or that of added ones."""
    name = chance.choice(("special_tokens_map.json", "added_tokens.json"))
    wrong: dict[str, Any] = chance.choice(
        (
            {"bos_token": 7},
            {"eos_token": {"content": "<x>"}},
            {"pad_token": None},
            {"additional_special_tokens": "<x>"},
            {"additional_special_tokens": ["<x>", {"content": "<y>"}]},
            {"unknown_token": "<x>"},
            {"<x>": 5000},
            {"<x>": "5"},
        )
    )
    files.write(name, {**(files.read(name) if name in files.names() else {}), **wrong})
    return f"{name} with {json.dumps(wrong)}"


def generation(chance: random.Random, files: ModelFiles) -> str | None:
    """Change the settings of generation."""
    wrong: dict[str, Any] = chance.choice(
        (
            {"temperature": "hot"},
            {"temperature": 0},
            {"temperature": 0.6, "do_sample": False},
            {"do_sample": "yes"},
            {"max_length": -1},
            {"num_beams": 0},
            {"eos_token_id": "2"},
            {"cache_implementation": "unknown"},
            {"watermarking_config": {}},
            {"transformers_version": "5.0.0"},
            {"pad_token_id": -1},
            {"num_return_sequences": 2},
            {"compile_config": {"x": 1}},
        )
    )
    files.write("generation_config.json", wrong)
    return f"generation_config.json: {json.dumps(wrong)}"


MUTATIONS: dict[str, tuple[int, Mutation]] = {
    "tokenizer's settings": (8, settings),
    "tokenizer's class": (5, named_class),
    "chat template": (4, template),
    "fast tokenizer": (6, fast),
    "a file gone": (4, gone),
    "garbage": (3, garbage),
    "special tokens": (2, special),
    "generation": (2, generation),
}
"""By name: how often, and what."""
