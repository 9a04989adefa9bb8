"""Headers and query parameters: an object or rows, of which those with names of secrets are secrets."""

import pytest

from connections.secret import Secret
from flows.designer.property_form import make_field
from flows.language.scope import Scope
from flows.properties.base import SecretContext, read_stored
from flows.properties.environment_name import EnvironmentNameProperty
from flows.properties.named_values import NamedValuesProperty, names_secret
from flows.properties.url import secret_in_url
from flows.properties.value import ValueProperty

PROPERTY = NamedValuesProperty(label="Headers")
KEPT = {"secret": "s-0123456789abcdef"}


@pytest.fixture
def scope():
    made = Scope()
    made.declare("t", "text", 'a"b')
    made.declare("s", "secret", "planted-key")
    return made


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        ({"Accept": "{{ t }}", "X-Number": 5}, {"Accept": 'a"b', "X-Number": 5}),
        ('{"Accept": "text/csv"}', {"Accept": "text/csv"}),
        ([{"name": "a", "value": 1}, {"name": "a", "value": "{{ t }}"}], {"a": [1, 'a"b']}),
        ({"X-A": "{{ s }}", "Authorization": "{{ t }}"}, {"X-A": Secret("planted-key"), "Authorization": Secret('a"b')}),
        ({"page_token": "{{ t }}"}, {"page_token": 'a"b'}),
        ([], {}),
        ("{{ '' }}", {}),
    ],
)  # fmt: skip
async def test_an_object_rows_or_json_become_values_by_name(scope, stored, read):
    assert await read_stored(PROPERTY, stored, scope) == read


@pytest.mark.parametrize("stored", ["text", ["text"], [{"value": 1}], 5])
async def test_anything_else_stops_a_run(scope, stored):
    with pytest.raises(ValueError, match=r"is not an object|a row has no name"):
        await read_stored(PROPERTY, stored, scope)


def test_what_is_called_like_a_secret_is_one_but_not_where_a_list_goes_on():
    assert all(map(names_secret, ["Authorization", "X-API-Key", "Cookie", "api-key", "access_token", "client_secret"]))
    assert names_secret("Proxy-Authorization")
    assert not any(map(names_secret, ["Accept", "page_token", "nextPageToken", "continuationToken", "Idempotency-Key"]))


def test_a_literal_secret_goes_into_encrypted_storage():
    context, found = SecretContext({}, (), lambda _: ()), []

    def change(title, value):
        found.append((title, value))
        return KEPT

    given = {"Authorization": "Basic abc", "Accept": "text/csv"}
    assert PROPERTY.change_secrets(given, change, context) == {"Authorization": KEPT, "Accept": "text/csv"}
    assert found == [("Authorization", "Basic abc")]
    for kept in ({"Accept": "text/csv"}, '{"Accept": "text/csv"}', "{{ t }}"):
        assert PROPERTY.change_secrets(kept, change, context) is kept


def test_json_with_templates_is_kept_as_json_where_the_property_says_so():
    typed = '{"a": "{{ t }}"}'
    assert make_field(PROPERTY, None).clean(typed) == {"a": "{{ t }}"}
    assert make_field(PROPERTY, None).clean("{{ t }}") == "{{ t }}"
    assert make_field(ValueProperty(label="A"), None).clean(typed) == typed


def test_a_value_of_several_rows_is_shown_as_it_is_read_best():
    field = make_field(ValueProperty(label="A", rows=3), None)
    assert field.partial == "properties/_long_text.html"
    assert field.control_value({"a": [1]}) == '{\n  "a": [\n    1\n  ]\n}'
    assert make_field(ValueProperty(label="A"), None).control_value({"a": [1]}) == '{"a": [1]}'


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://a.example/{{ t }}?page_token={{ t }}&id=3", ""),
        ("https://docs.example/d/1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms", ""),
        ("https://a.example/{{ '?code=' }}", ""),
        ("https://a.example/{{\n'?code=' }}", ""),
        ("https://ada@a.example", "user name"),
        ("https://a.example/?code={{ t }}", "code stands in the URL"),
        ("https://a.example/;sig=abc", "path"),
        ("https://[", ""),
    ],
)
def test_a_secret_in_a_url_is_named(url, words):
    assert words in secret_in_url(url)
    assert bool(words) == bool(secret_in_url(url))


def test_the_names_that_are_listed_are_the_only_ones_that_are_shown():
    assert make_field(EnvironmentNameProperty(label="A"), None).partial == "properties/_environment_name.html"
