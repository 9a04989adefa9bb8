"""The parameters that an error refuses, in the dialects of the services."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connections.foundry.refused_parameters import LONGEST_SEARCHED, refused_parameters

FORBIDDEN = {"type": "extra_forbidden", "loc": ["body", "stream_options", "include_usage"], "msg": "Extra inputs"}
USER = {"type": "extra_forbidden", "loc": ["body", "user"], "msg": "Extra inputs are not permitted", "input": "me"}
AGENT = {"code": "ValidationError", "message": "Not allowed when agent is specified.", "type": "error"}


def named(error):
    message = error.get("message") or ""
    return refused_parameters(error, message if isinstance(message, str) else json.dumps(message))


@pytest.mark.parametrize(
    ("error", "names"),
    [
        ({"message": json.dumps({"detail": [FORBIDDEN, USER]}), "status": 422}, ("stream_options", "user")),
        ({"object": "error", "message": {"detail": [FORBIDDEN]}, "param": None}, ("stream_options",)),
        ({"message": "[{'type': 'extra_forbidden', 'loc': ('body', 'user'), 'msg': 'x'}]"}, ("user",)),
        ({"message": "[{'type': 'extra_forbidden', 'loc': ('body', 'seed', 'x')}, {'type': 'extra_forbidden', 'loc': ('body', 'user')}]"}, ("seed", "user")),
        ({"detail": [USER]}, ("user",)),
        ({"message": "\n " + json.dumps({"detail": [USER]})}, ("user",)),
        ({"message": "Structured Outputs Are Not Supported."}, ("format",)),
        ({"code": "unknown_parameter", "param": "seed"}, ("seed",)),
        ({"detail": [{"loc": ["body", f"p{at}"], "type": "extra_forbidden"} for at in range(101)]}, tuple(f"p{at}" for at in range(100))),
        ({"error": {"error": {"error": {"error": USER}}}}, ("user",)),
        ({"error": {"error": {"error": {"error": {"error": USER}}}}}, ()),
        ({"message": [USER]}, ("user",)),
        ({"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted", "type": "value_error.extra"}]}, ("seed",)),
        ({"code": "invalid_payload", "message": "Invalid payload", "details": [{**AGENT, "param": "temperature"}, {**AGENT, "param": "top_p"}]}, ("temperature", "top_p")),
        ({"message": "Unrecognized request arguments supplied: logit_bias, seed"}, ("logit_bias", "seed")),
        ({"message": "Unrecognized request argument supplied: seed. Please check the docs."}, ("seed",)),
        ({"detail": "x", "message": "Extra parameters ['seed', 'user'] are not allowed"}, ("seed", "user")),
        ({"message": "temperature: Extra inputs are not permitted"}, ("temperature",)),
        ({"message": "`temperature` is deprecated for this model."}, ("temperature",)),
        ({"message": "`temperature` and `top_p` cannot both be specified for this model. Please use only one."}, ("top_p",)),
        ({"message": 'adaptive thinking is not supported on this model'}, ("thinking",)),
        ({"message": '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and "output_config.effort" to control it.'}, ("thinking.type.enabled",)),
        ({"message": "thinking: Input tag 'adaptive' found using 'type' does not match any of the expected tags: 'disabled', 'enabled'"}, ("thinking",)),
        ({"message": "This model does not support the effort parameter."}, ("effort",)),
        ({"message": "output_config.effort: Input should be 'low', 'medium' or 'high'"}, ("effort",)),
        ({"message": "`temperature` may only be set to 1 when thinking is enabled."}, ("temperature",)),
        ({"message": "max_tokens: 128001 > 64000, which is the maximum allowed number of output tokens for m"}, ("max_tokens",)),
        ({"message": "output_config.format: Extra inputs are not permitted"}, ("output_config.format",)),
        ({"message": "This model does not support structured outputs."}, ("format",)),
        ({"code": "unknown_parameter", "message": "Unknown parameter: 'seed'.", "param": "seed"}, ("seed",)),
        ({"message": "This response_format type is unavailable now", "code": "invalid_request_error"}, ("response_format",)),
        ({"message": "This model does not support response format `json_schema`."}, ("response_format",)),
        ({"message": "Invalid value: 'json_schema'. Supported values are: 'text' and 'json_object'.", "param": "text.format.type", "code": "invalid_value"}, ("text.format",)),
        ({"detail": [{"type": "literal_error", "loc": ["body", "response_format", "type"], "msg": "Input should be 'text' or 'json_object'"}]}, ("response_format",)),
    ],
)  # fmt: skip
def test_what_is_refused_is_named(error, names):
    assert named(error) == names


@pytest.mark.parametrize(
    "error",
    [
        {},
        {
            "message": "Invalid schema for response_format 'a': In context=('a',), 'minLength' is not permitted.",
            "param": "response_format",
        },
        {"message": "temperature must be at most 2", "param": "temperature", "code": "decimal_above_max_value"},
        {"message": "The value 3 is not allowed", "param": "temperature", "code": "invalid_value"},
        {"detail": [{"type": "missing", "loc": ["body", "messages"], "msg": "Field required"}]},
        {"detail": [{"type": "int_parsing", "loc": ["body", "max_tokens"], "msg": "Input should be an integer"}]},
        {"detail": [{"loc": ["body"]}, {"loc": "body"}, 7]},
        {"details": [{"code": "ValidationError", "message": "Must be text.", "param": "input"}]},
        {"message": "{not json"},
        {"message": "[{'type': 'missing', 'loc': ('body', 'user')}]"},
        {"message": "max_tokens: Field required"},
    ],
)
def test_what_is_only_wrong_is_for_its_user_to_correct(error):
    assert named(error) == ()


def test_errors_inside_errors_end_somewhere():
    nested = {"detail": [USER]}
    for _ in range(30):
        nested = {"error": nested}
    assert named(nested) == ()


@pytest.mark.parametrize(
    "text", ["unknown field '" + "a" * 10**6, "'" * 10**5 + " is not supported", "a" * 10**6 + ": x"]
)
def test_a_hostile_text_is_searched_in_no_time(text):
    refused_parameters({"message": text}, text)
    assert len(text) > LONGEST_SEARCHED


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "code", "message", "param", "detail", "details", "loc", "type", "msg"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(st.dictionaries(st.sampled_from(["error", "message", "param", "detail", "details", "code"]), JSON), st.text())
def test_no_error_breaks_the_search(error, message):
    assert all(isinstance(name, str) and name for name in refused_parameters(error, message))
