"""Things are found by the registry of their apps; what is gone, or unknown, is not."""

import pytest

from foundryflow.audit import kinds
from foundryflow.audit.kinds import addresses_of, kind_labels, page_of_list, register_kind
from foundryflow.models import AuditEntry


def entry(kind, number):
    return AuditEntry(kind=kind, subject="x", subject_id=number)


@pytest.fixture
def registered(monkeypatch):
    monkeypatch.setattr(kinds, "_kinds", {})
    asked = []

    def find(numbers):
        asked.append(set(numbers))
        return {number: f"/things/{number}/" for number in numbers if number < 10}

    register_kind("thing", "Things", find)
    register_kind("word", "Words")
    return asked


def test_each_kind_is_asked_once(registered):
    entries = [
        entry("thing", 1),
        entry("thing", 2),
        entry("thing", 11),
        entry("thing", None),
        entry("word", 1),
        entry("odd", 1),
    ]
    assert addresses_of(entries) == {("thing", 1): "/things/1/", ("thing", 2): "/things/2/"}
    assert registered == [{1, 2, 11}]


def test_kinds_are_offered_by_their_words(registered):
    assert kind_labels() == [("thing", "Things"), ("word", "Words")]


def test_a_page_that_this_server_does_not_have_is_no_link():
    assert page_of_list("no:such")([1]) == {}
    assert page_of_list("connections:list")([1, 2]) == {1: "/connections/", 2: "/connections/"}
