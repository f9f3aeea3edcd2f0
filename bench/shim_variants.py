"""The variants of `bench.shim`: the shim and three peers, each with its packages in a venv of its own."""

import compileall
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
_VENVS: Final = ROOT / ".local" / "shim-venvs"
_BOTO3: Final = "boto3==1.44.5"
_RUNTIME: Final = "awslambdaric==4.2.2"

VENVS: Final = {
    "boto3": (_BOTO3, _RUNTIME),
    "mangum": ("fastapi==0.165.0", "mangum==0.22.0", _BOTO3, _RUNTIME),
    "litellm": ("litellm==1.110.2", _BOTO3, _RUNTIME),
}
"""Packages by venv. The shim needs boto3's alone, which Lambda has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One way to put OpenAI's API before an endpoint.

    Attributes:
        name: As it stands in the tables.
        venv: The venv it runs in.
        handler: Its `module.function`.
        has_bytecode: Whether its own code is compiled before, as boto3's in Lambda is.
    """

    name: str
    venv: str
    handler: str
    has_bytecode: bool = True

    @property
    def is_ours(self) -> bool:
        """True for the shim."""
        return self.handler.startswith("invoke_shim.")

    @property
    def python(self) -> str:
        """The interpreter of its venv."""
        return str(_VENVS / self.venv / "bin" / "python")

    def command(self) -> list[str]:
        """Return the command that Lambda starts it with."""
        if self.is_ours:
            return ["/bin/sh", "invoke_shim/bootstrap", self.python]
        return [self.python, "-m", "awslambdaric", self.handler]

    def environment(self, *, backend: str, endpoint: str) -> dict[str, str]:
        """Its environment variables.

        Args:
            backend: The stand-in's address.
            endpoint: The endpoint's name.
        """
        return {
            "PATH": os.environ["PATH"],
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": backend,
            "NO_PROXY": "127.0.0.1",
            "ENDPOINT_NAME": endpoint,
            "_HANDLER": self.handler,
            # What the template sets for the shim; the peers do not know it. Without the second, LiteLLM looks for a
            # list of prices at GitHub while it is imported.
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "MODEL_NAME": "falcon-7b-instruct",
            "BACKEND": "sagemaker",
            "CONTAINER": "tgi",
            "PROMPT_FORMAT": "falcon-chat",
            "INVOKE_TIMEOUT_SECONDS": "60",
            "MAX_INPUT_TOKENS": "1024",
            "MAX_TOTAL_TOKENS": "2048",
        }

    def install(self, folder: Path) -> Path:
        """Make its venv, where it is missing, and put its code into a folder as Lambda would.

        Args:
            folder: Where its own folder is made.

        Returns:
            The function's folder.
        """
        _make_venv(self.venv)
        place = folder / self.name.replace(" ", "-").replace(",", "")
        place.mkdir()
        if self.is_ours:
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / "lambda" / "invoke_shim", place / "invoke_shim", ignore=ignored)
        else:
            shutil.copy(ROOT / "bench" / f"{self.handler.partition('.')[0]}.py", place)
        if self.has_bytecode:
            compileall.compile_dir(place, quiet=1)
        return place


BARE: Final = Variant(name="boto3", venv="boto3", handler="peer_shim_boto3.handler")
OURS: Final = Variant(name="shim", venv="boto3", handler="invoke_shim.handler.handle")
VARIANTS: Final = (
    OURS,
    Variant(name="shim, from source", venv="boto3", handler="invoke_shim.handler.handle", has_bytecode=False),
    BARE,
    Variant(name="FastAPI + Mangum", venv="mangum", handler="peer_shim_mangum.handler"),
    Variant(name="LiteLLM", venv="litellm", handler="peer_shim_litellm.handler"),
)


def _make_venv(name: str) -> None:
    packages = VENVS[name]
    venv = _VENVS / name
    installed = venv / ".installed"
    if installed.exists() and installed.read_text(encoding="utf-8") == "\n".join(packages):
        return
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)], check=True)  # noqa: S603 - fixed words
    python = str(venv / "bin" / "python")
    options = ["--quiet", "--disable-pip-version-check"]
    subprocess.run([python, "-m", "pip", "install", *options, *packages], check=True)  # noqa: S603 - likewise
    # Lambda has its packages compiled.
    subprocess.run([python, "-m", "compileall", "-qq", str(venv / "lib")], check=False)  # noqa: S603 - likewise
    installed.write_text("\n".join(packages), encoding="utf-8")
