"""Ask models by clients, and say what became of each task."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from bench.clients import homes
from bench.clients.app import Kind
from bench.clients.clients import TASKS, Client
from bench.clients.served import Served

FAULT = "FAULT: "
"""Beginning of a result that nothing explains."""
_SECONDS = 300
# Statuses and classes of errors by which an API refuses, in the clients' words.
_REFUSED = re.compile(r"\b40[04]\b|BadRequest|NotFound|APICallError|ContextWindow|UnsupportedModel|not for this model")


def ask(client: Client, served: Served) -> dict[str, str]:
    """Do all tasks of a client on one model.

    Returns:
        By task: empty where it was done, and else the reason why not. A reason that begins with `FAULT` is none.
    """
    kind = served.kind
    asked = {"base_url": served.base_url, "key": served.key, "model": kind.model.name, "picture": _picture()}
    question = json.dumps({"asked": asked, "tasks": client.does}) + "\n"
    try:
        ended = subprocess.run(  # noqa: S603 - a script of ours
            homes.command(client),
            input=question,
            cwd=homes.home_of(client),
            env={**homes.environment(), "NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return dict.fromkeys(client.does, f"{FAULT}no end after {_SECONDS} seconds")
    results = {}
    for line in ended.stdout.splitlines():
        if line.startswith('{"task"'):
            told = json.loads(line)
            results[told["task"]] = told["failed"]
    silent = f"no result: {ended.stderr.strip()[-300:]}"
    return {task: judged(client, kind, task, results.get(task, silent)) for task in TASKS}


def judged(client: Client, kind: Kind, task: str, failed: str | None) -> str:
    """Return what a task's cell says.

    Args:
        client: The client.
        kind: The model's kind.
        task: The task.
        failed: What the driver said; None where the task was done.
    """
    if task not in client.does:
        return client.otherwise
    if failed is None:
        return ""
    reason = kind.lacks.get(task) or kind.lacks.get(client.needs, "")
    # A refusal is what a model's lack looks like: a crash, or a wrong answer, is a fault all the same.
    if reason and (_REFUSED.search(failed) or "did not run once" in failed):
        return reason
    return f"{FAULT}{failed}"


def version(client: Client) -> str:
    """Return the version of a client's package, as it is pinned; empty for one without a package."""
    if not client.package:
        return ""
    if client.is_node:
        pinned: Mapping[str, str] = json.loads(homes.pins_of(client)[0].read_text(encoding="utf-8"))["dependencies"]
        return pinned[client.package]
    text = homes.pins_of(client)[0].read_text(encoding="utf-8")
    found = re.search(rf"^{re.escape(client.package)}(?:\[\w+\])?==(\S+)", text, re.MULTILINE)
    if found is None:
        raise ValueError(f"{homes.pins_of(client)[0].name} has no {client.package}")
    return found[1]


def _picture() -> str:
    """Return the name by which the stand-in speaks of the drivers' picture (`localaws/containers/chats.py`)."""
    sys.path.insert(0, str(Path(__file__).resolve().parent / "drivers"))
    try:
        import common  # noqa: PLC0415 - a driver's module, which is no package
    finally:
        sys.path.pop(0)
    return hashlib.sha256(common.RED).hexdigest()[:8]
