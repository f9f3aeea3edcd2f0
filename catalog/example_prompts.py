"""Example prompts: in the form that a model was tuned on, where it has a template."""

from __future__ import annotations

import json
from string import Formatter

from catalog.prompt_template import DEMARCATION_KEY

SENTENCE = "Summarize: a new version was deployed and is being asked whether it answers."
"""Text for every field of a template, and the prompt for a model without one."""
# Training puts it between prompt and completion, unless the template's third member says no
# (lambda/invoke_shim/formats/template.py, with its sources).
_DEMARCATION = "\n\n### Response:\n"


def example_prompt(template: str | None) -> str:
    """Return a prompt to try a model with.

    Args:
        template: The model's template, a `template.json` as it is; None where it has none.

    Raises:
        KeyError: The template has no prompt.
        ValueError: The template is not JSON, or its prompt not in the form of `str.format`.
    """
    if not template:
        return SENTENCE
    members = json.loads(template)
    prompt = str(members["prompt"])
    names = {name for _, name, _, _ in Formatter().parse(prompt) if name}
    end = _DEMARCATION if members.get(DEMARCATION_KEY, True) else ""
    return prompt.format_map(dict.fromkeys(names, SENTENCE)) + end
