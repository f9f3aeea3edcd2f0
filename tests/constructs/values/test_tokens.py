import aws_cdk as cdk
import pytest
from constructs.values.durations import in_seconds, seconds
from constructs.values.tokens import is_token


def test_knows_the_tokens_that_cdk_knows() -> None:
    stack = cdk.Stack()
    number = cdk.CfnParameter(stack, "Number", type="Number").value_as_number
    tokens = [cdk.Aws.REGION, f"a-{cdk.Aws.ACCOUNT_ID}-b", cdk.Fn.import_value("x"), stack.account, number]

    for value in tokens:
        assert cdk.Token.is_unresolved(value)
        assert is_token(value)


@pytest.mark.parametrize("value", ["", "us-west-2", "${AWS::Region}", "$.Token[0]", 0, -1, 3600, 1e300, True, None])
def test_takes_nothing_else_for_a_token(value: object) -> None:
    assert not is_token(value)


def test_makes_a_duration_once_and_reads_it_in_whole_seconds() -> None:
    assert seconds(30) is seconds(30)
    assert repr(in_seconds(cdk.Duration.minutes(2))) == "120"
    with pytest.raises(RuntimeError, match="whole number of seconds"):
        in_seconds(cdk.Duration.millis(1500))


def test_leaves_a_duration_that_only_a_deployment_knows() -> None:
    stack = cdk.Stack()
    number = cdk.CfnParameter(stack, "Number", type="Number").value_as_number

    assert stack.resolve(in_seconds(cdk.Duration.seconds(number))) == {"Ref": "Number"}
