"""The demo's table of answers: which model said what, and what serves it."""

from collections.abc import Sequence
from typing import Any

import boto3
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

# Columns of a terminal from which the table of answers can be read.
_TABLE_WIDTH = 140


def print_answers(console: Console, rows: Sequence[tuple[str, str, str, str, str]]) -> None:
    """Print a table, or where that is too wide a block a model."""
    if console.width >= _TABLE_WIDTH:
        names = ["stack", "served by", "instance or version", "URL", "first line of the answer"]
        table = Table(*(Column(name, overflow="fold") for name in names))
        for row in rows:
            table.add_row(*map(escape, row))
        console.print(table)
        return
    for path, served_by, what, url, answer in rows:
        console.print(path, style="bold", highlight=False)
        # A URL that is broken into lines is none that can be copied.
        for line in (f"{served_by} on {what}" if served_by != "Bedrock" else f"Bedrock, {what}", url, answer):
            console.print(f"  {line}", highlight=False, markup=False, soft_wrap=line == url)


def served_by(given: dict[str, str], region: str) -> tuple[str, str]:
    """Return the two names that a deployed model is served by: endpoint and instance type, or Bedrock and version."""
    if "EndpointName" in given:
        return given["EndpointName"], _instance_type(given["EndpointName"], region)
    ssm: Any = boto3.client("ssm", region_name=region)
    bedrock: Any = boto3.client("bedrock", region_name=region)
    target = ssm.get_parameter(Name=given["PointerName"])["Parameter"]["Value"]
    return "Bedrock", str(bedrock.get_imported_model(modelIdentifier=target)["modelName"])


def _instance_type(endpoint_name: str, region: str) -> str:
    sagemaker: Any = boto3.client("sagemaker", region_name=region)
    config = sagemaker.describe_endpoint(EndpointName=endpoint_name)["EndpointConfigName"]
    variants = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
    return str(variants[0]["InstanceType"])
