"""What becomes of a run that fails: its own words, the likely cause beside them, and nothing left behind."""

import json
import re
from typing import Any

from model_import import versions
from model_import.configuration import Configuration

_LONGEST_CAUSE = 8000
"""Characters; Step Functions takes 32,768 of a cause."""

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
        "a folder below; LoRA adapters must be merged into their base model first",
    ),
    (r"(?i)architecture", "the class in config.json's `architectures` is none that Custom Model Import takes"),
    (r"(?i)chat template", "the weights have no chat template: ask with the body `completion` or `native`"),
    (r"(?i)tokenizer", "`tokenizer_class` in tokenizer_config.json is none that Custom Model Import takes"),
    (r"(?i)context length", "`max_position_embeddings` in config.json is above what Custom Model Import takes"),
    (r"(?i)total_parameters", "GPT-OSS: model.safetensors.index.json needs `metadata` without `total_parameters`"),
    (
        r"(?i)role ARN is invalid",
        "Bedrock did not see the import role, or may not assume it, for as long as it was tried: the role's trust "
        "policy must name bedrock.amazonaws.com, this account and model-import-job/* of this region",
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
    (r"(?i)States\.Timeout", "other imports of the account took all of the time, since there is one at a time"),
)


def tidy(configuration: Configuration, event: dict[str, Any]) -> dict[str, Any]:
    """Remove the version that a failed run imported, unless it is served or was before, and say why it failed.

    Args:
        configuration: the function's settings.
        event: `state`, the state machine's data: `failure` with `Error` and `Cause`, and, as far as the run came,
            `run.version`.

    Returns:
        `error` and `cause`: the error's name and its words, unchanged, with the likely cause in a second line.
    """
    state = event["state"]
    error, words = _unwrapped(state["failure"])
    # Without a plan the run has touched nothing: what there is of that version is another run's.
    version = state.get("run", {}).get("version")
    if version:
        kept = versions.served_and_previous(configuration)
        for imported in versions.versions(configuration.model):
            if imported.version == version and version not in kept:
                versions.remove(imported)
    return {"error": error, "cause": with_likely_cause(words, error)[:_LONGEST_CAUSE]}


def with_likely_cause(words: str, error: str = "") -> str:
    """A message as it is, with the likely cause in a line of its own, where one is known.

    Args:
        words: the message.
        error: the error's name, which is looked at, too.
    """
    for pattern, cause in _CAUSES:
        if re.search(pattern, f"{error} {words}"):
            return f"{words}\nlikely cause: {cause}"
    return words


def _unwrapped(failure: dict[str, str]) -> tuple[str, str]:
    """An error's name and words; Lambda wraps a function's into JSON."""
    words = failure.get("Cause", "")
    try:
        document = json.loads(words)
    except ValueError:
        document = None
    if isinstance(document, dict) and "errorMessage" in document:
        words = str(document["errorMessage"])
    return failure.get("Error", "Error"), words
