"""Check fine-tuning data as the pipeline's first step does: in a folder without AWS, or where it lies in S3."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import boto3

from catalog import Lock
from catalog.nearest import did_you_mean
from catalog.training.facts import TrainingFacts
from catalog.training.second_hand import second_hand
from stacks.declarations import FineTunedModel
from stacks.preflight.recipes import recipe_facts
from tools import aws

ROOT = Path(__file__).resolve().parents[2]
# Packages of `lambda/` are imported by their own names, as in the functions.
sys.path.insert(0, str(ROOT / "lambda"))

from training import dataset  # noqa: E402 - its path comes first

_SPLIT = "validation_split_ratio"


class UnknownModelError(ValueError):
    """The catalogue has no such model."""


class OptionError(ValueError):
    """An option does not fit the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """A training that data is checked for.

    Attributes:
        name: The base model's id, or the stack such as `dev/mistral-7b-dolly`.
        options: Options of the check.
        facts: Facts of the recipe; None where none are known.
    """

    name: str
    options: dataset.Options
    facts: TrainingFacts | None

    def conclusion(self, report: dataset.Report) -> tuple[str, bool]:
        """Return what may be said of the data, and whether a training may start as far as is known."""
        method, facts = self.options.method, self.facts
        if not report.ok:
            return "the data cannot be used", False
        good = f"the data is well-formed for {method}"
        if facts is None:
            return f"{good}; whether {self.name} can be fine-tuned is not known here", True
        origin = f" ({facts.second_hand})" if facts.second_hand else ""
        # What is known at second hand is no error, as in the preflight.
        if facts.problem:
            return f"{good}, but {self.name}: {facts.problem}{origin}", facts.second_hand is not None
        if not facts.methods:
            return f"{good}; {self.name} can be fine-tuned, by which methods is not known here{origin}", True
        if method not in facts.methods:
            wrong = f"{self.name} is tuned by {' or '.join(facts.methods)}"
            return f"{good}, but {wrong}{origin}", facts.second_hand is not None
        return f"{self.name} can be trained with this data by {method}{origin}", True


def of_model(
    model_id: str, *, method: str | None, max_input_length: int | None, validation_split: float | None
) -> Training:
    """Return the training of a base model.

    Args:
        model_id: JumpStart's id of the model to be tuned.
        method: `instruction`, `domain` or `chat`; None for `instruction`.
        max_input_length: Tokens of a sample that the job keeps; None for the job's own, 1024.
        validation_split: Share of the samples to validate with, 0 to 1; None for the recipes' own.

    Raises:
        UnknownModelError: If the lock has no such model.
        training.dataset.OptionsError: If an option is out of range.
    """
    lock = Lock.load()
    known = lock.model_ids()
    if model_id not in known:
        meant = did_you_mean(model_id, known) or "no id there is like it"
        raise UnknownModelError(
            f"model is {model_id!r}: the catalogue has no such model; {meant} ./jumpstack catalog search lists them"
        )
    split = dataset.Options().validation_split if validation_split is None else validation_split
    options = dataset.Options(method=method or "instruction", max_input_length=max_input_length, validation_split=split)
    locked = lock.training(model_id, lock.versions(model_id)[0])
    return Training(name=model_id, options=options, facts=locked or second_hand(model_id))


def of_stack(path: str, model: FineTunedModel) -> Training:
    """Return the training of a stack, as far as it is known before a deployment.

    Args:
        path: Such as `dev/mistral-7b-dolly`.
        model: The declaration.

    Raises:
        training.dataset.OptionsError: If a declared hyperparameter makes no sense for data.
    """
    facts = recipe_facts(model, Lock.load())
    own = facts.hyperparameters_on(model.training_instance_type) if facts else ()
    declared = dict(model.hyperparameters)
    if model.validation_split is not None:
        declared.setdefault(_SPLIT, str(model.validation_split))
    template = json.loads(model.prompt_template) if model.prompt_template else None
    options = dataset.options_of(
        model.method, {**{one.name: one.default for one in own}, **declared}, template=template
    )
    return Training(name=path, options=options, facts=facts)


def check(
    training: Training, place: str, *, validation: str | None = None, keep: int = 5, model: FineTunedModel | None = None
) -> dataset.Report:
    """Check training data.

    Args:
        training: The training that it is for.
        place: The training channel's folder, or its S3 URI.
        validation: The validation channel's, if there is one.
        keep: Number of places that the report keeps of each kind of fault.
        model: The declaration, where the training is a stack's.

    Raises:
        OptionError: If the declaration has no validation channel.
        training.dataset.SourceError: If the data cannot be read.
    """
    if model is not None and validation is not None and model.validation_prefix is None:
        raise OptionError(no_validation_prefix(training.name, validation))
    held_out = source(validation) if validation else None
    return dataset.check(source(place), replace(training.options, keep=keep), validation=held_out)


def no_validation_prefix(path: str, validation: str | Path) -> str:
    """Return why a stack's pipeline would not send validation data.

    Args:
        path: The stack.
        validation: The option's value.
    """
    return (
        f"--validation is {validation}: {path} declares no validation_prefix, so that its pipeline sends "
        "no validation channel and the job splits the data; declare one, or leave the option out"
    )


def source(place: str) -> dataset.Source:
    """Return the data in a folder, or below an S3 URI with this shell's credentials.

    Raises:
        training.dataset.SourceError: If the URI is malformed.
    """
    if not place.startswith("s3:"):
        return dataset.LocalFolder(place)
    aws.address()
    return dataset.S3Prefix(boto3.client("s3"), place)
