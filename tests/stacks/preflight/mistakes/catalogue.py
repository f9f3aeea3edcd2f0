"""Mistakes of id, version, licence, instance type and weights, with the exact line of each."""

from stacks.environments import DEV
from stacks.models import ARCTIC_INSTRUCT, FALCON_7B, FALCON_40B, FALCON_180B
from tests.stacks.preflight.mistakes.makers import LARGE, REASON, Case, env, model

ERRORS: list[Case] = [
    (
        "unknown-model",
        DEV,
        [model(model_id="huggingface-llm-mistral-7b-instuct")],
        "dev/m.model_id is 'huggingface-llm-mistral-7b-instuct': it is not in the lock; try "
        "huggingface-llm-mistral-7b-instruct or ./jumpstack catalog update huggingface-llm-mistral-7b-instuct --source "
        "live, if AWS has it",
    ),
    (
        "unknown-model",
        DEV,
        [model(model_id="falcon-180b")],
        "dev/m.model_id is 'falcon-180b': it is not in the lock; try huggingface-llm-falcon-180b-bf16",
    ),
    (
        "unknown-model",
        DEV,
        [model(model_id="gpt-oss-20b")],
        "dev/m.model_id is 'gpt-oss-20b': it is not in the lock; try ./jumpstack catalog update gpt-oss-20b "
        "--source live, if AWS has it",
    ),
    (
        "unknown-model",
        DEV,
        [model(model_id="huggingface-llm-mistral-7b-instruct@2.0.0")],
        "dev/m.model_id is 'huggingface-llm-mistral-7b-instruct@2.0.0': it is not in the lock; try "
        "huggingface-llm-mistral-7b-instruct, with version='2.0.0'",
    ),
    (
        "unknown-model",
        DEV,
        [model(model_id="huggingface-llm-mistral-7b-instruct ")],
        "dev/m.model_id is 'huggingface-llm-mistral-7b-instruct ': it is not in the lock; try "
        "huggingface-llm-mistral-7b-instruct",
    ),
    (
        "unknown-model",
        DEV,
        [model(model_id="HuggingFace-LLM-mistral-7b-instruct")],
        "dev/m.model_id is 'HuggingFace-LLM-mistral-7b-instruct': it is not in the lock; try "
        "huggingface-llm-mistral-7b-instruct",
    ),
    (
        "unknown-model",
        DEV,
        [model(model_id="mistralai/Mistral-7B-Instruct-v0.2")],
        "dev/m.model_id is 'mistralai/Mistral-7B-Instruct-v0.2': it is not in the lock; try "
        "huggingface-llm-mistral-7b-instruct: ./jumpstack catalog search WORD finds them",
    ),
    (
        "unknown-model",
        DEV,
        [model(model_id="anthropic.claude-3-haiku-20240307-v1:0")],
        "dev/m.model_id is 'anthropic.claude-3-haiku-20240307-v1:0': it is not in the lock; try a JumpStart id: "
        "./jumpstack catalog search WORD finds them",
    ),
    (
        "unknown-version",
        DEV,
        [model(version="latest")],
        "dev/m.version is 'latest': the lock has no such version of huggingface-llm-mistral-7b-instruct; allowed: "
        "2.0.0, 1.0.0; try 2.0.0, the newest there",
    ),
    (
        "unknown-version",
        DEV,
        [model(version="9.9.9")],
        "dev/m.version is '9.9.9': the lock has no such version of huggingface-llm-mistral-7b-instruct; allowed: "
        "2.0.0, 1.0.0; try 2.0.0, the newest there, or ./jumpstack catalog update "
        "huggingface-llm-mistral-7b-instruct@9.9.9",
    ),
    (
        "not-an-instance-type",
        DEV,
        [model(instance_type="g5.2xlarge")],
        "dev/m.instance_type is 'g5.2xlarge'; allowed: SageMaker's names such as 'ml.g5.2xlarge'; try ml.g5.2xlarge",
    ),
    (
        "unlisted-instance-type",
        DEV,
        [model(instance_type="ml.g5.48xlarge")],
        "dev/m.instance_type is 'ml.g5.48xlarge': AWS does not list it for huggingface-llm-mistral-7b-instruct "
        "2.0.0, and unlisted_instance_type gives no reason; allowed: ml.g5.16xlarge, ml.g5.2xlarge, ml.g5.4xlarge, "
        "ml.g5.8xlarge; try ml.g5.2xlarge",
    ),
    (
        "unlisted-without-reason",
        DEV,
        [model(instance_type="ml.g5.12xlarge", unlisted_instance_type=" ")],
        "dev/m.unlisted_instance_type is ' '; allowed: why the instance type is right, or None",
    ),
    (
        "no-image",
        DEV,
        [model(instance_type="ml.inf2.xlarge", unlisted_instance_type=REASON)],
        "dev/m.instance_type is 'ml.inf2.xlarge': huggingface-llm-mistral-7b-instruct 2.0.0 has no image for "
        "instance type 'ml.inf2.xlarge': it has images for g4dn, g5, local_gpu, p2, p3, p3dn, p4d, p4de, p5; try "
        "ml.g5.2xlarge",
    ),
    (
        "no-image-in-region",
        DEV,
        [model(ARCTIC_INSTRUCT, region="eu-central-2")],
        "dev/m.region is 'eu-central-2': huggingface-llm-snowflake-arctic-instruct-vllm 1.2.4 has no image there; "
        "allowed: af-south-1, ap-east-1, ap-northeast-1, ap-northeast-2, ap-northeast-3, ap-south-1, "
        "ap-southeast-1, ap-southeast-2, ap-southeast-3, ca-central-1, cn-north-1, cn-northwest-1, eu-central-1, "
        "eu-north-1, eu-south-1, eu-west-1, eu-west-2, eu-west-3, il-central-1, me-south-1, sa-east-1, us-east-1, "
        "us-east-2, us-gov-east-1, us-gov-west-1, us-west-1, us-west-2; try eu-central-1",
    ),
    (
        "eula-not-accepted",
        DEV,
        [model(FALCON_7B, version="5.0.0")],
        "dev/m.accept_eula is False: huggingface-llm-falcon-7b-bf16 5.0.0 has an end-user licence agreement "
        "(https://jumpstart-cache-prod-us-west-2.s3.us-west-2.amazonaws.com/fmhMetadata/eula/terms.txt): read it, "
        "and set accept_eula=True if you accept it; you are then responsible for keeping to its terms",
    ),
    (
        "weights-do-not-fit",
        DEV,
        [model(FALCON_180B, instance_type=LARGE, unlisted_instance_type=REASON)],
        "dev/m.instance_type is 'ml.p4d.24xlarge': 335 GB of weights do not fit into 309 GB, 90% of its 8 x 40 GiB "
        "of GPU memory; try ml.p4de.24xlarge, or 8-bit quantization, which halves the weights",
    ),
    (
        "disk-too-small",
        DEV,
        [model(FALCON_180B, instance_type="ml.g5.2xlarge", unlisted_instance_type=REASON)],
        "dev/m.instance_type is 'ml.g5.2xlarge': the artifact takes 670 GB while it is unpacked, and the type has "
        "450 GB of local storage, which cannot be enlarged; try ml.p4de.24xlarge",
    ),
    (
        "timeout-too-short",
        DEV,
        [model(FALCON_180B, download_timeout_seconds=1200)],
        "dev/m.download_timeout_seconds is 1200 s: 335 GB of weights take 3564 s at 94 MB/s; try 3564",
    ),
    (
        "timeout-out-of-range",
        DEV,
        [model(startup_timeout_seconds=7200)],
        "dev/m.startup_timeout_seconds is 7200 s; allowed: 60 to 3600 s",
    ),
    (
        "timeout-out-of-range",
        DEV,
        [model(download_timeout_seconds=30)],
        "dev/m.download_timeout_seconds is 30 s; allowed: 60 to 3600 s",
    ),
    (
        "volume-key-on-nvme",
        env(require_volume_key=True),
        [model()],
        "dev/m.instance_type is 'ml.g5.2xlarge': dev.require_volume_key is True, but the type keeps the model on "
        "local NVMe, which the hardware encrypts by itself and the model's key does not; allowed: types without "
        "local storage",
    ),
    ("instance-count", DEV, [model(instance_count=0)], "dev/m.instance_count is 0; allowed: 1 or more"),
    ("instance-count", env(instance_count=-1), [model()], "dev.instance_count is -1; allowed: 1 or more"),
    (
        "invoke-timeout",
        DEV,
        [model(invoke_timeout_seconds=901)],
        "dev/m.invoke_timeout_seconds is 901 s; allowed: 5 to 900 s",
    ),
]
WARNINGS: list[Case] = [
    (
        "deprecated-version",
        DEV,
        [model(version="1.0.0")],
        "dev/m.version is '1.0.0': AWS has deprecated this version of huggingface-llm-mistral-7b-instruct and may "
        "take it away; try ./jumpstack catalog update, and a version that is not",
    ),
    (
        "not-offered-in-region",
        env(region="us-east-2"),
        [model(FALCON_180B)],
        "dev/m.instance_type is 'ml.p4de.24xlarge': EC2 is not known to offer it in us-east-2 (second-hand, read "
        "2026-11); allowed: ap-northeast-1, ap-southeast-1, eu-central-1, us-east-1, us-west-2",
    ),
    (
        "not-offered-in-region",
        env(region="ap-southeast-1"),
        [model(FALCON_40B)],
        "dev/m.instance_type is 'ml.g5.12xlarge': SageMaker is said not to host on it in ap-southeast-1 "
        "(second-hand, read 2026-11)",
    ),
    (
        "eula-without-terms",
        DEV,
        [model(accept_eula=True)],
        "dev/m.accept_eula is True: the catalogue names no end-user licence agreement of "
        "huggingface-llm-mistral-7b-instruct 2.0.0, so nothing is accepted; try leaving it out",
    ),
    (
        "unlisted-needlessly",
        DEV,
        [model(unlisted_instance_type=REASON)],
        "dev/m.unlisted_instance_type is a reason: AWS lists ml.g5.2xlarge for huggingface-llm-mistral-7b-instruct "
        "2.0.0, so it needs none; try leaving it out",
    ),
    (
        "weights-do-not-fit",
        DEV,
        [model(FALCON_40B, instance_type="ml.g5.2xlarge", unlisted_instance_type=REASON)],
        "dev/m.instance_type is 'ml.g5.2xlarge': 80 GB of weights (an estimate from its id) do not fit into 22 GB, "
        "90% of its 1 x 22 GiB of GPU memory; try ml.g5.12xlarge",
    ),
    (
        "timeout-too-short",
        DEV,
        [model(FALCON_40B, download_timeout_seconds=600)],
        "dev/m.download_timeout_seconds is 600 s: 80 GB of weights (an estimate from its id) take 852 s at 94 "
        "MB/s; try 852",
    ),
    (
        "invoke-timeout-unused",
        DEV,
        [model(invoke_timeout_seconds=600)],
        "dev/m.invoke_timeout_seconds is 600 s: SageMaker ends an answer that streams after 8 minutes, and one that "
        "does not after 60 s; try 480",
    ),
]
