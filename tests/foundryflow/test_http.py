"""What comes with a request is read in one place: numbers, forms, cookies and addresses."""

import pytest
from django.conf import settings
from django.http import QueryDict
from django.test import RequestFactory

from foundryflow.http import (
    HIGHEST_ID,
    IdConverter,
    UnreadableRequest,
    check_address,
    check_encoding,
    form_data,
    readable_cookies,
    whole_number,
)

MOST_FIELDS = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS


def test_a_number_of_a_row_is_one_that_a_database_can_have():
    assert IdConverter().to_python("7") == 7
    assert IdConverter().to_python(str(HIGHEST_ID)) == HIGHEST_ID
    assert IdConverter().to_url(7) == "7"
    with pytest.raises(ValueError, match=str(HIGHEST_ID + 1)):
        IdConverter().to_python(str(HIGHEST_ID + 1))


@pytest.mark.parametrize(
    ("text", "number"),
    [("7", 7), ("0", 0), ("9" * 14, 10**14 - 1), ("9" * 15, None), ("-1", None), ("1.5", None), ("²", None), ("", None), (None, None)],
)  # fmt: skip
def test_a_whole_number_is_read_or_none(text, number):
    assert whole_number(text) == number


def test_a_longer_number_is_read_where_it_is_allowed():
    assert whole_number("123", digits=2) is None
    assert whole_number("123", digits=3) == 123


def test_what_a_form_sent_has_one_kind_of_line_end_and_no_null_characters():
    request = RequestFactory().post("/", {"a": ["x\r\ny", "z\x00"], "b": "c\rd"})
    sent = form_data(request)
    assert sent.getlist("a") == ["x\ny", "z"]
    assert sent["b"] == "c\rd"
    assert request.POST.getlist("a") == ["x\r\ny", "z\x00"]


@pytest.mark.parametrize(
    ("path", "query", "status", "words"),
    [
        ("/a\0b", b"", 404, "NUL"),
        ("/", b"q=a%00b", 422, "NUL"),
        ("/", b"q=%ff", 422, "not text in UTF-8"),
        ("/", b"&".join([b"a=1"] * (MOST_FIELDS + 1)), 422, f"more than {MOST_FIELDS:,} parameters"),
    ],
)
def test_an_address_that_cannot_be_read_is_named(path, query, status, words):
    with pytest.raises(UnreadableRequest) as refused:
        check_address(path, query)
    assert refused.value.status == status
    assert words in refused.value.sentence


def test_an_address_that_can_be_read_passes():
    check_address("/flows/é", b"q=%C3%A9&page=2")
    check_address("/", b"&".join([b"a=1"] * MOST_FIELDS))


@pytest.mark.parametrize("charset", [None, "", "utf-8", '"UTF-8"', "utf8", " utf-8 "])
def test_a_form_in_utf_8_is_read(charset):
    check_encoding(None if charset is None else {"charset": charset})


@pytest.mark.parametrize("charset", ["latin-1", "utf-16", "x"])
def test_a_form_in_another_encoding_is_turned_away(charset):
    with pytest.raises(UnreadableRequest) as refused:
        check_encoding({"charset": charset})
    assert refused.value.status == 422


def test_a_cookie_with_a_null_character_is_nobodys():
    assert readable_cookies({"a": "1", "b": "x\0y"}) == {"a": "1"}


def test_the_form_data_is_a_copy_that_can_be_changed():
    sent = form_data(RequestFactory().post("/", {"a": "1"}))
    sent["a"] = "2"
    assert isinstance(sent, QueryDict)
    assert sent["a"] == "2"
