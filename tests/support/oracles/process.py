"""Ask a library in a venv of its own: one long-lived process, a line of JSON for each question and each answer."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from tests.support.oracles.venvs import OracleError, Venv, require

_DRIVERS: Final = Path(__file__).resolve().parent / "drivers"
START_SECONDS: Final = 120
"""Most seconds until a library is imported; torch takes 5 to 20 on two cores that others use too."""
ANSWER_SECONDS: Final = 60
"""Most seconds of one answer about a tiny folder, which takes a tenth of one."""
_OFFLINE: Final = {
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "OMP_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONUTF8": "1",
}


class OracleDiedError(OracleError):
    """The process ended, or took too long, over one question; the next question starts another."""


class Oracle:
    """A library's process, which is started by the first question. Usable as a context manager, which ends it."""

    def __init__(self, venv: Venv, driver: str) -> None:
        """Set the venv and the driver, a script in `drivers/` that answers.

        Raises:
            OracleError: The venv is missing or out of date.
        """
        require(venv)
        self.name = venv.name
        self._command = [str(venv.python), str(_DRIVERS / driver)]
        self._home = tempfile.TemporaryDirectory(prefix="oracle-")
        self._process: subprocess.Popen[bytes] | None = None
        self._rest = b""

    def __enter__(self) -> Oracle:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process, and remove what the library wrote into its caches."""
        self._end()
        self._home.cleanup()

    def ask(self, **question: Any) -> dict[str, Any]:
        """Return the library's answer.

        Args:
            question: What the driver's `answer` takes.

        Raises:
            OracleDiedError: The process ended or took too long.
            OracleError: The library cannot be imported, or the driver has a fault.
        """
        if self._process is None:
            self._start()
        answer = self._exchange(question, ANSWER_SECONDS)
        if "fault" in answer:
            raise OracleError(f"the driver of {self.name} has a fault: {answer['fault']}")
        return answer

    def _start(self) -> None:
        home = self._home.name
        environment = {**_OFFLINE, "PATH": os.defpath, "HOME": home, "HF_HOME": home, "TMPDIR": home}
        self._log = (Path(home) / "stderr").open("wb")
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, env=environment, cwd=home
        )
        self._rest = b""
        ready = self._exchange(None, START_SECONDS)
        if not self.name.endswith(f"-{ready.get('version')}"):
            self._end()
            raise OracleError(
                f"the oracle {self.name} answers as {ready.get('version')}: rm -r .venv-oracles, make oracles"
            )

    def _exchange(self, question: dict[str, Any] | None, seconds: float) -> dict[str, Any]:
        """Send a question, or nothing, and read one line."""
        process = self._process
        assert process is not None
        assert process.stdin is not None
        try:
            if question is not None:
                process.stdin.write(json.dumps(question).encode() + b"\n")
                process.stdin.flush()
            line = self._line(process, seconds)
        except (BrokenPipeError, EOFError, TimeoutError) as error:
            self._end()
            said = (Path(self._home.name) / "stderr").read_text("utf-8", "replace").strip().splitlines()[-1:]
            raise OracleDiedError(f"{self.name} gave no answer: {error or type(error).__name__} {said}") from error
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _line(self, process: subprocess.Popen[bytes], seconds: float) -> bytes:
        """Return the next line of the process.

        Raises:
            EOFError: The process ended.
            TimeoutError: There was no line in time.
        """
        assert process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._rest:
                if not selector.select(seconds):
                    raise TimeoutError(f"none after {seconds} seconds")
                piece = os.read(process.stdout.fileno(), 1 << 16)
                if not piece:
                    raise EOFError(f"it ended with {process.wait()}")
                self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def _end(self) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        process.kill()
        # Closes both pipes, and waits for the end.
        process.communicate()
        self._log.close()
