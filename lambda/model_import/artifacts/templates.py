"""Check the chat templates, and say which one Bedrock uses where there are more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from model_import.artifacts.contents import Contents
from model_import.artifacts.findings import shown
from model_import.artifacts.tokenizer_fields import TOKENIZER_CONFIG

_JINJA = "chat_template.jinja"
_TEMPLATE_JSON = "chat_template.json"
_FIELD = f"{TOKENIZER_CONFIG}, chat_template"
# Stands for a template that cannot be read, which is a finding of its own.
_UNREAD = "unread"
_ONE = f"one of {_JINJA}, {_TEMPLATE_JSON}, and the field chat_template of {TOKENIZER_CONFIG} is best"
TEMPLATE_LIMIT = 1_000_000
"""Most bytes of `chat_template.jinja` that are read; published ones have up to some 20,000."""


def check_templates(contents: Contents, document: Mapping[str, Any]) -> bool:
    """Check the templates that Bedrock may use, and report which one it uses where there are more.

    Args:
        contents: The folder; collects the findings.
        document: `tokenizer_config.json`, empty where it cannot be read.

    Returns:
        True if there is a chat template.
    """
    files: dict[str, object] = {}
    if _JINJA in contents.files:
        text = contents.text(_JINJA, limit=TEMPLATE_LIMIT)
        files[_JINJA] = _UNREAD if text is None else text
    if _TEMPLATE_JSON in contents.files:
        holder = contents.document(_TEMPLATE_JSON)
        files[f"{_TEMPLATE_JSON}, chat_template"] = _UNREAD if holder is None else holder.get("chat_template")
    embedded = document.get("chat_template")
    # An embedded template beside a file of its own is not used, so that its form does not matter.
    used = files or ({} if embedded is None else {_FIELD: embedded})
    for place, template in used.items():
        _check_text(contents, place, template)
    if not used and TOKENIZER_CONFIG in contents.files:
        problem = "there is no chat template: Converse and chat completions will not work, plain prompts will"
        contents.found.warning("chat-template", "", problem, _ONE)
    _check_precedence(contents, files, embedded)
    return bool(used)


def _check_precedence(contents: Contents, files: Mapping[str, object], embedded: object) -> None:
    """Warn of more than one template: Bedrock takes them, and uses one.

    Source: Bedrock User Guide, "Handling Custom Chat Templates and Tokenizers", "Chat Template Precedence".
    """
    names = " and ".join(files)
    if len(files) > 1:
        problem = f"there are {_alike(files.values())}: {names}; AWS does not document which of them is used"
        contents.found.warning("chat-template", "", problem, _ONE)
    if files and embedded is not None:
        problem = f"there are {_alike((*files.values(), embedded))}: {names} is used, and {_FIELD} is ignored"
        contents.found.warning("chat-template", "", problem, _ONE)


def _alike(templates: Iterable[object]) -> str:
    texts = [_default(template) for template in templates]
    if all(text == texts[0] for text in texts):
        return f"{len(texts)} equal chat templates"
    return f"{len(texts)} chat templates that DIFFER, so that the model may be prompted by the wrong one"


def _default(template: object) -> object:
    """Return the template of chats: the one named default, where there are several by name."""
    if isinstance(template, dict):
        return template.get("default")
    if isinstance(template, list):
        named = (each.get("template") for each in template if isinstance(each, dict) and each.get("name") == "default")
        return next(named, None)
    return template


def _check_text(contents: Contents, place: str, template: object) -> None:
    text = _default(template)
    if not isinstance(text, str) or not text.strip():
        contents.found.error("chat-template", place, f"the template is {shown(text)}", "a jinja template")
    elif isinstance(template, list):
        for each in template:
            if not isinstance(each, dict) or not all(isinstance(each.get(name), str) for name in ("name", "template")):
                allowed = "an object with name and template, both texts"
                contents.found.error("chat-template", place, f"one of the named templates is {shown(each)}", allowed)
