"""What is a value behind a name, and what only the name of one."""

import pytest

from connections.endpoint.pasted_settings import fill_references, is_single_token, last_name, read_settings, tidy


def values(text):
    return {setting.name: setting.value for setting in read_settings(tidy(text))}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('x = "planted"', "planted"),
        ("x = `planted`", "planted"),
        ("x = 'a' + \"b\" + 'c'", "abc"),
        ("x = 'a' + unknown", None),
        ("y = 'b'\nx = 'a' + y", "ab"),
        ("x = y\ny = 'later'", "later"),
        ("x = config.y\ny = 'b'", "b"),
        ("KEY=planted\nx = os.environ['KEY']", "planted"),
        ("x = os.environ['KEY']", None),
        ("x = unknown('planted')", None),
        ("x = new Uri('planted')", "planted"),
        ("x = get(planted1)", None),
        ("x = planted", None),
        ("x: planted", None),
        ("X=planted", "planted"),
        ("X: planted", "planted"),
        ("X = planted", None),
        ("x-y: planted", "planted"),
        ("x: config.planted1", None),
        ("x: a:planted1", None),
        ("x: planted1", "planted1"),
        ("x: planted_1", None),
        ("x: eyJplanted", "eyJplanted"),
        ("x: " + "a" * 100, None),
        ("x: " + "a" * 101, "a" * 101),
        ("x=\nplanted1", None),
        ("X=Y=planted1", None),
        ("X=export", None),
        ("x: planted1, more", "planted1"),
        ("x: {planted1}]", "{planted1"),
        ("x = '" + "a" * 4_200 + "'", "a" * 4_200),
        ("x = 'a' + '" + "a" * 4_200 + "'", None),
        ("# x = 'planted'\n", None),
        ('"name": "xx", "value": "planted"', "planted"),
        ('<add key="xx" value="planted"/>', "planted"),
    ],
)
def test_a_name_has_a_value_or_refers_to_one(text, value):
    found = {name.lower(): each for name, each in values(text).items()}
    assert next((found[name] for name in ("x", "xx", "x-y") if name in found), None) == value


@pytest.mark.parametrize(("length", "is_value"), [(19, False), (20, True)])
def test_a_word_with_digits_is_a_key_where_it_is_long_enough(length, is_value):
    word = "a" * (length - 1) + "1"
    assert values(f"api_key: {word}").get("api_key") == (word if is_value else None)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("$A/x", "1/x"), ("${A}/x", "1/x"), ("${B:-2}/x", "2/x"), ("${A:-2}", "1"), ("{A}", "1"), ("{{A}}", "1"), ("%LONG%", "2"),
        ("$(A)", "1"), ("$env:A", "1"), ("${process.env.A}", "1"), ("$B {B} %B%", "$B {B} %B%"), ("$A" * 11, "1" * 10 + "$A"),
    ],
)  # fmt: skip
def test_known_references_are_filled_in(text, filled):
    assert fill_references(text, {"A": "1", "LONG": "2"}) == filled


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("https://contoso.com/v1?a=b", True), ("word", True), ("two words", False), ("A=https://contoso.com", False),
        ('{"endpoint":"https://contoso.com"}', False), ("https://a.com/x='https://b.com'", True), ("f('HTTPS://contoso.com')", False),
    ],
)  # fmt: skip
def test_one_address_is_told_from_a_setting(text, is_one):
    assert is_single_token(text) is is_one


def test_the_last_name_of_several_counts():
    assert [last_name(text) for text in ("process.env.X", "os.environ['X']", "self.X", "", "1")] == [
        "X",
        "X",
        "X",
        "",
        "",
    ]
