"""AWS Lambda."""

from __future__ import annotations

import io
import zipfile
from typing import Any, Final

from localaws.cloudformation.errors import ResourceError
from localaws.resources.base import (
    Attributes,
    Context,
    Handler,
    Properties,
    call,
    renamed,
    without,
)
from localaws.resources.declared import Declared, Operation
from localaws.resources.tags import Tagging
from localaws.settings import ACCOUNT

_TAGGING: Final = Tagging(service="lambda", resource="Resource", members=None)
_FROM_S3: Final = {name: name for name in ("S3Bucket", "S3Key", "S3ObjectVersion")}

# What UpdateFunctionConfiguration takes when a property has been removed: Lambda's defaults (CreateFunction).
_CONFIGURATION_DEFAULTS: Final = {
    "Description": "",
    "Environment": {"Variables": {}},
    "EphemeralStorage": {"Size": 512},
    "KMSKeyArn": "",
    "MemorySize": 128,
    "Timeout": 3,
    "TracingConfig": {"Mode": "PassThrough"},
    "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []},
}


def _code(properties: Properties) -> dict[str, Any]:
    code = properties["Code"]
    if "ZipFile" not in code:
        return renamed(code, _FROM_S3, where="Code")
    # Inline code becomes the file "index" (AWS::Lambda::Function Code, ZipFile).
    language = "py" if str(properties.get("Runtime", "")).startswith("python") else "js"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr(f"index.{language}", code["ZipFile"])
    return {"ZipFile": archive.getvalue()}


def _configuration(properties: Properties) -> dict[str, Any]:
    """Return what CreateFunction and UpdateFunctionConfiguration both take."""
    configuration = without(
        properties,
        "Architectures",
        "Code",
        "FunctionName",
        "KmsKeyArn",
        "PackageType",
        "ReservedConcurrentExecutions",
        "Tags",
    )
    if "KmsKeyArn" in properties:
        configuration["KMSKeyArn"] = properties["KmsKeyArn"]
    return configuration


class Function(Handler):
    """`AWS::Lambda::Function` from a zip archive."""

    type_name = "AWS::Lambda::Function"
    applied = frozenset(
        {
            "Architectures",
            "Code",
            "Description",
            "Environment",
            "EphemeralStorage",
            "FunctionName",
            "Handler",
            "KmsKeyArn",
            "LoggingConfig",
            "MemorySize",
            "PackageType",
            "ReservedConcurrentExecutions",
            "Role",
            "Runtime",
            "Tags",
            "Timeout",
            "TracingConfig",
            "VpcConfig",
        }
    )

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Create the function, then reserve its concurrency."""
        if properties.get("PackageType", "Zip") != "Zip":
            raise ResourceError(f"PackageType {properties['PackageType']} is not supported here; allowed is Zip")
        function = context.client("lambda")
        name = properties.get("FunctionName") or context.generated_name()
        made = call(
            function,
            "create_function",
            FunctionName=name,
            Code=_code(properties),
            Architectures=properties.get("Architectures"),
            PackageType=properties.get("PackageType"),
            Tags=_TAGGING.given(properties),
            **_configuration(properties),
        )
        context.physical_id = name
        self._reserve(function, name, {}, properties)
        return {"Arn": made["FunctionArn"]}

    def _reserve(self, function: Any, name: str, old: Properties, new: Properties) -> None:
        if "ReservedConcurrentExecutions" in new:
            call(
                function,
                "put_function_concurrency",
                FunctionName=name,
                ReservedConcurrentExecutions=new["ReservedConcurrentExecutions"],
            )
        elif "ReservedConcurrentExecutions" in old:
            function.delete_function_concurrency(FunctionName=name)

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Set code, configuration, concurrency and tags."""
        function, name = context.client("lambda"), context.physical_id or ""
        if old["Code"] != new["Code"] or old.get("Architectures") != new.get("Architectures"):
            call(
                function,
                "update_function_code",
                FunctionName=name,
                Architectures=new.get("Architectures"),
                **_code(new),
            )
        configuration = _configuration(new)
        before = _configuration(old)
        for key in before.keys() - configuration.keys() & _CONFIGURATION_DEFAULTS.keys():
            configuration[key] = _CONFIGURATION_DEFAULTS[key]
        if "LoggingConfig" in before and "LoggingConfig" not in configuration:
            configuration["LoggingConfig"] = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}"}
        call(function, "update_function_configuration", FunctionName=name, **configuration)
        self._reserve(function, name, old, new)
        arn = f"arn:aws:lambda:{context.region}:{ACCOUNT}:function:{name}"
        _TAGGING.change(context, arn, old, new)
        return {"Arn": arn}

    def delete(self, context: Context, properties: Properties) -> None:
        """Delete the function."""
        context.client("lambda").delete_function(FunctionName=context.physical_id)


_PERMISSION: Final = Declared(
    "AWS::Lambda::Permission",
    service="lambda",
    applied={"Action", "FunctionName", "Principal", "SourceAccount", "SourceArn"},
    create=Operation("add_permission", lambda statement, properties: {**properties, "StatementId": statement}),
    delete=Operation(
        "remove_permission",
        lambda statement, properties: {"FunctionName": properties["FunctionName"], "StatementId": statement},
    ),
    attribute="Id",
)

HANDLERS = (Function(), _PERMISSION)
