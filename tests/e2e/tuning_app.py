"""The app with one fine-tuned model in dev: `python3 tests/e2e/tuning_app.py FOLDER declared`."""

import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

import app
from stacks.declarations import OWN_VALIDATION
from stacks.environments import DEV
from stacks.models import MISTRAL_7B_DOLLY


def main(folder: Path, variant: str) -> None:
    """Synthesize into `cdk.out-VARIANT`."""
    model = replace(MISTRAL_7B_DOLLY, validation_prefix=OWN_VALIDATION)
    app.build([(DEV, [model])], outdir=str(folder / f"cdk.out-{variant}")).synth()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
