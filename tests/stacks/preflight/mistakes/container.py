"""Mistakes of the container's variables and of prompt formats, with the exact line of each."""

from stacks.environments import DEV
from stacks.models import ARCTIC_INSTRUCT, FALCON_7B
from tests.stacks.preflight.mistakes.makers import Case, model

ERRORS: list[Case] = [
    (
        "token-limits",
        DEV,
        [model(environment={"MAX_INPUT_LENGTH": "8192"})],
        "dev/m.environment['MAX_INPUT_LENGTH'] is 8192; allowed: less than MAX_TOTAL_TOKENS, 8192; try 8191",
    ),
    (
        "token-limits",
        DEV,
        [model(environment={"MAX_TOTAL_TOKENS": "4096"})],
        "dev/m.environment['MAX_INPUT_LENGTH'] is 8191; allowed: less than MAX_TOTAL_TOKENS, 4096; try 4095",
    ),
    (
        "prefill-limit",
        DEV,
        [model(environment={"MAX_BATCH_PREFILL_TOKENS": "4096"})],
        "dev/m.environment['MAX_BATCH_PREFILL_TOKENS'] is 4096; allowed: MAX_INPUT_LENGTH, 8191, or more; try 8191",
    ),
    (
        "not-a-number",
        DEV,
        [model(environment={"MAX_TOTAL_TOKENS": "8k"})],
        "dev/m.environment['MAX_TOTAL_TOKENS'] is '8k'; allowed: a whole number, 1 or more, in quotes",
    ),
    (
        "not-a-number",
        DEV,
        [model(ARCTIC_INSTRUCT, environment={"OPTION_TENSOR_PARALLEL_DEGREE": "all"})],
        "dev/m.environment['OPTION_TENSOR_PARALLEL_DEGREE'] is 'all'; allowed: a whole number, or 'max'",
    ),
    (
        "more-gpus-than-there-are",
        DEV,
        [model(environment={"SM_NUM_GPUS": "4"})],
        "dev/m.environment['SM_NUM_GPUS'] is 4: ml.g5.2xlarge has 1; allowed: 1 to 1; try 1",
    ),
    (
        "more-gpus-than-there-are",
        DEV,
        [model(ARCTIC_INSTRUCT, environment={"OPTION_TENSOR_PARALLEL_DEGREE": "16"})],
        "dev/m.environment['OPTION_TENSOR_PARALLEL_DEGREE'] is 16: ml.p5.48xlarge has 8; allowed: 1 to 8; try 8",
    ),
    (
        "quantization",
        DEV,
        [model(environment={"HF_MODEL_QUANTIZE": "bitsandbytes-nf8"})],
        "dev/m.environment['HF_MODEL_QUANTIZE'] is 'bitsandbytes-nf8': the container lacks it; allowed: "
        "bitsandbytes, bitsandbytes-nf4, bitsandbytes-fp4, gptq, awq, eetq, fp8; try bitsandbytes-nf4 or "
        "bitsandbytes-fp4",
    ),
    (
        "environment-variable",
        DEV,
        [model(environment={"MAX-TOKENS": "1"})],
        "dev/m.environment is 'MAX-TOKENS'; allowed: letters, digits and underscores, not beginning with a digit, "
        "at most 1024 characters",
    ),
    (
        "environment-variable",
        DEV,
        [model(environment={"PROMPT": "x" * 1025})],
        "dev/m.environment['PROMPT'] is 1025 characters long; allowed: at most 1024 characters",
    ),
    (
        "environment-variable",
        DEV,
        [model(environment={f"V{n}": "" for n in range(101)})],
        "dev/m.environment is 101 variables; allowed: at most 100 variables",
    ),
    (
        "prompt-template",
        DEV,
        [model(prompt_format="template")],
        "dev/m.prompt_template is None; allowed: a template with the prompt format 'template', and None with any other",
    ),
    (
        "prompt-template",
        DEV,
        [model(prompt_template="{}")],
        "dev/m.prompt_template is a template; allowed: a template with the prompt format 'template', and None with "
        "any other",
    ),
    (
        "prompt-template",
        DEV,
        [model(prompt_format="template", prompt_template='{"prompt": "{instruction}"}')],
        "dev/m.prompt_template is no template (no key 'completion'); allowed: an object with the texts prompt and "
        "completion, with {fields}",
    ),
    (
        "prompt-template",
        DEV,
        [model(prompt_format="template", prompt_template='{"prompt": "{instruction", "completion": "{answer}"}')],
        "dev/m.prompt_template is no template (prompt: expected '}' before end of string; a brace that is no field is "
        "written twice); allowed: an object with the texts prompt and completion, with {fields}",
    ),
    (
        "prompt-template",
        DEV,
        [model(prompt_format="template", prompt_template="{instruction}")],
        "dev/m.prompt_template is no template (not JSON: Expecting property name enclosed in double quotes at line 1, "
        "column 2); allowed: an object with the texts prompt and completion, with {fields}",
    ),
    (
        "prompt-template",
        DEV,
        [model(prompt_format="template", prompt_template='{"prompt": "{x}", "completion": "{y}"}' + " " * 2996)],
        "dev/m.prompt_template is 3034 characters long; allowed: at most 3000 characters",
    ),
    (
        "unknown-prompt-format",
        DEV,
        [model(prompt_format="mistral-instruc")],
        "dev/m.prompt_format is 'mistral-instruc'; allowed: chatml, chatml-announced, container, "
        "falcon-chat, falcon-chat-announced, falcon-instruct, granite-code, llama-3-instruct, llama-3.1-instruct, "
        "mistral-instruct, mistral-instruct-announced, mistral-instruct-v0.3, mixtral-instruct, none, "
        "template; try mistral-instruct",
    ),
    (
        "max-tokens",
        DEV,
        [model(max_tokens=0)],
        "dev/m.max_tokens is 0; allowed: 1 to 999999999, or None for as many as fit",
    ),
    (
        "answer-word",
        DEV,
        [model(system_messages="drop")],
        "dev/m.system_messages is 'drop'; allowed: merge, refuse",
    ),
    (
        "answer-word",
        DEV,
        [model(usage="guess")],
        "dev/m.usage is 'guess'; allowed: estimate, omit",
    ),
    (
        "tokenizer",
        DEV,
        [model(tokenizer="tokenizers/none.json")],
        "dev/m.tokenizer is 'tokenizers/none.json'; allowed: a file that is there",
    ),
    (
        "tokenizer",
        DEV,
        [model(tokenizer="../tokenizer.json")],
        "dev/m.tokenizer is '../tokenizer.json'; allowed: a path below the repository's root, such as "
        "'tokenizers/mistral.json'",
    ),
    (
        "tokenizer",
        DEV,
        [model(tokenizer="README.md")],
        "dev/m.tokenizer is 'README.md'; allowed: a tokenizer.json, which is JSON",
    ),
    (
        "tokenizer",
        DEV,
        [model(tokenizer="package.json")],
        "dev/m.tokenizer is 'package.json'; allowed: a tokenizer.json, which has a model with its vocab",
    ),
]
WARNINGS: list[Case] = [
    (
        "variable-unread",
        DEV,
        [model(environment={"MAX_CONCURENT_REQUESTS": "64"})],
        "dev/m.environment['MAX_CONCURENT_REQUESTS'] is '64': TGI, in which huggingface-llm-mistral-7b-instruct 2.0.0 "
        "runs, documents no such variable; try MAX_CONCURRENT_REQUESTS",
    ),
    (
        "variable-unread",
        DEV,
        [model(environment={"OPTION_MAX_MODEL_LEN": "4096"})],
        "dev/m.environment['OPTION_MAX_MODEL_LEN'] is '4096': it is a variable of LMI, and "
        "huggingface-llm-mistral-7b-instruct 2.0.0 runs in TGI; try MAX_TOTAL_TOKENS",
    ),
    (
        "variable-unread",
        DEV,
        [model(ARCTIC_INSTRUCT, environment={"MAX_INPUT_LENGTH": "4096"})],
        "dev/m.environment['MAX_INPUT_LENGTH'] is '4096': it is a variable of TGI, and "
        "huggingface-llm-snowflake-arctic-instruct-vllm 1.2.4 runs in LMI; try OPTION_MAX_MODEL_LEN",
    ),
    (
        "prompt-format",
        DEV,
        [model(FALCON_7B, prompt_format="falcon-instruct")],
        "dev/m.prompt_format is 'falcon-instruct': huggingface-llm-falcon-7b-bf16 is a base model, which completes "
        "text but was not trained to chat; try 'none'",
    ),
    (
        "prompt-format",
        DEV,
        [model(prompt_format="falcon-instruct")],
        "dev/m.prompt_format is 'falcon-instruct': huggingface-llm-mistral-7b-instruct is not of the family that "
        "the format was made for; try 'mistral-instruct' or 'mixtral-instruct'",
    ),
    (
        "prompt-format",
        DEV,
        [model(prompt_format="mistral-instruct-v0.3")],
        "dev/m.prompt_format is 'mistral-instruct-v0.3': huggingface-llm-mistral-7b-instruct is not of the family "
        "that the format was made for; try 'mistral-instruct' or 'mixtral-instruct'",
    ),
    (
        "quantization",
        DEV,
        [model(ARCTIC_INSTRUCT, environment={"OPTION_QUANTIZE": "int2"})],
        "dev/m.environment['OPTION_QUANTIZE'] is 'int2': the container lacks it; allowed: awq, bitsandbytes, "
        "bitsandbytes4, bitsandbytes8, compressed-tensors, deepspeedfp, dynamic_int8, fp8, gptq, marlin, "
        "smoothquant, squeezellm, static_int8",
    ),
    (
        "quantization-unread",
        DEV,
        [model(environment={"OPTION_QUANTIZE": "awq"})],
        "dev/m.environment['OPTION_QUANTIZE'] is 'awq': the container of huggingface-llm-mistral-7b-instruct 2.0.0 "
        "does not read it; try HF_MODEL_QUANTIZE",
    ),
    (
        "weights-not-quantized",
        DEV,
        [model(environment={"HF_MODEL_QUANTIZE": "awq"})],
        "dev/m.environment['HF_MODEL_QUANTIZE'] is 'awq': it needs weights that are quantized already, and those "
        "of huggingface-llm-mistral-7b-instruct 2.0.0 do not look so; try bitsandbytes or eetq, which quantize "
        "while loading",
    ),
]
