"""Stacks that are not declared any more, looked up for commands that take their names."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

from tools.deployed import UnknownStackError

Found = TypeVar("Found")


def looked_up(context: click.Context, what: str, find: Callable[[], Found]) -> Found:
    """Say which AWS is addressed, and return what is found there under a name that is not declared.

    Args:
        context: The command's.
        what: The name: an environment, or a path.
        find: Asks AWS.

    Raises:
        click.UsageError: If there is nothing of that name, or AWS does not say.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    from tools import aws
    from tools.cli.errors import error_lines
    from tools.status import undeclared

    try:
        aws.address()
        return find()
    except UnknownStackError as error:
        raise click.UsageError(str(error), context) from error
    except (BotoCoreError, ClientError, aws.NotRunningError) as error:
        why = " ".join(line.removeprefix("error: ") for line in error_lines(error))
        text = f"{undeclared.not_declared(what)} Whether it is deployed all the same is not known: {why}"
        raise click.UsageError(text, context) from error
