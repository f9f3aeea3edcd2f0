"""Check `generation_config.json`, which is loaded with the model: a value that it refuses is one of the whole model.

Source: transformers 4.51.3, `GenerationConfig.validate`; each field was set to other types and values, and a tiny model
loaded with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from model_import.artifacts.contents import Contents
from model_import.artifacts.findings import shown
from model_import.artifacts.limits import LOADER

GENERATION: Final = "generation_config.json"
_CACHES: Final = (
    *("static", "offloaded_static", "sliding_window", "hybrid", "hybrid_chunked", "mamba", "quantized", "offloaded"),
    "dynamic",
)
"""Kinds of caches that 4.51.3 knows; 5 has others."""


def _is_sampled(document: Mapping[str, Any]) -> bool:
    """Return whether several answers are possible: by sampling, or by several beams."""
    return document.get("do_sample", False) is not False or document.get("num_beams", 1) not in {1, None}


_RULES: Final[Mapping[str, tuple[Callable[[Any, Mapping[str, Any]], bool], str]]] = {
    "max_new_tokens": (
        lambda value, _: value is None or (isinstance(value, int | float) and value > 0),
        "a number above 0, or no such field",
    ),
    "early_stopping": (lambda value, _: value in (True, False, "never"), "true, false or 'never'"),
    "num_return_sequences": (
        lambda value, document: value == 1 or _is_sampled(document),
        "1, or no such field, without do_sample",
    ),
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


def check_generation(contents: Contents) -> None:
    """Check the settings.

    Args:
        contents: The folder; collects the findings.
    """
    # Not versioned: older checks did not read it, and an imported model's version stays.
    document = contents.document(GENERATION, versioned=False)
    for name, (fits, allowed) in _RULES.items():
        if document is not None and name in document and not fits(document[name], document):
            problem = f"it is {shown(document[name])}, with which transformers {LOADER} does not load the model"
            contents.found.error("generation", f"{GENERATION}, {name}", problem, allowed)
