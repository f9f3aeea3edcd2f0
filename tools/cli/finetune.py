"""`./jumpstack finetune`: start a fine-tuning, look at it, stop it, and choose what is served."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tools.cli.types import TUNED_STACK
from tools.deployed import DeclaredStack

if TYPE_CHECKING:
    from tools.finetune import Release, Run, Status

_STACK = click.argument("stack", metavar="ENV/MODEL", type=TUNED_STACK)
_WAIT = click.option("--wait", is_flag=True, help="Wait for the end, and fail where the run fails.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(short_help="Start, watch, stop and undo a fine-tuning.")
def finetune() -> None:
    """Start, watch, stop and undo a fine-tuning."""


@finetune.command(short_help="Check data and upload it.")
@_STACK
@click.argument("folder", metavar="DIR")
@click.option("--replace", is_flag=True, help="Replace the data that is there.")
def upload(stack: DeclaredStack, folder: str, replace: bool) -> None:
    """Check the training data in DIR, and upload it to where the pipeline reads; prints the prefix."""
    from shlex import quote

    from tools import aws
    from tools.finetune.uploading import checked
    from tools.finetune.uploading import upload as work

    if folder.startswith("s3:"):
        start_there = f"./jumpstack finetune start {stack.path} --data {quote(folder)} trains on data in S3"
        raise click.UsageError(f"DIR is {folder!r}: allowed is a folder on this machine; {start_there}")
    report = checked(stack, Path(folder))
    print(f"{folder}: {report.train.count} samples can be used", file=sys.stderr)
    aws.address()
    again = f"the upload is not complete: ./jumpstack finetune upload {stack.path} {quote(folder)} --replace"
    with _told(again):
        print(work(stack, Path(folder), replace=replace, report=_Progress().report))
    print(f"next: ./jumpstack finetune start {stack.path} --wait", file=sys.stderr)


@finetune.command(short_help="Train on the data and serve the result.")
@_STACK
@click.option("--data", metavar="S3_PREFIX", help="Data in place of the declared, s3://bucket/prefix/.")
@_WAIT
def start(stack: DeclaredStack, data: str | None, wait: bool) -> None:
    """Train on the data and serve the result; prints the execution's ARN."""
    from tools import aws
    from tools import finetune as work

    work.refuse_elsewhere(stack, data)
    aws.address()
    _follow(stack, work.start(stack, data_prefix=data), what="training", wait=wait)


@finetune.command(short_help="Print what is served and what runs.")
@_STACK
@_JSON
def status(stack: DeclaredStack, as_json: bool) -> None:
    """Print what is served, what a rollback would serve, and the last runs."""
    import json

    from tools import aws
    from tools import finetune as work

    aws.address()
    found = work.status(stack)
    print(json.dumps(found.to_dict(), indent=2) if as_json else "\n".join(_status_lines(stack, found)))


@finetune.command(short_help="Stop a run and its jobs.")
@_STACK
@click.argument("run", metavar="[RUN]", required=False)
def stop(stack: DeclaredStack, run: str | None) -> None:
    """Stop the run that is under way, or the one named RUN, with its training job and import, and say what is left."""
    from tools import aws
    from tools import finetune as work

    aws.address()
    for line in work.stop(stack, run):
        print(line, flush=True)


@finetune.command(short_help="List the releases that can be served.")
@_STACK
@_JSON
def releases(stack: DeclaredStack, as_json: bool) -> None:
    """List the releases that can be served: when they were made, from which data, and which is served."""
    import json

    from tools import aws
    from tools import finetune as work

    aws.address()
    found = work.releases(stack)
    if as_json:
        print(json.dumps([release.to_dict() for release in found], indent=2))
    else:
        none = f"{stack.path} has no releases yet: ./jumpstack finetune start {stack.path}"
        print("\n".join(line for release in found for line in _release_lines(release)) or none)


@finetune.command(short_help="Serve the release before, or another.")
@_STACK
@click.option("--to", metavar="RELEASE", help="Release to serve.  [default: the one before]")
@_WAIT
def rollback(stack: DeclaredStack, to: str | None, wait: bool) -> None:
    """Serve the release before, or another that is still there; prints the execution's ARN."""
    from tools import aws
    from tools import finetune as work

    aws.address()
    plan = work.plan_rollback(stack, to=to)
    print(f"serves {plan.to} in place of {plan.served}", file=sys.stderr)
    if plan.forward:
        print(f"{plan.to} is the newer one: this goes forward, as after an earlier rollback", file=sys.stderr)
    _follow(stack, work.rollback(stack, plan), what="rollback", wait=wait)


def _follow(stack: DeclaredStack, arn: str, *, what: str, wait: bool) -> None:
    from tools import finetune as work

    print(arn, flush=True)
    if not wait:
        return
    command = "./jumpstack finetune"
    with _told(
        f"the {what} goes on: {command} status {stack.path} shows it,",
        f"{command} stop {stack.path} ends it",
    ):
        run = work.wait(stack, arn, report=_report_run())
    print(f"  {_clock(run)}  succeeded{f': serves {run.release}' if run.release else ''}", file=sys.stderr)


@contextmanager
def _told(*lines: str) -> Iterator[None]:
    """Say after an interrupt what goes on."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt("\n".join(lines)) from None


class _Progress:
    """Says how far an upload is: in place on a terminal, a line a file elsewhere."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._shown = -1

    def report(self, name: str, sent: int, size: int) -> None:
        """Say how much of a file is uploaded, at every whole percent."""
        percent = 100 if sent >= size else sent * 100 // size
        if sent == 0:
            self._shown = -1
        if percent == self._shown or (percent < 100 and not self._terminal):
            return
        self._shown = percent
        text = f"  {percent:3d}% of {size / 1e6:,.1f} MB  {name}"
        end = "\n" if percent == 100 else ""
        print(f"\r{text}" if self._terminal else text, end=end if self._terminal else "\n", file=sys.stderr, flush=True)


def _report_run() -> Callable[[Run], None]:
    from tools.finetune.runs import log_lines, step

    said: set[str] = set()

    def report(run: Run) -> None:
        print(f"  {_clock(run)}  {step(run.state)}", file=sys.stderr)
        if run.job and run.job not in said:
            said.add(run.job)
            for line in (f"training job {run.job}", *log_lines(run.job)):
                print(f"           {line}", file=sys.stderr)

    return report


def _clock(run: Run) -> str:
    from tools.finetune.runs import clock

    return clock(run.elapsed)


def _status_lines(stack: DeclaredStack, found: Status) -> Iterator[str]:
    from tools.finetune.runs import step

    yield f"served    {found.served}"
    yield f"previous  {found.previous}"
    yield f"{'bedrock ' if found.endpoint is None else 'endpoint'}  {found.endpoint or found.target}"
    if not found.runs:
        yield f"no run yet: ./jumpstack finetune start {stack.path}"
    for run in found.runs:
        yield f"{run.started:%Y-%m-%d %H:%M}  {run.status:<9}  {_clock(run)}  {run.name}"
        facts = [("action", run.action if run.action != "train" else None), ("data", run.data), ("job", run.job)]
        facts += [("state", None if run.status == "SUCCEEDED" else step(run.state)), ("release", run.release)]
        for name, value in facts:
            if value:
                yield f"    {name:<8} {value}"
        for index, line in enumerate((run.reason or "").splitlines()):
            yield f"    {'reason' if index == 0 else '':<8} {line}"


def _release_lines(release: Release) -> Iterator[str]:
    yield f"{release.created:%Y-%m-%d %H:%M}  {release.name}  {release.role}".rstrip()
    for name, value in (("job", release.job), ("data", release.data), ("model", release.arn)):
        if value:
            yield f"    {name:<5} {value}"
