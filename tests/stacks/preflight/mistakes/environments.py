"""Mistakes of environments, names and front doors, with the exact line of each."""

from dataclasses import replace

from stacks.environments import DEV, ApiKeys, Period, Quota, Throttle, WebAcl
from stacks.models import FALCON_7B
from tests.stacks.preflight.mistakes.makers import (
    ACL,
    CERTIFICATE,
    GROUP,
    SUBNET,
    Case,
    cors,
    domain,
    door,
    env,
    model,
    vpc,
)

ERRORS: list[Case] = [
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
        "account.name is 'account': it is taken by the accounts' own stacks",
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
        "reserved-concurrency",
        door(api_keys=ApiKeys(authorizer_concurrency=0)),
        [model()],
        "dev.front_door.api_keys.authorizer_concurrency is 0; allowed: 1 or more",
    ),
    (
        "reserved-concurrency-total",
        env(reserved_concurrency=450),
        [model(), model(FALCON_7B, name="f")],
        "dev.lambda_concurrency is 1000: the 2 models of dev in us-west-2 reserve 908 executions, 8 of them for key "
        "authorizers, and Lambda keeps 100 free; allowed: 1008 or more, with a raised quota 'Concurrent executions' "
        "(L-B99A9384); try reserved_concurrency=446",
    ),
    ("quota-form", env(lambda_concurrency=0), [model()], "dev.lambda_concurrency is 0; allowed: 1 or more"),
    (
        "throttle",
        door(throttle=Throttle(requests_per_second=0, burst=1)),
        [model()],
        "dev.front_door.throttle.requests_per_second is 0; allowed: a number, more than 0",
    ),
    (
        "log-retention",
        env(log_retention_days=31),
        [model()],
        "dev.log_retention_days is 31; allowed: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, "
        "1096, 1827, 2192, 2557, 2922, 3288, 3653; try 30",
    ),
    (
        "expiration",
        env(access_log_days=0),
        [model()],
        "dev.access_log_days is 0; allowed: 1 to 2147483647",
    ),
    (
        "expiration",
        env(old_version_days=2**31),
        [model()],
        "dev.old_version_days is 2147483648; allowed: 1 to 2147483647",
    ),
    ("account-form", env(account="1234"), [model()], "dev.account is '1234'; allowed: 12 digits, or None"),
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
        "generations-per-request",
        door(generations_per_request=129),
        [model()],
        "dev.front_door.generations_per_request is 129; allowed: 1 to 128",
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
        "tag",
        env(tags={"aws:team": "x"}),
        [model()],
        "dev.tags['aws:team'] is 'x'; allowed: letters without marks, digits, spaces and _.:/=+-@, of which keys have "
        "1 to 128 and do not begin with aws:, and values at most 256",
    ),
    (
        "tag",
        env(tags={"environment": "dev", "Environment": "dev"}),
        [model()],
        "dev.tags['Environment'] is 'dev'; allowed: one of 'environment' and 'Environment': to IAM they are the same "
        "key",
    ),
    (
        "tag",
        env(tags={"Model": "Mistral"}),
        [model()],
        "dev.tags['Model'] is 'Mistral'; allowed: another key: model and jumpstack:... are the app's own, in any case",
    ),
    (
        "not-a-region",
        env(region="US-WEST-2"),
        [model()],
        "dev.region is 'US-WEST-2': AWS has no such region; try us-west-2",
    ),
    (
        "not-a-region",
        env(region=" us_west2"),
        [model()],
        "dev.region is ' us_west2': AWS has no such region; try us-west-2",
    ),
    (
        "over-quota",
        env(quotas={"ml.g5.2xlarge": 0}),
        [model()],
        "dev.quotas['ml.g5.2xlarge'] is 0: the environment's models take 1 instances in us-west-2; allowed: a raised "
        "quota 'ml.g5.2xlarge for endpoint usage'",
    ),
    (
        "cors-origins",
        cors("https://chat.example.com/"),
        [model()],
        "dev.front_door.cors.origins is 'https://chat.example.com/'; allowed: scheme, host and port as a browser sends "
        "them, such as 'https://chat.example.com'",
    ),
    (
        "cors-origins",
        cors("https://chat.example.com:443"),
        [model()],
        "dev.front_door.cors.origins is 'https://chat.example.com:443'; allowed: scheme, host and port as a browser "
        "sends them, such as 'https://chat.example.com'",
    ),
    (
        "cors-origins",
        cors("chat.example.com"),
        [model()],
        "dev.front_door.cors.origins is 'chat.example.com'; allowed: scheme, host and port as a browser sends "
        "them, such as 'https://chat.example.com'",
    ),
    (
        "cors-origins",
        cors("https://Chat.example.com"),
        [model()],
        "dev.front_door.cors.origins is 'https://Chat.example.com'; allowed: scheme, host and port as a browser sends "
        "them, such as 'https://chat.example.com'",
    ),
    (
        "cors-origins",
        cors(),
        [model()],
        "dev.front_door.cors.origins is empty; allowed: one origin or more, or no CORS",
    ),
    (
        "cors-origins",
        cors("*", "https://a.example.com"),
        [model()],
        "dev.front_door.cors.origins is '*' among others; allowed: '*' alone, or origins",
    ),
    (
        "cors-origins",
        cors("https://a.example.com", "https://a.example.com"),
        [model()],
        "dev.front_door.cors.origins is 'https://a.example.com', 2 times; allowed: each origin once",
    ),
    (
        "cors-origins",
        cors(*(f"https://chat-{number}.models.example.com" for number in range(30))),
        [model()],
        "dev.front_door.cors.origins is 30 origins; allowed: 1000 characters in all",
    ),
]
WARNINGS: list[Case] = [
    (
        "duplicate-model",
        DEV,
        [model(), model(name="n")],
        "dev/n.model_id is 'huggingface-llm-mistral-7b-instruct': dev/m runs the same version with the same "
        "settings, on instances of its own",
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
        door(api_keys=ApiKeys(quota=Quota(requests=9, per=Period.DAY))),
        [model()],
        "dev.front_door.api_keys.quota.requests is 9: a key has used it up for the whole day with one burst of 10",
    ),
    (
        "no-reserved-concurrency",
        env(reserved_concurrency=None),
        [model()],
        "dev.reserved_concurrency is None: the callers of one model may take all 1000 executions of Lambda that the "
        "account has in a region, and then no other function runs there; try a number",
    ),
    (
        "no-reserved-concurrency",
        door(api_keys=ApiKeys(authorizer_concurrency=None)),
        [model()],
        "dev.front_door.api_keys.authorizer_concurrency is None: whoever sends wrong keys may take all 1000 executions "
        "of Lambda that the account has in a region; try a number",
    ),
    (
        "no-api-throttle",
        door(throttle=None),
        [model()],
        "dev.front_door.throttle is None: the callers of one model may take all 10000 requests a second that API "
        "Gateway gives an account in a region for all of its APIs; try Throttle(requests_per_second=50, burst=16)",
    ),
    (
        "burst-over-concurrency",
        env(reserved_concurrency=15),
        [model()],
        "dev.front_door.throttle.burst is 16: dev.reserved_concurrency is 15, so that of a burst some get 503 from "
        "Lambda, where API Gateway would answer 429; try 15",
    ),
    (
        "throttle-over-account",
        door(throttle=Throttle(requests_per_second=1, burst=5001)),
        [model()],
        "dev.front_door.throttle.burst is 5001: API Gateway throttles all APIs of an account and region together at "
        "5000 unless the quota was raised; try 5000",
    ),
    (
        "address-room",
        env(network=vpc([SUBNET], [GROUP], 3)),
        [model(instance_count=2)],
        "dev.network.free_addresses is 3: it is enough for 2 instances, but not for updating an endpoint, which "
        "runs old and new instances side by side; try more or larger subnets",
    ),
    (
        "cors-any-origin",
        cors("*"),
        [model()],
        "dev.front_door.cors.origins is '*': pages of any site may call the models, with a key or credentials that "
        "they have; try the origins of your pages, such as 'https://chat.example.com'",
    ),
]
