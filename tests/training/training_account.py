"""An account in moto for *prepare*: data, JumpStart's cache, a state machine and jobs."""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.training.jumpstart_cache import put_cache
from training.prepare import Clients, prepare
from training.settings import Settings

REGION = "us-west-2"
BUCKET = "own-bucket"
PIPELINE = "dev-mistral-7b-dolly"
KEY = "arn:aws:kms:us-west-2:123456789012:key/2f0481fc-758d-49a8-867d-ae81c8d7ab96"
TEMPLATE = {"prompt": "### {instruction}\n{context}\n", "completion": "{response}"}

ENVIRONMENT = {
    "NAME_PREFIX": PIPELINE,
    "MODEL_ID": "huggingface-llm-mistral-7b",
    "MODEL_VERSION": "2.1.0",
    "METHOD": "instruction",
    "PROMPT_TEMPLATE": json.dumps(TEMPLATE),
    "HYPERPARAMETERS": '{"epoch": "1", "max_input_length": "2048"}',
    "INSTANCE_TYPE": "ml.g5.12xlarge",
    "DATA_PREFIX": f"s3://{BUCKET}/training/data/",
    "OUTPUT_PREFIX": f"s3://{BUCKET}/training/runs/",
    "KMS_KEY_ARN": KEY,
    "ROLE_ARN": "arn:aws:iam::123456789012:role/training",
    "TAGS": '{"model": "mistral-7b-dolly"}',
    "AWS_REGION": REGION,
}

RECORDS = [
    {"instruction": f"Say {number} in other words.", "context": f"Number {number}.", "response": f"It is {number}!"}
    for number in range(20)
]


@dataclass(frozen=True)
class Account:
    """The account, inside moto.

    Attributes:
        clients: Clients of boto3.
        state_machine: ARN of the pipeline's state machine.
    """

    clients: Clients
    state_machine: str

    def event(self, **given: object) -> dict[str, Any]:
        """Start an execution, and make the event that its first state sends."""
        started = self.clients.states.start_execution(stateMachineArn=self.state_machine, input=json.dumps(given))
        return {
            "execution": started["executionArn"],
            "stateMachine": self.state_machine,
            "startedAt": started["startDate"].isoformat(),
            "input": given,
        }

    def stop(self, event: dict[str, Any]) -> None:
        """End the execution of an event."""
        self.clients.states.stop_execution(executionArn=event["execution"])

    def run(self, event: dict[str, Any] | None = None, /, **changed: str) -> dict[str, Any]:
        """Prepare a run with some variables changed, and end its execution."""
        event = event or self.event()
        try:
            return prepare(Settings.from_environment({**ENVIRONMENT, **changed}), self.clients, event)
        finally:
            self.stop(event)

    def train(self, prepared: dict[str, Any]) -> None:
        """Run the job that was prepared; moto ends it at once, and leaves no model."""
        self.clients.sagemaker.create_training_job(**prepared["request"])

    def put_model(self, prepared: dict[str, Any]) -> None:
        """Put the model of a job into the bucket."""
        self.put(f"{prepared['modelData'].removeprefix(f's3://{BUCKET}/')}model.safetensors", b"weights")

    def put(self, key: str, body: bytes) -> None:
        """Put an object into the bucket."""
        self.clients.s3.put_object(Bucket=BUCKET, Key=key, Body=body)

    def put_data(self, records: list[dict[str, Any]], prefix: str = "training/data/") -> None:
        """Put a data set."""
        self.put(f"{prefix}train.jsonl", "".join(f"{json.dumps(record)}\n" for record in records).encode())
        self.put(f"{prefix}template.json", json.dumps(TEMPLATE).encode())

    def read(self, uri: str) -> Any:
        """Read a JSON document."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return json.loads(self.clients.s3.get_object(Bucket=bucket, Key=key)["Body"].read())

    def put_cached(self, key: str, body: bytes) -> None:
        """Put a document into JumpStart's cache."""
        bucket = f"jumpstart-cache-prod-{REGION}"
        self.clients.s3.put_object(Bucket=bucket, Key=key, Body=body, ACL="public-read")

    def object_keys(self) -> list[str]:
        """Return keys of the bucket."""
        listed = self.clients.s3.list_objects_v2(Bucket=BUCKET)
        return [entry["Key"] for entry in listed.get("Contents", [])]


@cache
def _clients() -> Clients:
    # They hold no state, and moto answers for whatever account is mocked when they are used.
    return Clients.of(REGION)


def make_account() -> Account:
    """Fill an empty account."""
    clients = _clients()
    clients.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    put_cache(clients.s3, REGION)
    machine = clients.states.create_state_machine(
        name=PIPELINE,
        definition='{"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 9, "End": true}}}',
        roleArn="arn:aws:iam::123456789012:role/machine",
    )
    account = Account(clients, machine["stateMachineArn"])
    account.put_data(RECORDS)
    return account
