"""Each class of mistake of models that Bedrock serves, with the exact line that says so."""

from dataclasses import replace
from typing import Any

from stacks.declarations import BedrockImport, FineTunedModel, ImportedModel, Model, S3Weights, SageMakerWeights
from stacks.environments import DEV, Environment
from stacks.models import FALCON_7B, FALCON_180B, LLAMA_3_2_3B_10K

KEY = "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
FAMILIES = (
    "Llama 2 to 3.3, Llama 3.2 Vision, Code Llama, Mistral, Mixtral, Flan-T5, StarCoder, Granite Code, Qwen2, Qwen2.5, "
    "Qwen2-VL, Qwen2.5-VL, Qwen3, GPT-OSS"
)
BUCKET_FORM = "a bucket's name: 3 to 63 lower-case letters, digits, hyphens and single dots, no ip address"
WRITTEN = "Bedrock writes a chat's prompt by the template in the weights"

Case = tuple[str, Environment, list[Model], str]


def imported(body: Any = "chat", **changes: Any) -> ImportedModel:
    """Return a model whose weights exist; changes of the import and of the weights go where they belong."""
    declared: dict[str, Any] = {"name": "m", "weights": weights(), "bedrock": BedrockImport(body=body), **changes}
    return ImportedModel(**declared)


def bedrock(**changes: Any) -> ImportedModel:
    return imported(bedrock=BedrockImport(**changes))


def weights(**changes: Any) -> S3Weights:
    return S3Weights(**{"bucket": "models", "prefix": "llama/1/", **changes})


def at(**changes: Any) -> ImportedModel:
    return imported(weights=weights(**changes))


def from_sagemaker(**changes: Any) -> ImportedModel:
    return imported(weights=SageMakerWeights(bucket="models", prefix="out/", **changes))


def tuned(body: Any = "completion", **changes: Any) -> FineTunedModel:
    declared: dict[str, Any] = {"name": "m", "bedrock": BedrockImport(body=body), **changes}
    return replace(LLAMA_3_2_3B_10K, **declared)


def base(model_id: str, version: str = "1.0.0", **changes: Any) -> FineTunedModel:
    return tuned(**{"model_id": model_id, "version": version, "accept_eula": False, **changes})


def env(**changes: Any) -> Environment:
    return replace(DEV, **changes)


_UNUSED: list[Case] = [
    (
        "no-use-with-bedrock",
        DEV,
        [tuned(**{field: value})],
        f"dev/m.{field} is {shown}: with bedrock there is no endpoint, and this has no use; try leaving it out",
    )
    for field, value, shown in [
        ("instance_type", "ml.g5.2xlarge", "'ml.g5.2xlarge'"),
        ("unlisted_instance_type", "tried", "'tried'"),
        ("instance_count", 2, "2"),
        ("environment", {"OPTION_QUANTIZE": "awq"}, "variables"),
        ("gather_stream", True, "True"),
        ("download_timeout_seconds", 600, "600"),
        ("startup_timeout_seconds", 600, "600"),
    ]
]
ERRORS: list[Case] = [
    *_UNUSED,
    (
        "no-model-import",
        DEV,
        [imported(region="eu-west-1")],
        "dev/m.region is 'eu-west-1': Bedrock's Custom Model Import is not there; allowed: us-east-1, us-east-2, "
        "us-west-2, eu-central-1; try eu-central-1",
    ),
    (
        "no-model-import",
        env(region="us-west-1"),
        [imported(), imported(name="n")],
        "dev.region is 'us-west-1': Bedrock's Custom Model Import is not there; allowed: us-east-1, us-east-2, "
        "us-west-2, eu-central-1; try us-west-2",
    ),
    (
        "no-model-import",
        DEV,
        [imported(region="ap-southeast-2")],
        "dev/m.region is 'ap-southeast-2': Bedrock's Custom Model Import is not there; allowed: us-east-1, us-east-2, "
        "us-west-2, eu-central-1; try us-west-2",
    ),
    (
        "no-model-import",
        DEV,
        [imported(region="us-gov-west-1")],
        "dev/m.region is 'us-gov-west-1': Bedrock's Custom Model Import is not there; allowed: us-east-1, us-east-2, "
        "us-west-2, eu-central-1",
    ),
    (
        "no-model-import",
        DEV,
        [base("huggingface-reasoning-gpt-oss-20b")],
        "dev.region is 'us-west-2': Bedrock imports GPT-OSS, which dev/m is, elsewhere only; allowed: us-east-1",
    ),
    (
        "import-name-too-long",
        DEV,
        [imported(name="m" * 43)],
        f"dev/{'m' * 43}.name is '{'m' * 43}': with the environment's name it has 47 characters, and the names of "
        "versions and jobs end in the hash of their content; allowed: 46 characters together",
    ),
    (
        "pipeline-name-too-long",
        DEV,
        [tuned(name="m" * 40)],
        f"dev/{'m' * 40}.name is '{'m' * 40}': with the environment's name it has 44 characters, and models and "
        "configs end in the hash of a release; allowed: 43 characters together",
    ),
    (
        "import-body",
        DEV,
        [imported("messages")],
        "dev/m.bedrock.body is 'messages'; allowed: chat, completion, native, converse",
    ),
    (
        "import-prompt-format",
        DEV,
        [imported("completion")],
        "dev/m.prompt_format is None: the body 'completion' takes a prompt, which a format makes of a chat; allowed: a "
        "prompt format, or 'none' for completions alone",
    ),
    (
        "import-prompt-format",
        DEV,
        [imported("native")],
        "dev/m.prompt_format is None: the body 'native' takes a prompt, which a format makes of a chat; allowed: a "
        "prompt format, or 'none' for completions alone",
    ),
    (
        "import-prompt-format",
        DEV,
        [imported("converse", prompt_format="llama-3-instruct")],
        f"dev/m.prompt_format is 'llama-3-instruct': with the body 'converse' {WRITTEN}; allowed: None; try leaving it "
        "out",
    ),
    (
        "unknown-prompt-format",
        DEV,
        [imported("completion", prompt_format="granite")],
        "dev/m.prompt_format is 'granite'; allowed: chatml, falcon-chat, falcon-instruct, granite-code, "
        "llama-3-instruct, llama-3.1-instruct, mistral-instruct, mistral-instruct-v0.3, mixtral-instruct, none, "
        "template; try granite-code",
    ),
    (
        "prompt-template",
        DEV,
        [imported(prompt_template="{}")],
        "dev/m.prompt_template is a template; allowed: a template with the prompt format 'template', and None with "
        "any other",
    ),
    (
        "import-template",
        DEV,
        [tuned("converse")],
        "dev/m.bedrock.body is 'converse': Converse takes no prompts, so that nothing can be asked by prompt_template; "
        "allowed: chat, completion, native; try 'completion'",
    ),
    (
        "no-converse",
        DEV,
        [base("huggingface-llm-qwen2-5-7b-instruct", bedrock=BedrockImport(body="converse"))],
        "dev/m.bedrock.body is 'converse': Converse does not work with imported models of the architecture "
        "Qwen2ForCausalLM, huggingface-llm-qwen2-5-7b-instruct's; allowed: chat, completion, native; try 'chat'",
    ),
    (
        "cannot-import",
        DEV,
        [base(FALCON_7B.model_id)],
        "dev/m.model_id is 'huggingface-llm-falcon-7b-bf16': Custom Model Import does not take its architecture, "
        f"FalconForCausalLM; allowed: {FAMILIES}; try serving it by an endpoint, without bedrock",
    ),
    (
        "import-too-large",
        DEV,
        [base(FALCON_180B.model_id, FALCON_180B.version)],
        "dev/m.model_id is 'huggingface-llm-falcon-180b-bf16': it has 335 GB of weights, and twice that in FP32; "
        "allowed: less than 200 GB for a text model",
    ),
    (
        "keep-versions",
        DEV,
        [bedrock(keep_versions=0)],
        "dev/m.bedrock.keep_versions is 0; allowed: 1 to 10",
    ),
    (
        "smoke-test",
        DEV,
        [bedrock(smoke_prompt=" ")],
        "dev/m.bedrock.smoke_prompt is ' '; allowed: a text, or None",
    ),
    (
        "smoke-test",
        DEV,
        [bedrock(smoke_expect="")],
        "dev/m.bedrock.smoke_expect is ''; allowed: a text, or None",
    ),
    (
        "smoke-test",
        DEV,
        [bedrock(smoke_prompt="ü" * 501)],
        "dev/m.bedrock.smoke_prompt is 1002 bytes long; allowed: at most 1000 bytes",
    ),
    (
        "import-network",
        DEV,
        [bedrock(in_vpc=True)],
        "dev/m.bedrock.in_vpc is True: dev.network is None, so that import jobs have no network to run in; allowed: "
        "False, or a network of the environment",
    ),
    (
        "import-tag",
        replace(DEV, tags={"team": "Köln"}),
        [bedrock()],
        "dev.tags['team'] is 'Köln'; allowed: letters without marks, digits, spaces and ._:/=+@- in keys and values",
    ),
    (
        "weights-bucket",
        DEV,
        [at(bucket="Models")],
        f"dev/m.weights.bucket is 'Models'; allowed: {BUCKET_FORM}",
    ),
    (
        "weights-bucket",
        DEV,
        [at(bucket="s3://models/llama")],
        f"dev/m.weights.bucket is 's3://models/llama'; allowed: {BUCKET_FORM}; try 'models', and what follows it as "
        "the prefix",
    ),
    (
        "weights-bucket",
        DEV,
        [at(bucket="sagemaker-{region}-{partition}")],
        "dev/m.weights.bucket is 'sagemaker-{region}-{partition}'; allowed: of braces {account} and {region}, which "
        "stand for the stack's own",
    ),
    (
        "weights-bucket",
        DEV,
        [at(bucket=f"{'m' * 52}-" + "{account}")],
        f"dev/m.weights.bucket is '{'m' * 52}-{{account}}'; allowed: {BUCKET_FORM}",
    ),
    (
        "weights-prefix",
        DEV,
        [at(prefix="/llama/1")],
        "dev/m.weights.prefix is '/llama/1'; allowed: a prefix that ends, and does not begin, with /; try 'llama/1/'",
    ),
    (
        "weights-prefix",
        DEV,
        [at(prefix="llama 3/")],
        "dev/m.weights.prefix is 'llama 3/'; allowed: letters, digits and !-_.*'() between single slashes",
    ),
    (
        "weights-prefix",
        DEV,
        [at(prefix="llama//1/")],
        "dev/m.weights.prefix is 'llama//1/'; allowed: letters, digits and !-_.*'() between single slashes; try "
        "'llama/1/'",
    ),
    (
        "weights-prefix",
        DEV,
        [at(prefix="llama/1/model.safetensors")],
        "dev/m.weights.prefix is 'llama/1/model.safetensors': it names a file; allowed: what the keys of all files "
        "begin with; try 'llama/1/'",
    ),
    (
        "weights-prefix",
        DEV,
        [at(prefix="a" * 954 + "/")],
        f"dev/m.weights.prefix is '{'a' * 954}/'; allowed: at most 954 characters",
    ),
    (
        "weights-packed",
        DEV,
        [at(prefix="job/output/model.tar.gz")],
        "dev/m.weights.prefix is 'job/output/model.tar.gz': Bedrock reads files that lie below a prefix, and unpacks "
        "nothing; try unpacking it (aws s3 cp s3://models/job/output/model.tar.gz . && mkdir model && tar -xf "
        "model.tar.gz -C model && aws s3 sync model s3://models/job/output/model/) and 'job/output/model/'",
    ),
    (
        "weights-account",
        DEV,
        [at(account="1234")],
        "dev/m.weights.account is '1234'; allowed: 12 digits, or None",
    ),
    (
        "weights-key",
        DEV,
        [at(key_arn="alias/models")],
        "dev/m.weights.key_arn is 'alias/models'; allowed: arn:aws:kms:us-west-2:<account>:key/<id>; an alias is none",
    ),
    (
        "weights-key",
        DEV,
        [at(key_arn=KEY.replace("us-west-2", "us-east-1"))],
        f"dev/m.weights.key_arn is '{KEY.replace('us-west-2', 'us-east-1')}'; allowed: one of region us-west-2, where "
        "the bucket must be",
    ),
    (
        "weights-source",
        DEV,
        [from_sagemaker()],
        "dev/m.weights is without model_name and training_job; allowed: one of them, or S3Weights",
    ),
    (
        "weights-source",
        DEV,
        [from_sagemaker(model_name="one", training_job="other")],
        "dev/m.weights is with model_name and training_job; allowed: one of them, or S3Weights",
    ),
    (
        "weights-source",
        DEV,
        [from_sagemaker(training_job="llama_tuning")],
        "dev/m.weights.training_job is 'llama_tuning'; allowed: 1 to 63 letters, digits and inner hyphens",
    ),
    (
        "quota-form",
        env(imported_models=0),
        [imported()],
        "dev.imported_models is 0; allowed: 1 or more",
    ),
    (
        "imports-over-quota",
        DEV,
        [imported(name=name) for name in "abcd"],
        "dev.imported_models is 3: the environment imports 4 models in us-west-2, of which each keeps a version at "
        "least; allowed: 3 or fewer, or a raised quota 'Imported models per account' (L-45B04988)",
    ),
    (
        "eula-not-accepted",
        DEV,
        [tuned(accept_eula=False)],
        "dev/m.accept_eula is False: meta-textgeneration-llama-3-2-3b-instruct 1.0.6 has an end-user licence agreement "
        "(https://jumpstart-cache-prod-us-west-2.s3.us-west-2.amazonaws.com/fmhMetadata/eula/llama3_2Eula.txt): read "
        "it, and set accept_eula=True if you accept it; you are then responsible for keeping to its terms",
    ),
]
WARNINGS: list[Case] = [
    (
        "keep-versions",
        DEV,
        [bedrock(keep_versions=4)],
        "dev/m.bedrock.keep_versions is 4: dev.imported_models is 3, so that the oldest go earlier, to make room; try "
        "3",
    ),
    (
        "cannot-import",
        DEV,
        [base("huggingface-llm-writer-palmyra-small")],
        "dev/m.model_id is 'huggingface-llm-writer-palmyra-small': its id does not tell whether Custom Model Import "
        f"takes its architecture; allowed: {FAMILIES}; try ./jumpstack artifacts check on the base model's files",
    ),
    (
        "import-too-large",
        DEV,
        [base("huggingface-llm-mixtral-8x22B")],
        "dev/m.model_id is 'huggingface-llm-mixtral-8x22B': it has 352 GB of weights (an estimate from its id), and "
        "twice that in FP32; allowed: less than 200 GB for a text model",
    ),
    (
        "import-too-large",
        DEV,
        [base("meta-vlm-llama-3-2-90b-vision-instruct")],
        "dev/m.model_id is 'meta-vlm-llama-3-2-90b-vision-instruct': it has 180 GB of weights (an estimate from its "
        "id), and twice that in FP32; allowed: less than 100 GB for a multimodal model",
    ),
    (
        "no-chat-template",
        DEV,
        [base("huggingface-llm-mistral-7b", method="domain", prompt_format="none", bedrock=BedrockImport(body="chat"))],
        "dev/m.bedrock.body is 'chat': huggingface-llm-mistral-7b is a base model, whose files hardly have the chat "
        "template that the body needs; try 'completion', or the model that was trained to chat",
    ),
    (
        "import-template",
        DEV,
        [tuned("chat")],
        f"dev/m.bedrock.body is 'chat': {WRITTEN}, so that only requests with fields are asked by prompt_template; try "
        "'completion'",
    ),
    (
        "weights-key-account",
        env(account="444455556666"),
        [at(key_arn=KEY)],
        f"dev/m.weights.key_arn is '{KEY}': it belongs to account 111122223333, and the bucket to 444455556666",
    ),
    (
        "import-room",
        DEV,
        [imported(), tuned(name="n")],
        "dev.imported_models is 3: an update of dev/m or dev/n takes 4 in us-west-2: the served version stays until "
        "the new one serves, beside the 2 that the others keep; try keep_versions=1 for each, or 4, with a raised "
        "quota 'Imported models per account' (L-45B04988)",
    ),
    (
        "import-room",
        env(imported_models=1),
        [imported()],
        "dev.imported_models is 1: an update of dev/m takes 2 in us-west-2: the served version stays until the new one "
        "serves; try 2, with a raised quota 'Imported models per account' (L-45B04988)",
    ),
]
