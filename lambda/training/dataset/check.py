"""Check a data set for one method of fine-tuning, in one pass and in constant memory."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from training.dataset.chat import ChatReader
from training.dataset.columns import Columns
from training.dataset.domain import DomainReader
from training.dataset.faults import Faults, Kind, Place, shown
from training.dataset.instruction import InstructionReader
from training.dataset.lengths import tokens
from training.dataset.options import Options
from training.dataset.repeats import Fingerprints
from training.dataset.report import FileRecord, Report
from training.dataset.samples import Samples
from training.dataset.sources import File, Source
from training.dataset.streams import Stream
from training.dataset.template import DEFAULT, KEYS, LARGEST, NAME, Template, TemplateError, make, meant_as_template
from training.dataset.template import read as read_template

_ENDINGS: Final = {"instruction": (".jsonl",), "chat": (".jsonl",), "domain": (".csv", ".json", ".txt")}
"""Endings of the names of data files, by method (JumpStart's notebooks; the ending is mandatory there)."""


def check(
    source: Source,
    options: Options,
    *,
    validation: Source | None = None,
    seconds_left: Callable[[], float] | None = None,
) -> Report:
    """Check training data as the training job will read it.

    Args:
        source: The training channel's folder.
        options: Options of the check.
        validation: The validation channel's folder, or None where the job splits the training data.
        seconds_left: Returns the time that is left for the check, in seconds; None without a limit.

    Returns:
        All findings. The data is good if `Report.ok`; otherwise `Report.raise_for_errors` raises.

    Raises:
        SourceError: The data cannot be read, or the time ran out.
    """
    return _Check(options, seconds_left).run(source, validation)


class _Reader(Protocol):
    def read(self, stream: Stream, samples: Samples) -> None: ...


class _Check:
    def __init__(self, options: Options, seconds_left: Callable[[], float] | None) -> None:
        self._options = options
        self._seconds_left = seconds_left
        self._faults = Faults(keep=options.keep)
        self._files: list[FileRecord] = []
        self._template: Template | None = None
        self._origin = ""
        self._misnamed: File | None = None

    def run(self, source: Source, validation: Source | None) -> Report:
        options, faults = self._options, self._faults
        known = Fingerprints(capacity=options.remembered_samples)
        train = Samples(options, faults, known=known, training=None)
        self._channel("train", source, train)
        held_out: Samples | None = None
        if validation is not None:
            own = Fingerprints(capacity=options.remembered_samples)
            held_out = Samples(options, faults, known=own, training=known)
            self._channel("validation", validation, held_out)
        split = None if validation else self._split(train.count)
        self._enough(train, held_out, split)
        return Report(
            method=options.method,
            max_input_length=options.tokens,
            sources={"train": source.uri, **({"validation": validation.uri} if validation else {})},
            files=tuple(self._files),
            train=train,
            validation=held_out,
            split=split,
            template=self._template.texts if self._template else None,
            template_origin=self._origin,
            findings=faults.sorted(),
        )

    def _channel(self, channel: str, source: Source, samples: Samples) -> None:
        files = source.files()
        self._misnamed = None
        if self._options.method == "instruction":
            self._read_template(channel, source, files)
        data = [file for file in files if self._is_data(file)]
        self._others(channel, files, data)
        if not data:
            endings = ", ".join(f"*{ending}" for ending in _ENDINGS[self._options.method])
            self._faults.add(Kind.NO_DATA, Place(channel), None, f"{source.uri} has none of {endings}")
        if self._options.method == "domain" and len(data) > 1:
            names = ", ".join(shown(file.name) for file in data[:5])
            self._faults.add(Kind.SEVERAL_FILES, Place(channel), None, f"{names}; exactly one is allowed")
        columns = Columns(self._faults)
        reader = self._reader(columns)
        for file in data:
            stream = self._stream(channel, source, file)
            if not file.size:
                self._faults.add(Kind.NO_DATA, stream.place, None, "the file is empty")
            reader.read(stream, samples)
            stream.drain()
            self._files.append(FileRecord(channel, file.name, stream.size, stream.sha256))
        columns.finish()
        self._files.sort(key=lambda one: (one.channel, one.name.encode("utf-8", "surrogateescape")))

    def _reader(self, columns: Columns) -> _Reader:
        match self._options.method:
            case "instruction":
                return InstructionReader(self._template, self._origin, self._options, self._faults, columns)
            case "chat":
                return ChatReader(self._options, self._faults, columns)
            case _:
                return DomainReader(self._options, self._faults, columns)

    def _stream(self, channel: str, source: Source, file: File) -> Stream:
        return Stream(source, file, Place(channel, file.name), self._faults, seconds_left=self._seconds_left)

    def _is_data(self, file: File) -> bool:
        return "/" not in file.name and file.name.endswith(_ENDINGS[self._options.method]) and not _hidden(file)

    def _others(self, channel: str, files: Sequence[File], data: Sequence[File]) -> None:
        """Report other files that the job would download: it might train on them, or skip data in them."""
        endings = ", ".join(f"*{ending}" for ending in _ENDINGS[self._options.method])
        allowed = f"{endings} and {NAME}" if self._options.method == "instruction" else endings
        for file in files:
            if file in data or (file.name == NAME and self._options.method == "instruction"):
                continue
            where = "it is in a subfolder" if "/" in file.name else "it is no data file"
            advice = f"rename it to {NAME}" if file == self._misnamed else f"allowed: {allowed}"
            self._faults.add(Kind.UNEXPECTED_FILE, Place(channel, file.name), None, f"{where}; {advice}")

    def _read_template(self, channel: str, source: Source, files: Sequence[File]) -> None:
        file = next((file for file in files if file.name == NAME), None)
        if file is None:
            # A template under another name is an error, but the lines are meant for it and not for the default.
            alike = [one for one in files if meant_as_template(one.name)]
            file = self._misnamed = alike[0] if len(alike) == 1 else None
        place = Place(channel, file.name if file else NAME)
        try:
            if file is not None:
                found = read_template(self._whole(channel, source, file))
                self._take(found, channel, place)
            elif channel == "train":
                self._template, self._origin = make(DEFAULT), "default"
        except TemplateError as error:
            for problem in error.problems:
                self._faults.add(Kind.TEMPLATE, place, None, problem)
        if channel == "train":
            self._compare_declared(place)

    def _whole(self, channel: str, source: Source, file: File) -> bytes:
        """Read a small file whole; of a large one, the first bytes beyond the limit."""
        raw = b""
        digest = hashlib.sha256()
        size = 0
        for chunk in source.chunks(file):
            digest.update(chunk)
            size += len(chunk)
            if len(raw) <= LARGEST:
                raw += chunk
        self._files.append(FileRecord(channel, file.name, size, digest.hexdigest()))
        return raw

    def _take(self, found: Template, channel: str, place: Place) -> None:
        if channel == "train":
            self._template, self._origin = found, "data"
            for field in found.given_away:
                self._faults.add(
                    Kind.ANSWER_IN_PROMPT, place, None, f"field {shown(field)} is in prompt and completion"
                )
        elif self._template and found.texts != self._template.texts:
            self._faults.add(Kind.TEMPLATE, place, None, "it differs from the training channel's")

    def _compare_declared(self, place: Place) -> None:
        """Report a template that differs from the declared one, with which the served model's prompts are made."""
        declared = self._options.template
        if declared is None:
            return
        try:
            # Other members of the declared template are for serving, and are not allowed in template.json.
            make({key: text for key, text in declared.items() if key in KEYS})
        except TemplateError as error:
            for problem in error.problems:
                self._faults.add(Kind.TEMPLATE, place, None, f"the declared template: {problem}")
            return
        if self._template is None:
            return
        differs = [key for key, text in self._template.texts.items() if text != declared[key]]
        if differs:
            which = "JumpStart's default, which is used without one," if self._origin == "default" else "it"
            self._faults.add(
                Kind.TEMPLATE, place, None, f"{which} differs from the declared one in {', '.join(differs)}"
            )

    def _split(self, count: int) -> tuple[int, int]:
        """Split a number of samples as the job does: validation is rounded up (`train_test_split` of `datasets`)."""
        held_out = min(count, math.ceil(self._options.validation_split * count))
        return count - held_out, held_out

    def _enough(self, train: Samples, held_out: Samples | None, split: tuple[int, int] | None) -> None:
        place = Place("train")
        read = {
            one.channel for one in self._files if one.name.endswith(_ENDINGS[self._options.method]) and one.name != NAME
        }
        if "train" not in read:
            # `NO_DATA` reports the missing file already.
            return
        if split is not None and not all(split):
            ratio = self._options.validation_split
            least = next((n for n in range(1, 100_000) if all(self._split(n))), None)
            need = f"at least {least} are needed" if least else "no number is enough; give a validation channel"
            if self._options.method == "domain" and train.count == 1:
                need += "; break the text into lines, such as one a paragraph"
            detail = f"{train.count} good samples: a validation split of {ratio} leaves {split[0]} for training"
            self._faults.add(Kind.TOO_FEW_SAMPLES, place, None, f"{detail} and {split[1]} for validation; {need}")
        elif not train.count:
            self._faults.add(Kind.TOO_FEW_SAMPLES, place, None, "no good sample")
        if held_out is not None and not held_out.count and "validation" in read:
            self._faults.add(Kind.TOO_FEW_SAMPLES, Place("validation"), None, "no good sample")
        about = tokens(train.lengths.total)
        if self._options.method == "domain" and train.count and about < self._options.tokens:
            detail = f"about {about} tokens in all, fewer than one block of max_input_length {self._options.tokens}"
            self._faults.add(Kind.TOO_LITTLE_TEXT, place, None, detail)


def _hidden(file: File) -> bool:
    return file.name.startswith(".")
