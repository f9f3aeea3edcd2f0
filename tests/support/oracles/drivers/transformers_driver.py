"""Save tiny models, and load folders as transformers 4.51.3 does, which Custom Model Import documents as its loader."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import tiny_models
import torch
import transformers
from lines import described, serve
from safetensors import safe_open

_IDS = (5, 6, 7, 8, 9, 10, 11, 12)


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Build or load a model.

    Args:
        question: `folder`, and `architecture` and `seed` to build one.

    Returns:
        What was built, or what loading the folder said: `model`, `forward`, `tokenizer` and `chat` are an error each
        or None; `missing`, `unexpected`, `mismatched` and `changed` are names of tensors, and `modules` those of the
        class's own parts.
    """
    folder = Path(question["folder"])
    if "architecture" in question:
        built: dict[str, Any] = tiny_models.build(question["architecture"], question["seed"], folder)
        return built
    return {**_load(folder), **_tokenize(folder)}


def _load(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = {"model": None, "forward": None}
    told |= {name: [] for name in ("missing", "unexpected", "mismatched", "changed")}
    try:
        config = transformers.AutoConfig.from_pretrained(folder, trust_remote_code=False)
        loader = getattr(transformers, config.architectures[0])
        model, info = loader.from_pretrained(folder, torch_dtype="auto", output_loading_info=True)
    except Exception as error:  # the answer
        return {**told, "model": described(error)}
    told["modules"] = [name for name, _ in model.named_children()]
    told["missing"] = sorted(info["missing_keys"])
    told["unexpected"] = sorted(info["unexpected_keys"])
    told["mismatched"] = sorted(str(each) for each in info["mismatched_keys"])
    told["changed"] = _changed(folder, model)
    told["forward"] = _error(lambda: _forward(model, config))
    return told


def _forward(model: Any, config: Any) -> None:
    """Compute once; raise if a logit is no number.

    Raises:
        ArithmeticError: A logit is infinite or no number.
    """
    ids = torch.tensor([_IDS])
    more = {"decoder_input_ids": ids} if config.is_encoder_decoder else {}
    more["attention_mask"] = torch.ones_like(ids)
    with torch.no_grad():
        logits = model.float().eval()(input_ids=ids, **more).logits
    if not torch.isfinite(logits).all():
        raise ArithmeticError("a logit is infinite or no number")


def _changed(folder: Path, model: Any) -> list[str]:
    """Return the tensors of the files that the model holds other numbers for, such as a head that it threw away."""
    held = model.state_dict()
    changed = []
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as opened:
            for name in opened.keys():  # noqa: SIM118 - it is no dictionary
                kept = held.get(name, held.get(f"{model.base_model_prefix}.{name}"))
                tensor = opened.get_tensor(name)
                if kept is not None and not torch.equal(tensor.to(kept.dtype), kept):
                    changed.append(name)
    return changed


def _tokenize(folder: Path) -> dict[str, Any]:
    """Load the tokenizer, write and read a text with it, and fill its chat template."""
    told: dict[str, Any] = {"tokenizer": None, "chat": None, "template": False}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        ids = tokenizer("hello world")["input_ids"]
        tokenizer.decode(ids)
    except BaseException as error:  # the Rust library's panics are no Exception
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        return {**told, "tokenizer": described(error)}
    told["tokens"] = len(ids)
    told["largest"] = max(tokenizer.get_vocab().values(), default=-1)
    told["template"] = bool(tokenizer.chat_template)
    if told["template"]:
        chat = [{"role": "user", "content": "hello"}]
        told["chat"] = _error(lambda: tokenizer.apply_chat_template(chat, tokenize=True))
    return told


def _error(call: Callable[[], Any]) -> str | None:
    try:
        call()
    except Exception as error:  # the answer
        said: str = described(error)
        return said
    return None


if __name__ == "__main__":
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    serve(transformers.__version__, answer)
