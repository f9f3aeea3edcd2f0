"""Check of the cache that a model's context takes beside its weights, where AWS's list of types says nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from catalog.container_variables import Family, context_variable, equivalent
from catalog.instances import InstanceHardware, hardware
from catalog.kv_cache import cache_size
from stacks.preflight.catalogue import Subject
from stacks.preflight.findings import Finding, Level
from stacks.preflight.weights import USABLE, Weights, gigabytes

# Without MAX_TOTAL_TOKENS: min(max_position_embeddings, 4096) (TGI documentation, "Launcher arguments").
_TGI_TOKENS = 4096
_STEP = 1024


def check_context(subject: Subject, weights: Weights | None) -> Iterator[Finding]:
    """Check whether a cache for the longest context fits beside the weights.

    An instance type that AWS lists, with the limits that AWS sets, is taken as tried.

    Args:
        subject: The declaration and its version.
        weights: Size of the model; None if unknown.
    """
    instance, deployment = hardware(subject.instance_type), subject.deployment
    if instance is None or weights is None or not weights.fit(instance) or deployment is None:
        return
    if deployment.container == "other":
        return
    limit = context_variable(deployment.container)
    declared = subject.placement.model.environment
    listed = subject.instance_type in subject.version.instance_types
    if listed and limit not in declared:
        return
    finding = Finding(
        rule="context-cache",
        place=f"{subject.placement}.instance_type",
        value=repr(subject.instance_type),
        level=Level.WARNING,
    )
    if limit in declared:
        finding = replace(finding, place=f"{subject.placement}.environment[{limit!r}]", value=repr(declared[limit]))
    left = int(instance.total_gpu_memory_bytes * USABLE) - weights.loaded_bytes
    beside = f"{weights} leave {gigabytes(left)} of {USABLE:.0%} of its GPU memory"
    size = cache_size(subject.version.model_id)
    if size is None:
        if limit not in declared and _is_smallest(subject, instance):
            message = (
                f"it has less GPU memory than every type that AWS lists, and {beside}; what a token's cache takes "
            )
            message += "is not known here, so that the context may not fit"
            yield replace(finding, message=message, suggestion=f"a lower {limit}")
        return
    variables = {**deployment.environment, **declared}
    tokens, whose = _context(deployment.container, variables, limit, own=size.context)
    a_token = size.token_bytes // (2 if _is_8_bit(deployment.container, variables) else 1)
    if tokens * a_token <= left:
        return
    most = left // a_token // _STEP * _STEP
    yield replace(
        finding,
        message=f"a context of {tokens} tokens{whose} takes {gigabytes(tokens * a_token)} of cache, and {beside}",
        suggestion=f"{limit}={most}" if most else "a larger instance type",
    )


def _context(family: Family, variables: Mapping[str, str], limit: str, *, own: int) -> tuple[int, str]:
    """Return the longest context in tokens, and words for where it comes from if no variable says so."""
    said = variables.get(limit, "")
    if said.isdecimal() and int(said):
        return int(said), ""
    if family == "tgi":
        return min(own, _TGI_TOKENS), f", without {limit},"
    return own, f", the model's own unless its files or {limit} limit it,"


def _is_8_bit(family: Family, variables: Mapping[str, str]) -> bool:
    return variables.get(equivalent("KV_CACHE_DTYPE", family), "").startswith("fp8")


def _is_smallest(subject: Subject, instance: InstanceHardware) -> bool:
    known = [one for name in subject.version.instance_types if (one := hardware(name)) is not None]
    return all(instance.total_gpu_memory_bytes < one.total_gpu_memory_bytes for one in known)
