"""Hash of a declaration, to detect whether a deployment changes the model that a pipeline trains or serves.

The hash stands in the custom resource that starts trainings (`start=("deploy",)`), where CloudFormation calls an update
whenever it changes. It must change with every changed value, and with nothing else: a release of this app that gives
declarations another field starts no training of a model whose declaration is as before.

- A field of `_ALWAYS` counts at any value, its default among them. The lists are frozen: they are the fields that
  declarations had when the rule was made, so that hashes from before it stay as they were.
- Any other field counts only where its value is not its default.

So a new field needs no change here, if its default keeps the app's behaviour. A field of `_ALWAYS` that is
renamed or removed changes the hashes of all declarations, which is a line "Upgrade:" in the changelog.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any

from stacks.declarations import BedrockImport, FineTunedModel

_LENGTH = 12

_ALWAYS: Mapping[type, frozenset[str]] = {
    FineTunedModel: frozenset(
        {
            *("name", "prompt_format", "prompt_template", "region", "invoke_timeout_seconds"),
            *("model_id", "version", "accept_eula", "environment", "gather_stream"),
            *("instance_type", "unlisted_instance_type", "instance_count"),
            *("download_timeout_seconds", "startup_timeout_seconds"),
            *("method", "hyperparameters", "training_instance_type", "training_instance_count", "spot"),
            *("max_runtime_seconds", "max_wait_seconds"),
            *("data_prefix", "validation_split", "validation_prefix", "start", "bedrock"),
        }
    ),
    BedrockImport: frozenset({"body", "keep_versions", "encrypt", "in_vpc", "smoke_prompt", "smoke_expect"}),
}


def declaration_hash(declaration: FineTunedModel) -> str:
    """Hash a declaration.

    Args:
        declaration: The declaration of one model.

    Returns:
        12 hexadecimal digits.

    Raises:
        TypeError: If a value is of no type that JSON has or that a declaration is made of.
    """
    document = json.dumps(_document(declaration), sort_keys=True)
    return hashlib.sha256(document.encode()).hexdigest()[:_LENGTH]


def _document(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {name: _document(field_value) for name, field_value in _counted(value)}
    if isinstance(value, Mapping):
        return {key: _document(entry) for key, entry in value.items()}
    if isinstance(value, Set):
        return sorted(_document(entry) for entry in value)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_document(entry) for entry in value]
    return value


def _counted(declaration: Any) -> Iterator[tuple[str, Any]]:
    always = frozenset[str]().union(*(_ALWAYS.get(base, ()) for base in type(declaration).__mro__))
    for field in fields(declaration):
        value = getattr(declaration, field.name)
        if field.name in always or _document(value) != _document(_default(field)):
            yield field.name, value


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()
