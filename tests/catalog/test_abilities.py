"""Abilities of the APIs of the lock's models, by container and version."""

from dataclasses import replace

import pytest

from catalog import Deployment, Lock
from catalog.abilities import Abilities, abilities
from invoke_shim.contract import TASK_CONTAINERS, chats_problem

MISTRAL = "huggingface-llm-mistral-7b-instruct"
LLAMA_31 = "meta-textgeneration-llama-3-1-8b-instruct"
REGISTRY = "763104351884.dkr.ecr.us-west-2.amazonaws.com"


@pytest.fixture(scope="module")
def newest(lock: Lock) -> dict[str, Deployment]:
    """Every model of the lock, newest version and default instance type."""
    models = [lock.model(model_id, lock.versions(model_id)[0]) for model_id in lock.model_ids()]
    return {model.model_id: model.resolve(region=model.regions()[0]) for model in models}


def _tgi(deployment: Deployment, version: str) -> Deployment:
    image = f"{REGISTRY}/huggingface-pytorch-tgi-inference:2.1.1-tgi{version}-gpu-py310-cu121-ubuntu22.04"
    return replace(deployment, image=image, container="tgi")


def _lmi(deployment: Deployment, release: str, version: str) -> Deployment:
    return replace(deployment, image=f"{REGISTRY}/djl-inference:{release}-lmi{version}-cu124", container="lmi")


def _of(newest: dict[str, Deployment], model_id: str) -> Abilities:
    return abilities(newest[model_id])


@pytest.mark.parametrize(("version", "chats"), [("1.4.0", False), ("2.3.1", False), ("2.4.0", True), ("3.2.3", True)])
def test_tgi_takes_messages_beside_prompts_from_2_4_on(
    newest: dict[str, Deployment], version: str, chats: bool
) -> None:
    found = abilities(_tgi(newest[LLAMA_31], version))

    assert (found.chats, found.completes) == (chats, True)
    assert found.prompt_format == ("container" if chats else None)


@pytest.mark.parametrize(
    ("version", "refused"), [("1.1.0", False), ("1.4.0", True), ("2.3.1", True), ("2.4.0", False), ("3.2.3", False)]
)
def test_an_older_tgi_that_takes_messages_alone_is_refused(
    newest: dict[str, Deployment], version: str, refused: bool
) -> None:
    refusal = abilities(_tgi(newest[LLAMA_31], version), {"MESSAGES_API_ENABLED": "true"}).refusal

    assert (refusal is not None) is refused
    assert refusal is None or refusal.name == "messages alone"


def test_a_variable_of_the_declaration_goes_before_the_models_own(newest: dict[str, Deployment]) -> None:
    model_id = "meta-vlm-llama-3-2-11b-vision-instruct"
    declared = abilities(newest[model_id], {"MESSAGES_API_ENABLED": "false"})

    assert _of(newest, model_id).routes == ()
    assert declared.routes == ("/v1/chat/completions", "/v1/completions", "/invocations")
    assert declared.formats == ("llama-3.1-instruct",)


@pytest.mark.parametrize(
    ("release", "version", "prompt_format"), [("0.28.0", "10.0.0", None), ("0.29.0", "11.0.0", "container")]
)
def test_lmi_writes_the_beginning_of_an_answer_from_11_on(
    newest: dict[str, Deployment], release: str, version: str, prompt_format: str | None
) -> None:
    assert abilities(_lmi(newest[LLAMA_31], release, version)).prompt_format == prompt_format


def test_lmi_without_rolling_batches_takes_no_messages(newest: dict[str, Deployment]) -> None:
    assert abilities(newest[LLAMA_31]).chats
    assert not abilities(newest[LLAMA_31], {"OPTION_ROLLING_BATCH": "disable"}).chats


def test_a_model_without_a_template_of_its_own_needs_a_declared_format(newest: dict[str, Deployment]) -> None:
    falcon = _of(newest, "huggingface-llm-falcon-7b-instruct-bf16")

    assert (falcon.chats, falcon.prompt_format, falcon.formats) == (False, None, ("falcon-instruct",))


def test_a_base_model_completes_and_does_not_chat(newest: dict[str, Deployment]) -> None:
    base = _of(newest, "meta-textgeneration-llama-3-1-8b")

    assert (base.chats, base.prompt_format, base.formats) == (False, "none", ())
    assert base.routes == ("/v1/completions", "/invocations")


def test_tools_json_images_and_usage_follow_from_container_and_version(newest: dict[str, Deployment]) -> None:
    def facts(model_id: str) -> tuple[bool, bool, bool, str]:
        found = _of(newest, model_id)
        usage = found.usage_of_chats if found.prompt_format == "container" else found.usage_of_prompts
        return found.tools, found.json, found.images, usage

    assert facts("huggingface-vlm-qwen2-vl-7b-instruct") == (True, True, True, "always")
    assert facts("huggingface-llm-qwen2-5-7b-instruct") == (True, True, False, "always")
    assert facts(LLAMA_31) == (False, False, False, "whole")
    assert facts("huggingface-llm-falcon-7b-instruct-bf16") == (False, True, False, "streamed")
    assert facts("huggingface-llm-falcon-40b-instruct-bf16") == (False, False, False, "never")


def test_newer_lmi_takes_tools_where_a_parser_is_chosen_and_json_by_vllms_own_code(
    newest: dict[str, Deployment],
) -> None:
    chosen = {"OPTION_ENABLE_AUTO_TOOL_CHOICE": "true", "OPTION_TOOL_CALL_PARSER": "llama3_json"}
    older, newer = (_lmi(newest[LLAMA_31], *release) for release in (("0.31.0", "13.0.0"), ("0.33.0", "15.0.0")))

    assert not abilities(older, chosen).tools
    assert abilities(newer, chosen).tools
    assert not abilities(newer).tools
    assert (abilities(older).json, abilities(newer).json) == (False, True)
    assert (abilities(older).usage_of_chats, abilities(newer).usage_of_chats) == ("whole", "always")


def test_an_old_djl_image_is_refused_with_its_reason(newest: dict[str, Deployment]) -> None:
    gpt_j = _of(newest, "huggingface-textgeneration1-gpt-j-6b-fp16")

    assert gpt_j.refusal is not None
    assert gpt_j.refusal.name == "old DJL image"
    assert "djl-inference:0.21.0-deepspeed" in gpt_j.refusal.reason
    assert gpt_j.refusal.suggestion == "huggingface-textgeneration1-gpt-j-6b"
    assert gpt_j.routes == ()


def test_a_model_package_is_refused(newest: dict[str, Deployment]) -> None:
    package = replace(
        newest[MISTRAL], image=None, model_package="arn:aws:sagemaker:us-west-2:123456789012:model-package/x"
    )
    refusal = abilities(package).refusal

    assert refusal is not None
    assert refusal.name == "model package"


def test_a_model_of_another_kind_is_served_by_its_own_route_and_natively(newest: dict[str, Deployment]) -> None:
    assert _of(newest, "huggingface-sentencesimilarity-gte-small").routes == ("/v1/embeddings", "/invocations")
    assert _of(newest, "huggingface-asr-whisper-small").routes == ("/v1/audio/transcriptions", "/invocations")
    assert _of(newest, "huggingface-tc-bert-base-cased").routes == ("/invocations",)


def test_no_model_of_the_lock_has_a_task_that_its_container_has_no_protocol_for(newest: dict[str, Deployment]) -> None:
    found = {model_id: abilities(deployment) for model_id, deployment in newest.items()}

    assert {one.task for one in found.values()} == {"text", "embedding", "image", "transcription", "native"}
    assert all(one.container in TASK_CONTAINERS[one.task] for one in found.values())
    assert all(one.refusal or one.routes for one in found.values())
    # A default that the container cannot do would be an API that answers nothing.
    assert all(one.chats for one in found.values() if one.prompt_format == "container")
    assert not [
        problem
        for one in found.values()
        if one.prompt_format == "container" and (problem := chats_problem(one.container, one.version or None))
    ]


def test_a_model_in_an_image_of_another_kind_is_asked_in_the_images_own_form(newest: dict[str, Deployment]) -> None:
    speech = newest["huggingface-asr-whisper-small"]
    other = replace(speech, image=f"{REGISTRY}/some-inference:1.0")

    assert (abilities(speech).task, abilities(other).task) == ("transcription", "native")
    assert abilities(newest["huggingface-llm-kogai-laneformer-2b-it"]).task == "native"


def test_a_containers_software_has_a_name_and_a_version(newest: dict[str, Deployment]) -> None:
    assert _of(newest, LLAMA_31).software == "LMI 11.0.0"
    assert _of(newest, "huggingface-llm-falcon-7b-instruct-bf16").software == "TGI 2.4.0"
    assert _of(newest, "huggingface-llm-yi-1-5-9b").software == "LMI"
    assert _of(newest, "huggingface-asr-whisper-small").software == ""
