"""The unpacked code of deployed functions, each state of it once."""

from __future__ import annotations

import atexit
import io
import os
import platform
import re
import shutil
import stat
import sys
import tempfile
import threading
import zipfile
from functools import lru_cache
from pathlib import Path
from typing import Final

_LOCK: Final = threading.Lock()
_PREFIX: Final = "localaws-code-"


def folder_of(archive: bytes, sha256: str) -> Path:
    """Return the folder with the files of a deployment package.

    Args:
        archive: The zip file.
        sha256: The hash that Lambda states for it, which names it from the second time on.
    """
    folder = _root() / sha256.replace("/", "_")
    with _LOCK:
        if not folder.exists():
            partial = Path(tempfile.mkdtemp(dir=_root()))
            _unpack(archive, partial)
            partial.rename(folder)
    return folder


def _unpack(archive: bytes, folder: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(archive)) as package:
        for member in package.infolist():
            path = package.extract(member, folder)
            mode = stat.S_IMODE(member.external_attr >> 16)
            if mode & stat.S_IXUSR and not member.is_dir():
                # zipfile drops the permissions; a wrapper script needs its run bit.
                os.chmod(path, mode | stat.S_IRUSR)
    _leave_out_foreign_packages(folder)


def _leave_out_foreign_packages(folder: Path) -> None:
    """Delete packages that were compiled for another machine, in whose place this environment's own are imported.

    Functions are built for Lambda's Linux on arm64, and run here on the machine that there is.
    """
    for wheel in folder.glob("*.dist-info/WHEEL"):
        platforms = re.findall(r"^Tag: [^-]+-[^-]+-(\S+)$", wheel.read_text(encoding="utf-8"), re.MULTILINE)
        if any(_runs_here(one) for one in platforms):
            continue
        lines = (wheel.parent / "RECORD").read_text(encoding="utf-8").splitlines()
        for name in {line.partition("/")[0] for line in lines if "/" in line} - {".."}:
            shutil.rmtree(folder / name, ignore_errors=True)


def _runs_here(tag: str) -> bool:
    """Return whether a wheel's tag of a platform, such as `manylinux2014_aarch64`, is this machine's."""
    return tag == "any" or (sys.platform in tag and tag.endswith(f"_{platform.machine()}"))


@lru_cache(maxsize=1)
def _root() -> Path:
    """Return this process's folder for code; folders of processes that were killed are cleared away."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        if not _is_alive(folder.name.removeprefix(_PREFIX).partition("-")[0]):
            shutil.rmtree(folder, ignore_errors=True)
    root = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    return root


def _is_alive(pid: str) -> bool:
    if not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
