"""The declared models, and the environments that run each."""

import json

from stacks.declarations import BedrockImport, FineTunedModel, ImportedModel, JumpStartModel, Model, S3Weights
from stacks.environments import DEV, PROD, STAGING, Environment

ARCTIC_INSTRUCT = JumpStartModel(
    name="arctic-instruct",
    model_id="huggingface-llm-snowflake-arctic-instruct-vllm",
    version="1.2.4",
    prompt_format="chatml",
    instance_type="ml.p5.48xlarge",
    # The announcement of the model in JumpStart names this region.
    region="us-east-2",
)
FALCON_7B = JumpStartModel(
    name="falcon-7b",
    model_id="huggingface-llm-falcon-7b-bf16",
    version="4.1.23",
    prompt_format="none",
    instance_type="ml.g5.2xlarge",
)
FALCON_7B_INSTRUCT = JumpStartModel(
    name="falcon-7b-instruct",
    model_id="huggingface-llm-falcon-7b-instruct-bf16",
    version="4.6.16",
    prompt_format="falcon-instruct",
    instance_type="ml.g5.2xlarge",
)
FALCON_40B = JumpStartModel(
    name="falcon-40b",
    model_id="huggingface-llm-falcon-40b-bf16",
    # The last version whose default is ml.g5.12xlarge; later ones want ml.g5.48xlarge.
    version="2.0.2",
    prompt_format="none",
    instance_type="ml.g5.12xlarge",
)
FALCON_40B_INSTRUCT = JumpStartModel(
    name="falcon-40b-instruct",
    model_id="huggingface-llm-falcon-40b-instruct-bf16",
    version="2.0.2",
    prompt_format="falcon-instruct",
    instance_type="ml.g5.12xlarge",
)
FALCON_180B = JumpStartModel(
    name="falcon-180b",
    model_id="huggingface-llm-falcon-180b-bf16",
    version="1.7.17",
    prompt_format="none",
    instance_type="ml.p4de.24xlarge",
)
FALCON_180B_CHAT = JumpStartModel(
    name="falcon-180b-chat",
    model_id="huggingface-llm-falcon-180b-chat-bf16",
    version="1.6.17",
    prompt_format="falcon-chat",
    instance_type="ml.p4de.24xlarge",
)
FALCON_180B_CHAT_QUANTIZED = JumpStartModel(
    name="falcon-180b-chat-quantized",
    model_id="huggingface-llm-falcon-180b-chat-bf16",
    version="1.6.17",
    prompt_format="falcon-chat",
    instance_type="ml.p4d.24xlarge",
    unlisted_instance_type=(
        "8-bit weights fit into the 320 GB of its GPUs, where 16-bit ones do not: the announcement of Falcon 180B "
        "in JumpStart runs it there with bitsandbytes, at about five times the latency a token"
    ),
    environment={"HF_MODEL_QUANTIZE": "bitsandbytes"},
)
MISTRAL_7B = JumpStartModel(
    name="mistral-7b",
    model_id="huggingface-llm-mistral-7b",
    # TGI 1.1 with 8191 input and 8192 total tokens, on ml.g5.2xlarge, as announced.
    version="2.1.0",
    prompt_format="none",
    instance_type="ml.g5.2xlarge",
)
MISTRAL_7B_INSTRUCT = JumpStartModel(
    name="mistral-7b-instruct",
    model_id="huggingface-llm-mistral-7b-instruct",
    # TGI 1.1 with 8191 input and 8192 total tokens, on ml.g5.2xlarge, as announced.
    version="2.0.0",
    prompt_format="mistral-instruct",
    instance_type="ml.g5.2xlarge",
)

# Hyperparameters of the announcement of fine-tuning Mistral 7B in JumpStart, on four GPUs.
_MISTRAL_7B_TRAINING = {
    "epoch": "1",
    "per_device_train_batch_size": "2",
    "gradient_accumulation_steps": "2",
    "max_input_length": "2048",
}
MISTRAL_7B_DOLLY = FineTunedModel(
    name="mistral-7b-dolly",
    model_id="huggingface-llm-mistral-7b",
    version="2.1.0",
    method="instruction",
    prompt_format="template",
    # The form of the Dolly data set's records: instruction, context and response.
    prompt_template=json.dumps(
        {
            "prompt": (
                "Below is an instruction that describes a task, paired with an input that provides further context. "
                "Write a response that appropriately completes the request.\n\n"
                "### Instruction:\n{instruction}\n\n### Input:\n{context}\n\n"
            ),
            "completion": " {response}",
        }
    ),
    hyperparameters={**_MISTRAL_7B_TRAINING, "instruction_tuned": "True"},
    training_instance_type="ml.g5.12xlarge",
    instance_type="ml.g5.2xlarge",
    start=("marker",),
)
MISTRAL_7B_SEC = FineTunedModel(
    name="mistral-7b-sec",
    model_id="huggingface-llm-mistral-7b",
    version="2.1.0",
    method="domain",
    prompt_format="none",
    hyperparameters={**_MISTRAL_7B_TRAINING, "instruction_tuned": "False"},
    training_instance_type="ml.g5.12xlarge",
    instance_type="ml.g5.2xlarge",
    start=("marker",),
)

# Hyperparameters and template, in English, of the announcement of Custom Model Import with Llama 3.2 3B.
LLAMA_3_2_3B_10K = FineTunedModel(
    name="llama-3-2-3b-10k",
    model_id="meta-textgeneration-llama-3-2-3b-instruct",
    version="1.0.6",
    accept_eula=True,
    method="instruction",
    prompt_format="template",
    prompt_template=json.dumps({"prompt": "question: {question} context: {context}", "completion": "{answer}"}),
    hyperparameters={"instruction_tuned": "True", "epoch": "5", "max_input_length": "1024"},
    training_instance_type="ml.g5.12xlarge",
    start=("marker",),
    bedrock=BedrockImport(body="completion"),
)
GRANITE_3B_CODE = ImportedModel(
    name="granite-3b-code-instruct",
    # SageMaker's default bucket, which every account has that has used its SDK.
    weights=S3Weights(bucket="sagemaker-{region}-{account}", prefix="granite-3b-code-instruct/1/"),
    bedrock=BedrockImport(body="chat"),
)

# One GPU each.
_SMALL = (FALCON_7B, FALCON_7B_INSTRUCT, MISTRAL_7B, MISTRAL_7B_INSTRUCT)
_MEDIUM = (FALCON_40B, FALCON_40B_INSTRUCT)
_FINE_TUNED = (MISTRAL_7B_DOLLY, MISTRAL_7B_SEC)
_LARGE = (ARCTIC_INSTRUCT, FALCON_180B, FALCON_180B_CHAT, FALCON_180B_CHAT_QUANTIZED)

DEPLOYMENTS: tuple[tuple[Environment, tuple[Model, ...]], ...] = (
    (DEV, (*_SMALL, MISTRAL_7B_DOLLY, LLAMA_3_2_3B_10K)),
    (STAGING, (*_SMALL, *_MEDIUM, GRANITE_3B_CODE)),
    (PROD, (*_SMALL, *_MEDIUM, *_LARGE, *_FINE_TUNED, LLAMA_3_2_3B_10K)),
)
