"""The app with one model in dev that is tuned and then imported.

`python3 tests/e2e/tuned_import_app.py FOLDER NAME...`: each variant has an assembly in a folder of its own, all written
by one process, since to start CDK takes as long as to synthesize.
"""

import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

import app
from stacks.declarations import BedrockImport
from stacks.environments import DEV, ApiKeys, FrontDoor
from stacks.models import LLAMA_3_2_3B_10K

# Its keys have no throttle: the tests ask all the time, with one key.
UNMETERED = replace(DEV, front_door=FrontDoor(api_keys=ApiKeys(throttle=None)))

VARIANTS = {
    # As the app declares it: tuned on questions with a context, asked by the template of its data.
    "completion": LLAMA_3_2_3B_10K,
    # Tuned on conversations, and asked in conversations.
    "converse": replace(
        LLAMA_3_2_3B_10K,
        method="chat",
        hyperparameters={"epoch": "5", "max_input_length": "1024"},
        prompt_format="llama-3.1-instruct",
        prompt_template=None,
        bedrock=BedrockImport(body="converse"),
    ),
}


def main(folder: Path, *variants: str) -> None:
    """Synthesize variants into `cdk.out-NAME`."""
    for name in variants:
        app.build([(UNMETERED, [VARIANTS[name]])], outdir=str(folder / f"cdk.out-{name}")).synth()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
