"""Every address says who may use it, and no page is kept."""

from django.urls import get_resolver

from foundryflow.checks import every_url_says_who_may, patterns
from tests.addresses import routes


def test_every_url_says_who_may_use_it():
    assert every_url_says_who_may() == []
    assert len(list(patterns(get_resolver().url_patterns))) == len(list(routes()))


def test_no_page_is_kept_for_the_way_back(client_alice):
    for address in ("/runs/", "/connections/", "/flows/", "/playground/sessions/"):
        assert client_alice.get(address).headers["Cache-Control"] == "no-store", address
