"""Python packages with compiled parts, for the platform of the functions, as `make install` downloads them."""

import hashlib
import re
import sys
import zipfile
from pathlib import Path

FOLDER = Path(sys.prefix) / "lambda"
"""Folder of the wheels, in the environment of the interpreter that runs the app."""

_PINS = Path(__file__).resolve().parents[2] / "requirements-localaws.txt"


def unpack_wheel(name: str, folder: Path) -> None:
    """Unpack a package for Lambda's Linux on arm64 into a function's folder.

    Its version and hashes are those that the local AWS is pinned to, so that both count by the same code, and the same
    declarations give the same asset. Nothing is downloaded here.

    Args:
        name: The package, such as `tokenizers`.
        folder: The function's folder.

    Raises:
        ValueError: If the wheel is not there, or is not the pinned one.
    """
    version, hashes = _pin(name)
    found = sorted(FOLDER.glob(f"{name}-{version}-*aarch64.whl"))
    if not found:
        raise ValueError(f"{name} {version} for Lambda is not in {FOLDER}: make install downloads it")
    wheel = found[0]
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if digest not in hashes:
        raise ValueError(
            f"{wheel.name} has the SHA-256 {digest}, which {_PINS.name} does not pin: delete it, then make install"
        )
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)


def _pin(name: str) -> tuple[str, frozenset[str]]:
    """Return a package's pinned version and the SHA-256 of all of its wheels."""
    block = re.search(rf"^{re.escape(name)}==(\S+) (?:.*\\\n)+.*$", _PINS.read_text(encoding="utf-8"), re.MULTILINE)
    if block is None:
        raise ValueError(f"{name} is not pinned in {_PINS.name}")
    return block[1], frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})", block[0]))
