"""Which inputs of a flow are shown masked, and what of them."""

import pytest

from flows.language.document import parse
from flows.lint.hidden_inputs import hidden_inputs, shown_inputs

INPUTS = [
    {"name": "token", "type": "secret"},
    {"name": "customer", "type": "object", "secret_parts": ["pin"]},
    {"name": "rows", "type": "list"},
    {"name": "other", "type": "object"},
    {"name": "text", "type": "text"},
]
USUAL = {"token": (), "customer": ["pin"]}


def hidden_by(*keys: str) -> dict[str, list[str]]:
    """What is hidden of the inputs where these templates are keys of connections."""
    actions = [
        {"id": f"c{at}", "type": "create_azure_ai_connection", "properties": {"api_key": key}}
        for at, key in enumerate(keys)
    ]
    document = parse({"format": "foundryflow/1", "name": "x", "inputs": INPUTS, "actions": actions})
    return {name: [*paths] for name, paths in hidden_inputs(document).items()}


@pytest.mark.parametrize(
    ("key", "more"),
    [
        ("sk-typed", {}),
        ("{{ text }}", {"text": []}),
        ("{{ text[0] }}", {"text": []}),
        ("{{ other.key }}", {"other": ['["key"]']}),
        ("{{ inputs.other['key'].first }}", {"other": ['["key"]', '["key"]["first"]']}),
        ("{{ rows[0].key }}", {"rows": ["[*]", '[*]["key"]']}),
        ("{{ customer.key }}", {"customer": ["pin", '["key"]']}),
        ("{{ customer[text] }}", {"text": [], "customer": ["pin", "[*]"]}),
        ("{{ inputs }}", {}),
        ("{{ {'a': 1}.a }}", {}),
        ("{{ token.first }}", {}),
        ("{{ nobody.key }}", {}),
        ("{{ broken.", {}),
    ],
)
def test_what_is_used_as_a_key_is_hidden(key: str, more: dict[str, list[str]]) -> None:
    expected = {name: [*paths] for name, paths in {**USUAL, **more}.items()}
    found = hidden_by(key)
    assert {name: sorted(paths) for name, paths in found.items()} == {
        name: sorted(paths) for name, paths in expected.items()
    }


def test_hidden_inputs_are_masked_and_the_others_are_as_they_were() -> None:
    other = {"key": "planted", "name": "Ada"}
    inputs = {
        "token": "planted", "customer": {"pin": 1, "name": "Ada"}, "rows": None, "text": "{}", "other": other, "plain": other,
    }  # fmt: skip
    shown = shown_inputs(inputs, {"token": (), "customer": ["pin"], "rows": (), "text": ["key"], "other": ()})
    assert shown == {
        "token": "••••", "customer": {"pin": "••••", "name": "Ada"}, "rows": None, "text": "••••", "other": "••••", "plain": other,
    }  # fmt: skip
    assert shown["plain"] is other
