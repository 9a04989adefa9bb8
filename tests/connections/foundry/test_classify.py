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
    assert next(iter(read(400, body).params), None) == param


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


# Each of these words alone is enough, in the code or in the message.
ALONE = [
    (400, "responsibleaipolicyviolation", K.CONTENT_FILTER),
    (400, "content_filter", K.CONTENT_FILTER),
    (400, "the content management policy", K.CONTENT_FILTER),
    (400, "context_length_exceeded", K.CONTEXT_LENGTH),
    (400, "the maximum context length is 8192", K.CONTEXT_LENGTH),
    (400, "model output limit was reached", K.TRUNCATED),
    (400, "api-version query parameter is not allowed", K.NOT_FOUND_ROUTE),
    (400, "missing query parameter: api-version", K.NOT_FOUND_ROUTE),
    (500, "api-version query parameter is not allowed", K.SERVER),
    (400, "OperationNotSupported", K.NOT_FOUND_ROUTE),
    (400, "unknown_model", K.NOT_FOUND_DEPLOYMENT),
    (400, "model_not_supported", K.NOT_FOUND_DEPLOYMENT),
    (400, "does not work with the specified model", K.NOT_FOUND_ROUTE),
    (400, "model not supported", K.NOT_FOUND_ROUTE),
    (400, "only supported in v1/responses", K.NOT_FOUND_ROUTE),
    (400, "this is not a chat model", K.NOT_FOUND_ROUTE),
    (401, "lacks the required data action", K.PERMISSION),
    (401, "does not have access", K.PERMISSION),
    (401, "the principal does not exist", K.PERMISSION),
    (401, "access token", K.AUTH_TOKEN),
    (401, "wrong audience", K.AUTH_TOKEN),
    (404, "DeploymentNotFound", K.NOT_FOUND_DEPLOYMENT),
    (404, "the deployment for this resource does not exist", K.NOT_FOUND_DEPLOYMENT),
    (404, "unknown model: x", K.NOT_FOUND_DEPLOYMENT),
    (404, "model_not_found", K.NOT_FOUND_DEPLOYMENT),
    (404, "the model x does not exist", K.NOT_FOUND_DEPLOYMENT),
    (429, "insufficient_quota", K.QUOTA),
]


@pytest.mark.parametrize(("status", "words", "kind"), ALONE)
def test_one_word_of_the_service_is_enough(status, words, kind):
    assert read(status, said(words)).kind is kind
    assert read(status, said("", words)).kind is kind
    assert read(status, {"statusCode": words}).kind is kind


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("AuthenticationTypeDisabled", "403: the resource accepts no keys."),
        ("key based authentication is disabled", "403: the resource accepts no keys."),
        ("virtual network rules", "403: a network rule of the resource blocks this server."),
        ("the firewall", "403: a network rule of the resource blocks this server."),
        ("public access is off", "403: a network rule of the resource blocks this server."),
        ("you may not", "403: access is denied. It said: you may not"),
    ],
)
def test_a_403_says_what_forbids_it(words, sentence):
    assert read(403, said("", words)).message == sentence


@pytest.mark.parametrize(
    ("status", "body", "message", "hint"),
    [
        (400, said("content_filter"), "The content filter blocked the prompt.",
         "Rephrase the prompt, or change the filter of the deployment."),
        (400, said("context_length_exceeded"), "The prompt is too long for the model.",
         "Shorten it, or lower Max completion tokens: both count together."),
        (400, said("", "Model output limit was reached"),
         "The model spent all its tokens on thoughts and had none left for the answer.",
         "Raise Max completion tokens: thoughts count, too."),
        (400, said("", "Missing query parameter: api-version"),
         "400: r.openai.azure.com wants another api-version on this path. It said: Missing query parameter: api-version",
         "Use https://r.openai.azure.com/openai/v1, which takes none."),
        (400, said("OperationNotSupported"), "400: my-gpt does not speak this API.",
         "Choose a deployment of a chat model; this one may speak another API only, or make embeddings."),
        (400, said("unknown_parameter", "No.", param="seed"), "400: the deployment refuses seed. It said: No.",
         "Clear that property, or choose another deployment."),
        (422, said("", "No."), "422: the request was refused. It said: No.", "See the raw answer."),
        (401, said("", "does not have access"), "401: the identity has no right to call models.",
         "Assign the role Cognitive Services User; it takes some minutes."),
        (401, said("", "access token"), "401: the token was refused.",
         "This route may want the key as api-key, or a token of another scope."),
        (401, "", "401: the key was refused. The address is right.",
         "Copy key 1 or 2 again: portal, resource, Keys and Endpoint."),
        (403, said("AuthenticationTypeDisabled"), "403: the resource accepts no keys.",
         "Allow key authentication in the portal, or use Microsoft Entra ID."),
        (403, said("", "firewall"), "403: a network rule of the resource blocks this server.",
         "Add this server's address in the portal: resource, Networking."),
        (403, "", "403: access is denied.", "Ask the owner of the resource."),
        (404, said("DeploymentNotFound"), "404: there is no deployment my-gpt. Key and address are right.",
         "Model is the name of the deployment, not the model id. New deployments need about five minutes."),
        (404, "", "404: r.openai.azure.com does not know this path.",
         "Try /openai/v1 on the same host, or another api-version."),
        (408, "", "408: the service took too long.", "Try again; a shorter answer is faster."),
        (413, said("", "Too big."), "413: r.openai.azure.com refused the request. It said: Too big.",
         "See the raw answer."),
        (429, said("insufficient_quota"), "429: the quota is used up.",
         "Raise the quota of the subscription, or wait for the next period."),
        (429, said("", "Slower."), "429: the rate limit is reached. It said: Slower.",
         "Wait, or raise the tokens per minute of the deployment."),
        (500, said("invalid_model_endpoint_authentication"), "500: Azure was not let in by whoever serves the model.",
         "Try again; if it lasts, the subscription has not bought the model in the Azure Marketplace."),
        (529, "", "529: the service is overloaded.", "Try again in a while."),
        (503, said("", "Down."), "503: the service failed. It said: Down.",
         "Try again; if it lasts, look at the Azure status page."),
    ],
)  # fmt: skip
def test_the_sentences_of_each_refusal(status, body, message, hint):
    error = read(status, body)
    assert (error.message, error.hint) == (message, hint)


@pytest.mark.parametrize("name", ["innererror", "inner_error"])
def test_code_and_filters_are_kept_for_whoever_asks(name):
    hit = {"content_filter_result": {"violence": {"filtered": True, "severity": "high"}}}
    error = read(400, said("content_filter", "x", **{name: hit}))
    assert (error.code, [(each.source, str(each)) for each in error.filters]) == (
        "content_filter", [("prompt", "violence, high")]
    )  # fmt: skip
    assert read(500, {"message": "x"}).code == ""


@pytest.mark.parametrize(("detail", "shown"), [(["a", "é"], '["a", "é"]'), ({"a": 1}, '{"a": 1}')])
def test_details_that_are_no_text_are_shown_as_json(detail, shown):
    assert read(500, {"detail": detail}).message == f"500: the service failed. It said: {shown}"


@pytest.mark.parametrize(
    ("body", "code", "request_id"),
    [
        ({"type": "error", "error": {"type": "overloaded_error"}, "request_id": "r"}, "overloaded_error", "r"),
        ({"type": "error", "error": {"type": "overloaded_error", "code": "c"}}, "c", None),
        ({"type": "error", "error": {}, "request_id": "r" * 300}, "", "r" * 200),
        ({"type": "x", "error": {"type": "overloaded_error"}, "request_id": 7}, "", None),
        ([{"type": "error"}], "", None),
    ],
)
def test_errors_of_claude_have_a_type_for_a_code_and_name_their_request(body, code, request_id):
    error = read(500, body)
    assert (error.code, error.request_id) == (code, request_id)


def test_a_parameter_that_is_no_text_is_none():
    assert read(400, said("unknown_parameter", "x", param=["seed"])).params == ()


def test_a_long_message_is_quoted_by_its_beginning():
    assert read(500, said("", "y" * 400)).message == f"500: the service failed. It said: {'y' * 300}"
