"""The shapes of LMI's asynchronous mode, in which vLLM's own server answers: the default from LMI 17 on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localaws.containers.detokenizer import Output
from localaws.containers.lmi.request import LmiRequest


@dataclass(frozen=True, slots=True)
class Mode:
    """The asynchronous mode."""

    def answer(self, request: LmiRequest, made: Sequence[Output]) -> Mapping[str, Any]:
        """Return the answer that is not streamed."""
        answer: dict[str, Any] = {"generated_text": _text(request, made)}
        if request.details:
            answer["details"] = {
                # It reports vLLM's `stop_reason`: the stop sequence that was met, or nothing.
                "finish_reason": made[-1].stop_reason,
                "generated_tokens": len(made),
                "seed": request.parameters.get("seed"),
                "prefill": _tokens(request) if request.prompt_details else [],
                "tokens": [{**_token(output), "text": output.token.text} for output in made],
            }
        return answer

    def line(self, request: LmiRequest, made: Sequence[Output]) -> Mapping[str, Any]:
        """Return the line of the last output."""
        last = made[-1]
        line: dict[str, Any] = {"index": 0, "token": _token(last), "generated_text": None, "details": None}
        if last.finish_reason is not None:
            line["generated_text"] = _text(request, made)
            if request.details:
                line["details"] = {
                    "finish_reason": last.finish_reason,
                    "seed": request.parameters.get("seed"),
                    "generated_tokens": len(made),
                    "input_length": len(request.tokens),
                }
        return line

    def end(self) -> tuple[str, ...]:
        """Return two blank lines: what becomes of vLLM's usage chunk and of its `[DONE]`."""
        return "", ""

    def refusal(self, request: LmiRequest, problem: str) -> None:
        """Return None: the payload counts as one that cannot be read."""

    def failure(self, request: LmiRequest, problem: str) -> Mapping[str, Any]:
        """Return vLLM's error."""
        return {"error": {"message": problem, "type": "InternalServerError", "param": None, "code": 500}}


def _text(request: LmiRequest, made: Sequence[Output]) -> str:
    return (request.inputs if request.full_text else "") + "".join(output.text for output in made)


def _token(output: Output) -> dict[str, Any]:
    return {"id": output.token.id, "text": output.text, "logprob": output.token.logprob}


def _tokens(request: LmiRequest) -> list[dict[str, Any]]:
    """Return the prompt's tokens; vLLM reports nothing of the first."""
    return [{"id": token.id, "text": token.text, "logprob": token.logprob} for token in request.tokens[1:]]
