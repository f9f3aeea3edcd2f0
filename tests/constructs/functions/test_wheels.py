"""A tokenizer in a function's asset: the file, and the library for Lambda's platform that reads it."""

import io
import platform
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import aws_cdk as cdk
import pytest
from constructs.api.answer_options import AnswerOptions
from constructs.functions import wheels
from constructs.functions.packages import packed

from localaws.functions.code import folder_of
from tests.constructs.api.api_parts import make_api
from tests.invoke_shim.generation.test_tokenizer import write
from tests.support.templates import only


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tokenizer") / "some-model.json"
    write(path)
    return path


def test_only_a_function_with_a_tokenizer_carries_it(tokenizer: Path) -> None:
    plain, counting = packed("invoke_shim"), packed("invoke_shim", tokenizer)

    assert not (plain / "tokenizers").exists()
    assert not (plain / "tokenizer.json").exists()
    assert (counting / "tokenizer.json").read_bytes() == tokenizer.read_bytes()
    # An ELF file for arm64 (e_machine 183), for any Python from its first on.
    assert (counting / "tokenizers" / "tokenizers.abi3.so").read_bytes()[18:20] == (183).to_bytes(2, "little")


def test_the_version_is_the_local_aws_own(tokenizer: Path) -> None:
    counting = packed("invoke_shim", tokenizer)

    [metadata] = counting.glob("tokenizers-*.dist-info/METADATA")
    version = re.search(r"^Version: (\S+)$", metadata.read_text(), re.MULTILINE)
    assert version is not None
    assert f"\ntokenizers=={version[1]} \\" in wheels._PINS.read_text()


def test_the_local_aws_runs_it_on_the_machine_that_there_is(tokenizer: Path) -> None:
    counting = packed("invoke_shim", tokenizer)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in counting.rglob("*"):
            archive.write(path, path.relative_to(counting))

    folder = folder_of(buffer.getvalue(), f"test-{tokenizer.parent.name}")

    if platform.machine() != "aarch64":
        assert not (folder / "tokenizers").exists()
    code = "from invoke_shim import handler; import sys; assert 'tokenizers' not in sys.modules\n"
    code += "from invoke_shim.generation import tokenizer; print(tokenizer.count('the other one'))"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("9", "")


def test_the_shim_is_told_and_has_more_memory(stack: cdk.Stack, tokenizer: Path) -> None:
    make_api(stack, answers=AnswerOptions(tokenizer=tokenizer))

    function = only(stack, "AWS::Lambda::Function")
    assert function["Environment"]["Variables"]["TOKENIZER"] == "true"
    assert function["MemorySize"] == 1024


def test_says_which_command_downloads_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(wheels, "FOLDER", tmp_path)

    with pytest.raises(ValueError, match=r"^tokenizers \S+ for Lambda is not in .*: make install downloads it$"):
        wheels.unpack_wheel("tokenizers", tmp_path)
    with pytest.raises(ValueError, match=r"^transformers is not pinned in requirements-localaws\.txt$"):
        wheels.unpack_wheel("transformers", tmp_path)


def test_refuses_a_wheel_that_is_not_the_pinned_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    [wheel] = wheels.FOLDER.glob("tokenizers-*.whl")
    (tmp_path / wheel.name).write_bytes(wheel.read_bytes() + b"more")
    monkeypatch.setattr(wheels, "FOLDER", tmp_path)

    with pytest.raises(
        ValueError, match=r"has the SHA-256 [0-9a-f]{64}, which requirements-localaws\.txt does not pin"
    ):
        wheels.unpack_wheel("tokenizers", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [wheel.name]
