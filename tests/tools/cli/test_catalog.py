"""`./jumpstack catalog` on the committed lock, in a pipe and on a terminal."""

import json
import os
import pty
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from catalog import Lock
from tools.cli.main import run

ROOT = Path(__file__).resolve().parents[3]
KEYS = [
    "model_id",
    "version",
    "region",
    "instance_type",
    "image",
    "model_data",
    "compressed",
    "gated",
    "eula",
    "environment",
]
LLAMA_2_70B = "meta-textgeneration-llama-2-70b"


def _run(words: Sequence[str]) -> int:
    return run(["catalog", *words])


def _ids(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    assert _run(["search", *words]) == 0
    return [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()]


def _on_a_terminal(*words: str, columns: int = 100, **variables: str) -> str:
    """Return the output of a command on a terminal."""
    main_end, terminal = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    environment.update(variables)
    process = subprocess.Popen(
        [ROOT / "jumpstack", "catalog", *words], cwd=ROOT, env=environment, stdout=terminal, stderr=terminal
    )
    os.close(terminal)
    printed = b""
    while True:
        try:
            chunk = os.read(main_end, 4096)
        except OSError:  # how Linux says that the other end is closed
            break
        if not chunk:
            break
        printed += chunk
    os.close(main_end)
    assert process.wait() == 0
    return printed.decode()


@pytest.mark.parametrize("model_id", ["huggingface-llm-mistral-7b", LLAMA_2_70B])
def test_show_prints_exactly_the_documented_keys_as_json(model_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["show", model_id, "--json"]) == 0

    shown = json.loads(capsys.readouterr().out)
    assert list(shown) == KEYS
    assert shown["model_id"] == model_id
    assert shown["region"] == "us-west-2"


def test_show_takes_version_instance_type_and_region(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--version", "2.0.2", "--instance-type", "ml.g5.48xlarge", "--region", "cn-north-1", "--json"]
    assert _run(["show", "huggingface-llm-falcon-40b-bf16", *words]) == 0

    shown = json.loads(capsys.readouterr().out)
    assert (shown["version"], shown["instance_type"], shown["region"]) == ("2.0.2", "ml.g5.48xlarge", "cn-north-1")
    assert shown["environment"]["SM_NUM_GPUS"] == "8"
    assert shown["image"].startswith("727897471807.dkr.ecr.cn-north-1.amazonaws.com.cn/")


def test_show_says_that_a_model_is_gated_and_where_its_licence_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["show", LLAMA_2_70B, "--region", "eu-west-1", "--json"]) == 0

    shown = json.loads(capsys.readouterr().out)
    assert shown["gated"] is True
    assert shown["model_data"].startswith("s3://jumpstart-private-cache-prod-eu-west-1/")
    assert shown["eula"].startswith("https://jumpstart-cache-prod-eu-west-1.s3.eu-west-1.amazonaws.com/")


def test_show_prints_aligned_facts_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["show", "huggingface-llm-mistral-7b", "--version", "2.1.0", "--region", "eu-west-1"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert "instance type   ml.g5.2xlarge" in lines
    assert "gated           no" in lines
    assert "eula            none" in lines
    assert "environment     MAX_TOTAL_TOKENS=8192" in lines


def test_show_takes_an_unlisted_instance_type_only_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["show", "huggingface-llm-falcon-180b-bf16", "--version", "1.7.17", "--instance-type", "ml.p4d.24xlarge"]

    assert _run(words) == 1
    assert "'ml.p4d.24xlarge' is not supported" in capsys.readouterr().err
    assert _run([*words, "--allow-unlisted-instance-type"]) == 0


def test_show_takes_the_form_that_update_takes(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["show", "huggingface-llm-mistral-7b@2.1.0", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["version"] == "2.1.0"
    assert _run(["show", "huggingface-llm-mistral-7b@2.1.0", "--version", "2.0.0"]) == 2
    assert "--version 2.0.0 is given with huggingface-llm-mistral-7b@2.1.0" in capsys.readouterr().err


def test_show_refuses_a_config_where_there_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["show", "huggingface-llm-mistral-7b", "--version", "2.1.0", "--config", "lmi"]) == 1

    assert capsys.readouterr().err == (
        "error: config 'lmi': huggingface-llm-mistral-7b 2.1.0 has no inference configs in the lock: "
        "leave it out, or see --source live\n"
    )


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (
            ["show", "falcon-180b"],
            "model id 'falcon-180b' is not in the lock: did you mean huggingface-llm-falcon-180b",
        ),
        (["show", LLAMA_2_70B, "--region", "mars-north-1"], "has no image in region 'mars-north-1': choose one of"),
        (["search", "no-such-word"], "no model in the lock matches 'no-such-word': try fewer words"),
    ],
)
def test_an_error_is_one_line_and_exit_code_1(words: list[str], error: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(words) == 1

    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1
    assert error in captured.err


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["frobnicate"], "no such command 'frobnicate'"),
        (["show"], "missing argument 'ID[@VERSION]'"),
        (["update", "x", "--config", "lmi"], "--config lmi needs one ID@VERSION to pin"),
        (["update", "x@1", "y@2", "--config", "lmi"], "--config lmi needs one ID@VERSION to pin"),
        (["diff", "a", "b", "c"], "diff takes up to two words, not 3"),
        (["update", "--unpin", "x@1.0.0", "--source", "wheel"], "--unpin takes each ID@VERSION to give up"),
        (["update", "--unpin"], "--unpin takes each ID@VERSION to give up"),
        (["diff", "--source", "live", "--wheel", "x.whl"], "--wheel is given with --source live"),
    ],
)
def test_what_is_not_understood_is_one_line_and_exit_code_2(
    words: list[str], error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(words) == 2

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"error: {error}")
    assert len(captured.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("model_id", "said"),
    [
        ("huggingface-llm-mistral-7b", "yes"),
        ("huggingface-asr-whisper-small", "yes"),
        ("huggingface-textgeneration1-gpt-j-6b-fp16", "no: its image, djl-inference:0.21.0-"),
    ],
)
def test_show_says_whether_the_app_can_deploy_a_model(
    capsys: pytest.CaptureFixture[str], model_id: str, said: str
) -> None:
    assert _run(["show", model_id]) == 0

    [row] = [row for row in capsys.readouterr().out.splitlines() if row.startswith("deployable")]
    assert row.removeprefix("deployable").strip().startswith(said.strip())


def _facts(capsys: pytest.CaptureFixture[str], model_id: str) -> dict[str, str]:
    assert _run(["show", model_id]) == 0
    lines = capsys.readouterr().out.splitlines()
    width = len("instance types  ")
    return {line[:width].strip(): line[width:] for line in lines}


def test_show_prints_a_card_of_a_chat_model(capsys: pytest.CaptureFixture[str]) -> None:
    facts = _facts(capsys, "meta-textgeneration-llama-3-1-8b-instruct")

    assert facts["kind"] == "chat"
    assert facts["routes"] == "/v1/chat/completions, /v1/completions, /invocations"
    assert facts["prompt format"] == "the container's own, if left out; also llama-3.1-instruct"
    assert facts["context"] == "131072 tokens, the model's own"
    assert (facts["tools"], facts["JSON schemas"], facts["images"]) == ("no", "no", "no")
    assert facts["token counts"] == "the container's, in whole answers"
    assert facts["size"].startswith("16 GB of weights")
    assert facts["fits on"].startswith("ml.g5.4xlarge, ml.g6.4xlarge, ")
    assert facts["training"].startswith("yes (second-hand, ")
    assert facts["example"].startswith("POST /v1/chat/completions {")


def test_show_says_of_a_chat_model_that_its_format_has_to_be_declared(capsys: pytest.CaptureFixture[str]) -> None:
    facts = _facts(capsys, "huggingface-llm-falcon-7b-instruct-bf16")

    assert facts["prompt format"] == "to be declared: falcon-instruct, or none for completions alone"
    assert facts["context"] == "2048 tokens, by MAX_TOTAL_TOKENS"


def test_show_prints_a_card_of_another_kind_without_what_only_text_has(capsys: pytest.CaptureFixture[str]) -> None:
    facts = _facts(capsys, "huggingface-zstc-facebook-bart-large-mnli")

    assert facts["takes"] == "a text and labels"
    assert facts["routes"] == "/invocations"
    assert "prompt format" not in facts
    assert facts["fits on"] == facts["instance types"]


def test_search_prints_one_tab_separated_line_a_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["search", "mistral-7b-instruct", "lmi"]) == 0

    assert capsys.readouterr().out == (
        "huggingface-llm-mistral-7b-instruct\t3.5.0\tml.g5.12xlarge\tlmi\topen\tchat\t/v1/chat/completions\n"
    )


def test_search_by_size_takes_the_whole_number(capsys: pytest.CaptureFixture[str]) -> None:
    found = _ids(capsys, "llama", "7b")

    assert "meta-textgeneration-llama-2-7b" in found
    assert LLAMA_2_70B not in found


def test_search_by_family_takes_the_beginning_of_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    found = _ids(capsys, "mistral")

    assert "huggingface-llm-mistralai-mixtral-8x22B-instruct-v0-1" in found
    assert all("mistral" in model_id for model_id in found)


def test_search_by_task_knows_that_an_llm_generates_text(capsys: pytest.CaptureFixture[str]) -> None:
    found = _ids(capsys, "llm")

    assert LLAMA_2_70B in found
    assert "huggingface-llm-mistral-7b" in found
    assert not [model_id for model_id in found if "txt2img" in model_id]


def test_every_word_must_match(capsys: pytest.CaptureFixture[str]) -> None:
    both = set(_ids(capsys, "gated", "ml.g5.2xlarge"))

    assert both
    assert both == set(_ids(capsys, "gated")) & set(_ids(capsys, "ml.g5.2xlarge"))


def test_search_finds_all_gated_models_and_no_others(lock: Lock, capsys: pytest.CaptureFixture[str]) -> None:
    gated = {entry.model.model_id for entry in lock.entries() if entry.model.gated}

    assert set(_ids(capsys, "gated")) == gated


def test_verify_prints_what_it_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["verify"]) == 0
    assert capsys.readouterr().out.startswith("346 versions of 342 models, 10 pinned, from cdklabs.generative-ai-cdk")


def test_a_terminal_gets_a_drawn_table_and_colours() -> None:
    printed = _on_a_terminal("search", "falcon", "180b")

    assert "default instance" in printed
    assert "┃" in printed
    assert "\x1b[" in printed


def test_a_narrow_terminal_gets_every_id_whole() -> None:
    printed = re.sub(r"\x1b\[[\d;]*m", "", _on_a_terminal("search", "falcon", "180b", columns=60))

    assert [line for line in printed.splitlines() if len(line) > 60] == []
    assert "…" not in printed
    cells = [line.split("│")[1].strip() for line in printed.splitlines() if "│" in line]
    assert "huggingface-llm-falcon-180b-chat-bf16" in "".join(cells)


def test_no_color_means_no_colour(lock: Lock) -> None:
    model_id = "huggingface-llm-mistral-7b-instruct"
    newer, older = lock.versions(model_id)
    words = ("diff", f"{model_id}@{older}", f"{model_id}@{newer}")
    colours = re.compile(r"\x1b\[[\d;]*3\d[;m]")

    assert colours.search(_on_a_terminal(*words))
    assert not colours.search(_on_a_terminal(*words, NO_COLOR="1"))


def test_a_terminal_gets_facts_with_bold_names() -> None:
    printed = _on_a_terminal("show", "huggingface-llm-mistral-7b", "--version", "2.1.0")

    assert "\x1b[1m" in printed
    assert "ml.g5.2xlarge" in printed


def test_a_pipe_that_is_closed_early_is_no_error() -> None:
    command = "./jumpstack catalog search llm | head -n 1"
    completed = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, check=True)

    assert len(completed.stdout.splitlines()) == 1
    assert completed.stderr == ""
