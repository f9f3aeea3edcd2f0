"""Small wheels of the form in which the catalogue is published."""

import io
import json
import tarfile
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

CATALOGUE = "package/lib/patterns/gen-ai/aws-model-deployment-sagemaker/jumpstart-models.json"
METADATA = "Metadata-Version: 2.1\nName: some-package\nVersion: 7.8.9\nLicense: Apache-2.0\n\nText.\n"
TGI = "huggingface-pytorch-tgi-inference:2.0.1-tgi1.1.0"
US = f"763104351884.dkr.ecr.us-east-1.amazonaws.com/{TGI}"
CHINA = f"727897471807.dkr.ecr.cn-north-1.amazonaws.com.cn/{TGI}"
ISRAEL = f"780543022126.dkr.ecr.il-central-1.amazonaws.com/{TGI}"


def record(version: str = "1.0.0", **changes: Any) -> dict[str, Any]:
    """One record as the package has it."""
    return {
        "modelId": "some-model",
        "version": version,
        "defaultInstanceType": "ml.g5.2xlarge",
        "instanceTypes": ["ml.p4d.24xlarge", "ml.g5.2xlarge"],
        "prepackedArtifactKey": "some-model/prepack/",
        "artifactKey": "some-model/plain/",
        "environment": {
            "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
            "SAGEMAKER_MODEL_SERVER_WORKERS": 1,
            "HF_MODEL_ID": "/opt/ml/model",
        },
        "instanceAliases": [
            {"region": "us-east-1", "aliases": {"gpu": US}},
            {"region": "il-central-1", "aliases": {"gpu": ISRAEL}},
            {"region": "cn-north-1", "aliases": {"gpu": CHINA}},
        ],
        "instanceVariants": [
            {"instanceType": "p4d", "imageUri": "$gpu"},
            {"instanceType": "g5", "imageUri": "$gpu"},
            {"instanceType": "ml.p4d.24xlarge", "environment": {"SM_NUM_GPUS": 8}},
            {"instanceType": "ml.g5.2xlarge"},
        ],
        "gatedBucket": True,
        "requiresEula": "eula/some.txt",
        **changes,
    }


def without_images(version: str) -> dict[str, Any]:
    """A record whose images are in the config components that the package leaves out."""
    bare = record(version)
    del bare["instanceAliases"], bare["instanceVariants"]
    return bare


def published_wheel(folder: Path, records: Sequence[Mapping[str, Any]], name: str = "some.whl") -> Path:
    """A wheel with these records, in the form in which the package is published."""
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    named = {f"RECORD_{number}": entry for number, entry in enumerate(records)}
    deflated = compressor.compress(json.dumps(named).encode()) + compressor.flush()
    buffer = json.dumps({"type": "Buffer", "data": list(deflated)}).encode()
    tarball = io.BytesIO()
    with tarfile.open(fileobj=tarball, mode="w:gz") as package:
        member = tarfile.TarInfo(CATALOGUE)
        member.size = len(buffer)
        package.addfile(member, io.BytesIO(buffer))
    path = folder / name
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("some_package-7.8.9.dist-info/METADATA", METADATA)
        wheel.writestr("some/_jsii/some@7.8.9.jsii.tgz", tarball.getvalue())
    return path
