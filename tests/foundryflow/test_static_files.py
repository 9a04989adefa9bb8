"""Style and script come from this server, whole, with the headers of files."""

from pathlib import Path

from django.test import Client

ROOT = Path(__file__).resolve().parents[2]


def test_a_file_comes_whole_with_its_type_and_length():
    response = Client().get("/static/css/base.css")
    content = (ROOT / "static" / "css" / "base.css").read_bytes()
    assert response.status_code == 200
    assert response.content == content
    assert response.headers["Content-Type"].startswith("text/css")
    assert int(response.headers["Content-Length"]) == len(content)


def test_a_file_that_did_not_change_is_not_sent_again():
    first = Client().get("/static/css/base.css")
    again = Client().get("/static/css/base.css", headers={"If-Modified-Since": first.headers["Last-Modified"]})
    assert again.status_code == 304
    assert again.content == b""


def test_a_head_request_brings_no_content():
    response = Client().head("/static/css/base.css")
    assert response.status_code == 200
    assert response.content == b""


def test_a_file_is_not_written():
    assert Client().post("/static/css/base.css").status_code in (302, 403, 404, 405)
