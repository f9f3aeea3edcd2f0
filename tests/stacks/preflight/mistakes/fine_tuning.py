"""Mistakes of fine-tuned models, with the exact line of each."""

from stacks.environments import DEV
from tests.stacks.preflight.mistakes.makers import Case, tuned

ERRORS: list[Case] = [
    (
        "training-method",
        DEV,
        [tuned(method="rlhf")],
        "dev/m.method is 'rlhf'; allowed: instruction, domain, chat",
    ),
    (
        "training-method",
        DEV,
        [tuned(method="instruction")],
        "dev/m.prompt_format is 'none'; allowed: 'template' with the method 'instruction'",
    ),
    (
        "training-method",
        DEV,
        [tuned(method="chat")],
        "dev/m.prompt_format is 'none'; allowed: the format of the base model's chats",
    ),
    (
        "training-job",
        DEV,
        [tuned(training_instance_type="g5.12xlarge")],
        "dev/m.training_instance_type is 'g5.12xlarge'; allowed: SageMaker's names such as 'ml.g5.12xlarge'",
    ),
    (
        "training-job",
        DEV,
        [tuned(training_instance_count=0)],
        "dev/m.training_instance_count is 0; allowed: a whole number, 1 or more",
    ),
    (
        "training-job",
        DEV,
        [tuned(max_runtime_seconds=2_419_201)],
        "dev/m.max_runtime_seconds is 2419201 s; allowed: 1 to 2419200 s",
    ),
    (
        "training-wait",
        DEV,
        [tuned(max_wait_seconds=7200)],
        "dev/m.max_wait_seconds is 7200 s; allowed: None without spot",
    ),
    (
        "training-wait",
        DEV,
        [tuned(spot=True, max_runtime_seconds=7200, max_wait_seconds=3600)],
        "dev/m.max_wait_seconds is 3600 s; allowed: max_runtime_seconds, 7200, to 2419200 s",
    ),
    (
        "hyperparameter",
        DEV,
        [tuned(hyperparameters={"chat_template": "x" * 2501})],
        "dev/m.hyperparameters['chat_template'] is 2501 characters long; allowed: at most 2500 characters",
    ),
    (
        "hyperparameter",
        DEV,
        [tuned(hyperparameters={f"h{number}": "1" for number in range(101)})],
        "dev/m.hyperparameters is 101 entries; allowed: at most 100",
    ),
    (
        "data-prefix",
        DEV,
        [tuned(data_prefix="s3://bucket/data")],
        "dev/m.data_prefix is 's3://bucket/data'; allowed: s3://bucket/prefix/, with a slash at its end",
    ),
    (
        "data-prefix",
        DEV,
        [tuned(validation_prefix="bucket/data/")],
        "dev/m.validation_prefix is 'bucket/data/'; allowed: s3://bucket/prefix/, with a slash at its end, or "
        "'training/validation/' for that in the stack's own bucket",
    ),
    (
        "validation",
        DEV,
        [tuned(validation_split=1.5)],
        "dev/m.validation_split is 1.5; allowed: more than 0, less than 1",
    ),
    (
        "validation",
        DEV,
        [tuned(validation_split=0.2, validation_prefix="s3://bucket/validation/")],
        "dev/m.validation_split is 0.2; allowed: one of validation_split and validation_prefix",
    ),
    (
        "training-start",
        DEV,
        [tuned(start=["nightly"])],
        "dev/m.start is 'nightly'; allowed: deploy, marker and schedule:<expression>",
    ),
    (
        "training-start",
        DEV,
        [tuned(start=["schedule:rate(1 days)"])],
        "dev/m.start is 'schedule:rate(1 days)'; allowed: schedule:rate(7 days), schedule:cron(0 3 ? * SUN *) or the "
        "like",
    ),
    (
        "training-start",
        DEV,
        [tuned(start=["marker"], data_prefix="s3://bucket/data/")],
        "dev/m.start is 'marker'; allowed: data in the stack's own bucket (data_prefix=None)",
    ),
    (
        "pipeline-name-too-long",
        DEV,
        [tuned(name="m" * 40)],
        f"dev/{'m' * 40}.name is '{'m' * 40}': with the environment's name it has 44 characters, and models and "
        "configs end in the hash of a release; allowed: 43 characters together",
    ),
]
WARNINGS: list[Case] = [
    (
        "training-over-quota",
        DEV,
        [tuned(max_runtime_seconds=500_000)],
        "dev/m.max_runtime_seconds is 500000 s: SageMaker stops jobs after 5 days unless the quota was raised; try "
        "432000",
    ),
    (
        "start-without-data",
        DEV,
        [tuned(start=["deploy"])],
        "dev/m.start is 'deploy': the stack's own bucket is empty at the first deployment, whose training fails for "
        "want of data; try 'marker'",
    ),
]
