"""The peer's half of `bench.coverage`: run by the Python of the peer's own venv, alone, and imports nothing of ours.

Prints one JSON object: `ids`, `synthesized`, `seconds`, and `failures`, the first line of each error by id.
"""

import importlib
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterable
from typing import Any

_CONSTANT = re.compile(r"(?P<name>.+?)_(?P<version>\d+_\d+_\d+)")
_REGION = "us-west-2"


def newest_constants(names: Iterable[str]) -> dict[str, str]:
    """Return the constant of the newest version, by the constant's name without version.

    Args:
        names: Constants such as `HUGGINGFACE_LLM_FALCON_7_B_BF16_4_1_23`.
    """
    newest: dict[str, tuple[tuple[int, ...], str]] = {}
    for constant in names:
        match = _CONSTANT.fullmatch(constant)
        if match:
            version = tuple(int(part) for part in match["version"].split("_"))
            newest[match["name"]] = max(newest.get(match["name"], ((), "")), (version, constant))
    return {name: constant for name, (_, constant) in newest.items()}


def main() -> int:
    """Synthesizes a stack for the newest version of each of the peer's models, in one app."""
    # jsii starts Node with this process's environment; its warnings would stand between the results.
    os.environ["JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION"] = "1"
    cdk: Any = importlib.import_module("aws_cdk")
    peer: Any = importlib.import_module("cdklabs.generative_ai_cdk_constructs.sagemaker_deployment")
    failures = {}
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        app = cdk.App(outdir=folder, analytics_reporting=False)
        constants = newest_constants(name for name in dir(peer.JumpStartModel) if name.isupper())
        stacks = []
        for number, (name, constant) in enumerate(sorted(constants.items())):
            stack = cdk.Stack(app, f"stack-{number}", env=cdk.Environment(region=_REGION))
            try:
                peer.JumpStartSageMakerEndpoint(
                    stack,
                    "Endpoint",
                    model=getattr(peer.JumpStartModel, constant),
                    endpoint_name=f"model-{number}",
                    accept_eula=True,
                )
            except Exception as error:  # whatever it throws is the result
                failures[name] = str(error).strip().splitlines()[0]
            else:
                stacks.append(stack.artifact_id)
        app.synth()
        synthesized = sum(os.path.exists(f"{folder}/{artifact}.template.json") for artifact in stacks)
        seconds = time.perf_counter() - start
    result = {"ids": len(constants), "synthesized": synthesized, "seconds": seconds, "failures": failures}
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
