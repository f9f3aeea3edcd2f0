"""The process of the small model: started at the first request, ends with this one."""

from __future__ import annotations

import contextlib
import itertools
import json
import queue
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from localaws.containers.faults import GenerationError
from localaws.containers.tokens import Token

_SCRIPT: Final = Path(__file__).with_name("serve.mjs")
# Loading takes 1 s on an idle core.
_START_SECONDS: Final = 120.0
# As long as the longest answer takes at 3 tokens a second; a process that says nothing for that long is stuck.
_SILENCE_SECONDS: Final = 300.0


@dataclass(slots=True)
class _Running:
    """A started process, and who waits for its answers."""

    process: subprocess.Popen[str]
    waiting: dict[int, queue.SimpleQueue[Mapping[str, Any]]] = field(default_factory=dict)
    ready: queue.SimpleQueue[Mapping[str, Any]] = field(default_factory=queue.SimpleQueue)
    end: Token | None = None
    reader: threading.Thread | None = None

    def end_process(self) -> None:
        """End the process and close what it was spoken to by."""
        self.process.kill()
        self.process.wait()
        # It ends with the process's last line.
        if self.reader is not None:
            self.reader.join()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def read(self) -> None:
        """Hand out its answers until it ends; then everybody gets an error."""
        for line in self.process.stdout or ():
            answer = json.loads(line)
            found = self.waiting.get(answer["id"]) if "id" in answer else self.ready
            if found is not None:
                found.put(answer)
        gone = {"error": "the process of the small model has ended", "failed": "its process has ended"}
        for asked in [self.ready, *list(self.waiting.values())]:
            asked.put(gone)


class Process:
    """A small model in a process of its own, which is started again where it has ended."""

    def __init__(self, *, folder: Path, weights: Path, node: str = "node") -> None:
        """Store what the first request starts.

        Args:
            folder: The folder with `node_modules`.
            weights: The GGUF file.
            node: The command of Node.js.
        """
        self._command = [node, str(_SCRIPT), str(folder), str(weights)]
        self._running: _Running | None = None
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._ids = itertools.count(1)

    def encode(self, text: str) -> list[Token]:
        """Cut a text into the model's tokens.

        Raises:
            GenerationError: If the process does not start, or has ended.
        """
        return list(self._asked({"do": "encode", "text": text}))

    def generate(self, request: Mapping[str, Any]) -> Iterator[Token]:
        """Yield the tokens of an answer, without the end of sequence; to close the iterator ends the generation.

        Args:
            request: The members that `serve.mjs` describes.

        Raises:
            GenerationError: If it fails.
        """
        return self._asked({"do": "generate", **request})

    def end_of_sequence(self) -> Token:
        """Return the token with which the model ends its answer; raises what `encode` raises."""
        end = self._started().end
        if end is None:
            raise AssertionError("a started process has said its end of sequence")
        return end

    def stop(self) -> None:
        """End the process, if it runs."""
        with self._lock:
            running, self._running = self._running, None
        if running is not None:
            running.end_process()

    def _asked(self, request: Mapping[str, Any]) -> Iterator[Token]:
        running, number = self._started(), next(self._ids)
        answers: queue.SimpleQueue[Mapping[str, Any]] = queue.SimpleQueue()
        running.waiting[number] = answers
        is_over = False
        try:
            self._write(running, {"id": number, **request})
            while True:
                answer = _next(answers, _SILENCE_SECONDS)
                is_over = "tokens" not in answer
                if "error" in answer:
                    raise GenerationError(answer["error"])
                if is_over:
                    return
                for token in answer["tokens"]:
                    yield _token(token)
        finally:
            del running.waiting[number]
            if not is_over:
                with contextlib.suppress(GenerationError):
                    self._write(running, {"id": number, "do": "cancel"})

    def _write(self, running: _Running, request: Mapping[str, Any]) -> None:
        if running.process.stdin is None:
            raise AssertionError("the process has a standard input")
        try:
            with self._writing:
                running.process.stdin.write(json.dumps(request) + "\n")
                running.process.stdin.flush()
        except OSError as error:
            raise GenerationError("the process of the small model has ended") from error

    def _started(self) -> _Running:
        with self._lock:
            if self._running is None or self._running.process.poll() is not None:
                self._running = self._start()
            return self._running

    def _start(self) -> _Running:
        try:
            process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
            )
        except OSError as error:
            raise GenerationError(f"the small model does not start: {error}") from error
        running = _Running(process)
        running.reader = threading.Thread(target=running.read, name="small-model", daemon=True)
        running.reader.start()
        said = _next(running.ready, _START_SECONDS)
        if "ready" not in said:
            running.end_process()
            raise GenerationError(f"the small model does not start: {said.get('failed')}")
        running.end = _token(said["ready"]["end"])
        return running


def _next(answers: queue.SimpleQueue[Mapping[str, Any]], seconds: float) -> Mapping[str, Any]:
    try:
        return answers.get(timeout=seconds)
    except queue.Empty:
        return {"error": f"the small model said nothing for {seconds:.0f} s", "failed": "it takes too long"}


def _token(members: list[Any]) -> Token:
    number, text, logprob, special = members
    return Token(id=number, text=text, logprob=logprob, special=special)
