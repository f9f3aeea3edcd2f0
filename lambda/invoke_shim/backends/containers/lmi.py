"""AWS's DJL-LMI.

It answers with an object and streams JSON lines; with OPTION_TGI_COMPAT with a list of one object, and server-sent
events. Its default of 30 new tokens is always overridden. `stop` and not `stop_sequences`, which some of its versions
ignore; never `top_n_tokens`, which some take for the number of answers. Sources: djl-serving's
`serving/docs/lmi/user_guides/lmi_input_output_schema.md`, `djl_python/output_formatter.py` (rolling batch) and
`djl_python/lmi_vllm/request_response_utils.py` (asynchronous).
"""

from invoke_shim.backends.containers.generated_text import GeneratedTextContainer


def create() -> GeneratedTextContainer:
    """LMI; its status 424 is a payload that it refuses."""
    return GeneratedTextContainer(
        name="lmi",
        refuses_with_424=True,
        max_stop=None,
        penalties=("presence_penalty", "frequency_penalty"),
        tells_alternatives=False,
    )
