"""What the controls of properties say: what empty means, and what a run needs."""

import re

import pytest
from django.urls import reverse

from tests.factories import make_flow

BRANCHES = [{"id": "body", "title": "", "actions": []}]


@pytest.fixture
def panel(client_alice, alice):
    """The page of a flow of one action, with that selected."""

    def show(type, branches=(), **properties):
        action = {"id": "a", "type": type, "properties": properties, "branches": list(branches)}
        flow = make_flow({"format": "foundryflow/1", "name": "x", "actions": [action]}, by=alice)
        return client_alice.get(reverse("designer:show", args=[flow.slug]) + "?action=a").content.decode()

    return show


@pytest.mark.parametrize(
    ("type", "branches", "name", "words"),
    [
        ("chat_completion", [], "temperature", "provider default"),
        ("chat_completion", [], "seed", "provider default"),
        ("wait", [], "seconds", "the moment in Until"),
        ("for_each", BRANCHES, "parallelism", "1"),
        ("while", BRANCHES, "max_iterations", "10,000"),
        ("while", BRANCHES, "condition", "a run stops here without one"),
        ("wait", [], "until", "the seconds above"),
        ("create_azure_ai_connection", [], "client_secret", "needed for an app"),
    ],
)
def test_an_empty_field_says_what_empty_means(panel, type, branches, name, words):
    page = panel(type, branches)

    (field,) = re.findall(rf'<(?:input|textarea)[^>]* name="{name}"[^>]*>', page)
    assert f'placeholder="{words}"' in field


@pytest.mark.parametrize(
    ("type", "name", "words"),
    [("log", "level", "info"), ("chat_completion", "verbosity", "provider default")],
)
def test_the_first_choice_says_what_empty_means(panel, type, name, words):
    (options,) = re.findall(rf'<select[^>]* name="{name}"[^>]*>(.*?)</select>', panel(type), re.DOTALL)
    assert re.match(rf'\s*<option value=""[^>]*>{words}</option>', options)


@pytest.mark.parametrize(
    ("type", "branches", "name", "starred"),
    [
        ("chat_completion", [], "connection", True),
        ("chat_completion", [], "system_prompt", False),
        ("for_each", BRANCHES, "items", True),
        ("set_variable", [], "variable", True),
        ("set_variable", [], "value", False),
    ],
)
def test_a_star_marks_what_a_run_needs(panel, type, branches, name, starred):
    page = panel(type, branches)

    label = page.split(f'for="property-{name}">', 1)[1].split("</label>", 1)[0]
    assert ('class="star"' in label) is starred
