"""Mistakes of the weights that Bedrock imports, with the exact line of each."""

from stacks.declarations import BedrockImport
from stacks.environments import DEV
from stacks.models import FALCON_7B, FALCON_180B
from tests.stacks.preflight.mistakes.import_makers import BUCKET_FORM, FAMILIES, KEY, at, base, from_sagemaker, imported
from tests.stacks.preflight.mistakes.makers import Case, env

ERRORS: list[Case] = [
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
]
WARNINGS: list[Case] = [
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
        "weights-key-account",
        env(account="444455556666"),
        [at(key_arn=KEY)],
        f"dev/m.weights.key_arn is '{KEY}': it belongs to account 111122223333, and the bucket to 444455556666",
    ),
]
