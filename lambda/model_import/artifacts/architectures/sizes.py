"""Describe an architecture's tensors: names, shapes, and the fields of `config.json` that imply them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple


class Size(NamedTuple):
    """A size of a dimension, or a number of layers or experts.

    Attributes:
        value: The number; None where its field is invalid, which is a finding already.
        said: The fields that imply it, with their values.
    """

    value: int | None
    said: str


class Part(NamedTuple):
    """A tensor.

    Attributes:
        name: Name; in a layer without the layer's prefix, and with `*` for an expert's number.
        shape: The dimensions' values.
        sizes: The dimensions.
        experts: The number of experts that have one; None for a tensor that occurs once.
    """

    name: str
    shape: tuple[int | None, ...]
    sizes: tuple[Size, ...]
    experts: Size | None = None

    @property
    def said(self) -> str:
        """Return the fields that imply the shape, each once."""
        return ", ".join(dict.fromkeys(size.said for size in self.sizes if size.said))


class Stack(NamedTuple):
    """Consecutive layers.

    Attributes:
        prefix: Prefix of their tensors' names, before the layer's number.
        layers: The number of layers.
        parts: Return the tensors of a layer. Layers of one kind get one and the same tuple.
    """

    prefix: str
    layers: Size
    parts: Callable[[int], tuple[Part, ...]]


class Model(NamedTuple):
    """The tensors of a model, as transformers names them.

    Attributes:
        embedding: The table of token embeddings.
        head: The table that makes logits.
        tied: True if the head shares the embedding's numbers, so that transformers drops a head of its own.
        single: Other tensors, which occur once.
        stacks: The layers.
        base: The class's `base_model_prefix`.
        has_base: True if the class has a module of that name.
        aliases: Other names under which the embedding may be saved, as its table is a part of several modules.
        silent: Ends of names that transformers ignores without a word: buffers that it computes itself.
    """

    embedding: Part
    head: Part
    tied: bool
    single: tuple[Part, ...]
    stacks: tuple[Stack, ...]
    base: str = "model"
    has_base: bool = True
    aliases: tuple[str, ...] = ()
    silent: tuple[str, ...] = ("rotary_emb.inv_freq",)


def fixed(value: int) -> Size:
    """Return a size that no field implies."""
    return Size(value, "")


def product(*sizes: Size) -> Size:
    """Return the product of sizes; unknown if one of them is."""
    values = [size.value for size in sizes]
    known = None if None in values else math.prod(value for value in values if value is not None)
    return Size(known, " * ".join(_factor(size) for size in sizes))


def total(*sizes: Size) -> Size:
    """Return the sum of sizes; unknown if one of them is."""
    values = [size.value for size in sizes]
    known = None if None in values else sum(value for value in values if value is not None)
    return Size(known, " + ".join(size.said or str(size.value) for size in sizes))


def quotient(size: Size, divisor: Size) -> Size:
    """Return the quotient of two sizes, rounded down; unknown if one of them is."""
    known = None if size.value is None or not divisor.value else size.value // divisor.value
    return Size(known, f"{_factor(size)} / {_factor(divisor)}")


def part(name: str, *sizes: Size, experts: Size | None = None) -> Part:
    """Make a tensor of these dimensions."""
    return Part(name, tuple(size.value for size in sizes), sizes, experts)


def linear(
    name: str, rows: Size, columns: Size, *, bias: bool = False, experts: Size | None = None
) -> tuple[Part, ...]:
    """Make the tensors of a linear layer: a weight of (rows, columns), and a bias of (rows)."""
    weight = part(f"{name}.weight", rows, columns, experts=experts)
    return (weight, part(f"{name}.bias", rows, experts=experts)) if bias else (weight,)


def norm(name: str, size: Size, *, bias: bool = False) -> tuple[Part, ...]:
    """Make the tensors of a normalization."""
    weight = part(f"{name}.weight", size)
    return (weight, part(f"{name}.bias", size)) if bias else (weight,)


def alike(*groups: tuple[Part, ...]) -> Callable[[int], tuple[Part, ...]]:
    """Return the parts of layers that are all of one kind."""
    parts = tuple(each for group in groups for each in group)
    return lambda _: parts


def _factor(size: Size) -> str:
    said = size.said or str(size.value)
    return f"({said})" if " + " in said or " / " in said else said
