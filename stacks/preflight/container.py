"""Checks of the container's environment variables, against each other and against the hardware."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from catalog.container_variables import SOFTWARE, equivalent, misspelt, owner
from catalog.instances import hardware
from catalog.limits import endpoint as limits
from catalog.nearest import similar
from stacks.preflight.catalogue import Subject
from stacks.preflight.findings import Finding, Level, breaches

# Variables that a container reads as a whole number; TGI's launcher, SageMaker's toolkit and LMI document them so.
_NUMBERS = (
    *("MAX_INPUT_LENGTH", "MAX_INPUT_TOKENS", "MAX_TOTAL_TOKENS", "MAX_BATCH_PREFILL_TOKENS"),
    *("MAX_BATCH_TOTAL_TOKENS", "MAX_CONCURRENT_REQUESTS", "MAX_BEST_OF", "MAX_STOP_SEQUENCES", "SM_NUM_GPUS"),
    *("NUM_SHARD", "SAGEMAKER_MODEL_SERVER_WORKERS", "ENDPOINT_SERVER_TIMEOUT"),
    *("OPTION_MAX_ROLLING_BATCH_SIZE", "OPTION_MAX_MODEL_LEN"),
)
_SHARDS = ("SM_NUM_GPUS", "NUM_SHARD", "OPTION_TENSOR_PARALLEL_DEGREE", "TENSOR_PARALLEL_DEGREE")
# LMI takes all GPUs that there are.
_ALL_GPUS = "max"

TGI_QUANTIZATION: tuple[str, ...] = (
    "bitsandbytes",
    "bitsandbytes-nf4",
    "bitsandbytes-fp4",
    "gptq",
    "awq",
    "eetq",
    "fp8",
)
"""Values that TGI's documentation of `--quantize` names and its SageMaker images take."""
LMI_QUANTIZATION: tuple[str, ...] = (
    *("awq", "bitsandbytes", "bitsandbytes4", "bitsandbytes8", "compressed-tensors", "deepspeedfp", "dynamic_int8"),
    *("fp8", "gptq", "marlin", "smoothquant", "squeezellm", "static_int8"),
)
"""Values of `OPTION_QUANTIZE` that LMI's engines together take; each takes a part of them, so a miss only warns."""
_PREQUANTIZED = ("gptq", "awq")
_TGI_VARIABLES: tuple[str, ...] = ("HF_MODEL_QUANTIZE", "QUANTIZE")
_LMI_VARIABLES: tuple[str, ...] = ("OPTION_QUANTIZE",)


def check_container(subject: Subject) -> Iterator[Finding]:
    """Check the container's variables: the version's own, with the declaration's laid over them."""
    declared = subject.placement.model.environment
    yield from breaches("environment-variable", str(subject.placement), limits.environment(declared))
    if subject.deployment is None:
        return
    own = subject.deployment.environment
    variables = {**own, **{key: value for key, value in declared.items() if isinstance(value, str)}}
    yield from _check_numbers(subject, variables)
    yield from _check_tokens(subject, variables)
    yield from _check_gpus(subject, variables)
    yield from _check_quantization(subject, variables)
    yield from _check_names(subject, own)


def _place(subject: Subject, variable: str) -> str:
    return f"{subject.placement}.environment[{variable!r}]"


def _number(variables: Mapping[str, str], name: str) -> int | None:
    value = variables.get(name, "")
    return int(value) if value.isdecimal() else None


def _check_numbers(subject: Subject, variables: Mapping[str, str]) -> Iterator[Finding]:
    for name in _NUMBERS:
        if name in variables and not _number(variables, name):
            yield Finding(
                rule="not-a-number",
                place=_place(subject, name),
                value=repr(variables[name]),
                allowed="a whole number, 1 or more, in quotes",
            )


def _check_tokens(subject: Subject, variables: Mapping[str, str]) -> Iterator[Finding]:
    # MAX_INPUT_TOKENS is the newer name of MAX_INPUT_LENGTH.
    name = "MAX_INPUT_TOKENS" if "MAX_INPUT_TOKENS" in variables else "MAX_INPUT_LENGTH"
    longest = _number(variables, name)
    total = _number(variables, "MAX_TOTAL_TOKENS")
    prefill = _number(variables, "MAX_BATCH_PREFILL_TOKENS")
    for breach in limits.token_limits(longest, total):
        yield Finding(
            rule="token-limits",
            place=_place(subject, name),
            value=breach.value,
            allowed=breach.allowed,
            suggestion=f"{total - 1}" if total and total > 1 else "",
        )
    if longest and prefill and prefill < longest:
        yield Finding(
            rule="prefill-limit",
            place=_place(subject, "MAX_BATCH_PREFILL_TOKENS"),
            value=f"{prefill}",
            allowed=f"{name}, {longest}, or more",
            suggestion=f"{longest}",
        )


def _check_gpus(subject: Subject, variables: Mapping[str, str]) -> Iterator[Finding]:
    instance = hardware(subject.instance_type)
    if instance is None:
        return
    for name in _SHARDS:
        value = variables.get(name, _ALL_GPUS)
        if value != _ALL_GPUS and not value.isdecimal() and name not in _NUMBERS:
            yield Finding(
                rule="not-a-number", place=_place(subject, name), value=repr(value), allowed="a whole number, or 'max'"
            )
        count = _number(variables, name)
        if count is not None and count > instance.gpus:
            yield Finding(
                rule="more-gpus-than-there-are",
                place=_place(subject, name),
                value=f"{count}",
                message=f"{subject.instance_type} has {instance.gpus}",
                allowed=f"1 to {instance.gpus}",
                suggestion=f"{instance.gpus}",
            )


def _check_quantization(subject: Subject, variables: Mapping[str, str]) -> Iterator[Finding]:
    declared = subject.placement.model.environment
    match subject.deployment.container if subject.deployment else "other":
        case "tgi":
            read, unread, known, second_hand = _TGI_VARIABLES, _LMI_VARIABLES, TGI_QUANTIZATION, False
        case "lmi":
            read, unread, known, second_hand = _LMI_VARIABLES, _TGI_VARIABLES, LMI_QUANTIZATION, True
        case _:
            return
    for name in unread:
        if name in declared:
            yield Finding(
                rule="quantization-unread",
                place=_place(subject, name),
                value=repr(declared[name]),
                message=f"the container of {subject.label} does not read it",
                suggestion=read[0],
                level=Level.WARNING,
            )
    for name in read:
        value = variables.get(name)
        if value and value not in known and (name in declared or not second_hand):
            yield Finding(
                rule="quantization",
                place=_place(subject, name),
                value=repr(value),
                message="the container lacks it",
                allowed=", ".join(known),
                suggestion=" or ".join(similar(value, known, most=2)),
                second_hand=second_hand,
            )
        if name in declared and value in _PREQUANTIZED and value not in subject.version.model_id:
            yield Finding(
                rule="weights-not-quantized",
                place=_place(subject, name),
                value=repr(value),
                message=f"it needs weights that are quantized already, and those of {subject.label} do not look so",
                suggestion="bitsandbytes or eetq, which quantize while loading" if "bitsandbytes" in known else "",
                level=Level.WARNING,
            )


def _check_names(subject: Subject, own: Mapping[str, str]) -> Iterator[Finding]:
    """Check declared variables for names of another container, and for typing errors; others may be anybody's."""
    family = subject.deployment.container if subject.deployment else "other"
    if family == "other":
        return
    for name, value in subject.placement.model.environment.items():
        if name in own or name in (*_TGI_VARIABLES, *_LMI_VARIABLES):
            # What JumpStart sets itself may be set otherwise; quantization has findings of its own.
            continue
        finding = Finding(rule="variable-unread", place=_place(subject, name), value=repr(value), level=Level.WARNING)
        if (other := owner(name, family)) is not None:
            message = f"it is a variable of {SOFTWARE[other]}, and {subject.label} runs in {SOFTWARE[family]}"
            yield replace(finding, message=message, suggestion=equivalent(name, family))
        elif near := misspelt(name, family):
            message = f"{SOFTWARE[family]}, in which {subject.label} runs, documents no such variable"
            yield replace(finding, message=message, suggestion=near)
