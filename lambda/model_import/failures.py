"""*Tidy*: remove what a failed run imported, and add the likely cause to its error message."""

import json
import re
from typing import Any

from model_import import versions
from model_import.settings import Settings

_LONGEST_MESSAGE = 30_000
"""Characters of an error's own message; Step Functions takes 32,768 of a cause, likely cause included."""
_CUT = "… (cut: Step Functions takes no more)"

# The first that fits counts. Sources: the Bedrock User Guide's pages on Custom Model Import, and public reports.
_CAUSES = (
    (
        r"SageMaker refuses to describe",
        "the import may ask about the one SageMaker model or training job that the declaration names",
    ),
    (
        r"expected file \S*\.tar\.gz",
        "the weights are packed: Bedrock takes an unpacked prefix; for JumpStart's fine-tuned models ask for "
        "uncompressed output",
    ),
    (
        r"expected file",
        "the prefix must hold config.json, tokenizer_config.json, tokenizer.json and *.safetensors themselves, not in "
        "a folder below it; LoRA adapters must be merged into their base model first",
    ),
    (r"(?i)architecture", "Custom Model Import does not support the class in config.json's `architectures`"),
    (r"(?i)chat template", "the weights have no chat template: use the body `completion` or `native`"),
    (r"(?i)tokenizer", "Custom Model Import does not support the `tokenizer_class` in tokenizer_config.json"),
    (r"(?i)context length", "`max_position_embeddings` in config.json is above the limit of Custom Model Import"),
    (r"(?i)total_parameters", "GPT-OSS: model.safetensors.index.json needs `metadata` without `total_parameters`"),
    (
        r"(?i)role ARN is invalid",
        "Bedrock could not find or assume the import role in any of the tries: the role's trust policy must name "
        "bedrock.amazonaws.com, this account and model-import-job/* of this region",
    ),
    (
        r"(?i)kms|decrypt",
        "the import role, or the key's policy, does not allow the use of a KMS key: kms:Decrypt for encrypted weights",
    ),
    (
        r"(?i)access ?denied|not authorized|forbidden|could not (list|read)",
        "the import role may not read the weights: its policy, or the policy of a bucket in another account",
    ),
    (
        r"(?i)ServiceQuotaExceeded|quota",
        "a quota of the account: 3 imported models (L-45B04988, adjustable) and one import at a time (L-5F098EFA)",
    ),
    (r"(?i)ModelNotReady", "the model was not loaded within the time that the smoke test waits"),
    (r"(?i)States\.Timeout", "other imports of the account took all the time: an account runs one at a time"),
)


def tidy(settings: Settings, event: dict[str, Any]) -> dict[str, Any]:
    """Remove the version that a failed run imported, unless it is served or the previous one, and explain the error.

    Args:
        settings: The function's settings.
        event: `state`, the state machine's data: `failure` with `Error` and `Cause`, and after *plan* `run.version`.

    Returns:
        `error` and `cause`: the error's name and its message, unchanged, with the likely cause in a second line. Only a
            message that Step Functions would not take is cut, and says so.
    """
    state = event["state"]
    error, message = _unwrapped(state["failure"])
    # Without a plan the run has changed nothing: an imported model of that version is another run's.
    version = state.get("run", {}).get("version")
    if version:
        kept = versions.served_and_previous(settings)
        for imported in versions.versions(settings.model):
            if imported.version == version and version not in kept:
                versions.remove(imported)
    likely = with_likely_cause(message, error)[len(message) :]
    cut = message if len(message) <= _LONGEST_MESSAGE else f"{message[:_LONGEST_MESSAGE]}{_CUT}"
    return {"error": error, "cause": f"{cut}{likely}"}


def with_likely_cause(message: str, error: str = "") -> str:
    """Return a message, unchanged, with the likely cause in a line of its own where one is known.

    Args:
        message: The error's message.
        error: The error's name, which is searched as well.
    """
    for pattern, cause in _CAUSES:
        if re.search(pattern, f"{error} {message}"):
            return f"{message}\nlikely cause: {cause}"
    return message


def _unwrapped(failure: dict[str, str]) -> tuple[str, str]:
    """Return an error's name and message; Lambda wraps a function's message into JSON."""
    message = failure.get("Cause", "")
    try:
        document = json.loads(message)
    except ValueError:
        document = None
    if isinstance(document, dict) and "errorMessage" in document:
        message = str(document["errorMessage"])
    return failure.get("Error", "Error"), message
