"""What the image and the environment of a container say about how it behaves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Family = Literal["tgi", "lmi"]

QUANTIZATIONS: Final = (
    "awq",
    "bitsandbytes",
    "bitsandbytes-fp4",
    "bitsandbytes-nf4",
    "compressed-tensors",
    "eetq",
    "exl2",
    "fp8",
    "gptq",
    "marlin",
)
"""What ``text-generation-launcher --quantize`` takes (TGI documentation, "Launcher arguments")."""

# The families by the name of their ECR repository (AWS Deep Learning Containers, "Available images").
_REPOSITORIES: Final[Mapping[str, Family]] = {
    "huggingface-pytorch-tgi-inference": "tgi",
    "djl-inference": "lmi",
}
_TGI_VERSION: Final = re.compile(r"-tgi(\d+)\.(\d+)\.(\d+)")


class ContainerStartError(ValueError):
    """The container could not start; the text says everything that is wrong, one problem a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSettings:
    """How one container behaves.

    The limits of TGI are the launcher's defaults where the environment is silent (TGI documentation,
    "Launcher arguments": 1024 input tokens, 2048 in total, 128 concurrent requests, four stop sequences,
    best of two, five top tokens).

    Attributes:
        family: whose behaviour is imitated.
        max_input_tokens: the longest prompt, in tokens.
        max_total_tokens: the most tokens of prompt and answer together.
        default_new_tokens: how many tokens are generated when the request does not say; None: all that fit.
        max_concurrent_requests: how many requests are served at a time before one is refused.
        max_stop_sequences: how many stop sequences a request may have.
        max_best_of: the largest ``best_of``.
        max_top_n_tokens: the largest ``top_n_tokens``.
        tgi_compatible: of LMI, whether its answers have TGI's shape (``OPTION_TGI_COMPAT``).
    """

    family: Family
    max_input_tokens: int
    max_total_tokens: int
    default_new_tokens: int | None
    max_concurrent_requests: int = 128
    max_stop_sequences: int = 4
    max_best_of: int = 2
    max_top_n_tokens: int = 5
    tgi_compatible: bool = False

    @classmethod
    def of(cls, *, image: str, environment: Mapping[str, str]) -> ContainerSettings:
        """Read the settings of a container from its image's URI and its environment.

        Raises:
            ContainerStartError: if the stand-in does not know the image, or the container would not start
                with this environment.
        """
        repository = image.rpartition("/")[2].partition("@")[0].partition(":")[0]
        family = _REPOSITORIES.get(repository)
        reader = _EnvironmentReader(environment)
        if family is None:
            known = ", ".join(_REPOSITORIES)
            raise ContainerStartError(f"the stand-in container does not know the repository {repository!r}: {known}")
        settings = _tgi(image, reader) if family == "tgi" else _lmi(reader)
        if reader.problems:
            raise ContainerStartError("\n".join(reader.problems))
        return settings


class _EnvironmentReader:
    """Reads variables and keeps what is wrong with them, so that all of it is reported at once."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.problems: list[str] = []

    def positive(self, *names: str, default: int) -> int:
        """Return the first of the variables `names` that is set, as an integer of at least 1."""
        for name in names:
            value = self.environment.get(name)
            if value is None:
                continue
            if value.isdecimal() and int(value) > 0:
                return int(value)
            self.problems.append(f"{name}={value!r} is not a positive integer")
            return default
        return default

    def flag(self, name: str) -> bool:
        """Return whether the variable `name` is ``true``."""
        return self.environment.get(name, "false").lower() == "true"


def _tgi(image: str, reader: _EnvironmentReader) -> ContainerSettings:
    environment = reader.environment
    if not environment.get("HF_MODEL_ID"):
        reader.problems.append("HF_MODEL_ID must be set: the entry point of the image ends without it")
    quantize = environment.get("HF_MODEL_QUANTIZE")
    if quantize is not None and quantize not in QUANTIZATIONS:
        reader.problems.append(f"HF_MODEL_QUANTIZE={quantize!r} is none of {', '.join(QUANTIZATIONS)}")
    reader.positive("SM_NUM_GPUS", default=1)

    max_input_tokens = reader.positive("MAX_INPUT_TOKENS", "MAX_INPUT_LENGTH", default=1024)
    max_total_tokens = reader.positive("MAX_TOTAL_TOKENS", default=2048)
    if max_input_tokens >= max_total_tokens:
        reader.problems.append(f"MAX_INPUT_LENGTH={max_input_tokens} must be below MAX_TOTAL_TOKENS={max_total_tokens}")
    prefill = reader.positive("MAX_BATCH_PREFILL_TOKENS", default=max_input_tokens)
    if prefill < max_input_tokens:
        reader.problems.append(
            f"MAX_BATCH_PREFILL_TOKENS={prefill} must be at least MAX_INPUT_LENGTH={max_input_tokens}"
        )
    return ContainerSettings(
        family="tgi",
        max_input_tokens=max_input_tokens,
        max_total_tokens=max_total_tokens,
        default_new_tokens=_tgi_default_new_tokens(image),
        max_concurrent_requests=reader.positive("MAX_CONCURRENT_REQUESTS", default=128),
        max_stop_sequences=reader.positive("MAX_STOP_SEQUENCES", default=4),
        max_best_of=reader.positive("MAX_BEST_OF", default=2),
        max_top_n_tokens=reader.positive("MAX_TOP_N_TOKENS", default=5),
    )


def _tgi_default_new_tokens(image: str) -> int | None:
    """Return the default of ``max_new_tokens``: 20 up to TGI 1.1.0, 100 up to 2.x, unlimited from 3.0 on."""
    match = _TGI_VERSION.search(image)
    version = tuple(int(part) for part in match.groups()) if match else (2, 0, 0)
    if version <= (1, 1, 0):
        return 20
    return 100 if version < (3, 0, 0) else None


def _lmi(reader: _EnvironmentReader) -> ContainerSettings:
    # vLLM takes the model's own length where the option is not set: 4096 is Arctic's (its ``config.json``).
    max_total_tokens = reader.positive("OPTION_MAX_MODEL_LEN", default=4096)
    return ContainerSettings(
        family="lmi",
        max_input_tokens=max_total_tokens - 1,
        max_total_tokens=max_total_tokens,
        # LMI documentation, "LMI handlers Inference API Schema": max_new_tokens, default 30.
        default_new_tokens=30,
        # LMI documentation, "job_queue_size": 1000 requests wait before one is refused.
        max_concurrent_requests=reader.positive("SERVING_JOB_QUEUE_SIZE", default=1000),
        tgi_compatible=reader.flag("OPTION_TGI_COMPAT"),
    )
