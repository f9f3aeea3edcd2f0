"""Errors of an imported model: cold, throttled, refused, broken off, replaced."""

from collections.abc import Iterator
from typing import Any

import pytest

from invoke_shim.backends import retry
from invoke_shim.backends.bedrock.model import ImportedModel
from invoke_shim.errors import ApiError
from invoke_shim.generation.types import Piece
from localaws import eventstream
from tests.invoke_shim.backend_stub import Reply, Stub, fails, soon, whole
from tests.invoke_shim.backends.bedrock.stub import (
    ARN,
    backend,
    converse_stream,
    documents,
    environment,
    prompt_request,
    stream,
    written,
)

NOT_READY = fails("ModelNotReadyException", 429, message="Model is not ready for inference.")
ANSWER = {"generation": "Hello!", "prompt_token_count": 3, "generation_token_count": 5, "stop_reason": "stop"}


@pytest.fixture(scope="module")
def stub() -> Iterator[Stub]:
    with Stub().running() as stub, pytest.MonkeyPatch.context() as patch:
        for name, value in environment(stub).items():
            patch.setenv(name, value)
        yield stub


@pytest.fixture(scope="module")
def native(stub: Stub) -> Iterator[ImportedModel]:
    made = backend("native")
    yield made
    made.close()


@pytest.fixture(scope="module")
def converse(stub: Stub) -> Iterator[ImportedModel]:
    made = backend("converse")
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _in_no_time(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    stub.reset()
    monkeypatch.setattr(retry, "FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(retry, "LONGEST_PAUSE_SECONDS", 0.002)


def sent(model: ImportedModel, *, is_stream: bool) -> str:
    """The text of an answer, or of its first piece."""
    if is_stream:
        return next(model.stream(prompt_request("native"), soon())).text
    return model.complete(prompt_request("native"), soon()).completions[0].text


def broken(exception: str, **members: object) -> Reply:
    """A stream that says something and then ends in an exception."""
    first = documents("native", ["Hi"], usage=(1, 1))[0]
    return stream([written(first)], last=eventstream.exception(exception, {"message": "as asked for", **members}))


class TestLength:
    @pytest.mark.parametrize("as_model_error", [False, True])
    @pytest.mark.parametrize(
        "message",
        [
            "Input is too long for requested model.",
            "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens (8900 in the "
            "messages, 100 in the completion). Please reduce the length of the messages or completion.",
        ],
    )
    def test_of_a_prompt_that_does_not_fit_has_openais_code(
        self, stub: Stub, native: ImportedModel, message: str, as_model_error: bool
    ) -> None:
        stub.replies = [
            fails("ModelErrorException", 424, message=message, originalStatusCode=400)
            if as_model_error
            else fails("ValidationException", 400, message=message)
        ]
        with pytest.raises(ApiError) as error:
            sent(native, is_stream=False)
        assert (error.value.status, error.value.code) == (400, "context_length_exceeded")
        assert message in error.value.message

    def test_is_no_reason_of_other_refusals(self, stub: Stub, native: ImportedModel) -> None:
        stub.replies = [fails("ValidationException", 400, message="Malformed input request")]
        with pytest.raises(ApiError) as error:
            sent(native, is_stream=False)
        assert error.value.code is None


class TestAbilities:
    @pytest.mark.parametrize(
        ("message", "explained"),
        [
            (
                "This model doesn't support tool use.",
                "doesn't support tool use; of imported models, GPT-OSS calls tools",
            ),
            (
                '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
                "to be set; of imported models, GPT-OSS calls tools, with the body 'chat'",
            ),
            (
                "This model doesn't support the image field. Remove image and try again.",
                "try again; of imported models, those that see take images, with the body 'chat'",
            ),
            ("At most 0 image(s) may be provided in one request.", "those that see take images"),
        ],
    )
    @pytest.mark.parametrize("as_model_error", [False, True])
    def test_that_the_model_has_not_are_explained(
        self, stub: Stub, native: ImportedModel, message: str, explained: str, as_model_error: bool
    ) -> None:
        stub.replies = [
            fails("ModelErrorException", 424, message=message, originalStatusCode=400)
            if as_model_error
            else fails("ValidationException", 400, message=message)
        ]
        with pytest.raises(ApiError) as error:
            sent(native, is_stream=False)
        assert error.value.status == 400
        assert explained in error.value.message


class TestCold:
    @pytest.mark.parametrize("is_stream", [False, True])
    def test_model_is_asked_until_it_is_loaded(self, stub: Stub, native: ImportedModel, is_stream: bool) -> None:
        made = documents("native", ["Hello!"], usage=(3, 5))
        answer = stream(list(map(written, made))) if is_stream else whole(ANSWER)
        stub.replies = [NOT_READY, NOT_READY, fails("ServiceUnavailableException", 503, message="busy"), answer]
        deadline = soon()
        if is_stream:
            assert "".join(piece.text for piece in native.stream(prompt_request("native"), deadline)) == "Hello!"
        else:
            assert native.complete(prompt_request("native"), deadline).completions[0].text == "Hello!"
        assert len(stub.bodies) == 4
        assert deadline.cold_wait.seconds > 0

    def test_model_that_stays_so_is_unavailable_when_the_time_is_over(self, stub: Stub, native: ImportedModel) -> None:
        stub.replies = [NOT_READY]
        with pytest.raises(ApiError, match=r"being loaded.*try again in 30 s") as error:
            native.complete(prompt_request("native"), soon(retry.LEAST_RESERVE_SECONDS + 1))
        assert (error.value.status, error.value.headers) == (503, {"retry-after": "30"})
        assert len(stub.bodies) > 1

    def test_model_is_waited_for_in_conversations_too(self, stub: Stub, converse: ImportedModel) -> None:
        tokens = {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}
        events: list[tuple[str, Any]] = [
            ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Hi"}}),
            ("messageStop", {"stopReason": "end_turn"}),
            ("metadata", {"usage": tokens, "metrics": {"latencyMs": 1}}),
        ]
        stub.replies = [NOT_READY, converse_stream(events)]
        assert next(converse.stream(prompt_request("converse"), soon())) == Piece(text="Hi")

    def test_service_out_of_reach_is_tried_again(self, stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "http://127.0.0.1:9")
        unreachable = backend("native")
        # Time for a first try, however busy the machine is.
        deadline = soon(retry.LEAST_RESERVE_SECONDS + 0.6)
        with pytest.raises(ApiError, match="Bedrock cannot be reached") as error:
            unreachable.complete(prompt_request("native"), deadline)
        assert error.value.status == 503
        assert deadline.cold_wait.seconds > 0


class TestError:
    @pytest.mark.parametrize("is_stream", [False, True])
    @pytest.mark.parametrize(
        ("reply", "status", "message", "headers"),
        [
            (
                fails("ThrottlingException", 429, message="Too many requests"),
                429,
                "too many requests",
                {"retry-after": "1"},
            ),
            (
                fails("ServiceQuotaExceededException", 400, message="quota"),
                429,
                "too many requests",
                {"retry-after": "1"},
            ),
            (
                fails("ValidationException", 400, message=f"Malformed input request for {ARN}"),
                400,
                r"Bedrock refused the request: Malformed input request for \[...\]$",
                {},
            ),
            (
                fails("ModelErrorException", 424, message="too long", originalStatusCode=400, resourceName=ARN),
                400,
                "too long",
                {},
            ),
            (
                fails("ModelErrorException", 424, message="full", originalStatusCode=429, resourceName=ARN),
                429,
                "queue is full",
                {"retry-after": "2"},
            ),
            (
                fails("ModelErrorException", 424, message="CUDA", originalStatusCode=500, resourceName=ARN),
                502,
                "failed to generate",
                {},
            ),
            (
                fails("ModelStreamErrorException", 424, message="", originalStatusCode=400, originalMessage="too long"),
                400,
                "^too long$",
                {},
            ),
            (
                fails("ModelTimeoutException", 408, message="The request took too long to process."),
                504,
                "in time",
                {"x-should-retry": "false"},
            ),
            (
                fails("ResourceNotFoundException", 404, message="The specified resource ARN was not found."),
                503,
                "does not exist",
                {"x-should-retry": "false"},
            ),
            (
                fails("InternalServerException", 500, message="secret"),
                502,
                "Bedrock failed to answer$",
                {"x-should-retry": "false"},
            ),
            (Reply(drop=True), 502, "connection to the model was lost", {"x-should-retry": "false"}),
        ],
    )
    def test_is_the_clients_and_the_request_is_not_repeated(
        self,
        stub: Stub,
        native: ImportedModel,
        reply: Reply,
        status: int,
        message: str,
        headers: dict[str, str],
        is_stream: bool,
    ) -> None:
        stub.replies = [reply]
        with pytest.raises(ApiError, match=message) as error:
            sent(native, is_stream=is_stream)
        assert (error.value.status, dict(error.value.headers)) == (status, headers)
        assert len(stub.bodies) == 1

    @pytest.mark.parametrize("is_stream", [False, True])
    def test_of_a_missing_permission_names_it_and_no_account(
        self, stub: Stub, native: ImportedModel, is_stream: bool
    ) -> None:
        action = "bedrock:InvokeModelWithResponseStream" if is_stream else "bedrock:InvokeModel"
        message = (
            f"User: arn:aws:sts::123456789012:assumed-role/x is not authorized to perform: {action} on resource: {ARN}"
        )
        for text in (message, "You don't have access to the model with the specified model ID."):
            stub.replies = [fails("AccessDeniedException", 403, message=text)]
            with pytest.raises(ApiError) as error:
                sent(native, is_stream=is_stream)
            assert error.value.status == 500
            assert error.value.message == f"this API's function lacks the permission {action} for the imported model"

    def test_of_a_slow_answer_suggests_to_stream(self, stub: Stub, native: ImportedModel) -> None:
        stub.replies = [Reply(hang=True)]
        with pytest.raises(ApiError, match=r"stream the answer \(stream: true\)") as error:
            native.complete(prompt_request("native"), soon(1))
        assert (error.value.status, error.value.code) == (504, "timeout")

    def test_in_a_document_under_status_200_is_one(self, stub: Stub, native: ImportedModel) -> None:
        stub.replies = [whole({"error": {"message": "too long", "code": 400}})]
        with pytest.raises(ApiError, match="too long") as error:
            sent(native, is_stream=False)
        assert error.value.status == 400


class TestBrokenStream:
    @pytest.mark.parametrize(
        ("reply", "status", "message"),
        [
            # Of an exception in a stream botocore tells the message only, not the model's status.
            (broken("modelStreamErrorException", originalStatusCode=400), 502, "failed to generate"),
            (broken("internalServerException"), 502, "Bedrock failed to answer"),
            (broken("throttlingException"), 429, "too many requests"),
            (broken("modelTimeoutException"), 504, "did not go on with its answer in time"),
            (broken("validationException"), 400, "as asked for"),
            (broken("serviceUnavailableException"), 503, "not available"),
        ],
    )
    def test_keeps_what_came_and_tells_why_it_ended(
        self, stub: Stub, native: ImportedModel, reply: Reply, status: int, message: str
    ) -> None:
        stub.replies = [reply]
        pieces = native.stream(prompt_request("native"), soon())
        assert next(pieces).text == "Hi"
        with pytest.raises(ApiError, match=message) as error:
            list(pieces)
        assert error.value.status == status
        assert len(stub.bodies) == 1

    def test_of_a_lost_connection_is_told(self, stub: Stub, native: ImportedModel) -> None:
        first = documents("native", ["Hi"], usage=(1, 1))[0]
        stub.replies = [stream([written(first)], cut=True)]
        pieces = native.stream(prompt_request("native"), soon())
        assert next(pieces).text == "Hi"
        with pytest.raises(ApiError, match="connection to the model was lost"):
            list(pieces)

    def test_of_a_conversation_is_told(self, stub: Stub, converse: ImportedModel) -> None:
        delta = ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Hi"}})
        end = eventstream.exception("throttlingException", {"message": "slow down"})
        stub.replies = [converse_stream([delta], last=end)]
        pieces = converse.stream(prompt_request("converse"), soon())
        assert next(pieces).text == "Hi"
        with pytest.raises(ApiError, match="too many requests"):
            list(pieces)

    def test_natively_has_a_status_as_long_as_nothing_came(self, stub: Stub, native: ImportedModel) -> None:
        stub.replies = [stream([], last=eventstream.exception("throttlingException", {"message": "slow down"}))]
        with pytest.raises(ApiError, match="too many requests"):
            native.invoke_stream(b'{"prompt": "Hi", "max_gen_len": 3}', soon())


class TestPointer:
    OLD, NEW = (f"{ARN[:-1]}{end}" for end in "xy")
    GONE = fails("ResourceNotFoundException", 404, message="The specified resource ARN was not found.")

    @classmethod
    def parameter(cls, arn: str) -> Reply:
        return Reply(
            body=b'{"Parameter": {"Name": "/served", "Type": "String", "Value": "%s"}}' % arn.encode(),
            headers={"content-type": "application/x-amz-json-1.1"},
        )

    @pytest.fixture
    def pointed(self, stub: Stub) -> Iterator[ImportedModel]:
        made = backend("native", model_arn=None, target_parameter="/served")
        yield made
        made.close()

    def test_names_the_model(self, stub: Stub, pointed: ImportedModel) -> None:
        stub.replies = [self.parameter(self.OLD), whole(ANSWER)]
        pointed.complete(prompt_request("native"), soon())
        assert self.OLD.rpartition("/")[2] in stub.paths[1]

    # Where a policy asks for a tag, IAM denies what is gone: it has no tags.
    DENIED = fails("AccessDeniedException", 403, message="is not authorized to perform: bedrock:InvokeModel")

    @pytest.mark.parametrize("gone", [GONE, DENIED])
    def test_is_read_again_when_its_model_is_gone_and_the_request_goes_to_the_next(
        self, stub: Stub, pointed: ImportedModel, gone: Reply
    ) -> None:
        stub.replies = [self.parameter(self.OLD), gone, self.parameter(self.NEW), whole(ANSWER)]
        assert pointed.complete(prompt_request("native"), soon()).completions[0].text == "Hello!"
        assert self.NEW.rpartition("/")[2] in stub.paths[3]

    def test_that_still_names_the_model_that_is_gone_is_not_followed_for_ever(
        self, stub: Stub, pointed: ImportedModel
    ) -> None:
        stub.replies = [self.parameter(self.OLD), self.GONE, self.parameter(self.OLD), whole(ANSWER)]
        with pytest.raises(ApiError, match="does not exist"):
            pointed.complete(prompt_request("native"), soon())
        assert len(stub.paths) == 3

    def test_that_names_a_model_that_may_not_be_invoked_tells_the_permission(
        self, stub: Stub, pointed: ImportedModel
    ) -> None:
        stub.replies = [self.parameter(self.OLD), self.DENIED, self.parameter(self.OLD), whole(ANSWER)]
        with pytest.raises(ApiError, match="lacks the permission bedrock:InvokeModel for the imported model") as error:
            pointed.complete(prompt_request("native"), soon())
        assert (error.value.status, len(stub.paths)) == (500, 3)

    def test_to_none_is_no_version_yet(self, stub: Stub, pointed: ImportedModel) -> None:
        history = Reply(
            body=b'{"Parameters": [{"Name": "/served", "Type": "String", "Value": "none"}]}',
            headers={"content-type": "application/x-amz-json-1.1"},
        )
        stub.replies = [self.parameter("none"), history]
        with pytest.raises(ApiError, match="no version of the model is served yet") as error:
            pointed.complete(prompt_request("native"), soon())
        assert error.value.status == 503
