"""AWS WAF: web ACLs and what they are associated with. They are kept, but nothing is filtered here."""

from __future__ import annotations

import re
from typing import Any, Final

from localaws.cloudformation.errors import ResourceError
from localaws.resources.base import Attributes, Context, Handler, Properties, call, without
from localaws.resources.tags import Tagging

_TAGGING: Final = Tagging(service="wafv2", resource="ResourceARN")


class WebAcl(Handler):
    """`AWS::WAFv2::WebACL` for regional resources."""

    type_name = "AWS::WAFv2::WebACL"
    applied = frozenset({"DefaultAction", "Description", "Name", "Rules", "Scope", "Tags", "VisibilityConfig"})

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Create the web ACL."""
        if properties["Scope"] != "REGIONAL":
            raise ResourceError(f"Scope {properties['Scope']} is not supported here; allowed is REGIONAL")
        name = properties.get("Name") or context.generated_name(longest=128)
        parameters = {**without(properties, "Name", "Tags"), "Name": name, "Tags": _TAGGING.given(properties)}
        made = call(context.client("wafv2"), "create_web_acl", **parameters)["Summary"]
        context.physical_id = f"{made['Name']}|{made['Id']}|REGIONAL"
        return {"Arn": made["ARN"], "Id": made["Id"]}

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Set rules, default action, description and tags."""
        waf, where = context.client("wafv2"), self._where(context)
        token = waf.get_web_acl(**where)["LockToken"]
        call(waf, "update_web_acl", **without(new, "Name", "Scope", "Tags"), **where, LockToken=token)
        _TAGGING.change(context, context.attributes["Arn"], old, new)
        return context.attributes

    def _where(self, context: Context) -> dict[str, Any]:
        name, identifier, scope = (context.physical_id or "").split("|")
        return {"Name": name, "Id": identifier, "Scope": scope}

    def delete(self, context: Context, properties: Properties) -> None:
        """Delete the web ACL."""
        waf, where = context.client("wafv2"), self._where(context)
        waf.delete_web_acl(**where, LockToken=waf.get_web_acl(**where)["LockToken"])


class WebAclAssociation(Handler):
    """`AWS::WAFv2::WebACLAssociation` with a stage of a REST API."""

    type_name = "AWS::WAFv2::WebACLAssociation"
    applied = frozenset({"ResourceArn", "WebACLArn"})

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Associate the stage with the web ACL."""
        resource = properties["ResourceArn"]
        if not re.fullmatch(r"arn:aws:apigateway:[a-z0-9-]+::/restapis/[a-z0-9]+/stages/\w+", resource):
            raise ResourceError(
                "Resource handler returned message: \"Error reason: The ARN isn't valid. A valid ARN begins with arn: "
                f"and includes other information separated by colons or slashes., field: RESOURCE_ARN, parameter: "
                f'{resource} (Service: Wafv2, Status Code: 400)" (HandlerErrorCode: InvalidRequest)'
            )
        context.client("wafv2").associate_web_acl(WebACLArn=properties["WebACLArn"], ResourceArn=resource)
        context.physical_id = f"{resource}|{properties['WebACLArn']}"
        return {}

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Change nothing: both properties take a new association."""
        return {}

    def delete(self, context: Context, properties: Properties) -> None:
        """Remove the association."""
        context.client("wafv2").disassociate_web_acl(ResourceArn=properties["ResourceArn"])


HANDLERS = (WebAcl(), WebAclAssociation())
