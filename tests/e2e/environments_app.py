"""The app with one model in two environments.

`python3 tests/e2e/environments_app.py FOLDER NAME`: the assembly is in `FOLDER/cdk.out-NAME`.
"""

import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

import app
from stacks.environments import DEV
from stacks.models import MISTRAL_7B_INSTRUCT

EARLY = replace(DEV, name="acceptance")
"""Its name comes before `account`: the CDK CLI sorts by names, too."""


def main(folder: Path, name: str) -> None:
    """Synthesize as `cdk synth` does."""
    runs = [(environment, [MISTRAL_7B_INSTRUCT]) for environment in (EARLY, DEV)]
    app.build(runs, outdir=str(folder / f"cdk.out-{name}")).synth()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
