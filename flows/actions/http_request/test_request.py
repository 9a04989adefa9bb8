"""What is sent for the properties of a request: its address, headers and body, before anything is sent."""

import base64

import pytest

from connections.secret import Secret
from flows.actions.http_request.request import (
    API_KEY,
    BASIC,
    BEARER,
    CONTENT_TYPES,
    FORM,
    HEADER_OF_KEY,
    JSON,
    RESERVED,
    TEXT,
    RequestParts,
    build_request,
    complete_url,
    encoded_body,
    header_lines,
    sent_text,
)
from flows.language.errors import ActionError
from flows.language.values import Response

URL = "https://api.contoso.com/customers"


def parts(**more):
    plain = {
        "method": "POST", "url": URL, "query": {}, "headers": {}, "body": None, "body_format": None,
        "authentication": None, "credential": Secret(""), "name": "", "timeout": 30.0, "most_bytes": 5_000_000,
    }  # fmt: skip
    return RequestParts(**{**plain, **more})


def refusal(deed, *args):
    with pytest.raises(ActionError) as refused:
        deed(*args)
    return refused.value


def test_a_request_has_what_its_properties_say():
    made = build_request(
        parts(
            url=f" {URL}?a=1#part ",
            query={"b": [2, None, "x y"]},
            headers={"X-A": ["1", Secret("planted-two")]},
            body={"a": "ü"},
        )
    )
    assert (made.method, made.url, made.timeout, made.most_bytes) == ("POST", f"{URL}?a=1&b=2&b=x+y", 30.0, 5_000_000)
    assert made.headers == {"Content-Type": "application/json", "X-A": "1, planted-two"}
    assert (made.content.decode(), made.secrets) == ('{"a": "ü"}', (Secret(""), Secret("planted-two")))


@pytest.mark.parametrize(
    ("properties", "headers"),
    [
        ({}, {}),
        ({"authentication": BEARER, "credential": Secret("t0ken")}, {"Authorization": "Bearer t0ken"}),
        ({"authentication": API_KEY, "credential": Secret("k3y"), "name": HEADER_OF_KEY}, {"X-API-Key": "k3y"}),
        ({"authentication": BASIC, "credential": Secret("pässword"), "name": "ann"},
         {"Authorization": f"Basic {base64.b64encode('ann:pässword'.encode()).decode()}"}),
        ({"authentication": BEARER, "credential": Secret("t0ken"), "headers": {"AUTHORIZATION": "own"}},
         {"AUTHORIZATION": "own"}),
        ({"body": "x", "headers": {"content-type": "text/csv"}}, {"content-type": "text/csv"}),
    ],
)  # fmt: skip
def test_what_is_written_down_goes_before_what_is_added(properties, headers):
    assert build_request(parts(**properties)).headers == headers


@pytest.mark.parametrize(
    ("properties", "kind", "message"),
    [
        ({"authentication": BEARER}, "property_missing", "Token, key or password is empty."),
        (
            {"authentication": BEARER, "credential": Secret("tökén")},
            "input",
            "The token or key holds a character that none has.",
        ),
        (
            {"authentication": API_KEY, "credential": Secret("a\nb"), "name": "X"},
            "input",
            "The token or key holds a character that none has.",
        ),
    ],
)
def test_a_credential_that_cannot_be_sent_is_refused(properties, kind, message):
    error = refusal(build_request, parts(**properties))
    assert (error.kind, error.message, bool(error.hint)) == (kind, message, True)


@pytest.mark.parametrize(
    ("text", "query", "url"),
    [
        (URL, {}, URL),
        ("HTTPS://api.contoso.com", {"a": "ä&"}, "https://api.contoso.com?a=%C3%A4%26"),
        ("http://localhost:8000/a?b=1#c", {"d": None}, "http://localhost:8000/a?b=1"),
        (f"{URL}/!x", {}, f"{URL}/!x"),
    ],
)
def test_an_address_is_completed_by_the_query(text, query, url):
    assert complete_url(text, query) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "api.contoso.com",
        "ftp://a.example",
        "https://",
        "https://[",
        "https://a:0/",
        "https://a:99999999",
        "https://a/b c",
        "https://a/\tb",
    ],
)
def test_what_is_no_address_is_refused(text):
    assert (refusal(complete_url, text, {}).kind, refusal(complete_url, text, {}).message) == ("url", "That is no URL.")


def test_an_address_with_a_secret_is_refused():
    assert (
        refusal(complete_url, "https://ann@a.example", {}).message
        == "A user name stands in the URL. Use Authentication."
    )


@pytest.mark.parametrize("name", ["a b", "ä", "", "x" * 101, *sorted(RESERVED), "HOST"])
def test_a_name_that_no_header_has_is_refused(name):
    error = refusal(list, header_lines({name: "x"}))
    assert (error.kind, error.message) == ("input", f"{name[:60]!r} cannot be the name of a header.")
    assert error.hint == (
        "Leave it out: HTTP sets it." if name.lower() in RESERVED else "Use letters, digits and hyphens."
    )


@pytest.mark.parametrize("value", ["ä", "a\nb", ["a", "ä"]])
def test_a_value_that_no_header_has_is_refused(value):
    assert refusal(list, header_lines({"X-A": value})).message == "The header X-A holds a character that no header has."


def test_what_http_sets_itself():
    assert {
        "host", "content-length", "connection", "transfer-encoding", "accept-encoding", "expect", "upgrade", "te",
        "trailer", "keep-alive", "proxy-connection",
    } == RESERVED  # fmt: skip


ANSWER = Response("Hi", {"total_tokens": 7}, "stop", "gpt", {"a": 1}, {})
PLAIN = Response("Hi", {"total_tokens": 7}, "stop", "gpt", None, {})


@pytest.mark.parametrize(
    ("body", "format", "content", "type"),
    [
        (None, None, None, ""),
        ("", JSON, None, ""),
        ("ä", None, "ä", CONTENT_TYPES[TEXT]),
        (5, None, "5", CONTENT_TYPES[TEXT]),
        ([1, {"k": Secret("planted")}], None, '[1, {"k": "planted"}]', CONTENT_TYPES[JSON]),
        ((1, "ä"), None, '[1, "ä"]', CONTENT_TYPES[JSON]),
        ('{"a": "ä"}', JSON, '{"a": "ä"}', CONTENT_TYPES[JSON]),
        ("ä", JSON, '"ä"', CONTENT_TYPES[JSON]),
        (5, JSON, "5", CONTENT_TYPES[JSON]),
        ("[" * 100_000, JSON, '"' + "[" * 100_000 + '"', CONTENT_TYPES[JSON]),
        ({"a": "ä"}, TEXT, '{"a": "ä"}', CONTENT_TYPES[TEXT]),
        ({"a": [1, None, "ä"], "b": {"c": "ä"}, "k": Secret("planted")}, FORM,
         "a=1&a=%C3%A4&b=%7B%22c%22%3A+%22%C3%A4%22%7D&k=planted", CONTENT_TYPES[FORM]),
        (ANSWER, None, '{"a": 1}', CONTENT_TYPES[JSON]),
        (PLAIN, None, "Hi", CONTENT_TYPES[TEXT]),
        ({"answer": PLAIN}, None, '{"answer": "Hi"}', CONTENT_TYPES[JSON]),
        ({"half": "\ud83d"}, None, '{"half": "?"}', CONTENT_TYPES[JSON]),
        ({"half": "\ud83d"}, FORM, "half=%3F", CONTENT_TYPES[FORM]),
        ("\ud83d", TEXT, "?", CONTENT_TYPES[TEXT]),
    ],
)  # fmt: skip
def test_a_body_is_sent_as_its_format_says(body, format, content, type):
    made, content_type = encoded_body(parts(body=body, body_format=format))
    assert (made and made.decode(), content_type) == (content, type)


def test_a_form_is_an_object():
    error = refusal(encoded_body, parts(body=[1], body_format=FORM))
    assert (error.kind, error.message) == ("input", "The body of a form is an object.")


@pytest.mark.parametrize("number", [float("inf"), float("nan")])
def test_a_number_that_json_has_no_word_for_is_refused_in_a_sentence(number):
    error = refusal(encoded_body, parts(body={"a": [number]}))
    assert (error.kind, error.message) == ("input", "The body holds a number that JSON has no word for.")


def test_half_a_character_in_the_query_is_replaced():
    assert complete_url(URL, {"a": "\ud83d"}) == f"{URL}?a=%3F"
    header = build_request(parts(authentication=BASIC, credential=Secret("\ud83d"), name="ann")).headers[
        "Authorization"
    ]
    assert base64.b64decode(header.removeprefix("Basic ")) == b"ann:?"


def test_values_are_sent_as_people_would_write_them():
    assert [sent_text(value) for value in (True, 1.5, None, {"a": "ä"}, ["ä"], Secret("planted"))] == [
        "true", "1.5", "", '{"a": "ä"}', '["ä"]', "planted",
    ]  # fmt: skip
