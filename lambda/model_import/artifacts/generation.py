"""Check the settings of generation, which are loaded with the model: one that is refused is one of the whole model.

They are in `generation_config.json`, and older models have them in `config.json`, of which the same is made.

Source: transformers 4.51.3, `GenerationConfig.validate` and `from_model_config`; each field was set to other types and
values, and a tiny model loaded with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from model_import.artifacts.config import CONFIG, Config
from model_import.artifacts.contents import Contents
from model_import.artifacts.findings import shown
from model_import.artifacts.limits import GPT_OSS, LOADER

GENERATION: Final = "generation_config.json"
_CACHES: Final = (
    *("static", "offloaded_static", "sliding_window", "hybrid", "hybrid_chunked", "mamba", "quantized", "offloaded"),
    "dynamic",
)
"""Kinds of caches that 4.51.3 knows; 5 has others."""


def _beams(document: Mapping[str, Any]) -> Any:
    beams = document.get("num_beams", 1)
    return 1 if beams is None else beams


def _sequences_fit(value: Any, document: Mapping[str, Any]) -> bool:
    """Return whether so many answers are possible: by sampling, or by as many beams."""
    beams = _beams(document)
    if value == 1:
        return True
    return bool(document.get("do_sample", False) is not False if beams == 1 else value <= beams)


def _groups_fit(_: Any, document: Mapping[str, Any]) -> bool:
    """Return whether beams can be searched in groups, where there are some."""
    groups, penalty = document.get("num_beam_groups", 1), document.get("diversity_penalty", 0.0)
    beams = _beams(document)
    if beams == 1 or (groups == 1 and penalty == 0):
        return True
    return document.get("do_sample") is not True and beams % groups == 0 and penalty != 0


def _constraints_fit(value: Any, document: Mapping[str, Any]) -> bool:
    """Return whether beams can be constrained, where there are some."""
    alone = document.get("do_sample") is not True and document.get("num_beam_groups") in {None, 1}
    return value is None or _beams(document) == 1 or alone


def _fits(fits: Callable[[Any, Mapping[str, Any]], bool], value: object, document: Mapping[str, Any]) -> bool:
    try:
        return fits(value, document)
    except (TypeError, ZeroDivisionError):
        return False


_CONSTRAINED: Final = (_constraints_fit, "no such field, without do_sample and num_beam_groups")
_RULES: Final[Mapping[str, tuple[Callable[[Any, Mapping[str, Any]], bool], str]]] = {
    "max_new_tokens": (
        lambda value, _: value is None or (isinstance(value, int | float) and value > 0),
        "a number above 0, or no such field",
    ),
    "early_stopping": (lambda value, _: value in (True, False, "never"), "true, false or 'never'"),
    "num_return_sequences": (
        _sequences_fit,
        "1, or no such field; without do_sample no more than num_beams",
    ),
    "num_beam_groups": (_groups_fit, "no such field, or a divisor of num_beams beside diversity_penalty"),
    "diversity_penalty": (
        # One finding of the two fields.
        lambda value, document: "num_beam_groups" in document or _groups_fit(value, document),
        "no such field, without do_sample",
    ),
    "constraints": _CONSTRAINED,
    "force_words_ids": _CONSTRAINED,
    "pad_token_id": (
        lambda value, _: value is None or isinstance(value, int | float),
        "a token's id, or no such field",
    ),
    "cache_implementation": (
        lambda value, _: value is None or (isinstance(value, str) and value in _CACHES),
        f"no such field, or one of {', '.join(_CACHES)}",
    ),
    "cache_config": (
        lambda value, document: value is None or document.get("cache_implementation") is not None,
        "no such field, or one beside cache_implementation",
    ),
    "watermarking_config": (lambda value, _: value is None or isinstance(value, dict), "no such field"),
    "compile_config": (lambda value, _: False, "no such field"),
}


def check_generation(contents: Contents, config: Config | None) -> None:
    """Check the settings.

    Args:
        contents: The folder; collects the findings.
        config: Facts of `config.json`; what is in it is not checked for a class that 4.51.3 does not load.
    """
    # Not versioned: older checks did not read it, and an imported model's version stays.
    _check(contents.document(GENERATION, versioned=False) or {}, GENERATION, contents)
    if config is not None and config.architecture not in {None, GPT_OSS}:
        # Null is taken as no field there, and the padding token is checked with the embeddings.
        own = {name: value for name, value in config.document.items() if value is not None and name != "pad_token_id"}
        _check(own, CONFIG, contents)


def _check(document: Mapping[str, Any], file: str, contents: Contents) -> None:
    for name, (fits, allowed) in _RULES.items():
        if name in document and not _fits(fits, document[name], document):
            problem = f"it is {shown(document[name])}, with which transformers {LOADER} does not load the model"
            contents.found.error("generation", f"{file}, {name}", problem, allowed)
