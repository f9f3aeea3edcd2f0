"""A small language model that takes the place of the deterministic engine: SmolLM2-135M-Instruct, on one core.

It answers below the dialects of TGI, LMI, vLLM and Bedrock, so that texts, counts of tokens, log probabilities, stop
strings and JSON by a schema are what a tokenizer and a model really make of them. It is small: its answers are English
and often wrong.

* `installed`: what `make engine` has installed, if it has.
* `model`: the engine; says what is the model's, and what is decided for it.
* `process`: the process that the model runs in, `serve.mjs`.
* `reduction`: what of a JSON schema a grammar keeps the model to.
"""

from __future__ import annotations

from localaws.engine.installed import NAME, missing
from localaws.engine.model import SmallModel

__all__ = ["NAME", "SmallModel", "missing"]
"""`NAME` is the model's."""
