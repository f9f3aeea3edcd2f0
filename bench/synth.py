"""Measure synthesis, and its growth with the number of stacks: ours, and the nearest peer's.

Run `python -m bench.synth`. Each case runs in a fresh process; wall time is that process's from its start to its end.
CPU time is its and its Node process's, which says more on a machine that does other work too. Memory is the most that
both held together (resident, Linux only). The marginal cost is the cost of a further stack against the case before.

Calls are those from Python to Node.js, over jsii: unlike times they are the same on any machine. `--kinds` prints those
of one stack of each kind.

The peer is `JumpStartSageMakerEndpoint` of `cdklabs.generative-ai-cdk-constructs`, from the venv that
`python -m bench.coverage` makes at `.local/peer-venv`. Its stack holds that construct and nothing else; ours holds
key, bucket, endpoint and API too, so the comparison favours the peer.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).resolve().parent.parent
PEER_PYTHON = ROOT / ".local" / "peer-venv" / "bin" / "python"

# Models and environments of a case.
CASES = ((1, 1), (4, 1), (10, 1), (100, 1), (100, 3))
# Ours with everything that `cdk synth` runs, without CDK's own check of templates, and without cdk-nag as well.
VARIANTS = ("ours, as cdk synth", "ours, cdk-nag only", "ours, no checks", "peer, no checks")
_SAMPLING_SECONDS = 0.05
_CALLS_FILE = "calls"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """Figures of one case.

    Attributes:
        stacks: Number of model stacks.
        wall_seconds: From the start of the process to its end.
        cpu_seconds: CPU time, user and system, of the process and its children.
        peak_mib: Most resident memory of the process and its children together, in MiB.
        calls: Calls across jsii.
    """

    stacks: int
    wall_seconds: float
    cpu_seconds: float
    peak_mib: float
    calls: int


def ours(models: int, environments: int, *, rules: bool, outdir: str) -> None:
    """Synthesize the app with that many models of the lock in that many environments.

    Args:
        models: Models an environment, all different as far as the lock has them.
        environments: 1 to 3.
        rules: Whether cdk-nag's rule pack runs.
        outdir: Folder of the cloud assembly.
    """
    import aws_cdk as cdk  # noqa: PLC0415 - the measuring process and the peer's have no use for it

    import app  # noqa: PLC0415 - likewise
    from stacks.environments import DEV, PROD, STAGING  # noqa: PLC0415 - likewise

    declared = list(_declarations(models))
    deployments = [(environment, declared) for environment in (DEV, STAGING, PROD)[:environments]]
    if rules:
        app.build(deployments, outdir=outdir).synth()
        return
    with mock.patch.object(cdk.Validations, "add_plugins", return_value=None):
        app.build(deployments, outdir=outdir).synth()


def _declarations(count: int) -> Iterator[Any]:
    """Declare models of the lock that the invoke shim can speak with, from the first again when they are used up."""
    from catalog import CatalogError, Lock  # noqa: PLC0415 - likewise
    from stacks.declarations import JumpStartModel  # noqa: PLC0415 - likewise

    lock = Lock.load()
    usable = []
    for model_id in lock.model_ids():
        version = lock.model(model_id, lock.versions(model_id)[0])
        try:
            deployment = version.resolve(region="us-west-2")
        except CatalogError:
            continue
        if deployment.container in {"tgi", "lmi"}:
            usable.append(version)
    for number in range(count):
        version = usable[number % len(usable)]
        yield JumpStartModel(
            name=f"model-{number:03}",
            model_id=version.model_id,
            version=version.version,
            prompt_format="none",
            accept_eula=version.requires_eula,
        )


def peer(stacks: int, *, outdir: str) -> None:
    """Synthesize an app of the peer's construct, one stack each.

    Args:
        stacks: Number of stacks; the models are four Falcon versions, in turns.
        outdir: Folder of the cloud assembly.
    """
    import aws_cdk as cdk  # noqa: PLC0415 - the peer's own, in its venv
    from cdklabs.generative_ai_cdk_constructs import (  # type: ignore[import-not-found]  # noqa: PLC0415 - likewise
        sagemaker_deployment as labs,
    )

    # The names that jsii gives the constants in Python.
    names = [
        "HUGGINGFACE_LLM_FALCON_7_B_BF16_4_1_23",
        "HUGGINGFACE_LLM_FALCON_7_B_INSTRUCT_BF16_4_6_16",
        "HUGGINGFACE_LLM_FALCON_40_B_BF16_2_0_2",
        "HUGGINGFACE_LLM_FALCON_180_B_BF16_1_7_17",
    ]
    app = cdk.App(outdir=outdir, analytics_reporting=False)
    for number in range(stacks):
        stack = cdk.Stack(app, f"model-{number:03}", env=cdk.Environment(region="us-west-2"))
        labs.JumpStartSageMakerEndpoint(
            stack,
            "Endpoint",
            model=getattr(labs.JumpStartModel, names[number % len(names)]),
            endpoint_name=f"dev-model-{number:03}",
        )
    app.synth()


def measure(variant: str, models: int, environments: int) -> Measurement:
    """Run one case in a process of its own.

    Raises:
        subprocess.CalledProcessError: The case failed; its output has been printed.
    """
    python = str(PEER_PYTHON) if variant.startswith("peer") else sys.executable
    settings = {
        **os.environ,
        # jsii runs the Node of our venv in every case, and no colour or banner.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": "" if variant.startswith("peer") else str(ROOT),
        "CDK_VALIDATION": "true" if variant.endswith("as cdk synth") else "false",
        "JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION": "1",
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1",
    }
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as output:
        case = ["--case", variant, "--models", str(models), "--environments", str(environments), "--outdir", folder]
        command = [python, str(Path(__file__).resolve()), *case]
        started = time.perf_counter()
        spent = _cpu_seconds()
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and file
            command, env=settings, stdout=output, stderr=subprocess.STDOUT
        )
        peak = 0
        while process.poll() is None:
            peak = max(peak, _resident_bytes(process.pid))
            time.sleep(_SAMPLING_SECONDS)
        elapsed = time.perf_counter() - started
        if process.returncode:
            output.seek(0)
            print(output.read()[-2000:], file=sys.stderr)
            raise subprocess.CalledProcessError(process.returncode, command)
        calls = int((Path(folder) / _CALLS_FILE).read_text(encoding="utf-8"))
    return Measurement(
        stacks=models * environments,
        wall_seconds=elapsed,
        cpu_seconds=_cpu_seconds() - spent,
        peak_mib=peak / 2**20,
        calls=calls,
    )


@contextmanager
def counted_calls() -> Iterator[list[str]]:
    """Collect the kinds of the calls across jsii, such as `InvokeRequest`.

    jsii has no public hook for this, so that the method of its Node.js process that sends requests is replaced.
    """
    from jsii._kernel.providers import process  # noqa: PLC0415 - only a case needs it, and the peer has its own

    calls: list[str] = []
    send = process._NodeProcess.send

    def counting(node: Any, request: Any, response_type: Any) -> Any:
        calls.append(type(request).__name__)
        return send(node, request, response_type)

    with mock.patch.object(process._NodeProcess, "send", counting):
        yield calls


def calls_of_kinds() -> dict[str, int]:
    """Count the calls of one further stack of each kind, of the declared models.

    Returns:
        Calls by the stack's path; the account's own stack is not counted.
    """
    import app  # noqa: PLC0415 - the measuring process has no use for it
    from stacks.models import DEPLOYMENTS  # noqa: PLC0415 - likewise
    from stacks.placement import placements  # noqa: PLC0415 - likewise

    def calls(*chosen: Any) -> int:
        deployments = [(placement.environment, [one.model for one in chosen]) for placement in chosen[:1]]
        with tempfile.TemporaryDirectory() as folder, counted_calls() as counted:
            app.build(deployments, outdir=folder)
        return len(counted)

    found: dict[str, int] = {}
    kinds: set[tuple[type, bool]] = set()
    for placement in placements(DEPLOYMENTS):
        kind = (type(placement.model), placement.bedrock is not None)
        if kind not in kinds:
            kinds.add(kind)
            # A stack alone pays for its account's stack and for the app, which a second copy of it does not.
            found[placement.path] = calls(placement, _renamed(placement)) - calls(placement)
    return found


def _renamed(placement: Any) -> Any:
    return replace(placement, model=replace(placement.model, name=f"{placement.model.name}-2"))


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _resident_bytes(pid: int) -> int:
    """Resident memory of a process and all its children now, in bytes; 0 where /proc does not tell."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") + sum(_resident_bytes(int(child)) for child in children)


def table(results: dict[str, list[Measurement]]) -> str:
    """Lay the measurements out for people, a line a case."""
    lines = [
        f"{'':<20}{'stacks':>8}{'wall s':>9}{'cpu s':>9}{'peak MiB':>10}{'calls':>8}"
        f"{'a further stack: wall s':>25}{'cpu s':>8}{'calls':>7}"
    ]
    for variant, measurements in results.items():
        before: Measurement | None = None
        for one in measurements:
            marginal = ""
            if before is not None:
                further = one.stacks - before.stacks
                marginal = f"{(one.wall_seconds - before.wall_seconds) / further:>25.3f}"
                marginal += f"{(one.cpu_seconds - before.cpu_seconds) / further:>8.3f}"
                marginal += f"{(one.calls - before.calls) / further:>7.0f}"
            numbers = (
                f"{one.stacks:>8}{one.wall_seconds:>9.1f}{one.cpu_seconds:>9.1f}{one.peak_mib:>10.0f}{one.calls:>8}"
            )
            lines.append(f"{variant:<20}{numbers}{marginal}")
            before = one
    return "\n".join(lines)


def _run_case(variant: str, models: int, environments: int, outdir: str) -> None:
    with counted_calls() as calls:
        if variant.startswith("peer"):
            peer(models * environments, outdir=outdir)
        else:
            ours(models, environments, rules=variant != VARIANTS[2], outdir=outdir)
    (Path(outdir) / _CALLS_FILE).write_text(f"{len(calls)}", encoding="utf-8")


def main() -> int:
    """Measure all cases, or run one, which is how a case gets a process of its own.

    Returns:
        0; a case that fails raises.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--variants", nargs="*", choices=VARIANTS, default=list(VARIANTS), help="all by default")
    parser.add_argument("--most", type=int, default=300, metavar="STACKS", help="leave larger cases out")
    parser.add_argument("--json", action="store_true", help="print the measurements as json")
    parser.add_argument("--kinds", action="store_true", help="print the calls of one stack of each kind, and no times")
    parser.add_argument("--case", choices=VARIANTS, help=argparse.SUPPRESS)
    for hidden in ("--models", "--environments"):
        parser.add_argument(hidden, type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--outdir", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.case:
        _run_case(asked.case, asked.models, asked.environments, asked.outdir)
        return 0
    if asked.kinds:
        for path, number in calls_of_kinds().items():
            print(f"{path:<34}{number:>6} calls across jsii")
        return 0
    results: dict[str, list[Measurement]] = {}
    for variant in asked.variants:
        if variant.startswith("peer") and not PEER_PYTHON.exists():
            print("the peer's venv is not there: python -m bench.coverage makes it", file=sys.stderr)
            continue
        for models, environments in CASES:
            if models * environments <= asked.most:
                results.setdefault(variant, []).append(measure(variant, models, environments))
                if not asked.json:
                    print(table({variant: results[variant][-1:]}).splitlines()[-1], file=sys.stderr, flush=True)
    if asked.json:
        print(json.dumps({variant: [asdict(one) for one in found] for variant, found in results.items()}, indent=2))
    else:
        print(table(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
