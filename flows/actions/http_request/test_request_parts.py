"""What goes from the properties of a request into it, and what of its answer is told; without a service."""

from types import SimpleNamespace

import pytest

from connections.http.messages import OutgoingRequest, ReceivedAnswer, RequestFailed
from connections.secret import Secret
from flows.actions.http_request import action
from flows.actions.http_request.action import (
    HttpRequestAction,
    Properties,
    facts_of,
    failure,
    paths_of,
    request_parts,
    result_shape,
    split_paths,
    wants_json,
)
from flows.language.errors import ActionError
from flows.language.nodes import Action
from flows.language.shape import NUMBER, SECRET, TEXT, UNKNOWN

URL = "https://api.contoso.com/customers"


def properties(**more):
    return Properties(**{"url": URL, **more})


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({}, ""),
        ({"authentication": "basic", "user_name": "ann"}, "ann"),
        ({"authentication": "API key", "user_name": "ann"}, "X-API-Key"),
        ({"authentication": "API key", "key_header": "X-Own"}, "X-Own"),
    ],
)
def test_a_request_is_made_of_the_properties(given, name):
    parts = request_parts(properties(size_limit=0.5, timeout=5, **given))
    assert (parts.name, parts.most_bytes, parts.timeout, parts.method) == (name, 500_000, 5, "GET")
    assert (parts.query, parts.headers, parts.body, parts.credential) == ({}, {}, None, Secret(""))


def test_paths_are_separated_by_commas():
    assert [split_paths(written) for written in (None, "", " a.b ,, c[*].d ")] == [[], [], ["a.b", "c[*].d"]]
    assert paths_of("a, b") == ["a", "b"]
    with pytest.raises(ActionError) as refused:
        paths_of("a[")
    assert (refused.value.kind, refused.value.message.startswith("Secret parts: ")) == ("input", True)


@pytest.mark.parametrize(
    ("format", "paths", "status", "type", "expected"),
    [
        (None, [], 200, "application/json", True),
        (None, [], 200, "text/plain", False),
        ("JSON", [], 200, "text/plain", True),
        ("text", [], 200, "application/json", False),
        ("text", ["key"], 200, "text/plain", True),
        ("text", ["key"], 400, "text/plain", False),
        (None, ["key"], 399, "text/plain", True),
    ],
)
def test_an_answer_has_to_be_json_where_that_is_asked_for_or_something_in_it_is_secret(
    format, paths, status, type, expected
):
    response = ReceivedAnswer(status, {"content-type": type}, b"")
    assert wants_json(properties(response_format=format), response, paths) is expected


def test_facts_are_status_size_and_time(monkeypatch):
    monkeypatch.setattr(action, "time", SimpleNamespace(monotonic=lambda: 100.1234))
    assert facts_of(ReceivedAnswer(201, {}, b"abc"), 100.0) == {"status": 201, "bytes": 3, "http_ms": 123.4}


@pytest.mark.parametrize(
    ("method", "kind", "may_repeat"),
    [
        ("GET", "server", True),
        ("PUT", "server", True),
        ("POST", "server", False),
        ("PATCH", "timeout", False),
        ("POST", "connect", False),
        ("POST", "dns", True),
        ("POST", "tls", True),
        ("POST", "rate_limit", True),
    ],
)
def test_a_failed_request_is_repeated_where_nothing_can_have_happened(method, kind, may_repeat):
    request = OutgoingRequest(method, URL)
    error = ActionError(kind, "No.", "Why.", status=500, raw="body")
    told = failure(error, request, {"method": method})
    assert (told.kind, told.message, told.hint, told.status, told.raw) == (kind, "No.", "Why.", 500, "body")
    assert (told.facts, told.may_repeat) == ({"method": method}, may_repeat)
    plain = failure(RequestFailed(kind, "No.", "Why."), request, {})
    assert (plain.status, plain.raw, plain.may_repeat) == (None, "", may_repeat)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, []),
        ({"authentication": "basic"}, ["credential", "user_name"]),
        ({"authentication": "basic", "credential": "k", "user_name": "ann"}, []),
        ({"authentication": "API key", "credential": "k"}, []),
        ({"credential": "k"}, ["authentication"]),
        ({"secret_parts": "a["}, ["secret_parts"]),
        ({"secret_parts": "{{ a[ }}"}, []),
        ({"secret_parts": "a, b[*]"}, []),
    ],
)
def test_what_does_not_go_together_is_said(given, found):
    stored = Action({"id": "h", "type": "http_request", "properties": given})
    assert [name for name, _ in HttpRequestAction().problems(stored)] == found


@pytest.mark.parametrize(("written", "key"), [("key, other.pin", SECRET), (None, UNKNOWN), ("key[", UNKNOWN)])
def test_what_is_known_of_an_answer_before_a_run(written, key):
    known = result_shape({"secret_parts": written})
    assert (known.type, known.parts["status"], known.parts["text"]) == ("object", NUMBER, TEXT)
    assert (known.parts["headers"].type, known.part("json").part("key")) == ("object", key)
