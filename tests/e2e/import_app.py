"""The app with two imported models in dev: `python3 tests/e2e/import_app.py FOLDER VERSION...`.

Both have their weights below one prefix of SageMaker's default bucket: `tiny-code` those of the version, and is asked
in chats, `tiny-talk` always the first, and is asked by Converse. Each version's assembly is written into a folder of
its own, all in one process: to start CDK takes as long as to synthesize.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

import app
from stacks.declarations import BedrockImport, ImportedModel, S3Weights
from stacks.environments import DEV

BUCKET = "sagemaker-{region}-{account}"
FIRST = "v1"


def prefix(version: str) -> str:
    """Where a version's weights are."""
    return f"models/{version}/"


def declared(version: str = FIRST) -> tuple[ImportedModel, ImportedModel]:
    """The models."""
    return (
        ImportedModel(name="tiny-code", weights=S3Weights(bucket=BUCKET, prefix=prefix(version))),
        ImportedModel(
            name="tiny-talk",
            weights=S3Weights(bucket=BUCKET, prefix=prefix(FIRST)),
            bedrock=BedrockImport(body="converse"),
        ),
    )


def main(folder: Path, *versions: str) -> None:
    """Synthesize the versions into `cdk.out-VERSION`."""
    for version in versions:
        app.build([(DEV, declared(version))], outdir=str(folder / f"cdk.out-{version}")).synth()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
