"""`./jumpstack dataset`: fine-tuning data, checked in a folder without AWS, or in S3."""

from pathlib import Path

import click

from catalog.training.methods import METHODS
from stacks.declarations import FineTunedModel
from tools.cli.types import BASE_OR_STACK, TUNED_STACK
from tools.deployed import DeclaredStack

_FILE = click.Path(path_type=Path)
_METHOD = click.Choice(list(METHODS))


@click.group(short_help="Check fine-tuning data.")
def dataset() -> None:
    """Check fine-tuning data: in a folder without AWS, or in S3."""


@dataset.command("check", short_help="Check training data.")
@click.argument("place", metavar="DIR|S3_URI")
@click.option(
    "--model", metavar="ID|ENV/MODEL", type=BASE_OR_STACK, required=True, help="Base model, or a declared stack."
)
@click.option("--method", type=_METHOD, help="Of a base model.  [default: instruction]")
@click.option("--max-input-length", type=int, metavar="N", help="Tokens kept of a sample.  [default: the job's, 1024]")
@click.option("--validation", metavar="DIR|S3_URI", help="The validation channel's data.")
@click.option("--validation-split", type=float, metavar="R", help="Share to validate with otherwise.  [default: 0.2]")
@click.option("--show", type=int, default=5, show_default=True, metavar="N", help="Places shown of each kind of fault.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole report as JSON.")
@click.pass_context
def check(
    context: click.Context,
    *,
    place: str,
    model: DeclaredStack | str,
    method: str | None,
    max_input_length: int | None,
    validation: str | None,
    validation_split: float | None,
    show: int,
    as_json: bool,
) -> int:
    """Check the training channel's data in DIR, or below an S3 URI, as the pipeline's first step does.

    A stack declares its template, method and hyperparameters. Ends with 0 where training may start with the data as
    far as is known, and with 1 where not.
    """
    if validation is not None and validation_split is not None:
        raise click.UsageError("--validation and --validation-split are given: allowed is one of the two", context)
    stated = {"--method": method, "--max-input-length": max_input_length, "--validation-split": validation_split}
    given = [name for name, value in stated.items() if value is not None]
    if isinstance(model, DeclaredStack) and given:
        raise click.UsageError(f"{given[0]} is given: {model.path} declares it; allowed with a base model", context)
    import json

    from tools.dataset import check as work

    name, declared = (model, None) if isinstance(model, str) else (model.path, model.model)
    if isinstance(declared, FineTunedModel):
        training = work.of_stack(name, declared)
    else:
        declared = None
        training = work.of_model(
            name, method=method, max_input_length=max_input_length, validation_split=validation_split
        )
    report = work.check(training, place, validation=validation, keep=show, model=declared)
    conclusion, may_start = training.conclusion(report)
    print(json.dumps(report.to_dict(), indent=2) if as_json else f"{report.text()}\n{conclusion}")
    return 0 if may_start else 1


@dataset.command("request", short_help="Print the CreateTrainingJob request.")
@click.argument("stack", metavar="ENV/MODEL", type=TUNED_STACK)
@click.argument("place", metavar="DIR|S3_URI")
@click.option("--validation", metavar="DIR|S3_URI", help="Validation data, if the model declares any.")
@click.option("--spec", type=_FILE, metavar="FILE", help="Spec document.  [default: JumpStart's public cache]")
def request(stack: DeclaredStack, place: str, validation: str | None, spec: Path | None) -> None:
    """Print the CreateTrainingJob request that a pipeline would send for the data in DIR.

    Uses no AWS account, unless the data is in S3. Values that only a deployed stack has stand in angle brackets.
    """
    import json

    from tools.dataset.request import training_request

    print(json.dumps(training_request(stack.path, place, validation=validation, spec=spec), indent=2))
