"""How a page is renewed in parts: partials with their place, appended text, and server-sent events."""

import pytest
from django.test import RequestFactory

from foundryflow.regions import Region, event, page, partial, regions, text

MESSAGE = Region("_messages.html", "messages", {"messages": ["<b>Saved</b>"]})


def test_a_region_is_sent_with_its_place_and_escaped():
    sent = partial(MESSAGE)
    assert sent.startswith('<hx-partial hx-target="#messages" hx-swap="outerMorph">')
    assert sent.endswith("</hx-partial>")
    assert "&lt;b&gt;Saved&lt;/b&gt;" in sent
    assert "<b>Saved</b>" not in sent


def test_a_region_says_how_it_is_swapped():
    assert 'hx-swap="beforeend"' in partial(Region("_messages.html", "messages", {"messages": []}, swap="beforeend"))


def test_one_answer_renews_several_regions():
    response = regions(None, MESSAGE, Region("_messages.html", "others", {"messages": ["Two"]}), status=422)
    assert response.status_code == 422
    body = response.content.decode()
    assert body.index('hx-target="#messages"') < body.index('hx-target="#others"')
    assert "Two" in body


def test_text_is_appended_as_text():
    sent = text("answer-1", "a < b & <script>")
    assert sent == '<hx-partial hx-target="#answer-1" hx-swap="beforeend">a &lt; b &amp; &lt;script&gt;</hx-partial>'


def test_a_page_is_kept_by_nobody():
    response = page(RequestFactory().get("/"), "503.html", {"sentence": "Just now not."}, status=503)
    assert response.status_code == 503
    assert response.headers["Cache-Control"] == "no-store"
    assert "Just now not." in response.content.decode()


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (("<p>x</p>",), b"data: <p>x</p>\n\n"),
        (("a\nb",), b"data: a\ndata: b\n\n"),
        (("",), b"data: \n\n"),
        (("x", 7), b"id: 7\ndata: x\n\n"),
        (("x", 0), b"id: 0\ndata: x\n\n"),
        (("x", None, "end"), b"event: end\ndata: x\n\n"),
        (("x", 7, "end"), b"event: end\nid: 7\ndata: x\n\n"),
        (("half \ud83d",), b"data: half ?\n\n"),
    ],
)
def test_an_event_is_framed(given, sent):
    assert event(*given) == sent
