"""Web ACL of AWS WAF in front of an API."""

from collections.abc import Sequence

from aws_cdk import aws_wafv2 as wafv2
from constructs import Construct

from catalog.limits import gateway as limits

_WINDOW_SECONDS = 300


class WebAcl(Construct):
    """A web ACL for a regional API: AWS's managed rule groups, and a limit of requests by address.

    Defines: an `AWS::WAFv2::WebACL` that allows every request that its rules do not block. The managed groups' rules
    about a request's body only count: prompts are free text and longer than a form's (`SizeRestrictions_BODY` would
    block 8 KB), and may well quote an attack that somebody wants explained.

    Data flow: AWS WAF looks at a request before API Gateway authorizes it. Requests are counted in CloudWatch; they
    are not sampled, since a sample would show the `Authorization` header to whoever may read the web ACL.

    Failures: a blocked request is 403 (`WAF_FILTERED`). Names of rules that a group does not have are ignored by AWS
    WAF, so that a group's new version cannot break a deployment.

    Prerequisites: none.

    Usage::

        acl = WebAcl(self, "WebAcl", managed_rule_groups=["AWSManagedRulesCommonRuleSet"], requests_per_address=2000)
        api = InvokeApi(self, "Api", web_acl_arn=acl.web_acl_arn, ...)
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        managed_rule_groups: Sequence[str],
        requests_per_address: int | None = None,
    ) -> None:
        """Define the web ACL.

        Args:
            managed_rule_groups: AWS's managed rule groups, in the order of their evaluation.
            requests_per_address: Most requests from one IP address in 5 minutes; no such limit by default.

        Raises:
            ValueError: If anything above is out of range; the message lists every problem.
        """
        super().__init__(scope, construct_id)
        problems = [str(breach) for breach in limits.web_acl(managed_rule_groups, requests_per_address)]
        if problems:
            raise ValueError("\n".join(problems))
        rules = [] if requests_per_address is None else [_rate_rule(requests_per_address)]
        rules += [_managed_rule(name, priority) for priority, name in enumerate(managed_rule_groups, start=1)]
        self._acl = wafv2.CfnWebACL(
            self,
            "Resource",
            scope="REGIONAL",
            description="keeps known bad addresses and requests out of the API",
            default_action=wafv2.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_visibility("WebAcl"),
            rules=rules,
        )

    @property
    def web_acl_arn(self) -> str:
        """The web ACL's ARN."""
        return self._acl.attr_arn


def _rate_rule(limit: int) -> wafv2.CfnWebACL.RuleProperty:
    return wafv2.CfnWebACL.RuleProperty(
        name="RequestsPerAddress",
        priority=0,
        action=wafv2.CfnWebACL.RuleActionProperty(block={}),
        statement=wafv2.CfnWebACL.StatementProperty(
            rate_based_statement=wafv2.CfnWebACL.RateBasedStatementProperty(
                aggregate_key_type="IP", limit=limit, evaluation_window_sec=_WINDOW_SECONDS
            )
        ),
        visibility_config=_visibility("RequestsPerAddress"),
    )


def _managed_rule(name: str, priority: int) -> wafv2.CfnWebACL.RuleProperty:
    count = wafv2.CfnWebACL.RuleActionProperty(count={})
    return wafv2.CfnWebACL.RuleProperty(
        name=name,
        priority=priority,
        override_action=wafv2.CfnWebACL.OverrideActionProperty(none={}),
        statement=wafv2.CfnWebACL.StatementProperty(
            managed_rule_group_statement=wafv2.CfnWebACL.ManagedRuleGroupStatementProperty(
                vendor_name="AWS",
                name=name,
                rule_action_overrides=[
                    wafv2.CfnWebACL.RuleActionOverrideProperty(name=rule, action_to_use=count)
                    for rule in limits.MANAGED_RULE_GROUPS[name]
                ]
                or None,
            )
        ),
        visibility_config=_visibility(name),
    )


def _visibility(metric: str) -> wafv2.CfnWebACL.VisibilityConfigProperty:
    return wafv2.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=metric, sampled_requests_enabled=False
    )
