"""A function in the panel: its code, its parameters one by one, and a trial with values that are typed beside it."""

import html
import re

import pytest
from django.urls import reverse

from tests.factories import make_flow
from tests.markup import one_line

HTMX = {"HX-Request": "true"}
CODE = "def main(text: str, most: int = 2, more=None):\n    print('asked')\n    return [text] * most"


@pytest.fixture
def flow_of(alice):
    def make(**properties):
        action = {"id": "a", "type": "function", "properties": properties}
        inputs = [{"name": "question", "type": "text"}, {"name": "key", "type": "secret"}]
        return make_flow({"format": "foundryflow/1", "name": "x", "inputs": inputs, "actions": [action]}, by=alice)

    return make


def panel(client, flow):
    return one_line(client.get(reverse("designer:show", args=[flow.slug]), {"action": "a"}).content.decode())


def controls(page, name):
    """The text of each control whose name begins so."""
    found = re.findall(rf'<textarea[^>]* name="({name}[^"]*)"[^>]*>([^<]*)</textarea>', page)
    return {name: html.unescape(text) for name, text in found}


def save(client, flow, **typed):
    url = reverse("designer:save_properties", args=[flow.slug, "a"])
    response = client.post(url, {"base": flow.current.number, "title": "", **typed}, headers=HTMX)
    flow.refresh_from_db()
    return response


def rows(*given):
    parts = ("name", "type", "value")
    return {
        "arguments-rows": "1",
        **{f"arguments-{at}-{part}": row[part] for at, row in enumerate(given) for part in parts},
    }


def row(name, value, type="any"):
    return {"name": name, "type": type, "value": value}


def properties(flow):
    return flow.current.parsed().find("a").properties


def trial(client, flow, **posted):
    response = client.post(reverse("designer:try_code", args=[flow.slug, "a"]), posted, headers=HTMX)
    assert response.status_code == 200
    return one_line(response.content.decode())


def test_each_parameter_has_a_field(client, alice, flow_of):
    client.force_login(alice)
    page = panel(client, flow_of(code=CODE, arguments={"text": "{{ question }}", "more": [1]}))

    assert controls(page, "code") == {"code": CODE}
    assert controls(page, "arguments-") == {
        "arguments-0-value": "{{ question }}",
        "arguments-1-value": "",
        "arguments-2-value": "[1]",
    }
    assert 'placeholder="2"' in page
    assert "a function may not see a secret" in page


def test_what_is_typed_is_stored_with_its_type(client, alice, flow_of):
    client.force_login(alice)
    flow = flow_of(code=CODE)
    typed = rows(row("text", "5", "text"), row("most", "3", "number"), row("more", '{"a": "{{ question }}"}'))

    save(client, flow, code=CODE, **typed)
    assert properties(flow) == {"code": CODE, "arguments": {"text": "5", "most": 3, "more": {"a": "{{ question }}"}}}

    save(client, flow, code=CODE, **rows(row("text", "", "text"), row("most", "", "number"), row("more", "")))
    assert properties(flow) == {"code": CODE}


def test_a_value_that_does_not_fit_its_type_is_refused_with_a_sentence(client, alice, flow_of):
    client.force_login(alice)
    flow = flow_of(code=CODE)
    page = save(client, flow, code=CODE, **rows(row("most", "many", "number"))).content.decode()

    assert "most: &#x27;many&#x27; is not a number" in page
    assert properties(flow) == {"code": CODE}


def test_code_that_is_half_written_is_saved_and_its_values_stay(client, alice, flow_of):
    client.force_login(alice)
    flow = flow_of(code=CODE, arguments={"text": "{{ question }}"})
    page = one_line(save(client, flow, code="def main(text", **rows(row("text", "{{ question }}"))).content.decode())

    assert properties(flow) == {"code": "def main(text", "arguments": {"text": "{{ question }}"}}
    assert "Code: Line 1: &#x27;(&#x27; was never closed." in page
    assert controls(page, "arguments-") == {"arguments-0-value": "{{ question }}"}


def test_new_parameters_get_their_fields_and_a_value_without_one_is_marked(client, alice, flow_of):
    client.force_login(alice)
    flow = flow_of(code=CODE, arguments={"text": "{{ question }}"})
    code = "def main(other): return other"
    page = one_line(save(client, flow, code=code, **rows(row("text", "{{ question }}"))).content.decode())

    assert controls(page, "arguments-") == {"arguments-0-value": "", "arguments-1-value": "{{ question }}"}
    assert "main has no parameter of this name; a run stops at it." in page
    assert controls(page, "trial-") == {"trial-other": ""}
    assert "Arguments: main needs a value for other." in page


def test_it_is_tried_with_values_of_its_own(client, alice, flow_of):
    client.force_login(alice)
    flow = flow_of(code=CODE, arguments={"text": "hello", "most": "{{ question }}"})
    assert controls(panel(client, flow), "trial-") == {"trial-text": "hello", "trial-most": "", "trial-more": ""}

    page = trial(client, flow, **{"code": CODE, "trial-text": "hi", "trial-most": "3"})
    assert re.search(r"Result <small>0\.\d{3} s</small>", page)
    assert "[\n  &quot;hi&quot;,\n  &quot;hi&quot;,\n  &quot;hi&quot;\n]" in page
    assert ">asked\n</pre>" in page
    assert flow.current.number == 1
    assert not flow.runs.exists()


def test_what_it_was_tried_with_is_offered_to_the_same_person_again(client, alice, bob, flow_of):
    client.force_login(alice)
    flow = flow_of(code=CODE, arguments={"text": "hello"})
    trial(client, flow, **{"code": "def main(text): return text", "trial-text": "hi \x00", "trial-gone": "x"})
    assert controls(panel(client, flow), "trial-") == {"trial-text": "hi ", "trial-most": "", "trial-more": ""}
    trial(client, flow, **{"trial-text": "x" * 600_000})  # too large to be kept
    assert controls(panel(client, flow), "trial-")["trial-text"] == "hi "
    client.force_login(bob)
    assert controls(panel(client, flow), "trial-")["trial-text"] == "hello"


ENDLESS = "def main():\n    while True: pass"


@pytest.mark.parametrize(
    ("stored", "posted", "words"),
    [
        ({"time_limit": 0.2}, {}, "0.2 s"),
        ({"time_limit": 50}, {"time_limit": "0.3"}, "0.3 s"),
        ({}, {"time_limit": "90"}, "Time limit in seconds: At most 60."),
        ({"time_limit": "{{ question }}"}, {"code": "def main(): return 'called'"}, "called"),
        ({"recursion_limit": 20}, {"code": "def main(n=30): return main(n - 1) if n else 0"}, "20"),
    ],
)
def test_it_is_tried_within_the_limits_of_the_action(client, alice, flow_of, stored, posted, words):
    client.force_login(alice)
    assert words in trial(client, flow_of(**{"code": ENDLESS, **stored}), **posted)


@pytest.mark.parametrize(
    ("posted", "words"),
    [
        ({"code": "def main(x):\n    return x / 0", "trial-x": "1"}, "Line 2: ZeroDivisionError: division by zero"),
        ({"code": "def main(x"}, "Line 1: &#x27;(&#x27; was never closed."),
        ({"code": "def main(x: int): pass", "trial-x": "many"}, "x: &#x27;many&#x27; is not a number"),
        ({"code": "def main(x: int): pass"}, "main needs a value for x."),
        ({"code": ""}, "There is no function."),
        ({"code": "x" * 60_000}, "The code is longer than 50,000 characters."),
    ],
)
def test_what_goes_wrong_in_a_trial_is_a_sentence(client, alice, flow_of, posted, words):
    client.force_login(alice)
    assert words in trial(client, flow_of(code=CODE), **posted)


def test_without_a_script_the_trial_has_a_page_of_its_own(client, alice, flow_of):
    client.force_login(alice)
    flow = flow_of(code=CODE)
    page = client.post(reverse("designer:try_code", args=[flow.slug, "a"]), {"trial-text": "x"}).content.decode()

    assert "Result" in page
    assert f'href="{reverse("designer:show", args=[flow.slug])}?action=a"' in page


def test_what_has_no_code_is_not_tried(client, alice):
    client.force_login(alice)
    flow = make_flow("bar-static", by=alice)
    for action in (flow.current.parsed().actions[0].id, "nobody"):
        url = reverse("designer:try_code", args=[flow.slug, action])
        assert "There is no code to try" in client.post(url, headers=HTMX).content.decode()
        assert "There is no code to try" in client.post(url).content.decode()
