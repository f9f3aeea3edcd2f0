"""Check the fields of `config.json` that no tensor's shape shows: activations, norms, dropouts, windows and flags.

Source: transformers 4.51.3, `activations.py` and each class's configuration; each field of a tiny model of each class
was set to other types and values, and the model loaded and asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from model_import.artifacts.config import CONFIG, Config
from model_import.artifacts.findings import Findings, shown
from model_import.artifacts.forms import Form
from model_import.artifacts.limits import GPT_OSS, LOADER

_BIGCODE, _T5, _MLLAMA = "GPTBigCodeForCausalLM", "T5ForConditionalGeneration", "MllamaForConditionalGeneration"
_IMAGES: Final = ("Qwen2VLForConditionalGeneration", "Qwen2_5_VLForConditionalGeneration")
_WINDOWED: Final = ("MistralForCausalLM", "MixtralForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM", *_IMAGES)
ACTIVATIONS: Final = frozenset(
    {
        *("gelu", "gelu_10", "gelu_accurate", "gelu_fast", "gelu_new", "gelu_python", "gelu_pytorch_tanh", "laplace"),
        *("leaky_relu", "linear", "mish", "prelu", "quick_gelu", "relu", "relu2", "relu6", "sigmoid", "silu", "swish"),
        "tanh",
    }
)
"""Names of activations that transformers 4.51.3 knows."""
_PROBLEMS: Final = (None, "regression", "single_label_classification", "multi_label_classification")


def _is_number(value: object) -> bool:
    # Infinity and "not a number", which JSON of Python may hold, are none.
    return isinstance(value, int | float) and 0 <= value < 1e30


def _is_labels(value: object) -> bool:
    return isinstance(value, dict) and all(key.isascii() and key.isdigit() for key in value)


_ACTIVATION: Final = Form(lambda value: isinstance(value, str) and value in ACTIVATIONS, ", ".join(sorted(ACTIVATIONS)))
_SMALL: Final = Form(_is_number, "a number of 0 or more, such as 1e-06, without quotes")
_SHARE: Final = Form(lambda value: _is_number(value) and value <= 1, "a number from 0 to 1")
_POSITIVE: Final = Form(lambda value: _is_number(value) and value >= 1, "a number of 1 or more")
_WINDOW: Final = Form(
    lambda value: value is None or (isinstance(value, int | float) and not isinstance(value, bool)), "a number, or null"
)
_FALSE: Final = Form(lambda value: not value, "false, or no such field")
_TRUE: Final = Form(bool, "true, or no such field")
_BOOLEAN: Final = Form(lambda value: value is False or bool(value), "true, false, or no such field")

_EVERYWHERE: Final = {
    "pruned_heads": Form(lambda value: not value, "{}, or no such field: save the model without its pruned heads"),
    "torchscript": _FALSE,
    "id2label": Form(lambda value: value is None or _is_labels(value), "no such field"),
    "label2id": Form(lambda value: value is None or isinstance(value, dict), "no such field"),
    "num_labels": Form(lambda value: value is None or isinstance(value, int), "no such field"),
    "problem_type": Form(lambda value: value is None or value in _PROBLEMS, "no such field"),
}
_FORMS: Final = {
    _BIGCODE: {
        "activation_function": _ACTIVATION,
        "layer_norm_epsilon": _SMALL,
        **dict.fromkeys(("attn_pdrop", "embd_pdrop", "resid_pdrop"), _SHARE),
        "is_encoder_decoder": _FALSE,
    },
    _T5: {
        "dense_act_fn": _ACTIVATION,
        "layer_norm_epsilon": _SMALL,
        "dropout_rate": _SHARE,
        "initializer_factor": _SMALL,
        "relative_attention_max_distance": _POSITIVE,
        "is_encoder_decoder": _TRUE,
        "use_cache": _BOOLEAN,
    },
}
_DECODER: Final = {"hidden_act": _ACTIVATION, "rms_norm_eps": _SMALL, "is_encoder_decoder": _FALSE}
_VISION: Final = {name: {"hidden_act": _ACTIVATION} for name in (_MLLAMA, *_IMAGES)}


def check_constants(config: Config, found: Findings) -> None:
    """Check the fields' types and values.

    Args:
        config: Facts of `config.json`; one of a class that 4.51.3 does not load is not checked.
        found: Collects the findings.
    """
    architecture = config.architecture
    if architecture is None or architecture == GPT_OSS:
        return
    forms = dict(_FORMS.get(architecture, _DECODER))
    if architecture in _WINDOWED:
        forms["sliding_window"] = _WINDOW
    nested = "text_config." if config.text is not config.document else ""
    _check(config.document, _EVERYWHERE, "", found)
    _check(config.text, forms, nested, found)
    vision = config.document.get("vision_config")
    if isinstance(vision, dict):
        _check(vision, _VISION.get(architecture, {}), "vision_config.", found)


def _check(document: Mapping[str, Any], forms: Mapping[str, Form], place: str, found: Findings) -> None:
    for name, form in forms.items():
        if name in document and not _fits(form, document[name]):
            problem = f"it is {shown(document[name])}, which transformers {LOADER} does not load, or not answer with"
            found.error("config-field", f"{CONFIG}, {place}{name}", problem, form.allowed)


def _fits(form: Form, value: object) -> bool:
    try:
        return form.fits(value)
    except TypeError:
        # A list or an object where a name or a number should be.
        return False
