"""A cold model is waited for, within the caller's patience, and nothing else is repeated."""

import pytest

from invoke_shim.backends import retry
from invoke_shim.backends.retry import NotReadyError, answer_seconds, when_ready
from invoke_shim.deadline import Deadline
from invoke_shim.errors import ApiError


class Clock:
    """A clock that moves only while somebody waits, and a die that always shows the same."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, part: float = 1.0) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []
        self.ranges: list[tuple[float, float]] = []
        self._part = part
        monkeypatch.setattr("invoke_shim.deadline.time.monotonic", lambda: self.now)

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def uniform(self, low: float, high: float) -> float:
        self.ranges.append((low, high))
        return low + self._part * (high - low)

    def run(self, model: "Model", deadline: Deadline, *, reserve: float = 2.0) -> str:
        return when_ready(model, deadline, reserve=reserve, sleep=self.sleep, uniform=self.uniform)


class Model:
    """A model that fails so many times first."""

    def __init__(self, *failures: Exception, forever: bool = False) -> None:
        self._failures = list(failures)
        self._forever = forever
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self._failures:
            raise self._failures[0] if self._forever else self._failures.pop(0)
        return "answer"


def cold() -> NotReadyError:
    return NotReadyError("the model is not ready yet", seconds=10, upstream="ModelNotReadyException")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_a_model_that_is_ready_is_not_waited_for(clock: Clock) -> None:
    deadline = Deadline.after(30)
    assert clock.run(Model(), deadline) == "answer"
    assert (clock.pauses, deadline.cold_wait.seconds) == ([], 0)


def test_a_cold_model_is_asked_again_until_it_is_ready(clock: Clock) -> None:
    model, deadline = Model(*(cold() for _ in range(6))), Deadline.after(300)
    assert clock.run(model, deadline) == "answer"
    assert model.calls == 7
    assert clock.ranges == [(0.25, 0.5), (0.5, 1), (1, 2), (1, 2), (1, 2), (1, 2)]


def test_pauses_are_drawn_from_all_of_their_range(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, part=0.25)
    clock.run(Model(cold(), cold(), cold()), Deadline.after(300))
    assert clock.pauses == [0.3125, 0.625, 1.25]


class Loading(Model):
    """A model that is ready after some time."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        super().__init__()
        self._clock = clock
        self._ready_at = clock.now + seconds

    def __call__(self) -> str:
        self.calls += 1
        if self._clock.now < self._ready_at:
            raise cold()
        return "answer"


@pytest.mark.parametrize("part", [0, 0.5, 1])
@pytest.mark.parametrize(
    ("seconds", "late", "tries"), [(0.1, 0.5, 2), (5, 2, 8), (60, 2, 63), (120, 2, 123), (300, 5, 235), (840, 14, 360)]
)
def test_a_model_is_asked_soon_after_it_is_ready_but_not_too_often(
    seconds: float, late: float, tries: int, part: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch, part=part)
    model = Loading(clock, seconds)
    assert clock.run(model, Deadline.after(900)) == "answer"
    assert clock.now - 1000 - seconds <= late
    assert model.calls <= tries


def test_what_was_waited_is_told_to_the_metrics(clock: Clock) -> None:
    deadline = Deadline.after(300)
    clock.run(Model(cold(), cold()), deadline)
    clock.run(Model(cold()), deadline)
    assert deadline.cold_wait.seconds == 0.5 + 1 + 0.5


def test_gives_up_when_the_deadline_leaves_no_time_for_an_answer(clock: Clock) -> None:
    model, deadline = Model(cold(), forever=True), Deadline.after(20)
    with pytest.raises(NotReadyError) as caught:
        clock.run(model, deadline, reserve=5)
    assert (caught.value.status, caught.value.headers) == (503, {"retry-after": "10"})
    assert caught.value.message == "the model is not ready yet; try again in 10 s"
    # The last pause is cut short, so that there is a try at the last moment that makes sense.
    assert clock.now == 1000 + 15
    assert deadline.cold_wait.seconds == 15


def test_tries_once_even_when_no_time_is_left(clock: Clock) -> None:
    model = Model(cold(), forever=True)
    with pytest.raises(NotReadyError):
        clock.run(model, Deadline.after(0))
    assert (model.calls, clock.pauses) == (1, [])


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_nothing_else_is_repeated(clock: Clock, status: int) -> None:
    model = Model(ApiError("no", status=status, type="server_error"))
    with pytest.raises(ApiError, match="no"):
        clock.run(model, Deadline.after(30))
    assert model.calls == 1


def test_an_error_after_a_cold_one_ends_the_waiting(clock: Clock) -> None:
    model = Model(cold(), ApiError("lost", status=502, type="server_error"))
    with pytest.raises(ApiError, match="lost"):
        clock.run(model, Deadline.after(30))
    assert model.calls == 2


@pytest.mark.parametrize(("patience", "kept"), [(29, 14.5), (900, 60), (1, 2)])
def test_an_answer_at_once_gets_half_of_the_time_but_no_more_than_a_container_has(
    clock: Clock, patience: float, kept: float
) -> None:
    assert answer_seconds(Deadline.after(patience)) == kept


def test_waits_by_the_clock_and_by_chance_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_PAUSE_SECONDS", 0.002)
    deadline = Deadline.after(30)
    assert when_ready(Model(cold()), deadline) == "answer"
    assert 0 <= deadline.cold_wait.seconds <= 0.002
