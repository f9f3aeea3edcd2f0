"""The app with two imported models in dev: `python3 tests/e2e/import_app.py FOLDER VERSION...`.

Both have the version's weights, below one prefix of SageMaker's default bucket. `tiny-code` is asked in chats, and its
version before stays imported; `tiny-talk` is asked by Converse, and has one version at a time. Each version's assembly
is written into a folder of its own, all in one process: to start CDK takes as long as to synthesize.
"""

import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

import app
from stacks.declarations import BedrockImport, ImportedModel, S3Weights
from stacks.environments import DEV, ApiKeys, FrontDoor

# Its keys have no throttle: the tests ask all the time, with one key.
UNMETERED = replace(DEV, front_door=FrontDoor(api_keys=ApiKeys(throttle=None)))
BUCKET = "sagemaker-{region}-{account}"


def prefix(version: str) -> str:
    """Return the prefix of a version's weights."""
    return f"models/{version}/"


def declared(version: str) -> tuple[ImportedModel, ImportedModel]:
    """The models."""
    return (
        ImportedModel(name="tiny-code", weights=S3Weights(bucket=BUCKET, prefix=prefix(version))),
        ImportedModel(
            name="tiny-talk",
            weights=S3Weights(bucket=BUCKET, prefix=prefix(version)),
            bedrock=BedrockImport(body="converse", keep_versions=1),
        ),
    )


def main(folder: Path, *versions: str) -> None:
    """Synthesize the versions into `cdk.out-VERSION`."""
    for version in versions:
        app.build([(UNMETERED, declared(version))], outdir=str(folder / f"cdk.out-{version}")).synth()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
