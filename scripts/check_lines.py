"""Lines of templates, style sheets and scripts are at most 120 characters long, as far as they can be broken.

A tag of a template and the value of an attribute cannot: one of them may stand alone on a longer line.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 120
TAG = r"\{%(?:(?!%\}).)*%\}"
UNBREAKABLE = re.compile(rf'\s*(?:{TAG}|>?[\w:-]+="(?:[^"]|{TAG})*")>?\s*')


def main() -> int:
    files = [*(ROOT / "templates").rglob("*.html"), *(ROOT / "static").glob("css/*.css")]
    files += (ROOT / "static/js").rglob("*.js")
    long = [
        f"{path.relative_to(ROOT)}:{number}: {len(line)} characters"
        for path in files
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if len(line) > LONGEST and not UNBREAKABLE.fullmatch(line)
    ]
    print("\n".join(long) if long else "No line is too long.")
    return 1 if long else 0


if __name__ == "__main__":
    sys.exit(main())
