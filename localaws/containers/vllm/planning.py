"""Decides what a model writes in a chat with tools or thoughts; without either it is left to the engine."""

from __future__ import annotations

from dataclasses import replace

from localaws.containers.chats import Tool, ToolCall
from localaws.containers.detokenizer import outputs
from localaws.containers.engine import Job, Sampling
from localaws.containers.serving import Serving
from localaws.containers.vllm.plans import Plan, planned
from localaws.containers.vllm.requests import VllmRequest

# Since 0.12 a request without parallel calls gets the first call alone (`maybe_filter_parallel_tool_calls`).
_KEEPS_TO_ONE_CALL = (0, 12, 0)


def plan_of(request: VllmRequest, sampling: Sampling, max_tokens: int, serving: Serving) -> Plan | None:
    """Return the plan of an answer, or None where it is text and nothing else."""
    chat, settings = request.chat, serving.settings
    if chat is None:
        return None
    thinks = settings.reasons and (request.parameters.get("chat_template_kwargs") or {}).get("enable_thinking", True)
    thought = serving.engine.thought(chat, sampling) if thinks else None
    tools = _allowed(chat.tools, request)
    calls: tuple[ToolCall, ...] = ()
    if tools:
        single = request.parameters.get("parallel_tool_calls") is False and settings.version >= _KEEPS_TO_ONE_CALL
        calls = serving.engine.calls(
            chat,
            tools,
            is_required=request.choice != "auto",
            parallel=not single and request.choice != "named",
            sampling=sampling,
        )
    if calls:
        return planned(thought=thought, calls=calls, choice=request.choice)
    if thought is None:
        return None
    job = Job(prompt=request.prompts[0].text, chat=chat, sampling=sampling, grammar=request.grammar)
    endless = bool(request.parameters.get("ignore_eos"))
    made = outputs(serving.generate(replace(job, endless=endless)), max_tokens=max(1, max_tokens))
    return planned(thought=thought, answer="".join(output.text for output in made))


def _allowed(tools: tuple[Tool, ...], request: VllmRequest) -> tuple[Tool, ...]:
    if request.choice == "none":
        return ()
    return tuple(tool for tool in tools if request.choice != "named" or tool.name == request.tool)
