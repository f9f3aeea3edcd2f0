"""Checks of the weights' size against GPUs, disk and timeouts."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from catalog.instances import InstanceHardware, hardware
from catalog.limits import endpoint as limits
from stacks.preflight.catalogue import Subject
from stacks.preflight.findings import Finding, breaches

USABLE = 0.9
"""Share of GPU memory for weights and cache: vLLM's by default (gpu_memory_utilization). TGI takes all that CUDA
leaves; the same share for both leaves something for activations."""
_BYTES_A_PARAMETER = 2.0
_PARAMETERS = re.compile(r"(?<![a-z0-9.])(?:(\d+)x)?(\d+(?:\.\d+)?)b(?![a-z0-9])", re.IGNORECASE)
# Bits a parameter, by the value of a variable or a word of an id.
_BITS: Mapping[str, int] = {
    **dict.fromkeys(("bitsandbytes", "bitsandbytes8", "eetq", "fp8", "deepspeedfp", "smoothquant"), 8),
    **dict.fromkeys(("int8", "dynamic_int8", "static_int8"), 8),
    **dict.fromkeys(("bitsandbytes-nf4", "bitsandbytes-fp4", "bitsandbytes4", "gptq", "awq", "squeezellm"), 4),
    **dict.fromkeys(("int4", "4bit"), 4),
}
_QUANTIZE_VARIABLES = ("HF_MODEL_QUANTIZE", "QUANTIZE", "OPTION_QUANTIZE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Size of a model.

    Attributes:
        stored_bytes: Size in the artifact.
        loaded_bytes: Size in the GPUs' memory, quantized where the container's variables say so.
        sourced: Whether a source states the size; else it is estimated from the parameters in the id.
        quantized: Name of the quantization while loading, empty without.
    """

    stored_bytes: int
    loaded_bytes: int
    sourced: bool
    quantized: str

    def fit(self, instance: InstanceHardware) -> bool:
        """Return whether all GPUs of an instance together hold the weights."""
        return self.loaded_bytes <= instance.total_gpu_memory_bytes * USABLE

    def __str__(self) -> str:
        said = f", quantized by {self.quantized}," if self.quantized else ""
        said += "" if self.sourced else " (an estimate from its id)"
        return f"{gigabytes(self.loaded_bytes)} of weights{said}"


def weigh(subject: Subject) -> Weights | None:
    """Return the size of a declaration's model, or None if it is unknown."""
    deployment = subject.deployment
    if deployment is None:
        return None
    variables = {**deployment.environment, **subject.placement.model.environment}
    quantized = next((variables[name] for name in _QUANTIZE_VARIABLES if variables.get(name)), "")
    stored = deployment.artifact_bytes
    words = re.split(r"[-_]", subject.version.model_id)
    # Loading does not make weights smaller that are quantized in the artifact.
    bits_stored = min((_BITS[word] for word in words if word in _BITS), default=16)
    if stored is None:
        parameters = _parameters(subject.version.model_id)
        if parameters is None:
            return None
        stored = int(parameters * _BYTES_A_PARAMETER * bits_stored / 16)
    shrink = min(_BITS.get(quantized, 16) / bits_stored, 1.0)
    return Weights(
        stored_bytes=stored,
        loaded_bytes=int(stored * shrink),
        sourced=deployment.artifact_bytes is not None,
        quantized=quantized if shrink < 1 else "",
    )


def _parameters(model_id: str) -> float | None:
    match = _PARAMETERS.search(model_id)
    return float(match[2]) * 1e9 * int(match[1] or 1) if match else None


def fitting(subject: Subject, weights: Weights | None) -> tuple[str, ...]:
    """Return the version's instance types whose GPUs hold the weights, smallest first; all without a size."""
    known = [found for name in subject.version.instance_types if (found := hardware(name)) is not None]
    takes = [instance for instance in known if weights is None or weights.fit(instance)]
    takes.sort(key=lambda instance: (instance.total_gpu_memory_bytes, instance.local_nvme_gb, instance.instance_type))
    return tuple(instance.instance_type for instance in takes)


def check_weights(subject: Subject, weights: Weights | None) -> Iterator[Finding]:
    """Check GPUs, disk and timeouts against the weights."""
    if weights is not None:
        yield from _check_fit(subject, weights)
    yield from _check_timeouts(subject, weights)


def _check_fit(subject: Subject, weights: Weights) -> Iterator[Finding]:
    instance = hardware(subject.instance_type)
    # An estimate never contradicts what AWS lists.
    if instance is None or (not weights.sourced and subject.instance_type in subject.version.instance_types):
        return
    field, value = f"{subject.placement}.instance_type", repr(subject.instance_type)
    takes = fitting(subject, weights)
    suggestion = takes[0] if takes else ""
    if not weights.fit(instance):
        if weights.sourced and not weights.quantized and _halved(weights).fit(instance):
            suggestion += f"{', or ' if suggestion else ''}8-bit quantization, which halves the weights"
        memory = f"{instance.gpus} x {instance.gpu_memory_mib / 1024:.0f} GiB"
        yield Finding(
            rule="weights-do-not-fit",
            place=field,
            value=value,
            message=f"{weights} do not fit into {gigabytes(int(instance.total_gpu_memory_bytes * USABLE))}, "
            f"{USABLE:.0%} of its {memory} of GPU memory",
            suggestion=suggestion,
            second_hand=not weights.sourced,
        )
    # While a tarball is unpacked, the disk holds both it and its content.
    compressed = bool(subject.deployment and subject.deployment.compressed)
    disk = weights.stored_bytes * (2 if compressed else 1)
    if 0 < instance.local_nvme_gb * 1_000_000_000 < disk:
        yield Finding(
            rule="disk-too-small",
            place=field,
            value=value,
            message=f"the artifact takes {gigabytes(disk)}{' while it is unpacked' if compressed else ''}, and the "
            f"type has {instance.local_nvme_gb} GB of local storage, which cannot be enlarged",
            suggestion=suggestion,
            second_hand=not weights.sourced,
        )


def _halved(weights: Weights) -> Weights:
    return Weights(
        stored_bytes=weights.stored_bytes, loaded_bytes=weights.loaded_bytes // 2, sourced=True, quantized="8 bit"
    )


def _check_timeouts(subject: Subject, weights: Weights | None) -> Iterator[Finding]:
    model = subject.placement.model
    for name, seconds in [
        ("download_timeout_seconds", model.download_timeout_seconds),
        ("startup_timeout_seconds", model.startup_timeout_seconds),
    ]:
        if seconds is not None:
            yield from breaches("timeout-out-of-range", str(subject.placement), limits.timeout(name, seconds))
    if weights is None:
        return
    needed = math.ceil(weights.stored_bytes / limits.DOWNLOAD_BYTES_PER_SECOND)
    rate = f"at {limits.DOWNLOAD_BYTES_PER_SECOND // 1_000_000} MB/s"
    declared = model.download_timeout_seconds
    size = f"{gigabytes(weights.stored_bytes)} of weights{'' if weights.sourced else ' (an estimate from its id)'}"
    finding = Finding(
        rule="timeout-too-short",
        place=f"{subject.placement}.download_timeout_seconds",
        value=f"{declared or limits.LONGEST_TIMEOUT_SECONDS} s",
        message=f"{size} take {needed} s {rate}",
        suggestion=f"{min(needed, limits.LONGEST_TIMEOUT_SECONDS)}",
        second_hand=not weights.sourced,
    )
    if declared is not None and limits.SHORTEST_TIMEOUT_SECONDS <= declared < min(
        needed, limits.LONGEST_TIMEOUT_SECONDS
    ):
        yield finding


def gigabytes(size: int) -> str:
    """Return a number of bytes as gigabytes, in powers of ten."""
    return f"{size / 1e9:.0f} GB"
