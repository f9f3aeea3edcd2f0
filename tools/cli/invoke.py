"""`./jumpstack chat` and `./jumpstack invoke`: call a deployed model as its callers do."""

import click

from tools.cli.types import STACK
from tools.deployed import DeclaredStack


@click.command(short_help="Ask a deployed model a question.")
@click.argument("stack", metavar="ENV/MODEL", type=STACK)
@click.argument("prompt")
@click.option("--max-tokens", type=click.IntRange(min=1), default=256, show_default=True, help="Most to generate.")
def chat(stack: DeclaredStack, prompt: str, max_tokens: int) -> None:
    """Ask a deployed model PROMPT, or let a base model complete it, and print the answer.

    Where callers have keys, yours is read from JUMPSTACK_API_KEY, or asked for; requests are signed with AWS
    credentials otherwise.
    """
    from tools import aws
    from tools.chat import ask_deployed

    aws.address()
    print(ask_deployed(stack, prompt, max_tokens=max_tokens))


@click.command(short_help="Send a request to a deployed model's API.")
@click.argument("stack", metavar="ENV/MODEL", type=STACK)
@click.argument("body", metavar="[JSON|@FILE|-]", required=False)
@click.option("--route", default="v1/chat/completions", show_default=True, help="Path below the API's URL.")
def invoke(stack: DeclaredStack, body: str | None, route: str) -> int:
    """Send JSON to a deployed model's API and print what it answers, whatever the status.

    The body is the text itself, a file's (@FILE) or standard input's (-); without one the request is a GET.

    \b
    ./jumpstack invoke dev/falcon-7b --route invocations '{"inputs": "Once"}'
    ./jumpstack invoke dev/falcon-7b --route v1/models
    """
    import sys

    from tools import aws
    from tools.invoke import send

    content = _content(body)
    aws.address()
    response = send(stack, route, content)
    sys.stdout.write(response.text if response.text.endswith("\n") else f"{response.text}\n")
    if response.is_success:
        return 0
    print(f"error: {stack.path}: the API answers {response.status_code} to {route}", file=sys.stderr)
    return 1


def _content(body: str | None) -> bytes | None:
    import json
    import sys
    from pathlib import Path

    if body is None:
        return None
    if body == "-":
        content = sys.stdin.buffer.read()
    elif body.startswith("@"):
        content = Path(body[1:]).read_bytes()
    else:
        content = body.encode()
    try:
        json.loads(content)
    except ValueError as error:
        raise click.UsageError(f"the body is no JSON ({error})", click.get_current_context()) from error
    return content
