"""`./jumpstack artifacts`: a model's files, checked before Bedrock imports them."""

import click


@click.group(short_help="Check a model's files before Bedrock imports them.")
def artifacts() -> None:
    """Check a model's files before Bedrock imports them."""


@artifacts.command("check", short_help="Say whether Bedrock can import a model.")
@click.argument("model", metavar="DIR|S3_URI")
@click.option("--region", metavar="REGION", help="Region of the import.  [default: not checked]")
@click.option("--json", "as_json", is_flag=True, help="Print the report that the import's first step returns.")
def check(model: str, region: str | None, as_json: bool) -> int:
    """Say whether Bedrock Custom Model Import takes a model: a folder, or s3://bucket/prefix/.

    Reads headers only, and changes nothing. Ends with 1 where there is an error; warnings do not count.
    """
    import json

    from tools import artifacts as work

    report = work.check(model, region=region)
    print(json.dumps(report.as_json(), indent=2) if as_json else work.text(report))
    return int(bool(report.errors))
