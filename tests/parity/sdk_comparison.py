"""The requests that the SageMaker SDK sends for a spec document, and those of CloudFormation for our template."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any
from unittest import mock

import aws_cdk as cdk
from aws_cdk import assertions
from constructs.endpoint.jumpstart_endpoint import JumpStartEndpoint

from catalog.document import read_document
from catalog.spec import Deployment

ENDPOINT_NAME = "parity"
ROLE = "arn:aws:iam::111122223333:role/parity"

_CONFIG = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}


@dataclass(frozen=True, slots=True)
class Case:
    """One deployment of one document.

    Attributes:
        document: The spec document.
        region: AWS region.
        instance_type: None for the document's default.
        config: Inference config, None for the one ranked first.
        environment: Variables laid over the document's.
        sold: Whether the document is in the manifest of proprietary models.
    """

    document: dict[str, Any]
    region: str = "us-west-2"
    instance_type: str | None = None
    config: str | None = None
    environment: Mapping[str, str] | None = None
    sold: bool = False


@dataclass(frozen=True, slots=True)
class Requests:
    """The requests to SageMaker.

    Attributes:
        model: CreateModel.
        config: CreateEndpointConfig.
        endpoint: CreateEndpoint.
        repacked_from: URI of the artifact that the SDK packs a script into before it sends anything.
    """

    model: dict[str, Any]
    config: dict[str, Any]
    endpoint: dict[str, Any]
    repacked_from: str | None = None

    def parts(self) -> dict[str, dict[str, Any]]:
        """Return the three requests by name of the action."""
        return {"CreateModel": self.model, "CreateEndpointConfig": self.config, "CreateEndpoint": self.endpoint}


def sdk_requests(case: Case) -> Requests:
    """Deploy a document by the SDK, with AWS mocked."""
    from tests.parity import sdk  # noqa: PLC0415 - see there

    client = mock.Mock()
    client.describe_model_package.return_value = {
        "InferenceSpecification": {"Containers": [{"ProductId": "example"}]},
        "ModelApprovalStatus": "Approved",
    }
    client.create_endpoint.return_value = {"EndpointArn": "arn:aws:sagemaker:us-west-2:111122223333:endpoint/parity"}
    model_id = case.document["model_id"]
    with _jumpstart(case) as repack:
        session = sdk.Session(
            boto_session=mock.Mock(region_name=case.region),
            sagemaker_client=client,
            sagemaker_runtime_client=mock.Mock(),
            default_bucket="own-bucket",
            sagemaker_config=_CONFIG,
        )
        model = sdk.JumpStartModel(
            model_id=model_id,
            model_version=case.document["version"],
            instance_type=case.instance_type,
            config_name=case.config,
            region=case.region,
            role=ROLE,
            env=dict(case.environment) if case.environment else None,
            sagemaker_session=session,
        )
        # People say that they accept a licence where there is one, and say nothing where there is none.
        licensed = read_document(case.document, config=case.config).eula_key is not None
        model.deploy(
            endpoint_name=ENDPOINT_NAME,
            accept_eula=True if licensed else None,
            model_access_configs={model_id: _AcceptedEula()},
            wait=False,
        )
    repacked = repack.call_args.kwargs["model_uri"] if repack.called else None
    return Requests(
        model=client.create_model.call_args.kwargs,
        config=client.create_endpoint_config.call_args.kwargs,
        endpoint=client.create_endpoint.call_args.kwargs,
        repacked_from=repacked,
    )


class _AcceptedEula:
    """A model access config; a stand-in, because the SDK's own lacks the method that the SDK calls on it."""

    accept_eula = True

    def model_dump(self) -> dict[str, bool]:
        return {"accept_eula": self.accept_eula}


@contextmanager
def _jumpstart(case: Case) -> Iterator[mock.Mock]:
    """Patch the SDK to read the document, and to call neither AWS nor the disk."""
    from tests.parity import sdk  # noqa: PLC0415 - see there

    accessor = "sagemaker.jumpstart.accessors.JumpStartModelsAccessor"
    kind = sdk.JumpStartModelType.PROPRIETARY if case.sold else sdk.JumpStartModelType.OPEN_WEIGHTS

    def manifest(*_: object, model_type: object, **__: object) -> list[mock.Mock]:
        return [mock.Mock(model_id=case.document["model_id"])] if model_type == kind else []

    def specs(*_: object, **__: object) -> object:
        # A new one each time: the SDK writes the variables of an instance type into those of its family.
        return sdk.JumpStartModelSpecs(deepcopy(case.document))

    with ExitStack() as patches:
        patches.enter_context(mock.patch(f"{accessor}._get_manifest", side_effect=manifest))
        patches.enter_context(mock.patch(f"{accessor}.get_model_specs", side_effect=specs))
        # Lists the configs with their benchmarks for people, and fails on documents without a ranking.
        patches.enter_context(mock.patch("sagemaker.jumpstart.model.get_jumpstart_configs", return_value={}))
        # Reads a large schema against a fixed config 28 times a deployment, which takes 4 s.
        patches.enter_context(mock.patch("sagemaker.config.config.jsonschema.validate"))
        yield patches.enter_context(mock.patch("sagemaker.utils.repack_model"))


def our_deployment(case: Case) -> Deployment:
    """Return our catalogue's answer for a case."""
    return read_document(case.document, config=case.config).resolve(
        region=case.region, instance_type=case.instance_type, allow_unlisted_instance_type=True
    )


def our_requests(case: Case, context: Mapping[str, Any]) -> Requests:
    """Return the properties of our template, which CloudFormation sends unchanged.

    Draft models are put in from the catalogue's answer: CloudFormation has no property for them, so that the
    construct refuses what needs one.
    """
    model = read_document(case.document, config=case.config)
    stack = cdk.Stack(cdk.App(context=dict(context)), "Stack", env=cdk.Environment(region=case.region))
    JumpStartEndpoint(
        stack,
        "Endpoint",
        model=replace(model, additional_data_sources=()),
        endpoint_name=ENDPOINT_NAME,
        instance_type=case.instance_type,
        allow_unlisted_instance_type=True,
        environment=case.environment,
        accept_eula=True,
    )
    template = assertions.Template.from_stack(stack)
    created, config, endpoint = (
        next(iter(template.find_resources(f"AWS::SageMaker::{kind}").values()))["Properties"]
        for kind in ("Model", "EndpointConfig", "Endpoint")
    )
    sources = [
        {
            "ChannelName": data.channel_name,
            "S3DataSource": {
                "CompressionType": data.compression,
                "S3DataType": data.data_type,
                "S3Uri": data.uri,
                **({"ModelAccessConfig": {"AcceptEula": True}} if data.eula else {}),
            },
        }
        for data in our_deployment(case).additional_model_data
    ]
    if sources:
        created["PrimaryContainer"]["AdditionalModelDataSources"] = sources
    return Requests(model=created, config=config, endpoint=endpoint)
