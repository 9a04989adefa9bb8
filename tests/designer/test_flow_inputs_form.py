"""The inputs of a subflow: a form made of what the chosen flow asks for."""

import html
import re

import pytest
from django.urls import reverse

from flows.language.stored_secrets import is_stored
from tests.factories import make_flow
from tests.markup import one_line

HTMX = {"HX-Request": "true"}
CONDENSE = [
    {"name": "text", "type": "text", "required": True, "description": "What is to be shortened."},
    {"name": "words", "type": "number", "default": 50},
    {"name": "key", "type": "secret"},
]


@pytest.fixture(autouse=True)
def called(alice):
    make_flow({"format": "foundryflow/1", "name": "Condense", "inputs": CONDENSE, "actions": []}, by=alice)
    translate = [{"name": "language", "type": "text"}, {"name": "text", "type": "text"}]
    make_flow({"format": "foundryflow/1", "name": "Translate", "inputs": translate, "actions": []}, by=alice)


@pytest.fixture
def flow_of(alice):
    def make(**properties):
        action = {"id": "a", "type": "run_flow", "properties": properties}
        inputs = [{"name": "question", "type": "text"}]
        return make_flow({"format": "foundryflow/1", "name": "x", "inputs": inputs, "actions": [action]}, by=alice)

    return make


def panel(client, flow):
    return client.get(reverse("designer:show", args=[flow.slug]), {"action": "a"}).content.decode()


def values(page):
    """What the form of inputs holds, by the name of its control."""
    page = page[page.index('id="flow-inputs"') :]
    tags = re.findall(r"<(?:input|textarea)[^>]*>", page)
    found = {}
    for tag in tags:
        name = re.search(r' name="(inputs[^"]*)"', tag)
        value = re.search(r' value="([^"]*)"', tag)
        if name and value:
            found[name[1]] = html.unescape(value[1])
    texts = re.findall(r'<textarea[^>]* name="(inputs[^"]*)"[^>]*>([^<]*)</textarea>', page)
    return found | {name: html.unescape(text) for name, text in texts}


def post(client, flow, **typed):
    url = reverse("designer:save_properties", args=[flow.slug, "a"])
    response = client.post(url, {"base": flow.current.number, "title": "", **typed}, headers=HTMX)
    flow.refresh_from_db()
    return response


def save(client, flow, slug="condense", **changes):
    """The stored inputs after the form was posted as the page shows it, with `changes` typed by the name of an input."""
    shown = values(panel(client, flow))
    for name, value in changes.items():
        (at,) = [key.removesuffix("-name") for key, each in shown.items() if key.endswith("-name") and each == name]
        shown[f"{at}-value"] = value
    post(client, flow, **{"flow-chosen": slug, **shown})
    return flow.current.parsed().find("a").properties.get("inputs")


def test_each_input_says_its_name_type_help_and_whether_it_is_required(client_alice, flow_of):
    page = one_line(panel(client_alice, flow_of(flow="condense")))
    assert "What is to be shortened." in page
    label = page.split('for="input-condense-0"')[1].split("</label>")[0]
    assert ("text" in label, 'class="star"' in label) == (True, True)
    assert 'id="input-condense-1-type">number<' in page
    assert 'class="star"' not in page.split('for="input-condense-1"')[1].split("</label>")[0]
    (words,) = re.findall(r'<textarea[^>]*id="input-condense-1"[^>]*>', page)
    assert 'placeholder="50"' in words
    assert 'data-insert-into="input-condense-2"' in page


def test_values_are_typed_one_by_one_and_keep_their_type(client_alice, flow_of):
    flow = flow_of(flow="condense")
    assert save(client_alice, flow, text="{{ question }}", words="20") == {"text": "{{ question }}", "words": 20}
    assert save(client_alice, flow, words="") == {"text": "{{ question }}"}


def test_a_secret_is_stored_and_kept_while_its_field_is_blank(client_alice, flow_of):
    flow = flow_of(flow="condense")
    stored = save(client_alice, flow, key="planted-key")
    assert is_stored(stored["key"])
    assert "planted-key" not in panel(client_alice, flow)
    assert save(client_alice, flow, text="Hello") == {"text": "Hello", "key": stored["key"]}
    assert save(client_alice, flow, key="{{ question }}")["key"] == "{{ question }}"


def test_a_value_of_the_wrong_type_is_refused_with_everything_typed_kept(client_alice, flow_of):
    flow = flow_of(flow="condense")
    shown = values(panel(client_alice, flow)) | {"inputs-1-value": "many", "inputs-2-value": "planted-key"}
    response = post(client_alice, flow, **{"flow-chosen": "condense", **shown})
    assert response.status_code == 422
    assert "words: &#x27;many&#x27;" in response.content.decode()
    assert "planted-key" not in response.content.decode()
    assert flow.current.number == 1


def test_another_flow_brings_its_inputs_and_keeps_values_by_name(client_alice, flow_of):
    flow = flow_of(flow="condense", inputs={"text": "{{ question }}", "words": 20})
    shown = values(panel(client_alice, flow))
    response = post(client_alice, flow, **{"flow-chosen": "translate", **shown})
    assert flow.current.parsed().find("a").properties == {"flow": "translate", "inputs": {"text": "{{ question }}"}}
    renewed = values(response.content.decode())
    assert (renewed["inputs-0-name"], renewed["inputs-1-name"]) == ("language", "text")
    assert (renewed["inputs-0-value"], renewed["inputs-1-value"]) == ("", "{{ question }}")


@pytest.mark.parametrize(
    "stored",
    [
        {"text": "a", "words": 5},
        {"text": 7, "words": "20", "key": "{{ question }}"},
        {"text": "", "words": None},
        '{"text": "a"}',
        "{{ question }}",
        {"old": {"deep": [1]}, "text": "a"},
        {"text": {"nested": "{{ question }}"}},
    ],
)
def test_what_is_not_changed_stays_as_it_is_stored(client_alice, flow_of, stored):
    flow = flow_of(flow="condense", inputs=stored)
    shown = values(panel(client_alice, flow))
    if stored == "{{ question }}":
        shown["inputs-whole"] = "on"
    post(client_alice, flow, **{"flow-chosen": "condense", "description": "x", **shown})
    assert flow.current.parsed().find("a").properties["inputs"] == stored


def test_a_value_for_an_input_that_is_gone_is_shown_to_be_cleared(client_alice, flow_of):
    flow = flow_of(flow="condense", inputs={"old": "x", "text": "a"})
    assert "condense has no input of this name; a run stops at it." in one_line(panel(client_alice, flow))
    assert save(client_alice, flow, old="") == {"text": "a"}


def test_an_expression_for_all_of_them_can_be_typed(client_alice, flow_of):
    flow = flow_of(flow="condense", inputs={"text": "a"})
    shown = values(panel(client_alice, flow)) | {"inputs": "{{ question }}", "inputs-whole": "on"}
    post(client_alice, flow, **{"flow-chosen": "condense", **shown})
    assert flow.current.parsed().find("a").properties["inputs"] == "{{ question }}"
    page = panel(client_alice, flow)
    (toggle,) = re.findall(r'<input[^>]*name="inputs-whole"[^>]*>', page)
    assert "checked" in toggle


@pytest.mark.parametrize("slug", ["{{ question }}", "gone", ""])
def test_without_a_known_flow_the_inputs_are_one_text(client_alice, flow_of, slug):
    page = panel(client_alice, flow_of(flow=slug, inputs={"a": 1}))
    assert "inputs-0-name" not in page
    assert values(page)["inputs"] == '{"a": 1}'


def test_only_a_panel_that_runs_flows_looks_for_them(client_alice, alice, django_assert_max_num_queries):
    flow = make_flow(by=alice)
    url = reverse("designer:select", args=[flow.slug, "chat"])
    with django_assert_max_num_queries(7):
        client_alice.get(url, headers=HTMX)
