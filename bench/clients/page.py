"""The page of the matrix, docs/clients.md, and the results it is written from, docs/clients.json."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.clients.app import KINDS
from bench.clients.asking import FAULT, version
from bench.clients.clients import CLIENTS, TASKS, Client

_DOCS = Path(__file__).resolve().parents[2] / "docs"
RESULTS, PAGE = _DOCS / "clients.json", _DOCS / "clients.md"

Results = dict[str, dict[str, dict[str, str]]]
"""By the model's name, then by the client's title, then by task: what `asking.ask` returns."""

_HEAD = """# Clients

Each client, in the version that is pinned, asked each kind of model the same on the local AWS. The command
`python -m bench.clients` wrote this page, and `clients.json` beside it, which has the results. The models are deployed
by the CDK CLI; what answers are the stand-ins of the containers and of Bedrock, which follow what a message steers
(`localaws/README.md`).

✓ says that the client's own library parsed the answer, and that the task's result was right:

| task | what was right |
|---|---|
| plain | the answer to a question, with usage where the client shows it |
| stream | the same in more than one piece |
| five turns | what only the first of five messages says |
| system | what only the system message asks for |
| JSON schema | an object that validates, by each way that the client has |
| one tool | the model called it, it ran, and its output came back in the answer |
| two tools | the same with two calls in one answer |
| image | the name that the stand-in gives to the picture's bytes |
| completion | the text after a prompt |
| embeddings | two vectors for two texts |
| models | the model in the list |

A number stands for the reason below the table.
"""
_NOTES = """
Open WebUI, LibreChat, Continue, Cline and Aider are applications: their requests are written from their public sources,
and sent by the library that each uses; Open WebUI's server uses none. Of Bedrock's models AWS documents tools, schemas
and images for some classes only; the stand-in was told that this one can, to try what the API sends. No model of the
catalogue has vLLM's image: that endpoint's image was replaced.
"""


def read() -> Results:
    """Return the recorded results."""
    if not RESULTS.exists():
        return {}
    results: Results = json.loads(RESULTS.read_text(encoding="utf-8"))
    return results


def write(results: Results) -> None:
    """Record results, and write the page of them."""
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
    PAGE.write_text(page(results), encoding="utf-8")


def page(results: Results, clients: Sequence[Client] = CLIENTS) -> str:
    """Return the page of results."""
    parts = [_HEAD, "## Overview\n", _overview(results, clients), _NOTES]
    for kind in KINDS:
        found = results.get(kind.model.name, {})
        parts += [f"\n## {kind.title}\n", _table(found, clients)]
    parts += ["\n## Versions\n", _versions(clients)]
    return "\n".join(parts).rstrip() + "\n"


def faults(results: Results) -> list[str]:
    """Return a line for each cell that nothing explains."""
    return [
        f"{kind}, {client}, {task}: {cell.removeprefix(FAULT)}"
        for kind, by_client in results.items()
        for client, cells in by_client.items()
        for task, cell in cells.items()
        if cell.startswith(FAULT)
    ]


def _overview(results: Results, clients: Sequence[Client]) -> str:
    rows = []
    for task in TASKS:
        able = [client.title for client in clients if task in client.does]
        counts = [
            sum(results.get(kind.model.name, {}).get(title, {}).get(task, "-") == "" for title in able)
            for kind in KINDS
        ]
        rows.append([task, *(f"{count} of {len(able)}" if count else "none" for count in counts)])
    return _markdown(["clients that do it", *(kind.title for kind in KINDS)], rows)


def _table(found: dict[str, dict[str, str]], clients: Sequence[Client]) -> str:
    reasons: list[str] = []
    rows = []
    for client in clients:
        cells = []
        for task in TASKS:
            reason = found.get(client.title, {}).get(task, "not run")
            if reason and reason not in reasons:
                reasons.append(reason)
            cells.append(str(reasons.index(reason) + 1) if reason else "✓")
        rows.append([client.title, *cells])
    notes = "\n".join(f"{number}. {reason}" for number, reason in enumerate(reasons, start=1))
    return f"{_markdown(['client', *TASKS], rows)}\n{notes}\n"


def _versions(clients: Sequence[Client]) -> str:
    rows: list[list[Any]] = [
        [client.title, f"`{client.package}` {version(client)}" if client.package else "HTTP"] for client in clients
    ]
    return _markdown(["client", "by"], rows)


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines).replace("| --- |", "|---|").replace(" --- |", "---|")
