"""Containers of models that generate no text, as the invoke shim knows them."""

from collections import Counter
from dataclasses import replace

from catalog import Deployment, Lock
from catalog.abilities import abilities
from invoke_shim.contract import TASK_CONTAINERS

REGISTRY = "763104351884.dkr.ecr.us-west-2.amazonaws.com"


def _deployment(lock: Lock, model_id: str) -> Deployment:
    model = lock.model(model_id, lock.versions(model_id)[0])
    return model.resolve(region=model.regions()[0])


def test_a_models_task_is_one_that_its_container_serves(lock: Lock) -> None:
    found = {
        model_id: abilities(_deployment(lock, model_id))
        for model_id in (
            "huggingface-sentencesimilarity-bge-m3",
            "huggingface-textembedding-all-MiniLM-L6-v2",
            "huggingface-asr-whisper-tiny",
            "model-txt2img-stabilityai-stable-diffusion-v2",
            "model-imagegeneration-stabilityai-stable-diffusion-xl-base-1-0",
            "model-inpainting-runwayml-stable-diffusion-inpainting",
            "huggingface-tc-bert-base-cased",
        )
    }
    assert Counter((one.task, one.container) for one in found.values()) == {
        ("embedding", "other"): 2,
        ("transcription", "other"): 1,
        ("image", "other"): 1,
        ("image", "stability"): 1,
        ("native", "other"): 2,
    }
    assert all(one.container in TASK_CONTAINERS[one.task] for one in found.values())


def test_a_reranker_is_asked_in_text_embeddings_inference_and_natively_elsewhere(lock: Lock) -> None:
    bge = replace(_deployment(lock, "huggingface-sentencesimilarity-bge-m3"), model_id="huggingface-reranker-bge-v2")
    served = abilities(replace(bge, image=f"{REGISTRY}/tei:2.0.1-tei1.8.2-gpu-py310-cu122-ubuntu22.04"))
    assert (served.task, served.container) == ("rerank", "tei")
    assert abilities(bge).task == "native"
