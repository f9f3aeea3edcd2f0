"""Mistakes of imports into Bedrock, with the exact line of each."""

from dataclasses import replace

from stacks.environments import DEV
from tests.stacks.preflight.mistakes.import_makers import WRITTEN, bedrock, imported, tuned
from tests.stacks.preflight.mistakes.makers import Case, env

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
        "dev/m.prompt_format is 'granite'; allowed: chatml, chatml-announced, container, "
        "falcon-chat, falcon-chat-announced, falcon-instruct, granite-code, llama-3-instruct, llama-3.1-instruct, "
        "mistral-instruct, mistral-instruct-announced, mistral-instruct-v0.3, mixtral-instruct, none, "
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
        "import-template",
        DEV,
        [tuned("chat")],
        f"dev/m.bedrock.body is 'chat': {WRITTEN}, so that only requests with fields are asked by prompt_template; try "
        "'completion'",
    ),
    (
        "import-room",
        DEV,
        [imported(), tuned(name="n")],
        "dev.imported_models is 3: an update of dev/m or dev/n takes 4 in us-west-2; "
        "try keep_versions=1 for each, or 4, with a raised "
        "quota 'Imported models per account' (L-45B04988)",
    ),
    (
        "import-room",
        env(imported_models=1),
        [imported()],
        "dev.imported_models is 1: an update of dev/m takes 2 in us-west-2; "
        "try 2, with a raised quota 'Imported models per account' (L-45B04988)",
    ),
]
