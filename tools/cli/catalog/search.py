"""`./jumpstack catalog search`: models of the lock that match words."""

from collections.abc import Sequence
from pathlib import Path

import click


@click.command(short_help="List models that match every word.")
@click.argument("words", metavar="WORD...", nargs=-1, required=True)
@click.pass_obj
def search(lock: Path, words: Sequence[str]) -> None:
    """List the models of the lock that match every WORD.

    A word is a part of an id (a family such as mistral, a size such as 7b), a kind (chat, completion, embedding,
    summarization), a container (tgi, lmi), an instance type or its family (ml.g5.2xlarge, g5), or gated, eula, package,
    deprecated. The last column is the best route that serves the model; models with "no" cannot be deployed.
    """
    from catalog.kinds import kind_of
    from catalog.lock import Lock
    from catalog.search import container, route
    from catalog.search import search as find
    from tools.cli.output import print_table

    print_table(
        ("id", "version", "default instance", "container", "gated", "kind", "route"),
        [
            (
                *(model.model_id, model.version, model.default_instance_type),
                container(model),
                _gate(model.gated),
                kind_of(model.model_id).name,
                route(model),
            )
            for model in find(Lock.load(lock), words)
        ],
    )


def _gate(gated: bool) -> str:
    return "gated" if gated else "open"
