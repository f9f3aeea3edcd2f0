"""Hugging Face's text-generation-inference (TGI).

It answers with a list of one object, and streams server-sent events without a `[DONE]`. Errors in a stream come as
`{"error", "error_type"}`, refused parameters too, under status 200. Source: `router/src/server.rs`, `lib.rs` and
`validation.rs`.
"""

from invoke_shim.backends.containers.generated_text import GeneratedTextContainer

MAX_STOP = 4
"""The launcher's default of `--max-stop-sequences`."""


def create() -> GeneratedTextContainer:
    """TGI; its status 424 is a failed generation. TGI 1.1 would ignore the penalty in silence; its rules refuse it."""
    return GeneratedTextContainer(
        name="tgi",
        refuses_with_424=False,
        max_stop=MAX_STOP,
        penalties=("frequency_penalty",),
        tells_alternatives=True,
    )
