"""Valid models are accepted, broken ones refused with the right finding, all findings at once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open

from localaws.bedrock import architectures
from localaws.bedrock import artifacts as bedrock
from model_import.artifacts import limits
from model_import.artifacts.architectures import FAMILIES
from model_import.artifacts.findings import ArtifactError, Finding, Report
from model_import.artifacts.folder import File, LocalFolder
from model_import.artifacts.report import check
from tests.model_import.artifacts.artifact_models import (
    HIDDEN,
    TEMPLATE,
    VALID,
    Model,
    bpe,
    checked,
    flan_t5,
    half,
    llama_2,
    mixtral,
    rules_and_places,
)
from tests.model_import.artifacts.broken_models import (
    BROKEN,
    CONFIG,
    INDEX,
    TOKENIZER_CONFIG,
    WEIGHTS,
    cut,
    gpt_oss,
    header_of,
)
from tools.artifacts import text


@pytest.mark.parametrize("kind", VALID)
def test_accepts_a_valid_model(tmp_path: Path, kind: str) -> None:
    report = checked(VALID[kind](tmp_path))
    assert not report.errors
    assert not report.warnings


@pytest.mark.parametrize("kind", VALID)
def test_accepts_a_valid_model_in_shards(tmp_path: Path, kind: str) -> None:
    model = VALID[kind](tmp_path)
    names = model.shard(3)
    report = checked(model)
    assert not report.errors
    assert not report.warnings
    assert report.facts["shards"] == len(names)


def test_reports_the_facts_of_the_model(model: Model) -> None:
    facts = checked(model).facts
    assert facts["architecture"] == "LlamaForCausalLM"
    assert facts["contextTokens"] == 8192
    assert facts["weightBytes"] == model.weights.stat().st_size
    assert facts["parameters"] == sum(tensor.size for tensor in model.tensors.values())
    assert facts["chatTemplate"] is True
    assert facts["converse"] is True


@pytest.mark.parametrize("kind", BROKEN)
def test_refuses_a_model_with(model: Model, kind: str) -> None:
    breaks, rule, words = BROKEN[kind]
    breaks(model)
    errors = checked(model).errors
    assert rule in {finding.rule for finding in errors}
    said = [str(finding) for finding in errors if finding.rule == rule]
    assert any(words in text for text in said), said


@pytest.mark.parametrize(
    "kind",
    ["weights packed", "weights one level below", "another architecture", "a tensor missing", "an adapter"],
)
def test_says_one_thing_of_one_mistake(model: Model, kind: str) -> None:
    BROKEN[kind][0](model)
    assert len(checked(model).errors) == 1


def test_reports_all_mistakes_at_once(model: Model) -> None:
    for kind in (
        "another architecture",
        "too much context",
        "no text as a chat template in a file of its own",
        "a number as a tokenizer class",
    ):
        BROKEN[kind][0](model)
    cut(model, model.weights.stat().st_size - 1)
    assert {"architecture", "tokenizer-class", "chat-template", "truncated"} <= {f.rule for f in checked(model).errors}


def test_says_once_that_all_weights_have_a_wrong_type(model: Model) -> None:
    model.save({name: tensor.astype(np.float64) for name, tensor in model.tensors.items()})
    [error] = [finding for finding in checked(model).errors if finding.rule == "dtype"]
    assert error.problem == f"it is 'F64', as are {len(model.tensors) - 1} more"


@pytest.mark.parametrize(
    ("named", "meant"),
    [
        *((name.lower(), name) for name in limits.ARCHITECTURES),
        ("LamaForCausalLM", "LlamaForCausalLM"),
        ("MixtrallForCausalLM", "MixtralForCausalLM"),
        ("LlamaForCasualLM", "LlamaForCausalLM"),
        ("Qwen25VLForConditionalGeneration", "Qwen2_5_VLForConditionalGeneration"),
        *(
            (other, None)
            for other in (
                *("FalconForCausalLM", "Llama4ForCausalLM", "MinistralForCausalLM", "Mistral3ForConditionalGeneration"),
                *("Qwen2MoeForCausalLM", "Qwen3NextForCausalLM", "LlamaForSequenceClassification", "MT5ForCausalLM"),
                *(
                    "Qwen2ForTokenClassification",
                    "Gemma3ForCausalLM",
                    "MllamaForCausalLM",
                    "T5EncoderModel",
                    "x" * 9999,
                ),
            )
        ),
    ],
)
def test_asks_for_a_class_only_where_it_may_be_misspelt(model: Model, named: str, meant: str | None) -> None:
    model.edit(CONFIG, architectures=[named.replace("for", "For")])
    [finding] = [each for each in checked(model).errors if each.rule == "architecture"]
    said = finding.allowed.partition("allowed:")[0]
    assert said == (f"did you mean {meant}? " if meant else "")


@pytest.mark.parametrize("region", ["eu-west-1", "", "us-west-1"])
def test_refuses_a_region_without_imports(model: Model, region: str) -> None:
    [finding] = checked(model, region=region).errors
    assert finding.rule == "region"
    assert finding.allowed == "us-east-1, us-east-2, us-west-2, eu-central-1"


def test_needs_no_region_on_a_laptop(model: Model) -> None:
    assert not checked(model, region=None).errors


def test_takes_gpt_oss_as_published_in_its_one_region(model: Model) -> None:
    gpt_oss(model)
    assert not checked(model, region="us-east-1").errors
    [finding] = checked(model, region="us-west-2").errors
    assert (finding.rule, finding.allowed) == ("region", "us-east-1")


def test_refuses_an_index_of_gpt_oss_with_a_total_of_parameters(model: Model) -> None:
    gpt_oss(model)
    weight_map = {name: WEIGHTS for name in header_of(model.weights)[0] if name != "__metadata__"}
    model.write(INDEX, {"metadata": {"total_parameters": 1}, "weight_map": weight_map})
    assert rules_and_places(checked(model, region="us-east-1").errors) == {("index", f"{INDEX}, metadata")}


def warned(model: Model) -> list[Finding]:
    report = checked(model)
    assert not report.errors
    return list(report.warnings)


def test_warns_of_a_context_at_the_documented_limit(model: Model) -> None:
    model.edit(CONFIG, max_position_embeddings=131_072)
    [finding] = warned(model)
    assert finding.rule == "context"


@pytest.mark.parametrize("positions", [32_768, 131_071])
def test_takes_positions_that_linear_scaling_has_stretched_and_warns(model: Model, positions: int) -> None:
    model.edit(CONFIG, max_position_embeddings=positions, rope_scaling={"type": "linear", "factor": 8.0})
    [finding] = warned(model)
    assert finding.problem == f"it is {positions}, and rope_scaling stretches positions by 8.0"
    assert finding.allowed.startswith(f"{positions} if that is the stretched length; if not, the model has ")
    assert checked(model).facts["contextTokens"] == positions


@pytest.mark.parametrize("field", ["text_config", "decoder", "generator"])
def test_refuses_a_configuration_of_the_text_model_that_its_class_does_not_have(model: Model, field: str) -> None:
    model.edit(CONFIG, **{field: {"hidden_size": HIDDEN}})
    assert ("nested-config", f"{CONFIG}, {field}") in rules_and_places(checked(model).errors)
    model.edit(CONFIG, **{field: None}, text_encoder={"hidden_size": HIDDEN})
    assert not checked(model).errors


@pytest.mark.parametrize("absent", ["text_config", "vision_config"])
def test_refuses_llama_3_2_vision_without_the_configurations_within(model: Model, absent: str) -> None:
    document = json.loads((model.folder / CONFIG).read_bytes())
    nested: dict[str, Any] = {"text_config": document, "vision_config": {}, absent: "none"}
    model.edit(CONFIG, architectures=["MllamaForConditionalGeneration"], model_type="mllama", **nested)
    assert ("nested-config", f"{CONFIG}, {absent}") in rules_and_places(checked(model).errors)


def test_warns_of_a_model_without_chat_template(model: Model) -> None:
    model.edit(TOKENIZER_CONFIG, chat_template=None)
    [finding] = warned(model)
    assert "Converse and chat completions will not work" in str(finding)
    assert "no chat template, so neither Converse nor chat completions" in text(checked(model))
    assert checked(model).facts["converse"] is False


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("chat_template.jinja", TEMPLATE.encode()),
        ("chat_template.json", json.dumps({"chat_template": TEMPLATE}).encode()),
        (
            "tokenizer_config.json",
            json.dumps(
                {
                    "tokenizer_class": "PreTrainedTokenizerFast",
                    "chat_template": [{"name": "default", "template": TEMPLATE}, {"name": "rag", "template": "x"}],
                }
            ).encode(),
        ),
    ],
)
def test_takes_a_chat_template_from_any_one_place(model: Model, name: str, body: bytes) -> None:
    model.edit(TOKENIZER_CONFIG, chat_template=None)
    model.put(name, body)
    assert not warned(model)
    assert checked(model).facts["chatTemplate"] is True


_SEPARATE = {
    "chat_template.jinja": TEMPLATE.encode(),
    "chat_template.json, chat_template": json.dumps({"chat_template": TEMPLATE}).encode(),
}


@pytest.mark.parametrize("place", _SEPARATE)
@pytest.mark.parametrize(
    ("embedded", "count"),
    [
        (TEMPLATE, "2 equal chat templates"),
        ([{"name": "default", "template": TEMPLATE}], "2 equal chat templates"),
        ("{{ other }}", "2 chat templates that DIFFER, so that the model may be prompted by the wrong one"),
        (" ", "2 chat templates that DIFFER, so that the model may be prompted by the wrong one"),
    ],
)
def test_takes_two_chat_templates_and_warns_which_one_is_used(
    model: Model, place: str, embedded: object, count: str
) -> None:
    model.edit(TOKENIZER_CONFIG, chat_template=embedded)
    model.put(place.partition(",")[0], _SEPARATE[place])
    [finding] = warned(model)
    assert finding.problem == f"there are {count}: {place} is used, and {TOKENIZER_CONFIG}, chat_template is ignored"
    assert checked(model).facts["chatTemplate"] is True


def test_warns_of_two_files_with_chat_templates_that_aws_documents_no_order_of(model: Model) -> None:
    model.edit(TOKENIZER_CONFIG, chat_template=None)
    for place, body in _SEPARATE.items():
        model.put(place.partition(",")[0], body)
    [finding] = warned(model)
    assert finding.problem.startswith("there are 2 equal chat templates: chat_template.jinja and chat_template.json, ")
    assert finding.problem.endswith("; AWS does not document which of them is used")


@pytest.mark.parametrize(
    "template",
    [5, True, [{"name": "default", "template": TEMPLATE}, 1], [{"name": "default", "template": TEMPLATE}, {}]],
)
def test_refuses_a_chat_template_of_another_form(model: Model, template: object) -> None:
    model.edit(TOKENIZER_CONFIG, chat_template=template)
    assert rules_and_places(checked(model).errors) == {("chat-template", "tokenizer_config.json, chat_template")}


def test_takes_chat_templates_by_name(model: Model) -> None:
    model.edit(TOKENIZER_CONFIG, chat_template={"default": TEMPLATE, "rag": "x"})
    assert not checked(model).errors
    model.edit(TOKENIZER_CONFIG, chat_template={"rag": "x"})
    assert checked(model).errors


@pytest.mark.parametrize("named", [[], [{"name": "rag", "template": TEMPLATE}], [{"name": [], "template": "x"}, 1]])
def test_refuses_named_chat_templates_without_a_default(model: Model, named: list[Any]) -> None:
    model.edit(TOKENIZER_CONFIG, chat_template=named)
    assert rules_and_places(checked(model).errors) == {("chat-template", "tokenizer_config.json, chat_template")}


def test_expects_no_converse_of_qwen(tmp_path: Path) -> None:
    assert checked(VALID["qwen-2.5"](tmp_path)).facts["converse"] is False


@pytest.mark.parametrize(
    ("kind", "fields", "context"),
    [
        ("llama-3", {}, "8192 tokens of context"),
        ("flan-t5", {}, "no limit of context"),
        ("llama-3", {"max_position_embeddings": None}, "context unknown"),
    ],
)
def test_says_what_is_known_of_the_context(tmp_path: Path, kind: str, fields: dict[str, Any], context: str) -> None:
    model = VALID[kind](tmp_path)
    model.edit(CONFIG, **fields)
    assert f", {context}; Converse is supported" in text(checked(model))


def test_warns_of_a_newer_transformers(model: Model) -> None:
    model.edit(CONFIG, transformers_version="4.52.0")
    [finding] = warned(model)
    assert finding.problem == "saved by transformers 4.52.0, and Bedrock loads with 4.51.3"


def test_warns_of_pickles_and_archives_beside_the_weights(model: Model) -> None:
    model.put("training_args.bin", b"pickle")
    model.put("model.tar.gz", b"packed")
    found = rules_and_places(tuple(warned(model)))
    assert found == {("not-safetensors", "training_args.bin"), ("packed", "model.tar.gz")}


def test_warns_of_a_total_size_that_is_not_the_shards(model: Model) -> None:
    model.shard()
    model.edit(INDEX, metadata={"total_size": 1})
    [finding] = warned(model)
    assert "total_size is 1, and the shards have" in str(finding)


def test_warns_of_weights_that_are_converted(model: Model) -> None:
    model.edit(CONFIG, torch_dtype="bfloat16")
    [finding] = warned(model)
    assert finding.place == "config.json, torch_dtype"


def test_warns_of_added_tokens_without_an_embedding(model: Model) -> None:
    tokenizer = bpe()
    tokenizer.add_special_tokens(["[PAD]"])
    tokenizer.save(str(model.folder / "tokenizer.json"))
    [finding] = warned(model)
    assert finding.problem == "an added token has the id 32, and the model 32 embeddings"


def test_compares_the_ids_of_a_unigram_tokenizer_too(tmp_path: Path) -> None:
    model = flan_t5(tmp_path)
    model.edit(CONFIG, vocab_size=20)
    model.save({**model.tensors, "shared.weight": half(20, HIDDEN), "lm_head.weight": half(20, HIDDEN)})
    assert ("vocabulary", "tokenizer.json") in rules_and_places(checked(model).errors)


def test_misses_an_expert_of_a_mixture(tmp_path: Path) -> None:
    model = mixtral(tmp_path)
    model.edit(CONFIG, num_local_experts=3)
    said = [str(finding) for finding in checked(model).errors if finding.rule == "experts"]
    assert said == [
        "tensors model.layers.*.block_sparse_moe.experts.*: the weights have 2 experts (0 to 1) "
        "(3, 0 to 2: num_local_experts 3 of config.json)"
    ]


def test_misses_a_layer_of_a_decoder_whose_number_is_the_encoders(tmp_path: Path) -> None:
    model = flan_t5(tmp_path)
    model.edit(CONFIG, num_layers=3, num_decoder_layers=None)
    assert ("layers", "tensors decoder.block.*") in rules_and_places(checked(model).errors)


def test_needs_tokenizer_model_for_the_slow_class_alone(tmp_path: Path) -> None:
    model = llama_2(tmp_path)
    model.remove("tokenizer.model")
    assert rules_and_places(checked(model).errors) == {("missing-file", "tokenizer.model")}
    model.edit(TOKENIZER_CONFIG, tokenizer_class="LlamaTokenizerFast")
    assert not checked(model).errors


class Pretending(LocalFolder):
    """A folder whose weights are said to be larger than they are."""

    def __init__(self, path: Path, size: int) -> None:
        super().__init__(path)
        self._size = size

    def files(self) -> dict[str, File]:
        return {**super().files(), WEIGHTS: File(self._size)}


@pytest.mark.parametrize(
    ("architecture", "model_type", "limit"),
    [
        ("LlamaForCausalLM", "llama", 200_000_000_000),
        ("Qwen2VLForConditionalGeneration", "qwen2_vl", 100_000_000_000),
    ],
)
def test_refuses_weights_at_the_limit_and_none_below(
    model: Model, architecture: str, model_type: str, limit: int
) -> None:
    model.edit(CONFIG, architectures=[architecture], model_type=model_type)

    def refused(size: int) -> bool:
        report = check(Pretending(model.folder, size))
        return "too-large" in {finding.rule for finding in report.errors}

    assert refused(limit)
    assert not refused(limit - 1)


def test_refuses_a_folder_that_is_not_there(tmp_path: Path) -> None:
    report = check(LocalFolder(tmp_path / "absent"))
    assert [finding.rule for finding in report.errors] == ["no-folder"]


def test_refuses_a_file_in_the_place_of_a_folder(model: Model) -> None:
    report = check(LocalFolder(model.weights))
    assert [finding.rule for finding in report.errors] == ["not-a-folder"]


def test_changes_the_version_with_the_content_alone(model: Model) -> None:
    before = checked(model).facts["version"]
    model.put(".cache/lock", b"")
    model.put(".gitattributes", b"")
    assert checked(model, region="us-east-1").facts["version"] == before
    model.edit(CONFIG, eos_token_id=2)
    assert checked(model).facts["version"] != before


def test_says_everything_in_a_cause_of_step_functions(model: Model) -> None:
    for kind in (
        "another architecture",
        "a number as a tokenizer class",
        "no text as a chat template in a file of its own",
    ):
        BROKEN[kind][0](model)
    message = str(ArtifactError(checked(model)))
    assert message.splitlines()[0].endswith("cannot be imported, 3 errors:")
    assert len(message.splitlines()) == 4


def test_bounds_an_error_and_keeps_it_ascii(model: Model) -> None:
    finding = checked(model, region="nowhere").errors[0]._replace(place="Käse", problem="x" * 3000)
    message = str(ArtifactError(Report("s3://bucket/", (finding,) * 40, (), {})))
    assert len(message) <= 8000
    assert message.isascii()
    assert message.endswith("(cut; check it locally)")


def test_the_real_library_reads_what_is_accepted(model: Model) -> None:
    assert not checked(model).errors
    with safe_open(model.weights, framework="numpy") as weights:
        assert set(weights.keys()) == set(model.tensors)


def test_the_tensors_of_every_architecture_are_known() -> None:
    assert set(FAMILIES) == set(limits.ARCHITECTURES)


@dataclass
class StandInFiles:
    """A folder as the stand-in Bedrock sees it."""

    folder: LocalFolder
    uri: str = "s3://bucket/model/"
    region: str = "us-west-2"

    def sizes(self) -> dict[str, int]:
        return {name: file.size for name, file in self.folder.files().items()}

    def read(self, name: str, start: int = 0, end: int | None = None) -> bytes:
        return self.folder.read(name, start, (self.sizes()[name] if end is None else end) - start)


@pytest.mark.parametrize("kind", VALID)
def test_agrees_with_the_stand_in_bedrock_on_a_valid_model(tmp_path: Path, kind: str) -> None:
    model = VALID[kind](tmp_path)
    model.shard()
    stand_in = bedrock.check(StandInFiles(LocalFolder(model.folder)))
    facts = checked(model).facts
    assert (stand_in.architecture, stand_in.has_chat_template) == (facts["architecture"], facts["chatTemplate"])
    assert stand_in.weight_bytes == facts["weightBytes"]


def test_takes_what_the_stand_in_bedrock_takes() -> None:
    assert set(limits.ARCHITECTURES) == architectures.ARCHITECTURES
    assert set(limits.TOKENIZERS) == architectures.TOKENIZERS
    assert limits.REGIONS == architectures.REGIONS
    assert {name for name, kind in limits.ARCHITECTURES.items() if not kind.converse} == architectures.WITHOUT_CONVERSE
    assert {name for name, kind in limits.ARCHITECTURES.items() if kind.multimodal} == architectures.MULTIMODAL
