"""Where endpoint and key are found: said in both forms and in the README, with the same drawings."""

from pathlib import Path

import pytest
from django.urls import reverse

from tests.markup import one_line

ROOT = Path(__file__).resolve().parents[2]
WAYS = ("OpenAI SDK", "Azure AI Inference SDK", "Models + endpoints", "Details", "Playground", "Code")


@pytest.mark.parametrize("form", ["new", "new_in_panel"])
def test_both_forms_say_where_endpoint_and_key_are_found(client_alice, form):
    shown = one_line(client_alice.get(reverse(f"connections:{form}")).content.decode())
    assert "Where do I find these?" in shown
    assert shown.count('class="portal"') == 2
    for words in WAYS:
        assert words in shown


def test_the_readme_says_the_same():
    said = (ROOT / "README.md").read_text()
    for words in WAYS:
        assert words in said


@pytest.mark.parametrize("portal", ["new", "classic"])
def test_the_drawings_of_the_docs_are_those_of_the_forms(portal):
    drawn = (ROOT / "templates" / "connections" / f"_portal_{portal}.html").read_text()
    assert drawn in (ROOT / "docs" / "images" / f"portal-{portal}.svg").read_text()
    assert "style=" not in drawn
