"""The properties of an action as people may see them."""

from flows.interpreter.property_reader import displayed_inputs
from flows.properties.text import TextProperty
from flows.properties.url import UrlProperty


def test_only_properties_that_are_set_are_shown_and_none_with_a_secret():
    values = {
        "text": "x",
        "none": None,
        "empty": "",
        "list": [],
        "zero": 0,
        "no": False,
        "url": "https://h/?key=planted",
    }
    shown = displayed_inputs(values, {**dict.fromkeys(values, TextProperty(label="A")), "url": UrlProperty(label="A")})
    assert "planted" not in shown.pop("url")
    assert shown == {"text": "x", "zero": 0, "no": False}
