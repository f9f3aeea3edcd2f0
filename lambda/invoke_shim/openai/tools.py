"""Check and read the tools of a chat: OpenAI's `tools` and `tool_choice`, and their older names."""

from collections.abc import Mapping
from typing import Any, Literal

from invoke_shim.errors import ENOUGH_PROBLEMS, Problem, show
from invoke_shim.generation.messages import Function, Tools
from invoke_shim.rules import forms
from invoke_shim.rules.base import Rules
from invoke_shim.rules.checks import flag

MAX_NAME = 64
"""Characters of a function's name: OpenAI's limit, and Converse's."""

NO_TOOLS = (
    "tools is not supported by this model's API: only a container that writes the chat's prompt itself and knows the "
    "model's form of calls has them (TGI from 2.4, LMI and vLLM with the prompt format 'container', Bedrock's chat "
    "body and Converse); leave tools out, or send tool_choice 'none'"
)

Choice = Literal["auto", "none", "required", "named"]


def read_tools(body: Mapping[str, Any], rules: Rules) -> tuple[Tools | None, list[Problem]]:
    """Read the tools of a chat.

    Args:
        body: The request.
        rules: The backend's rules.

    Returns:
        The tools, None for none; and the problems. Tools that must not be called are none to a backend without tools.
    """
    legacy = bool(body.get("functions")) and not body.get("tools")
    field, choice_field = ("functions", "function_call") if legacy else ("tools", "tool_choice")
    problems: list[Problem] = []
    if body.get("functions") and body.get("tools"):
        problems.append(Problem("functions", "functions is the older name of tools: send one of them"))
    functions = _read_functions(body.get(field), field, problems, legacy=legacy)
    choice, name = _read_choice(body.get(choice_field), choice_field, problems, legacy=legacy)
    parallel = body.get("parallel_tool_calls")
    if functions and parallel is not None and (expected := flag(parallel)) is not None:
        problems.append(Problem("parallel_tool_calls", f"parallel_tool_calls is {show(parallel)}, expected {expected}"))
    if not problems:
        problems += _choice_problems(choice, name, functions, choice_field, field)
    if functions and not problems:
        problems += _ability_problems(choice, rules, choice_field, field)
    if problems or not functions or not rules.tools:
        return None, problems[:ENOUGH_PROBLEMS]
    return Tools(functions, choice, name, parallel), []


def _read_functions(value: Any, field: str, problems: list[Problem], *, legacy: bool) -> tuple[Function, ...]:
    if value is None or value == []:
        return ()
    if not isinstance(value, list) or len(value) > forms.MAX_TOOLS:
        problems.append(
            Problem(field, f"{field} is {show(value)}, expected a list of at most {forms.MAX_TOOLS} functions")
        )
        return ()
    functions: dict[str, Function] = {}
    for position, item in enumerate(value):
        where = f"{field}[{position}]"
        kind = item.get("type", "function") if isinstance(item, dict) and not legacy else "function"
        if kind != "function":
            problems.append(Problem(where, f"{where} is of type {show(kind)}, only functions are taken here"))
            continue
        described = item if legacy or not isinstance(item, dict) else item.get("function")
        where = where if legacy else f"{where}.function"
        function = _read_function(described, where, problems)
        if function is not None and function.name in functions:
            problems.append(Problem(where, f"{where}.name is {show(function.name)}, which another one has"))
        elif function is not None:
            functions[function.name] = function
    schemas = (function.parameters for function in functions.values() if function.parameters is not None)
    if not problems and (expected := forms.all_schemas(schemas)) is not None:
        problems.append(Problem(field, f"{field} has parameters that are not allowed, expected {expected}"))
    return tuple(functions.values())


def _read_function(value: Any, where: str, problems: list[Problem]) -> Function | None:
    if not isinstance(value, dict):
        problems.append(Problem(where, f"{where} is {show(value)}, expected an object with name and parameters"))
        return None
    before = len(problems)

    def check(name: str, right: bool, expected: str) -> None:
        if not right:
            problems.append(
                Problem(f"{where}.{name}", f"{where}.{name} is {show(value.get(name))}, expected {expected}")
            )

    name, description = value.get("name"), value.get("description")
    parameters, strict = value.get("parameters"), value.get("strict")
    check("name", _is_name(name), f"1 to {MAX_NAME} letters, digits, underscores and hyphens")
    check("description", isinstance(description, str | None), "a string")
    check("parameters", isinstance(parameters, dict | None), "a JSON schema")
    check("strict", isinstance(strict, bool | None), "true or false")
    return None if len(problems) > before else Function(str(name), description, parameters, strict)


def _is_name(value: Any) -> bool:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME or not value.isascii():
        return False
    return value.replace("_", "a").replace("-", "a").isalnum()


def _read_choice(value: Any, field: str, problems: list[Problem], *, legacy: bool) -> tuple[Choice, str | None]:
    words: tuple[Choice, ...] = ("none", "auto") if legacy else ("none", "auto", "required")
    if value is None:
        return "auto", None
    for word in words:
        if value == word:
            return word, None
    function = value if legacy or not isinstance(value, dict) else value.get("function")
    name = function.get("name") if isinstance(function, dict) else None
    kind = value.get("type", "function") if isinstance(value, dict) else None
    if isinstance(name, str) and (legacy or kind == "function"):
        return "named", name
    found = f"of type {show(kind)}" if isinstance(kind, str) and kind != "function" else show(value)
    named = "an object with a name" if legacy else "an object of type 'function' with the function's name"
    problems.append(Problem(field, f"{field} is {found}, expected {', '.join(words)} or {named}"))
    return "auto", None


def _choice_problems(
    choice: Choice, name: str | None, functions: tuple[Function, ...], choice_field: str, field: str
) -> list[Problem]:
    if choice in ("none", "auto"):
        return []
    if not functions:
        return [Problem(choice_field, f"{choice_field} asks for a call, but there are no {field}")]
    if choice == "named" and all(function.name != name for function in functions):
        return [Problem(choice_field, f"{choice_field} names {show(name)}, which is none of the {field}")]
    return []


def _ability_problems(choice: Choice, rules: Rules, choice_field: str, field: str) -> list[Problem]:
    if choice == "none":
        return []
    if not rules.tools:
        return [Problem(field, NO_TOOLS)]
    if choice != "auto" and choice not in rules.tool_choices:
        how = "a call" if choice == "required" else "the call of one function"
        text = f"{choice_field} asks for {how}, but this model's container only lets the model choose: send 'auto'"
        return [Problem(choice_field, text)]
    return []
