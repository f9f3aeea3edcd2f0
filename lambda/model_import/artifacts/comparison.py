"""Compare the tensors of a model with those that its configuration implies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from model_import.artifacts.architectures.sizes import Model, Part, Stack
from model_import.artifacts.config import CONFIG
from model_import.artifacts.findings import Findings, shown
from model_import.artifacts.headers import Tensor

MOST_TENSORS = 300_000
"""Most tensors that are compared, to bound the check's time: more do not fit into the headers that it reads."""
_NUMBER = re.compile(r"(?<=\.)[0-9]{1,6}(?=\.)")
_BUFFERS = re.compile(r"(?:^|\.)(?:masked_bias|position_ids|inv_freq|attn\.bias)$")
"""Buffers that older versions of transformers saved, and compute: masks, positions and their frequencies."""
_WHOLE = frozenset({"I64", "I32", "I16", "U64", "U32", "U16", "BOOL"})
_IGNORED = "transformers 4.51.3 ignores it"


class _Group(NamedTuple):
    """Findings that differ only by the numbers in a tensor's name."""

    severity: str
    rule: str
    pattern: str
    problem: str
    allowed: str


class Comparison:
    """Compares, and groups what is alike: 40 layers with one fault are one finding."""

    def __init__(self, model: Model, tensors: Mapping[str, Tensor], architecture: str) -> None:
        """Set what is compared.

        Args:
            model: The tensors that there should be.
            tensors: Those that there are.
            architecture: The class.
        """
        self._model = model
        self._tensors = tensors
        self._architecture = architecture
        self._unexpected = set(tensors)
        self._groups: dict[_Group, list[str]] = {}
        self._harmless: set[str] = set()

    def run(self, found: Findings, *, complete: bool) -> frozenset[str]:
        """Compare.

        Args:
            found: Collects the findings.
            complete: True if all tensors are known; otherwise missing ones are no finding.

        Returns:
            The names that transformers ignores, without harm.
        """
        model = self._model
        if self._too_many(found):
            return frozenset()
        self._embedding(complete=complete)
        if not model.tied:
            self._part(model.head, complete=complete)
        elif model.head.name in self._tensors:
            self._part(model.head, complete=False)
        for single in model.single:
            self._part(single, complete=complete)
        beyond: list[re.Pattern[str]] = []
        for stack in model.stacks:
            beyond += self._stack(stack, found, complete=complete)
        self._rest(beyond)
        self._report(found)
        return frozenset(self._harmless)

    def _too_many(self, found: Findings) -> bool:
        implied = 0
        for stack in self._model.stacks:
            layers = stack.layers.value or 0
            implied += layers
            # All layers of one kind have one and the same tuple.
            sizes = {id(parts): parts for parts in (stack.parts(layer) for layer in range(layers))}.values()
            most = max((sum(_copies(part) for part in parts) for parts in sizes), default=0)
            implied += layers * most
        if implied <= MOST_TENSORS:
            return False
        problem = f"its layers and experts imply up to {implied} tensors"
        found.error("config-field", CONFIG, problem, f"at most {MOST_TENSORS} are compared")
        return True

    def _embedding(self, *, complete: bool) -> None:
        names = (self._model.embedding.name, *self._model.aliases)
        there = [name for name in names if name in self._tensors]
        for name in there or names[:1]:
            self._part(self._model.embedding._replace(name=name), complete=complete)

    def _stack(self, stack: Stack, found: Findings, *, complete: bool) -> list[re.Pattern[str]]:
        """Compare layers; return patterns of the names in layers and of experts that are reported as a whole."""
        layers, beyond = _numbers(stack.prefix, self._tensors), []
        wanted = stack.layers
        if wanted.value is None:
            return [re.compile(re.escape(stack.prefix))]
        if layers != set(range(wanted.value)) and (complete or max(layers, default=0) >= wanted.value):
            problem = f"the weights have {len(layers)} layers ({_ranges(layers)})"
            allowed = f"{wanted.value}, {_ranges(set(range(wanted.value)))}: {wanted.said} of {CONFIG}"
            found.error("layers", f"tensors {stack.prefix}*", problem, allowed)
            beyond.append(re.compile(rf"{re.escape(stack.prefix)}\d+\."))
        there = sorted(layers & set(range(wanted.value)))
        experts = self._experts(stack, there, found, complete=complete)
        if experts is not None:
            beyond.append(re.compile(rf"{re.escape(stack.prefix)}\d+\..*\.experts\.\d+\."))
        for layer in there:
            prefix = f"{stack.prefix}{layer}."
            for part in stack.parts(layer):
                if part.experts is None:
                    self._one(prefix + part.name, part, f"{stack.prefix}*.{part.name}", complete=complete)
                else:
                    pattern = f"{stack.prefix}*.{part.name}"
                    for number in range(part.experts.value or 0) if experts is None else experts:
                        name = prefix + part.name.replace("*", str(number))
                        self._one(name, part, pattern, complete=complete)
        return beyond

    def _experts(self, stack: Stack, layers: list[int], found: Findings, *, complete: bool) -> list[int] | None:
        """Return the experts to compare where their number is not the implied one, which is a finding."""
        part = next((each for layer in layers for each in stack.parts(layer) if each.experts is not None), None)
        if part is None or part.experts is None or part.experts.value is None:
            return None
        before, _, after = part.name.partition("*")
        wanted = re.compile(rf"{re.escape(stack.prefix)}\d+\.{re.escape(before)}(\d{{1,6}})\.")
        numbers = {int(match[1]) for name in self._tensors if (match := wanted.match(name))}
        if numbers == set(range(part.experts.value)) or (not complete and max(numbers, default=0) < part.experts.value):
            return None
        problem = f"the weights have {len(numbers)} experts ({_ranges(numbers)})"
        allowed = f"{part.experts.value}, {_ranges(set(range(part.experts.value)))}: {part.experts.said} of {CONFIG}"
        found.error("experts", f"tensors {stack.prefix}*.{part.name.replace(after, '')}", problem, allowed)
        return sorted(numbers & set(range(part.experts.value)))

    def _part(self, part: Part, *, complete: bool) -> None:
        self._one(part.name, part, part.name, complete=complete)

    def _one(self, name: str, part: Part, pattern: str, *, complete: bool) -> None:
        tensor = self._tensors.get(name)
        if tensor is None:
            if complete:
                self._missing(name, pattern)
            return
        self._unexpected.discard(name)
        if tensor.shape != part.shape and not _fits(tensor.shape, part.shape) and tensor.elements:
            problem = f"size mismatch: its shape is {list(tensor.shape)}"
            said = f": {part.said}" if part.said else ""
            self._add(name, _Group("error", "shape", pattern, problem, f"{_written(part.shape)}{said} of {CONFIG}"))

    def _missing(self, name: str, pattern: str) -> None:
        allowed = "needed in every layer" if name != pattern else "needed"
        if name == self._model.head.name:
            allowed = (
                f"needed, as tie_word_embeddings is not true in {CONFIG}: save the model with the head that it was "
                "trained with"
            )
        self._add(name, _Group("error", "missing-tensor", pattern, "it is not in the weights", allowed))

    def _rest(self, beyond: Iterable[re.Pattern[str]]) -> None:
        modules = {name.partition(".")[0] for name in self._expected_names()}
        patterns = tuple(beyond)
        for name in sorted(self._unexpected):
            tensor = self._tensors[name]
            if name.endswith(self._model.silent):
                self._harmless.add(name)
            if name in self._harmless or not tensor.elements:
                continue
            if any(pattern.match(name) for pattern in patterns):
                continue
            pattern = _NUMBER.sub("*", name)
            buffer, own = tensor.dtype in _WHOLE or _BUFFERS.search(name), name.partition(".")[0] in modules
            if buffer or not own:
                self._harmless.add(name)
            if buffer:
                problem = f"it is a buffer ({tensor.dtype}) that {self._architecture} has not: {_IGNORED}"
                self._add(name, _Group("warning", "unexpected-tensor", pattern, problem, "none, to be sure"))
            elif not own:
                problem = f"{self._architecture} has no such module: {_IGNORED}"
                self._add(
                    name, _Group("warning", "unexpected-tensor", pattern, problem, "none, if it was meant to be used")
                )
            else:
                problem = f"{self._architecture} has no such tensor by {CONFIG}: {_IGNORED} and answers without it"
                allowed = f"only what {CONFIG} implies: the weights and the file are not of one model"
                self._add(name, _Group("error", "unexpected-tensor", pattern, problem, allowed))

    def _expected_names(self) -> Iterable[str]:
        model = self._model
        yield from (part.name for part in (model.embedding, model.head, *model.single))
        yield from model.aliases
        yield from (stack.prefix for stack in model.stacks)

    def _add(self, name: str, group: _Group) -> None:
        self._groups.setdefault(group, []).append(name)

    def _report(self, found: Findings) -> None:
        for group, names in self._groups.items():
            record = found.error if group.severity == "error" else found.warning
            if len(names) == 1:
                record(group.rule, f"tensor {_plain(names[0])}", group.problem, group.allowed)
            else:
                layers = _numbers(group.pattern.partition("*")[0], names)
                problem = f"{group.problem}, in {len(names)} tensors of layers {_ranges(layers)}"
                record(group.rule, f"tensors {_plain(group.pattern)}", problem, group.allowed)


def _plain(name: str) -> str:
    """Return a name as it is where it may be shown so."""
    return name if name.isascii() and name.isprintable() and len(name) <= 100 else shown(name)


def _copies(part: Part) -> int:
    return 1 if part.experts is None else part.experts.value or 0


def _fits(shape: tuple[int, ...], implied: tuple[int | None, ...]) -> bool:
    """Return whether a shape is the implied one, as far as that is known."""
    return len(shape) == len(implied) and all(want in {None, size} for size, want in zip(shape, implied, strict=True))


def _written(shape: tuple[int | None, ...]) -> str:
    return f"[{', '.join('?' if size is None else str(size) for size in shape)}]"


def _numbers(prefix: str, names: Iterable[str]) -> set[int]:
    numbers = (name[len(prefix) :].partition(".")[0] for name in names if name.startswith(prefix))
    # Only short ones: int() refuses a number of thousands of digits.
    return {int(number) for number in numbers if number.isascii() and number.isdigit() and len(number) < 10}


def _ranges(numbers: set[int]) -> str:
    ordered = sorted(numbers)
    if len(ordered) < 2:
        return str(*ordered) if ordered else "none"
    gaps = "" if ordered[-1] - ordered[0] + 1 == len(ordered) else ", with gaps"
    return f"{ordered[0]} to {ordered[-1]}{gaps}"
