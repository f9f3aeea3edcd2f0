"""Fine-tuning data on a laptop: `python -m tools.dataset check DIR --model ID`.

The same check as the pipeline's first step, without AWS: exit code 0 when training may start with the data, 1 when not,
2 when the command was not understood.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from catalog import Lock, nearest

ROOT = Path(__file__).resolve().parents[2]
# Packages of `lambda/` are imported by their own names, as in the functions.
sys.path.insert(0, str(ROOT / "lambda"))

from training import dataset  # noqa: E402 - its path comes first


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: the command line's, without the program's name.

    Returns:
        0 when training may start with the data, 1 when not or when it could not be read.
    """
    asked = _parser().parse_args(arguments)
    problem = _unknown_model(asked.model)
    if problem:
        print(problem, file=sys.stderr)
        return 1
    try:
        options = dataset.Options(
            method=asked.method,
            max_input_length=asked.max_input_length,
            validation_split=asked.validation_split,
            keep=asked.show,
        )
        report = dataset.check(
            dataset.LocalFolder(asked.folder),
            options,
            validation=dataset.LocalFolder(asked.validation) if asked.validation else None,
        )
    except (dataset.OptionsError, dataset.SourceError) as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(report.to_dict(), indent=2) if asked.json else report.text())
    if not asked.json:
        print(f"{asked.model} can be trained with this data" if report.ok else "the data cannot be used")
    return 0 if report.ok else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.dataset", description=(__doc__ or "").split("\n\n")[0])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    check = commands.add_parser("check", help="check a folder of training data")
    check.add_argument("folder", type=Path, metavar="DIR", help="the training channel's folder")
    check.add_argument("--model", required=True, metavar="ID", help="JumpStart's id of the model to be tuned")
    check.add_argument("--method", choices=dataset.METHODS, default="instruction", help="default: %(default)s")
    check.add_argument(
        "--max-input-length",
        type=int,
        metavar="N",
        help="tokens of a sample that the job keeps (default: its own, 1024)",
    )
    held_out = check.add_mutually_exclusive_group()
    held_out.add_argument("--validation", type=Path, metavar="DIR", help="the validation channel's folder")
    held_out.add_argument(
        "--validation-split",
        type=float,
        default=dataset.Options().validation_split,
        metavar="R",
        help="share of the samples to validate with where there is no such folder (default: %(default)s)",
    )
    check.add_argument(
        "--show", type=int, default=5, metavar="N", help="places shown of each kind (default: %(default)s)"
    )
    check.add_argument("--json", action="store_true", help="print the whole report as JSON")
    return parser


def _unknown_model(model_id: str) -> str:
    known = Lock.load().model_ids()
    if model_id in known:
        return ""
    hint = ", ".join(nearest.similar(model_id, known))
    meant = f"; try {hint}" if hint else ""
    return f"model is {model_id!r}: the catalogue has no such model{meant}; python -m catalog search lists them"


if __name__ == "__main__":
    sys.exit(main())
