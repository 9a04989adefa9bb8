import pytest

from connections.secret import Secret
from flows.language.document import DocumentError, parse
from flows.language.secret_parts import PathError, mask_parts, parse_path, seal_parts

CUSTOMERS = {"customers": [{"name": "a", "key": "one"}, {"name": "b", "key": None}, {"name": "c"}], "count": 3}


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("key", ("key",)),
        ("$.customers[*].key", ("customers", "*", "key")),
        ("customers.*.key", ("customers", "*", "key")),
        ('items[0]["api key"]', ("items", 0, "api key")),
        ("['a.b'][-1]", ("a.b", -1)),
        ("x-api-key", ("x-api-key",)),
    ],
)
def test_a_path_names_a_part(text, path):
    assert parse_path(text) == path


@pytest.mark.parametrize("text", ["", "$", "a..b", "a[", "a[x]", "1 + 1", "a b", "a." + "b" * 300])
def test_anything_else_is_refused_in_a_sentence(text):
    with pytest.raises(PathError, match="is no path"):
        parse_path(text)


@pytest.mark.parametrize("path", ["customers[*].key", "customers.key", "customers[0].key", "customers[-3].key"])
def test_a_part_becomes_a_secret_and_the_rest_stays(path):
    sealed = seal_parts(CUSTOMERS, [path])
    assert sealed["customers"][0] == {"name": "a", "key": Secret("one")}
    assert sealed["customers"][1:] == CUSTOMERS["customers"][1:]
    assert sealed["count"] == 3


def test_everything_inside_a_part_becomes_a_secret():
    assert seal_parts({"keys": {"first": "one", "more": ["two", 3]}}, ["keys"]) == {
        "keys": {"first": Secret("one"), "more": [Secret("two"), Secret("3")]}
    }


@pytest.mark.parametrize("path", ["nothing", "count.key", "customers[9].key", "customers[0].name.first"])
def test_a_part_that_is_not_there_is_no_error(path):
    assert seal_parts(CUSTOMERS, [path]) == CUSTOMERS


def test_people_see_masks():
    assert mask_parts(CUSTOMERS, ["customers.key"])["customers"][0] == {"name": "a", "key": "••••"}


@pytest.mark.parametrize("paths", ["key", ["a..b"], [1], ["key"] * 51])
def test_an_input_with_broken_paths_is_no_document(paths):
    inputs = [{"name": "customer", "type": "object", "secret_parts": paths}]
    with pytest.raises(DocumentError, match="secret_parts"):
        parse({"format": "foundryflow/1", "name": "x", "inputs": inputs, "actions": []})
