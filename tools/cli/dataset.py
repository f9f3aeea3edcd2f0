"""`./jumpstack dataset`: fine-tuning data, checked on this machine without AWS."""

from pathlib import Path

import click

from catalog.training.methods import METHODS
from tools.cli.types import MODEL_ID, TUNED_STACK
from tools.deployed import DeclaredStack

_FOLDER = click.Path(path_type=Path)


@click.group(short_help="Check fine-tuning data on this machine.")
def dataset() -> None:
    """Check fine-tuning data on this machine, without AWS."""


@dataset.command("check", short_help="Check a folder of training data.")
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.option(
    "--model", "model_id", metavar="ID", type=MODEL_ID, required=True, help="JumpStart's id of the base model."
)
@click.option("--method", type=click.Choice(list(METHODS)), default="instruction", show_default=True)
@click.option("--max-input-length", type=int, metavar="N", help="Tokens kept of a sample.  [default: the job's, 1024]")
@click.option("--validation", type=_FOLDER, metavar="DIR", help="The validation channel's folder.")
@click.option("--validation-split", type=float, metavar="R", help="Share to validate with otherwise.  [default: 0.2]")
@click.option("--show", type=int, default=5, show_default=True, metavar="N", help="Places shown of each kind of fault.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole report as JSON.")
@click.pass_context
def check(
    context: click.Context,
    *,
    folder: Path,
    model_id: str,
    method: str,
    max_input_length: int | None,
    validation: Path | None,
    validation_split: float | None,
    show: int,
    as_json: bool,
) -> int:
    """Check the training channel's folder DIR as the pipeline's first step does.

    Ends with 0 where training may start with the data, and with 1 where not.
    """
    if validation is not None and validation_split is not None:
        raise click.UsageError("--validation and --validation-split are given: allowed is one of the two", context)
    import json

    from tools.dataset import check as work

    report = work.check(
        folder,
        model_id=model_id,
        method=method,
        max_input_length=max_input_length,
        validation=validation,
        validation_split=validation_split,
        keep=show,
    )
    print(json.dumps(report.to_dict(), indent=2) if as_json else report.text())
    if not as_json:
        print(f"{model_id} can be trained with this data" if report.ok else "the data cannot be used")
    return 0 if report.ok else 1


@dataset.command("request", short_help="Print the CreateTrainingJob request.")
@click.argument("stack", metavar="ENV/MODEL", type=TUNED_STACK)
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.option("--validation", type=_FOLDER, metavar="DIR", help="Validation data, if the model declares any.")
@click.option("--spec", type=_FOLDER, metavar="FILE", help="Spec document.  [default: JumpStart's public cache]")
def request(stack: DeclaredStack, folder: Path, validation: Path | None, spec: Path | None) -> None:
    """Print the CreateTrainingJob request that a pipeline would send for the data in DIR.

    Uses no AWS account. Values that only a deployed stack has stand in angle brackets.
    """
    import json

    from tools.dataset.request import training_request

    print(json.dumps(training_request(stack.path, folder, validation=validation, spec=spec), indent=2))
