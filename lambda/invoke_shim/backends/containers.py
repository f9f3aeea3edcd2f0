"""What Hugging Face's TGI and AWS's DJL-LMI containers take and answer.

Both take `{"inputs": str, "parameters": {...}}`. TGI answers with a list of one object, LMI with the object
itself, or with a list when deployed with OPTION_TGI_COMPAT. Sources: TGI's `router/src/lib.rs` and
`validation.rs`; `serving/docs/lmi/user_guides/lmi_input_output_schema.md` of djl-serving.
"""

import json
from dataclasses import dataclass
from typing import Any

from invoke_shim.errors import ApiError
from invoke_shim.generation import Completion, FinishReason, Generation


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """What is particular to one kind of container.

    Attributes:
        name: its name in CONTAINER.
        max_stop: the most stop strings it takes; None where there is no limit.
        takes_penalties: whether it knows presence and frequency penalties. TGI 1.1 ignores them in silence.
        is_424_a_failure: whether the status 424 means a failed generation (TGI) or a refused payload (LMI).
    """

    name: str
    max_stop: int | None
    takes_penalties: bool
    is_424_a_failure: bool

    def payload(self, prompt: str, generation: Generation) -> bytes:
        """The request body for a prompt."""
        parameters: dict[str, Any] = {
            "max_new_tokens": generation.max_tokens,
            "details": True,
            "return_full_text": False,
            **_sampling(generation),
        }
        if generation.stop:
            parameters["stop"] = list(generation.stop[: self.max_stop])
        optional = {
            "seed": generation.seed,
            "presence_penalty": generation.presence_penalty,
            "frequency_penalty": generation.frequency_penalty,
            # Costs the container memory for a probability of every vocabulary entry at every token of the
            # prompt, which is why newer TGI versions have it switched off: only when the client asks.
            "decoder_input_details": generation.decoder_input_details or None,
        }
        parameters |= {name: value for name, value in optional.items() if value is not None}
        return json.dumps({"inputs": prompt, "parameters": parameters}).encode("ascii")


TGI = Container(name="tgi", max_stop=4, takes_penalties=False, is_424_a_failure=True)
LMI = Container(name="lmi", max_stop=None, takes_penalties=True, is_424_a_failure=False)
CONTAINERS = {container.name: container for container in (TGI, LMI)}


def _sampling(generation: Generation) -> dict[str, Any]:
    """How the next token is chosen.

    TGI and LMI take the likeliest token unless told `do_sample`, OpenAI's API samples at temperature 1 unless
    told otherwise; so it is always told. Greedy means no other sampling parameter either: TGI refuses a
    temperature of 0, and samples if there is a top_p, whatever do_sample says. TGI refuses a top_p of 1, which
    says nothing in any case.
    """
    if generation.greedy:
        return {"do_sample": False}
    sampling: dict[str, Any] = {"do_sample": True}
    if generation.temperature is not None:
        sampling["temperature"] = generation.temperature
    if generation.top_p is not None and generation.top_p < 1:
        sampling["top_p"] = generation.top_p
    return sampling


def read_reply(body: bytes, *, max_tokens: int) -> Completion:
    """Read a container's answer.

    Args:
        body: the response body.
        max_tokens: the limit that was asked for, to tell whether it ended the text when the container's reason
            is of no help: LMI's may be null, a stop string or a token id.

    Raises:
        ApiError: 502, the answer is an error, or not understood.
    """
    reply = _parse(body)
    if isinstance(reply, list) and len(reply) == 1:
        reply = reply[0]
    if not isinstance(reply, dict):
        raise _not_understood()
    if "error" in reply:
        raise _failed()
    text = reply.get("generated_text")
    details = reply.get("details")
    details = details if isinstance(details, dict) else {}
    # LMI answers a generation that failed, or that it refuses, with an empty text and this reason under 200.
    if details.get("finish_reason") == "error":
        raise _failed()
    if not isinstance(text, str):
        raise _not_understood()
    completion_tokens = _count(details.get("generated_tokens"))
    prefill = details.get("prefill")
    return Completion(
        text=text,
        finish_reason=_finish_reason(details.get("finish_reason"), completion_tokens, max_tokens),
        prompt_tokens=len(prefill) if isinstance(prefill, list) and prefill else None,
        completion_tokens=completion_tokens,
    )


def container_message(body: str) -> str:
    """The message in a container's error body: TGI's and LMI's `error`, else `message`, else the body."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return body.strip()
    if isinstance(value, dict):
        for name in ("error", "message"):
            if isinstance(value.get(name), str):
                return str(value[name])
    return body.strip()


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise _not_understood() from None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _finish_reason(reason: Any, completion_tokens: int | None, max_tokens: int) -> FinishReason:
    if reason == "length":
        return "length"
    if reason in ("eos_token", "stop_sequence", "stop"):
        return "stop"
    return "length" if completion_tokens is not None and completion_tokens >= max_tokens else "stop"


def _failed() -> ApiError:
    return ApiError(
        "the model's container failed to generate an answer; a prompt longer than the model takes can be the cause",
        status=502,
        type="server_error",
        upstream="container error under status 200",
    )


def _not_understood() -> ApiError:
    return ApiError(
        "the model's container gave an answer that this API does not understand",
        status=502,
        type="server_error",
        upstream="unreadable reply",
    )
