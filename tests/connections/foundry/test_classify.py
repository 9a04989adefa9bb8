"""What a service says when it refuses becomes a kind, a sentence and a hint."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connections.foundry.classify import error_of_answer
from connections.foundry.errors import LONGEST_RAW, ErrorKind
from connections.foundry.masking import Masker

K = ErrorKind


def read(status, body, headers=None):
    text = body if isinstance(body, str) else json.dumps(body)
    return error_of_answer(
        status, text, headers or {}, model="my-gpt", masker=Masker(["planted-key"]), host="r.openai.azure.com"
    )


def said(code, message="", **more):
    return {"error": {"code": code, "message": message, **more}}


CASES = [
    (400, said("content_filter", "The response was filtered", param="prompt"), K.CONTENT_FILTER),
    (400, said("content_filter", "x", innererror={"code": "ResponsibleAIPolicyViolation"}), K.CONTENT_FILTER),
    (400, said("context_length_exceeded", "This model's maximum context length", param="messages"), K.CONTEXT_LENGTH),
    (400, said("unsupported_parameter", "Use 'max_completion_tokens' instead.", param="max_tokens"), K.UNSUPPORTED_PARAMETER),
    (400, said("unsupported_value", "Only the default (1) value is supported", param="temperature"), K.UNSUPPORTED_PARAMETER),
    (400, said("unknown_parameter", "Unknown parameter: 'seed'.", param="seed"), K.UNSUPPORTED_PARAMETER),
    (400, said(None, "Unrecognized request argument supplied: stream_options", param=None), K.UNSUPPORTED_PARAMETER),
    (400, {"detail": "Extra parameters ['stream_options'] are not allowed when extra-parameters is not set"}, K.UNSUPPORTED_PARAMETER),
    (422, {"detail": [{"loc": ["body", "seed"], "input": 7}]}, K.UNSUPPORTED_PARAMETER),
    (400, said("decimal_above_max_value", "Invalid 'temperature': 3 is above 2.", param="temperature"), K.PROTOCOL),
    (400, said("OperationNotSupported", "The chatCompletion operation does not work with the specified model"), K.NOT_FOUND_ROUTE),
    (400, said("BadRequest", "api-version query parameter is not allowed when using /v1 path"), K.NOT_FOUND_ROUTE),
    (400, said("BadRequest", "Missing required query parameter: api-version"), K.NOT_FOUND_ROUTE),
    (401, said("401", "Access denied due to invalid subscription key or wrong API endpoint."), K.AUTH_KEY),
    (401, {"statusCode": 401, "message": "Unauthorized. Access token is missing, invalid, audience is incorrect"}, K.AUTH_TOKEN),
    (401, said("PermissionDenied", "Principal does not have access to API/Operation."), K.PERMISSION),
    (401, said("PermissionDenied", "The principal lacks the required data action"), K.PERMISSION),
    (401, "", K.AUTH_KEY),
    (403, said("AuthenticationTypeDisabled", "Key based authentication is disabled for this resource."), K.PERMISSION),
    (403, said("403", "Access denied due to Virtual Network/Firewall rules."), K.NETWORK_RULE),
    (403, said("AccessDenied", "Public access is disabled. Please configure private endpoint."), K.NETWORK_RULE),
    (403, "<html>Forbidden</html>", K.PERMISSION),
    (404, said("DeploymentNotFound", "The API deployment for this resource does not exist."), K.NOT_FOUND_DEPLOYMENT),
    (404, said("404", "Resource not found"), K.NOT_FOUND_ROUTE),
    (404, "", K.NOT_FOUND_ROUTE),
    (410, "", K.NOT_FOUND_ROUTE),
    (408, said("Timeout", "The operation was timeout."), K.TIMEOUT),
    (409, "", K.SERVER),
    (413, "", K.PROTOCOL),
    (424, said("", "upstream model failed"), K.SERVER),
    (429, said("429", "Rate limit is exceeded. Try again in 26 seconds."), K.RATE_LIMIT),
    (429, said("RateLimitReached"), K.RATE_LIMIT),
    (429, said("NoCapacity"), K.RATE_LIMIT),
    (429, said("insufficient_quota", "You exceeded your current quota"), K.QUOTA),
    (431, "", K.PROTOCOL),
    (499, "", K.SERVER),
    (500, said("InternalServerError", "The server had an error"), K.SERVER),
    (502, "<html><body>Bad Gateway</body></html>", K.SERVER),
    (503, {"error": "system is experiencing high demand"}, K.SERVER),
    (504, {"message": "timeout"}, K.SERVER),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "kind"), CASES)
def test_every_refusal_has_its_kind_a_sentence_and_a_hint(status, body, kind):
    error = read(status, body)
    assert (error.kind, error.status) == (kind, status)
    assert error.message
    assert error.hint


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (said("unsupported_parameter", "x", param="max_tokens"), "max_tokens"),
        (said(None, "Unrecognized request argument supplied: stream_options"), "stream_options"),
        (said(None, "Unsupported parameter: 'temperature' is not supported with this model."), "temperature"),
        (said(None, "'response_format' of type 'json_schema' is not supported with this model."), "response_format"),
        (said(None, "Invalid parameter: of type 'json_schema' is not supported", param="response_format"), "response_format"),
        ({"detail": "Extra parameters ['seed', 'user'] are not allowed"}, "seed"),
        ({"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}, "seed"),
        ({"object": "error", "message": 'unknown field "verbosity"'}, "verbosity"),
        (said("invalid_value", "Invalid value: 'tool'.", param="messages"), None),
        ({"detail": "nothing"}, None),
        ({"detail": [{"loc": 7}]}, None),
    ],
)  # fmt: skip
def test_the_refused_parameter_is_found(body, param):
    assert read(400, body).param == param


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "the words"}}, {"error": "the words"}, {"statusCode": 500, "message": "the words"},
        {"code": "x", "message": "the words"}, {"message": "the words"}, {"detail": "the words"},
        {"detail": ["the words"]}, {"object": "error", "message": "the words"},
    ],
)  # fmt: skip
def test_the_words_of_the_service_are_shown_whatever_form_they_have(body):
    assert "the words" in read(500, body).message


def test_the_words_for_a_wrong_key():
    error = read(401, said("401", "Access denied"))
    assert error.message == "401: the key was refused. The address is right."
    assert error.hint.startswith("Copy key 1 or 2 again")


def test_a_content_filter_says_category_and_severity():
    results = {
        "violence": {"filtered": True, "severity": "high"},
        "hate": {"filtered": False},
        "jailbreak": {"filtered": True},
    }
    error = read(400, said("content_filter", "x", innererror={"content_filter_result": results}))
    assert "violence, high; jailbreak" in error.message


def test_the_key_is_masked_wherever_it_comes_back():
    error = read(500, said("x", "your planted-key is bad"), {"apim-request-id": "id-1"})
    assert "planted-key" not in error.raw + error.message + error.hint
    assert error.request_id == "id-1"


def test_what_came_back_is_bounded():
    assert len(read(500, "x" * 100_000).raw) == LONGEST_RAW


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["error", "code", "message", "param", "detail", "loc", "innererror", "content_filter_result", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.integers(100, 599), JSON)
def test_no_answer_breaks_the_reader_of_errors(status, body):
    error = read(status, body)
    assert error.kind in ErrorKind
    assert error.message


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader_of_errors(text):
    assert read(500, text).kind in ErrorKind
