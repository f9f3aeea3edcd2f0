"""Callers who ask all the time, whatever is deployed meanwhile."""

import itertools
import threading
import time
from collections.abc import Callable, Collection
from types import TracebackType

import openai

# Of each caller between an answer and the next question: some twenty requests a second are under way all the time, and
# leave the rest of the machine to what is deployed.
_PAUSE_SECONDS = 0.15
_DEADLINE_SECONDS = 60.0
_SETTLED = 10


class ConstantLoad:
    """Threads with a client each, OpenAI's own, which tries nothing again: one failed request is one too many.

    Args:
        client: Makes a thread's client, closed when it ends.
        asks: One for each thread: asks once and returns the answer's text.
    """

    def __init__(self, client: Callable[[], openai.OpenAI], *asks: Callable[[openai.OpenAI], str]) -> None:
        self._client = client
        self._ended = threading.Event()
        self._said: list[list[str]] = [[] for _ in asks]
        self._threads = [
            threading.Thread(target=self._run, args=each, daemon=True) for each in zip(asks, self._said, strict=True)
        ]
        self.failures: list[Exception] = []
        """Errors of all callers."""

    @property
    def answers(self) -> list[str]:
        """All answers, caller by caller."""
        return list(itertools.chain.from_iterable(self._said))

    def __enter__(self) -> "ConstantLoad":
        for thread in self._threads:
            thread.start()
        self._until(lambda: all(self._said), "every caller has an answer")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def until_new(self, known: Collection[str]) -> str:
        """Wait for an answer that is none of the known, and return it."""
        self._until(lambda: set(self.answers) > set(known), f"an answer that is none of {known!r}")
        return next(answer for answer in self.answers if answer not in known)

    def until_settled(self, text: str) -> None:
        """Wait until this is every caller's answer."""
        self._until(lambda: all(said[-_SETTLED:] == [text] * _SETTLED for said in self._said), f"all say {text!r}")

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while not condition():
            if self.failures:
                raise AssertionError(f"a request failed: {self.failures[0]!r}")
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {_DEADLINE_SECONDS:g} s: {what}")
            time.sleep(_PAUSE_SECONDS)

    def _run(self, ask: Callable[[openai.OpenAI], str], said: list[str]) -> None:
        with self._client().with_options(max_retries=0) as client:
            while not self._ended.wait(_PAUSE_SECONDS):
                try:
                    said.append(ask(client))
                except Exception as error:
                    self.failures.append(error)
