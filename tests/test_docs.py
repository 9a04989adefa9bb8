"""Every setting is described."""

import re
from pathlib import Path

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
