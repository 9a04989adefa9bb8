"""Every URL x values that nobody means: 404 or 422 with a sentence, never an error of the server."""

from __future__ import annotations

import logging
import os
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django import forms
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.signals import got_request_exception
from django.test import Client
from django.urls.converters import IntConverter

from flows.models import Flow, Revision
from flows.models.flow import parsed_revisions
from foundryflow.access import Access
from tests.addresses import address_of, examples_of, routes

ROOT = Path(__file__).resolve().parents[2]
# As they stand in an address. None of the first is text; the others are, and some view may take them for a number.
NO_TEXT = ["%00", "a%00b", "%ff", "%ED%A0%80", "%C3%28"]
TEXTS = [
    *map(quote, ["9" * 20, "9" * 5_000, "-1", "1e400", "²", "٣", "NaN", "abc", "", "0", "..", "a/b", "😀", "\x7f\x1b\u202e"]),
    "a" * 3_000, "%22%27%3B%3C", "%5B%5B%5D%7D", "http://%5B", "%2F%2F%5B",
]  # fmt: skip
# All of them take a minute; the suite is content with some, which are others for each parameter.
THOROUGH = "FOUNDRYFLOW_THOROUGH" in os.environ
ROUNDS = len(TEXTS) if THOROUGH else 2


ALL = list(routes())
NOT_READY = "readyz"  # says 503 where no engine is open
PAGES = [(route, entry) for route, entry in ALL if entry.callback.access is not Access.KEY and route != NOT_READY]


def names_read() -> set[str]:
    """Of every parameter and field that our code reads by its name."""
    names = {"page", "x", "variable-x"}
    for folder in ("flows", "connections", "foundryflow"):
        for file in (ROOT / folder).rglob("*.py"):
            names |= set(re.findall(r"""(?:\.get|getlist|POST|GET)[(\[]f?"([\w-]+)["]""", file.read_text()))
    waiting = [forms.Form, forms.ModelForm]
    while waiting:
        form = waiting.pop()
        waiting += form.__subclasses__()
        names |= set(getattr(form, "base_fields", {}))
    return names - {"csrfmiddlewaretoken"}


@pytest.fixture
def stage(alice):
    """One of everything, by addresses."""
    return examples_of(alice)


class Watched:
    """A client that remembers what ended in an error of the server."""

    def __init__(self, client: Client) -> None:
        self.client, self.broken, self.errors = client, [], []
        client.raise_request_exception = False

    def note(self, **given: Any) -> None:
        self.errors.append(repr(sys.exc_info()[1])[:200])

    def send(self, method: str, address: str, *, worth: str = "", **how: Any) -> int:
        self.errors.clear()
        if "content_type" in how:  # as it is: the client would encode it
            status = self.client.generic(method.upper(), address, **how).status_code
        else:
            status = getattr(self.client, method)(address, **how).status_code
        if status >= 500:
            self.broken.append((method, address.partition("?")[0][:80], worth[:40], *self.errors))
        return status


@pytest.fixture
def watched(client_alice):
    watched = Watched(client_alice)
    got_request_exception.connect(watched.note)
    logging.disable(logging.CRITICAL)
    yield watched
    logging.disable(logging.NOTSET)
    got_request_exception.disconnect(watched.note)


def each_with_another(names: list[str], turn: int) -> str:
    """Every name with a value; in every turn with another one."""
    return "&".join(f"{name}={TEXTS[(place + turn * 7) % len(TEXTS)]}" for place, name in enumerate(names))


def test_no_address_takes_a_number_without_bounds():
    assert [
        route for route, entry in ALL if any(type(each) is IntConverter for each in entry.pattern.converters.values())
    ] == []


def test_no_path_breaks_a_page(stage, watched):
    for route, _ in PAGES:
        for name in re.findall(r"<(?:\w+:)?(\w+)>", route):
            for value in [*NO_TEXT, *TEXTS] if THOROUGH else [*NO_TEXT[1:3], *TEXTS[:2], TEXTS[4]]:
                if value:
                    status = watched.send("get", address_of(route, stage, **{name: value}), worth=value)
                    assert status in (302, 404, 405) or value not in NO_TEXT, (route, value)
    assert "\n".join(map(str, watched.broken)) == ""


def test_what_is_no_text_is_turned_away_wherever_it_stands(stage, watched):
    for route, _ in PAGES:
        for value in NO_TEXT if THOROUGH else NO_TEXT[1:3]:
            assert watched.send("get", f"{address_of(route, stage)}?x={value}") == 422
    assert "\n".join(map(str, watched.broken)) == ""


def test_no_parameter_breaks_a_page(stage, watched):
    names = sorted(names_read())
    for route, _ in PAGES:
        for turn in range(ROUNDS):
            for method in ("get", "post") if THOROUGH else ("get",):
                given = each_with_another(names, turn)
                watched.send(method, f"{address_of(route, stage)}?{given}", worth=str(turn))
    assert "\n".join(map(str, watched.broken)) == ""


def test_no_field_of_a_form_breaks_a_page(stage, watched):
    names = sorted(names_read())
    for route, _ in PAGES:
        if "delete" in route or "logout" in route:
            continue
        for turn in range(ROUNDS):
            given = each_with_another(names, turn)
            for form in (given, given.replace("=", "=%00")):
                watched.send(
                    "post", address_of(route, stage), data=form, content_type="application/x-www-form-urlencoded",
                    worth=str(turn),
                )  # fmt: skip
    assert "\n".join(map(str, watched.broken)) == ""


# What stands for a value in a file.
WORTHS = {
    "NaN": "NaN", "-Infinity": "-Infinity", "a float beyond all": "1e999", "400 digits": "1" + "0" * 400,
    "5,000 digits": "9" * 5_000, "NUL": r'"a\u0000b"', "half a pair": r'"\ud83d"', "a name with NUL": r'{"\u0000": 1}',
    "a name with half a pair": r'{"\udc00": 1}', "too deep": "[" * 300 + "]" * 300, "much too deep": "[" * 50_000,
}  # fmt: skip
FLOW = '{"format": "foundryflow/1", "name": "%s", "inputs": [], "actions": [{"id": "a", "type": "log", "properties": {"message": %s}}]}'
SESSION = '{"format": "foundryflow-session/1", "name": "S", "setup": {"connection": "c", "model": "m"}, "variables": {"a": %s}}'


@pytest.mark.parametrize("worth", WORTHS.values(), ids=WORTHS)
def test_a_file_with_what_no_database_keeps_is_explained(watched, worth):
    for address, name, text in (
        ("/flows/import/", "flow.json", FLOW % ("A", worth)),
        ("/flows/import/", "flow.json", FLOW.replace("[],", "%s,") % ("A", worth, '"x"')),
        ("/playground/sessions/import/", "session.json", SESSION % worth),
    ):
        file = SimpleUploadedFile(name, text.encode("utf-8", "surrogatepass"), "application/json")
        answer = watched.client.post(address, {"file": file})
        assert answer.status_code == 422, (address, answer.status_code, watched.errors)
        assert any(
            words in answer.content.decode()
            for words in ("The file ", "Line 1: ", "is not a list", "characters that no text", "a number that is not finite", "nested deeper")
        ), address  # fmt: skip
    assert Flow.objects.count() == 0


@pytest.mark.parametrize("worth", WORTHS.values(), ids=WORTHS)
def test_a_table_with_what_no_database_keeps_is_explained(stage, watched, worth):
    session = stage["playground/<"]["pk"]
    for name, content in (
        ("t.jsonl", f'{{"question": {worth}}}'.encode("utf-8", "surrogatepass")),
        ("t.csv", b"question\na\x00b\n"),
        ("u.csv", b"question\n\xed\xa0\x80\n"),
    ):
        for address in (f"/batches/preview/?session={session}", f"/batches/new/?session={session}"):
            data = {"file": SimpleUploadedFile(name, content), "name": "B"}
            assert watched.send("post", address, data=data, worth=name) in (200, 422)
    assert "\n".join(map(str, watched.broken)) == ""


@pytest.mark.parametrize(
    "form",
    [
        {"pattern": "x", "input": "NaN", "output": "Infinity"},
        {"pattern": "x\0", "input": "1", "output": "1"},
        {"pattern": "x", "input": "1e999999", "output": "9" * 5_000},
        {"pattern": "x", "input": "-1", "output": "²"},
    ],
)
def test_a_price_is_a_number(watched, form):
    assert watched.send("post", "/playground/prices/new/", data={**form, "currency": "USD"}) == 422
    assert "\n".join(map(str, watched.broken)) == ""


@pytest.mark.parametrize(
    "headers",
    [
        {"cookie": r'sessionid="aaaaaaaaaaaa\000bbbbbbbbbbbb"; csrftoken="\000\377"'},
        {"cookie": "sessionid=\xff\xfe" + "é" * 20},
        {"if-modified-since": "Mon, 99 Foo 99999999999999999999 99:99:99 GMT", "if-none-match": "\xff"},
        {"last-event-id": "9" * 30},
        {"last-event-id": "²"},
        {"accept-language": "x" * 5_000, "referer": "http://[", "origin": "http://["},
        {"hx-request": "true", "hx-current-url": "http://[", "hx-target": "\xff"},
        {"hx-request": "true", "hx-current-url": "%ff%00", "hx-current-url-uri-autoencoded": "true"},
        {"content-type": "application/x-www-form-urlencoded; charset=rot13"},
        {"content-type": "application/x-www-form-urlencoded; charset=utf-16"},
        {"content-type": "application/x-www-form-urlencoded; charset=raw_unicode_escape"},
        {"content-type": "multipart/form-data; boundary="},
        {"content-type": "multipart/form-data; boundary=\xff"},
        {"range": "bytes=9-1,²-"},
        {"x-forwarded-for": "\xff, 1.2.3.4.5, [::1"},
    ],
    ids=lambda headers: " ".join(headers.values()).encode("unicode_escape").decode()[:40],
)
def test_no_header_breaks_a_page(stage, watched, headers):
    for address in ("/flows/", address_of("runs/<id:pk>/stream/", stage), "/static/css/base.css", "/login/"):
        watched.send("get", address, headers=headers)
    kind = headers.get("content-type", "application/x-www-form-urlencoded")
    watched.send("post", "/flows/new/", data=rb"name=\ud800%FF%00", content_type=kind, headers=headers)
    assert "\n".join(map(str, watched.broken)) == ""


def test_a_file_name_in_an_odd_encoding_breaks_no_page(watched):
    for name in (
        b"filename*=rot13''abc",
        b"filename*=utf-16''%00%d8",
        b"filename*=UTF-8''%ED%A0%80%00.json",
        b'filename="\xff\x00.json"',
    ):
        body = b'--b\r\nContent-Disposition: form-data; name="file"; ' + name + b"\r\n\r\n{}\r\n--b--\r\n"
        status = watched.send("post", "/flows/import/", data=body, content_type="multipart/form-data; boundary=b")
        assert status in (400, 422), name
    assert "\n".join(map(str, watched.broken)) == ""


BROKEN_DOCUMENTS = [
    [],
    {"format": "foundryflow/1", "name": ["x"], "inputs": [{"name": 1}], "actions": [
        7, {"id": 1}, {"id": "chat", "type": ["log"], "properties": 1, "branches": [{"actions": {}}]}]},
]  # fmt: skip


@pytest.mark.parametrize("document", BROKEN_DOCUMENTS, ids=["a list", "broken inputs and actions"])
def test_no_page_breaks_with_a_document_that_cannot_be_read(stage, watched, document):
    Revision.objects.update(document=document)
    parsed_revisions.clear()
    for route, _ in sorted(PAGES, key=lambda page: "delete" in page[0]):
        address = address_of(route, stage)
        for headers in ({}, {"hx-request": "true"}):
            watched.send("get", address, headers=headers)
            watched.send("post", address, data={"base": "1"}, headers=headers)
    assert "\n".join(map(str, watched.broken)) == ""
