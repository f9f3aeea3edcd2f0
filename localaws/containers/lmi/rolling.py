"""The shapes of LMI's rolling batch, the default up to LMI 16."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localaws.containers.detokenizer import Output
from localaws.containers.lmi.request import LmiRequest


@dataclass(frozen=True, slots=True)
class Mode:
    """The rolling batch.

    Attributes:
        tgi_compatible: Whether tokens have TGI's names and details are reported unless they are refused.
    """

    tgi_compatible: bool

    def answer(self, request: LmiRequest, made: Sequence[Output]) -> Mapping[str, Any]:
        """Return the answer that is not streamed."""
        answer: dict[str, Any] = {"generated_text": _text(request, made)}
        if self._with_details(request):
            answer["details"] = self._details(request, made)
            answer["details"]["tokens"] = [self._token(output) for output in made]
        return answer

    def line(self, request: LmiRequest, made: Sequence[Output]) -> Mapping[str, Any]:
        """Return the line of the last output."""
        line: dict[str, Any] = {"token": self._token(made[-1])}
        if made[-1].finish_reason is not None:
            line["generated_text"] = _text(request, made)
            if self._with_details(request):
                line["details"] = self._details(request, made)
        return line

    def end(self) -> tuple[str, ...]:
        """Return nothing: the last output's line is the last."""
        return ()

    def refusal(self, request: LmiRequest, problem: str) -> Mapping[str, Any]:
        """Return the documented answer to a bad parameter, which does not say what is bad."""
        return self.failure(request, problem)

    def failure(self, request: LmiRequest, problem: str) -> Mapping[str, Any]:
        """Return the documented answer to a failure, which does not say what failed."""
        details = {"finish_reason": "error", "generated_tokens": None, "inputs": None}
        if not request.stream:
            return {"generated_text": "", "details": {**details, "tokens": None}}
        token = {"id": -1, "text": "", "log_prob": -1, "special_token": True}
        return {"token": token, "generated_text": "", "details": details}

    def _with_details(self, request: LmiRequest) -> bool:
        return self.tgi_compatible if request.details is None else request.details

    def _details(self, request: LmiRequest, made: Sequence[Output]) -> dict[str, Any]:
        details: dict[str, Any] = {
            # The rolling batch calls every "stop" of vLLM's the end of sequence.
            "finish_reason": "length" if made[-1].finish_reason == "length" else "eos_token",
            "generated_tokens": len(made),
            "inputs": request.inputs,
        }
        if request.prompt_details:
            details["prefill"] = [self._token(Output(token, token.text)) for token in request.tokens]
        return details

    def _token(self, output: Output) -> dict[str, Any]:
        name = "logprob" if self.tgi_compatible else "log_prob"
        return {"id": output.token.id, "text": output.text, name: output.token.logprob}


def _text(request: LmiRequest, made: Sequence[Output]) -> str:
    return (request.inputs if request.full_text else "") + "".join(output.text for output in made)
