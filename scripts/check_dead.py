"""Names that nobody uses: vulture over the packages, with the names that templates use counted as used.

python scripts/check_dead.py
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from vulture import Vulture

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("flows", "connections", "foundryflow")
READ_ONLY = ("manage.py", "benchmarks")  # what they use is used; what is in them is not judged
# Found by name: by Django, by ninja, by pydantic, by the command line, by the registry of actions.
BY_NAME = [
    *("Meta", "Command", "*Config", "Media", "app_name", "app_label", "urlpatterns", "handler*", "default_auto_field"),
    *("clean_*", "*_verb", "add_arguments", "help", "requires_system_checks", "ordering", "constraints", "indexes"),
    *("value_from_datadict", "value_omitted_from_data", "bound_data", "from_db_value", "to_python", "get_prep_value"),
    *("value_to_string", "get_prep_lookup", "template_name", "input_type", "needs_multipart_form", "model_config"),
]
BY_DECORATOR = ["@api.*", "@register.*", "@app.*", "@pre_*", "@post_*", "@receiver*", "@*validator*"]


def main() -> int:
    searched = Vulture(ignore_names=BY_NAME, ignore_decorators=BY_DECORATOR)
    searched.scavenge([str(ROOT / path) for path in (*PACKAGES, *READ_ONLY)], exclude=["*/test_*", "*/static/*"])
    for template in (ROOT / "templates").rglob("*.html"):
        for tag in re.findall(r"\{[{%].*?[}%]\}", template.read_text(), re.DOTALL):
            searched.used_names.update(re.findall(r"[A-Za-z_]\w+", tag))
    found = [
        item
        for item in searched.get_unused_code(min_confidence=60)
        if item.filename.relative_to(ROOT).parts[0] in PACKAGES and "migrations" not in item.filename.parts
    ]
    for item in found:
        print(f"{item.filename.relative_to(ROOT)}:{item.first_lineno}: {item.typ} {item.name} is not used")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
