"""Nobody gets anything of the local AWS but programs with its credential: no page of a browser, no other user."""

from __future__ import annotations

import http.client
import json
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit
from uuid import uuid4

import boto3
import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from localaws import server
from localaws.settings import Settings
from tests.support.local_aws import Running, running

Aws = Callable[..., Any]
REGION = "us-east-1"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PAGE = "https://evil.example"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer as it came, with nothing left out."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def knows_no_such_key(self) -> bool:
        """True for the answer to a program that signs with a key or a secret of another AWS."""
        words = (b"<Code>InvalidAccessKeyId<", b"The security token included in the request is invalid.")
        is_readable = any(name.lower().startswith("access-control") for name in self.headers)
        return self.status == 403 and any(word in self.body for word in words) and not is_readable

    @property
    def says_nothing(self) -> bool:
        """True for the refusal without a word: 403, and no header that a page or a program could go by."""
        names = {name.lower() for name in self.headers}
        plain = {"server", "date", "connection", "content-length", "content-type"}
        return (self.status, self.body) == (403, b"") and names <= plain


def send(url: str, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
    """Send a request; `headers` may name a Host."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    try:
        connection.request(method, path, body=body, headers=dict(headers))
        response = connection.getresponse()
        return Answer(status=response.status, headers=dict(response.getheaders()), body=response.read())
    finally:
        connection.close()


@dataclass
class Browser:
    """Sends what scripts of a page ask for, by the rules of the Fetch standard, and hands them what they may read.

    Attributes:
        origin: The page's origin.
        url: The address that its requests reach.
        host: The name in them, where it is another than the address's own.
    """

    origin: str
    url: str
    host: str = ""
    got: list[Answer] = field(default_factory=list)

    def fetch(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer | None:
        """Return the answer, or None where the request is not sent or its answer is not for the page's eyes."""
        headers = dict(headers or {})
        same_origin = self.host != "" and self.origin == f"http://{self.host}"
        own = {"Host": self.host or urlsplit(self.url).netloc}
        own["Sec-Fetch-Site"] = "same-origin" if same_origin else "cross-site"
        if not same_origin or method not in ("GET", "HEAD"):
            own["Origin"] = self.origin
        needs_preflight = method not in ("GET", "HEAD", "POST") or set(headers) - {"Content-Type"}
        if not same_origin and needs_preflight:
            asks = {
                "Access-Control-Request-Method": method,
                "Access-Control-Request-Headers": ",".join(sorted(headers)).lower(),
            }
            allowed = send(self.url, "OPTIONS", path, {**own, **asks})
            self.got.append(allowed)
            if not (200 <= allowed.status < 300 and self._may_read(allowed)):
                return None
        answer = send(self.url, method, path, {**own, **headers}, body)
        self.got.append(answer)
        return answer if same_origin or self._may_read(answer) else None

    def _may_read(self, answer: Answer) -> bool:
        names = {name.lower(): value for name, value in answer.headers.items()}
        return names.get("access-control-allow-origin") in ("*", self.origin)


def role_request(name: str) -> bytes:
    """The body of CreateRole, which a page may send without a preflight."""
    trust = {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}]}
    query = {"Action": "CreateRole", "Version": "2010-05-08", "RoleName": name}
    return urlencode({**query, "AssumeRolePolicyDocument": json.dumps(trust)}).encode()


def authorization(service: str, *, key: str = "AKIAEXAMPLE") -> str:
    """A header that names a service and is signed by nobody."""
    scope = f"{key}/{datetime.now(UTC):%Y%m%d}/{REGION}/{service}/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature={'0' * 64}"


def attack(browser: Browser, name: str) -> list[Answer | None]:
    """Try what ran code on the machine: a role, a function, its invocation; and reading, steering, resetting."""
    function = json.dumps({"FunctionName": name, "Runtime": "python3.13", "Role": "r", "Handler": "h", "Code": {}})
    now = {"X-Amz-Date": f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"}
    return [
        browser.fetch("POST", "/", FORM, role_request(name)),
        browser.fetch("POST", "/", {**FORM, **now, "Authorization": authorization("iam")}, role_request(name)),
        browser.fetch("POST", "/2015-03-31/functions", {"Authorization": authorization("lambda")}, function.encode()),
        browser.fetch("POST", f"/2015-03-31/functions/{name}/invocations", {}, b"{}"),
        browser.fetch("GET", "/"),
        browser.fetch("GET", "/jumpstart-cache-prod-us-east-1/models_manifest.json"),
        browser.fetch("GET", "/_localaws"),
        browser.fetch("PUT", "/_localaws/stepfunctions", {}, b'{"wait_scale": 9}'),
        browser.fetch("POST", "/moto-api/reset"),
        browser.fetch("PUT", "/_localaws/cfn-response/x", {}, b"{}"),
        browser.fetch("POST", "/_localaws/cfn-response/x", {}, b"{}"),
    ]


def test_a_page_of_another_origin_gets_nothing(local_aws: str, aws: Aws) -> None:
    name = f"page-{uuid4().hex[:8]}"
    browser = Browser(origin=PAGE, url=local_aws)

    assert attack(browser, name) == [None] * 11
    assert [answer for answer in browser.got if not answer.says_nothing] == []
    with pytest.raises(ClientError, match="NoSuchEntity"):
        aws("iam").get_role(RoleName=name)


def test_a_page_whose_name_is_made_to_resolve_to_this_machine_gets_nothing(local_aws: str, aws: Aws) -> None:
    name = f"page-{uuid4().hex[:8]}"
    host = f"evil.example:{urlsplit(local_aws).port}"
    browser = Browser(origin=f"http://{host}", url=local_aws, host=host)

    answers = attack(browser, name)

    assert [answer for answer in answers if answer is None or not answer.says_nothing] == []
    with pytest.raises(ClientError, match="NoSuchEntity"):
        aws("iam").get_role(RoleName=name)


@dataclass(frozen=True, kw_only=True)
class Signer:
    """Sends requests that are signed as AWS's clients sign them."""

    known: Running
    session_token: str | None = None

    def send(
        self,
        *,
        tamper: Callable[[dict[str, str]], None] = lambda _headers: None,
        body: bytes = b"Action=GetCallerIdentity&Version=2011-06-15",
        sent: bytes | None = None,
        key: str | None = None,
        secret: str | None = None,
        unsigned: Mapping[str, str] | None = None,
    ) -> Answer:
        """Sign `body` and send it, or `sent` in its place.

        Args:
            tamper: Changes the headers before they are signed.
            body: What is signed.
            sent: What is sent, where it is another body.
            key: The access key; else that of the process.
            secret: The key's secret.
            unsigned: Headers that are added when the request is signed.
        """
        headers: dict[str, str] = {"Host": urlsplit(self.known.url).netloc, **FORM}
        tamper(headers)
        request = AWSRequest("POST", f"http://{headers['Host']}/", headers=headers, data=body)
        credentials = Credentials(
            key or self.known.access_key_id, secret or self.known.secret_access_key, self.session_token
        )
        SigV4Auth(credentials, "sts", REGION).add_auth(request)
        headers = {**dict(request.headers), **(unsigned or {})}
        return send(self.known.url, "POST", "/", headers, body if sent is None else sent)


@pytest.fixture
def signer(local_aws: str) -> Signer:
    """Sign with the credential of the process."""
    return Signer(known=running(local_aws))


def test_a_program_with_the_credential_is_let_in_and_nothing_is_readable_by_pages(signer: Signer) -> None:
    answer = signer.send()

    assert answer.status == 200
    assert b"<GetCallerIdentityResult>" in answer.body
    assert [name for name in answer.headers if name.lower().startswith("access-control")] == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example:{port}"},
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1:1"},
        {"Host": "bucket.s3.amazonaws.com"},
        {"Origin": PAGE},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:{port}"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
def test_a_good_signature_helps_no_page(signer: Signer, headers: dict[str, str]) -> None:
    port = str(urlsplit(signer.known.url).port)

    answer = signer.send(
        tamper=lambda own: own.update({name: value.replace("{port}", port) for name, value in headers.items()})
    )

    assert answer.says_nothing


def test_localhost_is_a_name_of_the_loopback_address(signer: Signer) -> None:
    port = urlsplit(signer.known.url).port
    assert signer.send(tamper=lambda own: own.update({"Host": f"localhost:{port}"})).status == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"key": "test", "secret": "test"},
        {"key": "localaws-admin", "secret": "test"},
        {"key": "AKIAIOSFODNN7EXAMPLE"},
        {"secret": "wrong"},
        {"sent": b"Action=GetSessionToken&Version=2011-06-15"},
    ],
    ids=str,
)
def test_a_foreign_key_a_wrong_secret_and_another_body_are_not_known(signer: Signer, changes: dict[str, Any]) -> None:
    assert signer.send(**changes).knows_no_such_key


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("sts", lambda client: client.get_caller_identity(), "InvalidClientTokenId"),
        ("cloudformation", lambda client: client.list_stacks(), "InvalidClientTokenId"),
        ("s3", lambda client: client.list_buckets(), "InvalidAccessKeyId"),
        ("lambda", lambda client: client.list_functions(), "UnrecognizedClientException"),
        ("stepfunctions", lambda client: client.list_state_machines(), "UnrecognizedClientException"),
        ("sagemaker", lambda client: client.list_endpoints(), "UnrecognizedClientException"),
    ],
)
def test_clients_read_that_a_key_is_not_known(
    local_aws: str, service: str, call: Callable[[Any], Any], code: str
) -> None:
    client = boto3.session.Session().client(
        service,  # type: ignore[call-overload] # the stubs list every service as a literal
        region_name=REGION,
        endpoint_url=local_aws,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(ClientError) as refused:
        call(client)
    assert refused.value.response["Error"]["Code"] == code


def test_a_key_without_its_secret_is_not_known(local_aws: str) -> None:
    header = {"Authorization": authorization("sts", key=running(local_aws).access_key_id)}
    now = {"X-Amz-Date": f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"}
    assert send(local_aws, "POST", "/", {**FORM, **header, **now}, b"Action=GetCallerIdentity").knows_no_such_key


def test_a_signature_of_ten_minutes_ago_does_not_hold(signer: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: datetime.now(UTC) - timedelta(minutes=10))
    assert signer.send().knows_no_such_key


def test_a_session_needs_its_own_token(local_aws: str, aws: Aws) -> None:
    name = f"gate-{uuid4().hex[:8]}"
    trust = {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}]}
    role = aws("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    one, other = (
        aws("sts").assume_role(RoleArn=role, RoleSessionName=part)["Credentials"] for part in ("one", "other")
    )
    known = Running(
        url=local_aws, apis_url="", access_key_id=one["AccessKeyId"], secret_access_key=one["SecretAccessKey"]
    )

    assert b":assumed-role/" in Signer(known=known, session_token=one["SessionToken"]).send().body
    assert Signer(known=known, session_token=other["SessionToken"]).send().knows_no_such_key
    assert Signer(known=known).send().knows_no_such_key


def test_the_key_of_a_user_is_taken_until_it_is_switched_off(local_aws: str, aws: Aws) -> None:
    iam, name = aws("iam"), f"gate-{uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    signer = Signer(
        known=Running(
            url=local_aws, apis_url="", access_key_id=key["AccessKeyId"], secret_access_key=key["SecretAccessKey"]
        )
    )

    assert b":user/" in signer.send().body
    iam.update_access_key(UserName=name, AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert signer.send().knows_no_such_key


class TestPresigned:
    """URLs that are signed themselves, of S3's objects."""

    @pytest.fixture
    def bucket(self, aws: Aws) -> str:
        name = f"gate-{uuid4().hex[:8]}"
        aws("s3").create_bucket(Bucket=name)
        aws("s3").put_object(Bucket=name, Key="a key/+ä", Body=b"text")
        return name

    def _get(self, url: str) -> Answer:
        parts = urlsplit(url)
        return send(f"http://{parts.netloc}", "GET", f"{parts.path}?{parts.query}", {})

    def _client(self, local_aws: str, **credentials: Any) -> Any:
        return boto3.session.Session().client(
            "s3",
            region_name=REGION,
            endpoint_url=local_aws,
            config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
            **(credentials or running(local_aws).credentials),
        )

    def _url(self, client: Any, bucket: str, seconds: int = 60) -> str:
        given = {"Bucket": bucket, "Key": "a key/+ä"}
        return str(client.generate_presigned_url("get_object", Params=given, ExpiresIn=seconds))

    def test_is_a_credential_for_one_object(self, local_aws: str, bucket: str) -> None:
        url = self._url(self._client(local_aws), bucket)

        assert self._get(url).body == b"text"
        assert self._get(url.replace(f"/{bucket}/", "/other/")).says_nothing
        assert self._get(url.replace("X-Amz-Expires=60", "X-Amz-Expires=99")).says_nothing

    def test_ends_with_its_time(self, local_aws: str, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: datetime.now(UTC) - timedelta(minutes=10))
        assert self._get(self._url(self._client(local_aws), bucket, seconds=660)).body == b"text"
        assert self._get(self._url(self._client(local_aws), bucket, seconds=540)).says_nothing

    @pytest.mark.parametrize(
        "seconds",
        ["99999999999999999", "86399999999999", "604801", pytest.param("9" * 5000, id="many digits"), "٣", "-1", ""],
    )
    def test_that_shall_hold_for_more_than_seven_days_is_none(self, local_aws: str, seconds: str) -> None:
        url = self._url(self._client(local_aws), "bucket", seconds=604800)

        assert b"<Code>NoSuchBucket<" in self._get(url).body
        forged = url.replace("X-Amz-Expires=604800", f"X-Amz-Expires={quote(seconds)}")
        assert self._get(forged).says_nothing

    def test_that_holds_for_no_second_does_not_hold(
        self, local_aws: str, bucket: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: datetime.now(UTC) - timedelta(seconds=5))
        assert self._get(self._url(self._client(local_aws), bucket, seconds=0)).says_nothing

    @pytest.mark.parametrize("date", ["00010101", "99991231"])
    def test_of_the_ends_of_time_does_not_hold(self, local_aws: str, date: str) -> None:
        url = self._url(self._client(local_aws), "bucket", seconds=604800)
        forged = re.sub(r"\d{8}T\d{6}Z", f"{date}T000000Z", url).replace(f"{datetime.now(UTC):%Y%m%d}", date)
        assert self._get(forged).says_nothing

    def test_whose_signature_is_no_ascii_does_not_hold(self, local_aws: str) -> None:
        url, _, _ = self._url(self._client(local_aws), "bucket").partition("X-Amz-Signature=")
        assert self._get(f"{url}X-Amz-Signature=%C3%A4").says_nothing

    def test_holds_its_signer_to_its_policies(self, local_aws: str, aws: Aws, bucket: str) -> None:
        name = f"gate-{uuid4().hex[:8]}"
        aws("iam").create_user(UserName=name)
        key = aws("iam").create_access_key(UserName=name)["AccessKey"]
        client = self._client(
            local_aws, aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
        )

        refused = self._get(self._url(client, bucket))

        assert refused.status == 403
        assert b"is not authorized to perform: s3:GetObject" in refused.body


@pytest.mark.parametrize("date", ["00010101", "99991231"])
def test_a_signature_of_the_ends_of_time_does_not_hold(local_aws: str, date: str) -> None:
    header = authorization("sts").replace(f"{datetime.now(UTC):%Y%m%d}", date)
    sent = {**FORM, "Authorization": header, "X-Amz-Date": f"{date}T000000Z"}
    assert send(local_aws, "POST", "/", sent, b"Action=GetCallerIdentity").knows_no_such_key


def test_a_path_that_makes_the_host_no_host_is_refused(local_aws: str) -> None:
    assert send(local_aws, "GET", "[?X-Amz-Signature=0", {}).says_nothing


@pytest.mark.parametrize("region", ["aa-bbbbbbbbbb-1", "us-east-9", "us-east-1-us-east-1"])
def test_jumpstart_has_a_bucket_of_known_regions_only(local_aws: str, aws: Aws, region: str) -> None:
    path = f"/jumpstart-cache-prod-{region}"

    assert send(local_aws, "GET", f"{path}/models_manifest.json", {}).says_nothing
    with pytest.raises(ClientError, match="404"):
        aws("s3").head_bucket(Bucket=path[1:])


def test_anybody_reads_jumpstarts_buckets_and_writes_nothing_there(local_aws: str) -> None:
    path = "/jumpstart-cache-prod-us-east-1/models_manifest.json"

    assert send(local_aws, "GET", path, {}).status == 200
    assert send(local_aws, "PUT", path, {}, b"").says_nothing
    assert send(local_aws, "GET", "/jumpstart-cache-prod-us-east-1.evil/x", {}).says_nothing
    assert send(local_aws, "GET", path, {"Host": "evil.example"}).says_nothing
    # Step Functions would take the first by its header alone, and others the second by their bodies.
    assert send(local_aws, "GET", path, {"X-Amz-Target": "AWSStepFunctions.ListStateMachines"}).says_nothing
    assert send(local_aws, "GET", path, FORM, role_request("r")).says_nothing


@pytest.mark.parametrize("header", ["X-Amz-Target", "x-amz-acl"])
def test_a_header_of_awss_own_that_was_not_signed_is_refused(signer: Signer, header: str) -> None:
    assert signer.send(unsigned={header: "other"}).knows_no_such_key
    assert signer.send(unsigned={"X-Other": "other"}).status == 200


@pytest.mark.parametrize("path", ["/_localaws", "/_localaws/stepfunctions", "/moto-api/reset", "/moto-api/data.json"])
def test_steering_wants_the_secret(local_aws: str, path: str) -> None:
    secret = running(local_aws).secret_access_key

    for header in ({}, {"Authorization": "Bearer test"}, {"Authorization": authorization("sts")}):
        assert send(local_aws, "GET", path, header).says_nothing
    assert send(local_aws, "GET", "/_localaws", {"Authorization": f"Bearer {secret}"}).status == 200


def test_the_port_of_apis_has_no_other_service(local_apis: str, aws: Aws) -> None:
    known, name = running(local_apis), f"gate-{uuid4().hex[:8]}"
    request = AWSRequest("POST", f"{local_apis}/", headers=dict(FORM), data=role_request(name))
    SigV4Auth(Credentials(known.access_key_id, known.secret_access_key), "iam", REGION).add_auth(request)
    bearer = {"Authorization": f"Bearer {known.secret_access_key}"}

    assert send(local_apis, "POST", "/", dict(request.headers), role_request(name)).says_nothing
    assert send(local_apis, "GET", "/_localaws", bearer).says_nothing
    assert send(local_apis, "GET", "/", {}).says_nothing
    with pytest.raises(ClientError, match="NoSuchEntity"):
        aws("iam").get_role(RoleName=name)


def test_a_page_on_the_port_of_apis_does_not_reach_the_services(local_aws: str, local_apis: str, aws: Aws) -> None:
    name = f"page-{uuid4().hex[:8]}"
    browser = Browser(origin=local_apis, url=local_aws)

    assert attack(browser, name) == [None] * 11
    assert [answer for answer in browser.got if not answer.says_nothing] == []
    with pytest.raises(ClientError, match="NoSuchEntity"):
        aws("iam").get_role(RoleName=name)


def test_s3_takes_a_body_whose_hash_was_signed_and_no_other(local_aws: str, aws: Aws) -> None:
    bucket = f"gate-{uuid4().hex[:8]}"
    aws("s3").create_bucket(Bucket=bucket)
    request = AWSRequest("PUT", f"{local_aws}/{bucket}/key", data=b"mine")
    known = running(local_aws)
    S3SigV4Auth(Credentials(known.access_key_id, known.secret_access_key), "s3", REGION).add_auth(request)
    headers = {**dict(request.headers), "Host": urlsplit(local_aws).netloc}

    assert send(local_aws, "PUT", f"/{bucket}/key", headers, b"your").knows_no_such_key
    assert send(local_aws, "PUT", f"/{bucket}/key", headers, b"mine").status == 200


def test_what_is_written_of_the_credential_is_for_the_owners_eyes(tmp_path: Path) -> None:
    file, configured = tmp_path / "ready", Settings(port=1, apis_port=2)

    server._announce(file, configured)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert Running.read(file).secret_access_key == configured.credential.secret_access_key
    assert configured.credential.secret_access_key not in repr(configured)
    assert Settings(port=1).credential != configured.credential
