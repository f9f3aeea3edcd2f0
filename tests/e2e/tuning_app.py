"""The app with one fine-tuned model in dev: `python3 tests/e2e/tuning_app.py FOLDER declared`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

import app
from stacks.environments import DEV
from stacks.models import MISTRAL_7B_DOLLY


def main(folder: Path, variant: str) -> None:
    """Synthesize into `cdk.out-VARIANT`."""
    app.build([(DEV, [MISTRAL_7B_DOLLY])], outdir=str(folder / f"cdk.out-{variant}")).synth()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
