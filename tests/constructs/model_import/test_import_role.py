import aws_cdk as cdk
from constructs.model_import.import_role import ImportRole, Weights

from tests.app.state_machine_calls import text
from tests.constructs.model_import.import_parts import WEIGHTS
from tests.support.templates import only, rights, statements, template_of


def test_is_assumed_by_import_jobs_of_this_account_and_region_only(stack: cdk.Stack) -> None:
    ImportRole(stack, "Role", model_name="dev-llama-3b", weights=WEIGHTS)

    [statement] = only(stack, "AWS::IAM::Role")["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "bedrock.amazonaws.com"}
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    source = text(statement["Condition"]["ArnEquals"]["aws:SourceArn"])
    assert source == "arn:aws:bedrock:us-west-2:<AWS::AccountId>:model-import-job/*"


def test_reads_weights_of_another_account_and_decrypts_them(stack: cdk.Stack) -> None:
    key = "arn:aws:kms:us-west-2:111122223333:key/0a1b2c3d-0000-1111-2222-333344445555"
    weights = Weights(bucket_name="theirs", prefix="m/", account="111122223333", key_arn=key)
    ImportRole(stack, "Role", model_name="dev-llama-3b", weights=weights)

    found = {statement["Sid"]: statement for statement in statements(template_of(stack), "Role")}
    assert text(found["ReadWeights"]["Resource"]) == "arn:aws:s3:::theirs/m/*"
    for sid in ("ListWeights", "ReadWeights"):
        assert found[sid]["Condition"] == {"StringEquals": {"aws:ResourceAccount": "111122223333"}}
    assert found["DecryptWeights"]["Resource"] == key


def test_manages_network_interfaces_only_in_a_vpc(stack: cdk.Stack) -> None:
    ImportRole(stack, "Role", model_name="a", weights=WEIGHTS)
    ImportRole(stack, "Other", model_name="b", weights=WEIGHTS, in_vpc=True)

    template = template_of(stack)
    assert set(rights(template, "Role")) == {"s3:ListBucket", "s3:GetObject"}
    # Bedrock User Guide, "Protect custom model import jobs using a VPC".
    assert set(rights(template, "Other")) - set(rights(template, "Role")) == {
        *("ec2:CreateNetworkInterface", "ec2:CreateNetworkInterfacePermission", "ec2:CreateTags"),
        *("ec2:DeleteNetworkInterface", "ec2:DeleteNetworkInterfacePermission"),
        *("ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups"),
        *("ec2:DescribeSubnets", "ec2:DescribeVpcs"),
    }


def test_uses_the_imported_models_key(stack: cdk.Stack) -> None:
    ImportRole(stack, "Role", model_name="a", weights=WEIGHTS, model_key_arn="arn:aws:kms:us-west-2:1:key/a")

    found = rights(template_of(stack), "Role")
    # Bedrock User Guide, "Encryption of custom model import".
    assert {action for action, arns in found.items() if arns == ["arn:aws:kms:us-west-2:1:key/a"]} == {
        *("kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"),
    }
