import aws_cdk as cdk
from aws_cdk import assertions
from aws_cdk import aws_iam as iam
from constructs.endpoint.sagemaker_endpoint import SageMakerEndpoint


def _endpoint(stack: cdk.Stack, name: str = "dev-some-model") -> SageMakerEndpoint:
    return SageMakerEndpoint(stack, "Endpoint", endpoint_name=name)


def test_grants_invoke_on_this_endpoint_only(stack: cdk.Stack) -> None:
    role = iam.Role(stack, "Caller", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))

    grant = _endpoint(stack, "Dev-Some-Model").grant_invoke(role)

    assert grant.success
    assertions.Template.from_stack(stack).has_resource_properties(
        "AWS::IAM::Policy",
        {
            "PolicyDocument": {
                "Statement": [
                    {
                        "Action": ["sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream"],
                        "Effect": "Allow",
                        "Resource": {
                            "Fn::Join": [
                                "",
                                [
                                    "arn:aws:sagemaker:us-west-2:",
                                    {"Ref": "AWS::AccountId"},
                                    ":endpoint/dev-some-model",
                                ],
                            ]
                        },
                    }
                ]
            }
        },
    )


def test_is_watched_by_its_name_and_variant(stack: cdk.Stack) -> None:
    endpoint = _endpoint(stack)

    for metric, name in [
        (endpoint.metric_invocations(), "Invocations"),
        (endpoint.metric_invocation_4xx_errors(), "Invocation4XXErrors"),
        (endpoint.metric_invocation_5xx_errors(), "Invocation5XXErrors"),
        (endpoint.metric_model_latency(), "ModelLatency"),
        (endpoint.metric_gpu_utilization(), "GPUUtilization"),
    ]:
        assert metric.metric_name == name
        assert metric.dimensions == {"EndpointName": "dev-some-model", "VariantName": "AllTraffic"}


def test_an_endpoint_that_exists_already_can_be_invoked_without_defining_anything(stack: cdk.Stack) -> None:
    endpoint = SageMakerEndpoint.from_endpoint_name(stack, "Theirs", "their-endpoint")
    role = iam.Role(stack, "Caller", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    endpoint.grant_invoke(role)

    template = assertions.Template.from_stack(stack)
    template.resource_count_is("AWS::SageMaker::Endpoint", 0)
    [policy] = template.find_resources("AWS::IAM::Policy").values()
    [statement] = policy["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Resource"]["Fn::Join"][1][-1] == ":endpoint/their-endpoint"
