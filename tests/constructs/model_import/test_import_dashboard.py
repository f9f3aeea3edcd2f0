import aws_cdk as cdk
from constructs.model_import.import_dashboard import ImportDashboard

from tests.support.templates import only


def test_shows_copies_invocations_throttles_cold_waits_and_limits(stack: cdk.Stack) -> None:
    ImportDashboard(stack, "Dashboard", model_name="dev-llama-3b", client_model_name="llama-3b")

    dashboard = only(stack, "AWS::CloudWatch::Dashboard")
    body = str(dashboard["DashboardBody"])
    for part in ("ModelCopy", "Invocations", "InvocationThrottles", "ColdWaitSeconds", "16 a copy", "L-45B04988"):
        assert part in body
    assert '"JumpStack/Invoke","ColdWaitSeconds","ModelName","llama-3b","StackName","test-stack"' in body
    assert dashboard["DashboardName"] == "imported-dev-llama-3b"
