"""Heads, tables by several names, adapters, prefixes, and tensors that transformers ignores."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_import.artifacts import copies
from tests.model_import.artifacts.artifact_models import (
    HIDDEN,
    VOCABULARY,
    Model,
    as_published,
    checked,
    flan_t5,
    granite_bigcode,
    half,
    llama,
    mixtral,
    qwen,
)
from tests.model_import.artifacts.broken_models import CONFIG, Q_PROJ, with_tensor, without_tensor
from tests.model_import.artifacts.tensor_reports import EMBEDDING, HEAD, renamed, rules, said


class TestHeads:
    """Heads of their own beside a shared table, and heads that lack."""

    @pytest.mark.parametrize("make", [flan_t5, llama])
    def test_an_own_head_of_a_shared_table_is_dropped(self, tmp_path: Path, make: Callable[[Path], Model]) -> None:
        model = make(tmp_path)
        model.edit(CONFIG, tie_word_embeddings=True)
        with_tensor(model, HEAD, half(VOCABULARY, HIDDEN) + 1)
        [finding] = said(model, "head")
        assert "tie_word_embeddings is true, so that transformers 4.51.3 drops this head" in finding

    def test_an_own_head_is_dropped_where_the_class_shares_by_default(self, tmp_path: Path) -> None:
        model = granite_bigcode(tmp_path)
        with_tensor(model, HEAD, half(VOCABULARY, HIDDEN) + 1)
        [finding] = said(model, "head")
        assert "tie_word_embeddings is not set, which is true for this class" in finding

    @pytest.mark.parametrize(("scaled", "words"), [(False, "set tie_word_embeddings to false"), (True, "save the")])
    def test_of_a_t5_saved_by_transformers_5_can_be_used(self, tmp_path: Path, scaled: bool, words: str) -> None:
        model = flan_t5(tmp_path)
        model.edit(CONFIG, tie_word_embeddings=True, scale_decoder_outputs=scaled)
        with_tensor(model, HEAD, half(VOCABULARY, HIDDEN) + 1)
        [finding] = said(model, "head")
        assert f"(transformers 5 writes true for every T5: {words}" in finding

    def test_a_copy_of_the_shared_table_is_a_warning(self, tmp_path: Path) -> None:
        model = llama(tmp_path)
        model.edit(CONFIG, tie_word_embeddings=True)
        assert rules(model) == set()
        [finding] = said(model, "head", warnings=True)
        assert finding.startswith(f"tensor {HEAD}: it seems to be a copy of {EMBEDDING}")

    @pytest.mark.parametrize("row", [0, 1000, 1999])
    def test_a_large_table_is_compared_by_samples(self, tmp_path: Path, row: int) -> None:
        model = llama(tmp_path)
        model.edit(CONFIG, tie_word_embeddings=True, vocab_size=2000)
        table = np.zeros((2000, HIDDEN), dtype=np.float16)
        head = table.copy()
        head[row] = 1
        model.save({**model.tensors, EMBEDDING: table, HEAD: head})
        assert rules(model) == {"head"}
        model.shard()
        assert copies.SAMPLES * copies.SAMPLE_BYTES < 200_000

    def test_are_needed_where_nothing_is_shared(self, model: Model) -> None:
        without_tensor(model, HEAD)
        [finding] = said(model, "missing-tensor")
        # The hint of setting tie_word_embeddings would make a wrong model importable.
        assert "set" not in re.findall(r"\w+", finding)

    def test_of_mllama_have_the_rows_of_the_table_that_they_share(self, tmp_path: Path) -> None:
        model = as_published("mllama with shared tables")(tmp_path)
        head = "language_model.lm_head.weight"
        with_tensor(model, head, half(VOCABULARY, HIDDEN))
        assert "[40, 8]: text_config.vocab_size 32 + 8" in said(model, "shape")[0]


class TestTablesOfT5:
    """The table of tokens, which is a module of the encoder and of the decoder too."""

    @pytest.mark.parametrize("name", ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"])
    def test_may_be_saved_by_any_of_its_names(self, tmp_path: Path, name: str) -> None:
        model = flan_t5(tmp_path)
        renamed(model, lambda old: name if old == "shared.weight" else old)
        assert not checked(model).errors

    def test_must_have_the_same_numbers_by_all_names(self, tmp_path: Path) -> None:
        model = flan_t5(tmp_path)
        with_tensor(model, "encoder.embed_tokens.weight", half(VOCABULARY, HIDDEN))
        assert not checked(model).errors
        with_tensor(model, "encoder.embed_tokens.weight", half(VOCABULARY, HIDDEN) + 1)
        assert rules(model) == {"embedding"}


class TestAdapters:
    """Adapters that are not merged: the advice is to merge, never to make them importable otherwise."""

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (HEAD, "lm_head.modules_to_save.default.weight"),
            (HEAD, "lm_head.original_module.weight"),
            (Q_PROJ, Q_PROJ.replace("q_proj", "q_proj.base_layer")),
            (None, Q_PROJ.replace("weight", "lora_magnitude_vector.default.weight")),
            (None, "model.embed_tokens.lora_embedding_A.default"),
            (None, Q_PROJ.replace("weight", "ia3_l.default")),
        ],
    )
    def test_are_named_with_how_to_merge(self, model: Model, old: str | None, new: str) -> None:
        tensors = dict(model.tensors)
        tensors[new] = tensors.pop(old) if old else half(8)
        model.save(tensors)
        [finding] = checked(model).errors
        assert finding.rule == "adapter"
        assert finding.problem.startswith("an adapter (LoRA or another of PEFT) is not merged: 1 names hold ")
        assert "merge_and_unload()" in finding.allowed

    def test_may_be_missing_behind_the_prefix_of_peft(self, model: Model) -> None:
        renamed(model, lambda name: f"base_model.model.{name}")
        [finding] = checked(model).errors
        assert finding.rule == "adapter"
        assert finding.problem == (
            "21 of 21 names hold 'base_model.model.', which transformers does not expect; it is a PeftModel's, "
            "and nothing in the files says that its adapter is merged"
        )


class TestPrefixes:
    """Names that a training's wrappers changed."""

    @pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod.", "model.", "policy."])
    def test_are_named_with_how_to_strip_them(self, model: Model, prefix: str) -> None:
        renamed(model, lambda name: prefix + name)
        [finding] = checked(model).errors
        assert finding.rule == "prefix"
        assert finding.problem.startswith("21 of 21 names hold '")
        assert "save the model from inside of its wrapper" in finding.allowed
        assert "base_model" not in str(finding)

    def test_within_names_are_named_too(self, model: Model) -> None:
        renamed(model, lambda name: name.replace("model.", "model._fsdp_wrapped_module."))
        [finding] = checked(model).errors
        assert "'_fsdp_wrapped_module.'" in finding.problem

    def test_hide_no_other_fault(self, model: Model) -> None:
        model.edit(CONFIG, intermediate_size=8)
        renamed(model, lambda name: f"module.{name}")
        assert rules(model) == {"prefix", "shape"}

    def test_of_a_base_model_are_added_by_transformers(self, tmp_path: Path) -> None:
        model = qwen(tmp_path)
        renamed(model, lambda name: name.removeprefix("model."))
        assert rules(model) == set()
        [finding] = said(model, "prefix", warnings=True)
        assert finding.startswith("tensors: the names do not begin with 'model.'")

    def test_of_a_base_model_beside_a_head_are_refused(self, model: Model) -> None:
        renamed(model, lambda name: name.removeprefix("model."))
        assert rules(model) == {"prefix"}

    def test_of_all_tensors_of_a_t5_are_removed_by_transformers(self, tmp_path: Path) -> None:
        model = flan_t5(tmp_path)
        renamed(model, lambda name: f"transformer.{name}")
        assert rules(model) == set()
        assert said(model, "prefix", warnings=True)

    def test_of_one_tensor_of_a_t5_make_transformers_drop_all_others(self, tmp_path: Path) -> None:
        model = flan_t5(tmp_path)
        with_tensor(model, "transformer.x", half(2))
        assert "prefix" in rules(model)


class TestUnexpectedTensors:
    """Tensors that transformers ignores: harmless ones, and those without which a model answers otherwise."""

    @pytest.mark.parametrize(
        ("name", "tensor"),
        [
            ("model.embed_positions.position_ids", np.zeros((1, 8), dtype=np.int64)),
            ("model.layers.0.self_attn.bias", np.ones((8, 8), dtype=np.bool_)),
            ("model.layers.0.attn.masked_bias", half(1)),
            ("v_head.summary.weight", half(1, 8)),
        ],
    )
    def test_that_are_harmless_are_a_warning(self, model: Model, name: str, tensor: Any) -> None:
        with_tensor(model, name, tensor)
        report = checked(model)
        assert not report.errors
        assert [finding.rule for finding in report.warnings] == ["unexpected-tensor"]

    @pytest.mark.parametrize("dtype", [np.float32, np.float16, np.float64])
    def test_that_transformers_computes_itself_are_no_finding(self, model: Model, dtype: Any) -> None:
        with_tensor(model, "model.layers.0.self_attn.rotary_emb.inv_freq", np.zeros(2, dtype=dtype))
        report = checked(model)
        assert (report.errors, report.warnings) == ((), ())

    @pytest.mark.parametrize(
        "name",
        [
            "model.layers.0.self_attn.q_proj.bias",
            "model.layers.0.self_attn.q_norm.weight",
            "model.layers.0.mlp.up_proj.weight_scale",
            "lm_head.bias",
        ],
    )
    def test_of_which_the_model_consists_are_an_error(self, model: Model, name: str) -> None:
        with_tensor(model, name, half(8))
        [finding] = checked(model).errors
        assert (finding.rule, finding.place) == ("unexpected-tensor", f"tensor {name}")

    def test_of_whole_numbers_are_an_error_where_numbers_are_loaded(self, model: Model) -> None:
        with_tensor(model, "model.norm.weight", np.ones(8, dtype=np.int64))
        assert rules(model) == {"dtype"}

    def test_of_an_expert_too_many_are_one_error(self, tmp_path: Path) -> None:
        model = mixtral(tmp_path)
        model.edit(CONFIG, num_local_experts=1, num_experts_per_tok=1)
        assert rules(model) == {"experts", "shape"}
