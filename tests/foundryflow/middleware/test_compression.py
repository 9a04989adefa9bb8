"""Pages go out small, unless somebody else may be weighing them."""

import gzip

import pytest
from django.http import HttpResponse, StreamingHttpResponse
from django.test import Client, RequestFactory

from foundryflow.middleware.compression import SMALLEST, CompressedPages
from tests.factories import make_flow

ANY = {"Accept-Encoding": "gzip, deflate, br"}
LONG = b"a page " * SMALLEST


def answer(response, **headers):
    return CompressedPages(lambda request: response)(RequestFactory().get("/", headers={**ANY, **headers}))


def test_a_page_is_compressed_with_its_own_length():
    response = answer(HttpResponse(LONG))
    assert gzip.decompress(response.content) == LONG
    assert int(response.headers["Content-Length"]) == len(response.content) < len(LONG) / 10
    assert (response.headers["Content-Encoding"], response.headers["Vary"]) == ("gzip", "Accept-Encoding")


def test_a_tag_of_a_page_becomes_a_weak_one():
    assert answer(HttpResponse(LONG, headers={"ETag": '"x"'})).headers["ETag"] == 'W/"x"'


@pytest.mark.parametrize("accepted", ["", "br", "gzip;q=0"])
def test_who_cannot_read_it_gets_the_page_as_it_is(accepted):
    response = answer(HttpResponse(LONG), **{"Accept-Encoding": accepted})
    assert response.content == LONG
    assert "Content-Encoding" not in response.headers
    assert response.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"x" * (SMALLEST - 1), "text/html"), (LONG, "image/png"), (LONG, "application/zip"), (b"", "")],
)
def test_what_is_small_or_no_text_stays_as_it_is(content, kind):
    response = answer(HttpResponse(content, content_type=kind))
    assert response.content == content
    assert "Content-Encoding" not in response.headers


def test_what_comes_bit_by_bit_is_not_held_back():
    pieces = [LONG, b"more"]
    response = answer(StreamingHttpResponse(iter(pieces), content_type="text/event-stream"))
    assert list(response.streaming_content) == pieces
    assert not {"Content-Encoding", "Content-Length"} & set(response.headers)


@pytest.mark.parametrize(("site", "compressed"), [("same-origin", 1), ("none", 1), ("same-site", 0), ("cross-site", 0)])
def test_what_another_site_made_a_browser_ask_for_has_its_true_length(site, compressed):
    response = answer(HttpResponse(LONG), **{"Sec-Fetch-Site": site})
    assert ("Content-Encoding" in response.headers) == bool(compressed)


@pytest.mark.django_db
def test_the_token_of_a_form_is_another_in_each_page(client_alice):
    address = f"/flows/{make_flow().slug}/"
    pages = [gzip.decompress(client_alice.get(address, headers=ANY).content) for _ in range(2)]
    tokens = [page.partition(b'"X-CSRFToken": "')[2][:64] for page in pages]
    assert len(tokens[0]) == 64
    assert tokens[0] != tokens[1]


@pytest.mark.django_db
def test_pages_of_the_product_are_compressed_and_short_answers_are_not(client_alice):
    assert client_alice.get("/flows/", headers=ANY).headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in Client().get("/healthz", headers=ANY).headers
