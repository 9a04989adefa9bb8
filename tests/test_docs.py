"""Every setting and every action type is described."""

import re
from pathlib import Path

import pytest

from flows.actions import registry

ROOT = Path(__file__).resolve().parents[1]


def test_every_setting_is_in_the_docs():
    source = (ROOT / "foundryflow" / "settings.py").read_text()
    named = set(
        re.findall(
            r'env\.(?:text|flag|number|optional_number|names|secret|signing_key|key_ring|path_prefix)\("(\w+)"', source
        )
    )
    described = (ROOT / "docs" / "settings.md").read_text()
    assert {name for name in named if f"FOUNDRYFLOW_{name}" not in described and name not in described} == set()


@pytest.mark.parametrize("type", [known.type for known in registry.all_types()])
def test_every_action_type_brings_help_and_icon(type):
    folder = registry.folder(type)
    assert len((folder / "help.md").read_text()) > 40
    assert "currentColor" in (folder / "icon.svg").read_text()
