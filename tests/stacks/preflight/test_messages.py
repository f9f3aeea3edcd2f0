"""Each class of mistake, with the exact line that says so; docs/preflight.md must know every class."""

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import stacks.preflight
from catalog import Lock, ModelVersion
from catalog.spec import CatalogError
from stacks.declarations import FineTunedModel, JumpStartModel
from stacks.environments import (
    DEV,
    ApiKeys,
    Domain,
    Environment,
    FrontDoor,
    Network,
    Period,
    Quota,
    Throttle,
    WebAcl,
)
from stacks.models import ARCTIC_INSTRUCT, FALCON_7B, FALCON_7B_INSTRUCT, FALCON_40B, FALCON_180B, MISTRAL_7B_INSTRUCT
from stacks.preflight import Deployments, Finding, Report, preflight
from tests.stacks.preflight import import_mistakes
from tests.stacks.preflight.few_models import FewModels

DOCUMENT = Path(stacks.preflight.__file__).parents[2] / "docs" / "preflight.md"


ACL = "arn:aws:wafv2:us-west-2:111122223333:regional/webacl/some/12ab"
CERTIFICATE = "arn:aws:acm:us-west-2:111122223333:certificate/12ab-34cd"


@pytest.fixture(scope="module")
def few(lock: Lock) -> FewModels:
    declared = [ARCTIC_INSTRUCT, FALCON_7B, FALCON_7B_INSTRUCT, FALCON_40B, FALCON_180B, MISTRAL_7B_INSTRUCT]
    versions = [lock.model(model.model_id, model.version) for model in declared]
    old = replace(versions[-1], version="1.0.0", deprecated=True)
    licensed = replace(versions[1], version="5.0.0", eula_key="fmhMetadata/eula/terms.txt")
    nowhere = replace(versions[1], version="6.0.0", images={})
    return FewModels([*versions, old, licensed, nowhere])


def _report(few: Lock, *models: JumpStartModel, environment: Environment = DEV) -> Report:
    deployments: Deployments = [(environment, models)]
    return preflight(deployments, lock=few)


def model(base: JumpStartModel = MISTRAL_7B_INSTRUCT, **changes: Any) -> JumpStartModel:
    return replace(base, name=changes.pop("name", "m"), **changes)


def tuned(**changes: Any) -> FineTunedModel:
    declared: dict[str, Any] = {
        "name": "m",
        "model_id": FALCON_7B.model_id,
        "version": FALCON_7B.version,
        "method": "domain",
        "prompt_format": "none",
        "training_instance_type": "ml.g5.12xlarge",
        **changes,
    }
    return FineTunedModel(**declared)


def env(**changes: Any) -> Environment:
    return replace(DEV, **changes)


def door(**changes: Any) -> Environment:
    return replace(DEV, front_door=FrontDoor(**changes))


def domain(**changes: Any) -> Domain:
    return Domain(**{"name": "models.example.com", "certificates": {"us-west-2": CERTIFICATE}, **changes})


def vpc(subnets: list[str], groups: list[str], free: int | None = None) -> Network:
    return Network(subnet_ids=subnets, security_group_ids=groups, free_addresses=free)


SUBNET, GROUP = "subnet-0123abcd", "sg-0123abcd"
LARGE = "ml.p4d.24xlarge"
REASON = "tried by hand"

# Class of mistake, the environment, its models, and the line.
ERRORS: list[tuple[str, Environment, list[JumpStartModel], str]] = [
    (
        "unknown-model",
        DEV,
        [model(model_id="huggingface-llm-mistral-7b-instuct")],
        "dev/m.model_id is 'huggingface-llm-mistral-7b-instuct': it is not in the lock; try "
        "huggingface-llm-mistral-7b-instruct or huggingface-llm-falcon-7b-instruct-bf16",
    ),
    (
        "unknown-model",
        DEV,
        [model(model_id="falcon-180b")],
        "dev/m.model_id is 'falcon-180b': it is not in the lock; try huggingface-llm-falcon-180b-bf16",
    ),
    (
        "unknown-model",
        DEV,
        [model(model_id="gpt-oss-20b")],
        "dev/m.model_id is 'gpt-oss-20b': it is not in the lock; try ./jumpstack catalog update gpt-oss-20b",
    ),
    (
        "unknown-version",
        DEV,
        [model(version="9.9.9")],
        "dev/m.version is '9.9.9': the lock has no such version of huggingface-llm-mistral-7b-instruct; allowed: "
        "2.0.0, 1.0.0; try 2.0.0, the newest there",
    ),
    (
        "not-an-instance-type",
        DEV,
        [model(instance_type="g5.2xlarge")],
        "dev/m.instance_type is 'g5.2xlarge'; allowed: SageMaker's names such as 'ml.g5.2xlarge'; try ml.g5.2xlarge",
    ),
    (
        "unlisted-instance-type",
        DEV,
        [model(instance_type="ml.g5.48xlarge")],
        "dev/m.instance_type is 'ml.g5.48xlarge': AWS does not list it for huggingface-llm-mistral-7b-instruct "
        "2.0.0, and unlisted_instance_type gives no reason; allowed: ml.g5.16xlarge, ml.g5.2xlarge, ml.g5.4xlarge, "
        "ml.g5.8xlarge; try ml.g5.2xlarge",
    ),
    (
        "unlisted-without-reason",
        DEV,
        [model(instance_type="ml.g5.12xlarge", unlisted_instance_type=" ")],
        "dev/m.unlisted_instance_type is ' '; allowed: why the instance type is right, or None",
    ),
    (
        "no-image",
        DEV,
        [model(instance_type="ml.inf2.xlarge", unlisted_instance_type=REASON)],
        "dev/m.instance_type is 'ml.inf2.xlarge': huggingface-llm-mistral-7b-instruct 2.0.0 has no image for "
        "instance type 'ml.inf2.xlarge': it has images for g4dn, g5, local_gpu, p2, p3, p3dn, p4d, p4de, p5; try "
        "ml.g5.2xlarge",
    ),
    (
        "no-image-in-region",
        DEV,
        [model(ARCTIC_INSTRUCT, region="eu-central-2")],
        "dev/m.region is 'eu-central-2': huggingface-llm-snowflake-arctic-instruct-vllm 1.2.4 has no image there; "
        "allowed: af-south-1, ap-east-1, ap-northeast-1, ap-northeast-2, ap-northeast-3, ap-south-1, "
        "ap-southeast-1, ap-southeast-2, ap-southeast-3, ca-central-1, cn-north-1, cn-northwest-1, eu-central-1, "
        "eu-north-1, eu-south-1, eu-west-1, eu-west-2, eu-west-3, il-central-1, me-south-1, sa-east-1, us-east-1, "
        "us-east-2, us-gov-east-1, us-gov-west-1, us-west-1, us-west-2; try eu-central-1",
    ),
    (
        "not-a-region",
        DEV,
        [model(region="us-west-22")],
        "dev/m.region is 'us-west-22': AWS has no such region; try us-west-2 or us-west-1",
    ),
    (
        "not-a-region",
        env(region="eu-central"),
        [model()],
        "dev.region is 'eu-central': AWS has no such region; try eu-central-1 or eu-central-2",
    ),
    (
        "no-jumpstart",
        env(region="eusc-de-east-1"),
        [model()],
        "dev.region is 'eusc-de-east-1': JumpStart has no bucket there; try eu-central-1 or eu-central-2",
    ),
    (
        "eula-not-accepted",
        DEV,
        [model(FALCON_7B, version="5.0.0")],
        "dev/m.accept_eula is False: huggingface-llm-falcon-7b-bf16 5.0.0 has an end-user licence agreement "
        "(https://jumpstart-cache-prod-us-west-2.s3.us-west-2.amazonaws.com/fmhMetadata/eula/terms.txt): read it, "
        "and set accept_eula=True if you accept it; you are then responsible for keeping to its terms",
    ),
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
        "weights-do-not-fit",
        DEV,
        [model(FALCON_180B, instance_type=LARGE, unlisted_instance_type=REASON)],
        "dev/m.instance_type is 'ml.p4d.24xlarge': 335 GB of weights do not fit into 309 GB, 90% of its 8 x 40 GiB "
        "of GPU memory; try ml.p4de.24xlarge, or 8-bit quantization, which halves the weights",
    ),
    (
        "disk-too-small",
        DEV,
        [model(FALCON_180B, instance_type="ml.g5.2xlarge", unlisted_instance_type=REASON)],
        "dev/m.instance_type is 'ml.g5.2xlarge': the artifact takes 670 GB while it is unpacked, and the type has "
        "450 GB of local storage, which cannot be enlarged; try ml.p4de.24xlarge",
    ),
    (
        "timeout-too-short",
        DEV,
        [model(FALCON_180B, download_timeout_seconds=1200)],
        "dev/m.download_timeout_seconds is 1200 s: 335 GB of weights take 3564 s at 94 MB/s; try 3564",
    ),
    (
        "timeout-out-of-range",
        DEV,
        [model(startup_timeout_seconds=7200)],
        "dev/m.startup_timeout_seconds is 7200 s; allowed: 60 to 3600 s",
    ),
    (
        "timeout-out-of-range",
        DEV,
        [model(download_timeout_seconds=30)],
        "dev/m.download_timeout_seconds is 30 s; allowed: 60 to 3600 s",
    ),
    (
        "volume-key-on-nvme",
        env(require_volume_key=True),
        [model()],
        "dev/m.instance_type is 'ml.g5.2xlarge': dev.require_volume_key is True, but the type keeps the model on "
        "local NVMe, which SageMaker encrypts by itself and for which it takes no KmsKeyId; allowed: types without "
        "local storage",
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
        "name-form",
        DEV,
        [model(name="Mistral_7B")],
        "dev/Mistral_7B.name is 'Mistral_7B'; allowed: lower-case letters, digits and inner hyphens, a letter "
        "first; try 'mistral-7b'",
    ),
    (
        "name-too-long",
        DEV,
        [model(name="m" * 60)],
        "dev/mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm.name is "
        "'mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm': with the environment's name it makes an "
        "endpoint's name of 64 characters; allowed: 1 to 63 letters, digits and hyphens, no hyphen at either end",
    ),
    (
        "name-taken",
        env(name="account"),
        [model()],
        "account.name is 'account': it is taken by the stage of the accounts' own stacks",
    ),
    (
        "name-taken",
        env(name="jumpstack"),
        [model(name="account")],
        "jumpstack/account.name is 'account': the stack name 'jumpstack-account' is taken by the account's own stack",
    ),
    (
        "name-repeated",
        DEV,
        [model(), model(FALCON_7B)],
        "dev/m.name is declared 2 times; allowed: each model's name once an environment",
    ),
    ("instance-count", DEV, [model(instance_count=0)], "dev/m.instance_count is 0; allowed: 1 or more"),
    ("instance-count", env(instance_count=-1), [model()], "dev.instance_count is -1; allowed: 1 or more"),
    (
        "network-size",
        env(network=vpc([SUBNET], [])),
        [model()],
        "dev.network.security_group_ids is 0 groups; allowed: 1 to 5",
    ),
    (
        "network-size",
        env(network=vpc([], [])),
        [model()],
        "dev.network is without any ids; allowed: subnets and security groups, or None",
    ),
    (
        "network-id",
        env(network=vpc(["subnet-1"], [GROUP])),
        [model()],
        "dev.network.subnet_ids is 'subnet-1'; allowed: subnet- and 8 or 17 hexadecimal digits",
    ),
    (
        "network-id",
        env(network=vpc([SUBNET, SUBNET], [GROUP])),
        [model()],
        "dev.network.subnet_ids is 'subnet-0123abcd': it is listed 2 times",
    ),
    (
        "address-room",
        env(network=vpc([SUBNET], [GROUP], 3)),
        [model(instance_count=4)],
        "dev.network.free_addresses is 3: the environment's models run on 4 instances, which take an address each "
        "at least; try more or larger subnets",
    ),
    (
        "over-quota",
        env(quotas={"ml.g5.2xlarge": 1}),
        [model(), model(FALCON_7B, name="f")],
        "dev.quotas['ml.g5.2xlarge'] is 1: the environment's models take 2 instances in us-west-2; allowed: 1 or "
        "fewer, or a raised quota 'ml.g5.2xlarge for endpoint usage'",
    ),
    (
        "quota-form",
        env(quotas={"g5.2xlarge": 1}),
        [model()],
        "dev.quotas['g5.2xlarge'] is 1; allowed: 0 or more, by SageMaker's instance types such as 'ml.g5.2xlarge'",
    ),
    (
        "reserved-concurrency",
        env(reserved_concurrency=0),
        [model()],
        "dev.reserved_concurrency is 0; allowed: 1 or more",
    ),
    (
        "log-retention",
        env(log_retention_days=31),
        [model()],
        "dev.log_retention_days is 31; allowed: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, "
        "1096, 1827, 2192, 2557, 2922, 3288, 3653; try 30",
    ),
    ("account-form", env(account="1234"), [model()], "dev.account is '1234'; allowed: 12 digits, or None"),
    (
        "invoke-timeout",
        DEV,
        [model(invoke_timeout_seconds=901)],
        "dev/m.invoke_timeout_seconds is 901 s; allowed: 5 to 900 s",
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
        "dev/m.prompt_template is none; allowed: a json object with the texts prompt and completion",
    ),
    (
        "prompt-template",
        DEV,
        [model(prompt_format="template", prompt_template='{"prompt": "x", "completion": "y"}' + " " * 3000)],
        "dev/m.prompt_template is 3034 characters long; allowed: at most 3000 characters",
    ),
    (
        "throttle",
        door(api_keys=ApiKeys(throttle=Throttle(requests_per_second=0, burst=1))),
        [model()],
        "dev.front_door.api_keys.throttle.requests_per_second is 0; allowed: a number, more than 0",
    ),
    (
        "throttle",
        door(api_keys=ApiKeys(throttle=Throttle(requests_per_second=1, burst=0))),
        [model()],
        "dev.front_door.api_keys.throttle.burst is 0; allowed: a whole number, 1 or more",
    ),
    (
        "request-quota",
        door(api_keys=ApiKeys(quota=Quota(requests=0))),
        [model()],
        "dev.front_door.api_keys.quota.requests is 0; allowed: a whole number, 1 to 2147483647",
    ),
    (
        "web-acl",
        door(web_acl=WebAcl(managed_rule_groups=["AWSManagedRulesCommonRules"])),
        [model()],
        "dev.front_door.web_acl.managed_rule_groups is 'AWSManagedRulesCommonRules'; allowed: "
        "AWSManagedRulesAdminProtectionRuleSet, AWSManagedRulesAmazonIpReputationList, AWSManagedRulesAnonymousIpList, "
        "AWSManagedRulesCommonRuleSet, AWSManagedRulesKnownBadInputsRuleSet, AWSManagedRulesLinuxRuleSet, "
        "AWSManagedRulesPHPRuleSet, AWSManagedRulesSQLiRuleSet, AWSManagedRulesUnixRuleSet, "
        "AWSManagedRulesWindowsRuleSet, AWSManagedRulesWordPressRuleSet; try AWSManagedRulesCommonRuleSet",
    ),
    (
        "web-acl",
        door(web_acl=WebAcl(requests_per_address=9)),
        [model()],
        "dev.front_door.web_acl.requests_per_address is 9; allowed: a whole number, 10 to 2000000000, or None",
    ),
    (
        "web-acl-arn",
        door(web_acl={"us-west-2": ACL.replace("regional", "global")}),
        [model()],
        "dev.front_door.web_acl['us-west-2'] is 'arn:aws:wafv2:us-west-2:111122223333:global/webacl/some/12ab'; "
        "allowed: arn:aws:wafv2:us-west-2:<account>:regional/webacl/<name>/<id>",
    ),
    (
        "web-acl-arn",
        replace(door(web_acl={"us-west-2": ACL}), account="444455556666"),
        [model()],
        "dev.front_door.web_acl['us-west-2'] is 'arn:aws:wafv2:us-west-2:111122223333:regional/webacl/some/12ab'; "
        "allowed: one of account 444455556666",
    ),
    (
        "web-acl-region",
        door(web_acl={"us-west-2": ACL}),
        [model(), model(FALCON_7B, name="f", region="us-east-2")],
        "dev.front_door.web_acl is for us-west-2: models run in us-east-2 too, and an API takes a web ACL of its own "
        "region only; try adding us-east-2",
    ),
    (
        "domain-name",
        door(domain=domain(name="Models.example.com")),
        [model()],
        "dev.front_door.domain.name is 'Models.example.com'; allowed: at most 253 characters: labels of lower-case "
        "letters, digits and inner hyphens, with a dot between them",
    ),
    (
        "domain-name",
        door(domain=domain(name=f"{'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * 60}")),
        [model()],
        f"dev.front_door.domain.name is 'm.{'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * 60}': dev/m would answer at "
        f"'m.{'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * 60}', which is no domain name; allowed: at most 253 characters: "
        "labels of lower-case letters, digits and inner hyphens, with a dot between them",
    ),
    (
        "certificate-arn",
        door(domain=domain(certificates={"us-west-2": CERTIFICATE.replace("us-west-2", "us-east-1")})),
        [model()],
        "dev.front_door.domain.certificates['us-west-2'] is "
        "'arn:aws:acm:us-east-1:111122223333:certificate/12ab-34cd'; allowed: one of region us-west-2",
    ),
    (
        "certificate-arn",
        door(domain=domain(certificates={"us-west-2": "*.models.example.com"})),
        [model()],
        "dev.front_door.domain.certificates['us-west-2'] is '*.models.example.com'; allowed: "
        "arn:aws:acm:us-west-2:<account>:certificate/<id>",
    ),
    (
        "certificate-region",
        door(domain=domain(certificates={})),
        [model()],
        "dev.front_door.domain.certificates is for no region: models run in us-west-2 too, and an API takes a "
        "certificate of its own region only; try adding us-west-2",
    ),
    (
        "hosted-zone",
        door(domain=domain(hosted_zone_id="models.example.com")),
        [model()],
        "dev.front_door.domain.hosted_zone_id is 'models.example.com'; allowed: Z and at most 31 upper-case letters "
        "and digits",
    ),
    (
        "unknown-prompt-format",
        DEV,
        [model(prompt_format="mistral-instruc")],
        "dev/m.prompt_format is 'mistral-instruc'; allowed: chatml, falcon-chat, falcon-instruct, granite-code, "
        "llama-3-instruct, llama-3.1-instruct, mistral-instruct, mistral-instruct-v0.3, mixtral-instruct, none, "
        "template; try mistral-instruct",
    ),
    (
        "tag",
        env(tags={"aws:team": "x"}),
        [model()],
        "dev.tags['aws:team'] is 'x'; allowed: keys of 1 to 128 characters that do not begin with aws:, values of "
        "at most 256",
    ),
    (
        "training-method",
        DEV,
        [tuned(method="rlhf")],
        "dev/m.method is 'rlhf'; allowed: instruction, domain, chat",
    ),
    (
        "training-method",
        DEV,
        [tuned(method="instruction")],
        "dev/m.prompt_format is 'none'; allowed: 'template' with the method 'instruction'",
    ),
    (
        "training-method",
        DEV,
        [tuned(method="chat")],
        "dev/m.prompt_format is 'none'; allowed: the format of the base model's chats",
    ),
    (
        "training-job",
        DEV,
        [tuned(training_instance_type="g5.12xlarge")],
        "dev/m.training_instance_type is 'g5.12xlarge'; allowed: SageMaker's names such as 'ml.g5.12xlarge'",
    ),
    (
        "training-job",
        DEV,
        [tuned(training_instance_count=0)],
        "dev/m.training_instance_count is 0; allowed: a whole number, 1 or more",
    ),
    (
        "training-job",
        DEV,
        [tuned(max_runtime_seconds=2_419_201)],
        "dev/m.max_runtime_seconds is 2419201 s; allowed: 1 to 2419200 s",
    ),
    (
        "training-wait",
        DEV,
        [tuned(max_wait_seconds=7200)],
        "dev/m.max_wait_seconds is 7200 s; allowed: None without spot",
    ),
    (
        "training-wait",
        DEV,
        [tuned(spot=True, max_runtime_seconds=7200, max_wait_seconds=3600)],
        "dev/m.max_wait_seconds is 3600 s; allowed: max_runtime_seconds, 7200, to 2419200 s",
    ),
    (
        "hyperparameter",
        DEV,
        [tuned(hyperparameters={"epoch": 1})],
        "dev/m.hyperparameters['epoch'] is 1; allowed: text, in quotes",
    ),
    (
        "hyperparameter",
        DEV,
        [tuned(hyperparameters={"chat_template": "x" * 2501})],
        "dev/m.hyperparameters['chat_template'] is 2501 characters long; allowed: at most 2500 characters",
    ),
    (
        "hyperparameter",
        DEV,
        [tuned(hyperparameters={f"h{number}": "1" for number in range(101)})],
        "dev/m.hyperparameters is 101 entries; allowed: at most 100",
    ),
    (
        "data-prefix",
        DEV,
        [tuned(data_prefix="s3://bucket/data")],
        "dev/m.data_prefix is 's3://bucket/data'; allowed: s3://bucket/prefix/, with a slash at its end",
    ),
    (
        "data-prefix",
        DEV,
        [tuned(validation_prefix="bucket/data/")],
        "dev/m.validation_prefix is 'bucket/data/'; allowed: s3://bucket/prefix/, with a slash at its end",
    ),
    (
        "validation",
        DEV,
        [tuned(validation_split=1.5)],
        "dev/m.validation_split is 1.5; allowed: more than 0, less than 1",
    ),
    (
        "validation",
        DEV,
        [tuned(validation_split=0.2, validation_prefix="s3://bucket/validation/")],
        "dev/m.validation_split is 0.2; allowed: one of validation_split and validation_prefix",
    ),
    (
        "training-start",
        DEV,
        [tuned(start=["nightly"])],
        "dev/m.start is 'nightly'; allowed: deploy, marker and schedule:<expression>",
    ),
    (
        "training-start",
        DEV,
        [tuned(start="marker")],
        "dev/m.start is 'marker'; allowed: a sequence, such as ('marker',)",
    ),
    (
        "training-start",
        DEV,
        [tuned(start=["schedule:rate(1 days)"])],
        "dev/m.start is 'schedule:rate(1 days)'; allowed: schedule:rate(7 days), schedule:cron(0 3 ? * SUN *) or the "
        "like",
    ),
    (
        "training-start",
        DEV,
        [tuned(start=["marker"], data_prefix="s3://bucket/data/")],
        "dev/m.start is 'marker'; allowed: data in the stack's own bucket (data_prefix=None)",
    ),
    (
        "pipeline-name-too-long",
        DEV,
        [tuned(name="m" * 40)],
        f"dev/{'m' * 40}.name is '{'m' * 40}': with the environment's name it has 44 characters, and models and "
        "configs end in the hash of a release; allowed: 43 characters together",
    ),
]
WARNINGS: list[tuple[str, Environment, list[JumpStartModel], str]] = [
    (
        "deprecated-version",
        DEV,
        [model(version="1.0.0")],
        "dev/m.version is '1.0.0': AWS has deprecated this version of huggingface-llm-mistral-7b-instruct and may "
        "take it away; try ./jumpstack catalog update, and a version that is not",
    ),
    (
        "not-offered-in-region",
        env(region="us-east-2"),
        [model(FALCON_180B)],
        "dev/m.instance_type is 'ml.p4de.24xlarge': EC2 is not known to offer it in us-east-2 (second-hand, read "
        "2026-11); allowed: ap-northeast-1, ap-southeast-1, eu-central-1, us-east-1, us-west-2",
    ),
    (
        "not-offered-in-region",
        env(region="ap-southeast-1"),
        [model(FALCON_40B)],
        "dev/m.instance_type is 'ml.g5.12xlarge': SageMaker is said not to host on it in ap-southeast-1 "
        "(second-hand, read 2026-11)",
    ),
    (
        "eula-without-terms",
        DEV,
        [model(accept_eula=True)],
        "dev/m.accept_eula is True: the catalogue names no end-user licence agreement of "
        "huggingface-llm-mistral-7b-instruct 2.0.0, so nothing is accepted; try leaving it out",
    ),
    (
        "unlisted-needlessly",
        DEV,
        [model(unlisted_instance_type=REASON)],
        "dev/m.unlisted_instance_type is a reason: AWS lists ml.g5.2xlarge for huggingface-llm-mistral-7b-instruct "
        "2.0.0, so it needs none; try leaving it out",
    ),
    (
        "duplicate-model",
        DEV,
        [model(), model(name="n")],
        "dev/n.model_id is 'huggingface-llm-mistral-7b-instruct': dev/m runs the same version with the same "
        "settings, on instances of its own",
    ),
    (
        "prompt-format",
        DEV,
        [model(prompt_format="none")],
        "dev/m.prompt_format is 'none': huggingface-llm-mistral-7b-instruct was trained to chat, and without a "
        "format its API refuses chats",
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
    (
        "weights-do-not-fit",
        DEV,
        [model(FALCON_40B, instance_type="ml.g5.2xlarge", unlisted_instance_type=REASON)],
        "dev/m.instance_type is 'ml.g5.2xlarge': 80 GB of weights (an estimate from its id) do not fit into 22 GB, "
        "90% of its 1 x 22 GiB of GPU memory; try ml.g5.12xlarge",
    ),
    (
        "timeout-too-short",
        DEV,
        [model(FALCON_40B, download_timeout_seconds=600)],
        "dev/m.download_timeout_seconds is 600 s: 80 GB of weights (an estimate from its id) take 852 s at 94 "
        "MB/s; try 852",
    ),
    (
        "invoke-timeout-unused",
        DEV,
        [model(invoke_timeout_seconds=600)],
        "dev/m.invoke_timeout_seconds is 600 s: SageMaker ends an answer that streams after 8 minutes, and one that "
        "does not after 60 s; try 480",
    ),
    (
        "throttle-over-account",
        door(api_keys=ApiKeys(throttle=Throttle(requests_per_second=10_001, burst=20))),
        [model()],
        "dev.front_door.api_keys.throttle.requests_per_second is 10001: API Gateway throttles all APIs of an account "
        "and region together at 10000 unless the quota was raised; try 10000",
    ),
    (
        "quota-below-burst",
        door(api_keys=ApiKeys(quota=Quota(requests=19, per=Period.DAY))),
        [model()],
        "dev.front_door.api_keys.quota.requests is 19: a key has used it up for the whole day with one burst of 20",
    ),
    (
        "reserved-concurrency-total",
        env(reserved_concurrency=500),
        [model(), model(FALCON_7B, name="f")],
        "dev.reserved_concurrency is 500: 2 models reserve 1000 together, and Lambda keeps 100 of an account's "
        "1000 free unless the quota was raised; try 450",
    ),
    (
        "address-room",
        env(network=vpc([SUBNET], [GROUP], 3)),
        [model(instance_count=2)],
        "dev.network.free_addresses is 3: it is enough for 2 instances, but not for updating an endpoint, which "
        "runs old and new instances side by side; try more or larger subnets",
    ),
    (
        "training-over-quota",
        DEV,
        [tuned(max_runtime_seconds=500_000)],
        "dev/m.max_runtime_seconds is 500000 s: SageMaker stops jobs after 5 days unless the quota was raised; try "
        "432000",
    ),
    (
        "start-without-data",
        DEV,
        [tuned(start=["deploy"])],
        "dev/m.start is 'deploy': the stack's own bucket is empty at the first deployment, whose training fails for "
        "want of data; try 'marker'",
    ),
]


def _lines(findings: Iterable[Finding], rule: str) -> list[str]:
    return [str(finding) for finding in findings if finding.rule == rule]


def _cases(cases: list[tuple[str, Environment, list[JumpStartModel], str]]) -> list[Any]:
    return [pytest.param(*case, id=f"{case[0]}-{number}") for number, case in enumerate(cases)]


@pytest.mark.parametrize(("rule", "environment", "models", "line"), _cases(ERRORS))
def test_refuses_with_the_exact_line(
    few: FewModels, rule: str, environment: Environment, models: list[JumpStartModel], line: str
) -> None:
    report = _report(few, *models, environment=environment)

    assert _lines(report.errors, rule) == [line]
    assert not _lines(report.warnings, rule)


@pytest.mark.parametrize(("rule", "environment", "models", "line"), _cases(WARNINGS))
def test_warns_with_the_exact_line(
    few: FewModels, rule: str, environment: Environment, models: list[JumpStartModel], line: str
) -> None:
    report = _report(few, *models, environment=environment)

    assert _lines(report.warnings, rule) == [line]
    assert not _lines(report.errors, rule)


def test_reports_two_environments_that_give_one_stack_name(few: FewModels) -> None:
    deployments = [(env(name="eu"), [model(name="mistral-small")]), (env(name="eu-mistral"), [model(name="small")])]

    assert _lines(preflight(deployments, lock=few).errors, "name-collision") == [
        "eu-mistral/small.name is 'small': its stack 'eu-mistral-small' has the name of eu/mistral-small's, in the "
        "same account and region"
    ]


def test_reports_an_environment_that_is_declared_twice(few: FewModels) -> None:
    report = preflight([(DEV, [model()]), (DEV, [model(name="n")])], lock=few)

    assert _lines(report.errors, "name-repeated") == [
        "dev.name is declared 2 times; allowed: each environment's name once"
    ]


def test_reports_two_environments_that_give_one_domain_name_to_two_models(few: FewModels) -> None:
    shared = door(domain=domain())
    deployments = [(shared, [model()]), (replace(shared, name="qa"), [model(), model(FALCON_7B, name="f")])]

    assert _lines(preflight(deployments, lock=few).errors, "domain-taken") == [
        "qa.front_door.domain.name is 'models.example.com': qa/m would answer at m.models.example.com, as dev/m does"
    ]


def test_reports_what_is_broken_in_the_lock(few: FewModels) -> None:
    class Broken(FewModels):
        def model(self, model_id: str, version: str) -> ModelVersion:
            raise CatalogError([f"version {version} of {model_id} does not match its hash"])

    lock = Broken([few.model(MISTRAL_7B_INSTRUCT.model_id, "2.0.0")])

    assert [str(error) for error in _report(lock, model()).errors] == [
        "dev/m.version is '2.0.0': version 2.0.0 of huggingface-llm-mistral-7b-instruct does not match its hash"
    ]


def _rules() -> set[str]:
    """Return every class of mistake that the code knows."""
    checks = Path(stacks.preflight.__file__).parent
    text = "".join(path.read_text() for path in checks.glob("*.py"))
    return set(re.findall(r'(?:rule=|breaches\()"([a-z-]+)"', text))


def test_every_class_of_mistake_has_a_message_here_and_a_row_in_the_document() -> None:
    cases = (*ERRORS, *WARNINGS, *import_mistakes.ERRORS, *import_mistakes.WARNINGS)
    tested = {case[0] for case in cases} | {"name-collision", "broken-lock", "domain-taken"}
    documented = set(re.findall(r"^\| `([a-z-]+)`", DOCUMENT.read_text(), flags=re.MULTILINE))

    assert len(_rules()) >= 24
    assert tested == _rules()
    assert documented == _rules()
