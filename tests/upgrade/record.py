"""Record the assembly that later releases are tested to upgrade: `python tests/upgrade/record.py VERSION [COMMIT]`.

Synthesizes the commit with its own code and the packages of this venv, keeps one stack of each kind with its assets,
and writes `assemblies/VERSION.tar.xz`. The same commit and packages give the same bytes.
"""

import argparse
import io
import json
import lzma
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().with_name("assemblies")
SUFFIX = ".tar.xz"

STACKS = {
    "endpoint": "dev/mistral-7b-instruct",
    "fine-tuned endpoint": "dev/mistral-7b-dolly",
    "imported model": "staging/granite-3b-code-instruct",
    "fine-tuned import": "dev/llama-3-2-3b-10k",
    "account": "account/us-west-2",
}
"""One declared stack of each kind, by its path in the app."""

_ROOT = Path(__file__).resolve().parent.parent.parent
# What decides the templates beside the commit's own files.
_PACKAGES = ("requirements.txt", "package-lock.json")


@dataclass(frozen=True, slots=True)
class File:
    """A file of an assembly.

    Attributes:
        content: Its bytes.
        executable: Whether it may be executed, as a Lambda function's `bootstrap` must be.
    """

    content: bytes
    executable: bool = False


def archive(version: str) -> Path:
    """Return the file of a version's assembly, whether it exists or not."""
    return FOLDER / f"{version}{SUFFIX}"


def record(version: str, commit: str) -> Path:
    """Record one stack of each kind of a commit.

    Args:
        version: The file's name, such as `0.1.0`.
        commit: What git names it.

    Returns:
        The file.

    Raises:
        ValueError: If the commit pins other packages than this work tree, or an assembly would name this machine.
        subprocess.CalledProcessError: If there is no such commit, or it cannot be synthesized.
    """
    changed = _git("diff", "--name-only", commit, "--", *_PACKAGES).decode().split()
    if changed:
        raise ValueError(f"{commit} has another {' and '.join(changed)}: check it out and install its packages first")
    with tempfile.TemporaryDirectory() as temporary:
        checkout, synthesized = Path(temporary) / "checkout", Path(temporary) / "cdk.out"
        with tarfile.open(fileobj=io.BytesIO(_git("archive", commit))) as packed:
            packed.extractall(checkout, filter="data")
        _synthesize(checkout, synthesized)
        files = select(synthesized, list(STACKS.values()))
        named = [name for name, file in files.items() if temporary.encode() in file.content]
        if named:
            raise ValueError(f"{', '.join(named)} names {temporary}: an assembly may name no path of a machine")
    recorded = archive(version)
    recorded.parent.mkdir(exist_ok=True)
    recorded.write_bytes(pack(files))
    return recorded


def select(assembly: Path, paths: Collection[str]) -> dict[str, File]:
    """Read what the CDK CLI needs to deploy some stacks of an assembly.

    Args:
        assembly: A folder that `cdk synth` wrote.
        paths: The stacks, such as `dev/mistral-7b-instruct`.

    Returns:
        Files by their paths below the folder.

    Raises:
        ValueError: If the assembly does not hold all of the stacks.
    """
    files: dict[str, File] = {}
    found: set[str] = set()
    manifest = _manifest(assembly)
    artifacts = _stacks_with_assets(manifest["artifacts"], paths)
    for artifact in artifacts.values():
        if artifact["type"] == "aws:cloudformation:stack":
            found.add(artifact["displayName"])
            # The list of assets names the template too, where there is one.
            files.update(_read(assembly, (assembly / artifact["properties"]["templateFile"]).resolve()))
            continue
        listed = assembly / artifact["properties"]["file"]
        files[listed.name] = File(listed.read_bytes())
        for asset in json.loads(listed.read_bytes())["files"].values():
            files.update(_read(assembly, (assembly / asset["source"]["path"]).resolve()))
    if missing := set(paths) - found:
        raise ValueError(f"{assembly} does not hold {', '.join(sorted(missing))}")
    files["manifest.json"] = _json({**manifest, "artifacts": artifacts})
    return files


def pack(files: Mapping[str, File]) -> bytes:
    """Pack files into a compressed archive, whose bytes depend on nothing but the files.

    Args:
        files: Files by their paths.
    """
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archived:
        for name, file in sorted(files.items()):
            # Its owner is nobody, and its time the beginning of 1970.
            entry = tarfile.TarInfo(name)
            entry.size = len(file.content)
            entry.mode = 0o755 if file.executable else 0o644
            archived.addfile(entry, io.BytesIO(file.content))
    return lzma.compress(packed.getvalue(), preset=9 | lzma.PRESET_EXTREME)


def _synthesize(checkout: Path, output: Path) -> None:
    # `cdk.json` starts `python3`, and jsii starts `node`: both are the venv's.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    cdk = _ROOT / "node_modules" / ".bin" / "cdk"
    command = [str(cdk), "--no-notices", "synth", "--quiet", "--output", str(output)]
    subprocess.run(command, cwd=checkout, env={**os.environ, "PATH": path}, check=True)


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=_ROOT, check=True, stdout=subprocess.PIPE).stdout


def _manifest(folder: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_bytes())
    return manifest


def _stacks_with_assets(artifacts: Mapping[str, Any], paths: Collection[str]) -> dict[str, Any]:
    """Keep some stacks, without the metadata that only reports show, and the lists of their assets."""
    kept: dict[str, Any] = {}
    for name, artifact in artifacts.items():
        if artifact["type"] == "aws:cloudformation:stack" and artifact["displayName"] in paths:
            kept[name] = {key: value for key, value in artifact.items() if key != "additionalMetadataFile"}
            kept |= {needed: artifacts[needed] for needed in artifact.get("dependencies", ())}
    return kept


def _read(assembly: Path, path: Path) -> dict[str, File]:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return {
        str(file.relative_to(assembly.resolve())): File(file.read_bytes(), executable=os.access(file, os.X_OK))
        for file in files
    }


def _json(value: Any) -> File:
    return File(f"{json.dumps(value, indent=1)}\n".encode())


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="tests/upgrade/record.py", description="record a release's assembly")
    parser.add_argument("version", help="the release's, such as 0.1.0")
    parser.add_argument("commit", nargs="?", default="HEAD", help="the release's; HEAD by default")
    options = parser.parse_args()
    try:
        file = record(options.version, options.commit)
    except (ValueError, subprocess.CalledProcessError) as error:
        sys.exit(f"error: {error}")
    print(f"{file.relative_to(_ROOT)}: {file.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
